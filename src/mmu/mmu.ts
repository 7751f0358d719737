/**
 * The memory management unit of one CPU: the translation regimes as the system registers now define them, the architectural
 * TLB, TLBI and AT. Arm ARM chapter D8.
 *
 * A TLB hit costs about 0.1 µs, a walk of four levels 0.8 µs, one of three under three of stage 2 2.5 µs; none touches a BigInt while
 * nothing is recorded. The first translation after a register changed costs 0.7 µs, in a context not seen lately 5 µs.
 */
import type { AccessKind, Fault } from '../cpu/fault.ts';
import type { GuestMemory } from '../machine/memory.ts';
import type { EventSink } from '../trace/schema.ts';
import { type AtOperation, type AtResult, atResult, decodeAt } from './address_translate.ts';
import { ContextKeys } from './context_keys.ts';
import type { MmuFeatures } from './features.ts';
import {
  DEVICE,
  GUARDED,
  PAN_FORBIDS,
  PRIVILEGED_EXECUTE,
  PRIVILEGED_READ,
  PRIVILEGED_WRITE,
  permits,
  STAGE1_DEVICE,
} from './permissions.ts';
import { type Regime, type RegimeName, type RegisterReader, regimeName } from './regime.ts';
import { BELOW_EL2, type Decoded, RegimeCache } from './regime_cache.ts';
import { Tlb, type TlbState } from './tlb.ts';
import {
  decodePageTlbi,
  decodeTlbi,
  invalidate,
  type PageInvalidation,
  type TlbInvalidation,
  type TlbiOperation,
} from './tlbi.ts';
import type { CanonicalAddress, Translation, TranslationRequest, TranslationResult } from './translation.ts';
import { appendWalkRows } from './walk_rows.ts';
import { Walker } from './walker.ts';

/** What left the architectural TLB: everything, or the pages of [va, va + size) in some contexts. Good until the call returns. */
export type Invalidated =
  | { readonly all: true }
  | { readonly all: false; readonly va: CanonicalAddress; readonly size: number };

const EVERYTHING: Invalidated = { all: true };

export interface MmuOptions {
  readonly registers: RegisterReader;
  readonly memory: GuestMemory;
  readonly features: MmuFeatures;
  readonly events: EventSink;
  /** Address of the current instruction, for the walks table. */
  readonly pc: () => bigint;
  /** FEAT_HAFDBS: stores a descriptor, whose words stand as memory holds them, to RAM that it was read from. */
  readonly writeDescriptor: (pa: number, low: number, high: number) => void;
  /** Caches of translations must forget what is named: in every context, whatever its key. */
  readonly onInvalidate?: (what: Invalidated) => void;
  /** Context keys may have changed, those of the exception levels below this one. */
  readonly onContextChange?: (unchanged: 2 | 3) => void;
  /** Entries of the TLB; only tests change it. */
  readonly tlbEntries?: number;
}

export class Mmu {
  /** What the last `find` found, until the next. */
  readonly found: { -readonly [K in keyof Translation]: Translation[K] } = {
    paPage: 0,
    read: false,
    write: false,
    execute: false,
    device: false,
    guarded: false,
  };
  readonly #options: MmuOptions;
  readonly #walker: Walker;
  readonly #tlb: Tlb;
  readonly #keys: ContextKeys;
  readonly #regimes: RegimeCache;
  /** What each exception level uses, while the registers stand. */
  readonly #byEl: (Decoded | undefined)[] = [undefined, undefined, undefined];
  readonly #regimeAt = (el: 0 | 2): Regime => this.regime(el);
  readonly #page: PageInvalidation = { scope: 'va', regime: 'EL10', vmid: 0, asid: null, va: 0, end: 0 };
  /** Given to `onInvalidate`. */
  readonly #gone = { all: false as const, va: 0, size: 0 };

