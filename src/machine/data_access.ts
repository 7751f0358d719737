/**
 * Loads and stores that translated code cannot do inline: TLB misses, devices, page crossings, unaligned accesses, first stores
 * to a page in an epoch, stores to pages of code; and every access of the evaluator. Exact: an access that faults has no effect.
 */

import type { AccessKind, Fault } from '../cpu/fault.ts';
import type { CpuState } from '../cpu/state.ts';
import type { Access } from '../isa/emitter.ts';
import { canonicalAddress, type TopByteIgnored } from '../mmu/address.ts';
import type { Translation, TranslationRequest, TranslationResult } from '../mmu/translation.ts';
import {
  ACCESS_ALIGNED,
  ACCESS_MONITOR,
  ACCESS_PROBE,
  ACCESS_STORE,
  ACCESS_UNPRIVILEGED,
  accessAlignment,
  accessBytes,
  packAccess,
} from '../translate/access_flags.ts';
import type { MemoryPort } from '../translate/evaluator.ts';
import type { InlineTlb } from '../translate/inline_tlb.ts';
import type { Bus } from './bus.ts';
import type { CodePages } from './code_pages.ts';
import type { DirtyPages } from './dirty_pages.ts';
import { type GuestMemory, PAGE_SIZE } from './memory.ts';
import type { RawBuffers } from './raw_buffers.ts';

/** What an access needs of the CPU and its MMU. */
export interface AccessContext {
  translate(request: TranslationRequest): TranslationResult;
  topByteIgnored(el: 0 | 1 | 2): TopByteIgnored;
  /** Exception level whose permissions an access has: PSTATE.EL, or that of LDTR and STTR. */
  accessLevel(unprivileged: boolean): 0 | 1 | 2;
  /** PSTATE.PAN applies. */
  readonly pan: boolean;
  /** SCTLR_ELx.A of the regime. */
  readonly alignmentChecked: boolean;
  /** Takes the data abort. */
  dataAbort(fault: Fault, va: bigint, write: boolean): void;
  /** Bank of the inline TLB for accesses at this level. */
  tlbBank(el: 0 | 1 | 2): number;
  /** The access may have changed what the main loop looks at: finish this instruction, then look. */
  attention(): void;
}

/** One access as a step shows it; a page-crossing one is two. */
export interface ObservedAccess {
  readonly va: bigint;
  readonly pa: number;
  readonly size: number;
  readonly write: boolean;
  readonly value: bigint;
}

/** Told what an instruction does while it executes one at a time. */
export interface StepObserver {
  /** X0 to X30, 31 is SP. */
  registerWrite(register: number, value: bigint): void;
  access(access: ObservedAccess): void;
}

interface Part {
  readonly va: bigint;
  readonly page: Translation;
  readonly pa: number;
  /** Offset in the pool; -1 for a device. */
  readonly offset: number;
  readonly bytes: number;
}

export class DataAccess implements MemoryPort {
  readonly #state: CpuState;
  readonly #buffers: RawBuffers;
  readonly #pool: DataView;
  readonly #memory: GuestMemory;
  readonly #bus: Bus;
  readonly #code: CodePages;
  readonly #dirty: DirtyPages;
  readonly #tlb: InlineTlb;
  readonly #context: AccessContext;
  /** Whether addresses and values are recorded. */
  readonly #recording: { readonly addresses: boolean; readonly values: boolean };
  /** The inline TLB is filled; not so for the evaluator. */
  readonly #inline: boolean;
  observer: StepObserver | undefined;

