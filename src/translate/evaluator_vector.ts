/** The reference back end's SIMD and floating point: 128-bit BigInts, taken apart into lanes; exact arithmetic only. */
import { floatOperation } from '../cpu/floating_point/floating_point.ts';
import { type CpuState, VECTOR_BASE } from '../cpu/state.ts';
import { slotOf } from '../cpu/sysregs/table.ts';
import type { Value } from '../isa/emitter.ts';
import type { FloatOperation } from '../isa/float_operation.ts';
import type {
  Bitwise,
  LaneBits,
  LaneInput,
  LaneOperation,
  LaneShift,
  Vector,
  VectorAccess,
  VectorEmitter,
  VectorRegister,
} from '../isa/vector_emitter.ts';
import { known, make } from './evaluator.ts';

const V0 = VECTOR_BASE >>> 3;
const FPSR = 2 * slotOf('FPSR');
const QC = 1 << 27;
const ONES = (1n << 128n) - 1n;

const bitsOf = (vector: Vector): bigint => vector as unknown as bigint;
const numberOf = (register: VectorRegister): number => register as unknown as number;
const made = (n: bigint): Vector => BigInt.asUintN(128, n) as unknown as Vector;
const small = (n: number | Value<32>): number => (typeof n === 'number' ? n : Number(known(n).n));

const lane = (vector: Vector, bits: number, index: number): bigint =>
  BigInt.asUintN(bits, bitsOf(vector) >> BigInt(bits * index));
const signedLane = (vector: Vector, bits: number, index: number): bigint =>
  BigInt.asIntN(bits, bitsOf(vector) >> BigInt(bits * index));

const smaller = (x: bigint, y: bigint): bigint => [x, y][Number(y < x)];
const larger = (x: bigint, y: bigint): bigint => [x, y][Number(y > x)];

function fromLanes(bits: number, count: number, of: (index: number) => bigint): Vector {
  let all = 0n;
  for (let i = count - 1; i >= 0; i--) all = (all << BigInt(bits)) | BigInt.asUintN(bits, of(i));
  return made(all);
}

/** Memory accesses of 16 bytes; they do not return where one faults. */
export interface VectorMemory {
  load(access: VectorAccess, address: Value<64>): bigint;
  store(access: VectorAccess, address: Value<64>, value: bigint): void;
}

export class EvaluatorVector implements VectorEmitter {
  readonly #state: CpuState;
  readonly #memory: VectorMemory;

  constructor(state: CpuState, memory: VectorMemory) {
    this.#state = state;
    this.#memory = memory;
  }

