/** The forms of floating-point instructions on vectors: which lanes of which registers. Arm ARM C4.1.90, C7.2. */
import type { Emitter, Value } from './emitter.ts';
import { type Float1, type Float2, readScalar, type Size, writeScalar } from './float_forms.ts';
import type { FloatFunction, FloatOperation, Rounding } from './float_operation.ts';
import type { Fields } from './pattern.ts';
import { type ArrangementByQ, elementIndex, writeHalf } from './simd_forms.ts';
import type { Lanewise, Unary } from './simd_lanes.ts';
import type { LaneBits, VectorRegister } from './vector_emitter.ts';
import { type Arrangement, byQ, everyOther } from './vectors.ts';

// Single and double precision, by a field sz.

const bitsOf = (sz: number): 32 | 64 => (sz ? 64 : 32);
export const floats = {
  shape: ({ sz }: Fields<'sz'>) => ({ bits: bitsOf(sz) as LaneBits }),
  bytes: { extent: byQ },
};
/** One lane. */
export const floatScalar = {
  shape: floats.shape,
  bytes: { extent: ({ sz }: Fields<'sz'>) => bitsOf(sz) / 8 },
};
export const floatsByQ = {
  shape: ({ q, sz }: Fields<'q' | 'sz'>) => ({ bits: bitsOf(sz) as LaneBits, q }),
};
/** Words that are no floating-point numbers. */
export const words = {
  shape: () => ({ bits: 32 as LaneBits }),
  bytes: { extent: byQ },
};

export const eachLane =
  (of: Float1): Unary =>
  (e, bits, a, { extent }) =>
    e.vector.mapLanes(bits, extent, [{ of: a, bits }], (x) => of(e, bits as Size, x));
export const eachLane2 =
  (of: Float2): Lanewise =>
  (e, bits, a, b, { extent }) =>
    e.vector.mapLanes(
      bits,
      extent,
      [a, b].map((v) => ({ of: v, bits })),
      (x, y) => of(e, bits as Size, x, y),
    );
/** Operations that all lanes may do at once. */
export const floatUnary =
  (name: FloatFunction): Unary =>
  (e, bits, a, { extent }) =>
    e.vector.floatLanes({ name, size: bits as Size }, extent, a);
export const floatBinary =
  (name: FloatFunction): Lanewise =>
  (e, bits, a, b, { extent }) =>
    e.vector.floatLanes({ name, size: bits as Size }, extent, a, b);
/** The destination plus the product, or minus it. */
export const floatMulAdd =
  (operation: 'add' | 'sub'): Lanewise =>
  (e, bits, a, b, { extent, d }) => {
    const signs = e.vector.splat(bits, e.constant(64, 1n << BigInt(bits - 1)));
    const factor = operation === 'sub' ? e.vector.bitwise('xor', a, signs) : a;
    return e.vector.floatLanes({ name: 'mulAdd', size: bits as Size }, extent, d(), factor, b);
  };

/** Lane 0 with lane 1. */
export const floatPair = { shape: floats.shape };
export const pairOf =
  (of: Float2) =>
  ({ bits, vn, vd }: { bits: LaneBits; vn: VectorRegister; vd: VectorRegister }, e: Emitter) => {
    const a = e.vector.read(vn);
    const [x, y] = [0, 1].map((i) => e.vector.lane(bits, a, i));
    writeScalar(e, vd, of(e, bits as Size, x, y));
  };
/** The results of neighbours with each other, until there is one. */
export const acrossLanes =
  (of: Float2) =>
  ({ bits, q, vn, vd }: ArrangementByQ & { vn: VectorRegister; vd: VectorRegister }, e: Emitter) => {
    let a = e.vector.read(vn);
    for (let extent = q ? 8 : 4; extent >= bits / 8; extent /= 2) {
      const [even, odd] = [everyOther(e, bits, a, a, 0), everyOther(e, bits, a, a, 1)];
      a = eachLane2(of)(e, bits, even, odd, { extent, d: () => even });
    }
    e.vector.write(vd, a, bits / 8);
  };
export const fourWords = { feature: 'AdvSIMD', shape: () => ({ bits: 32 as LaneBits, q: 1 }) };

/** FCVTN and FCVTXN narrow, FCVTL widens; Q says which half of the narrow vector. */
export const halves = {
  shape: ({ q, sz }: Fields<'q' | 'sz'>) => ({ bits: bitsOf(sz), half: q as 0 | 1 }),
};
export const halvesOfDoubles = { shape: ({ q }: Fields<'q'>) => ({ bits: 64 as const, half: q as 0 | 1 }) };
interface Halves {
  readonly bits: 32 | 64;
  readonly half: 0 | 1;
  readonly vn: VectorRegister;
  readonly vd: VectorRegister;
}
export const convertNarrow =
  (rounding: Rounding) =>
  ({ bits, half, vn, vd }: Halves, e: Emitter) => {
    const to = (bits / 2) as 16 | 32;
    const narrow = e.vector.mapLanes(to, 8, [{ of: e.vector.read(vn), bits }], (x) =>
      e.vector.float({ name: 'convert', size: bits, to, rounding }, x),
    );
    writeHalf(e, vd, half, narrow);
  };
