/** SYS: executes the rows of sysregs/operations.ts, access and traps checked. Arm ARM C5.3.1, D7.5.9, D8.16.5. */

import { canonicalAddress, type TopByteIgnored } from '../mmu/address.ts';
import type { Mmu } from '../mmu/mmu.ts';
import { isBroadcast, type TlbInvalidation } from '../mmu/tlbi.ts';
import type { CanonicalAddress, Translation, TranslationResult } from '../mmu/translation.ts';
import type { EventSink } from '../trace/schema.ts';
import type { Exceptions } from './exceptions.ts';
import type { Fault } from './fault.ts';
import { CELL, type CpuState } from './state.ts';
import { type OperationKind, operationAt, type SystemOperation } from './sysregs/operations.ts';
import { genericName } from './sysregs/row.ts';
import { slotOf } from './sysregs/table.ts';
import { firstTrap } from './sysregs/traps.ts';
import type { Refusal, SystemRegisters } from './system_registers.ts';

/** What operations ask of the current CPU's MMU. */
export type MmuOperations = Pick<
  Mmu,
  'translate' | 'regime' | 'decodeTlbi' | 'invalidate' | 'addressTranslate' | 'regimeOfAt'
>;

/** DCZID_EL0.BS is 4: 16 words. */
export const ZERO_BLOCK = 64;

export interface SystemOperationsOptions {
  readonly state: CpuState;
  readonly registers: SystemRegisters;
  readonly exceptions: Exceptions;
  readonly events: EventSink;
  /** What is recorded has stores in it: those of DC ZVA are then rows of `writes`. */
  readonly recordsStores: boolean;
  /** MMU of the current CPU. */
  readonly mmu: () => MmuOperations;
  /** An inner-shareable TLBI, or one that HCR_EL2.FB makes so: for every CPU's MMU, the current one included. */
  readonly invalidateAllCpus: (what: TlbInvalidation) => void;
  /** DC ZVA: zeroes an aligned block of physical memory as a store would; false where there is no RAM. */
  readonly zeroBlock: (pa: number, bytes: number) => boolean;
  /** An operation by address found this page: what follows in the page may be done without asking. */
  readonly onTranslated: (va: bigint, page: Translation) => void;
  /** Some access may hit a watchpoint. */
  readonly watching: () => boolean;
  /** DC ZVA: takes the watchpoint exception of a store of `size` bytes, if there is one. */
  readonly watchpointHit: (va: bigint, size: number, el: 0 | 1 | 2) => boolean;
  /** DC ZVA took a data abort: time does not count the instruction (docs/qemu-time.md). */
  readonly doNotCount: () => void;
}

const EL = CELL.el >>> 2;
const PAN = CELL.pan >>> 2;
const PAR = slotOf('PAR_EL1');
const HCR = slotOf('HCR_EL2');
const HCR_FB = 1n << 9n;
const UNDEFINED: Refusal = { refused: 'undefined' };
const EXTERNAL: Fault = { type: 'external', stage: 1, level: 0, s1ptw: false, ipa: 0 };

export class SystemOperations {
  readonly #options: SystemOperationsOptions;
  readonly #state: CpuState;
  /** Those that are neither undefined nor trapped, by encoding and exception level; until a trap control changes. */
  readonly #permitted = new Map<number, SystemOperation>();

  constructor(options: SystemOperationsOptions) {
    this.#options = options;
    this.#state = options.state;
  }

  /**
   * Executes SYS #op1, Cn, Cm, #op2, Xt. A refusal is for the caller to make an exception of; data aborts of the operation
   * itself are taken here.
   */
  execute(encoding: number, argument: bigint): Refusal | undefined {
    const el = this.#state.u32[EL] as 0 | 1 | 2;
    const row = this.#permitted.get(4 * encoding + el);
    if (row !== undefined) {
      this.#perform(row, argument, el);
      return undefined;
    }
    const found = this.#find(encoding, el);
    if ('refused' in found) return found;
    this.#permitted.set(4 * encoding + el, found);
    this.#perform(found, argument, el);
    return undefined;
  }