  constructor(options: MmuOptions) {
    this.#options = options;
    this.#walker = new Walker(options.memory, (pa, low, high) => options.writeDescriptor(pa, low, high));
    this.#regimes = new RegimeCache(options.registers, options.features);
    const forget = (what: Invalidated) => options.onInvalidate?.(what);
    this.#tlb = new Tlb((va, sizeBits) => {
      if (va === undefined) forget(EVERYTHING);
      else {
        const gone = this.#gone;
        gone.va = va;
        gone.size = sizeBits === 12 ? 4096 : 2 ** sizeBits!;
        forget(gone);
      }
    }, options.tlbEntries);
    this.#keys = new ContextKeys(() => forget(EVERYTHING));
  }

  /** Number of TLB entries. */
  get tlbSize(): number {
    return this.#tlb.size;
  }

  /**
   * To be called after a write to any of TRANSLATION_REGISTERS, which one if it is known; costs nothing until the next
   * translation. Returns the lowest exception level that it leaves as it was: 2, or 3 for none.
   */
  registersChanged(register?: string): 2 | 3 {
    const unchanged = register !== undefined && BELOW_EL2.has(register) ? 2 : 3;
    this.#byEl.fill(undefined, 0, unchanged);
    this.#keys.changed();
    this.#options.onContextChange?.(unchanged);
    return unchanged;
  }

  /** As `find`, with an answer that stays. */
  translate(request: TranslationRequest): TranslationResult {
    const fault = this.find(request);
    if (fault !== null) return { ok: false, fault };
    const { paPage, read, write, execute, device, guarded } = this.found;
    return { ok: true, page: { paPage, read, write, execute, device, guarded } };
  }

  /**
   * Through the TLB; a miss walks the tables, writes rows of `walks`, and enters the result. Faults are not entered. Null where the
   * page is in `found`.
   */
  find(request: TranslationRequest): Fault | null {
    const { regime, view } = this.#byEl[request.el] ?? this.#decodeFor(request.el);
    const { va } = request;
    // NaN would find nothing.
    const closed = request.el === 0 && regime.stage1 !== null && regime.closedToEl0 & (va < 0 ? 2 : 1);
    const hit = view !== null && !closed && this.#tlb.lookup(view, va);
    if (hit) {
      const { flags, pa } = this.#tlb;
      if (request.unaligned && (flags & STAGE1_DEVICE) !== 0) return alignmentFault(1);
      if (permits(flags, request)) {
        if (request.unaligned && (flags & DEVICE) !== 0) return alignmentFault(2);
        this.#setFound(pa, flags, request);
        return null;
      }
    }
    const walker = this.#walker;
    const fault = walker.translate(regime, request);
    const seq = view === null ? undefined : this.#record(regime, va, request.kind, fault !== null);
    if (fault !== null) return seq === undefined ? fault : { ...fault, walk: seq };
    const { pa, flags, sizeBits, global } = walker;
    if (view !== null) {
      if (hit) this.#tlb.dropCovering(view, va);
      this.#tlb.insert(view, global, va, sizeBits, pa, flags);
    }
    this.#setFound(pa, flags, request);
    return null;
  }

  #setFound(pa: number, flags: number, { el, pan }: TranslationRequest): void {
    const { found } = this;
    const mine = el === 0 ? flags >>> 3 : flags;
    const data = !(pan && el !== 0 && (flags & PAN_FORBIDS) !== 0);
    // `%` of numbers beyond 32 bits is a call.
    found.paPage = pa - ((pa >>> 0) & 4095);
    found.read = data && (mine & PRIVILEGED_READ) !== 0;
    found.write = data && (mine & PRIVILEGED_WRITE) !== 0;
    found.execute = (mine & PRIVILEGED_EXECUTE) !== 0;
    found.device = (flags & DEVICE) !== 0;
    found.guarded = (flags & GUARDED) !== 0;
  }

  /**
   * AT: walks the tables afresh, with rows of `walks`; the TLB is neither used nor filled. `currentEl` executes the
   * instruction, `pan` is PSTATE.PAN.
   */
  addressTranslate(operation: AtOperation, va: CanonicalAddress, currentEl: 1 | 2, pan = false): AtResult {
    const { request, stages } = decodeAt(operation, pan);
    const { regime, view } = this.#decodeForAt(request.el);
    const fault = this.#walker.translate(regime, { ...request, va }, stages);
    if (view !== null) this.#record(regime, va, request.kind, fault !== null);
    return atResult(this.#walker, regime, fault, stages, currentEl);
  }

  /** The regime that an AT executed here translates in: for the top byte of its address. */
  regimeOfAt(operation: AtOperation): Regime {
    return this.#decodeForAt(decodeAt(operation, false).request.el).regime;
  }

  /**
   * What a TLBI executed here invalidates. Give it to `invalidate`, of this CPU, and of all for a broadcast, before the next is decoded:
   * it may be the same object.
   */
  decodeTlbi(operation: TlbiOperation, argument: bigint): TlbInvalidation {
    if (decodePageTlbi(operation, argument, this.#regimeAt, this.#page)) return this.#page;
    const el1 = this.regime(0);
    const el2 = this.regime(2);
    const regimeOf = (name: RegimeName) =>
      name === el2.name ? el2 : name === el1.name ? el1 : this.#regimes.decode(name).regime;
    return decodeTlbi(operation, argument, { el1: el1.name, el2: el2.name }, regimeOf);
  }

  invalidate(what: TlbInvalidation): void {
    invalidate(this.#tlb, what);
  }

  /** Reset: the TLB is empty. */
  invalidateAll(): void {
    this.#tlb.clear();
  }

  /**
   * A small integer: while two keys are equal, and nothing was invalidated between, translations are equal. It changes only
   * with `registersChanged`. It stands for what a TLB hit depends on (regime, VMID, ASID, whether stage 1 is on), the level
   * asking, PAN, and the top byte; table addresses and sizes are no part of it, because the TLB does not look at them.
   */
  contextKey(el: 0 | 1 | 2, pan = false): number {
    const { regime, memo } = this.#byEl[el] ?? this.#decodeFor(el);
    return this.#keys.keyOf(el, pan, regime, memo);
  }

  /** The regime that an exception level uses now: for VMID, ASID and the top byte (`regime.topByteIgnored`). */
  regime(el: 0 | 1 | 2): Regime {
    return (this.#byEl[el] ?? this.#decodeFor(el)).regime;
  }

  save(): TlbState {
    return this.#tlb.save();
  }
  restore(state: TlbState): void {
    this.#tlb.restore(state);
  }

  #record(regime: Regime, va: CanonicalAddress, kind: AccessKind, faulted: boolean): number | undefined {
    const { events, pc } = this.#options;
    if (!events.recording) return undefined;
    return appendWalkRows(events, this.#walker, regime, va, kind, pc(), faulted);
  }

  #regimeName(el: 0 | 1 | 2): RegimeName {
    return regimeName(el, this.#options.registers.get('HCR_EL2'), this.#options.features);
  }

  /** AT S1E1* and S12E1* mean EL2&0 for a host at EL2, just as those for EL0 do. */
  #decodeForAt(el: 0 | 1 | 2): Decoded {
    return this.#regimes.decode(this.#regimeName(el === 1 ? 0 : el));
  }

  #decodeFor(el: 0 | 1 | 2): Decoded {
    const decoded = this.#regimes.decode(this.#regimeName(el));
    this.#byEl[el] = decoded;
    return decoded;
  }
}

const alignmentFault = (stage: 1 | 2): Fault => ({
  type: 'alignment',
  stage,
  level: 0,
  s1ptw: false,
  ipa: 0,
});
