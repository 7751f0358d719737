/**
 * Sums of products that later extensions brought: SQRDMLAH (FEAT_RDM), dot products and matrices of bytes (FEAT_DotProd,
 * FEAT_I8MM), of BFloat16 (FEAT_BF16), widening products of halves (FEAT_FHM), complex numbers (FEAT_FCMA). Arm ARM C7.2.
 */
import type { Emitter, Value } from './emitter.ts';
import type { Size } from './float_forms.ts';
import type { Fields } from './pattern.ts';
import { elementIndex } from './simd_forms.ts';
import { type LaneContext, type Lanewise, pairwiseLong, saturate } from './simd_lanes.ts';
import type { LaneBits, LaneInput, Vector, VectorRegister } from './vector_emitter.ts';
import { byQ, byteIndices } from './vectors.ts';

interface One {
  readonly vn: VectorRegister;
  readonly vd: VectorRegister;
}
interface Two extends One {
  readonly vm: VectorRegister;
}
interface Element extends One {
  /** Number of the register that has the element, and which one it is. */
  readonly register: Value<32>;
  readonly index: Value<32>;
}
interface Extent {
  readonly extent: Value<32>;
}

/** The destination plus or minus 2 a b, its upper half, rounded: half of all that, which fits into 64 bits. */
export const roundingMultiplyAccumulate =
  (operation: 'add' | 'sub'): Lanewise =>
  (e, bits, a, b, { extent, d }) => {
    const inputs = [d(), a, b].map((of): LaneInput => ({ of, bits, signed: true }));
    return e.vector.mapLanes(bits, extent, inputs, (sum, x, y) => {
      const high = e.shiftLeft(sum, e.constant(64, bits - 1));
      const total = e.add(e[operation](high, e.mul(x, y)), e.constant(64, 1n << BigInt(bits - 2)));
      return saturate(e, bits, true, e.shiftRightSigned(total, e.constant(64, bits - 1)));
    });
  };

// Dot products of groups of four bytes, added to words.

type Signs = readonly [n: boolean, m: boolean];
/** Sums of four neighbouring products of bytes, in words. Two products of bytes fit into no halfword. */
function bytesDot(e: Emitter, [nIsSigned, mIsSigned]: Signs, n: Vector, m: Vector): Vector {
  const eight = e.constant(32, 8);
  const even = (of: Vector, signed: boolean) => odd(e.vector.shift('left', 16, of, eight), signed);
  const odd = (of: Vector, signed: boolean) =>
    e.vector.shift(signed ? 'rightSigned' : 'right', 16, of, eight);
  const [evens, odds] = [even, odd].map((part) => {
    const products = e.vector.lanes('mul', 16, part(n, nIsSigned), part(m, mIsSigned));
    return pairwiseLong(nIsSigned || mIsSigned)(e, 16, products, { extent: 16, d: () => products });
  });
  return e.vector.lanes('add', 32, evens, odds);
}
const dot = (e: Emitter, signs: Signs, { vn, vd }: One, m: Vector, extent: Value<32>) => {
  const product = bytesDot(e, signs, e.vector.read(vn), m);
  e.vector.write(vd, e.vector.lanes('add', 32, e.vector.read(vd), product), extent);
};
export const extentByQ = { bytes: { extent: byQ } };
export const dotProduct =
  (...signs: Signs) =>
  (operands: Two & Extent, e: Emitter) =>
    dot(e, signs, operands, e.vector.read(operands.vm), operands.extent);
/** An element is 32 bits, M:Vm its register. */
export const wordElement = {
  bytes: {
    extent: byQ,
    register: ({ m, vm }: Fields<'m' | 'vm'>) => (m << 4) | vm,
    index: (fields: Fields<'l' | 'm' | 'h'>) => elementIndex(2, fields),
  },
};
const wordsOf = (e: Emitter, { register, index }: Element) =>
  e.vector.splat(32, e.vector.element(32, e.vector.register(register), index));
export const dotProductElement =
  (...signs: Signs) =>
  (operands: Element & Extent, e: Emitter) =>
    dot(e, signs, operands, wordsOf(e, operands), operands.extent);

/** Of 2 by 8 bytes with 8 by 2: each row's sums with the same row of Vm, and with the other one. */
export const matrixProduct =
  (...signs: Signs) =>
  ({ vn, vm, vd }: Two, e: Emitter) => {
    const [n, m] = [e.vector.read(vn), e.vector.read(vm)];
    const same = bytesDot(e, signs, n, m);
    const other = bytesDot(e, signs, n, e.vector.shuffle(m, m, byteIndices(64, [1, 0])));
    // Halves of n0 m0, n0 m1, n1 m0, n1 m1.
    const first = e.vector.shuffle(same, other, byteIndices(32, [0, 4, 6, 2]));
    const second = e.vector.shuffle(same, other, byteIndices(32, [1, 5, 7, 3]));
    const product = e.vector.lanes('add', 32, first, second);
    e.vector.write(vd, e.vector.lanes('add', 32, e.vector.read(vd), product), 16);
  };

