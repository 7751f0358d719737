/**
 * Loads and stores that translated code cannot do inline: TLB misses, devices, page crossings, unaligned accesses, first stores
 * to a page in an epoch, stores to pages of code; and every access of the evaluator. Exact: an access that faults has no effect.
 */

import type { AccessKind, Fault } from '../cpu/fault.ts';
import { CELL, type CpuState } from '../cpu/state.ts';
import type { Access } from '../isa/emitter.ts';
import { canonicalAddress, type TopByteIgnored } from '../mmu/address.ts';
import type { Translation, TranslationRequest, TranslationResult } from '../mmu/translation.ts';
import type { EventSink } from '../trace/schema.ts';
import {
  ACCESS_ALIGNED,
  ACCESS_ATOMIC,
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

/** What an access needs of the CPU and its MMU. No getters: V8 calls a stub for those of an object literal. */
export interface AccessContext {
  translate(request: TranslationRequest): TranslationResult;
  /** As `translate`: null where the page is in `found`, until the next translation. */
  find(request: TranslationRequest): Fault | null;
  found(): Translation;
  topByteIgnored(el: 0 | 1 | 2): TopByteIgnored;
  /** Exception level whose permissions an access has: PSTATE.EL, or that of LDTR and STTR. */
  accessLevel(unprivileged: boolean): 0 | 1 | 2;
  /** SCTLR_ELx.A of the regime. */
  alignmentChecked(): boolean;
  /** Some access may hit a watchpoint. */
  watching(): boolean;
  /** An inline access to the page could hit one. */
  watchesPage(va: bigint): boolean;
  /** Takes the watchpoint exception of an access with the permissions of `el`, if there is one. */
  watchpointHit(va: bigint, size: number, write: boolean, el: 0 | 1 | 2): boolean;
  /** Takes the data abort. */
  dataAbort(fault: Fault, va: bigint, write: boolean): void;
  /** Bank of the inline TLB in use, for plain or for unprivileged accesses. */
  tlbBank(unprivileged: boolean): number;
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

/** In 64-bit words; argument1 follows. */
const ARGUMENT = CELL.argument0 >>> 3;
const RESULT = CELL.result >>> 3;
/** In 32-bit words. */
const PAN = CELL.pan >>> 2;
/** Accesses that take more than one step. */
const COMPOUND = ACCESS_PROBE | ACCESS_ATOMIC;

/** The page's start. `%` of large numbers is a call; this is not. */
const pageOf = (offset: number): number => offset - ((offset >>> 0) & (PAGE_SIZE - 1));

interface Part {
  readonly va: bigint;
  readonly page: Translation;
  readonly pa: number;
  /** Offset in the pool; -1 for a device. */
  readonly offset: number;
  readonly bytes: number;
}

/** A vector's alignment is that of its elements. */
const isAligned = (low: number, flags: number, size: number): boolean =>
  (low & (Math.min(size, accessAlignment(flags)) - 1)) === 0;

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
  readonly #events: EventSink;
  /** Whether addresses and values are recorded. */
  readonly #recording: { readonly addresses: boolean; readonly values: boolean };
  /** The inline TLB is filled; not so for the evaluator. */
  readonly #inline: boolean;
  /** The inline TLB is filled with this one, always. */
  readonly #inlinePage = {
    ...{ vaLow: 0, vaHigh: 0, poolOffset: 0, paPage: 0, read: false, write: false, unaligned: false },
  };
  /** Every plain access asks with this one. */
  readonly #request: { -readonly [K in keyof TranslationRequest]: TranslationRequest[K] } = {
    va: 0,
    kind: 'read',
    el: 0,
    pan: false,
    unaligned: false,
  };
  observer: StepObserver | undefined;
  /** Takes a 64-bit value apart without arithmetic on BigInts. */
  readonly #split64 = new BigUint64Array(1);
  readonly #split32 = new Uint32Array(this.#split64.buffer);

  constructor(parts: {
    state: CpuState;
    buffers: RawBuffers;
    memory: GuestMemory;
    bus: Bus;
    code: CodePages;
    dirty: DirtyPages;
    tlb: InlineTlb;
    context: AccessContext;
    events: EventSink;
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
    this.#events = parts.events;
    this.#recording = parts.recording;
    this.#inline = parts.inline;
  }

  /**
   * The import of translated code: value in cell argument0 (upper half argument1), result in cell result (upper half
   * resultHigh); 1 where an abort was taken. `low` and `high` are the words of the address.
   */
  access(low: number, high: number, flags: number): 0 | 1 {
    const size = accessBytes(flags);
    const plain =
      (flags & COMPOUND) === 0 &&
      size <= 8 &&
      (low & (PAGE_SIZE - 1)) + size <= PAGE_SIZE &&
      !(this.#recording.values || this.#context.watching() || this.observer);
    if (plain) return this.#performPlain(low >>> 0, high >>> 0, flags, size);
    this.#split32[0] = low;
    this.#split32[1] = high;
    return this.#performAny(this.#split64[0], flags, size === 16);
  }

  #performAny(va: bigint, flags: number, isVector: boolean): 0 | 1 {
    const state = this.#state;
    const { u64 } = state;
    let value = flags & ACCESS_STORE ? u64[ARGUMENT] : 0n;
    if (flags & ACCESS_STORE && isVector) value |= u64[ARGUMENT + 1] << 64n;
    const result = this.#perform(va, flags, value);
    if (result === undefined) return 1;
    if (!(flags & ACCESS_STORE)) {
      // A BigInt64Array takes the lowest 64 bits.
      u64[RESULT] = result;
      if (isVector) state.set('resultHigh', result >> 64n);
    }
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
    const offset = this.#memory.dataOffsetOf(pa, true);
    if (offset < 0) return false;
    this.#dirty.mark(offset);
    if (this.#code.holdsCode(pageOf(offset))) this.#code.written(offset, bytes);
    this.#memory.u8.fill(0, offset, offset + bytes);
    return true;
  }

  /** The page of a virtual address, for the present level's inline accesses. */
  translated(va: bigint, page: Translation): void {
    this.#split64[0] = va;
    const [low, high] = this.#split32;
    const offset = this.#memory.dataOffsetOf(page.paPage, false);
    if (this.#inline && offset >= 0 && !(this.#context.watching() && this.#context.watchesPage(va)))
      this.#fill(page, offset, low, high, false);
  }

  /** The table walker's store to a descriptor that it has read: both words as memory holds them. */
  writeDescriptor(pa: number, low: number, high: number): void {
    const offset = this.#memory.offsetOf(pa);
    if (offset < 0) throw new Error(`descriptor at 0x${pa.toString(16)}: no memory`);
    this.#dirty.mark(offset);
    if (this.#code.holdsCode(pageOf(offset))) this.#code.written(offset, 8);
    this.#memory.u32[offset / 4] = low;
    this.#memory.u32[offset / 4 + 1] = high;
    this.#events.append('writes', { pa, length: 8, who: 'table walk' });
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

  /** The access must be aligned, by its instruction or by SCTLR_ELx.A, and is not. */
  #refusesAlignment(low: number, flags: number, aligned: boolean): boolean {
    if (flags & ACCESS_ALIGNED) return (low & (accessAlignment(flags) - 1)) !== 0;
    return !aligned && this.#context.alignmentChecked();
  }

  /**
   * What `#perform` does, for an access of at most 8 bytes within a page that nobody watches: the hot one. It makes no BigInt, and no
   * object but a fault.
   */
  #performPlain(low: number, high: number, flags: number, size: number): 0 | 1 {
    const write = (flags & ACCESS_STORE) !== 0;
    const aligned = isAligned(low, flags, size);
    if (this.#refusesAlignment(low, flags, aligned)) {
      this.#abort({ type: 'alignment', stage: 1, level: 0, s1ptw: false, ipa: 0 }, low, high, write);
      return 1;
    }
    const unprivileged = (flags & ACCESS_UNPRIVILEGED) !== 0;
    const request = this.#request;
    const el = this.#context.accessLevel(unprivileged);
    request.va = canonicalAddress(low, high, this.#context.topByteIgnored(el));
    request.kind = write ? 'write' : 'read';
    request.el = el;
    request.pan = this.#state.u32[PAN] === 1;
    request.unaligned = !aligned;
    const fault = this.#context.find(request);
    if (fault !== null) {
      this.#abort(fault, low, high, write);
      return 1;
    }
    const page = this.#context.found();
    const pa = page.paPage + (low & (PAGE_SIZE - 1));
    const offset = this.#memory.dataOffsetOf(pa, write);
    if (offset < 0) return this.#accessDevice(pa, low, high, flags, size);
    if (this.#recording.addresses && (flags & ACCESS_MONITOR) === 0) this.#buffers.addAccess(pa);
    if (write) this.#storeArgument(offset, size);
    else this.#loadResult(offset, size);
    if (this.#inline) this.#fill(page, offset, low, high, unprivileged);
    return 0;
  }

  #abort(fault: Fault, low: number, high: number, write: boolean): void {
    this.#split32[0] = low;
    this.#split32[1] = high;
    this.#context.dataAbort(fault, this.#split64[0], write);
  }

  /** A plain access to physical memory that is no RAM. */
  #accessDevice(pa: number, low: number, high: number, flags: number, size: number): 0 | 1 {
    const write = (flags & ACCESS_STORE) !== 0;
    if ((low & (size - 1)) !== 0 || !this.#bus.covers(pa)) {
      this.#abort({ type: 'external', stage: 1, level: 0, s1ptw: false, ipa: 0 }, low, high, write);
      return 1;
    }
    if (this.#recording.addresses && (flags & ACCESS_MONITOR) === 0) this.#buffers.addAccess(pa);
    const width = size as 1 | 2 | 4 | 8;
    const { u64 } = this.#state;
    if (write) this.#bus.write(pa, width, BigInt.asUintN(8 * size, u64[ARGUMENT]));
    else u64[RESULT] = this.#bus.read(pa, width)!;
    if (!this.#bus.isQuiet(pa, write)) this.#context.attention();
    return 0;
  }

  /** The low bytes of cell argument0 into the pool. */
  #storeArgument(offset: number, size: number): void {
    const { u32 } = this.#state;
    this.#dirty.mark(offset);
    if (this.#code.holdsCode(pageOf(offset))) this.#code.written(offset, size);
    const value = u32[2 * ARGUMENT];
    if (size === 8) {
      this.#pool.setUint32(offset, value, true);
      this.#pool.setUint32(offset + 4, u32[2 * ARGUMENT + 1], true);
    } else if (size === 4) this.#pool.setUint32(offset, value, true);
    else if (size === 2) this.#pool.setUint16(offset, value, true);
    else this.#pool.setUint8(offset, value);
  }

  /** Cell result from the pool. */
  #loadResult(offset: number, size: number): void {
    const { u32 } = this.#state;
    const pool = this.#pool;
    u32[2 * RESULT] =
      size >= 4
        ? pool.getUint32(offset, true)
        : size === 2
          ? pool.getUint16(offset, true)
          : pool.getUint8(offset);
    u32[2 * RESULT + 1] = size === 8 ? pool.getUint32(offset + 4, true) : 0;
  }

  #perform(va: bigint, flags: number, value: bigint): bigint | undefined {
    const size = accessBytes(flags);
    this.#split64[0] = va;
    const low = this.#split32[0];
    const high = this.#split32[1];
    const write = (flags & ACCESS_STORE) !== 0;
    const aligned = isAligned(low, flags, size);
    if (this.#refusesAlignment(low, flags, aligned)) {
      this.#context.dataAbort({ type: 'alignment', stage: 1, level: 0, s1ptw: false, ipa: 0 }, va, write);
      return undefined;
    }
    const unprivileged = (flags & ACCESS_UNPRIVILEGED) !== 0;
    const el = this.#context.accessLevel(unprivileged);
    const fitsDevice = (low & (Math.min(size, 8) - 1)) === 0;
    const inPage = Math.min(size, PAGE_SIZE - (low & (PAGE_SIZE - 1)));
    const watched = this.#context.watching() && (flags & ACCESS_MONITOR) === 0;
    const first = this.#locate(va, low, high, el, write, aligned, fitsDevice, inPage, watched);
    if (first === undefined) return undefined;
    const storable =
      (flags & ACCESS_ATOMIC) === 0 ||
      this.#locate(va, low, high, el, true, aligned, fitsDevice, inPage, watched);
    if (storable === undefined) return undefined;
    if (inPage === size) {
      if (flags & ACCESS_PROBE) return 0n;
      const result = this.#transfer(first, flags, value);
      this.#recordValue(flags, write ? value : result);
      if (this.#inline && first.offset >= 0 && !(this.#context.watching() && this.#context.watchesPage(va)))
        this.#fill(first.page, first.offset, low, high, unprivileged);
      return result;
    }
    const next = BigInt.asUintN(64, va + BigInt(inPage));
    this.#split64[0] = next;
    const rest = size - inPage;
    const [nextLow, nextHigh] = this.#split32;
    const second = this.#locate(next, nextLow, nextHigh, el, write, aligned, fitsDevice, rest, watched);
    if (second === undefined) return undefined;
    if (flags & ACCESS_PROBE) return 0n;
    const shift = BigInt(8 * inPage);
    const lower = this.#transfer(first, flags, value);
    const result = lower | (this.#transfer(second, flags, value >> shift) << shift);
    this.#recordValue(flags, write ? value : result);
    return result;
  }

  /** Where `bytes` bytes of one page are; undefined where a data abort was taken. */
  #locate(
    va: bigint,
    low: number,
    high: number,
    el: 0 | 1 | 2,
    write: boolean,
    aligned: boolean,
    fitsDevice: boolean,
    bytes: number,
    watched: boolean,
  ): Part | undefined {
    const kind: AccessKind = write ? 'write' : 'read';
    const pan = this.#state.u32[PAN] === 1;
    const canonical = canonicalAddress(low, high, this.#context.topByteIgnored(el));
    const answer = this.#context.translate({ va: canonical, kind, el, pan, unaligned: !aligned });
    if (!answer.ok) {
      this.#context.dataAbort(answer.fault, va, write);
      return undefined;
    }
    // After all faults of the MMU, before an external abort (D1.3.5.4).
    if (watched && this.#context.watchpointHit(va, bytes, write, el)) return undefined;
    const pa = answer.page.paPage + (low & (PAGE_SIZE - 1));
    const offset = this.#memory.dataOffsetOf(pa, write);
    if (offset < 0 && (!fitsDevice || !this.#bus.covers(pa))) {
      this.#context.dataAbort({ type: 'external', stage: 1, level: 0, s1ptw: false, ipa: 0 }, va, write);
      return undefined;
    }
    return { va, page: answer.page, pa, offset, bytes };
  }

  /** Loads, or stores the low bytes of `value`: one architectural access. */
  #transfer(part: Part, flags: number, value: bigint): bigint {
    const write = (flags & ACCESS_STORE) !== 0;
    const traced = (flags & ACCESS_MONITOR) === 0;
    if (this.#recording.addresses && traced) this.#buffers.addAccess(part.pa);
    let result = 0n;
    if (part.offset < 0) {
      if (write) this.#writeDevice(part, value);
      else result = this.#readDevice(part);
      this.#context.attention();
    } else if (write) this.#storeRam(part, value);
    else result = this.#loadRam(part);
    if (traced && this.observer) this.#observe(part, write, write ? value : result);
    return result;
  }

  #recordValue(flags: number, value: bigint): void {
    if (!this.#recording.values || flags & ACCESS_MONITOR) return;
    const size = accessBytes(flags);
    const whole = BigInt.asUintN(8 * size, value);
    this.#buffers.addValue(BigInt.asUintN(64, whole));
    if (size === 16) this.#buffers.addValue(whole >> 64n);
  }

  /** 16 bytes are two device accesses. */
  #writeDevice({ pa, bytes }: Part, value: bigint): void {
    const width = Math.min(bytes, 8) as 1 | 2 | 4 | 8;
    this.#bus.write(pa, width, BigInt.asUintN(8 * width, value));
    if (bytes === 16) this.#bus.write(pa + 8, 8, BigInt.asUintN(64, value >> 64n));
  }
  #readDevice({ pa, bytes }: Part): bigint {
    const low = this.#bus.read(pa, Math.min(bytes, 8) as 1 | 2 | 4 | 8)!;
    return bytes === 16 ? low | ((this.#bus.read(pa + 8, 8) ?? 0n) << 64n) : low;
  }

  #observe({ va, pa, bytes }: Part, write: boolean, value: bigint): void {
    this.observer?.access({ va, pa, size: bytes, write, value: BigInt.asUintN(8 * bytes, value) });
  }

  #fill(page: Translation, offset: number, low: number, high: number, unprivileged: boolean): void {
    const poolOffset = pageOf(offset);
    const inline = this.#inlinePage;
    inline.vaLow = (low & ~(PAGE_SIZE - 1)) >>> 0;
    inline.vaHigh = high;
    inline.poolOffset = poolOffset;
    inline.paPage = page.paPage;
    inline.read = page.read;
    inline.write =
      page.write &&
      this.#dirty.has(poolOffset) &&
      !this.#code.holdsCode(poolOffset) &&
      !this.#memory.isRom(page.paPage);
    inline.unaligned = !page.device && !this.#context.alignmentChecked();
    this.#tlb.fillData(this.#context.tlbBank(unprivileged), inline);
  }

  #storeRam({ offset, bytes }: Part, value: bigint): void {
    this.#dirty.mark(offset);
    if (this.#code.holdsCode(pageOf(offset))) this.#code.written(offset, bytes);
    switch (bytes) {
      case 16:
        this.#pool.setBigUint64(offset, value, true);
        this.#pool.setBigUint64(offset + 8, value >> 64n, true);
        return;
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
      case 16:
        return this.#pool.getBigUint64(offset, true) | (this.#pool.getBigUint64(offset + 8, true) << 64n);
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
