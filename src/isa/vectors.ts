/** What the classes of SIMD instructions share: arrangements, parts of vectors, and permutations of lanes. */
import type { Emitter, Value } from './emitter.ts';
import type { Fields } from './pattern.ts';
import type { LaneBits, Vector } from './vector_emitter.ts';

/** esize of a size field. */
export const laneBits = (size: number): LaneBits => (8 << size) as LaneBits;

/** datasize / 8 of a Q field. */
export const byQ = ({ q }: Fields<'q'>): number => (q ? 16 : 8);

/** Shape and operands of vectors whose elements have `size`, in 64 or 128 bits. */
export const arranged = {
  shape: ({ size }: Fields<'size'>) => ({ bits: laneBits(size) }),
  bytes: { extent: byQ },
};
/** The same for a scalar of that size in a vector register. */
export const scalar = {
  shape: ({ size }: Fields<'size'>) => ({ bits: laneBits(size) }),
  bytes: { extent: ({ size }: Fields<'size'>) => 1 << size },
};
/** A scalar of 64 bits. */
export const scalar64 = {
  shape: () => ({ bits: 64 as LaneBits }),
  bytes: { extent: () => 8 },
};
export interface Arrangement {
  readonly bits: LaneBits;
  readonly extent: Value<32>;
}

export const lanesIn = (bits: LaneBits): number => 128 / bits;
/** Byte indices of a shuffle, from lane indices (0 to 2 * 128 / bits). */
export const byteIndices = (bits: LaneBits, lanes: readonly number[]): number[] =>
  lanes.flatMap((index) => Array.from({ length: bits / 8 }, (_, i) => (index * bits) / 8 + i));

/** The low halves of two vectors, side by side. */
export const joinLow = (e: Emitter, a: Vector, b: Vector): Vector =>
  e.vector.shuffle(a, b, byteIndices(64, [0, 2]));
export const joinHigh = (e: Emitter, a: Vector, b: Vector): Vector =>
  e.vector.shuffle(a, b, byteIndices(64, [1, 3]));
/** Even (0) or odd (1) lanes of b:a. */
export const everyOther = (e: Emitter, bits: LaneBits, a: Vector, b: Vector, first: 0 | 1): Vector =>
  e.vector.shuffle(
    a,
    b,
    byteIndices(
      bits,
      Array.from({ length: lanesIn(bits) }, (_, i) => 2 * i + first),
    ),
  );

/** Lanes of twice the size from those of the low (0) or high (1) half. */
export function widen(e: Emitter, bits: LaneBits, a: Vector, half: 0 | 1, signed: boolean): Vector {
  const zeros = e.vector.constant(0n);
  const lanes = Array.from({ length: lanesIn(bits) / 2 }, (_, i) => half * (lanesIn(bits) / 2) + i);
  const wide = (2 * bits) as LaneBits;
  if (!signed)
    return e.vector.shuffle(
      a,
      zeros,
      byteIndices(
        bits,
        lanes.flatMap((lane) => [lane, lanesIn(bits)]),
      ),
    );
  const high = e.vector.shuffle(
    a,
    zeros,
    byteIndices(
      bits,
      lanes.flatMap((lane) => [lanesIn(bits), lane]),
    ),
  );
  return e.vector.shift('rightSigned', wide, high, e.constant(32, bits));
}

/** The low halves of the lanes, in the low 64 bits; zero above. `bits` is the wide size. */
export const narrowed = (e: Emitter, bits: LaneBits, a: Vector): Vector =>
  everyOther(e, (bits / 2) as LaneBits, a, e.vector.constant(0n), 0);
