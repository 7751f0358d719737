/**
 * The regions that exist. The interpreter counts how often their heads execute, and enters them there (heads.ts).
 *
 * When a head has executed often enough it is queued; the queue becomes one module between two slices. A region holds only words that are
 * decoded, that is validated since they were last written; a word that is written takes the regions that hold it along.
 */
import type { Detail } from '../detail.ts';
import { FIRST_REGION, MOST_REGIONS } from '../interpreter/handlers.ts';
import type { Interpreter } from '../interpreter/interpreter.ts';
import { DECODED_BASE, DECODED_PAGE_SIZE, RECORD_SIZE, RECORDS_PER_PAGE } from '../layout.ts';
import { type Graph, graphOf } from './graph.ts';
import { guessesPay } from './guess.ts';
import { Heads } from './heads.ts';
import { buildRegionModule, type RegionModule } from './module.ts';
import { canHold, planRegion } from './plan.ts';

export interface RegionOptions {
  /**
   * A head is hot when it has executed so often: about when interpreting it has cost what translating it will, some 30 to 50 µs an
   * instruction while the translator itself is cold. Most of what a kernel's boot executes is never worth it.
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
  readonly inside: ReadonlySet<number>;
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
  readonly #detail: Detail;
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

  constructor(detail: Detail, words: Uint32Array, interpreter: Interpreter, options: Partial<RegionOptions>) {
    this.#options = { ...DEFAULT_REGION_OPTIONS, ...options };
    this.#detail = detail;
    this.#words = words;
    this.#interpreter = interpreter;
    this.#heads = new Heads(interpreter.state.buffer, (record) => this.#times(record));
    this.#heads.onReleased = (slot) => {
      const head = this.#hot.get(slot);
      if (!head) return;
      if (head.region) this.#drop(head.region);
      head.queued = false;
      this.#hot.delete(slot);
    };
    // Those that lead to no region are given up.
    this.#heads.onExhausted = () => this.#heads.releaseWhere((slot) => !this.#hot.get(slot)?.region);
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

  /** Between two slices: makes the regions that have waited long enough. */
  settle(): void {
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

  /** What keeps instructions out of regions. */
  get #limits() {
    return { features: this.#interpreter.features, recording: this.#detail !== 'none' };
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

  #compile(): void {
    const started = performance.now();
    const queue = this.#queue.filter(({ queued }) => queued);
    this.#queue = [];
    this.#waited = 0;
    const made: { head: Head; graph: Graph; instructions: number }[] = [];
    const inside = new Map<PageRegions, Set<number>>();
    for (const head of queue) {
      head.queued = false;
      const { page, word } = head;
      const words = inside.get(page) ?? new Set([...page.regions].flatMap((region) => [...region.inside]));
      inside.set(page, words);
      if (!head.covered && words.has(word)) {
        head.covered = true;
        this.#count(head);
        continue;
      }
      const planned = this.#plan(head);
      if (planned) {
        made.push({ head, ...planned });
        for (const first of insideOf(planned.graph)) words.add(first);
      } else if (!canHold(this.#word(page.page, word), this.#limits)) {
        this.#heads.release(head.slot);
        this.#heads.want(page.page.records, word + 1);
      } else if (++head.attempts < MOST_ATTEMPTS) this.#count(head);
      else this.#heads.release(head.slot);
    }
    if (made.length > 0) this.#install(made);
    this.statistics.milliseconds += performance.now() - started;
  }

  #plan({ page: { page }, word }: Head): { graph: Graph; instructions: number } | undefined {
    const { mostInstructions, blockLength, calls, mostUnchecked, leastInstructions } = this.#options;
    const code = {
      word: (index: number) => this.#word(page, index),
      decoded: (index: number) => this.#heads.isDecoded(this.#recordOf(page, index)),
      ...this.#limits,
    };
    const plan = planRegion(code, word, { instructions: mostInstructions, blockLength, calls });
    if (plan.blocks.length === 0) return undefined;
    const graph = graphOf(plan, mostUnchecked);
    if (plan.instructions < leastInstructions && !graph.loops.includes(true)) return undefined;
    return { graph, instructions: plan.instructions };
  }

  #install(made: readonly { head: Head; graph: Graph; instructions: number }[]): void {
    const { mostRegions, mostBytes } = this.#options;
    const guesses = guessesPay(new DataView(this.#interpreter.state.buffer));
    const module: RegionModule = buildRegionModule(
      made.map(({ head: { page, word }, graph }) => ({
        name: `region ${(page.page.paPage + 4 * word).toString(16)}`,
        graph,
        detail: this.#detail,
        records: page.page.records,
        guesses,
      })),
      this.#interpreter.poolWidth,
    );
    if (
      this.#live + made.length > Math.min(mostRegions, MOST_REGIONS) ||
      this.#bytes + module.bytes.length > mostBytes
    )
      this.#dropAll();
    const instance = new WebAssembly.Instance(
      new WebAssembly.Module(module.bytes as Uint8Array<ArrayBuffer>),
      this.#interpreter.imports,
    );
    const live: LiveModule = { bytes: module.bytes.length, regions: 0 };
    for (const [n, { head, graph, instructions }] of made.entries()) {
      if (this.#freeIndices.length === 0) return;
      const index = this.#freeIndices.pop()!;
      this.#interpreter.table.set(index, instance.exports[module.names[n]]);
      const words = new Set(
        graph.blocks.flatMap(({ first, length }) => Array.from({ length }, (_, i) => first + i)),
      );
      const region: Region = { head, inside: insideOf(graph), index, words, module: live };
      head.region = region;
      head.page.regions.add(region);
      this.#heads.enter(head.slot, index, graph.needs[0]);
      this.#live += 1;
      if (live.regions === 0) this.#bytes += live.bytes;
      live.regions += 1;
      this.statistics.regions += 1;
      this.statistics.instructions += instructions;
      for (const exit of exitsOf(graph)) {
        const { page } = head.page;
        const skipped = exit < RECORDS_PER_PAGE && !canHold(this.#word(page, exit), this.#limits);
        this.#heads.want(page.records, skipped ? exit + 1 : exit);
      }
    }
    this.statistics.modules += 1;
    this.statistics.bytes += module.bytes.length;
  }
}

/** Address of the records of the page that has this one. */
const recordsOf = (record: number): number => record - ((record - DECODED_BASE) % DECODED_PAGE_SIZE);

/** Words that the region leaves to within its page. */
function exitsOf({ blocks }: Graph): number[] {
  return blocks.flatMap(({ taken, next }) =>
    [taken, next].flatMap((edge) => (edge && 'leave' in edge ? [edge.leave] : [])),
  );
}

/**
 * Words at which its blocks begin that are no loop's head, outside calls that it follows, and that it does not leave to. A loop is to
 * be entered at once when a miss made the region leave it.
 */
function insideOf(graph: Graph): Set<number> {
  const words = new Set(
    graph.blocks.flatMap(({ first, context }, n) => (context.length > 0 || graph.loops[n] ? [] : [first])),
  );
  for (const exit of exitsOf(graph)) words.delete(exit);
  return words;
}
