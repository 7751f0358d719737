/**
 * The architectural TLB: what the machine remembers of translations, as part of its defined behaviour (design.md, section 3).
 *
 * An entry is a translation through both stages, keyed by regime, VMID, ASID (or global) and page; its page is the smaller of
 * the two stages' pages. Control registers are no part of the key: a TTBR or TCR that changes without TLBI leaves what was
 * cached under the same ASID, as the architecture permits. Whether stage 1 is on is part of it (SCTLR_EL1.M may not be cached
 * in a TLB, D8.16), so that entries for stage 2 alone are apart.
 *
 * Entries may overlap, when a TLBI is missing: the smaller page answers, and of two equal ones the ASID's own before the global
 * one. So a new entry never changes the answer for an address that had one, and caches of answers stay true.
 */
import { PageMap } from './page_map.ts';
import type { RegimeName } from './regime.ts';
import type { CanonicalAddress } from './translation.ts';

export const TLB_ENTRIES = 65_536;
const SMALLEST_PAGE = 4096;

/** Regimes as the TLB tells them apart. `EL10 flat`: EL1&0 with stage 1 off, under stage 2. */
export const TLB_REGIMES = ['EL10', 'EL10 flat', 'EL2', 'EL20'] as const satisfies readonly (
  | RegimeName
  | 'EL10 flat'
)[];
export type TlbRegime = (typeof TLB_REGIMES)[number];

/** In place of an ASID: the entry holds for all of them. */
export const GLOBAL = -1;

export interface ContextName {
  readonly regime: TlbRegime;
  readonly vmid: number;
  /** An ASID, or GLOBAL. */
  readonly asid: number;
}

/** Columns of equal length, sorted by regime, vmid, asid, va and size: equal contents are equal objects. */
export interface TlbState {
  readonly regime: TlbRegime[];
  readonly vmid: number[];
  readonly asid: number[];
  readonly va: number[];
  readonly sizeBits: number[];
  readonly pa: number[];
  readonly flags: number[];
}

/** The contexts that an invalidation by address reaches. */
export interface ReachedContexts {
  /** EL10 is with its stage 1 off too. */
  readonly regime: TlbRegime;
  /** null: every one. */
  readonly vmid: number | null;
  /** An ASID's own context and the global one; null: every one. */
  readonly asid: number | null;
}

interface Context extends ContextName {
  readonly pages: PageMap;
}

/** Where a lookup looks: an ASID's entries and the global ones. Made once per change of context. */
export class TlbView {
  readonly own: ContextName;
  readonly shared: ContextName;
  readonly ownKey: number;
  readonly sharedKey: number;
  generation = -1;
  ownPages: PageMap | undefined;
  sharedPages: PageMap | undefined;

  constructor(regime: TlbRegime, vmid: number, asid: number) {
    this.own = { regime, vmid, asid };
    this.shared = { regime, vmid, asid: GLOBAL };
    this.ownKey = contextKey(this.own);
    this.sharedKey = contextKey(this.shared);
  }
}

/** Below 2^36: a number that a Map holds. */
const contextKey = ({ regime, vmid, asid }: ContextName): number =>
  (TLB_REGIMES.indexOf(regime) * 65_536 + vmid) * 65_537 + asid + 1;

/** A table: `2 ** n` with a variable n costs more than the lookup around it. */
const POWERS = Float64Array.from({ length: 64 }, (_, n) => 2 ** n);
/** For pages of less than 4 GiB without a division, which is the slowest part of a lookup otherwise. */
const alignDown = (va: CanonicalAddress, sizeBits: number): CanonicalAddress =>
  sizeBits < 32
    ? va - ((va & ((1 << sizeBits) - 1)) >>> 0)
    : Math.floor(va / POWERS[sizeBits]) * POWERS[sizeBits];

