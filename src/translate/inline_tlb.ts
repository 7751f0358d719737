/**
 * The inline TLBs of translated code: banks in memory 0, one for each translation context in use. They are pure caches of
 * the architectural TLB: filling or dropping an entry is invisible. Each bank holds data entries and fetch entries.
 *
 * A write tag is set only while stores need nothing but the store: the page is dirty in this epoch and holds no decoded code.
 */
import { highWord, lowWord } from '../mmu/address.ts';
import type { CanonicalAddress } from '../mmu/translation.ts';
import {
  DATA_TLB_ENTRIES,
  DATA_TLB_ENTRY,
  dataTlbAddress,
  FETCH_GUARDED,
  FETCH_TLB_ENTRIES,
  FETCH_TLB_ENTRY,
  fetchTlbAddress,
  TLB_BANKS,
} from './layout.ts';

/** A page as seen through one virtual address, for filling an entry. */
export interface InlinePage {
  /** Virtual address of the page, as two words. */
  readonly vaLow: number;
  readonly vaHigh: number;
  readonly poolOffset: number;
  readonly paPage: number;
  readonly read: boolean;
  /** Stores may go ahead inline. */
  readonly write: boolean;
  /** Unaligned accesses are allowed: normal memory, and no alignment checking. */
  readonly unaligned: boolean;
}

const NO_TAG = 0xffff_ffff;
/** Dropping more pages than this one by one costs more than filling everything anew. */
const MOST_PAGES_DROPPED_SINGLY = 512;

/** Up to so many fills since it was emptied, a bank is emptied entry by entry; beyond, all at once (14 µs). */
const LISTED_FILLS = 256;
/** Room for 64 MiB at first. */
const INITIAL_POOL_PAGES = 16_384;
const SEVERAL = 0xffff;
const DATA_WORDS = DATA_TLB_ENTRY / 4;
const FETCH_WORDS = FETCH_TLB_ENTRY / 4;
const DATA = 0;
const FETCH = 1;

export class InlineTlb {
  readonly #u32: Uint32Array;
  /** Context key of each bank, -1 when free; and when it was last used. */
  readonly #keys = new Float64Array(TLB_BANKS).fill(-1);
  readonly #lastUse = new Float64Array(TLB_BANKS);
  #uses = 0;
  /** Word indices of the tags filled since each bank was emptied, data entries and fetch entries alike; and their number. */
  readonly #filled = Array.from({ length: TLB_BANKS }, () => new Uint32Array(LISTED_FILLS));
  readonly #fills = new Uint32Array(TLB_BANKS);
  /** Number of the first bank that was never used: its memory was never touched. */
  #untouched = 0;
  /** By page of the pool: the only index that stores to it went inline at, plus 1; 0 where none did, SEVERAL where more. */
  #storedAt = new Uint16Array(INITIAL_POOL_PAGES);
  /** Changes when a bank may have become another context's: numbers of banks are good while it stands. */
  generation = 0;

  constructor(state: ArrayBufferLike) {
    this.#u32 = new Uint32Array(state, 0, fetchTlbAddress(TLB_BANKS) >>> 2);
  }

  /** The bank of a context, emptied first if it was another context's. */
  bankOf(key: number): number {
    let bank = this.#keys.indexOf(key);
    if (bank < 0) {
      bank = 0;
      for (let other = 1; other < TLB_BANKS; other++)
        if (this.#lastUse[other] < this.#lastUse[bank]) bank = other;
      // Always: a bank that was flushed may have been filled since by the instruction that flushed it.
      if (bank < this.#untouched) this.#clear(bank);
      else this.#clearAll(this.#untouched++);
      this.#keys[bank] = key;
      this.generation++;
    }
    this.touch(bank);
    return bank;
  }

  /** The bank is in use again: others go before it when one is needed. */
  touch(bank: number): void {
    this.#lastUse[bank] = ++this.#uses;
  }

  fillData(bank: number, page: InlinePage): void {
    const index = (page.vaLow >>> 12) & (DATA_TLB_ENTRIES - 1);
    const at = (dataTlbAddress(bank) + index * DATA_TLB_ENTRY) >>> 2;
    this.#note(bank, at);
    this.#setTag(at, page, page.read);
    this.#setTag(at + 2, page, page.write);
    if (page.write) this.#noteStores(page.poolOffset, index);
    this.#setDelta(at + 4, page, page.poolOffset, 0);
    this.#setDelta(at + 6, page, page.paPage, page.unaligned ? 0x8000_0000 : 0);
  }

  #setTag(word: number, { vaLow, vaHigh }: InlinePage, valid: boolean): void {
    this.#u32[word] = valid ? vaLow : NO_TAG;
    this.#u32[word + 1] = valid ? vaHigh : NO_TAG;
  }

  /** to - va in two's complement over two words. */
  #setDelta(word: number, { vaLow, vaHigh }: InlinePage, to: number, flip: number): void {
    const low = (to >>> 0) - vaLow;
    this.#u32[word] = low;
    this.#u32[word + 1] = (Math.floor(to / 2 ** 32) - vaHigh - (low < 0 ? 1 : 0)) ^ flip;
  }

