/**
 * The regions that exist. The interpreter counts how often their heads execute, and enters them there (heads.ts).
 *
 * When a head has executed often enough it is queued; the queue becomes one module between two slices, at once or in the background
 * (translator_thread.ts). In the background it is made of copies of pages, and installed when the host is done with it: which code runs in
 * regions, and from when on, then differs from run to run. What the guest does does not depend on it. A region holds only words that are
 * decoded, that is validated since they were last written; a word that is written takes the regions that hold it along, and those that
 * are being made.
 */
import type { Detail } from '../detail.ts';
import { FIRST_REGION, MOST_REGIONS } from '../interpreter/handlers.ts';
import type { Interpreter } from '../interpreter/interpreter.ts';
import { DECODED_BASE, DECODED_PAGE_SIZE, RECORD_SIZE, RECORDS_PER_PAGE } from '../layout.ts';
import { guessesPay } from './guess.ts';
import { Heads } from './heads.ts';
import { canHold } from './plan.ts';
import {
  type BatchPage,
  type RegionBatch,
  type RegionTarget,
  type TranslatedRegion,
  type Translation,
  translate,
} from './translation.ts';
import type { BackgroundTranslator } from './translator_thread.ts';

export interface RegionOptions {
  /**
   * A head is hot when it has executed so often: about when interpreting it has cost what translating it will, 12 to 35 µs an instruction
   * while the translator itself is cold. Most of what a kernel's boot executes is never worth it, even where another thread translates.
   */
  readonly threshold: number;
  /** A queue of so many heads is compiled even within a slice; else it waits for `patience` slices. */
  readonly batch: number;
  readonly patience: number;
  /** Regions of fewer instructions without a loop are not worth entering. */
  readonly leastInstructions: number;
  readonly mostInstructions: number;
  readonly blockLength: number;
  /** Depth of calls that are followed within a region. */
  readonly calls: number;
  /** Instructions between two comparisons of the budget, but for longer blocks. */
  readonly mostUnchecked: number;
  /** When there are more, or their modules have more bytes, all are dropped. */
  readonly mostRegions: number;
  readonly mostBytes: number;
  /**
   * When so many instructions have been translated there is more to come, as in a large kernel: then translation goes on in the
   * background, where the machine has a translator for it. To start a thread costs as much as to translate a thousand instructions.
   */
  readonly background: number;
  /** The machine runs at most so many instructions at once. */
  readonly slice: number;
}

export const DEFAULT_REGION_OPTIONS: RegionOptions = {
  threshold: 5000,
  batch: 64,
  patience: 40,
  leastInstructions: 4,
  mostInstructions: 256,
  blockLength: 64,
  calls: 3,
  mostUnchecked: 128,
  mostRegions: 4096,
  mostBytes: 32 * 1024 * 1024,
  background: 1500,
  slice: Number.POSITIVE_INFINITY,
};

/** A page of code as the machine knows it. */
export interface RegionPage {
  readonly poolOffset: number;
  readonly paPage: number;
  /** Address of its decoded records. */
  readonly records: number;
}

/** A module is in memory, whole, until the last of its regions is dropped. */
interface LiveModule {
  readonly bytes: number;
  regions: number;
}

interface Region {
  readonly head: Head;
  readonly inside: Uint16Array;
  readonly index: number;
  readonly words: ReadonlySet<number>;
  readonly module: LiveModule;
}

/** One that was hot, or has a region. */
interface Head {
  /** Number of its slot. */
  readonly slot: number;
  readonly page: PageRegions;
  /** Word in the page. */
  readonly word: number;
  region: Region | undefined;
  queued: boolean;
  /** How often there was too little to translate. */
  attempts: number;
  /** It lay inside another region when it was hot: then it must be hotter. */
  covered: boolean;
}

/** What is being translated in the background. */
interface Sent {
  readonly batch: RegionBatch;
  readonly heads: readonly Head[];
}

interface PageRegions {
  readonly page: RegionPage;
  readonly regions: Set<Region>;
  /** How often a store dropped regions. */
  drops: number;
}

