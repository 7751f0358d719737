/**
 * The heads of regions: records that other code leads to and that counting costs little at. A head's record has a slot for its
 * handler (layout.ts), which counts how often it executes, and enters the region once there is one.
 *
 * Heads are the first word of what was decoded at once (where another page leads to, or a call or an indirect branch, or a call
 * returns to), what a branch leads back to, what a call within the page leads to, and what a region leaves to. Where a conditional
 * branch leads forward is none, unless a region leaves to it: the code around it has a head, whose region will hold it.
 *
 * A slot is known by its number, a record by its address in memory 0. What a head is at all stands in the record, so that asking costs a
 * load, and decoding a word that is none makes no object.
 */
import { HANDLER_DECODE } from '../interpreter/dispatch_loop.ts';
import {
  DECODED_BASE,
  DECODED_PAGE_SIZE,
  DECODED_PAGES,
  FIRST_SLOT_HANDLER,
  NEVER_ENTERED,
  RECORD_SIZE,
  RECORDS_PER_PAGE,
  SLOT_BASE,
  SLOT_COUNT,
  SLOT_COUNTER,
  SLOT_NEED,
  SLOT_REGION,
  SLOT_SIZE,
} from '../layout.ts';
import { branchDistance, isCall, isConditional, leavesRun } from './branch_words.ts';

const WORDS_PER_SLOT = SLOT_SIZE / 4;

export class Heads {
  /** Memory 0. */
  readonly #u16: Uint16Array;
  readonly #u32: Uint32Array;
  /** Numbers below `#next` that are not in use. */
  readonly #free: number[] = [];
  #next = 0;
  /** Record of each slot; 0 where it is not in use. */
  readonly #records = new Uint32Array(SLOT_COUNT);
  /** To be heads once they are decoded. */
  readonly #wanted = new RecordSet();
  /** Conditional branches lead forward to them. */
  readonly #inner = new RecordSet();
  /** What a new head counts down from. */
  readonly #counts: (record: number) => number;
  /** Called before a record is a head. */
  onMade: (record: number) => void = () => {};
  /** Called before a head is none any more. */
  onReleased: (slot: number) => void = () => {};

  constructor(state: ArrayBufferLike, counts: (record: number) => number) {
    this.#u16 = new Uint16Array(state);
    this.#u32 = new Uint32Array(state);
    this.#counts = counts;
  }

  /** As many slots were in use at once. */
  get most(): number {
    return this.#next;
  }

  isDecoded(record: number): boolean {
    return this.#u16[record >>> 1] !== 0;
  }

