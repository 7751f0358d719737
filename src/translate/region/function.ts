/**
 * A region as one WebAssembly function with structured control flow: loops of the graph are loops, a block that several others
 * lead to follows the wasm block that they branch out of. After Ramsey, "Beyond Relooper" (ICFP 2022).
 *
 * The function takes the budget and returns the address of the record that the interpreter goes on at; 0: at the address in
 * cell pc, by the jump that the interpreter makes, which also counts the instruction. Cell budget is up to date then.
 */
import { CELL, type StateCell } from '../../cpu/state.ts';
import type { Feature } from '../../isa/row.ts';
import { decode } from '../../isa/table.ts';
import { type Detail, records } from '../detail.ts';
import { RECORD_SIZE } from '../layout.ts';
import type { PoolWidth } from '../pool.ts';
import { CodeBuffer, constant, intOp, type Node } from '../wasm/expression.ts';
import type { FunctionCode } from '../wasm/module.ts';
import { op } from '../wasm/opcodes.ts';
import { effectsOf } from './effects.ts';
import { type Ending, moveRegisters, RegionEmitter } from './emitter.ts';
import type { FlagsState } from './flags.ts';
import type { Graph } from './graph.ts';
import { LOCAL_COUNTS, LOCALS, TEMPORARIES, TEMPORARY_BASE, VECTOR_LOCAL_COUNTS } from './locals.ts';
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
  word(index: number): number;
  /** Loads through loaded pointers guess the pool delta: guess.ts. */
  readonly guesses: boolean;
  /** Of the CPU; absent: every row exists. */
  readonly features?: ReadonlySet<Feature>;
}

const local = (index: number, width: 32 | 64 = 32): Node => ({ kind: 'local', width, index });

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

export function buildRegion(
  source: RegionSource,
  shared: SharedFunctions,
  exportName: string,
  poolWidth: PoolWidth,
): FunctionCode {
  const region = new RegionFunction(source, shared, poolWidth);
  const body = region.build();
  const locals = region.usesVectors ? VECTOR_LOCAL_COUNTS : LOCAL_COUNTS;
  return { signature: REGION_SIGNATURE, locals, body, exportName };
}

/** Registers that loads of the region write, as far as it guesses. */
function pointersOf({ guesses, graph, word, features }: RegionSource): ReadonlySet<number> {
  const pointers = new Set<number>();
  if (!guesses) return pointers;
  for (const { first, length } of graph.blocks)
    for (let index = first; index < first + length; index++)
      for (const register of effectsOf(word(index), features).loaded) pointers.add(register);
  return pointers;
}

class RegionFunction {
  readonly #source: RegionSource;
  readonly #shared: SharedFunctions;
  readonly #code: CodeBuffer;
  readonly #emitter: RegionEmitter;
  readonly #left: number;
  /** Labels of the blocks that a branch can lead to now. */
  readonly #labels = new Map<number, number>();
  /** The present instruction: its word in the page, and how many of its block were executed before it. */
  #at = { word: 0, done: 0 };