  constructor(parts: {
    state: CpuState;
    buffers: RawBuffers;
    memory: GuestMemory;
    bus: Bus;
    code: CodePages;
    dirty: DirtyPages;
    tlb: InlineTlb;
    context: AccessContext;
    recording: { readonly addresses: boolean; readonly values: boolean };
    inline: boolean;
  }) {
    this.#state = parts.state;
    this.#buffers = parts.buffers;
    this.#memory = parts.memory;
    this.#pool = new DataView(parts.memory.pool.buffer);
    this.#bus = parts.bus;
    this.#code = parts.code;
    this.#dirty = parts.dirty;
    this.#tlb = parts.tlb;
    this.#context = parts.context;
    this.#recording = parts.recording;
    this.#inline = parts.inline;
  }

  /** The import of translated code: value in cell argument0, result in cell result; 1 where an abort was taken. */
  access(va: bigint, flags: number): 0 | 1 {
    const value = flags & ACCESS_STORE ? this.#state.get('argument0') : 0n;
    const result = this.#perform(va, flags, value);
    if (result === undefined) return 1;
    if (!(flags & ACCESS_STORE)) this.#state.set('result', result);
    return 0;
  }

  load(access: Access, address: bigint): bigint | undefined {
    return this.#perform(address, packAccess(access, 'load'), 0n);
  }
  store(access: Access, address: bigint, value: bigint): boolean {
    return this.#perform(address, packAccess(access, 'store'), value) !== undefined;
  }
  probeStore(access: Access, address: bigint): boolean {
    return this.#perform(address, packAccess(access, 'probe'), 0n) !== undefined;
  }

