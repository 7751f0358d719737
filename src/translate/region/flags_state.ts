/**
 * What is known of the flags at one place of a region, so that they need no code of their own: what set them last, and where its
 * operands are now. Most often those are guest registers, also after these were counted up or down since. Only where ways with
 * different knowledge meet do the locals `flagsKind`, `flagsA` and `flagsB` have to hold it (flags.ts), and where a region is left.
 */
import { type FlagsKind, IN_CELLS, kindNumber } from './flags.ts';
import type { Graph } from './graph.ts';
import type { Instruction } from './instruction.ts';
import type { Edge } from './plan.ts';

export type FlagsOperation = 'add' | 'subtract' | 'logical';

/** A register's value plus so much (as wide as the operation is); a constant; local flagsA or flagsB; or there is none. */
export type FlagsOperand =
  | { readonly register: number; readonly plus: number }
  | { readonly constant: number }
  | 'local'
  | 'none';

/** What an instruction sets the flags to. */
export interface FlagsSetting {
  readonly kind: FlagsKind;
  readonly a: FlagsOperand;
  readonly b: FlagsOperand;
}

export interface FlagsState {
  /** A value of flagsKind; or that local has it; 'explicit': it has, and that is the flags themselves. 'dead': they are not needed. */
  readonly kind: number | 'local' | 'explicit' | 'dead';
  readonly a: FlagsOperand;
  readonly b: FlagsOperand;
  /** Of `kind` where the local flagsChoice is 1, else `otherwise` (NZCV); the local flagsKind tells that too. */
  readonly choice?: { readonly kind: FlagsKind; readonly otherwise: number };
}

export const FLAGS_IN_CELLS: FlagsState = { kind: IN_CELLS, a: 'none', b: 'none' };
export const FLAGS_IN_LOCALS: FlagsState = { kind: 'local', a: 'local', b: 'local' };
export const FLAGS_EXPLICIT: FlagsState = { kind: 'explicit', a: 'none', b: 'none' };
const FLAGS_DEAD: FlagsState = { kind: 'dead', a: 'none', b: 'none' };

const NARROW: ReadonlySet<FlagsState['kind']> = new Set(
  (['subtract32', 'add32', 'logical32'] as const).map(kindNumber),
);

/** The operand after the instruction wrote its registers. */
function operandAfter(operand: FlagsOperand, narrow: boolean, { writes }: Instruction): FlagsOperand {
  if (typeof operand === 'string') return operand;
  let after: FlagsOperand = operand;
  for (const { register, plus, width } of writes) {
    if (typeof after !== 'object' || !('register' in after) || after.register !== register) continue;
    const moved: number = plus === undefined || (width === 32 && !narrow) ? Number.NaN : after.plus - plus;
    after = Number.isSafeInteger(moved) ? { register, plus: moved } : 'local';
  }
  return after;
}

/** The state behind an instruction, but for a choice. Operands that become 'local' are to be put there before its writes. */
export function flagsAfter(state: FlagsState, instruction: Instruction): FlagsState {
  const { flags, writes } = instruction;
  if (flags === 'computed') return FLAGS_IN_LOCALS;
  const set = flags ? { kind: kindNumber(flags.kind), a: flags.a, b: flags.b } : state;
  if (writes.length === 0) return set;
  const narrow = NARROW.has(set.kind);
  const a = operandAfter(set.a, narrow, instruction);
  const b = operandAfter(set.b, narrow, instruction);
  return a === set.a && b === set.b ? set : { ...set, a, b };
}

const sameOperand = (a: FlagsOperand, b: FlagsOperand): boolean => {
  if (typeof a === 'string' || typeof b === 'string') return a === b;
  if ('constant' in a || 'constant' in b)
    return 'constant' in a && 'constant' in b && a.constant === b.constant;
  return a.register === b.register && a.plus === b.plus;
};

function meetOperands(a: FlagsOperand, b: FlagsOperand): FlagsOperand {
  if (a === 'none') return b;
  return b === 'none' || sameOperand(a, b) ? a : 'local';
}

/** What is known where two ways meet. A register's operand after a narrow write stands for narrow kinds only. */
function meet(a: FlagsState, b: FlagsState): FlagsState {
  return {
    kind: a.kind === b.kind ? a.kind : 'local',
    a: meetOperands(a.a, b.a),
    b: meetOperands(a.b, b.b),
  };
}

const sameState = (a: FlagsState, b: FlagsState): boolean =>
  a.kind === b.kind && sameOperand(a.a, b.a) && sameOperand(a.b, b.b);

/** Whether the flags at the block's head are needed, where `live` tells that of the blocks behind it. */
function needsFlags({ blocks, successors, needs }: Graph, n: number, live: readonly boolean[]): boolean {
  // A budget is compared at every head of a loop, which may leave there: backward edges need no second look.
  if (needs[n] > 0) return true;
  const { taken, next, control, instructions } = blocks[n];
  for (let i = 0; i < instructions.length; i++) {
    const { leaves, readsFlags, flags } = instructions[i];
    if (leaves || readsFlags || flags) return leaves || readsFlags || flags === 'computed';
  }
  if (control === 'return' || control === 'dispatch' || control === 'indirect') return true;
  const stays = (edge: Edge | undefined) => edge !== undefined && 'block' in edge;
  if (control !== 'none' && !stays(taken)) return true;
  if (control !== 'direct' && !stays(next)) return true;
  return successors[n].some((to) => live[to] ?? true);
}

/** What is known at the head of each block that more than one edge leads to; of the other blocks, undefined. */
export function flagsOfBlocks(graph: Graph): readonly (FlagsState | undefined)[] {
  const { blocks, successors, sequence, loops, merges } = graph;
  const live: boolean[] = [];
  for (let place = sequence.length - 1; place >= 0; place--)
    live[sequence[place]] = needsFlags(graph, sequence[place], live);

  const heads: (FlagsState | undefined)[] = blocks.map(() => undefined);
  heads[0] = FLAGS_IN_CELLS;
  const stale = blocks.map(() => true);
  for (let changed = true; changed; ) {
    changed = false;
    for (let place = 0; place < sequence.length; place++) {
      const n = sequence[place];
      if (!stale[n]) continue;
      stale[n] = false;
      let after = heads[n];
      if (!after) throw new Error(`no way leads to block ${n} of a region`);
      const { instructions } = blocks[n];
      for (let i = 0; i < instructions.length; i++) after = flagsAfter(after, instructions[i]);
      for (const to of successors[n]) {
        const before = heads[to];
        const met = !live[to] ? FLAGS_DEAD : before ? meet(before, after) : after;
        if (before && sameState(before, met)) continue;
        heads[to] = met;
        stale[to] = true;
        changed = true;
      }
    }
  }
  return heads.map((state, n) => (loops[n] || merges[n] ? state : undefined));
}