  /** Number of the record's slot; -1 where it is no head. */
  slotOf(record: number): number {
    return Math.max(this.#u16[record >>> 1] - FIRST_SLOT_HANDLER, -1);
  }

  /**
   * The records of the words `first` to `last` of a page were decoded, which execute one after the other. `words` are of all memory,
   * the page's from `page` on; its records begin at `records`.
   */
  decoded(records: number, first: number, last: number, words: Uint32Array, page: number): void {
    const before =
      first === 0 || !this.isDecoded(records + (first - 1) * RECORD_SIZE)
        ? undefined
        : words[page + first - 1];
    const begins = before === undefined || (leavesRun(before) && !isConditional(before));
    if (begins && !this.#inner.has(records + first * RECORD_SIZE)) this.#make(records + first * RECORD_SIZE);
    for (
      let record = records + first * RECORD_SIZE;
      record <= records + last * RECORD_SIZE;
      record += RECORD_SIZE
    )
      if (this.#wanted.has(record)) this.#make(record);
    const branch = words[page + last];
    const distance = branchDistance(branch);
    if (distance === undefined) return;
    if (distance <= 0 || isCall(branch)) this.want(records, last + distance);
    else if (isConditional(branch) && last + distance < RECORDS_PER_PAGE)
      this.#inner.add(records + (last + distance) * RECORD_SIZE);
  }

  /** The word is to be a head: now if it is decoded. Words outside the page are none of it. */
  want(records: number, index: number): void {
    if (index < 0 || index >= RECORDS_PER_PAGE) return;
    const record = records + index * RECORD_SIZE;
    if (this.isDecoded(record)) this.#make(record);
    else this.#wanted.add(record);
  }

  /** Counts how often the record executes, until it is hot. */
  count(slot: number, times: number): void {
    const info = SLOT_BASE / 4 + slot * WORDS_PER_SLOT;
    this.#u32[info + SLOT_NEED / 4] = NEVER_ENTERED;
    this.#u32[info + SLOT_COUNTER / 4] = times;
  }

  /** The record enters the region of this index where the budget is `need` at least. */
  enter(slot: number, region: number, need: number): void {
    const info = SLOT_BASE + slot * SLOT_SIZE;
    this.#u16[(info + SLOT_REGION) / 2] = region;
    this.#u32[(info + SLOT_NEED) / 4] = need;
  }

  /** The words `first` to `last` of the page lose their records: heads among them will be heads again. */
  written(records: number, first: number, last: number): void {
    for (let index = first; index <= last; index++) {
      const record = records + index * RECORD_SIZE;
      this.#inner.delete(record);
      const slot = this.slotOf(record);
      if (slot < 0) continue;
      this.release(slot);
      this.#wanted.add(record);
    }
  }

  /** The page loses all records. */
  releasePage(records: number): void {
    for (let record = records; record < records + RECORDS_PER_PAGE * RECORD_SIZE; record += RECORD_SIZE) {
      const slot = this.slotOf(record);
      if (slot >= 0) this.release(slot);
      this.#wanted.delete(record);
      this.#inner.delete(record);
    }
  }

  /** The record has its own handler again. */
  release(slot: number): void {
    this.onReleased(slot);
    this.#u16[this.#records[slot] >>> 1] = this.#u16[(SLOT_BASE + slot * SLOT_SIZE) / 2];
    this.#records[slot] = 0;
    this.#free.push(slot);
  }

  /** All records of all pages are gone. */
  forget(): void {
    this.#free.length = 0;
    this.#next = 0;
    this.#records.fill(0);
    this.#wanted.clear();
    this.#inner.clear();
  }

  #make(record: number): void {
    this.#wanted.delete(record);
    if (this.slotOf(record) >= 0) return;
    if (this.#free.length === 0 && this.#next === SLOT_COUNT) {
      this.#makeRoom((slot) => this.#remaining(slot) > this.#counts(this.#records[slot]) / 2);
      if (this.#free.length === 0) this.#makeRoom(() => true);
      if (this.#free.length === 0) return;
    }
    this.onMade(record);
    const slot = this.#free.pop() ?? this.#next;
    this.#next = Math.max(this.#next, slot + 1);
    this.#records[slot] = record;
    this.#u16[(SLOT_BASE + slot * SLOT_SIZE) / 2] = this.#u16[record >>> 1];
    this.count(slot, this.#counts(record));
    this.#u16[record >>> 1] = FIRST_SLOT_HANDLER + slot;
  }

  #remaining(slot: number): number {
    return this.#u32[SLOT_BASE / 4 + slot * WORDS_PER_SLOT + SLOT_COUNTER / 4];
  }

  /**
   * Releases the heads without a region that `cold` is true of. Most of them never execute again; their records are to be decoded
   * anew, so that the others will be heads again.
   */
  #makeRoom(cold: (slot: number) => boolean): void {
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      const record = this.#records[slot];
      const need = this.#u32[SLOT_BASE / 4 + slot * WORDS_PER_SLOT + SLOT_NEED / 4];
      if (record === 0 || need !== NEVER_ENTERED || !cold(slot)) continue;
      this.release(slot);
      this.#u16[record >>> 1] = HANDLER_DECODE;
      this.#wanted.add(record);
    }
  }
}

/** A set of records: a bit for each there can be. */
class RecordSet {
  readonly #bits = new Uint8Array(Math.ceil((DECODED_PAGES * DECODED_PAGE_SIZE) / RECORD_SIZE / 8));

  has(record: number): boolean {
    const n = (record - DECODED_BASE) / RECORD_SIZE;
    return (this.#bits[n >>> 3] & (1 << (n & 7))) !== 0;
  }
  add(record: number): void {
    const n = (record - DECODED_BASE) / RECORD_SIZE;
    this.#bits[n >>> 3] |= 1 << (n & 7);
  }
  delete(record: number): void {
    const n = (record - DECODED_BASE) / RECORD_SIZE;
    this.#bits[n >>> 3] &= ~(1 << (n & 7));
  }
  clear(): void {
    this.#bits.fill(0);
  }
}
