/**
 * What Advanced SIMD instructions do with lanes of integers. Each function is over whole vectors; those that saturate or shift
 * by a register's lanes go lane by lane. Arm ARM J1.3.3 (SatQ and its like).
 */
import type { Emitter, Value } from './emitter.ts';
import type { Bitwise, LaneBits, LaneInput, LaneOperation, Vector } from './vector_emitter.ts';
import { widen } from './vectors.ts';

/** What a function may need besides its operands. */
export interface LaneContext {
  /** Bytes of the result. */
  readonly extent: number | Value<32>;
  /** The destination's old value. */
  readonly d: () => Vector;
}
export type Lanewise = (e: Emitter, bits: LaneBits, a: Vector, b: Vector, context: LaneContext) => Vector;
export type Unary = (e: Emitter, bits: LaneBits, a: Vector, context: LaneContext) => Vector;

const n64 = (e: Emitter, n: number | bigint) => e.constant(64, n);
const isNegative = (e: Emitter, a: Value<64>) => e.lessSigned(a, n64(e, 0));

export const lanes =
  (operation: LaneOperation): Lanewise =>
  (e, bits, a, b) =>
    e.vector.lanes(operation, bits, a, b);
export const swapped =
  (operation: LaneOperation): Lanewise =>
  (e, bits, a, b) =>
    e.vector.lanes(operation, bits, b, a);
/** a >= b is not b > a. */
export const atLeast =
  (operation: LaneOperation): Lanewise =>
  (e, bits, a, b) =>
    e.vector.not(e.vector.lanes(operation, bits, b, a));
export const testBits: Lanewise = (e, bits, a, b) =>
  e.vector.not(e.vector.lanes('equal', bits, e.vector.bitwise('and', a, b), e.vector.constant(0n)));

const sign = (signed: boolean) => (signed ? 'Signed' : 'Unsigned') as 'Signed' | 'Unsigned';
export const absoluteDifference =
  (signed: boolean): Lanewise =>
  (e, bits, a, b) =>
    e.vector.lanes(
      'sub',
      bits,
      e.vector.lanes(`max${sign(signed)}`, bits, a, b),
      e.vector.lanes(`min${sign(signed)}`, bits, a, b),
    );
/** The destination plus (or minus) the function's result. */
export const accumulated =
  (of: Lanewise, operation: 'add' | 'sub' = 'add'): Lanewise =>
  (e, bits, a, b, context) =>
    e.vector.lanes(operation, bits, context.d(), of(e, bits, a, b, context));

export const polynomialMultiply: Lanewise = (e, bits, a, b) => {
  let product = e.vector.constant(0n);
  const one = e.vector.splat(bits, n64(e, 1));
  for (let i = 0; i < 8; i++) {
    const bit = e.vector.bitwise('and', e.vector.shift('right', bits, b, e.constant(32, i)), one);
    const mask = e.vector.lanes('sub', bits, e.vector.constant(0n), bit);
    const shifted = e.vector.shift('left', bits, a, e.constant(32, i));
    product = e.vector.bitwise('xor', product, e.vector.bitwise('and', shifted, mask));
  }
  return product;
};

/** Lane by lane, in 64 bits. */
const each =
  (signed: boolean, body: (e: Emitter, bits: LaneBits, a: Value<64>, b: Value<64>) => Value<64>): Lanewise =>
  (e, bits, a, b, { extent }) => {
    const input = (of: Vector): LaneInput => ({ of, bits, signed });
    return e.vector.mapLanes(bits, extent, [input(a), input(b)], (x, y) => body(e, bits, x, y));
  };
const eachOne =
  (signed: boolean, body: (e: Emitter, bits: LaneBits, a: Value<64>) => Value<64>): Unary =>
  (e, bits, a, { extent }) =>
    e.vector.mapLanes(bits, extent, [{ of: a, bits, signed }], (x) => body(e, bits, x));

/** (a + b) / 2 or (a - b) / 2; never of 64 bits. */
export const halving = (signed: boolean, operation: 'add' | 'sub', rounding = false): Lanewise =>
  each(signed, (e, _, a, b) => {
    const sum = e[operation](a, b);
    return e.shiftRightSigned(rounding ? e.add(sum, n64(e, 1)) : sum, n64(e, 1));
  });

