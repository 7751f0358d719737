/**
 * Which instructions make up a region: the blocks of one page that are reached from its head through direct branches and
 * through calls and returns within the page. A block inside a call stands apart for each call (its context is the return
 * addresses, innermost first), so that a return has one place to go to, and loops around calls stay loops.
 *
 * A function that calls itself, or calls too deep, begins anew without a context. Returns without one lead to a block of no
 * instructions, the dispatcher, which compares their target with every return address of such a call.
 */
import type { Feature } from '../../isa/row.ts';
import { type Control, effectsOf } from './effects.ts';

const PAGE_WORDS = 1024;
/** A dispatcher compares with so many return addresses. */
const MOST_RETURNS = 8;

/** Where control goes: to a block of the region, or out of it to a word of the page (1024: behind its end). */
export type Edge = { readonly block: number } | { readonly leave: number };

export interface Block {
  /** First word in the page, and number of instructions; 0 where the first one cannot be in a region. */
  readonly first: number;
  readonly length: number;
  readonly context: readonly number[];
  /** How its last instruction ends it; 'none': control falls through along `next`; 'dispatch': the block is the dispatcher. */
  readonly control: Control | 'dispatch';
  /** Target of a direct or conditional branch, absent where it is in another page. */
  readonly taken?: Edge;
  /** Where a conditional branch goes that is not taken, where a block without a branch goes, or where a return is expected to. */
  readonly next?: Edge;
  /** Of the dispatcher: the blocks at return addresses. */
  readonly returns?: readonly Edge[];
}

export interface PlanLimits {
  readonly instructions: number;
  readonly blockLength: number;
  /** Depth of calls within calls. */
  readonly calls: number;
}

/** The page as it is now. */
export interface PageCode {
  word(index: number): number;
  /** The word has been executed since it was last written. */
  decoded(index: number): boolean;
  /** Of the CPU; absent: every row exists. */
  readonly features?: ReadonlySet<Feature>;
  /** Events are recorded: regions leave them to the machine. */
  readonly recording?: boolean;
}

export interface Plan {
  /** The first is the entry. */
  readonly blocks: readonly Block[];
  readonly instructions: number;
}

/** Whether a region of the page may hold the instruction. */
export function canHold(
  word: number,
  { features, recording }: Pick<PageCode, 'features' | 'recording'>,
): boolean {
  const { supported, event } = effectsOf(word, features);
  return supported && !(event && recording);
}

export function planRegion(code: PageCode, head: number, limits: PlanLimits): Plan {
  const translatable = (index: number) =>
    index < PAGE_WORDS && code.decoded(index) && canHold(code.word(index), code);
  const leaders = findLeaders(code, head, limits.instructions, translatable);

  const blocks: Block[] = [];
  const numbers = new Map<string, number>();
  const pending: { readonly first: number; readonly context: readonly number[] }[] = [];
  let instructions = 0;
  const edge = (first: number, context: readonly number[]): Edge | undefined => {
    if (first < 0 || first >= PAGE_WORDS) return undefined;
    const key = `${first} ${context}`;
    const known = numbers.get(key);
    if (known !== undefined) return { block: known };
    if (!translatable(first) || instructions >= limits.instructions) return { leave: first };
    numbers.set(key, pending.length);
    pending.push({ first, context });
    return { block: pending.length - 1 };
  };
  edge(head, []);
  /** Return addresses of calls that are not in a context. */
  const returns = new Set<number>();
  const callsItself = (target: number, context: readonly number[]) =>
    target === head ||
    context.some((end) => end - 1 + effectsOf(code.word(end - 1), code.features).distance === target);
  for (let n = 0; n < pending.length; n++) {
    const { first, context } = pending[n];
    let length = 0;
    let control: Control = 'none';
    while (control === 'none' && length < limits.blockLength && translatable(first + length)) {
      if (length > 0 && leaders.has(first + length)) break;
      control = effectsOf(code.word(first + length), code.features).control;
      length += 1;
    }
    instructions += length;
    const end = first + length;
    const { distance, link } = effectsOf(code.word(end - 1), code.features);
    let taken: Edge | undefined;
    let next: Edge | undefined;
    if (control === 'direct' || control === 'conditional') {
      const target = end - 1 + distance;
      if (!link) taken = edge(target, context);
      else if (context.length < limits.calls && !callsItself(target, context))
        taken = edge(target, [end, ...context]);
      else {
        taken = edge(target, []);
        for (const address of [end, ...context]) {
          if (returns.size === MOST_RETURNS) break;
          returns.add(address);
          edge(address, []);
        }
      }
    }
    if (control === 'none' || control === 'conditional') next = edge(end, context) ?? { leave: end };
    if (control === 'return' && context.length > 0) next = edge(context[0], context.slice(1));
    blocks.push({ first, length, context, control, ...(taken && { taken }), ...(next && { next }) });
  }
  return { blocks: returns.size > 0 ? dispatched(blocks, returns, numbers) : blocks, instructions };
}

/** The blocks and their dispatcher. */
function dispatched(
  blocks: readonly Block[],
  returns: ReadonlySet<number>,
  numbers: ReadonlyMap<string, number>,
): readonly Block[] {
  const known = [...returns].map((first) => numbers.get(`${first} `)).filter((block) => block !== undefined);
  if (known.length === 0) return blocks;
  const next = { block: blocks.length };
  return [
    ...blocks.map((block) => (block.control === 'return' && !block.next ? { ...block, next } : block)),
    {
      ...{ first: 0, length: 0, context: [], control: 'dispatch' },
      returns: known.map((block) => ({ block })),
    },
  ];
}

/** The words that branches within reach of the head lead to. */
function findLeaders(
  code: PageCode,
  head: number,
  most: number,
  translatable: (index: number) => boolean,
): ReadonlySet<number> {
  const leaders = new Set([head]);
  const seen = new Set<number>();
  const pending = [head];
  for (let n = 0; n < pending.length && seen.size < most; n++) {
    for (let index = pending[n]; translatable(index) && !seen.has(index); index++) {
      seen.add(index);
      const { control, distance, link } = effectsOf(code.word(index), code.features);
      if (control === 'none') continue;
      const targets = control === 'direct' || control === 'conditional' ? [index + distance] : [];
      if (control === 'conditional' || link) targets.push(index + 1);
      for (const target of targets) {
        if (target < 0 || target >= PAGE_WORDS || leaders.has(target)) continue;
        leaders.add(target);
        pending.push(target);
      }
      break;
    }
  }
  return leaders;
}
