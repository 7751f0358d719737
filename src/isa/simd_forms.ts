/** The forms of Advanced SIMD instructions: which registers and halves of registers a function of lanes is applied to. */
import type { Emitter, Value } from './emitter.ts';
import type { Fields } from './pattern.ts';
import type { LaneContext, Lanewise, Unary } from './simd_lanes.ts';
import type { LaneBits, Vector, VectorRegister } from './vector_emitter.ts';
import { type Arrangement, byQ, everyOther, joinLow, laneBits, narrowed, widen } from './vectors.ts';

interface Destination {
  readonly vd: VectorRegister;
}
interface One extends Destination {
  readonly vn: VectorRegister;
}
interface Two extends One {
  readonly vm: VectorRegister;
}

const context = (e: Emitter, vd: VectorRegister, extent: number | Value<32>): LaneContext => ({
  extent,
  d: () => e.vector.read(vd),
});

export const threeSame =
  (of: Lanewise) =>
  ({ bits, extent, vn, vm, vd }: Arrangement & Two, e: Emitter) => {
    const [a, b] = [e.vector.read(vn), e.vector.read(vm)];
    e.vector.write(vd, of(e, bits, a, b, context(e, vd, extent)), extent);
  };
export const twoRegister =
  (of: Unary) =>
  ({ bits, extent, vn, vd }: Arrangement & One, e: Emitter) =>
    e.vector.write(vd, of(e, bits, e.vector.read(vn), context(e, vd, extent)), extent);

/** Shape of what moves lanes: whether there are 64 or 128 bits matters to the code. */
export const arrangedByQ = {
  shape: ({ q, size }: Fields<'q' | 'size'>) => ({ bits: laneBits(size), q }),
};
export interface ArrangementByQ {
  readonly bits: LaneBits;
  readonly q: number;
}
/** Even and odd lanes of the operands side by side. */
export const pairs = (e: Emitter, bits: LaneBits, q: number, a: Vector, b: Vector): [Vector, Vector] => {
  const [low, high] = q ? [a, b] : Array(2).fill(joinLow(e, a, b));
  return [everyOther(e, bits, low, high, 0), everyOther(e, bits, low, high, 1)];
};
export const pairwise =
  (of: Lanewise) =>
  ({ bits, q, vn, vm, vd }: ArrangementByQ & Two, e: Emitter) => {
    const [even, odd] = pairs(e, bits, q, e.vector.read(vn), e.vector.read(vm));
    const extent = byQ({ q });
    e.vector.write(vd, of(e, bits, even, odd, context(e, vd, extent)), extent);
  };

/** Which half is read (long forms) or written (narrow forms) is Q. */
export const longForm = {
  shape: ({ q, size }: Fields<'q' | 'size'>) => ({ bits: laneBits(size), half: q as 0 | 1 }),
};
interface Long {
  readonly bits: LaneBits;
  readonly half: 0 | 1;
}
/** Both operands are widened. */
export const threeLong =
  (signed: boolean, of: Lanewise) =>
  ({ bits, half, vn, vm, vd }: Long & Two, e: Emitter) => {
    const [a, b] = [vn, vm].map((register) => widen(e, bits, e.vector.read(register), half, signed));
    e.vector.write(vd, of(e, (2 * bits) as LaneBits, a, b, context(e, vd, 16)), 16);
  };
/** The second operand is widened. */
export const threeWide =
  (signed: boolean, of: Lanewise) =>
  ({ bits, half, vn, vm, vd }: Long & Two, e: Emitter) => {
    const b = widen(e, bits, e.vector.read(vm), half, signed);
    e.vector.write(vd, of(e, (2 * bits) as LaneBits, e.vector.read(vn), b, context(e, vd, 16)), 16);
  };
type LongFunction = (
  e: Emitter,
  bits: LaneBits,
  a: Vector,
  b: Vector,
  from: number,
  context: LaneContext,
) => Vector;
/** The function takes lanes of the half by itself. */
export const threeLongLanes =
  (of: LongFunction) =>
  ({ bits, half, vn, vm, vd }: Long & Two, e: Emitter) => {
    const from = (half * 64) / bits;
    const [a, b] = [e.vector.read(vn), e.vector.read(vm)];
    e.vector.write(vd, of(e, bits, a, b, from, context(e, vd, 16)), 16);
  };