export class Tlb {
  readonly #capacity: number;
  /** Called with each page that leaves, and without one when all leave. */
  readonly #dropped: (va?: CanonicalAddress, sizeBits?: number) => void;
  /** Never holds an empty one. */
  readonly #contexts = new Map<number, Context>();
  /** Its values when the generation was that: to go through a Map makes objects. */
  #list: readonly Context[] = [];
  #listGeneration = 0;
  /** Counts the comings and goings of contexts, so that views know when to look again. */
  #generation = 0;
  #count = 0;
  /** Number of entries by log2 of their size, and the sizes in use, ascending. */
  readonly #countBySize = new Uint32Array(64);
  #sizes: readonly number[] = [];

  /** The hit of the last lookup: physical address of the byte, and flags. */
  pa = 0;
  flags = 0;

  constructor(dropped: (va?: CanonicalAddress, sizeBits?: number) => void, capacity: number = TLB_ENTRIES) {
    this.#dropped = dropped;
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#count;
  }

  /** Whether there is an entry for the address; it is in `pa` and `flags` then. */
  lookup(view: TlbView, va: CanonicalAddress): boolean {
    if (view.generation !== this.#generation) this.#refresh(view);
    const { ownPages, sharedPages } = view;
    const sizes = this.#sizes;
    for (let i = 0; i < sizes.length; i++) {
      const sizeBits = sizes[i];
      const base = alignDown(va, sizeBits);
      if (ownPages !== undefined) {
        const slot = ownPages.find(base, sizeBits);
        if (slot >= 0) return this.#hit(ownPages, slot, va - base);
      }
      if (sharedPages !== undefined) {
        const slot = sharedPages.find(base, sizeBits);
        if (slot >= 0) return this.#hit(sharedPages, slot, va - base);
      }
    }
    return false;
  }

  #hit(pages: PageMap, slot: number, offset: number): true {
    this.pa = pages.output(slot) + offset;
    this.flags = pages.flags(slot);
    return true;
  }

  /** Drops every entry that a lookup could find for the address. */
  dropCovering({ own, shared }: TlbView, va: CanonicalAddress): void {
    for (const name of [own, shared]) {
      const context = this.#contexts.get(contextKey(name));
      if (context !== undefined) this.#dropAddressIn(context, va);
    }
  }