/** A page whose code is written again and again is compiled ever more rarely. */
const MOST_BACKOFF = 10;
/**
 * A head inside a region of another head is executed from there most of the time: a region of its own would hold the same code again,
 * and is made when so many times as many executions came from elsewhere.
 */
const COVERED = 4;
/**
 * Where there are so many heads, a kernel boots or a system runs, whose code is mostly executed some thousand times: a region is made
 * where so many times as many executions show that it will go on.
 */
const MANY_HEADS = 2048;
const COLD = 4;
/** A head whose code cannot be translated, or is not decoded yet, is given up after so many attempts. */
const MOST_ATTEMPTS = 4;

export class Regions {
  readonly #options: RegionOptions;
  readonly #target: RegionTarget;
  #background: BackgroundTranslator | undefined;
  #underWay: Sent | undefined;
  readonly #interpreter: Interpreter;
  readonly #words: Uint32Array;
  readonly #heads: Heads;
  /** Those that were hot, by the numbers of their slots. */
  readonly #hot = new Map<number, Head>();
  /** Pages that have hot heads, by the addresses of their records. */
  readonly #pages = new Map<number, PageRegions>();
  readonly #freeIndices = Array.from({ length: MOST_REGIONS }, (_, n) => FIRST_REGION + MOST_REGIONS - 1 - n);
  #queue: Head[] = [];
  #waited = 0;
  #live = 0;
  #bytes = 0;
  /** Since the start: regions and modules made, their instructions and bytes, and the time it took in ms. */
  readonly statistics = { regions: 0, modules: 0, instructions: 0, bytes: 0, milliseconds: 0, dropped: 0 };

