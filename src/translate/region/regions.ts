/**
 * The regions that exist, and the record slots through which the interpreter counts their heads and enters them.
 *
 * A head is a record that other code leads to and that counting costs little at: the start of a run of decoded records, a
 * backward branch's target, and wherever a region leaves to. When it has executed often enough it is queued; the queue becomes
 * one module between two slices. A region holds only words that are decoded, that is validated since they were last written;
 * a word that is written takes the regions that hold it along.
 */
import type { Detail } from '../detail.ts';
import { FIRST_REGION, FIRST_SLOT_HANDLER, MOST_REGIONS } from '../interpreter/handlers.ts';
import type { Interpreter } from '../interpreter/interpreter.ts';
import {
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
import { directBranch, endsRun } from './effects.ts';
import { type Graph, graphOf } from './graph.ts';
import { guessesPay } from './guess.ts';
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
  readonly slot: Slot;
  readonly inside: ReadonlySet<number>;
  readonly index: number;
  readonly words: ReadonlySet<number>;
  readonly module: LiveModule;
}

interface Slot {
  readonly number: number;
  readonly page: PageHeads;
  /** Word in the page. */
  readonly word: number;
  region: Region | undefined;
  queued: boolean;
  /** How often there was too little to translate. */
  attempts: number;
  /** It lay inside another region when it was hot: then it must be hotter. */
  covered: boolean;
}

class PageHeads {
  readonly page: RegionPage;
  readonly slots = new Map<number, Slot>();
  readonly regions = new Set<Region>();
  /** Words that are to be heads once they are decoded. */
  readonly wanted = new Set<number>();
  /** How often a store dropped regions. */
  drops = 0;