  /** Enters the page of `va` in the view's context, or for all ASIDs. There is none that covers it yet. When full, all leave first. */
  insert(
    view: TlbView,
    global: boolean,
    va: CanonicalAddress,
    sizeBits: number,
    pa: number,
    flags: number,
  ): void {
    if (this.#count >= this.#capacity) this.clear();
    const base = alignDown(va, sizeBits);
    const output = pa - (va - base);
    const pages = global ? view.sharedPages : view.ownPages;
    if (view.generation === this.#generation && pages !== undefined) {
      pages.insert(base, sizeBits, output, flags);
      this.#count++;
      if (this.#countBySize[sizeBits]++ === 0) this.#findSizes();
    } else if (global) this.#add(view.sharedKey, view.shared, base, sizeBits, output, flags);
    else this.#add(view.ownKey, view.own, base, sizeBits, output, flags);
  }

  clear(): void {
    if (this.#count === 0) return;
    this.#contexts.clear();
    this.#generation++;
    this.#count = 0;
    this.#countBySize.fill(0);
    this.#sizes = [];
    this.#dropped();
  }

  /** Drops all entries of the contexts chosen. */
  dropContexts(chosen: (name: ContextName) => boolean): void {
    let any = false;
    for (const [key, context] of this.#contexts) {
      if (!chosen(context)) continue;
      context.pages.visit((_base, sizeBits) => this.#uncount(sizeBits));
      this.#contexts.delete(key);
      any = true;
    }
    if (!any) return;
    this.#generation++;
    this.#dropped();
  }

  /** Drops the entries, of any size, that touch [va, end) in the contexts reached. */
  dropRange(reached: ReachedContexts, va: CanonicalAddress, end: CanonicalAddress): void {
    const { regime, vmid, asid } = reached;
    if (this.#listGeneration !== this.#generation) {
      this.#list = [...this.#contexts.values()];
      this.#listGeneration = this.#generation;
    }
    const list = this.#list;
    for (let i = 0; i < list.length; i++) {
      const context = list[i];
      if (context.regime !== regime && !(regime === 'EL10' && context.regime === 'EL10 flat')) continue;
      if (vmid !== null && context.vmid !== vmid) continue;
      if (asid !== null && context.asid !== asid && context.asid !== GLOBAL) continue;
      if (end - va <= SMALLEST_PAGE) this.#dropAddressIn(context, va);
      else this.#dropRangeIn(context, va, end);
    }
  }

  #dropRangeIn(context: Context, va: CanonicalAddress, end: CanonicalAddress): void {
    const gone: [base: CanonicalAddress, sizeBits: number][] = [];
    context.pages.visit((base, sizeBits) => {
      if (base < end && base + POWERS[sizeBits] > va) gone.push([base, sizeBits]);
    });
    for (const [base, sizeBits] of gone) {
      this.#remove(context, context.pages, context.pages.find(base, sizeBits), sizeBits);
      this.#dropped(base, sizeBits);
    }
  }

  #dropAddressIn(context: Context, va: CanonicalAddress): void {
    const sizes = this.#sizes;
    for (let i = 0; i < sizes.length; i++) {
      const sizeBits = sizes[i];
      const base = alignDown(va, sizeBits);
      const slot = context.pages.find(base, sizeBits);
      if (slot < 0) continue;
      this.#remove(context, context.pages, slot, sizeBits);
      this.#dropped(base, sizeBits);
    }
  }

  save(): TlbState {
    const state: TlbState = { regime: [], vmid: [], asid: [], va: [], sizeBits: [], pa: [], flags: [] };
    const contexts = [...this.#contexts].sort(([a], [b]) => a - b);
    for (const [, { regime, vmid, asid, pages }] of contexts) {
      const rows: [va: number, sizeBits: number, pa: number, flags: number][] = [];
      pages.visit((...row) => rows.push(row));
      rows.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
      for (const [va, sizeBits, pa, flags] of rows) {
        state.regime.push(regime);
        state.vmid.push(vmid);
        state.asid.push(asid);
        state.va.push(va);
        state.sizeBits.push(sizeBits);
        state.pa.push(pa);
        state.flags.push(flags);
      }
    }
    return state;
  }

  restore(state: TlbState): void {
    this.clear();
    state.va.forEach((va, i) => {
      const name = { regime: state.regime[i], vmid: state.vmid[i], asid: state.asid[i] };
      this.#add(contextKey(name), name, va, state.sizeBits[i], state.pa[i], state.flags[i]);
    });
  }

  #add(
    key: number,
    name: ContextName,
    base: CanonicalAddress,
    sizeBits: number,
    pa: number,
    flags: number,
  ): void {
    let context = this.#contexts.get(key);
    if (context === undefined) {
      context = { ...name, pages: new PageMap() };
      this.#contexts.set(key, context);
      this.#generation++;
    }
    context.pages.insert(base, sizeBits, pa, flags);
    this.#count++;
    if (this.#countBySize[sizeBits]++ === 0) this.#findSizes();
  }

  #remove(name: ContextName, pages: PageMap, slot: number, sizeBits: number): void {
    pages.remove(slot);
    this.#uncount(sizeBits);
    if (pages.size > 0) return;
    this.#contexts.delete(contextKey(name));
    this.#generation++;
  }

  #uncount(sizeBits: number): void {
    this.#count--;
    if (--this.#countBySize[sizeBits] === 0) this.#findSizes();
  }

  #findSizes(): void {
    this.#sizes = [...this.#countBySize.keys()].filter((sizeBits) => this.#countBySize[sizeBits] > 0);
  }

  #refresh(view: TlbView): void {
    view.ownPages = this.#contexts.get(view.ownKey)?.pages;
    view.sharedPages = this.#contexts.get(view.sharedKey)?.pages;
    view.generation = this.#generation;
  }
}