/** BFCVTN. */
export const halvesOfSingles = { shape: ({ q }: Fields<'q'>) => ({ half: q as 0 | 1 }) };
export const convertNarrowBF = ({ half, vn, vd }: Omit<Halves, 'bits'>, e: Emitter) => {
  const narrow = e.vector.mapLanes(16, 8, [{ of: e.vector.read(vn), bits: 32 }], (x) =>
    e.vector.float({ name: 'convertBF', size: 32 }, x),
  );
  writeHalf(e, vd, half, narrow);
};
/** FCVTXN (scalar). */
export const convertNarrowScalar =
  (rounding: Rounding) =>
  ({ vn, vd }: { vn: VectorRegister; vd: VectorRegister }, e: Emitter) => {
    const operation = { name: 'convert', size: 64, to: 32, rounding } as const;
    writeScalar(e, vd, e.vector.float(operation, readScalar(e, 64, vn)));
  };
export const convertLong = ({ bits, half, vn, vd }: Halves, e: Emitter) => {
  const size = (bits / 2) as 16 | 32;
  const input = { of: e.vector.read(vn), bits: size, from: (64 / size) * half };
  const wide = e.vector.mapLanes(bits, 16, [input], (x) =>
    e.vector.float({ name: 'convert', size, to: bits }, x),
  );
  e.vector.write(vd, wide, 16);
};

/** immh tells the size; 2 * size - immh:immb is the number of bits behind the point. */
const laneFraction = ({ immh, immb }: Fields<'immh' | 'immb'>) =>
  (immh > 7 ? 128 : 64) - ((immh << 3) | immb);
const fixedShape = ({ immh }: Fields<'immh'>) => ({ bits: (immh > 7 ? 64 : 32) as LaneBits });
export const fixedLanes = { shape: fixedShape, bytes: { fraction: laneFraction, extent: byQ } };
export const fixedScalar = {
  shape: fixedShape,
  bytes: { fraction: laneFraction, extent: ({ immh }: Fields<'immh'>) => (immh > 7 ? 8 : 4) },
};
type FixedOperands = Arrangement & { fraction: Value<32>; vn: VectorRegister; vd: VectorRegister };
const fixed =
  (operation: Omit<FloatOperation, 'size' | 'to'>) =>
  ({ bits, extent, fraction, vn, vd }: FixedOperands, e: Emitter) => {
    const size = bits as Size;
    const by = e.keep(e.zeroExtend(64, fraction, 32));
    const result = e.vector.mapLanes(bits, extent, [{ of: e.vector.read(vn), bits }], (x) =>
      e.vector.float({ ...operation, size, to: size }, x, by),
    );
    e.vector.write(vd, result, extent);
  };
export const lanesToFixed = (unsigned: boolean) => fixed({ name: 'toFixed', rounding: 'zero', unsigned });
export const lanesFromFixed = (unsigned: boolean) => fixed({ name: 'fromFixed', unsigned });

interface ElementFields extends Fields<'sz' | 'l' | 'm' | 'vm' | 'h'> {}
const elementBytes = {
  register: ({ m, vm }: ElementFields) => (m << 4) | vm,
  index: ({ sz, ...f }: ElementFields) => elementIndex(2 + sz, f),
};
export const floatElement = { shape: floats.shape, bytes: { ...elementBytes, extent: byQ } };
export const floatElementScalar = {
  shape: floats.shape,
  bytes: { ...elementBytes, ...floatScalar.bytes },
};

// Half precision, with encodings of its own.

const HALF = { feature: 'FP16', shape: () => ({ bits: 16 as LaneBits }) };
export const halfFloats = { ...HALF, bytes: { extent: byQ } };
export const halfScalar = { ...HALF, bytes: { extent: () => 2 } };
export const halfPair = HALF;
export const halfFloatsByQ = {
  feature: 'FP16',
  shape: ({ q }: Fields<'q'>) => ({ bits: 16 as LaneBits, q }),
};
const halfFraction = ({ low, immb }: Fields<'low' | 'immb'>) => 16 - ((low << 3) | immb);
export const halfFixedLanes = { ...HALF, bytes: { fraction: halfFraction, extent: byQ } };
export const halfFixedScalar = { ...HALF, bytes: { fraction: halfFraction, extent: () => 2 } };
const halfElementBytes = {
  register: ({ vm }: Fields<'vm'>) => vm,
  index: (fields: Fields<'l' | 'm' | 'h'>) => elementIndex(1, fields),
};
export const halfElement = { ...HALF, bytes: { ...halfElementBytes, extent: byQ } };
export const halfElementScalar = { ...HALF, bytes: { ...halfElementBytes, extent: () => 2 } };
