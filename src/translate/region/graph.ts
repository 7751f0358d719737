/**
 * The control-flow graph of a region made fit for structured code: reverse postorder, dominators, irreducible edges cut, and
 * the places where the budget is compared.
 */
import type { Block, Edge, Plan } from './plan.ts';

export interface Graph {
  /** The plan's blocks, with the edges cut that would enter a loop beside its head. */
  readonly blocks: readonly Block[];
  /** Place of each block in reverse postorder. */
  readonly order: readonly number[];
  /** Blocks that the block dominates immediately, in reverse postorder. */
  readonly dominated: readonly (readonly number[])[];
  /** An edge leads back to the block. */
  readonly loops: readonly boolean[];
  /** Head of the innermost loop that each block is in. */
  readonly innermost: readonly (number | undefined)[];
  /** More than one edge leads forward to the block. */
  readonly merges: readonly boolean[];
  /** Where the budget is compared: how many instructions execute at most until it is compared again. 0: it is not. */
  readonly needs: readonly number[];
}

export function graphOf(plan: Plan, mostUnchecked: number): Graph {
  const uncut = plan.blocks;
  const sequence = reversePostorder(uncut);
  const order: number[] = [];
  sequence.forEach((block, place) => {
    order[block] = place;
  });
  let idom = immediateDominators(uncut, sequence, order);
  const dominates = (a: number, b: number): boolean => {
    let at = b;
    while (order[at] > order[a]) at = idom[at];
    return at === a;
  };
  const cut = (from: number, edge: Edge | undefined): Edge | undefined => {
    if (!edge || 'leave' in edge) return edge;
    const irreducible = order[edge.block] <= order[from] && !dominates(edge.block, from);
    return irreducible ? { leave: uncut[edge.block].first } : edge;
  };
  const blocks = uncut.map((block, from) => {
    const { taken, next, returns, ...rest } = block;
    const [cutTaken, cutNext] = [cut(from, taken), cut(from, next)];
    return {
      ...{ ...rest, ...(cutTaken && { taken: cutTaken }), ...(cutNext && { next: cutNext }) },
      ...(returns && { returns: returns.map((edge) => cut(from, edge)!) }),
    };
  });
  idom = immediateDominators(blocks, sequence, order);

  const dominated: number[][] = blocks.map(() => []);
  for (const block of sequence.slice(1)) dominated[idom[block]].push(block);
  const loops = blocks.map(() => false);
  const entered = blocks.map(() => 0);
  blocks.forEach((block, from) => {
    for (const to of successors(block)) {
      if (order[to] <= order[from]) loops[to] = true;
      else entered[to] += 1;
    }
  });
  return {
    blocks,
    order,
    dominated,
    loops,
    innermost: innermostLoops(blocks, sequence, order, loops),
    merges: entered.map((count) => count > 1),
    needs: budgetChecks(blocks, sequence, order, loops, mostUnchecked),
  };
}

export const successors = ({ taken, next, returns = [] }: Block): number[] =>
  [taken, next, ...returns].flatMap((edge) => (edge && 'block' in edge ? [edge.block] : []));

function reversePostorder(blocks: readonly Block[]): number[] {
  const postorder: number[] = [];
  const seen = new Set([0]);
  const stack = [{ block: 0, rest: successors(blocks[0]) }];
  while (stack.length > 0) {
    const { block, rest } = stack[stack.length - 1];
    const to = rest.shift();
    if (to === undefined) {
      postorder.push(block);
      stack.pop();
    } else if (!seen.has(to)) {
      seen.add(to);
      stack.push({ block: to, rest: successors(blocks[to]) });
    }
  }
  return postorder.reverse();
}

/** Cooper, Harvey, Kennedy: "A simple, fast dominance algorithm". */
function immediateDominators(
  blocks: readonly Block[],
  sequence: readonly number[],
  order: readonly number[],
): number[] {
  const predecessors: number[][] = blocks.map(() => []);
  blocks.forEach((block, from) => {
    for (const to of successors(block)) predecessors[to].push(from);
  });
  const idom: number[] = blocks.map(() => -1);
  idom[0] = 0;
  for (let changed = true; changed; ) {
    changed = false;
    for (const block of sequence.slice(1)) {
      let common = -1;
      for (const from of predecessors[block]) {
        if (idom[from] < 0) continue;
        if (common < 0) common = from;
        let other = from;
        while (common !== other) {
          while (order[common] > order[other]) common = idom[common];
          while (order[other] > order[common]) other = idom[other];
        }
      }
      if (idom[block] !== common) {
        idom[block] = common;
        changed = true;
      }
    }
  }
  return idom;
}

/** The blocks that lead back to a loop's head without passing it are the loop's; outer loops come first in the sequence. */
function innermostLoops(
  blocks: readonly Block[],
  sequence: readonly number[],
  order: readonly number[],
  loops: readonly boolean[],
): (number | undefined)[] {
  const predecessors: number[][] = blocks.map(() => []);
  blocks.forEach((block, from) => {
    for (const to of successors(block)) predecessors[to].push(from);
  });
  const innermost: (number | undefined)[] = blocks.map(() => undefined);
  for (const head of sequence.filter((block) => loops[block])) {
    const seen = new Set([head]);
    const pending = predecessors[head].filter((from) => order[from] >= order[head]);
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      if (seen.has(at)) continue;
      seen.add(at);
      pending.push(...predecessors[at]);
    }
    for (const block of seen) innermost[block] = head;
  }
  return innermost;
}

/** The entry and every loop head compare the budget, and further blocks where the way to the next one would be long. */
function budgetChecks(
  blocks: readonly Block[],
  sequence: readonly number[],
  order: readonly number[],
  loops: readonly boolean[],
  most: number,
): number[] {
  const checked = loops.map((loop, block) => loop || block === 0);
  const longest: number[] = [];
  for (const block of [...sequence].reverse()) {
    const forward = successors(blocks[block]).filter((to) => order[to] > order[block]);
    const rest = () => Math.max(0, ...forward.map((to) => (checked[to] ? 0 : longest[to])));
    const { length } = blocks[block];
    if (length + rest() > most) for (const to of forward) checked[to] = true;
    longest[block] = length + rest();
  }
  return longest.map((length, block) => (checked[block] ? length : 0));
}