// BFloat16.

/** BFDotAdd(): words of two BFloat16 each. */
function bfDotAdd(e: Emitter, sum: Value<64>, n: Value<64>, m: Value<64>): Value<64> {
  const product = (part: (of: Value<64>) => Value<64>) =>
    e.vector.float({ name: 'mulBF', size: 16 }, part(n), part(m));
  const low = product((of) => e.zeroExtend(64, of, 16));
  const high = product((of) => e.shiftRight(of, e.constant(64, 16)));
  const add = (x: Value<64>, y: Value<64>) => e.vector.float({ name: 'addBF', size: 32 }, x, y);
  return add(sum, add(low, high));
}
const bfDotWords = (e: Emitter, { vn, vd }: One, m: Vector, extent: Value<32>) => {
  const inputs = [e.vector.read(vd), e.vector.read(vn), m].map((of): LaneInput => ({ of, bits: 32 }));
  e.vector.write(
    vd,
    e.vector.mapLanes(32, extent, inputs, (d, n, w) => bfDotAdd(e, d, n, w)),
    extent,
  );
};
export const bfDotProduct = (operands: Two & Extent, e: Emitter) =>
  bfDotWords(e, operands, e.vector.read(operands.vm), operands.extent);
export const bfDotProductElement = (operands: Element & Extent, e: Emitter) =>
  bfDotWords(e, operands, wordsOf(e, operands), operands.extent);

/** BFMatMulAdd(): of 2 by 4 with 4 by 2. */
export const bfMatrixProduct = ({ vn, vm, vd }: Two, e: Emitter) => {
  const [n, m] = [e.vector.read(vn), e.vector.read(vm)];
  const words = (of: Vector, lanes: number[]): LaneInput => ({
    of: e.vector.shuffle(of, of, byteIndices(32, lanes)),
    bits: 32,
  });
  const inputs = [
    words(e.vector.read(vd), [0, 1, 2, 3]),
    ...[words(n, [0, 0, 2, 2]), words(m, [0, 2, 0, 2])],
    ...[words(n, [1, 1, 3, 3]), words(m, [1, 3, 1, 3])],
  ];
  const sums = e.vector.mapLanes(32, 16, inputs, (d, n0, m0, n1, m1) =>
    bfDotAdd(e, bfDotAdd(e, d, n0, m0), n1, m1),
  );
  e.vector.write(vd, sums, 16);
};

/** BFMLALB, BFMLALT: fused, of the even or odd BFloat16. */
const bfMultiplyAdd = (e: Emitter, part: 0 | 1, { vn, vd }: One, m: Vector) => {
  const single = (of: Value<64>) =>
    part ? e.and(of, e.constant(64, 0xffff_0000)) : e.shiftLeft(e.zeroExtend(64, of, 16), e.constant(64, 16));
  const inputs = [e.vector.read(vd), e.vector.read(vn), m].map((of): LaneInput => ({ of, bits: 32 }));
  const sums = e.vector.mapLanes(32, 16, inputs, (d, x, y) =>
    e.vector.float({ name: 'mulAdd', size: 32 }, d, single(x), single(y)),
  );
  e.vector.write(vd, sums, 16);
};
export const bfMultiplyAddLong = (part: 0 | 1) => (operands: Two, e: Emitter) =>
  bfMultiplyAdd(e, part, operands, e.vector.read(operands.vm));
/** An element is a halfword, of one of the lower 16 registers. */
export const halfwordElement = {
  bytes: {
    register: ({ vm }: Fields<'vm'>) => vm,
    index: (fields: Fields<'l' | 'm' | 'h'>) => elementIndex(1, fields),
  },
};
const halfwordsOf = (e: Emitter, { register, index }: Element) =>
  e.vector.splat(16, e.vector.element(16, e.vector.register(register), index));
export const bfMultiplyAddLongElement = (part: 0 | 1) => (operands: Element, e: Emitter) =>
  bfMultiplyAdd(e, part, operands, halfwordsOf(e, operands));

// Widening products of halves.

