/**
 * The part of the Emitter for SIMD and floating-point registers: 128-bit values with lanes of 8, 16, 32 or 64 bits. Lane 0 is
 * the least significant. The operations are those that WebAssembly has, and `mapLanes` for all others.
 */
import type { Access, Value } from './emitter.ts';
import type { FloatOperation } from './float_operation.ts';

export type LaneBits = 8 | 16 | 32 | 64;

declare const vectorBrand: unique symbol;
declare const vectorRegisterBrand: unique symbol;

/** 128 bits computed when the instruction executes. Computed where it is written, once: `keep` is not needed. */
export interface Vector {
  readonly [vectorBrand]: true;
}
/** V0 to V31, whose number the back end may know now or only at run time. */
export interface VectorRegister {
  readonly [vectorRegisterBrand]: true;
}

/** `greater` and `equal` give lanes of all ones or zeros. No min, max or unsigned greater of 64 bits but `greater`. */
export type LaneOperation =
  | 'add'
  | 'sub'
  | 'mul'
  | 'minSigned'
  | 'minUnsigned'
  | 'maxSigned'
  | 'maxUnsigned'
  | 'equal'
  | 'greaterSigned'
  | 'greaterUnsigned';
export type LaneShift = 'left' | 'right' | 'rightSigned';
export type Bitwise = 'and' | 'or' | 'xor' | 'andNot';

/** An operand of `mapLanes`: lanes `from`, `from` + 1, ... of `bits` bits. */
export interface LaneInput {
  readonly of: Vector;
  readonly bits: LaneBits;
  readonly signed?: boolean;
  readonly from?: number;
}

export interface VectorEmitter {
  read(register: VectorRegister): Vector;
  /** Sets the lowest `extent` bytes (1, 2, 4, 8 or 16) and zeroes the others. */
  write(register: VectorRegister, value: Vector, extent: number | Value<32>): void;
  /** The register with this number. */
  register(n: Value<32>): VectorRegister;
  /** The register `n` behind, V0 after V31. */
  after(register: VectorRegister, n: number): VectorRegister;
  /** One element, its index known only at run time; zero-extended. */
  element(bits: LaneBits, register: VectorRegister, index: Value<32>): Value<64>;
  setElement(bits: LaneBits, register: VectorRegister, index: Value<32>, value: Value<64>): void;

  /** Unsigned 128 bits. */
  constant(n: bigint): Vector;
  /** The value in the lowest 64 bits, zero above. */
  fromLow(value: Value<64>): Vector;
  splat(bits: LaneBits, value: Value<64>): Vector;
  /** Zero-extended. */
  lane(bits: LaneBits, value: Vector, index: number): Value<64>;
  withLane(bits: LaneBits, value: Vector, index: number, lane: Value<64>): Vector;

  /** `andNot` is a and not b. */
  bitwise(operation: Bitwise, a: Vector, b: Vector): Vector;
  not(a: Vector): Vector;
  /** Bits of `a` where `mask` is 1, else of `b`. */
  select(mask: Vector, a: Vector, b: Vector): Vector;
  lanes(operation: LaneOperation, bits: LaneBits, a: Vector, b: Vector): Vector;
  /** All lanes by the same count, from 0 to the lane's size. */
  shift(operation: LaneShift, bits: LaneBits, a: Vector, count: Value<32>): Vector;
  /** Number of ones in each byte. */
  countOnes(a: Vector): Vector;
  /** Byte i of the result is byte indices[i] of b:a (a below). */
  shuffle(a: Vector, b: Vector, indices: readonly number[]): Vector;
  /** Byte i is table[indices[i]], or 0 where that index is above 15. */
  lookUp(table: Vector, indices: Vector): Vector;
  /** Bytes position to position + 15 of b:a (a below); position is at most 16. */
  extract(a: Vector, b: Vector, position: Value<32>): Vector;
  /** The carry-less product. */
  polynomialProduct(a: Value<64>, b: Value<64>): Vector;

  /** Computes `extent` bytes of lanes of `bits` bits, one after the other, each once; the others are zero. */
  mapLanes(
    bits: LaneBits,
    extent: number | Value<32>,
    inputs: readonly LaneInput[],
    body: (...lanes: Value<64>[]) => Value<64>,
  ): Vector;

  /** A floating-point operation (float_operation.ts says what its operands are). */
  float(operation: FloatOperation, ...operands: Value<64>[]): Value<64>;
  /** The same in every lane of `operation.size` bits within `extent` bytes; what is behind them is of no use. */
  floatLanes(operation: FloatOperation, extent: number | Value<32>, ...operands: Vector[]): Vector;
  /** FPSR.QC is set where the condition holds. */
  saturated(condition: Value<32>): void;

  /** 16 bytes, as one access. */
  load(access: VectorAccess, address: Value<64>): Vector;
  store(access: VectorAccess, address: Value<64>, value: Vector): void;
}

export type VectorAccess = Omit<Access, 'bytes' | 'monitor' | 'unprivileged' | 'ordered'>;
