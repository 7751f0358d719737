/**
 * The part of a region's Emitter that keeps the condition flags: the operands of what set them last, in locals (flags.ts). A choice
 * between two settings of the flags, which CCMP is, needs no branch.
 */
import type { Value } from '../../isa/emitter.ts';
import { type CodeBuffer, constant, convert, intOp, type Node } from '../wasm/expression.ts';
import { op } from '../wasm/opcodes.ts';
import { node, value, WasmEmitter } from '../wasm_emitter.ts';
import {
  conditionOf,
  constantCondition,
  EXPLICIT,
  explicitCondition,
  type FlagsKind,
  type FlagsState,
  kindNumber,
  negated,
} from './flags.ts';
import { LOCALS, local } from './locals.ts';

export interface FlagsOperands {
  readonly kind: FlagsKind;
  readonly a: Node;
  readonly b: Node;
}

const NOT_ONLY_FLAGS = new Error('a choice of more than flags');

export abstract class FlagsEmitter extends WasmEmitter {
  readonly #flagsFunction: number;
  /** What is known here. */
  flags: FlagsState = { known: 'nothing' };
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
  #setFlags(operation: 'add' | 'subtract' | 'logical', a: Value, b?: Value): void {
    const kind = `${operation}${node(a).width}` as FlagsKind;
    const wide = (of: Value) =>
      this.code.keep(node(of).width === 64 ? node(of) : convert(64, op.i64ExtendI32U, node(of)));
    const operands = { kind, a: wide(a), b: b ? wide(b) : constant(64, 0) };
    if (this.#captured) this.#captured.flags = operands;
    else {
      this.#keepOperands(operands);
      this.code.i32(kindNumber(kind));
      this.code.set(LOCALS.flagsKind);
      this.flags = { known: 'kind', kind };
    }
  }
  #keepOperands({ a, b }: FlagsOperands): void {
    this.code.emit(a);
    this.code.set(LOCALS.flagsA);
    this.code.emit(b);
    this.code.set(LOCALS.flagsB);
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
    this.flags = { known: 'explicit' };
  }
  #makeExplicit(): void {
    if (this.flags.known === 'explicit') return;
    this.notOnlyFlags();
    this.code.get(LOCALS.flagsKind);
    this.code.get(LOCALS.flagsA);
    this.code.get(LOCALS.flagsB);
    this.code.call(this.#flagsFunction);
    this.code.i32(EXPLICIT);
    this.code.int('add', 32);
    this.code.set(LOCALS.flagsKind);
    this.flags = { known: 'explicit' };
  }
  override nzcv(): Value<32> {
    this.#makeExplicit();
    return value(this.code.keep(intOp('sub', local(LOCALS.flagsKind, 32), constant(32, EXPLICIT))));
  }
  override carry(): Value<32> {
    return this.condition(2);
  }
  override condition(code: number | Value<32>): Value<32> {
    const known = typeof code === 'number' ? code : Number((node(code) as { value: bigint }).value);
    const holds = this.#evenCondition(known >> 1);
    return value(this.code.keep(negated(known) ? intOp('eqz', holds) : holds));
  }
  #evenCondition(pair: number): Node {
    if (pair === 7) return constant(32, 1);
    const [a, b] = [local(LOCALS.flagsA, 64), local(LOCALS.flagsB, 64)];
    if (this.flags.known === 'nothing') this.#makeExplicit();
    switch (this.flags.known) {
      case 'kind':
        return conditionOf(this.flags.kind, pair, a, b);
      case 'choice': {
        const holds = conditionOf(this.flags.kind, pair, a, b);
        const choice = local(LOCALS.flagsChoice, 32);
        return constantCondition(pair, this.flags.otherwise)
          ? intOp('or', intOp('eqz', choice), holds)
          : intOp('and', choice, holds);
      }
      default:
        return explicitCondition(pair, local(LOCALS.flagsKind, 32));
    }
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
    this.code.emit({
      kind: 'select',
      width: 32,
      condition: local(LOCALS.flagsChoice, 32),
      ifTrue: constant(32, kindNumber(ifTrue.kind)),
      ifFalse: constant(32, EXPLICIT + otherwise),
    });
    this.code.set(LOCALS.flagsKind);
    this.flags = { known: 'choice', kind: ifTrue.kind, otherwise };
  }
}
