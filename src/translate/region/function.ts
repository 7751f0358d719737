/**
 * A region as one WebAssembly function with structured control flow: loops of the graph are loops, a block that several others
 * lead to follows the wasm block that they branch out of. After Ramsey, "Beyond Relooper" (ICFP 2022).
 *
 * The function takes the budget and returns the address of the record that the interpreter goes on at; 0: at the address in
 * cell pc, by the jump that the interpreter makes, which also counts the instruction. Cell budget is up to date then.
 */
import { CELL, type StateCell } from '../../cpu/state.ts';
import { type Detail, records } from '../detail.ts';
import { RECORD_SIZE } from '../layout.ts';
import { type CodeBuffer, constant, intOp, local, type Node } from '../wasm/expression.ts';
import type { FunctionCode } from '../wasm/module.ts';
import { op } from '../wasm/opcodes.ts';
import { type Ending, RegionEmitter, type RepeatedCode } from './emitter.ts';
import { FLAGS_IN_CELLS, FLAGS_IN_LOCALS, type FlagsState, flagsOfBlocks } from './flags_state.ts';
import type { Graph } from './graph.ts';
import type { Instruction, Registers } from './instruction.ts';
import { LOCAL_COUNTS, LOCALS, VECTOR_LOCAL_COUNTS } from './locals.ts';
import type { Edge } from './plan.ts';
import { REGION_SIGNATURE } from './signature.ts';

/** Indices of the functions that the regions of a module share. */
export interface SharedFunctions {
  /** (kind, a, b) → NZCV */
  readonly flags: number;
  /** (kind, a, b): stores the flags into the cells. */
  readonly storeFlags: number;
  /** The import for exact floating-point operations. */
  readonly float: number;
}

export interface RegionSource {
  /** For profilers. */
  readonly name: string;
  readonly graph: Graph;
  readonly detail: Detail;
  /** Address of the page's decoded records. */
  readonly records: number;
  /** Loads through loaded pointers guess the pool delta: guess.ts. */
  readonly guesses: boolean;
}

export const pointerCells = (detail: Detail) =>
  (
    [
      ['flow', 'atomPointer'],
      ['flow', 'targetPointer'],
      ['memory', 'accessPointer'],
      ['full', 'valuePointer'],
      ['full', 'registerPointer'],
    ] as const
  )
    .filter(([level]) => records(detail, level))
    .map(([, cell]) => cell);

/** Emits it into `code`, whatever that held before. */
export function buildRegion(
  source: RegionSource,
  shared: SharedFunctions,
  exportName: string,
  code: CodeBuffer,
  repeated: WeakMap<Instruction, RepeatedCode>,
): FunctionCode {
  const region = new RegionFunction(source, shared, code, repeated);
  const body = region.build();
  const locals = region.usesVectors ? VECTOR_LOCAL_COUNTS : LOCAL_COUNTS;
  return { signature: REGION_SIGNATURE, locals, body, exportName };
}

/** For each block, the registers that loads of its innermost loop write, as far as the region guesses. */
function pointersOf({ guesses, graph }: RegionSource): readonly Registers[] {
  const { blocks, innermost } = graph;
  // By the loop's head; those of blocks outside loops stand behind all others.
  const byLoop = new Array<Registers>(blocks.length + 1).fill(0);
  const loopOf = (block: number) => innermost[block] ?? blocks.length;
  if (guesses)
    for (let n = 0; n < blocks.length; n++) {
      const { instructions } = blocks[n];
      for (let i = 0; i < instructions.length; i++) byLoop[loopOf(n)] |= instructions[i].loaded;
    }
  return blocks.map((_, n) => byLoop[loopOf(n)]);
}

/** Stores the guest registers into their cells, or loads them from there. */
function moveRegisters(code: CodeBuffer, registers: Registers, direction: 'load' | 'store'): void {
  for (let number = 0; number < 32; number++) {
    if (((registers >>> number) & 1) === 0) continue;
    const cell = CELL.x0 + 8 * number;
    code.i32(0);
    if (direction === 'store') code.get(LOCALS.x0 + number);
    code.memory(direction === 'load' ? op.i64Load : op.i64Store, cell);
    if (direction === 'load') code.set(LOCALS.x0 + number);
  }
}

class RegionFunction {
  readonly #source: RegionSource;
  readonly #shared: SharedFunctions;
  readonly #code: CodeBuffer;
  readonly #emitter: RegionEmitter;
  readonly #left: number;
  /** Labels of the blocks that a branch can lead to now. */
  readonly #labels: (number | undefined)[];
  readonly #pointers: readonly Registers[];
  /** What is known of the flags where ways meet. */
  readonly #heads: readonly (FlagsState | undefined)[];