  #find(encoding: number, el: 0 | 1 | 2): SystemOperation | Refusal {
    const row = operationAt(encoding);
    const { registers } = this.#options;
    if (row === undefined || !registers.has(row.feature))
      return this.#unknown(encoding, el, row !== undefined);
    if (el < row.el) return UNDEFINED;
    const trap = el === 2 ? undefined : firstTrap(row.traps, el, false, registers);
    return trap === undefined ? row : { refused: 'trapped', trap };
  }

  #perform(row: SystemOperation, argument: bigint, el: 0 | 1 | 2): void {
    this.#record(row, argument, el);
    switch (row.does.kind) {
      case 'tlbi':
        this.#tlbi(row.does.operation, argument, el);
        break;
      case 'at':
        this.#at(row.does.operation, argument, el as 1 | 2);
        break;
      case 'dc':
        this.#maintain(argument, el, row.does.write);
        break;
      case 'dc zva':
        this.#zero(argument, el);
    }
  }

  /** A trap control changed, or another CPU executes now. */
  forgetPermissions(): void {
    this.#permitted.clear();
  }

  /**
   * What an operation does that the current exception level has executed, where it is no exception; until a trap control changes.
   */
  plain(encoding: number): OperationKind['kind'] | undefined {
    const row = this.#permitted.get(4 * encoding + this.#state.u32[EL]);
    return row?.does.kind === 'dc' && row.does.write ? undefined : row?.does.kind;
  }

  /** `absent`: known, but this CPU lacks the feature. */
  #unknown(encoding: number, el: number, absent: boolean): Refusal {
    const trap = this.#options.registers.implementationDefinedTrap(encoding, el);
    if (trap !== undefined) return { refused: 'trapped', trap };
    if (absent) return UNDEFINED;
    this.#options.events.append('unimplemented', {
      pc: this.#state.get('pc'),
      what: `SYS ${genericName(encoding)}`,
    });
    return UNDEFINED;
  }

  #record({ name, does }: SystemOperation, argument: bigint, el: 0 | 1 | 2): void {
    const { events, mmu } = this.#options;
    // DC ZVA is a store.
    if (!events.recording || does.kind === 'dc zva') return;
    const { vmid, asid } = mmu().regime(1);
    events.append('tlbi', { pc: this.#state.get('pc'), op: name, argument, vmid, asid, el });
  }

  #tlbi(operation: Parameters<Mmu['decodeTlbi']>[0], argument: bigint, el: number): void {
    const mmu = this.#options.mmu();
    const what = mmu.decodeTlbi(operation, argument);
    const forced = el === 1 && (this.#state.u64[HCR] & HCR_FB) !== 0n;
    if (isBroadcast(operation) || forced) this.#options.invalidateAllCpus(what);
    else mmu.invalidate(what);
  }

  #at(operation: Parameters<Mmu['addressTranslate']>[0], va: bigint, el: 1 | 2): void {
    const pan = this.#state.small('pan') === 1;
    const mmu = this.#options.mmu();
    const canonical = canonicalOf(va, mmu.regimeOfAt(operation).topByteIgnored);
    const result = mmu.addressTranslate(operation, canonical, el, pan);
    if (result.exception === null) this.#state.u64[PAR] = result.par;
    else this.#options.exceptions.dataAbort(result.exception.fault, va, { write: true, maintenance: true });
  }

  #maintain(va: bigint, el: 0 | 1 | 2, write: boolean): void {
    const answer = this.#translate(va, el, write ? 'write' : 'read', false, el > 0 && !write);
    if (!answer.ok) this.#options.exceptions.dataAbort(answer.fault, va, { write: true, maintenance: true });
    else this.#options.onTranslated(va, answer.page);
  }

  #zero(va: bigint, el: 0 | 1 | 2): void {
    const options = this.#options;
    const answer = this.#translate(va, el, 'write', true, false);
    if (answer.ok) {
      if (options.watching() && options.watchpointHit(va & ~BigInt(ZERO_BLOCK - 1), ZERO_BLOCK, el)) return;
      WHOLE[0] = va;
      const pa = answer.page.paPage + (HALVES[0] & 0xfc0);
      if (options.zeroBlock(pa, ZERO_BLOCK)) {
        options.onTranslated(va, answer.page);
        if (options.recordsStores) options.events.append('writes', { pa, length: ZERO_BLOCK, who: 'dc zva' });
        return;
      }
    }
    options.exceptions.dataAbort(answer.ok ? EXTERNAL : answer.fault, va, { write: true });
    options.doNotCount();
  }

  #translate(
    va: bigint,
    el: 0 | 1 | 2,
    kind: 'read' | 'write',
    unaligned: boolean,
    cacheMaintenance: boolean,
  ): TranslationResult {
    const pan = this.#state.u32[PAN] === 1;
    const canonical = this.#canonical(va, el);
    return this.#options.mmu().translate({ va: canonical, kind, el, pan, unaligned, cacheMaintenance });
  }

  #canonical(va: bigint, el: 0 | 1 | 2): CanonicalAddress {
    return canonicalOf(va, this.#options.mmu().regime(el).topByteIgnored);
  }
}

/** Takes an address apart without arithmetic on BigInts. */
const WHOLE = new BigUint64Array(1);
const HALVES = new Uint32Array(WHOLE.buffer);
const canonicalOf = (va: bigint, ignored: TopByteIgnored): CanonicalAddress => {
  WHOLE[0] = va;
  return canonicalAddress(HALVES[0], HALVES[1], ignored);
};