  read(register: VectorRegister): Vector {
    const at = V0 + 2 * numberOf(register);
    return made(this.#state.u64[at] | (this.#state.u64[at + 1] << 64n));
  }
  write(register: VectorRegister, value: Vector, extent: number | Value<32>): void {
    const kept = BigInt.asUintN(8 * small(extent), bitsOf(value));
    const at = V0 + 2 * numberOf(register);
    this.#state.u64[at] = kept;
    this.#state.u64[at + 1] = kept >> 64n;
  }
  register(n: Value<32>): VectorRegister {
    return small(n) as unknown as VectorRegister;
  }
  after(register: VectorRegister, n: number): VectorRegister {
    return ((numberOf(register) + n) % 32) as unknown as VectorRegister;
  }
  element(bits: LaneBits, register: VectorRegister, index: Value<32>): Value<64> {
    return make(64, lane(this.read(register), bits, small(index)));
  }
  setElement(bits: LaneBits, register: VectorRegister, index: Value<32>, value: Value<64>): void {
    this.write(register, this.withLane(bits, this.read(register), small(index), value), 16);
  }

  constant(n: bigint): Vector {
    return made(n);
  }
  fromLow(value: Value<64>): Vector {
    return made(known(value).n);
  }
  splat(bits: LaneBits, value: Value<64>): Vector {
    return fromLanes(bits, 128 / bits, () => known(value).n);
  }
  lane(bits: LaneBits, value: Vector, index: number): Value<64> {
    return make(64, lane(value, bits, index));
  }
  withLane(bits: LaneBits, value: Vector, index: number, of: Value<64>): Vector {
    return fromLanes(bits, 128 / bits, (i) => (i === index ? known(of).n : lane(value, bits, i)));
  }

  bitwise(operation: Bitwise, a: Vector, b: Vector): Vector {
    const [x, y] = [bitsOf(a), bitsOf(b)];
    return made({ and: x & y, or: x | y, xor: x ^ y, andNot: x & ~y }[operation]);
  }
  not(a: Vector): Vector {
    return made(bitsOf(a) ^ ONES);
  }
  select(mask: Vector, a: Vector, b: Vector): Vector {
    return made((bitsOf(a) & bitsOf(mask)) | (bitsOf(b) & (bitsOf(mask) ^ ONES)));
  }
  lanes(operation: LaneOperation, bits: LaneBits, a: Vector, b: Vector): Vector {
    return fromLanes(bits, 128 / bits, (i) => {
      const [x, y] = [lane(a, bits, i), lane(b, bits, i)];
      const [sx, sy] = [signedLane(a, bits, i), signedLane(b, bits, i)];
      const truth = (holds: boolean) => (holds ? -1n : 0n);
      switch (operation) {
        case 'add':
          return x + y;
        case 'sub':
          return x - y;
        case 'mul':
          return x * y;
        case 'minSigned':
          return smaller(sx, sy);
        case 'maxSigned':
          return larger(sx, sy);
        case 'minUnsigned':
          return smaller(x, y);
        case 'maxUnsigned':
          return larger(x, y);
        case 'equal':
          return truth(x === y);
        case 'greaterSigned':
          return truth(sx > sy);
        case 'greaterUnsigned':
          return truth(x > y);
      }
    });
  }
  shift(operation: LaneShift, bits: LaneBits, a: Vector, count: Value<32>): Vector {
    const by = BigInt(small(count));
    return fromLanes(bits, 128 / bits, (i) => {
      if (operation === 'left') return lane(a, bits, i) << by;
      return (operation === 'right' ? lane(a, bits, i) : signedLane(a, bits, i)) >> by;
    });
  }
  countOnes(a: Vector): Vector {
    return fromLanes(8, 16, (i) => BigInt(lane(a, 8, i).toString(2).replaceAll('0', '').length));
  }
  shuffle(a: Vector, b: Vector, indices: readonly number[]): Vector {
    return fromLanes(8, 16, (i) => lane(indices[i] < 16 ? a : b, 8, indices[i] % 16));
  }
  lookUp(table: Vector, indices: Vector): Vector {
    return fromLanes(8, 16, (i) => {
      const index = Number(lane(indices, 8, i));
      return index < 16 ? lane(table, 8, index) : 0n;
    });
  }
  extract(a: Vector, b: Vector, position: Value<32>): Vector {
    return made(((bitsOf(b) << 128n) | bitsOf(a)) >> BigInt(8 * small(position)));
  }
  polynomialProduct(a: Value<64>, b: Value<64>): Vector {
    let product = 0n;
    for (let i = 0n; i < 64n; i++) if ((known(b).n >> i) & 1n) product ^= known(a).n << i;
    return made(product);
  }

  mapLanes(
    bits: LaneBits,
    extent: number | Value<32>,
    inputs: readonly LaneInput[],
    body: (...lanes: Value<64>[]) => Value<64>,
  ): Vector {
    const count = (8 * small(extent)) / bits;
    const results = Array.from({ length: count }, (_, i) => {
      const operands = inputs.map(({ of, bits: size, signed = false, from = 0 }) =>
        make(64, signed ? signedLane(of, size, from + i) : lane(of, size, from + i)),
      );
      return known(body(...operands)).n;
    });
    return fromLanes(bits, count, (i) => results[i]);
  }

  float(operation: FloatOperation, ...operands: Value<64>[]): Value<64> {
    const [a, b = 0n, c = 0n] = operands.map((operand) => known(operand).n);
    return make(64, floatOperation(this.#state, operation, a, b, c));
  }
  floatLanes(operation: FloatOperation, extent: number | Value<32>, ...operands: Vector[]): Vector {
    const bits = operation.size;
    const inputs = operands.map((of): LaneInput => ({ of, bits }));
    return this.mapLanes(bits, extent, inputs, (...lanes) => this.float(operation, ...lanes));
  }
  saturated(condition: Value<32>): void {
    if (known(condition).n) this.#state.u32[FPSR] |= QC;
  }

  load(access: VectorAccess, address: Value<64>): Vector {
    return made(this.#memory.load(access, address));
  }
  store(access: VectorAccess, address: Value<64>, value: Vector): void {
    this.#memory.store(access, address, bitsOf(value));
  }
}