  #noteStores(poolOffset: number, index: number): void {
    const page = poolOffset / 4096;
    if (page >= this.#storedAt.length) {
      const grown = new Uint16Array(2 ** Math.ceil(Math.log2(page + 1)));
      grown.set(this.#storedAt);
      this.#storedAt = grown;
    }
    const known = this.#storedAt[page];
    this.#storedAt[page] = known === 0 || known === index + 1 ? index + 1 : SEVERAL;
  }

  #note(bank: number, word: number): void {
    const fills = this.#fills[bank]++;
    if (fills < LISTED_FILLS) this.#filled[bank][fills] = word;
  }

  fillFetch(bank: number, vaLow: number, vaHigh: number, records: number, guarded = false): void {
    const index = (vaLow >>> 12) & (FETCH_TLB_ENTRIES - 1);
    const at = (fetchTlbAddress(bank) + index * FETCH_TLB_ENTRY) >>> 2;
    this.#note(bank, at);
    this.#u32[at] = guarded ? vaLow | FETCH_GUARDED : vaLow;
    this.#u32[at + 1] = vaHigh;
    this.#u32[at + 2] = records;
  }

  /** Address of the decoded records of a virtual page, plus 1 where the page is guarded; 0 where the bank does not have it. */
  findFetch(bank: number, vaLow: number, vaHigh: number): number {
    const index = (vaLow >>> 12) & (FETCH_TLB_ENTRIES - 1);
    const at = (fetchTlbAddress(bank) + index * FETCH_TLB_ENTRY) >>> 2;
    const tag = this.#u32[at];
    if (this.#u32[at + 1] !== vaHigh || (tag !== vaLow && tag !== (vaLow | FETCH_GUARDED) >>> 0)) return 0;
    return tag === vaLow ? this.#u32[at + 2] : this.#u32[at + 2] + 1;
  }

  /** Drops everything. */
  flush(): void {
    for (let bank = 0; bank < TLB_BANKS; bank++) this.#clear(bank);
    this.#keys.fill(-1);
    this.generation++;
  }

  /** Drops the pages of [va, va + size) from every bank. True where everything went, as the banks themselves did then. */
  dropPages(va: CanonicalAddress, size: number): boolean {
    if (size > MOST_PAGES_DROPPED_SINGLY * 4096) {
      this.flush();
      return true;
    }
    for (let page = va; page < va + size; page += 4096) {
      const low = lowWord(page);
      const high = highWord(page);
      for (let bank = 0; bank < TLB_BANKS; bank++)
        if (this.#fills[bank] !== 0) this.#dropPage(bank, low, high);
    }
    return false;
  }

  #dropPage(bank: number, vaLow: number, vaHigh: number): void {
    const data = (dataTlbAddress(bank) >>> 2) + ((vaLow >>> 12) & (DATA_TLB_ENTRIES - 1)) * DATA_WORDS;
    const fetch = (fetchTlbAddress(bank) >>> 2) + ((vaLow >>> 12) & (FETCH_TLB_ENTRIES - 1)) * FETCH_WORDS;
    this.#dropIfTagged(data, vaLow, vaHigh);
    this.#dropIfTagged(data + 2, vaLow, vaHigh);
    this.#dropIfTagged(fetch, vaLow, vaHigh);
  }

  #dropIfTagged(tag: number, vaLow: number, vaHigh: number): void {
    const u32 = this.#u32;
    // Whatever the top byte: an address with an ignored one has entries of its own.
    if ((u32[tag] & ~FETCH_GUARDED) >>> 0 === vaLow && ((u32[tag + 1] ^ vaHigh) & 0xff_ffff) === 0)
      u32[tag] = u32[tag + 1] = NO_TAG;
  }

  /** Drops the permission to store inline to one page of the pool. */
  protectPage(poolOffset: number): void {
    const u32 = this.#u32;
    const wanted = poolOffset | 0;
    const stored = this.#storedAt[poolOffset / 4096] ?? 0;
    if (stored === 0) return;
    this.#storedAt[poolOffset / 4096] = 0;
    if (stored !== SEVERAL) {
      for (let bank = 0; bank < this.#untouched; bank++) {
        const at = (dataTlbAddress(bank) >>> 2) + (stored - 1) * DATA_WORDS;
        if (((u32[at + 2] + u32[at + 4]) | 0) === wanted) u32[at + 2] = u32[at + 3] = NO_TAG;
      }
      return;
    }
    this.#visitFilled(DATA, (first, last, step) => {
      // The low words suffice: to take the permission from another page as well, or from no page, does no harm.
      for (let at = first; at < last; at += step)
        if (((u32[at + 2] + u32[at + 4]) | 0) === wanted) u32[at + 2] = u32[at + 3] = NO_TAG;
    });
  }

  /** Drops all permissions to store inline: at the start of an epoch. */
  protectAll(): void {
    const u32 = this.#u32;
    this.#visitFilled(DATA, (first, last, step) => {
      for (let at = first; at < last; at += step) u32[at + 2] = u32[at + 3] = NO_TAG;
    });
  }

  /** Drops the fetch entries that lead to the decoded records at `records`. */
  dropFetch(records: number): void {
    const u32 = this.#u32;
    this.#visitFilled(FETCH, (first, last, step) => {
      for (let at = first; at < last; at += step) if (u32[at + 2] === records) u32[at] = u32[at + 1] = NO_TAG;
    });
  }

  /** Drops all fetch entries: the decoded records were thrown away. */
  dropAllFetches(): void {
    const u32 = this.#u32;
    this.#visitFilled(FETCH, (first, last, step) => {
      for (let at = first; at < last; at += step) u32[at] = u32[at + 1] = NO_TAG;
    });
  }

  /** Visits every entry of a kind that may be valid: ranges of word indices of their tags, `step` apart. */
  #visitFilled(kind: typeof DATA | typeof FETCH, visit: (first: number, last: number, step: number) => void) {
    for (let bank = 0; bank < TLB_BANKS; bank++) {
      const data = dataTlbAddress(bank) >>> 2;
      const fetch = fetchTlbAddress(bank) >>> 2;
      const fills = this.#fills[bank];
      if (fills <= LISTED_FILLS) {
        const list = this.#filled[bank];
        for (let i = 0; i < fills; i++)
          if (list[i] >= fetch === (kind === FETCH)) visit(list[i], list[i] + 1, 1);
      } else if (kind === DATA) visit(data, fetch, DATA_WORDS);
      else visit(fetch, fetch + FETCH_TLB_ENTRIES * FETCH_WORDS, FETCH_WORDS);
    }
  }

  #clear(bank: number): void {
    const fills = this.#fills[bank];
    if (fills > LISTED_FILLS) {
      this.#clearAll(bank);
      return;
    }
    const u32 = this.#u32;
    const list = this.#filled[bank];
    for (let i = 0; i < fills; i++) {
      const at = list[i];
      u32[at] = u32[at + 1] = NO_TAG;
      // The tag for stores; in a fetch entry, what follows means nothing without the tag.
      u32[at + 2] = u32[at + 3] = NO_TAG;
    }
    this.#fills[bank] = 0;
  }
  #clearAll(bank: number): void {
    this.#u32.fill(NO_TAG, dataTlbAddress(bank) >>> 2, dataTlbAddress(bank + 1) >>> 2);
    this.#fills[bank] = 0;
  }
}
