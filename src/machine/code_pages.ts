/**
 * Pages that instructions were executed from: their versions for the recording, and their decoded records.
 *
 * A version begins when an instruction of the page first executes, and again when a word executes that differs from the current
 * version's. So versions follow from what was executed alone, not from what was decoded or translated ahead. Every word
 * passes `execute` when it executes for the first time since it was last written: that is when its record is decoded.
 */
import type { EventSink } from '../trace/schema.ts';
import {
  DECODED_BASE,
  DECODED_PAGE_SIZE,
  DECODED_PAGES,
  RECORD_SIZE,
  RECORDS_PER_PAGE,
} from '../translate/layout.ts';
import { type GuestMemory, PAGE_SIZE } from './memory.ts';

/** The identity of a fetch mapping. */
export interface FetchContext {
  readonly cpu: number;
  readonly regime: string;
  readonly vmid: number;
  readonly asid: number;
}

export interface CodePage {
  readonly poolOffset: number;
  readonly paPage: number;
  version: number;
  /** The page's bytes when this version began. */
  content: Uint32Array;
  /** Address of its decoded records in memory 0, 0 when it has none. */
  records: number;
  /** Stores to it come through `written`: some of its words may be decoded. */
  watched: boolean;
  /** Stores since it is watched, and how often it was. */
  stores: number;
  watches: number;
}

/**
 * A page that is stored to so often holds data now, as a kernel's initialisation code does once it is freed: its records go, and its
 * stores need no longer be watched, until it executes again. Each time, it takes twice as many.
 */
const MOST_STORES = 32;
const MOST_PATIENCE = 10;
/** Room for 64 MiB at first. */
const INITIAL_POOL_PAGES = 16_384;

/** Mappings that are remembered: a guest may go through all ASIDs and VMIDs. */
export const MOST_FETCHED = 2 ** 18;

interface Fetched {
  readonly page: CodePage;
  readonly version: number;
}

export class CodePages {
  readonly #memory: GuestMemory;
  readonly #events: EventSink;
  readonly #state: Uint8Array;
  readonly #endOfPage: number;
  readonly #pages = new Map<number, CodePage>();
  /** By page of the pool, whether it is watched: asked for at every access that is not inline. */
  #watched = new Uint8Array(INITIAL_POOL_PAGES);
  readonly #byRecords: CodePage[] = [];
  /** Behind the records that some page had: there, memory is zero. */
  #fresh = DECODED_BASE;
  /** Last row of table fetch for each (CPU, context), by virtual page. */
  readonly #fetched = new Map<string, Map<bigint, Fetched>>();
  #fetchedCount = 0;
  /** Called when all mappings are forgotten: each has to pass `fetched` again. */
  onFetchesForgotten: () => void = () => {};
  /** Called with a page whose version changed, or whose records were thrown away. */
  onRecordsGone: (records: number | 'all') => void = () => {};
  /** Called before the words `first` to `last` of the page lose their records, because they are written. */
  onWritten: (page: CodePage, first: number, last: number) => void = () => {};
  /** Called before all words of the page lose their records, because it holds data now. */
  onReleased: (page: CodePage) => void = () => {};
  /** Called with the pool offset of a page that now holds code: stores to it must come through `written`. */
  onNewPage: (poolOffset: number) => void = () => {};

  constructor(memory: GuestMemory, events: EventSink, state: ArrayBufferLike, endOfPageHandler: number) {
    this.#memory = memory;
    this.#events = events;
    this.#state = new Uint8Array(state);
    this.#endOfPage = endOfPageHandler;
  }

  /** Whether stores to the page at this pool offset must go through `written`. */
  holdsCode(poolOffset: number): boolean {
    return this.#watched[poolOffset / PAGE_SIZE] === 1;
  }

