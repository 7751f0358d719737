/** What floating-point instructions do with numbers, and the forms of the scalar ones. Arm ARM C7.2, J1.3.4. */
import type { Emitter, Register, Value, Width } from './emitter.ts';
import type { FloatFunction, FloatOperation, FloatSize, Rounding } from './float_operation.ts';
import type { Fields } from './pattern.ts';
import { widthOf } from './pseudocode.ts';
import { expandFloat } from './simd_moves.ts';
import type { VectorRegister } from './vector_emitter.ts';

export type Size = FloatSize;
const SIZES = [32, 64, undefined, 16] as const;
/** The size of a ptype field (or opc of FCVT); 10 is reserved. */
const sizeOf = (ptype: number) => SIZES[ptype] as Size;

// Scalars in vector registers.

export const readScalar = (e: Emitter, size: Size, register: VectorRegister): Value<64> =>
  e.vector.element(size, register, e.constant(32, 0));
/** `value` is zero-extended. */
export const writeScalar = (e: Emitter, register: VectorRegister, value: Value<64>): void =>
  e.vector.write(register, e.vector.fromLow(value), 16);

const signBit = (e: Emitter, size: Size) => e.constant(64, 1n << BigInt(size - 1));
const negated = (e: Emitter, size: Size, a: Value<64>) => e.xor(a, signBit(e, size));
const magnitude = (e: Emitter, size: Size, a: Value<64>) =>
  e.and(a, e.constant(64, (1n << BigInt(size - 1)) - 1n));

export type Float1 = (e: Emitter, size: Size, a: Value<64>) => Value<64>;
export type Float2 = (e: Emitter, size: Size, a: Value<64>, b: Value<64>) => Value<64>;
export type Float3 = (e: Emitter, size: Size, a: Value<64>, b: Value<64>, c: Value<64>) => Value<64>;

export const move: Float1 = (_e, _size, a) => a;
export const floatAbsolute: Float1 = magnitude;
export const floatNegate: Float1 = negated;
export const unary =
  (name: FloatFunction, options: Partial<FloatOperation> = {}): Float1 =>
  (e, size, a) =>
    e.vector.float({ name, size, ...options }, a);
export const binary =
  (name: FloatFunction): Float2 =>
  (e, size, a, b) =>
    e.vector.float({ name, size }, a, b);
export const negatedProduct: Float2 = (e, size, a, b) =>
  negated(e, size, e.vector.float({ name: 'mul', size }, a, b));
export const floatDifference: Float2 = (e, size, a, b) =>
  magnitude(e, size, e.vector.float({ name: 'sub', size }, a, b));
/** Addend plus product, either of them negated. */
export const mulAdd =
  (negateAddend: boolean, negateProduct: boolean): Float3 =>
  (e, size, addend, a, b) =>
    e.vector.float(
      { name: 'mulAdd', size },
      negateAddend ? negated(e, size, addend) : addend,
      negateProduct ? negated(e, size, a) : a,
      b,
    );
type Relation = 'compareEqual' | 'compareGreater' | 'compareGreaterEqual';
/** A lane of all ones, or zero. */
export const relation =
  (name: Relation, of: Float1 = move): Float2 =>
  (e, size, a, b) =>
    e.sub(e.constant(64, 0), e.vector.float({ name, size }, of(e, size, a), of(e, size, b)));
export const relationToZero =
  (name: Relation, zeroIsLeft = false): Float1 =>
  (e, size, a) => {
    const zero = e.constant(64, 0);
    return relation(name)(e, size, zeroIsLeft ? zero : a, zeroIsLeft ? a : zero);
  };
/** To an integer of the same size. */
export const toInteger =
  (rounding: Rounding, unsigned: boolean): Float1 =>
  (e, size, a) =>
    e.vector.float({ name: 'toFixed', size, to: size, rounding, unsigned }, a);
export const fromInteger =
  (unsigned: boolean): Float1 =>
  (e, size, a) =>
    e.vector.float({ name: 'fromFixed', size, to: size, unsigned }, a);
