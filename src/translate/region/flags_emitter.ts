/**
 * The part of a region's Emitter that keeps the condition flags: the operands of what set them last, in locals (flags.ts). A choice
 * between two settings of the flags, which CCMP is, needs no branch.
 */
import type { Value } from '../../isa/emitter.ts';
import {
  type CodeBuffer,
  type Constant,
  constant,
  convert,
  intOp,
  local,
  type Node,
  select,
} from '../wasm/expression.ts';
import { op } from '../wasm/opcodes.ts';
import { node, value, WasmEmitter } from '../wasm_emitter.ts';
import {
  conditionOf,
  constantCondition,
  EXPLICIT,
  explicitCondition,
  type FlagsKind,
  IN_CELLS,
  kindNumber,
  kindOf,
  negated,
} from './flags.ts';
import {
  FLAGS_EXPLICIT,
  FLAGS_IN_CELLS,
  FLAGS_IN_LOCALS,
  type FlagsOperand,
  type FlagsOperation,
  type FlagsState,
  flagsAfter,
} from './flags_state.ts';
import { type Instruction, instructionOf } from './instruction.ts';
import { LOCALS } from './locals.ts';

export interface FlagsOperands {
  readonly kind: FlagsKind;
  readonly a: Node;
  readonly b: Node;
}

function operandNode(operand: FlagsOperand, name: 'a' | 'b'): Node {
  if (operand === 'none') return constant(64, 0);
  if (operand === 'local') return local(name === 'a' ? LOCALS.flagsA : LOCALS.flagsB, 64);
  if ('constant' in operand) return constant(64, operand.constant);
  const register = local(LOCALS.x0 + operand.register, 64);
  return operand.plus === 0 ? register : intOp('add', register, constant(64, operand.plus));
}

const NOP = 0xd503_201f;
const NOT_ONLY_FLAGS = new Error('a choice of more than flags');

export abstract class FlagsEmitter extends WasmEmitter {
  readonly #flagsFunction: number;
  /** What is known here. */
  flags: FlagsState = FLAGS_IN_CELLS;
  /** The present one. */
  protected present: Instruction = instructionOf(NOP);
  /** Inside the arms of a `when` that is tried without a branch: what the flags were set to; and whether anything else happened. */
  #captured: { flags: FlagsOperands | number | undefined; only: boolean } | undefined;

  /** `flagsFunction` is the index of the function (kind, a, b) → NZCV. */
  constructor(code: CodeBuffer, flagsFunction: number) {
    super(code);
    this.#flagsFunction = flagsFunction;
  }

