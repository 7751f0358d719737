/**
 * What is made of a batch of hot heads: a function of the batch alone, so that it can be made on any thread. The heads' pages are as they
 * were when the batch was; whoever installs the regions compares their words with what the pages hold then.
 */
import type { Feature } from '../../isa/row.ts';
import type { Detail } from '../detail.ts';
import { RECORDS_PER_PAGE } from '../layout.ts';
import type { PoolWidth } from '../pool.ts';
import type { RegionSource } from './function.ts';
import { type Graph, graphOf } from './graph.ts';
import { buildRegionModule } from './module.ts';
import { canHold, type Plan, type PlanLimits, planRegion } from './plan.ts';

/** What all regions of a machine have in common. */
export interface RegionTarget {
  readonly detail: Detail;
  /** Of the CPU; absent: every row exists. */
  readonly features: ReadonlySet<Feature> | undefined;
  readonly poolWidth: PoolWidth;
  readonly plan: PlanLimits;
  /** Instructions between two comparisons of the budget, but for longer blocks. */
  readonly mostUnchecked: number;
  /** Regions of fewer instructions without a loop are not worth entering. */
  readonly leastInstructions: number;
}

/** A page of code when the batch was made. */
export interface BatchPage {
  readonly paPage: number;
  /** Address of its decoded records. */
  readonly records: number;
  readonly words: Uint32Array;
  /** For each word, whether it was decoded: 1. */
  readonly decoded: Uint8Array;
  /** For each word, whether a region enters a block there: `TranslatedRegion.inside`. */
  readonly inside: Uint8Array;
}

export interface BatchHead {
  /** Number of its page in the batch. */
  readonly page: number;
  readonly word: number;
  /** It was inside another region already, and has become hotter since. */
  readonly covered: boolean;
}

export interface RegionBatch {
  readonly pages: readonly BatchPage[];
  readonly heads: readonly BatchHead[];
  /** Loads through loaded pointers guess the pool delta: guess.ts. */
  readonly guesses: boolean;
}

export interface TranslatedRegion {
  /** Of its function in the module. */
  readonly number: number;
  /** The budget that it is entered with, at least. */
  readonly need: number;
  readonly instructions: number;
  /** Its words; an instruction may be in it more than once. */
  readonly words: Uint16Array;
  /**
   * Words at which its blocks begin that are no loop's head, outside calls that it follows, and that it does not leave to. A loop is to
   * be entered at once when a miss made the region leave it.
   */
  readonly inside: Uint16Array;
  /** Words of its page that it leaves to, and that a region could begin with. */
  readonly exits: Uint16Array;
}

export interface Translation {
  /** By the batch's heads. 'inside': of another region. 'nothing': there is too little to translate. */
  readonly heads: readonly (TranslatedRegion | 'inside' | 'nothing')[];
  /** Holds the functions of all regions; absent where there is none. */
  readonly module?: {
    readonly compiled: WebAssembly.Module;
    /** Exported name of each function. */
    readonly names: readonly string[];
    readonly bytes: number;
  };
}

/** Words that the region leaves to within its page. */
function exitsOf({ blocks }: Graph): number[] {
  const exits: number[] = [];
  for (const { taken, next } of blocks) {
    if (taken && 'leave' in taken) exits.push(taken.leave);
    if (next && 'leave' in next) exits.push(next.leave);
  }
  return exits;
}

/** `TranslatedRegion.inside`; a word may be there more than once. */
function insideOf({ blocks, loops }: Graph, exits: readonly number[]): number[] {
  const words: number[] = [];
  for (let n = 0; n < blocks.length; n++) {
    const { first, context } = blocks[n];
    if (context.length === 0 && !loops[n] && !exits.includes(first)) words.push(first);
  }
  return words;
}

/** The words of its blocks, each once. */
function wordsOf({ blocks }: Graph): number[] {
  const words: number[] = [];
  const known = new Uint8Array(RECORDS_PER_PAGE);
  for (const { first, length } of blocks)
    for (let word = first; word < first + length; word++) {
      if (known[word] === 0) words.push(word);
      known[word] = 1;
    }
  return words;
}

export function translate(batch: RegionBatch, target: RegionTarget): Translation {
  const { detail, features, poolWidth } = target;
  const limits = { features, recording: detail !== 'none' };
  const inside = batch.pages.map((page) => page.inside.slice());
  const sources: RegionSource[] = [];
  const heads = batch.heads.map((head) => {
    const { word } = head;
    const page = batch.pages[head.page];
    if (!head.covered && inside[head.page][word] === 1) return 'inside';
    const code = {
      word: (index: number) => page.words[index],
      decoded: (index: number) => page.decoded[index] === 1,
      ...limits,
    };
    const plan = planRegion(code, word, target.plan);
    const graph = worthwhile(plan, target);
    if (!graph) return 'nothing';
    sources.push({
      name: `region ${(page.paPage + 4 * word).toString(16)}`,
      graph,
      detail,
      records: page.records,
      guesses: batch.guesses,
    });
    const exits = exitsOf(graph);
    const entered = insideOf(graph, exits);
    for (const first of entered) inside[head.page][first] = 1;
    const begin = exits.map((exit) =>
      exit < RECORDS_PER_PAGE && !canHold(page.words[exit], limits) ? exit + 1 : exit,
    );
    return {
      number: sources.length - 1,
      need: graph.needs[0],
      instructions: plan.instructions,
      words: new Uint16Array(wordsOf(graph)),
      inside: new Uint16Array(entered),
      exits: new Uint16Array(begin.filter((exit) => exit < RECORDS_PER_PAGE)),
    };
  });
  if (sources.length === 0) return { heads };
  const { bytes, names } = buildRegionModule(sources, poolWidth);
  const compiled = new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
  return { heads, module: { compiled, names, bytes: bytes.length } };
}

function worthwhile(plan: Plan, { mostUnchecked, leastInstructions }: RegionTarget): Graph | undefined {
  if (plan.blocks.length === 0) return undefined;
  const graph = graphOf(plan, mostUnchecked);
  return plan.instructions < leastInstructions && !graph.loops.includes(true) ? undefined : graph;
}