interface HalfProducts {
  readonly q: number;
}
const halfMultiplyAdd = (
  e: Emitter,
  { q, vn, vd }: HalfProducts & One,
  m: LaneInput,
  part: 0 | 1,
  subtract: boolean,
) => {
  const extent = byQ({ q });
  const from = (part * extent) / 4;
  const n: LaneInput = { of: e.vector.read(vn), bits: 16, from };
  const sums = e.vector.mapLanes(32, extent, [{ of: e.vector.read(vd), bits: 32 }, n, m], (d, x, y) =>
    e.vector.float({ name: 'mulAddHalf', size: 32 }, d, subtract ? e.xor(x, e.constant(64, 0x8000)) : x, y),
  );
  e.vector.write(vd, sums, extent);
};
export const shapeByQ = { shape: ({ q }: Fields<'q'>) => ({ q }) };
/** FMLAL, FMLSL: of the lower or the upper halves of vectors of `q`. */
export const halfMultiplyAddLong =
  (part: 0 | 1, subtract: boolean) => (operands: HalfProducts & Two, e: Emitter) => {
    const from = (part * byQ(operands)) / 4;
    halfMultiplyAdd(e, operands, { of: e.vector.read(operands.vm), bits: 16, from }, part, subtract);
  };
export const halfMultiplyAddLongElement =
  (part: 0 | 1, subtract: boolean) => (operands: HalfProducts & Element, e: Emitter) =>
    halfMultiplyAdd(e, operands, { of: halfwordsOf(e, operands), bits: 16 }, part, subtract);

// Complex numbers: the even lane is the real part, the odd one the imaginary part.

/** Lanes of the parts of a vector's complex numbers: 0 the real one, 1 the imaginary one, in each of its two lanes. */
const parts = (e: Emitter, bits: LaneBits, of: Vector, even: 0 | 1, odd: 0 | 1): Vector =>
  e.vector.shuffle(
    of,
    of,
    byteIndices(
      bits,
      Array.from({ length: 128 / bits }, (_, i) => (i & ~1) | (i & 1 ? odd : even)),
    ),
  );
/** The sign bits of the lanes whose parity is given. */
const signs = (e: Emitter, bits: LaneBits, even: boolean, odd: boolean): Vector => {
  let mask = 0n;
  for (let i = 0; i < 128 / bits; i++) if (i & 1 ? odd : even) mask |= 1n << BigInt(bits * i + bits - 1);
  return e.vector.constant(mask);
};
const floatLanes = (bits: LaneBits, ...of: Vector[]) => of.map((v): LaneInput => ({ of: v, bits }));

interface Rotated {
  readonly bits: LaneBits;
  /** Quarters of a turn. */
  readonly rotation: number;
}
/** The second operand turned by 90 or by 270 degrees. */
export const complexAdd = ({ bits, rotation, extent, vn, vm, vd }: Rotated & Extent & Two, e: Emitter) => {
  const turned = parts(e, bits, e.vector.read(vm), 1, 0);
  const b = e.vector.bitwise('xor', turned, signs(e, bits, rotation === 1, rotation === 3));
  const sum = e.vector.mapLanes(bits, extent, floatLanes(bits, e.vector.read(vn), b), (x, y) =>
    e.vector.float({ name: 'add', size: bits as Size }, x, y),
  );
  e.vector.write(vd, sum, extent);
};
/** Half of a product: the real part of Vn times Vm, or its imaginary part times Vm turned by 90 degrees; or both negated. */
function complexProduct(
  e: Emitter,
  { bits, rotation, vn, vd }: Rotated & One,
  m: Vector,
  context: Pick<LaneContext, 'extent'>,
): void {
  const imaginary = (rotation & 1) as 0 | 1;
  const a = parts(e, bits, e.vector.read(vn), imaginary, imaginary);
  const chosen = imaginary ? parts(e, bits, m, 1, 0) : m;
  const negated = signs(e, bits, rotation === 1 || rotation === 2, rotation >= 2);
  const b = e.vector.bitwise('xor', chosen, negated);
  const sums = e.vector.mapLanes(bits, context.extent, floatLanes(bits, e.vector.read(vd), a, b), (d, x, y) =>
    e.vector.float({ name: 'mulAdd', size: bits as Size }, d, x, y),
  );
  e.vector.write(vd, sums, context.extent);
}
export const complexMultiplyAdd = (operands: Rotated & Extent & Two, e: Emitter) =>
  complexProduct(e, operands, e.vector.read(operands.vm), operands);
/** By one complex number of Vm. */
export const complexMultiplyAddElement = (operands: Rotated & Extent & Element, e: Emitter) => {
  const { bits, register, index } = operands;
  const wide = (2 * bits) as LaneBits;
  const number = e.vector.element(wide, e.vector.register(register), index);
  complexProduct(e, operands, e.vector.splat(wide, number), operands);
};
export const complexElementHalf = {
  shape: ({ rot }: Fields<'rot'>) => ({ bits: 16 as LaneBits, rotation: rot }),
  bytes: wordElement.bytes,
};
export const complexElementSingle = {
  shape: ({ rot }: Fields<'rot'>) => ({ bits: 32 as LaneBits, rotation: rot }),
  bytes: {
    extent: () => 16,
    register: wordElement.bytes.register,
    index: ({ h }: Fields<'h'>) => h,
  },
};