  override setFlagsAdd<W extends 32 | 64>(
    a: Value<W>,
    b: Value<W>,
    result: Value<W>,
    carry?: Value<32>,
  ): void {
    if (!carry) {
      this.#setFlags('add', a, b);
      return;
    }
    const [x, y, r] = [this.keep(a), this.keep(b), this.keep(result)];
    const c = this.or(this.lessUnsigned(r, x), this.and(carry, this.equal(r, x)));
    const v = this.and(this.xor(x, r), this.xor(y, r));
    const zero = this.constant(node(a).width as W, 0);
    const at = (of: Value<32>, bit: number) => this.shiftLeft(of, this.constant(32, bit));
    const nz = this.or(at(this.lessSigned(r, zero), 3), at(this.isZero(r), 2));
    this.#setExplicit(node(this.or(nz, this.or(at(c, 1), this.lessSigned(v, zero)))));
  }
  override setFlagsSubtract<W extends 32 | 64>(a: Value<W>, b: Value<W>): void {
    this.#setFlags('subtract', a, b);
  }
  override setFlagsLogical(result: Value): void {
    this.#setFlags('logical', result);
  }
  #setFlags(operation: FlagsOperation, a: Value, b?: Value): void {
    const kind = `${operation}${node(a).width}` as FlagsKind;
    const wide = (of: Value) =>
      this.code.keep(node(of).width === 64 ? node(of) : convert(64, op.i64ExtendI32U, node(of)));
    const { flags } = this.present;
    if (flags === 'computed') {
      const operands = { kind, a: wide(a), b: b ? wide(b) : constant(64, 0) };
      if (this.#captured) this.#captured.flags = operands;
      else {
        this.#keepOperands(operands);
        this.flags = { kind: kindNumber(kind), a: 'local', b: 'local' };
      }
      return;
    }
    if (flags?.kind !== kind) throw new Error(`flags of kind ${kind} where ${flags?.kind} was expected`);
    const after = flagsAfter(this.flags, this.present);
    if (after.a === 'local') this.#keep(LOCALS.flagsA, wide(a));
    if (after.b === 'local') this.#keep(LOCALS.flagsB, b ? wide(b) : constant(64, 0));
    this.flags = after;
  }
  #keep(into: number, of: Node): void {
    this.code.emit(of);
    this.code.set(into);
  }
  #keepOperands({ a, b }: FlagsOperands): void {
    this.#keep(LOCALS.flagsA, a);
    this.#keep(LOCALS.flagsB, b);
  }

  /** Before an instruction: what it is, and operands that its writes take away are put into locals. */
  protected beginInstruction(instruction: Instruction): void {
    this.present = instruction;
    if (instruction.flags || instruction.writes.length === 0) return;
    const before = this.flags;
    const { a, b } = flagsAfter(before, instruction);
    if (a === before.a && b === before.b) return;
    this.flags = { ...before, ...(a === 'local' && { a }), ...(b === 'local' && { b }) };
    this.#moveOperands(before, this.flags);
  }
  /** Behind it. */
  protected endInstruction(): void {
    if (this.present.flags !== 'computed') this.flags = flagsAfter(this.flags, this.present);
  }
  #moveOperands(from: FlagsState, to: FlagsState): void {
    if (to.a === 'local' && typeof from.a === 'object') this.#keep(LOCALS.flagsA, operandNode(from.a, 'a'));
    if (to.b === 'local' && typeof from.b === 'object') this.#keep(LOCALS.flagsB, operandNode(from.b, 'b'));
  }
  /** Whether `moveFlags` has anything to do. */
  static moves(from: FlagsState, to: FlagsState): boolean {
    const operand = (a: FlagsOperand, b: FlagsOperand) => b === 'local' && typeof a === 'object';
    const kind = to.kind === 'local' && typeof from.kind === 'number';
    return kind || operand(from.a, to.a) || operand(from.b, to.b);
  }
  /** Where control goes from a place with state `from` to one with `to`. */
  moveFlags(from: FlagsState, to: FlagsState): void {
    if (to.kind === 'dead') return;
    const same = from.kind === to.kind || (from.kind === 'explicit' && to.kind === 'local');
    if (from.kind === 'dead' || !(same || (to.kind === 'local' && typeof from.kind === 'number')))
      throw new Error(`flags known as ${from.kind} become ${to.kind}`);
    if (typeof from.kind === 'number' && to.kind === 'local')
      this.#keep(LOCALS.flagsKind, constant(32, from.kind));
    this.#moveOperands(from, to);
  }

  override setNzcv(nzcv: Value<32>): void {
    const of = node(nzcv);
    if (this.#captured && of.kind === 'constant') this.#captured.flags = Number(of.value);
    else this.#setExplicit(of);
  }
  #setExplicit(nzcv: Node): void {
    this.notOnlyFlags();
    this.code.emit(intOp('add', nzcv, constant(32, EXPLICIT)));
    this.code.set(LOCALS.flagsKind);
    this.flags = FLAGS_EXPLICIT;
  }
  /** The flags themselves; from then on they are known so, unless it is known anyway what they follow from. */
  override nzcv(): Value<32> {
    const { kind, a, b } = this.flags;
    if (kind === 'dead') throw new Error('dead flags are read');
    if (kind !== 'explicit') {
      this.notOnlyFlags();
      this.code.emit(typeof kind === 'number' ? constant(32, kind) : local(LOCALS.flagsKind, 32));
      this.code.emit(operandNode(a, 'a'));
      this.code.emit(operandNode(b, 'b'));
      this.code.call(this.#flagsFunction);
      const flags = this.code.keepTop(32);
      if (typeof kind === 'number') return value(flags);
      this.#setExplicit(flags);
    }
    return value(this.code.keep(intOp('sub', local(LOCALS.flagsKind, 32), constant(32, EXPLICIT))));
  }
  override carry(): Value<32> {
    return this.condition(2);
  }
  override condition(code: number | Value<32>): Value<32> {
    const known = typeof code === 'number' ? code : Number((node(code) as Constant).value);
    const holds = this.#evenCondition(known >> 1);
    return value(this.code.keep(negated(known) ? intOp('eqz', holds) : holds));
  }
  #evenCondition(pair: number): Node {
    if (pair === 7) return constant(32, 1);
    const { kind, choice } = this.flags;
    const [a, b] = [operandNode(this.flags.a, 'a'), operandNode(this.flags.b, 'b')];
    if (choice) {
      const holds = conditionOf(choice.kind, pair, a, b);
      const chosen = local(LOCALS.flagsChoice, 32);
      return constantCondition(pair, choice.otherwise)
        ? intOp('or', intOp('eqz', chosen), holds)
        : intOp('and', chosen, holds);
    }
    if (typeof kind === 'number' && kind !== IN_CELLS) return conditionOf(kindOf(kind), pair, a, b);
    return explicitCondition(pair, node(this.nzcv()));
  }

  /** Runs an arm for the flags that it sets; undefined if it does anything else, which then has happened in part. */
  protected captureFlags(arm: () => void): FlagsOperands | number | undefined {
    const captured = { flags: undefined as FlagsOperands | number | undefined, only: true };
    const before = this.flags;
    this.#captured = captured;
    try {
      arm();
    } catch (error) {
      if (error !== NOT_ONLY_FLAGS) throw error;
      captured.only = false;
    }
    this.#captured = undefined;
    this.flags = before;
    return captured.only ? captured.flags : undefined;
  }
  /** What happens now is more than setting flags. */
  protected notOnlyFlags(): void {
    if (this.#captured) throw NOT_ONLY_FLAGS;
  }
  protected chooseFlags(condition: Node, ifTrue: FlagsOperands, otherwise: number): void {
    this.#keepOperands(ifTrue);
    this.code.emit(condition);
    this.code.set(LOCALS.flagsChoice);
    const [chosen, not] = [constant(32, kindNumber(ifTrue.kind)), constant(32, EXPLICIT + otherwise)];
    this.code.emit(select(local(LOCALS.flagsChoice), chosen, not));
    this.code.set(LOCALS.flagsKind);
    this.flags = { ...FLAGS_IN_LOCALS, choice: { kind: ifTrue.kind, otherwise } };
  }
}