  constructor(page: RegionPage) {
    this.page = page;
  }
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
  readonly #view: DataView;
  readonly #words: Uint32Array;
  readonly #pages = new Map<number, PageHeads>();
  readonly #freeSlots: number[] = [];
  #nextSlot = 0;
  readonly #freeIndices = Array.from({ length: MOST_REGIONS }, (_, n) => FIRST_REGION + MOST_REGIONS - 1 - n);
  #queue: Slot[] = [];
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
    this.#view = new DataView(interpreter.state.buffer);
  }

  /** The record of the word at byte `offset` of the page was decoded. */
  decoded(page: RegionPage, offset: number): void {
    const index = offset / 4;
    const heads = this.#headsOf(page);
    const word = this.#word(page, index);
    const wanted = heads.wanted.delete(index);
    const startsRun = index === 0 || !this.#decoded(page, index - 1) || endsRun(this.#word(page, index - 1));
    if (wanted || startsRun) this.#makeHead(heads, index);
    const branch = directBranch(word);
    if (branch && (branch.distance <= 0 || branch.link)) this.#want(heads, index + branch.distance);
  }

  /** The slot of the record at byte `offset` of the page has counted to its end. */
  hot(page: RegionPage, offset: number): void {
    const slot = this.#headsOf(page).slots.get(offset / 4);
    if (!slot || slot.region || slot.queued) return;
    slot.queued = true;
    this.#queue.push(slot);
    if (this.#queue.length >= this.#options.batch) this.#compile();
  }

  /** Between two slices: makes the regions that have waited long enough. */
  settle(): void {
    if (this.#queue.length === 0) return;
    this.#waited += 1;
    if (this.#waited >= this.#options.patience) this.#compile();
  }

  /** The words `first` to `last` of the page are about to be written, and their records dropped. */
  written(page: RegionPage, first: number, last: number): void {
    const heads = this.#pages.get(page.records);
    if (!heads) return;
    for (const region of heads.regions) {
      let hit = false;
      for (let word = first; word <= last; word++) hit ||= region.words.has(word);
      if (!hit) continue;
      this.#drop(region);
      heads.drops = Math.min(heads.drops + 1, MOST_BACKOFF);
      this.#count(region.slot);
    }
    for (let word = first; word <= last; word++) {
      const slot = heads.slots.get(word);
      if (!slot) continue;
      this.#release(slot);
      heads.wanted.add(word);
    }
  }

  /** All records of the page are about to be dropped: it holds data now. */
  released(page: RegionPage): void {
    const heads = this.#pages.get(page.records);
    if (!heads) return;
    for (const slot of heads.slots.values()) this.#release(slot);
    this.#pages.delete(page.records);
  }

  /** The records of all pages are gone. */
  forget(): void {
    for (const heads of this.#pages.values())
      for (const slot of heads.slots.values()) {
        if (slot.region) this.#drop(slot.region);
        slot.queued = false;
      }
    this.#pages.clear();
    this.#queue = [];
    this.#freeSlots.length = 0;
    this.#nextSlot = 0;
  }

  /** What keeps instructions out of regions. */
  get #limits() {
    return { features: this.#interpreter.features, recording: this.#detail !== 'none' };
  }

  #headsOf(page: RegionPage): PageHeads {
    let heads = this.#pages.get(page.records);
    if (!heads) {
      heads = new PageHeads(page);
      this.#pages.set(page.records, heads);
    }
    return heads;
  }
  #word(page: RegionPage, index: number): number {
    return this.#words[page.poolOffset / 4 + index];
  }
  #recordOf(page: RegionPage, index: number): number {
    return page.records + index * RECORD_SIZE;
  }
  #decoded(page: RegionPage, index: number): boolean {
    return this.#view.getUint16(this.#recordOf(page, index), true) !== 0;
  }

  /** The word is to be a head: now if it is decoded. */
  #want(heads: PageHeads, index: number): void {
    if (index < 0 || index >= RECORDS_PER_PAGE || heads.slots.has(index)) return;
    if (this.#decoded(heads.page, index)) this.#makeHead(heads, index);
    else heads.wanted.add(index);
  }

  #makeHead(heads: PageHeads, word: number): void {
    if (heads.slots.has(word)) return;
    const number = this.#freeSlots.pop() ?? this.#nextSlot;
    if (number === SLOT_COUNT) {
      this.#forgetCounters();
      return;
    }
    this.#nextSlot = Math.max(this.#nextSlot, number + 1);
    const slot: Slot = {
      number,
      page: heads,
      word,
      region: undefined,
      queued: false,
      attempts: 0,
      covered: false,
    };
    heads.slots.set(word, slot);
    const record = this.#recordOf(heads.page, word);
    this.#view.setUint16(SLOT_BASE + number * SLOT_SIZE, this.#view.getUint16(record, true), true);
    this.#count(slot);
    this.#view.setUint16(record, FIRST_SLOT_HANDLER + number, true);
  }
  /** Starts to count how often the record executes. */
  #count({ number, page: { drops }, attempts, covered }: Slot): void {
    const info = SLOT_BASE + number * SLOT_SIZE;
    this.#view.setInt32(info + SLOT_NEED, NEVER_ENTERED, true);
    const times =
      2 ** (drops + 2 * attempts) * (covered ? COVERED : 1) * (this.#nextSlot > MANY_HEADS ? COLD : 1);
    this.#view.setUint32(info + SLOT_COUNTER, this.#options.threshold * times, true);
  }
  /** The record has its own handler again. */
  #release(slot: Slot): void {
    const { number, page, word } = slot;
    if (slot.region) this.#drop(slot.region);
    slot.queued = false;
    const record = this.#recordOf(page.page, word);
    this.#view.setUint16(record, this.#view.getUint16(SLOT_BASE + number * SLOT_SIZE, true), true);
    page.slots.delete(word);
    this.#freeSlots.push(number);
  }
  /** All slots are in use: those that lead to no region are given up. */
  #forgetCounters(): void {
    for (const { slots } of this.#pages.values())
      for (const slot of slots.values()) if (!slot.region) this.#release(slot);
  }

  #drop(region: Region): void {
    const { slot, index, module } = region;
    this.#interpreter.table.set(index, null);
    this.#freeIndices.push(index);
    slot.region = undefined;
    slot.covered = false;
    slot.page.regions.delete(region);
    this.#live -= 1;
    module.regions -= 1;
    if (module.regions === 0) this.#bytes -= module.bytes;
    this.statistics.dropped += 1;
  }
  #dropAll(): void {
    for (const { regions } of this.#pages.values())
      for (const region of regions) {
        this.#drop(region);
        this.#count(region.slot);
      }
  }

  #compile(): void {
    const started = performance.now();
    const queue = this.#queue.filter(({ queued }) => queued);
    this.#queue = [];
    this.#waited = 0;
    const made: { slot: Slot; graph: Graph; instructions: number }[] = [];
    const inside = new Map<PageHeads, Set<number>>();
    for (const slot of queue) {
      slot.queued = false;
      const { page, word } = slot;
      const words = inside.get(page) ?? new Set([...page.regions].flatMap((region) => [...region.inside]));
      inside.set(page, words);
      if (!slot.covered && words.has(word)) {
        slot.covered = true;
        this.#count(slot);
        continue;
      }
      const planned = this.#plan(slot);
      if (planned) {
        made.push({ slot, ...planned });
        for (const first of insideOf(planned.graph)) words.add(first);
      } else if (++slot.attempts < MOST_ATTEMPTS) this.#count(slot);
      else this.#release(slot);
    }
    if (made.length > 0) this.#install(made);
    this.statistics.milliseconds += performance.now() - started;
  }

  #plan({ page: { page }, word }: Slot): { graph: Graph; instructions: number } | undefined {
    const { mostInstructions, blockLength, calls, mostUnchecked, leastInstructions } = this.#options;
    const code = {
      word: (index: number) => this.#word(page, index),
      decoded: (index: number) => this.#decoded(page, index),
      ...this.#limits,
    };
    const plan = planRegion(code, word, { instructions: mostInstructions, blockLength, calls });
    if (plan.blocks.length === 0) return undefined;
    const graph = graphOf(plan, mostUnchecked);
    if (plan.instructions < leastInstructions && !graph.loops.includes(true)) return undefined;
    return { graph, instructions: plan.instructions };
  }

  #install(made: readonly { slot: Slot; graph: Graph; instructions: number }[]): void {
    const { mostRegions, mostBytes } = this.#options;
    const guesses = guessesPay(this.#view);
    const module: RegionModule = buildRegionModule(
      made.map(({ slot: { page, word }, graph }) => ({
        name: `region ${(page.page.paPage + 4 * word).toString(16)}`,
        graph,
        detail: this.#detail,
        records: page.page.records,
        word: (index: number) => this.#word(page.page, index),
        features: this.#interpreter.features,
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
    for (const [n, { slot, graph, instructions }] of made.entries()) {
      if (this.#freeIndices.length === 0) return;
      const index = this.#freeIndices.pop()!;
      this.#interpreter.table.set(index, instance.exports[module.names[n]]);
      const words = new Set(
        graph.blocks.flatMap(({ first, length }) => Array.from({ length }, (_, i) => first + i)),
      );
      const region: Region = { slot, inside: insideOf(graph), index, words, module: live };
      slot.region = region;
      slot.page.regions.add(region);
      const info = SLOT_BASE + slot.number * SLOT_SIZE;
      this.#view.setUint16(info + SLOT_REGION, index, true);
      this.#view.setInt32(info + SLOT_NEED, graph.needs[0], true);
      this.#live += 1;
      if (live.regions === 0) this.#bytes += live.bytes;
      live.regions += 1;
      this.statistics.regions += 1;
      this.statistics.instructions += instructions;
      for (const exit of exitsOf(graph)) {
        const skipped = exit < RECORDS_PER_PAGE && !canHold(this.#word(slot.page.page, exit), this.#limits);
        this.#want(slot.page, skipped ? exit + 1 : exit);
      }
    }
    this.statistics.modules += 1;
    this.statistics.bytes += module.bytes.length;
  }
}

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
