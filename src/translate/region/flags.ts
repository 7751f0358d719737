/**
 * Condition flags evaluated lazily. A region keeps the operands of the last instruction that set them, and in local `kind`
 * what they are operands of; where the kind is known when code is generated, a condition is one comparison.
 *
 * Values of `kind`: 0 the flags are in the state's cells; 1 to 6 below; 16 + NZCV: the flags themselves.
 */
import { CELL } from '../../cpu/state.ts';
import { type CodeBuffer, constant, convert, intOp, local, type Node } from '../wasm/expression.ts';
import { op } from '../wasm/opcodes.ts';

const KINDS = {
  subtract32: 1,
  subtract64: 2,
  add32: 3,
  add64: 4,
  logical32: 5,
  logical64: 6,
} as const;
export type FlagsKind = keyof typeof KINDS;
const KIND_COUNT = 7;
export const kindNumber = (kind: FlagsKind): number => KINDS[kind];
export const kindOf = (number: number): FlagsKind => Object.keys(KINDS)[number - 1] as FlagsKind;
export const IN_CELLS = 0;
/** `kind` from here on is the flags themselves. */
export const EXPLICIT = 16;

const eq = (a: Node, b: Node) => intOp('eq', a, b);
const not = (a: Node) => intOp('eqz', a);
const and = (a: Node, b: Node) => intOp('and', a, b);
const xor = (a: Node, b: Node) => intOp('xor', a, b);
const zero = (like: Node) => constant(like.width, 0);
const negative = (a: Node) => intOp('ltS', a, zero(a));

/** Condition codes come in pairs: EQ, CS, MI, VS, HI, GE, GT, AL; odd codes are the negation. */
export const negated = (code: number): boolean => (code & 1) === 1 && code >> 1 !== 7;

/** Whether the even condition code `2 * pair` holds after an operation with operands `a` and `b` (64 bits wide, as kept). */
export function conditionOf(kind: FlagsKind, pair: number, wideA: Node, wideB: Node): Node {
  const narrow = kind.endsWith('32');
  const sized = (of: Node) => (narrow ? convert(32, op.i32WrapI64, of) : of);
  const [a, b] = [sized(wideA), sized(wideB)];
  if (pair === 7) return constant(32, 1);
  if (kind === 'subtract32' || kind === 'subtract64') {
    const result = intOp('sub', a, b);
    return [
      () => eq(a, b),
      () => not(intOp('ltU', a, b)),
      () => negative(result),
      () => negative(and(xor(a, b), xor(a, result))),
      () => intOp('ltU', b, a),
      () => not(intOp('ltS', a, b)),
      () => intOp('ltS', b, a),
    ][pair]();
  }
  const logical = kind === 'logical32' || kind === 'logical64';
  const result = logical ? a : intOp('add', a, b);
  const carry = () => (logical ? constant(32, 0) : intOp('ltU', result, a));
  const overflow = () => (logical ? constant(32, 0) : negative(and(xor(a, result), xor(b, result))));
  return conditionFrom(
    pair,
    () => negative(result),
    () => not(result),
    carry,
    overflow,
  );
}

function conditionFrom(pair: number, n: () => Node, z: () => Node, c: () => Node, v: () => Node): Node {
  switch (pair) {
    case 0:
      return z();
    case 1:
      return c();
    case 2:
      return n();
    case 3:
      return v();
    case 4:
      return and(c(), not(z()));
    case 5:
      return eq(n(), v());
    case 6:
      return and(eq(n(), v()), not(z()));
    default:
      return constant(32, 1);
  }
}

/** The same of flags NZCV in the low four bits of `flags`. */
export function explicitCondition(pair: number, flags: Node): Node {
  const bit = (n: number) => () => and(intOp('shrU', flags, constant(32, n)), constant(32, 1));
  return conditionFrom(pair, bit(3), bit(2), bit(1), bit(0));
}

/** Whether the condition holds for constant flags. */
export function constantCondition(pair: number, nzcv: number): boolean {
  const [n, z, c, v] = [3, 2, 1, 0].map((bit) => ((nzcv >> bit) & 1) === 1);
  return [z, c, n, v, c && !z, n === v, n === v && !z, true][pair];
}

/** NZCV from its four conditions. */
function packed(kind: FlagsKind, a: Node, b: Node): Node {
  const [z, c, n, v] = [0, 1, 2, 3].map((pair) => conditionOf(kind, pair, a, b));
  const at = (of: Node, bit: number) => intOp('shl', of, constant(32, bit));
  return intOp('or', intOp('or', at(n, 3), at(z, 2)), intOp('or', at(c, 1), v));
}

/** Body of a function (kind: i32, a: i64, b: i64) → NZCV. */
export function emitFlagsFunction(code: CodeBuffer): void {
  const [kind, a, b] = [local(0), local(1, 64), local(2, 64)];
  const labels = Array.from({ length: KIND_COUNT + 1 }, () => code.open(op.block)).reverse();
  code.emit(kind);
  code.byte(op.brTable);
  code.unsigned(KIND_COUNT);
  for (const label of labels) code.unsigned(code.depth - label);
  const cases = [inCells, ...Object.keys(KINDS).map((name) => () => packed(name as FlagsKind, a, b))];
  for (const of of cases) {
    code.close();
    code.emit(of());
    code.byte(op.return);
  }
  code.close();
  code.emit(intOp('sub', kind, constant(32, EXPLICIT)));

  function inCells(): Node {
    const cell = (name: 'flagN' | 'flagZ' | 'flagC' | 'flagV') => {
      code.i32(0);
      code.memory(op.i64Load, CELL[name]);
      return code.keepTop(64);
    };
    const [n, z, c, v] = (['flagN', 'flagZ', 'flagC', 'flagV'] as const).map(cell);
    const at = (of: Node, bit: number) => intOp('shl', of, constant(32, bit));
    const nz = intOp('or', at(negative(n), 3), at(not(z), 2));
    return intOp('or', nz, intOp('or', at(convert(32, op.i32WrapI64, c), 1), negative(v)));
  }
}

/** Stores NZCV, which `flags` has in its low four bits, into the cells. */
export function emitStoreFlags(code: CodeBuffer, flags: Node): void {
  const wide = code.keep(convert(64, op.i64ExtendI32U, flags));
  const store = (cell: 'flagN' | 'flagZ' | 'flagC' | 'flagV', of: Node) => {
    code.i32(0);
    code.emit(of);
    code.memory(op.i64Store, CELL[cell]);
  };
  store('flagN', intOp('shl', wide, constant(64, 60)));
  store('flagZ', xor(and(wide, constant(64, 4)), constant(64, 4)));
  store('flagC', and(intOp('shrU', wide, constant(64, 1)), constant(64, 1)));
  store('flagV', intOp('shl', wide, constant(64, 63)));
}