/** SatQ() of what 64 bits hold exactly; `unsigned` inputs may have bit 63 set. */
export function saturate(
  e: Emitter,
  bits: LaneBits,
  signed: boolean,
  value: Value<64>,
  unsignedInput = false,
): Value<64> {
  const x = e.keep(value);
  const highest = n64(e, signed ? (1n << BigInt(bits - 1)) - 1n : (1n << BigInt(bits)) - 1n);
  const above = e.keep(unsignedInput ? e.lessUnsigned(highest, x) : e.lessSigned(highest, x));
  if (unsignedInput) {
    e.vector.saturated(above);
    return e.select(above, highest, x);
  }
  const lowest = n64(e, signed ? -(1n << BigInt(bits - 1)) : 0);
  const below = e.keep(e.lessSigned(x, lowest));
  e.vector.saturated(e.or(above, below));
  return e.select(above, highest, e.select(below, lowest, x));
}

/** Notes whether, and gives `limit` instead. */
function limited(e: Emitter, overflows: Value<32>, limit: Value<64>, value: Value<64>): Value<64> {
  const kept = e.keep(overflows);
  e.vector.saturated(kept);
  return e.select(kept, limit, value);
}
const HIGHEST = (1n << 63n) - 1n;
/** The largest number, or the smallest one where `negative` has its sign. */
const signedLimit = (e: Emitter, negative: Value<64>) =>
  e.xor(n64(e, HIGHEST), e.shiftRightSigned(negative, n64(e, 63)));

function saturatingSum(
  e: Emitter,
  bits: LaneBits,
  signed: boolean,
  operation: 'add' | 'sub',
  left: Value<64>,
  right: Value<64>,
): Value<64> {
  if (bits < 64) return saturate(e, bits, signed, e[operation](left, right));
  const [a, b] = [e.keep(left), e.keep(right)];
  const r = e.keep(e[operation](a, b));
  if (signed) {
    const changed = operation === 'add' ? e.xor(b, r) : e.xor(a, b);
    return limited(e, isNegative(e, e.and(e.xor(a, r), changed)), signedLimit(e, a), r);
  }
  if (operation === 'add') return limited(e, e.lessUnsigned(r, a), n64(e, -1), r);
  return limited(e, e.lessUnsigned(a, b), n64(e, 0), r);
}
export const saturatingArithmetic = (signed: boolean, operation: 'add' | 'sub'): Lanewise =>
  each(signed, (e, bits, a, b) => saturatingSum(e, bits, signed, operation, a, b));

/** SUQADD: a signed destination plus an unsigned operand; USQADD: the other way round. */
export const saturatingMixed =
  (signed: boolean): Unary =>
  (e, bits, a, { extent, d }) => {
    const inputs = [
      { of: d(), bits, signed },
      { of: a, bits, signed: !signed },
    ];
    return e.vector.mapLanes(bits, extent, inputs, (left, right) => {
      if (bits < 64) return saturate(e, bits, signed, e.add(left, right));
      const [x, y] = [e.keep(left), e.keep(right)];
      const r = e.keep(e.add(x, y));
      const carry = e.keep(e.lessUnsigned(r, x));
      if (signed) {
        // Above the largest: with a carry or a sign where the destination is positive, with both where it is negative.
        const negative = isNegative(e, r);
        const overflows = e.select(isNegative(e, x), e.and(carry, negative), e.or(carry, negative));
        return limited(e, overflows, n64(e, HIGHEST), r);
      }
      const subtracts = e.keep(isNegative(e, y));
      const limit = e.select(subtracts, n64(e, 0), n64(e, -1));
      return limited(e, e.equal(subtracts, e.isZero(carry)), limit, r);
    });
  };