export const roundInt = (rounding: Rounding, exact = false): Float1 => unary('roundInt', { rounding, exact });

/** To an integral number of so many bits. */
export const roundIntN = (rounding: Rounding, to: 32 | 64): Float1 => unary('roundIntN', { rounding, to });

/** Half precision is FEAT_FP16's: rows of its own. */
export const precision = {
  feature: 'FP',
  shape: ({ ptype }: Fields<'ptype'>) => ({ size: sizeOf(ptype) }),
  unallocated: ({ ptype }: Fields<'ptype'>) => ptype >= 2,
};
/** FRINTTS has one bit for it. */
export const precisionBit = {
  feature: 'FRINTTS',
  shape: ({ ptype }: Fields<'ptype'>) => ({ size: sizeOf(ptype) }),
};
interface Sized {
  readonly size: Size;
}
interface Scalar1 extends Sized {
  readonly vn: VectorRegister;
  readonly vd: VectorRegister;
}
interface Scalar2 extends Scalar1 {
  readonly vm: VectorRegister;
}
export const scalar1 =
  (of: Float1) =>
  ({ size, vn, vd }: Scalar1, e: Emitter) =>
    writeScalar(e, vd, of(e, size, e.keep(readScalar(e, size, vn))));
export const scalar2 =
  (of: Float2) =>
  ({ size, vn, vm, vd }: Scalar2, e: Emitter) =>
    writeScalar(e, vd, of(e, size, readScalar(e, size, vn), readScalar(e, size, vm)));
export const scalar3 =
  (of: Float3) =>
  ({ size, vn, vm, va, vd }: Scalar2 & { va: VectorRegister }, e: Emitter) => {
    const [a, n, m] = [va, vn, vm].map((register) => readScalar(e, size, register));
    writeScalar(e, vd, of(e, size, a, n, m));
  };

export const converted = {
  feature: 'FP',
  shape: ({ ptype, opc }: Fields<'ptype' | 'opc'>) => ({ size: sizeOf(ptype), to: sizeOf(opc) }),
  unallocated: ({ ptype, opc }: Fields<'ptype' | 'opc'>) => ptype === 2 || opc === 2 || ptype === opc,
};
export const convert = ({ size, to, vn, vd }: Scalar1 & { to: Size }, e: Emitter) =>
  writeScalar(e, vd, e.vector.float({ name: 'convert', size, to }, readScalar(e, size, vn)));

export const convertBF = ({ vn, vd }: Omit<Scalar1, 'size'>, e: Emitter) =>
  writeScalar(e, vd, e.vector.float({ name: 'convertBF', size: 32 }, readScalar(e, 32, vn)));

const compared = (e: Emitter, size: Size, vn: VectorRegister, b: Value<64>, signalling: boolean) =>
  e.setNzcv(e.low(e.vector.float({ name: 'compare', size, exact: signalling }, readScalar(e, size, vn), b)));
export const compare =
  (signalling: boolean) =>
  ({ size, vn, vm }: Sized & { vn: VectorRegister; vm: VectorRegister }, e: Emitter) =>
    compared(e, size, vn, readScalar(e, size, vm), signalling);
export const compareZero =
  (signalling: boolean) =>
  ({ size, vn }: Sized & { vn: VectorRegister }, e: Emitter) =>
    compared(e, size, vn, e.constant(64, 0), signalling);

export const conditional = {
  ...precision,
  bytes: { condition: ({ cond }: Fields<'cond'>) => cond },
};
export const conditionalCompared = {
  ...precision,
  bytes: { ...conditional.bytes, flags: ({ nzcv }: Fields<'nzcv'>) => nzcv },
};
export const conditionalCompare =
  (signalling: boolean) =>
  (
    operands: Sized & {
      condition: Value<32>;
      flags: Value<32>;
      vn: VectorRegister;
      vm: VectorRegister;
    },
    e: Emitter,
  ) =>
    e.when(
      e.condition(operands.condition),
      () => compare(signalling)(operands, e),
      () => e.setNzcv(operands.flags),
    );
