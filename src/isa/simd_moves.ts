/** Advanced SIMD instructions that move lanes: copies, permutations, table lookup, immediates, reductions. Arm ARM C4.1.90. */
import type { Emitter, Register, Value } from './emitter.ts';
import type { Fields } from './pattern.ts';
import { type ArrangementByQ, pairs } from './simd_forms.ts';
import type { Bitwise, LaneBits, LaneOperation, Vector, VectorRegister } from './vector_emitter.ts';
import {
  type Arrangement,
  byQ,
  byteIndices,
  everyOther,
  joinHigh,
  joinLow,
  laneBits,
  lanesIn,
} from './vectors.ts';

interface One {
  readonly vn: VectorRegister;
  readonly vd: VectorRegister;
}
interface Two extends One {
  readonly vm: VectorRegister;
}

/** Vectors of bytes, where the size does not matter. */
export const bytesByQ = {
  feature: 'AdvSIMD',
  shape: () => ({ bits: 8 as LaneBits }),
  bytes: { extent: byQ },
};

// Permutations of two vectors; those of 64 bits are made from both side by side.

const permutation =
  (indices: (lanes: number) => number[]) =>
  ({ bits, q, vn, vm, vd }: ArrangementByQ & Two, e: Emitter) => {
    const [a, b] = [e.vector.read(vn), e.vector.read(vm)];
    const lanes = lanesIn(bits) / (q ? 1 : 2);
    // A lane of the second vector is behind all 128 bits of the first.
    const chosen = indices(lanes).map((i) => (i < lanes ? i : i - lanes + lanesIn(bits)));
    const padded = Array.from({ length: lanesIn(bits) }, (_, i) => chosen[i] ?? 0);
    e.vector.write(vd, e.vector.shuffle(a, b, byteIndices(bits, padded)), byQ({ q }));
  };
const list = (count: number, of: (i: number) => number) => Array.from({ length: count }, (_, i) => of(i));
export const unzip = (part: 0 | 1) => permutation((n) => list(n, (i) => 2 * i + part));
export const transpose = (part: 0 | 1) =>
  permutation((n) => list(n, (i) => (i % 2 ? n + i - 1 + part : i + part)));
export const zip = (part: 0 | 1) =>
  permutation((n) => list(n, (i) => (i % 2 ? n : 0) + (i >> 1) + (part * n) / 2));

export const extract = (
  { q, position, vn, vm, vd }: { q: number; position: Value<32> } & Two,
  e: Emitter,
) => {
  const [a, b] = [e.vector.read(vn), e.vector.read(vm)];
  const [low, high] = q ? [a, b] : [joinLow(e, a, b), b];
  e.vector.write(vd, e.vector.extract(low, high, position), byQ({ q }));
};

/** `extend`: TBX leaves the destination where the index is out of range. */
export const tableLookup =
  (extend: boolean) =>
  ({ len, extent, vn, vm, vd }: { len: number; extent: Value<32> } & Two, e: Emitter) => {
    const { vector } = e;
    const indices = vector.read(vm);
    const tables = list(len + 1, (i) => i).map((i) => vector.read(vector.after(vn, i)));
    let result = vector.constant(0n);
    tables.forEach((table, i) => {
      const start = vector.splat(8, e.constant(64, 16 * i));
      const found = vector.lookUp(table, vector.lanes('sub', 8, indices, start));
      result = vector.bitwise('or', result, found);
    });
    if (extend) {
      const last = vector.splat(8, e.constant(64, 16 * len + 15));
      const outside = vector.lanes('greaterUnsigned', 8, indices, last);
      result = vector.select(outside, vector.read(vd), result);
    }
    vector.write(vd, result, extent);
  };

// Copies: the lowest bit of imm5 that is set is the element's size, what is above it the index.

const sizeOf = (imm5: number) => (imm5 === 0 ? 5 : 31 - Math.clz32(imm5 & -imm5));
const indexOf = ({ imm5 }: Fields<'imm5'>) => imm5 >> (sizeOf(imm5) + 1);
export const elementOf = {
  shape: ({ imm5 }: Fields<'imm5'>) => ({ bits: laneBits(sizeOf(imm5)) }),
  bytes: { index: indexOf },
};
export const elementByQ = { ...elementOf, bytes: { index: indexOf, extent: byQ } };
export const elementToElement = {
  shape: elementOf.shape,
  bytes: {
    index: indexOf,
    source: ({ imm5, imm4 }: Fields<'imm5' | 'imm4'>) => imm4 >> sizeOf(imm5),
  },
};
interface Indexed {
  readonly bits: LaneBits;
  readonly index: Value<32>;
}
export const duplicate = ({ bits, extent, index, vn, vd }: Indexed & Arrangement & One, e: Emitter) =>
  e.vector.write(vd, e.vector.splat(bits, e.vector.element(bits, vn, index)), extent);