/** A scalar of twice the size. */
export const scalarLong = {
  shape: ({ size }: Fields<'size'>) => ({ bits: laneBits(size) }),
};
export const threeLongScalar =
  (of: LongFunction) =>
  ({ bits, vn, vm, vd }: { bits: LaneBits } & Two, e: Emitter) => {
    const extent = bits / 4;
    const [a, b] = [e.vector.read(vn), e.vector.read(vm)];
    e.vector.write(vd, of(e, bits, a, b, 0, context(e, vd, extent)), extent);
  };

/** Writes 64 bits: the lower half, zero above; or the upper half, where the lower stays. */
export function writeHalf(e: Emitter, vd: VectorRegister, half: 0 | 1, value: Vector): void {
  if (half) e.vector.write(vd, joinLow(e, e.vector.read(vd), value), 16);
  else e.vector.write(vd, value, 8);
}
/** ADDHN and its like: the upper halves of the lanes of the result. */
export const threeNarrow =
  (operation: 'add' | 'sub', rounding: boolean) =>
  ({ bits, half, vn, vm, vd }: Long & Two, e: Emitter) => {
    const wide = (2 * bits) as LaneBits;
    const result = e.vector.lanes(operation, wide, e.vector.read(vn), e.vector.read(vm));
    const round = e.vector.splat(wide, e.constant(64, rounding ? 1n << BigInt(bits - 1) : 0n));
    const rounded = rounding ? e.vector.lanes('add', wide, result, round) : result;
    const high = e.vector.shift('right', wide, rounded, e.constant(32, bits));
    writeHalf(e, vd, half, narrowed(e, wide, high));
  };
export const narrowing =
  (of: (e: Emitter, bits: LaneBits, a: Vector, extent: number) => Vector) =>
  ({ bits, half, vn, vd }: Long & One, e: Emitter) =>
    writeHalf(e, vd, half, of(e, bits, e.vector.read(vn), 8));
export const narrowingScalar =
  (of: (e: Emitter, bits: LaneBits, a: Vector, extent: number) => Vector) =>
  ({ bits, vn, vd }: { bits: LaneBits } & One, e: Emitter) =>
    e.vector.write(vd, of(e, bits, e.vector.read(vn), bits / 8), bits / 8);

// Shift by immediate: the highest bit of immh is the size, what is below it the amount.

const sizeOfImmh = (immh: number) => 31 - Math.clz32(immh);
type Immediate = Fields<'immh' | 'immb'>;
const leftBy = ({ immh, immb }: Immediate) => ((immh << 3) | immb) - (8 << sizeOfImmh(immh));
const rightBy = ({ immh, immb }: Immediate) => 2 * (8 << sizeOfImmh(immh)) - ((immh << 3) | immb);
export type Direction = 'left' | 'right';
const amountOf = { left: leftBy, right: rightBy };

const immediateShape = ({ immh }: Fields<'immh'>) => ({ bits: laneBits(sizeOfImmh(immh)) });
export const shiftImmediate = (direction: Direction) => ({
  shape: immediateShape,
  bytes: { amount: amountOf[direction], extent: byQ },
});
export const shiftImmediateScalar = (direction: Direction) => ({
  shape: immediateShape,
  bytes: { amount: amountOf[direction], extent: ({ immh }: Fields<'immh'>) => 1 << sizeOfImmh(immh) },
});
/** immh without its highest bit, which is 1: 64 bits. */
export const shiftImmediate64 = (direction: Direction) => ({
  shape: () => ({ bits: 64 as LaneBits }),
  bytes: {
    amount: ({ immh, immb }: Immediate) => amountOf[direction]({ immh: immh | 8, immb }),
    extent: () => 8,
  },
});
export const shiftImmediateHalf = (direction: Direction) => ({
  shape: ({ q, immh }: Fields<'q' | 'immh'>) => ({ ...immediateShape({ immh }), half: q as 0 | 1 }),
  bytes: { amount: amountOf[direction] },
});
export const shiftImmediateNarrowScalar = {
  shape: immediateShape,
  bytes: { amount: rightBy },
};
interface Amount {
  readonly amount: Value<32>;
}
type ShiftFunction = (
  e: Emitter,
  bits: LaneBits,
  a: Vector,
  count: Value<32>,
  context: LaneContext,
) => Vector;
export const shifting =
  (of: ShiftFunction) =>
  ({ bits, extent, amount, vn, vd }: Arrangement & Amount & One, e: Emitter) =>
    e.vector.write(vd, of(e, bits, e.vector.read(vn), amount, context(e, vd, extent)), extent);