  constructor(
    source: RegionSource,
    shared: SharedFunctions,
    code: CodeBuffer,
    repeated: WeakMap<Instruction, RepeatedCode>,
  ) {
    this.#code = code;
    code.clear();
    this.#source = source;
    this.#shared = shared;
    this.#emitter = new RegionEmitter(this.#code, source.detail, shared, repeated);
    this.#labels = source.graph.blocks.map(() => undefined);
    this.#pointers = pointersOf(source);
    this.#heads = flagsOfBlocks(source.graph);
    this.#left = this.#code.open(op.block);
  }

  get usesVectors(): boolean {
    return this.#emitter.usesVectors;
  }

  build(): Uint8Array {
    const code = this.#code;
    this.#enter(0, FLAGS_IN_CELLS);
    code.close();
    const { used, written } = this.#emitter;
    moveRegisters(code, written, 'store');
    code.get(LOCALS.flagsKind);
    code.open(op.if);
    for (const name of ['flagsKind', 'flagsA', 'flagsB'] as const) code.get(LOCALS[name]);
    code.call(this.#shared.storeFlags);
    code.close();
    this.#storeCell('budget', local(LOCALS.budget));
    for (const cell of pointerCells(this.#source.detail)) this.#storeCell(cell, local(LOCALS[cell]));
    code.get(LOCALS.exit);
    const body = code.toBytes();

    // What is to be loaded is known now.
    code.clear();
    moveRegisters(code, used, 'load');
    for (const cell of ['tlb', ...pointerCells(this.#source.detail)] as const) {
      code.i32(0);
      code.memory(op.i32Load, CELL[cell]);
      code.set(LOCALS[cell]);
    }
    code.i32(0);
    code.memory(op.i64Load, CELL.pcBase);
    code.i64(this.#source.records / 4);
    code.int('add', 64);
    code.set(LOCALS.vaPage);
    // V8 keeps memory 0's address in a register, and loads the pool's, in two steps, where it is first used: here, once and for all.
    code.emit(constant(code.poolWidth, 0));
    code.pool(op.i64Load8U);
    code.byte(op.drop);
    code.append(body);
    return code.toBytes();
  }

  #storeCell(cell: StateCell, of: Node): void {
    this.#code.i32(0);
    this.#code.emit(of);
    this.#code.memory(of.width === 64 ? op.i64Store : op.i32Store, CELL[cell]);
  }

  /** Takes `count` instructions off the budget. */
  #spend(count: number): void {
    if (count === 0) return;
    this.#code.get(LOCALS.budget);
    this.#code.i32(count);
    this.#code.int('sub', 32);
    this.#code.set(LOCALS.budget);
  }
  #leaveAt(word: number, flags: FlagsState): void {
    this.#emitter.moveFlags(flags, FLAGS_IN_LOCALS);
    this.#code.i32(this.#source.records + word * RECORD_SIZE);
    this.#code.set(LOCALS.exit);
    this.#code.branch(this.#left);
  }
  /** By the interpreter's jump to `target`, which takes the last instruction off the budget. */
  #leaveFar(target: Node, flags: FlagsState): void {
    this.#emitter.moveFlags(flags, FLAGS_IN_LOCALS);
    this.#storeCell('pc', target);
    this.#code.emit(intOp('add', local(LOCALS.budget), constant(32, 1)));
    this.#code.set(LOCALS.budget);
    this.#code.i32(0);
    this.#code.set(LOCALS.exit);
    this.#code.branch(this.#left);
  }

  /** The block's code comes here, where the flags are known so. */
  #enter(block: number, flags: FlagsState): void {
    const head = this.#heads[block];
    if (head) this.#emitter.moveFlags(flags, head);
    this.#tree(block, head ?? flags);
  }
  /** The block, and those that it dominates. */
  #tree(block: number, flags: FlagsState): void {
    const { dominated, loops } = this.#source.graph;
    const { length } = dominated[block];
    if (!loops[block]) {
      this.#within(block, length, flags);
      return;
    }
    const outer = this.#labels[block];
    this.#labels[block] = this.#code.open(op.loop);
    this.#within(block, length, flags);
    this.#code.close();
    this.#labels[block] = outer;
  }
  /** The block, and the first `count` of those that it dominates, as far as several lead to them: each stands behind all that do. */
  #within(block: number, count: number, flags: FlagsState): void {
    const { dominated, merges } = this.#source.graph;
    let last = count - 1;
    while (last >= 0 && !merges[dominated[block][last]]) last -= 1;
    if (last < 0) {
      this.#emitBlock(block, flags);
      return;
    }
    const merge = dominated[block][last];
    this.#labels[merge] = this.#code.open(op.block);
    this.#within(block, last, flags);
    this.#code.close();
    this.#labels[merge] = undefined;
    this.#tree(merge, this.#heads[merge]!);
  }

  #emitBlock(number: number, flags: FlagsState): void {
    const { graph } = this.#source;
    const { first, length, instructions, context, control } = graph.blocks[number];
    const code = this.#code;
    const need = graph.needs[number];
    /** Where instructions leave to, the last one innermost: behind all that the block leads to. */
    const leaves: { readonly done: number; readonly flags: FlagsState }[] = [];
    const openLeave = (done: number) => {
      leaves.push({ done, flags: this.#emitter.flags });
      return code.open(op.block);
    };
    this.#emitter.beginBlock(flags, this.#pointers[number]);
    if (need > 0) {
      const label = openLeave(0);
      code.emit(intOp('ltS', local(LOCALS.budget), constant(32, need)));
      code.branchIf(label);
    }
    let ending: Ending = { control: 'none' };
    for (let done = 0; done < length; done++) {
      const instruction = instructions[done];
      const leave = instruction.leaves ? openLeave(done) : 0;
      ending = this.#emitter.instruction(instruction, first + done, leave);
    }
    if (control === 'dispatch') this.#dispatch(number, this.#emitter.flags);
    else {
      this.#spend(length);
      this.#end(number, ending, context);
    }
    for (let n = leaves.length - 1; n >= 0; n--) {
      const { done, flags: known } = leaves[n];
      code.close();
      this.#spend(done);
      if (control === 'dispatch') this.#leaveFar(local(LOCALS.target, 64), known);
      else this.#leaveAt(first + done, known);
    }
  }

  #end(number: number, ending: Ending, context: readonly number[]): void {
    const { taken, next } = this.#source.graph.blocks[number];
    const code = this.#code;
    const after = this.#emitter.flags;
    switch (ending.control) {
      case 'none':
        this.#follow(number, next!, after);
        return;
      case 'direct':
        this.#branch(number, taken, after);
        return;
      case 'conditional': {
        code.emit(ending.condition);
        const label = taken && this.#labelOf(number, taken);
        if (label !== undefined && !this.#movesFlags(taken, after)) code.branchIf(label);
        else {
          code.open(op.if);
          this.#branch(number, taken, after);
          code.close();
        }
        this.#follow(number, next!, after);
        return;
      }
      case 'indirect': {
        const target = local(LOCALS.target, 64);
        if (next && 'block' in next && context.length === 0) {
          this.#follow(number, next, after);
          return;
        }
        if (next && 'block' in next) {
          const expected = intOp('add', local(LOCALS.vaPage, 64), constant(64, 4 * context[0]));
          code.emit(intOp('eq', target, expected));
          code.open(op.if);
          this.#follow(number, next, after);
          code.close();
        }
        if (ending.branchType) {
          // The budget that the branch executes with: it is taken off already.
          const own = intOp('add', local(LOCALS.budget), constant(32, 1));
          this.#storeCell('branched', intOp('or', intOp('shl', own, constant(32, 2)), ending.branchType));
        }
        this.#leaveFar(target, after);
        return;
      }
    }
  }

  /** To the return address of the region that is in `target`, or out of it. */
  #dispatch(number: number, flags: FlagsState): void {
    const { blocks } = this.#source.graph;
    const target = local(LOCALS.target, 64);
    for (const edge of blocks[number].returns!) {
      if (!('block' in edge)) continue;
      const address = constant(64, 4 * blocks[edge.block].first);
      this.#code.emit(intOp('eq', target, intOp('add', local(LOCALS.vaPage, 64), address)));
      this.#code.open(op.if);
      this.#follow(number, edge, flags);
      this.#code.close();
    }
    this.#leaveFar(target, flags);
  }

  /** A direct branch, which may lead to another page. */
  #branch(from: number, taken: Edge | undefined, flags: FlagsState): void {
    if (taken) {
      this.#follow(from, taken, flags);
      return;
    }
    const { first, length, instructions } = this.#source.graph.blocks[from];
    const word = first + length - 1 + instructions[length - 1].distance;
    this.#leaveFar(intOp('add', local(LOCALS.vaPage, 64), constant(64, 4 * word)), flags);
  }

  /** The label of a wasm construct that leads to the edge's block, where there is one: else the block's code comes here. */
  #labelOf(from: number, edge: Edge): number | undefined {
    if ('leave' in edge) return undefined;
    const { order, merges } = this.#source.graph;
    const backward = order[edge.block] <= order[from];
    return backward || merges[edge.block] ? this.#labels[edge.block]! : undefined;
  }
  #follow(from: number, edge: Edge, flags: FlagsState): void {
    if ('leave' in edge) {
      this.#leaveAt(edge.leave, flags);
      return;
    }
    const label = this.#labelOf(from, edge);
    if (label === undefined) {
      this.#enter(edge.block, flags);
      return;
    }
    this.#emitter.moveFlags(flags, this.#heads[edge.block]!);
    this.#code.branch(label);
  }
  /** Whether something is to be done for the flags where control goes along the edge. */
  #movesFlags(edge: Edge | undefined, flags: FlagsState): boolean {
    const head = edge && 'block' in edge ? this.#heads[edge.block] : undefined;
    return head !== undefined && RegionEmitter.moves(flags, head);
  }
}