export const duplicateScalar = ({ bits, index, vn, vd }: Indexed & One, e: Emitter) =>
  e.vector.write(vd, e.vector.fromLow(e.vector.element(bits, vn, index)), 16);
export const duplicateGeneral = (
  { bits, extent, rn, vd }: Arrangement & { rn: Register; vd: VectorRegister },
  e: Emitter,
) => e.vector.write(vd, e.vector.splat(bits, e.x(rn, 64)), extent);
export const moveUnsigned = (
  { bits, index, vn, rd }: Indexed & { vn: VectorRegister; rd: Register },
  e: Emitter,
) => e.setX(rd, e.vector.element(bits, vn, index));
export const moveSigned = (
  { bits, q, index, vn, rd }: Indexed & { q: number; vn: VectorRegister; rd: Register },
  e: Emitter,
) => {
  const element = e.vector.element(bits, vn, index);
  const narrow = bits as 8 | 16 | 32;
  e.setX(rd, q ? e.signExtend(64, element, narrow) : e.signExtend(32, element, narrow));
};
export const insertGeneral = (
  { bits, index, rn, vd }: Indexed & { rn: Register; vd: VectorRegister },
  e: Emitter,
) => e.vector.setElement(bits, vd, index, e.x(rn, 64));
export const insertElement = (
  { bits, index, source, vn, vd }: Indexed & { source: Value<32> } & One,
  e: Emitter,
) => e.vector.setElement(bits, vd, index, e.vector.element(bits, vn, source));

// Modified immediates: AdvSIMDExpandImm(), replicated to 64 bits when the instruction is decoded.

type Immediate = Fields<'abc' | 'defgh'>;
const imm8 = ({ abc, defgh }: Immediate) => BigInt((abc << 5) | defgh);
const replicate = (value: bigint, bits: 8 | 16 | 32): bigint => {
  let all = value;
  for (let width = bits as number; width < 64; width *= 2) all |= all << BigInt(width);
  return all;
};
const expanded = (imm: (fields: Immediate & { x: number }) => bigint, inverted = false) => ({
  feature: 'AdvSIMD',
  imm: (fields: Immediate & { x?: number }) => {
    const value = imm({ ...fields, x: fields.x ?? 0 });
    return inverted ? BigInt.asUintN(64, ~value) : value;
  },
  bytes: { extent: byQ },
});
export const shiftedWord = (inverted: boolean) =>
  expanded((f) => replicate(imm8(f) << BigInt(8 * f.x), 32), inverted);
export const shiftedHalfword = (inverted: boolean) =>
  expanded((f) => replicate(imm8(f) << BigInt(8 * f.x), 16), inverted);
/** Ones are shifted in. */
export const shiftedOnes = (inverted: boolean) =>
  expanded((f) => replicate(((imm8(f) + 1n) << BigInt(8 + 8 * f.x)) - 1n, 32), inverted);
export const replicatedByte = expanded((f) => replicate(imm8(f), 8));
/** Each bit makes a byte. */
export const bytesOfBits = expanded((f) => {
  let all = 0n;
  for (let bit = 7n; bit >= 0n; bit--) all = (all << 8n) | ((imm8(f) >> bit) & 1n ? 0xffn : 0n);
  return all;
});
/** VFPExpandImm(). */
export function expandFloat(imm: bigint, size: 16 | 32 | 64): bigint {
  const [exponent, fraction] = { 16: [5, 10], 32: [8, 23], 64: [11, 52] }[size].map(BigInt);
  const sign = imm >> 7n;
  const b6 = (imm >> 6n) & 1n;
  const ones = (1n << (exponent - 3n)) - 1n;
  const biased = ((b6 ^ 1n) << (exponent - 1n)) | ((b6 ? ones : 0n) << 2n) | ((imm >> 4n) & 3n);
  return (sign << BigInt(size - 1)) | (biased << fraction) | ((imm & 15n) << (fraction - 4n));
}
export const floatImmediate32 = expanded((f) => replicate(expandFloat(imm8(f), 32), 32));
export const floatImmediate16 = {
  ...expanded((f) => replicate(expandFloat(imm8(f), 16), 16)),
  feature: 'FP16',
};
export const floatImmediate64 = {
  ...expanded((f) => expandFloat(imm8(f), 64)),
  bytes: { extent: () => 16 },
};
interface ImmediateOperands {
  readonly imm: Value<64>;
  readonly extent: Value<32>;
  readonly vd: VectorRegister;
}
export const moveImmediate = ({ imm, extent, vd }: ImmediateOperands, e: Emitter) =>
  e.vector.write(vd, e.vector.splat(64, imm), extent);