type NarrowingShift = (e: Emitter, bits: LaneBits, a: Vector, extent: number, count: Value<32>) => Vector;
export const shiftingNarrow =
  (of: NarrowingShift) =>
  ({ bits, half, amount, vn, vd }: Long & Amount & One, e: Emitter) =>
    writeHalf(e, vd, half, of(e, bits, e.vector.read(vn), 8, amount));
export const shiftingNarrowScalar =
  (of: NarrowingShift) =>
  ({ bits, amount, vn, vd }: { bits: LaneBits } & Amount & One, e: Emitter) =>
    e.vector.write(vd, of(e, bits, e.vector.read(vn), bits / 8, amount), bits / 8);
/** SHRN, RSHRN. */
export const plainNarrow =
  (of: ShiftFunction): NarrowingShift =>
  (e, bits, a, extent, count) => {
    const wide = (2 * bits) as LaneBits;
    return narrowed(e, wide, of(e, wide, a, count, { extent, d: () => a }));
  };
/** SSHLL, USHLL, SHLL. */
export const shiftingLong =
  (signed: boolean) =>
  ({ bits, half, amount, vn, vd }: Long & Amount & One, e: Emitter) => {
    const wide = widen(e, bits, e.vector.read(vn), half, signed);
    e.vector.write(vd, e.vector.shift('left', (2 * bits) as LaneBits, wide, amount), 16);
  };

// By element: Vm and the index are in M, H and L by the size.

interface ElementFields extends Fields<'size' | 'l' | 'm' | 'vm' | 'h'> {}
export const elementIndex = (size: number, { l, m, h }: { l: number; m: number; h: number }): number =>
  size === 1 ? (h << 2) | (l << 1) | m : size === 2 ? (h << 1) | l : h;
const elementBytes = {
  register: ({ size, m, vm }: ElementFields) => (size === 1 ? vm : (m << 4) | vm),
  index: (fields: ElementFields) => elementIndex(fields.size, fields),
};
interface Element {
  /** Number of the register that has the element. */
  readonly register: Value<32>;
  readonly index: Value<32>;
}
export const byElement = {
  shape: ({ size }: Fields<'size'>) => ({ bits: laneBits(size) }),
  bytes: { ...elementBytes, extent: byQ },
};
export const byElementScalar = {
  shape: ({ size }: Fields<'size'>) => ({ bits: laneBits(size) }),
  bytes: { ...elementBytes, extent: ({ size }: Fields<'size'>) => 1 << size },
};
export const byElementLong = { ...longForm, bytes: elementBytes };
export const byElementLongScalar = { ...scalarLong, bytes: elementBytes };

const theElement = (e: Emitter, bits: LaneBits, { register, index }: Element) =>
  e.vector.splat(bits, e.vector.element(bits, e.vector.register(register), index));
export const withElement =
  (of: Lanewise) =>
  ({ bits, extent, vn, vd, register, index }: Arrangement & Element & One, e: Emitter) => {
    const b = theElement(e, bits, { register, index });
    e.vector.write(vd, of(e, bits, e.vector.read(vn), b, context(e, vd, extent)), extent);
  };
export const withElementLong =
  (signed: boolean, of: Lanewise) =>
  ({ bits, half, vn, vd, register, index }: Long & Element & One, e: Emitter) => {
    const b = widen(e, bits, theElement(e, bits, { register, index }), 0, signed);
    const a = widen(e, bits, e.vector.read(vn), half, signed);
    e.vector.write(vd, of(e, (2 * bits) as LaneBits, a, b, context(e, vd, 16)), 16);
  };
export const withElementLongLanes =
  (of: LongFunction) =>
  ({ bits, half, vn, vd, register, index }: Long & Element & One, e: Emitter) => {
    const b = theElement(e, bits, { register, index });
    e.vector.write(vd, of(e, bits, e.vector.read(vn), b, (half * 64) / bits, context(e, vd, 16)), 16);
  };
export const withElementLongScalar =
  (of: LongFunction) =>
  ({ bits, vn, vd, register, index }: { bits: LaneBits } & Element & One, e: Emitter) => {
    const b = theElement(e, bits, { register, index });
    const extent = bits / 4;
    e.vector.write(vd, of(e, bits, e.vector.read(vn), b, 0, context(e, vd, extent)), extent);
  };