  /** Address of the decoded records of the page, made if it has none. */
  recordsOf(page: CodePage): number {
    if (page.records === 0) {
      if (this.#byRecords.length === DECODED_PAGES) this.#dropAllRecords();
      page.records = DECODED_BASE + this.#byRecords.length * DECODED_PAGE_SIZE;
      this.#byRecords.push(page);
      if (page.records < this.#fresh) this.#clear(page.records);
      else {
        this.#fresh = page.records + DECODED_PAGE_SIZE;
        // A page of the host's memory that is read first and then written costs two faults, and the second interrupts the other threads.
        for (let at = page.records; at < this.#fresh; at += PAGE_SIZE) this.#state[at] = 0;
        this.#state[page.records + RECORDS_PER_PAGE * RECORD_SIZE] = this.#endOfPage;
      }
    }
    return page.records;
  }

  #clear(records: number): void {
    this.#state.fill(0, records, records + DECODED_PAGE_SIZE);
    this.#state[records + RECORDS_PER_PAGE * RECORD_SIZE] = this.#endOfPage;
  }

  /** The page at this pool offset, which is about to execute. */
  pageAt(poolOffset: number, paPage: number): CodePage {
    let page = this.#pages.get(poolOffset);
    if (!page) {
      page = {
        ...{ poolOffset, paPage, version: -1, content: new Uint32Array(0), records: 0 },
        ...{ watched: false, stores: 0, watches: 0 },
      };
      this.#pages.set(poolOffset, page);
    }
    if (!page.watched) this.#watch(page);
    return page;
  }

  #watch(page: CodePage): void {
    this.#setWatched(page, true);
    page.watches += 1;
    page.stores = 0;
    this.onNewPage(page.poolOffset);
  }

  #setWatched(page: CodePage, watched: boolean): void {
    page.watched = watched;
    const slot = page.poolOffset / PAGE_SIZE;
    if (slot >= this.#watched.length) {
      const grown = new Uint8Array(2 ** Math.ceil(Math.log2(slot + 1)));
      grown.set(this.#watched);
      this.#watched = grown;
    }
    this.#watched[slot] = watched ? 1 : 0;
  }

  /** Memory was replaced: no page holds code. */
  forget(): void {
    this.#dropAllRecords();
    this.#pages.clear();
    this.#watched.fill(0);
    this.#fetched.clear();
    this.#fetchedCount = 0;
  }

  #dropAllRecords(): void {
    for (const page of this.#byRecords) page.records = 0;
    this.#byRecords.length = 0;
    this.onRecordsGone('all');
  }

  /** Whether `ip` is the address of an instruction's record. */
  holdsRecord(ip: number): boolean {
    const at = ip - DECODED_BASE;
    return (
      at >= 0 &&
      at < this.#byRecords.length * DECODED_PAGE_SIZE &&
      at % DECODED_PAGE_SIZE < DECODED_PAGE_SIZE - RECORD_SIZE
    );
  }

  /** The page whose records hold `ip`, and the byte offset in that page. */
  locate(ip: number): { readonly page: CodePage; readonly offset: number } {
    const page = this.#byRecords[Math.floor((ip - DECODED_BASE) / DECODED_PAGE_SIZE)];
    return { page, offset: ((ip - page.records) / RECORD_SIZE) * 4 };
  }

  /** Whether the word at `offset`, which is about to execute, makes a new version of the page. */
  makesVersion(page: CodePage, offset: number): boolean {
    // Released by a store of its own.
    if (!page.watched) this.#watch(page);
    return page.version < 0 || page.content[offset / 4] !== this.#memory.u32[(page.poolOffset + offset) / 4];
  }

  /** Notes that the word at `offset` is about to execute. A new version is a row of table code. */
  execute(page: CodePage, offset: number): void {
    if (!this.makesVersion(page, offset)) return;
    const bytes = this.#memory.u8.slice(page.poolOffset, page.poolOffset + PAGE_SIZE);
    page.content = new Uint32Array(bytes.buffer);
    page.version += 1;
    if (this.#events.recording)
      this.#events.append('code', { pa_page: page.paPage, version: page.version, content: bytes });
    if (page.version > 0) this.onRecordsGone(page.records);
  }

  /** Whether the word at `offset` is undecoded, and is the present version's. */
  mayDecodeAhead(page: CodePage, offset: number): boolean {
    const record = page.records + (offset / 4) * RECORD_SIZE;
    if (this.#state[record] !== 0 || this.#state[record + 1] !== 0) return false;
    return page.content[offset / 4] === this.#memory.u32[(page.poolOffset + offset) / 4];
  }

  /** Notes that the page is fetched from at a virtual page: a row of table fetch when that is news. */
  fetched(page: CodePage, context: FetchContext, vaPage: bigint): void {
    if (!this.#events.recording) return;
    const key = `${context.cpu} ${context.regime} ${context.vmid} ${context.asid}`;
    const last = this.#fetched.get(key)?.get(vaPage);
    if (last !== undefined && last.page === page && last.version === page.version) return;
    if (last === undefined && this.#fetchedCount++ === MOST_FETCHED) {
      this.#fetched.clear();
      this.#fetchedCount = 1;
      this.onFetchesForgotten();
    }
    let pages = this.#fetched.get(key);
    if (pages === undefined) {
      pages = new Map();
      this.#fetched.set(key, pages);
    }
    pages.set(vaPage, { page, version: page.version });
    this.#events.append('fetch', {
      regime: context.regime,
      vmid: context.vmid,
      asid: context.asid,
      va_page: vaPage,
      pa_page: page.paPage,
      version: page.version,
    });
  }

  /** Memory [poolOffset, poolOffset + length) was written, within one page: its words must be decoded again. */
  written(poolOffset: number, length: number): void {
    const page = this.#pages.get(poolOffset - (poolOffset % PAGE_SIZE));
    if (!page) return;
    if (page.records === 0) {
      this.#setWatched(page, false);
      return;
    }
    const first = Math.floor((poolOffset % PAGE_SIZE) / 4);
    const last = Math.floor(((poolOffset % PAGE_SIZE) + length - 1) / 4);
    page.stores += 1;
    if (page.stores >= MOST_STORES * 2 ** Math.min(page.watches - 1, MOST_PATIENCE)) {
      this.onReleased(page);
      this.#clear(page.records);
      this.#setWatched(page, false);
      return;
    }
    this.onWritten(page, first, last);
    for (let word = first; word <= last; word++) {
      const record = page.records + word * RECORD_SIZE;
      this.#state[record] = 0;
      this.#state[record + 1] = 0;
    }
  }
}