/** ORR, BIC. */
export const withImmediate =
  (operation: Bitwise) =>
  ({ imm, extent, vd }: ImmediateOperands, e: Emitter) => {
    const value = e.vector.bitwise(operation, e.vector.read(vd), e.vector.splat(64, imm));
    e.vector.write(vd, value, extent);
  };

// Reductions.

/** Both halves the same, so that what is not there changes no minimum or maximum. */
const doubled = (e: Emitter, q: number, a: Vector) => (q ? a : joinLow(e, a, a));
export const reduce =
  (operation: LaneOperation) =>
  ({ bits, q, vn, vd }: ArrangementByQ & One, e: Emitter) => {
    let value = doubled(e, q, e.vector.read(vn));
    const lanes = lanesIn(bits) / (q ? 1 : 2);
    for (let width = lanes; width > 1; width /= 2) {
      const even = everyOther(e, bits, value, value, 0);
      value = e.vector.lanes(operation, bits, even, everyOther(e, bits, value, value, 1));
    }
    e.vector.write(vd, value, bits / 8);
  };
/** Neighbours are added in ever larger lanes; the sum of 64 bits is cut to twice the lane's size. */
export const sumLong =
  (signed: boolean) =>
  ({ bits, q, vn, vd }: ArrangementByQ & One, e: Emitter) => {
    const zero = e.vector.constant(0n);
    const a = e.vector.read(vn);
    let value = q ? a : joinLow(e, a, zero);
    for (let width = bits as number; width < 64; width *= 2) {
      const wide = (2 * width) as LaneBits;
      const by = e.constant(32, width);
      const kind = signed ? 'rightSigned' : 'right';
      const even = e.vector.shift(kind, wide, e.vector.shift('left', wide, value, by), by);
      value = e.vector.lanes('add', wide, even, e.vector.shift(kind, wide, value, by));
    }
    const sum = e.vector.lanes('add', 64, value, joinHigh(e, value, zero));
    e.vector.write(vd, sum, bits / 4);
  };
/** ADDP (scalar). */
export const addPair = ({ vn, vd }: One, e: Emitter) => {
  const a = e.vector.read(vn);
  const [even, odd] = pairs(e, 64, 1, a, a);
  e.vector.write(vd, e.vector.lanes('add', 64, even, odd), 8);
};

export const polynomialHalf = { shape: ({ q }: Fields<'q'>) => ({ half: q as 0 | 1 }) };
interface Half {
  readonly half: 0 | 1;
}
/** PMULL of bytes. */
export const polynomialLong = ({ half, vn, vm, vd }: Half & Two, e: Emitter) => {
  const inputs = [vn, vm].map((register) => ({
    of: e.vector.read(register),
    bits: 8 as const,
    from: 8 * half,
  }));
  const product = e.vector.mapLanes(16, 16, inputs, (x, y) => {
    const factor = e.keep(x);
    const bitsOfY = e.keep(y);
    let sum = e.constant(64, 0);
    for (let i = 0; i < 8; i++) {
      const bit = e.and(e.shiftRight(bitsOfY, e.constant(64, i)), e.constant(64, 1));
      sum = e.xor(sum, e.mul(bit, e.shiftLeft(factor, e.constant(64, i))));
    }
    return sum;
  });
  e.vector.write(vd, product, 16);
};
/** Of doublewords (FEAT_PMULL). */
export const polynomialDoubleword = ({ half, vn, vm, vd }: Half & Two, e: Emitter) => {
  const [a, b] = [vn, vm].map((register) => e.vector.lane(64, e.vector.read(register), half));
  e.vector.write(vd, e.vector.polynomialProduct(a, b), 16);
};
