/**
 * The inline TLBs of translated code: banks in memory 0, one for each translation context in use. They are pure caches of
 * the architectural TLB: filling or dropping an entry is invisible. Each bank holds data entries and fetch entries.
 *
 * A write tag is set only while stores need nothing but the store: the page is dirty in this epoch and holds no decoded code.
 */
import {
  DATA_TLB_ENTRIES,
  DATA_TLB_ENTRY,
  dataTlbAddress,
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

export class InlineTlb {
  readonly #u32: Uint32Array;
  /** Context key of each bank, -1 when free; and the banks from least to most recently used. */
  readonly #keys: number[] = Array(TLB_BANKS).fill(-1);
  readonly #recent: number[] = Array.from({ length: TLB_BANKS }, (_, i) => i);

  constructor(state: ArrayBufferLike) {
    this.#u32 = new Uint32Array(state, 0, fetchTlbAddress(TLB_BANKS) >>> 2);
    for (let bank = 0; bank < TLB_BANKS; bank++) this.#clear(bank);
  }

  /** The bank of a context, emptied first if it was another context's. */
  bankOf(key: number): number {
    let bank = this.#keys.indexOf(key);
    if (bank < 0) {
      bank = this.#recent[0];
      // Always: a bank that was flushed may have been filled since by the instruction that flushed it.
      this.#clear(bank);
      this.#keys[bank] = key;
    }
    this.#recent.splice(this.#recent.indexOf(bank), 1);
    this.#recent.push(bank);
    return bank;
  }

  fillData(bank: number, page: InlinePage): void {
    const index = (page.vaLow >>> 12) & (DATA_TLB_ENTRIES - 1);
    const at = (dataTlbAddress(bank) + index * DATA_TLB_ENTRY) >>> 2;
    const u32 = this.#u32;
    const setTag = (word: number, valid: boolean) => {
      u32[word] = valid ? page.vaLow : NO_TAG;
      u32[word + 1] = valid ? page.vaHigh : NO_TAG;
    };
    const setDelta = (word: number, to: number, flip: number) => {
      // to - va in two's complement over two words.
      const toLow = to >>> 0;
      const toHigh = Math.floor(to / 2 ** 32);
      const low = toLow - page.vaLow;
      u32[word] = low;
      u32[word + 1] = (toHigh - page.vaHigh - (low < 0 ? 1 : 0)) ^ flip;
    };
    setTag(at, page.read);
    setTag(at + 2, page.write);
    setDelta(at + 4, page.poolOffset, 0);
    setDelta(at + 6, page.paPage, page.unaligned ? 0x8000_0000 : 0);
  }

  fillFetch(bank: number, vaLow: number, vaHigh: number, records: number): void {
    const index = (vaLow >>> 12) & (FETCH_TLB_ENTRIES - 1);
    const at = (fetchTlbAddress(bank) + index * FETCH_TLB_ENTRY) >>> 2;
    this.#u32[at] = vaLow;
    this.#u32[at + 1] = vaHigh;
    this.#u32[at + 2] = records;
  }

  /** Drops everything. */
  flush(): void {
    this.#keys.forEach((key, bank) => {
      if (key !== -1) this.#clear(bank);
      this.#keys[bank] = -1;
    });
  }

  /** Drops the permission to store inline to one page of the pool. */
  protectPage(poolOffset: number): void {
    const u32 = this.#u32;
    this.#keys.forEach((key, bank) => {
      if (key === -1) return;
      const base = dataTlbAddress(bank) >>> 2;
      for (let at = base; at < base + DATA_TLB_ENTRIES * 8; at += 8) {
        if (u32[at + 2] === NO_TAG && u32[at + 3] === NO_TAG) continue;
        const low = u32[at + 2] + u32[at + 4];
        const high = u32[at + 3] + u32[at + 5] + (low >= 2 ** 32 ? 1 : 0);
        if (low >>> 0 !== poolOffset >>> 0 || high >>> 0 !== Math.floor(poolOffset / 2 ** 32)) continue;
        u32[at + 2] = NO_TAG;
        u32[at + 3] = NO_TAG;
      }
    });
  }

  /** Drops all permissions to store inline: at the start of an epoch. */
  protectAll(): void {
    this.#keys.forEach((key, bank) => {
      if (key === -1) return;
      const base = dataTlbAddress(bank) >>> 2;
      for (let at = base; at < base + DATA_TLB_ENTRIES * 8; at += 8) {
        this.#u32[at + 2] = NO_TAG;
        this.#u32[at + 3] = NO_TAG;
      }
    });
  }

  /** Drops the fetch entries that lead to the decoded records at `records`. */
  dropFetch(records: number): void {
    this.#keys.forEach((key, bank) => {
      if (key === -1) return;
      const base = fetchTlbAddress(bank) >>> 2;
      for (let at = base; at < base + FETCH_TLB_ENTRIES * 4; at += 4) {
        if (this.#u32[at + 2] !== records) continue;
        this.#u32[at] = NO_TAG;
        this.#u32[at + 1] = NO_TAG;
      }
    });
  }

  /** Drops all fetch entries: the decoded records were thrown away. */
  dropAllFetches(): void {
    for (let bank = 0; bank < TLB_BANKS; bank++) this.#clearFetch(bank);
  }

  #clear(bank: number): void {
    const base = dataTlbAddress(bank) >>> 2;
    this.#u32.fill(NO_TAG, base, base + (DATA_TLB_ENTRIES * DATA_TLB_ENTRY) / 4);
    this.#clearFetch(bank);
  }
  #clearFetch(bank: number): void {
    const base = fetchTlbAddress(bank) >>> 2;
    this.#u32.fill(NO_TAG, base, base + (FETCH_TLB_ENTRIES * FETCH_TLB_ENTRY) / 4);
  }
}