export const saturatingAbsolute: Unary = eachOne(true, (e, bits, a) => {
  const negated = saturatingNegation(e, bits, e.select(isNegative(e, a), a, e.sub(n64(e, 0), a)));
  return negated;
});
export const saturatingNegate: Unary = eachOne(true, saturatingNegation);
function saturatingNegation(e: Emitter, bits: LaneBits, a: Value<64>): Value<64> {
  return saturatingSum(e, bits, true, 'sub', n64(e, 0), a);
}

/** Right by `count` (at least 1, any larger), the last bit shifted out added where it rounds. */
function shiftedRight(
  e: Emitter,
  signed: boolean,
  a: Value<64>,
  count: Value<64>,
  rounding: boolean,
): Value<64> {
  const before = e.keep(e.sub(count, n64(e, 1)));
  const far = e.lessUnsigned(n64(e, 63), before);
  const one = n64(e, 1);
  const almost = e.keep(
    signed
      ? e.shiftRightSigned(a, e.select(far, n64(e, 63), before))
      : e.select(far, n64(e, 0), e.shiftRight(a, before)),
  );
  const shifted = signed ? e.shiftRightSigned(almost, one) : e.shiftRight(almost, one);
  return rounding ? e.add(shifted, e.and(almost, one)) : shifted;
}

/** Left by `count` (any), saturated to `bits` and to what `signed` says of the result. */
function shiftedLeft(
  e: Emitter,
  bits: LaneBits,
  signed: boolean,
  a: Value<64>,
  count: Value<64>,
  saturates: boolean,
): Value<64> {
  const far = e.keep(e.lessUnsigned(n64(e, bits - 1), count));
  const shifted = e.keep(e.shiftLeft(a, count));
  if (!saturates) return e.select(far, n64(e, 0), shifted);
  const back = signed ? e.shiftRightSigned(shifted, count) : e.shiftRight(shifted, count);
  // What a lane below 64 bits loses is above it.
  const narrowed = bits === 64 ? shifted : outOfRange(e, bits, signed, shifted);
  const lost = bits === 64 ? e.isZero(e.equal(back, a)) : e.isZero(e.equal(narrowed, shifted));
  const overflows = e.and(e.or(far, lost), e.isZero(e.isZero(a)));
  const limit = signed
    ? e.shiftRightSigned(signedLimit(e, a), n64(e, 64 - bits))
    : n64(e, (1n << BigInt(bits)) - 1n);
  return limited(e, overflows, limit, e.select(far, n64(e, 0), shifted));
}
/** The lane that a value would be stored as, extended again. */
function outOfRange(e: Emitter, bits: LaneBits, signed: boolean, a: Value<64>): Value<64> {
  const narrow = bits as 8 | 16 | 32;
  return signed ? e.signExtend(64, a, narrow) : e.zeroExtend(64, a, narrow);
}

/** By the lowest byte of each lane of `b`, signed: left, or right where it is negative. */
export const shiftByRegister = (signed: boolean, { rounding = false, saturates = false } = {}): Lanewise =>
  each(signed, (e, bits, x, y) => {
    const [a, count] = [e.keep(x), e.keep(e.signExtend(64, y, 8))];
    const result = e.keep(e.constant(64, 0));
    const right = e.keep(isNegative(e, count));
    const rightwards = e.keep(
      e.select(
        right,
        shiftedRight(e, signed, a, e.select(right, e.sub(n64(e, 0), count), n64(e, 1)), rounding),
        result,
      ),
    );
    // A count of 0 saturates nothing.
    const leftwards = shiftedLeft(e, bits, signed, a, e.keep(e.select(right, result, count)), saturates);
    return e.select(right, rightwards, leftwards);
  });

/** SQSHL, UQSHL, and SQSHLU (a signed operand, an unsigned result), by an immediate. */
export const saturatingShiftLeft =
  (signedInput: boolean, signed: boolean) =>
  (e: Emitter, bits: LaneBits, a: Vector, count: Value<32>, { extent }: LaneContext): Vector =>
    e.vector.mapLanes(bits, extent, [{ of: a, bits, signed: signedInput }], (lane) => {
      const x = e.keep(lane);
      const by = e.keep(e.zeroExtend(64, count, 32));
      if (signedInput === signed) return shiftedLeft(e, bits, signed, x, by, true);
      const negative = e.keep(isNegative(e, x));
      e.vector.saturated(negative);
      return shiftedLeft(e, bits, false, e.keep(e.select(negative, n64(e, 0), x)), by, true);
    });