  constructor(source: RegionSource, shared: SharedFunctions, poolWidth: PoolWidth) {
    this.#code = new CodeBuffer(TEMPORARY_BASE, TEMPORARIES, poolWidth);
    this.#source = source;
    this.#shared = shared;
    this.#emitter = new RegionEmitter(this.#code, source.detail, shared, pointersOf(source), () => {
      this.#spend(this.#at.done);
      this.#leaveAt(this.#at.word);
    });
    this.#left = this.#code.open(op.block);
  }

  get usesVectors(): boolean {
    return this.#emitter.usesVectors;
  }

  build(): Uint8Array {
    const code = this.#code;
    this.#tree(0, { known: 'nothing' });
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
    const prologue = new CodeBuffer(TEMPORARY_BASE, TEMPORARIES, code.poolWidth);
    moveRegisters(prologue, used, 'load');
    for (const cell of ['tlb', ...pointerCells(this.#source.detail)] as const) {
      prologue.i32(0);
      prologue.memory(op.i32Load, CELL[cell]);
      prologue.set(LOCALS[cell]);
    }
    prologue.i32(0);
    prologue.memory(op.i64Load, CELL.pcBase);
    prologue.i64(this.#source.records / 4);
    prologue.int('add', 64);
    prologue.set(LOCALS.vaPage);
    // V8 keeps memory 0's address in a register, and loads the pool's, in two steps, where it is first used: here, once and for all.
    prologue.emit(constant(prologue.poolWidth, 0));
    prologue.pool(op.i64Load8U);
    prologue.byte(op.drop);
    prologue.append(body);
    return prologue.toBytes();
  }

  #storeCell(cell: StateCell, of: Node): void {
    this.#code.i32(0);
    this.#code.emit(of);
    this.#code.memory(of.width === 64 ? op.i64Store : op.i32Store, CELL[cell]);
  }

  /** Takes `count` instructions off the budget. */
  #spend(count: number): void {
    if (count === 0) return;
    this.#code.emit(intOp('sub', local(LOCALS.budget), constant(32, count)));
    this.#code.set(LOCALS.budget);
  }
  #leaveAt(word: number): void {
    this.#code.i32(this.#source.records + word * RECORD_SIZE);
    this.#code.set(LOCALS.exit);
    this.#code.branch(this.#left);
  }
  /** By the interpreter's jump to `target`, which takes the last instruction off the budget. */
  #leaveFar(target: Node): void {
    this.#storeCell('pc', target);
    this.#code.emit(intOp('add', local(LOCALS.budget), constant(32, 1)));
    this.#code.set(LOCALS.budget);
    this.#code.i32(0);
    this.#code.set(LOCALS.exit);
    this.#code.branch(this.#left);
  }

  /** The block, and those that it dominates. */
  #tree(block: number, flags: FlagsState): void {
    const { graph } = this.#source;
    const merges = graph.dominated[block]
      .filter((child) => graph.merges[child])
      .sort((a, b) => graph.order[b] - graph.order[a]);
    if (graph.loops[block]) {
      const outer = this.#labels.get(block);
      this.#labels.set(block, this.#code.open(op.loop));
      this.#within(block, merges, { known: 'nothing' });
      this.#code.close();
      if (outer === undefined) this.#labels.delete(block);
      else this.#labels.set(block, outer);
    } else this.#within(block, merges, graph.merges[block] ? { known: 'nothing' } : flags);
  }
  #within(block: number, merges: readonly number[], flags: FlagsState): void {
    if (merges.length === 0) {
      this.#emitBlock(block, flags);
      return;
    }
    const [last, ...others] = merges;
    this.#labels.set(last, this.#code.open(op.block));
    this.#within(block, others, flags);
    this.#code.close();
    this.#labels.delete(last);
    this.#tree(last, { known: 'nothing' });
  }

  #emitBlock(number: number, flags: FlagsState): void {
    const { graph, word, features } = this.#source;
    const { first, length, context } = graph.blocks[number];
    const code = this.#code;
    const need = graph.needs[number];
    if (need > 0) {
      code.emit(intOp('ltS', local(LOCALS.budget), constant(32, need)));
      code.open(op.if);
      this.#leaveAt(first);
      code.close();
    }
    this.#emitter.beginBlock(flags);
    let ending: Ending = { control: 'none' };
    for (let done = 0; done < length; done++) {
      this.#at = { word: first + done, done };
      const decoded = decode(word(first + done), features);
      if (!decoded) throw new Error(`word ${first + done} of a region is unallocated`);
      ending = this.#emitter.instruction(decoded, first + done);
    }
    this.#spend(length);
    this.#end(number, ending, context);
  }

  #end(number: number, ending: Ending, context: readonly number[]): void {
    const { taken, next, first, length } = this.#source.graph.blocks[number];
    const code = this.#code;
    const after = this.#emitter.flags;
    const last = first + length - 1;
    switch (ending.control) {
      case 'none':
        this.#follow(number, next!, after);
        return;
      case 'direct':
        this.#branch(number, taken, last, after);
        return;
      case 'conditional': {
        code.emit(ending.condition);
        const label = taken && this.#labelOf(number, taken);
        if (label !== undefined) code.branchIf(label);
        else {
          code.open(op.if);
          this.#branch(number, taken, last, after);
          code.close();
        }
        this.#follow(number, next!, after);
        return;
      }
      case 'indirect': {
        const target = local(LOCALS.target, 64);
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
        this.#leaveFar(target);
        return;
      }
    }
  }

  /** A direct branch, which may lead to another page. */
  #branch(from: number, taken: Edge | undefined, word: number, flags: FlagsState): void {
    if (taken) {
      this.#follow(from, taken, flags);
      return;
    }
    const decoded = decode(this.#source.word(word), this.#source.features)!;
    const distance = BigInt(decoded.row.imm!(decoded.fields));
    this.#leaveFar(intOp('add', local(LOCALS.vaPage, 64), constant(64, BigInt(4 * word) + distance)));
  }

  /** The label of a wasm construct that leads to the edge's block, where there is one: else the block's code comes here. */
  #labelOf(from: number, edge: Edge): number | undefined {
    if ('leave' in edge) return undefined;
    const { order, merges } = this.#source.graph;
    const backward = order[edge.block] <= order[from];
    return backward || merges[edge.block] ? this.#labels.get(edge.block)! : undefined;
  }
  #follow(from: number, edge: Edge, flags: FlagsState): void {
    if ('leave' in edge) {
      this.#leaveAt(edge.leave);
      return;
    }
    const label = this.#labelOf(from, edge);
    if (label !== undefined) this.#code.branch(label);
    else this.#tree(edge.block, flags);
  }
}