export const conditionalSelect = (
  { size, condition, vn, vm, vd }: Scalar2 & { condition: Value<32> },
  e: Emitter,
) => {
  const [a, b] = [readScalar(e, size, vn), readScalar(e, size, vm)];
  writeScalar(e, vd, e.select(e.condition(condition), a, b));
};

export const floatImmediate = {
  ...precision,
  imm: ({ ptype, imm8 }: Fields<'ptype' | 'imm8'>) => expandFloat(BigInt(imm8), sizeOf(ptype)),
  shape: () => ({}),
};
export const moveFloatImmediate = ({ imm, vd }: { imm: Value<64>; vd: VectorRegister }, e: Emitter) =>
  writeScalar(e, vd, imm);

// Between scalars and general registers.

export const withGeneral = {
  ...precision,
  shape: ({ sf, ptype }: Fields<'sf' | 'ptype'>) => ({ size: sizeOf(ptype), width: widthOf(sf) }),
};
/** A register and its general counterpart are of one size. */
export const moved = {
  ...withGeneral,
  unallocated: ({ sf, ptype }: Fields<'sf' | 'ptype'>) => ptype >= 2 || ptype !== sf,
};
/** 64 - scale is the number of bits behind the point. */
export const fixedPoint = {
  ...withGeneral,
  bytes: { fraction: ({ scale }: Fields<'scale'>) => 64 - scale },
  unallocated: ({ sf, ptype, scale }: Fields<'sf' | 'ptype' | 'scale'>) => ptype >= 2 || (!sf && scale < 32),
};
interface General extends Sized {
  readonly width: Width;
  /** Absent: integers. */
  readonly fraction?: Value<32>;
}
const fractionOf = (e: Emitter, { fraction }: Pick<General, 'fraction'>) =>
  fraction ? [e.zeroExtend(64, fraction, 32)] : [];
export const toGeneral =
  (rounding: Rounding, unsigned: boolean) =>
  (operands: General & { vn: VectorRegister; rd: Register }, e: Emitter) => {
    const { size, width, vn, rd } = operands;
    const operation = { name: 'toFixed', size, to: width, rounding, unsigned } as const;
    e.setX(rd, e.vector.float(operation, readScalar(e, size, vn), ...fractionOf(e, operands)));
  };
/** FJCVTZS. */
export const toJavaScript = ({ vn, rd }: { vn: VectorRegister; rd: Register }, e: Emitter) => {
  const result = e.keep(e.vector.float({ name: 'toFixedJS', size: 64 }, readScalar(e, 64, vn)));
  const z = e.low(e.shiftRight(result, e.constant(64, 32)));
  e.setNzcv(e.shiftLeft(z, e.constant(32, 2)));
  e.setX(rd, e.low(result));
};
export const fromGeneral =
  (unsigned: boolean) => (operands: General & { rn: Register; vd: VectorRegister }, e: Emitter) => {
    const { size, width, rn, vd } = operands;
    const operation = { name: 'fromFixed', size, to: width, unsigned } as const;
    writeScalar(e, vd, e.vector.float(operation, e.x(rn, 64), ...fractionOf(e, operands)));
  };
export const moveToGeneral = ({ size, vn, rd }: Sized & { vn: VectorRegister; rd: Register }, e: Emitter) =>
  e.setX(rd, readScalar(e, size, vn));
export const moveFromGeneral = ({ size, rn, vd }: Sized & { rn: Register; vd: VectorRegister }, e: Emitter) =>
  writeScalar(e, vd, size === 64 ? e.x(rn, 64) : e.zeroExtend(64, e.x(rn, 32), size));
export const moveTopToGeneral = ({ vn, rd }: { vn: VectorRegister; rd: Register }, e: Emitter) =>
  e.setX(rd, e.vector.element(64, vn, e.constant(32, 1)));
export const moveTopFromGeneral = ({ rn, vd }: { rn: Register; vd: VectorRegister }, e: Emitter) =>
  e.vector.setElement(64, vd, e.constant(32, 1), e.x(rn, 64));