/** 2 a b, its upper half. */
export const doublingMultiplyHigh = (rounding: boolean): Lanewise =>
  each(true, (e, bits, a, b) => {
    const product = e.mul(a, b);
    const rounded = rounding ? e.add(product, n64(e, 1n << BigInt(bits - 2))) : product;
    return saturate(e, bits, true, e.shiftRightSigned(rounded, n64(e, bits - 1)));
  });

/** 2 a b of lanes of half the size, saturated; then added to or subtracted from the destination, saturated. */
export const doublingMultiplyLong =
  (accumulate?: 'add' | 'sub') =>
  (e: Emitter, narrow: LaneBits, a: Vector, b: Vector, from: number, { extent, d }: LaneContext): Vector => {
    const wide = (2 * narrow) as LaneBits;
    const inputs: LaneInput[] = [
      { of: a, bits: narrow, signed: true, from },
      { of: b, bits: narrow, signed: true, from },
      ...(accumulate ? [{ of: d(), bits: wide, signed: true }] : []),
    ];
    return e.vector.mapLanes(wide, extent, inputs, (x, y, sum) => {
      const product = e.keep(e.mul(x, y));
      const twice = e.keep(saturatingSum(e, wide, true, 'add', product, product));
      return accumulate ? saturatingSum(e, wide, true, accumulate, sum, twice) : twice;
    });
  };

/** Lanes of twice the size, shifted right by `count` where it is given, saturated to `bits`; 64 bits of them. */
export const saturatingNarrow =
  (signedInput: boolean, signed: boolean, rounding = false) =>
  (e: Emitter, bits: LaneBits, a: Vector, extent: number, count?: Value<32>): Vector =>
    e.vector.mapLanes(
      bits,
      extent,
      [{ of: a, bits: (2 * bits) as LaneBits, signed: signedInput }],
      (lane) => {
        const shifted = count
          ? shiftedRight(e, signedInput, lane, e.zeroExtend(64, count, 32), rounding)
          : lane;
        return saturate(e, bits, signed, shifted, !signedInput);
      },
    );

export const countLeadingZeroBits: Unary = eachOne(false, (e, bits, a) =>
  e.sub(e.countLeadingZeros(a), n64(e, 64 - bits)),
);
export const countLeadingSigns: Unary = eachOne(true, (e, bits, a) =>
  e.sub(e.countLeadingZeros(e.xor(a, e.shiftRightSigned(a, n64(e, 1)))), n64(e, 65 - bits)),
);

export const negate: Unary = (e, bits, a) => e.vector.lanes('sub', bits, e.vector.constant(0n), a);
export const absolute: Unary = (e, bits, a) => {
  const negative = e.vector.lanes('greaterSigned', bits, e.vector.constant(0n), a);
  return e.vector.lanes('sub', bits, e.vector.bitwise('xor', a, negative), negative);
};
/** Against zero, which is the right operand, or the left one. */
export const againstZero =
  (of: Lanewise, zeroIsLeft = false): Unary =>
  (e, bits, a, context) => {
    const zero = e.vector.constant(0n);
    return zeroIsLeft ? of(e, bits, zero, a, context) : of(e, bits, a, zero, context);
  };
export const invert: Unary = (e, _, a) => e.vector.not(a);
export const countBits: Unary = (e, _, a) => e.vector.countOnes(a);

/** Swaps neighbouring groups of `count` bits within bytes. */
export const reverseBitsOfBytes: Unary = (e, _, a) => {
  let result = a;
  for (const [count, lower] of [
    [1, 0x55n],
    [2, 0x33n],
    [4, 0x0fn],
  ] as const) {
    const mask = e.vector.splat(8, n64(e, lower));
    const by = e.constant(32, count);
    const high = e.vector.bitwise('and', e.vector.shift('right', 8, result, by), mask);
    const low = e.vector.shift('left', 8, e.vector.bitwise('and', result, mask), by);
    result = e.vector.bitwise('or', high, low);
  }
  return result;
};

