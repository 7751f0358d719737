/**
 * The control-flow graph of a region made fit for structured code: reverse postorder, dominators, irreducible edges cut, and
 * the places where the budget is compared.
 */
import type { Block, Edge, Plan } from './plan.ts';

export interface Graph {
  /** The plan's blocks, with the edges cut that would enter a loop beside its head. */
  readonly blocks: readonly Block[];
  readonly successors: readonly (readonly number[])[];
  /** The blocks in reverse postorder, those that are reached; and the place of each. */
  readonly sequence: readonly number[];
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
  const uncut = waysOf(plan.blocks);
  const sequence = reversePostorder(uncut.successors);
  const order: number[] = [];
  sequence.forEach((block, place) => {
    order[block] = place;
  });
  const uncutDominators = immediateDominators(uncut, sequence, order);
  const dominates = (a: number, b: number): boolean => {
    let at = b;
    while (order[at] > order[a]) at = uncutDominators[at];
    return at === a;
  };
  const irreducible = (from: number, to: number) => order[to] <= order[from] && !dominates(to, from);
  const cut = <E extends Edge | undefined>(from: number, edge: E): E | Edge =>
    edge && 'block' in edge && irreducible(from, edge.block)
      ? { leave: plan.blocks[edge.block].first }
      : edge;
  const reducible = !uncut.successors.some((to, from) => to.some((block) => irreducible(from, block)));
  const blocks = reducible
    ? plan.blocks
    : plan.blocks.map((block, from) => ({
        ...block,
        taken: cut(from, block.taken),
        next: cut(from, block.next),
        returns: block.returns?.map((edge) => cut(from, edge)),
      }));
  const ways = reducible ? uncut : waysOf(blocks);
  const idom = reducible ? uncutDominators : immediateDominators(ways, sequence, order);

  const dominated: number[][] = blocks.map(() => []);
  for (let place = 1; place < sequence.length; place++)
    dominated[idom[sequence[place]]].push(sequence[place]);
  const loops = blocks.map(() => false);
  const entered = blocks.map(() => 0);
  ways.successors.forEach((successors, from) => {
    for (const to of successors) {
      if (order[to] <= order[from]) loops[to] = true;
      else entered[to] += 1;
    }
  });
  return {
    blocks,
    successors: ways.successors,
    sequence,
    order,
    dominated,
    loops,
    innermost: innermostLoops(ways, sequence, order, loops),
    merges: entered.map((count) => count > 1),
    needs: budgetChecks(blocks, ways, sequence, order, loops, mostUnchecked),
  };
}

/** The blocks that edges lead to from each block, and from which they lead to it. */
interface Ways {
  readonly successors: readonly (readonly number[])[];
  readonly predecessors: readonly (readonly number[])[];
}

function waysOf(blocks: readonly Block[]): Ways {
  const predecessors: number[][] = blocks.map(() => []);
  const successors = blocks.map(({ taken, next, returns }, from) => {
    const to: number[] = [];
    const lead = (edge: Edge | undefined) => {
      if (!edge || 'leave' in edge) return;
      to.push(edge.block);
      predecessors[edge.block].push(from);
    };
    lead(taken);
    lead(next);
    returns?.forEach(lead);
    return to;
  });
  return { successors, predecessors };
}

function reversePostorder(successors: Ways['successors']): number[] {
  const postorder: number[] = [];
  const seen = successors.map(() => false);
  /** The way to the present block, and how many successors of each block on it were followed. */
  const path = [0];
  const followed = successors.map(() => 0);
  seen[0] = true;
  while (path.length > 0) {
    const block = path[path.length - 1];
    const to = successors[block][followed[block]++];
    if (to === undefined) {
      postorder.push(block);
      path.pop();
    } else if (!seen[to]) {
      seen[to] = true;
      path.push(to);
    }
  }
  return postorder.reverse();
}

/** Cooper, Harvey, Kennedy: "A simple, fast dominance algorithm". */
function immediateDominators(
  { predecessors }: Ways,
  sequence: readonly number[],
  order: readonly number[],
): number[] {
  const idom: number[] = predecessors.map(() => -1);
  idom[0] = 0;
  for (let changed = true; changed; ) {
    changed = false;
    for (let place = 1; place < sequence.length; place++) {
      const block = sequence[place];
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
  { predecessors }: Ways,
  sequence: readonly number[],
  order: readonly number[],
  loops: readonly boolean[],
): (number | undefined)[] {
  const innermost: (number | undefined)[] = predecessors.map(() => undefined);
  for (const head of sequence) {
    if (!loops[head]) continue;
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
  { successors }: Ways,
  sequence: readonly number[],
  order: readonly number[],
  loops: readonly boolean[],
  most: number,
): number[] {
  const checked = loops.map((loop, block) => loop || block === 0);
  const longest: number[] = blocks.map(() => 0);
  for (let place = sequence.length - 1; place >= 0; place--) {
    const block = sequence[place];
    const rest = () => {
      let most = 0;
      for (const to of successors[block])
        if (order[to] > order[block] && !checked[to]) most = Math.max(most, longest[to]);
      return most;
    };
    const { length } = blocks[block];
    if (length + rest() > most)
      for (const to of successors[block]) if (order[to] > order[block]) checked[to] = true;
    longest[block] = length + rest();
  }
  return longest.map((length, block) => (checked[block] ? length : 0));
}