  /** `background` translates once there is much to translate; where it is absent, everything is translated at once. */
  constructor(
    detail: Detail,
    words: Uint32Array,
    interpreter: Interpreter,
    options: Partial<RegionOptions>,
    background?: BackgroundTranslator,
  ) {
    this.#options = { ...DEFAULT_REGION_OPTIONS, ...options };
    this.#background = background;
    const { mostInstructions, blockLength, calls, mostUnchecked, leastInstructions } = this.#options;
    this.#target = {
      detail,
      features: interpreter.features,
      poolWidth: interpreter.poolWidth,
      plan: { instructions: mostInstructions, blockLength, calls },
      mostUnchecked,
      leastInstructions,
    };
    this.#words = words;
    this.#interpreter = interpreter;
    this.#heads = new Heads(interpreter.state.buffer, (record) => this.#times(record));
    this.#heads.onMade = (record) => interpreter.pairs.part(record);
    this.#heads.onReleased = (slot) => {
      const head = this.#hot.get(slot);
      if (!head) return;
      if (head.region) this.#drop(head.region);
      head.queued = false;
      this.#hot.delete(slot);
    };
  }

  /** The words `first` to `last` of the page were decoded, which execute one after the other. */
  decoded({ records, poolOffset }: RegionPage, first: number, last: number): void {
    this.#heads.decoded(records, first, last, this.#words, poolOffset / 4);
  }

  /** The slot of the record at byte `offset` of the page has counted to its end. */
  hot(page: RegionPage, offset: number): void {
    const slot = this.#heads.slotOf(this.#recordOf(page, offset / 4));
    if (slot < 0) return;
    const head = this.#hotHead(slot, page, offset / 4);
    if (head.region || head.queued) return;
    head.queued = true;
    this.#queue.push(head);
    if (this.#queue.length >= this.#options.batch) this.#compile();
  }

  /** Between two slices: makes the regions that have waited long enough, and installs those that were made in the background. */
  settle(): void {
    if (this.#underWay) this.#receive(this.#underWay);
    if (this.#queue.length === 0) return;
    this.#waited += 1;
    if (this.#waited >= this.#options.patience) this.#compile();
  }

  /** The words `first` to `last` of the page are about to be written, and their records dropped. */
  written({ records }: RegionPage, first: number, last: number): void {
    const page = this.#pages.get(records);
    for (const region of page?.regions ?? []) {
      let hit = false;
      for (let word = first; word <= last; word++) hit ||= region.words.has(word);
      if (!hit) continue;
      this.#drop(region);
      page!.drops = Math.min(page!.drops + 1, MOST_BACKOFF);
      this.#count(region.head);
    }
    this.#heads.written(records, first, last);
  }

  /** All records of the page are about to be dropped: it holds data now. */
  released({ records }: RegionPage): void {
    this.#heads.releasePage(records);
    this.#pages.delete(records);
  }

  /** The records of all pages are gone. */
  forget(): void {
    for (const head of this.#hot.values()) {
      if (head.region) this.#drop(head.region);
      head.queued = false;
    }
    this.#hot.clear();
    this.#pages.clear();
    this.#queue = [];
    this.#heads.forget();
  }

  #hotHead(slot: number, page: RegionPage, word: number): Head {
    let head = this.#hot.get(slot);
    if (!head) {
      let ofPage = this.#pages.get(page.records);
      if (!ofPage) {
        ofPage = { page, regions: new Set(), drops: 0 };
        this.#pages.set(page.records, ofPage);
      }
      head = { slot, page: ofPage, word, region: undefined, queued: false, attempts: 0, covered: false };
      this.#hot.set(slot, head);
    }
    return head;
  }
  #word(page: RegionPage, index: number): number {
    return this.#words[page.poolOffset / 4 + index];
  }
  #recordOf(page: RegionPage, index: number): number {
    return page.records + index * RECORD_SIZE;
  }

  /** How often a new head is to execute until it is hot. */
  #times(record: number): number {
    const drops = this.#pages.size === 0 ? 0 : (this.#pages.get(recordsOf(record))?.drops ?? 0);
    return this.#options.threshold * 2 ** drops * this.#coldness;
  }
  get #coldness(): number {
    return this.#heads.most > MANY_HEADS ? COLD : 1;
  }
  /** Starts to count how often the record executes. */
  #count({ slot, page: { drops }, attempts, covered }: Head): void {
    const times = 2 ** (drops + 2 * attempts) * (covered ? COVERED : 1) * this.#coldness;
    this.#heads.count(slot, this.#options.threshold * times);
  }

  #drop(region: Region): void {
    const { head, index, module } = region;
    this.#interpreter.table.set(index, null);
    this.#freeIndices.push(index);
    head.region = undefined;
    head.covered = false;
    head.page.regions.delete(region);
    this.#live -= 1;
    module.regions -= 1;
    if (module.regions === 0) this.#bytes -= module.bytes;
    this.statistics.dropped += 1;
  }
  #dropAll(): void {
    for (const { regions } of this.#pages.values())
      for (const region of regions) {
        this.#drop(region);
        this.#count(region.head);
      }
  }

  /** Translates the queue, or sends it to be translated, unless something is under way. */
  #compile(): void {
    if (this.#underWay) return;
    const background =
      this.statistics.instructions >= this.#options.background ? this.#background : undefined;
    background?.start(this.#target);
    if (background?.status === 'starting') return;
    if (background?.status === 'failed') this.#background = undefined;
    // There are more where the translator is slower than the guest.
    const heads = this.#queue.splice(0, this.#options.batch).filter(({ queued }) => queued);
    this.#waited = 0;
    if (heads.length === 0) return;
    const batch = this.#batchOf(heads);
    if (background?.status === 'ready') {
      this.#underWay = { batch, heads };
      background.send(batch);
    } else this.#translate(batch, heads);
  }
  #translate(batch: RegionBatch, heads: readonly Head[]): void {
    const started = performance.now();
    this.#install(batch, heads, translate(batch, this.#target));
    this.statistics.milliseconds += performance.now() - started;
  }
  /** Installs what has been translated in the background. */
  #receive({ batch, heads }: Sent): void {
    const translation = this.#background!.receive();
    if (!translation) return;
    this.#underWay = undefined;
    if (translation === 'failed') {
      this.#background = undefined;
      this.#translate(batch, heads);
    } else this.#install(batch, heads, translation);
  }

  #batchOf(heads: readonly Head[]): RegionBatch {
    const pages: BatchPage[] = [];
    const numbers = new Map<PageRegions, number>();
    const words = heads.map(({ page, word, covered }) => {
      let number = numbers.get(page);
      if (number === undefined) {
        number = pages.length;
        numbers.set(page, number);
        pages.push(this.#copyOf(page));
      }
      return { page: number, word, covered };
    });
    return { pages, heads: words, guesses: guessesPay(new DataView(this.#interpreter.state.buffer)) };
  }
  #copyOf({ page, regions }: PageRegions): BatchPage {
    const { paPage, records, poolOffset } = page;
    const words = this.#words.slice(poolOffset / 4, poolOffset / 4 + RECORDS_PER_PAGE);
    const decoded = new Uint8Array(RECORDS_PER_PAGE);
    for (let n = 0; n < RECORDS_PER_PAGE; n++)
      decoded[n] = this.#heads.isDecoded(this.#recordOf(page, n)) ? 1 : 0;
    const inside = new Uint8Array(RECORDS_PER_PAGE);
    for (const region of regions) for (const word of region.inside) inside[word] = 1;
    return { paPage, records, words, decoded, inside };
  }

  #install(batch: RegionBatch, heads: readonly Head[], translation: Translation): void {
    const { mostRegions, mostBytes } = this.#options;
    const { module } = translation;
    const live: LiveModule = { bytes: module?.bytes ?? 0, regions: 0 };
    if (
      this.#live + (module?.names.length ?? 0) > Math.min(mostRegions, MOST_REGIONS) ||
      this.#bytes + live.bytes > mostBytes
    )
      this.#dropAll();
    const functions = module && new WebAssembly.Instance(module.compiled, this.#interpreter.imports).exports;
    for (const [n, head] of heads.entries()) {
      // Released while it was translated: the slot is nobody's now, or another head's.
      if (!head.queued) continue;
      head.queued = false;
      const made = translation.heads[n];
      if (made === 'nothing') this.#giveUp(head);
      else if (made === 'inside') {
        head.covered = true;
        this.#count(head);
      } else if (this.#isAsThen(head.page.page, made, batch.pages[batch.heads[n].page]))
        this.#enter(head, made, functions![module!.names[made.number]], live);
      else this.#count(head);
    }
    if (!module) return;
    this.statistics.modules += 1;
    this.statistics.bytes += module.bytes;
  }
  /** There is too little to translate, so far. Where no region can hold the word, one may begin behind it. */
  #giveUp(head: Head): void {
    const { slot, page, word } = head;
    const { features, detail } = this.#target;
    const holds = canHold(this.#word(page.page, word), { features, recording: detail !== 'none' });
    head.attempts += 1;
    if (holds && head.attempts < MOST_ATTEMPTS) this.#count(head);
    else {
      this.#heads.release(slot);
      if (!holds) this.#heads.want(page.page.records, word + 1);
    }
  }
  /** The region's words are decoded, and are what they were when the batch was made. */
  #isAsThen(page: RegionPage, { words }: TranslatedRegion, then: BatchPage): boolean {
    return words.every(
      (word) =>
        this.#heads.isDecoded(this.#recordOf(page, word)) && this.#word(page, word) === then.words[word],
    );
  }
  #enter(head: Head, made: TranslatedRegion, enter: unknown, module: LiveModule): void {
    const index = this.#freeIndices.pop();
    if (index === undefined) return;
    this.#interpreter.table.set(index, enter);
    const region: Region = { head, inside: made.inside, index, words: new Set(made.words), module };
    head.region = region;
    head.page.regions.add(region);
    this.#heads.enter(head.slot, index, made.need);
    this.#live += 1;
    if (module.regions === 0) this.#bytes += module.bytes;
    module.regions += 1;
    this.statistics.regions += 1;
    this.statistics.instructions += made.instructions;
    for (const exit of made.exits) this.#heads.want(head.page.page.records, exit);
  }
}

/** Address of the records of the page that has this one. */
const recordsOf = (record: number): number => record - ((record - DECODED_BASE) % DECODED_PAGE_SIZE);