/** Elements of `bits` reversed within each container. */
export const reversed =
  (container: 16 | 32 | 64): Unary =>
  (e, bits, a) => {
    const [group, size] = [container / 8, bits / 8];
    const indices = Array.from({ length: 16 }, (_, i) => {
      const start = i - (i % group);
      return start + (group - size - ((i % group) - (i % size))) + (i % size);
    });
    return e.vector.shuffle(a, a, indices);
  };

/** Sums of neighbouring lanes, in lanes of twice the size. `bits` is the narrow size. */
export const pairwiseLong =
  (signed: boolean, accumulate = false): Unary =>
  (e, bits, a, { d }) => {
    const wide = (2 * bits) as LaneBits;
    const by = e.constant(32, bits);
    const shift = signed ? 'rightSigned' : 'right';
    const even = e.vector.shift(shift, wide, e.vector.shift('left', wide, a, by), by);
    const sum = e.vector.lanes('add', wide, even, e.vector.shift(shift, wide, a, by));
    return accumulate ? e.vector.lanes('add', wide, d(), sum) : sum;
  };

/** Right by an immediate of 1 to the lane's size. */
export const shiftRight =
  (signed: boolean, { rounding = false, accumulate = false } = {}) =>
  (e: Emitter, bits: LaneBits, a: Vector, count: Value<32>, { d }: LaneContext): Vector => {
    const kind = signed ? 'rightSigned' : 'right';
    const shifted = e.vector.shift(kind, bits, a, count);
    const rounded = rounding
      ? e.vector.lanes('add', bits, shifted, lastBitShiftedOut(e, bits, a, count))
      : shifted;
    return accumulate ? e.vector.lanes('add', bits, d(), rounded) : rounded;
  };
function lastBitShiftedOut(e: Emitter, bits: LaneBits, a: Vector, count: Value<32>): Vector {
  const before = e.vector.shift('right', bits, a, e.sub(count, e.constant(32, 1)));
  return e.vector.bitwise('and', before, e.vector.splat(bits, n64(e, 1)));
}
export const shiftLeft = (e: Emitter, bits: LaneBits, a: Vector, count: Value<32>): Vector =>
  e.vector.shift('left', bits, a, count);
/** SLI, SRI: the destination's bits stay where nothing was shifted to. */
export const shiftInsert =
  (direction: 'left' | 'right') =>
  (e: Emitter, bits: LaneBits, a: Vector, count: Value<32>, { d }: LaneContext): Vector => {
    const mask = e.vector.shift(direction, bits, e.vector.constant((1n << 128n) - 1n), count);
    return e.vector.select(mask, e.vector.shift(direction, bits, a, count), d());
  };

/** Lanes of twice the size, of the halves of both operands. */
export const long =
  (signed: boolean, of: Lanewise) =>
  (e: Emitter, bits: LaneBits, half: 0 | 1, a: Vector, b: Vector, context: LaneContext): Vector =>
    of(e, (2 * bits) as LaneBits, widen(e, bits, a, half, signed), widen(e, bits, b, half, signed), context);

/** Of widened lanes: the difference fits. */
export const distance: Lanewise = (e, bits, a, b, context) =>
  absolute(e, bits, e.vector.lanes('sub', bits, a, b), context);

// Bit by bit: the lanes' size does not matter.

export const bitwise =
  (operation: Bitwise): Lanewise =>
  (e, _, a, b) =>
    e.vector.bitwise(operation, a, b);
export const orNot: Lanewise = (e, _, a, b) => e.vector.bitwise('or', a, e.vector.not(b));
/** The destination is the mask. */
export const bitSelect: Lanewise = (e, _, a, b, { d }) => e.vector.select(d(), a, b);
/** Vn goes where Vm is 1 (or 0). */
export const bitInsert =
  (where: boolean): Lanewise =>
  (e, _, a, b, { d }) =>
    where ? e.vector.select(b, a, d()) : e.vector.select(b, d(), a);