  /** Zeroes an aligned block within a page; false where there is no RAM. */
  zero(pa: number, bytes: number): boolean {
    const offset = this.#memory.offsetOf(pa);
    if (offset < 0) return false;
    this.#dirty.mark(offset);
    if (this.#code.holdsCode(offset - (offset % PAGE_SIZE))) this.#code.written(offset, bytes);
    this.#memory.u8.fill(0, offset, offset + bytes);
    return true;
  }

  /** The byte at a virtual address as the current exception level reads it; undefined where that would fault. */
  peek(va: bigint): number | undefined {
    const el = this.#context.accessLevel(false);
    const canonical = canonicalAddress(
      Number(va & 0xffff_ffffn),
      Number(va >> 32n),
      this.#context.topByteIgnored(el),
    );
    const answer = this.#context.translate({ va: canonical, kind: 'read', el });
    if (!answer.ok) return undefined;
    return this.#memory.readBytes(answer.page.paPage + Number(va & 0xfffn), 1)?.[0];
  }

  #perform(va: bigint, flags: number, value: bigint): bigint | undefined {
    const size = accessBytes(flags);
    const low = Number(va & 0xffff_ffffn);
    const high = Number(va >> 32n);
    const write = (flags & ACCESS_STORE) !== 0;
    const aligned = low % size === 0;
    const mustAlign =
      flags & ACCESS_ALIGNED ? accessAlignment(flags) : this.#context.alignmentChecked ? size : 1;
    if (low % mustAlign !== 0) {
      this.#context.dataAbort({ type: 'alignment', stage: 1, level: 0, s1ptw: false, ipa: 0 }, va, write);
      return undefined;
    }
    const el = this.#context.accessLevel((flags & ACCESS_UNPRIVILEGED) !== 0);
    const ignored = this.#context.topByteIgnored(el);
    const first = Math.min(size, PAGE_SIZE - (low % PAGE_SIZE));
    const parts: Part[] = [];
    for (let done = 0; done < size; ) {
      const at = done === 0 ? va : BigInt.asUintN(64, va + BigInt(done));
      const canonical =
        done === 0
          ? canonicalAddress(low, high, ignored)
          : canonicalAddress(Number(at & 0xffff_ffffn), Number(at >> 32n), ignored);
      const kind: AccessKind = write ? 'write' : 'read';
      const answer = this.#context.translate({
        va: canonical,
        kind,
        el,
        pan: this.#context.pan,
        unaligned: !aligned,
      });
      if (!answer.ok) {
        this.#context.dataAbort(answer.fault, at, write);
        return undefined;
      }
      const bytes = done === 0 ? first : size - first;
      const pa = answer.page.paPage + (done === 0 ? low % PAGE_SIZE : 0);
      const offset = this.#memory.offsetOf(pa);
      if (offset < 0 && (!this.#bus.covers(pa) || !aligned)) {
        const fault: Fault = { type: 'external', stage: 1, level: 0, s1ptw: false, ipa: 0 };
        this.#context.dataAbort(fault, at, write);
        return undefined;
      }
      parts.push({ va: at, page: answer.page, pa, offset, bytes });
      done += bytes;
    }
    if (flags & ACCESS_PROBE) return 0n;
    return this.#commit(parts, low, high, el, flags, value);
  }

  #commit(
    parts: readonly Part[],
    low: number,
    high: number,
    el: 0 | 1 | 2,
    flags: number,
    value: bigint,
  ): bigint {
    const size = accessBytes(flags);
    const write = (flags & ACCESS_STORE) !== 0;
    const traced = !(flags & ACCESS_MONITOR);
    let result = 0n;
    let shift = 0n;
    for (const part of parts) {
      if (this.#recording.addresses && traced) this.#buffers.addAccess(part.pa);
      if (part.offset < 0) {
        const width = part.bytes as 1 | 2 | 4 | 8;
        if (write) this.#bus.write(part.pa, width, BigInt.asUintN(8 * width, value));
        else result = this.#bus.read(part.pa, width)!;
        if (traced) this.#observe(part, write, write ? value : result);
        this.#context.attention();
      } else if (write) {
        this.#storeRam(part, value >> shift);
        if (traced) this.#observe(part, true, value >> shift);
      } else {
        const loaded = this.#loadRam(part);
        if (traced) this.#observe(part, false, loaded);
        result |= loaded << shift;
      }
      shift += BigInt(8 * part.bytes);
    }
    if (this.#recording.values && traced)
      this.#buffers.addValue(write ? BigInt.asUintN(8 * size, value) : result);
    if (this.#inline && parts.length === 1 && parts[0].offset >= 0) this.#fill(parts[0], low, high, el);
    return result;
  }

  #observe({ va, pa, bytes }: Part, write: boolean, value: bigint): void {
    this.observer?.access({ va, pa, size: bytes, write, value: BigInt.asUintN(8 * bytes, value) });
  }

  #fill({ page, offset }: Part, low: number, high: number, el: 0 | 1 | 2): void {
    const poolOffset = offset - (offset % PAGE_SIZE);
    this.#tlb.fillData(this.#context.tlbBank(el), {
      vaLow: (low & ~(PAGE_SIZE - 1)) >>> 0,
      vaHigh: high,
      poolOffset,
      paPage: page.paPage,
      read: page.read,
      write: page.write && this.#dirty.has(poolOffset) && !this.#code.holdsCode(poolOffset),
      unaligned: !page.device && !this.#context.alignmentChecked,
    });
  }

  #storeRam({ offset, bytes }: Part, value: bigint): void {
    this.#dirty.mark(offset);
    if (this.#code.holdsCode(offset - (offset % PAGE_SIZE))) this.#code.written(offset, bytes);
    switch (bytes) {
      case 8:
        this.#pool.setBigUint64(offset, value, true);
        return;
      case 4:
        this.#pool.setUint32(offset, Number(BigInt.asUintN(32, value)), true);
        return;
      default:
        for (let i = 0; i < bytes; i++)
          this.#pool.setUint8(offset + i, Number((value >> BigInt(8 * i)) & 0xffn));
    }
  }

  #loadRam({ offset, bytes }: Part): bigint {
    switch (bytes) {
      case 8:
        return this.#pool.getBigUint64(offset, true);
      case 4:
        return BigInt(this.#pool.getUint32(offset, true));
      default: {
        let value = 0n;
        for (let i = bytes - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#pool.getUint8(offset + i));
        return value;
      }
    }
  }
}
