/**
 * SIMD and floating point for every WebAssembly back end. A Vector is a v128 local: operations are emitted where they are
 * written. Lane by lane operations are a loop over memory 0; they cost two to four nanoseconds a lane.
 */
import { VECTOR_BASE } from '../cpu/state.ts';
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
import { EXTENT_MASKS, VECTOR_SCRATCH } from './layout.ts';
import { type CodeBuffer, constant, convert, intOp, type Local, type Node } from './wasm/expression.ts';
import { type LaneOp, lanes as laneOpcodes, op, simd } from './wasm/opcodes.ts';
import { node, value, type WasmEmitter } from './wasm_emitter.ts';
import { emitFloat } from './wasm_float.ts';
import { emitFloatLanes } from './wasm_float_lanes.ts';

const FPSR = 8 * slotOf('FPSR');
const QC = 1 << 27;

const sizeIndex = (bits: LaneBits): number => Math.log2(bits) - 3;
const localOf = (vector: Vector): number => vector as unknown as number;

const OPERATIONS: { readonly [K in LaneOperation]: LaneOp } = {
  add: 'add',
  sub: 'sub',
  mul: 'mul',
  minSigned: 'minS',
  minUnsigned: 'minU',
  maxSigned: 'maxS',
  maxUnsigned: 'maxU',
  equal: 'eq',
  greaterSigned: 'gtS',
  greaterUnsigned: 'gtU',
};
const SHIFTS = { left: 'shl', right: 'shrU', rightSigned: 'shrS' } as const;
const LOADS: { readonly [K in LaneBits]: readonly [unsigned: number, signed: number] } = {
  8: [op.i64Load8U, op.i64Load8S],
  16: [op.i64Load16U, op.i64Load16S],
  32: [op.i64Load32U, op.i64Load32S],
  64: [op.i64Load, op.i64Load],
};
const STORES = { 8: op.i64Store8, 16: op.i64Store16, 32: op.i64Store32, 64: op.i64Store };

/** What the back end adds: which register a field names, calls, memory. */
export interface VectorHost {
  /** The number of a register that is a field of the instruction. */
  registerNumber(register: VectorRegister): Node;
  /** Calls the exact floating-point operation with its operands in the argument cells. */
  callFloat(code: number): void;
  loadVector(access: VectorAccess, address: Value<64>): number;
  storeVector(access: VectorAccess, address: Value<64>, local: number): void;
}

interface Numbered {
  readonly number: Node;
}

export class WasmVectorEmitter implements VectorEmitter {
  readonly #e: WasmEmitter;
  readonly #code: CodeBuffer;
  readonly #host: VectorHost;

  constructor(e: WasmEmitter, host: VectorHost) {
    this.#e = e;
    this.#code = e.code;
    this.#host = host;
  }

  /** The stack's top as a Vector. */
  #top(): Vector {
    const local = this.#code.local('v128');
    this.#code.set(local);
    return local as unknown as Vector;
  }
  #push(vector: Vector): void {
    this.#code.get(localOf(vector));
  }
  /** A scalar at the width that a lane operation wants. */
  #pushLane(bits: LaneBits, of: Value): void {
    const from = node(of);
    if (bits === 64) this.#code.emit(from.width === 64 ? from : convert(64, op.i64ExtendI32U, from));
    else this.#code.emit(from.width === 32 ? from : convert(32, op.i32WrapI64, from));
  }

  #number(register: VectorRegister): Node {
    const numbered = register as unknown as Partial<Numbered>;
    return numbered.number ?? this.#host.registerNumber(register);
  }
  /** Pushes the byte offset of a register from VECTOR_BASE. */
  #pushRegister(register: VectorRegister): void {
    this.#code.emit(intOp('shl', this.#number(register), constant(32, 4)));
  }
  register(n: Value<32>): VectorRegister {
    return { number: this.#code.keep(node(n)) } as unknown as VectorRegister;
  }
  after(register: VectorRegister, n: number): VectorRegister {
    if (n === 0) return register;
    const number = intOp('and', intOp('add', this.#number(register), constant(32, n)), constant(32, 31));
    return { number: this.#code.keep(number) } as unknown as VectorRegister;
  }

  read(register: VectorRegister): Vector {
    this.#pushRegister(register);
    this.#code.simdMemory(simd.load, VECTOR_BASE);
    return this.#top();
  }
  write(register: VectorRegister, of: Vector, extent: number | Value<32>): void {
    this.#pushRegister(register);
    this.#push(of);
    if (extent !== 16) {
      if (typeof extent === 'number') this.#code.i32(16 * extent);
      else this.#code.emit(intOp('shl', node(extent), constant(32, 4)));
      this.#code.simdMemory(simd.load, EXTENT_MASKS);
      this.#code.simd(simd.and);
    }
    this.#code.simdMemory(simd.store, VECTOR_BASE);
  }

  #pushElement(bits: LaneBits, register: VectorRegister, index: Value<32>): void {
    const register16 = intOp('shl', this.#number(register), constant(32, 4));
    const offset = intOp('shl', node(index), constant(32, sizeIndex(bits)));
    this.#code.emit(intOp('add', register16, offset));
  }
  element(bits: LaneBits, register: VectorRegister, index: Value<32>): Value<64> {
    this.#pushElement(bits, register, index);
    this.#code.memory(LOADS[bits][0], VECTOR_BASE);
    return value(this.#code.keepTop(64));
  }
  setElement(bits: LaneBits, register: VectorRegister, index: Value<32>, of: Value<64>): void {
    const kept = this.#code.keep(node(of));
    this.#pushElement(bits, register, index);
    this.#code.emit(kept);
    this.#code.memory(STORES[bits], VECTOR_BASE);
  }

  constant(n: bigint): Vector {
    this.#code.simd(simd.const);
    for (let i = 0n; i < 128n; i += 8n) this.#code.byte(Number((n >> i) & 0xffn));
    return this.#top();
  }
  fromLow(of: Value<64>): Vector {
    return this.withLane(64, this.constant(0n), 0, of);
  }
  splat(bits: LaneBits, of: Value<64>): Vector {
    this.#pushLane(bits, of);
    this.#code.simd(laneOpcodes.splat[sizeIndex(bits)]);
    return this.#top();
  }
  lane(bits: LaneBits, of: Vector, index: number): Value<64> {
    this.#push(of);
    this.#code.simd(laneOpcodes.extract[sizeIndex(bits)]);
    this.#code.byte(index);
    if (bits !== 64) this.#code.byte(op.i64ExtendI32U);
    return value(this.#code.keepTop(64));
  }
  withLane(bits: LaneBits, of: Vector, index: number, lane: Value<64>): Vector {
    this.#push(of);
    this.#pushLane(bits, lane);
    this.#code.simd(laneOpcodes.replace[sizeIndex(bits)]);
    this.#code.byte(index);
    return this.#top();
  }

  #two(opcode: number, a: Vector, b: Vector): Vector {
    this.#push(a);
    this.#push(b);
    this.#code.simd(opcode);
    return this.#top();
  }
  bitwise(operation: Bitwise, a: Vector, b: Vector): Vector {
    return this.#two(simd[operation], a, b);
  }
  not(a: Vector): Vector {
    this.#push(a);
    this.#code.simd(simd.not);
    return this.#top();
  }
  select(mask: Vector, a: Vector, b: Vector): Vector {
    this.#push(a);
    this.#push(b);
    this.#push(mask);
    this.#code.simd(simd.select);
    return this.#top();
  }
  lanes(operation: LaneOperation, bits: LaneBits, a: Vector, b: Vector): Vector {
    if (operation === 'mul' && bits === 8) return this.#multiplyBytes(a, b);
    if (operation === 'greaterUnsigned' && bits === 64) {
      const sign = this.constant((1n << 127n) | (1n << 63n));
      return this.lanes('greaterSigned', 64, this.bitwise('xor', a, sign), this.bitwise('xor', b, sign));
    }
    const opcode = laneOpcodes[OPERATIONS[operation]][sizeIndex(bits)];
    if (opcode === 0) throw new Error(`no ${operation} of lanes of ${bits} bits`);
    return this.#two(opcode, a, b);
  }
  #multiplyBytes(a: Vector, b: Vector): Vector {
    const eight = this.#e.constant(32, 8);
    const high = (of: Vector) => this.shift('right', 16, of, eight);
    const even = this.lanes('mul', 16, a, b);
    const odd = this.shift('left', 16, this.lanes('mul', 16, high(a), high(b)), eight);
    return this.select(this.constant(BigInt(`0x${'00ff'.repeat(8)}`)), even, odd);
  }
  /** A count of the lane's size, which WebAssembly would take as 0, is two shifts. */
  shift(operation: LaneShift, bits: LaneBits, a: Vector, count: Value<32>): Vector {
    const opcode = laneOpcodes[SHIFTS[operation]][sizeIndex(bits)];
    const by = node(count);
    this.#push(a);
    if (by.kind === 'constant' && by.value < bits) {
      this.#code.emit(by);
      this.#code.simd(opcode);
      return this.#top();
    }
    const half = this.#code.keep(intOp('shrU', by, constant(32, 1)));
    this.#code.emit(half);
    this.#code.simd(opcode);
    this.#code.emit(intOp('sub', by, half));
    this.#code.simd(opcode);
    return this.#top();
  }
  countOnes(a: Vector): Vector {
    this.#push(a);
    this.#code.simd(simd.popcnt);
    return this.#top();
  }
  shuffle(a: Vector, b: Vector, indices: readonly number[]): Vector {
    this.#push(a);
    this.#push(b);
    this.#code.simd(simd.shuffle);
    this.#code.append(indices);
    return this.#top();
  }
  lookUp(table: Vector, indices: Vector): Vector {
    return this.#two(simd.swizzle, table, indices);
  }
  extract(a: Vector, b: Vector, position: Value<32>): Vector {
    [a, b].forEach((of, i) => {
      this.#storeScratch(i, of);
    });
    this.#code.emit(node(position));
    this.#code.simdMemory(simd.load, VECTOR_SCRATCH);
    return this.#top();
  }
  #storeScratch(n: number, of: Vector): void {
    this.#code.i32(0);
    this.#push(of);
    this.#code.simdMemory(simd.store, VECTOR_SCRATCH + 16 * n);
  }
  #loadScratch(n: number): Vector {
    this.#code.i32(0);
    this.#code.simdMemory(simd.load, VECTOR_SCRATCH + 16 * n);
    return this.#top();
  }

  /** From the highest bit of b: the product so far, shifted by one, and a where the bit is set. */
  polynomialProduct(a: Value<64>, b: Value<64>): Vector {
    const { code } = this;
    const factor = code.keep(node(a));
    const local = () => code.temporary(64);
    const [low, high, rest] = [local(), local(), local()];
    const set = (to: Local, of: Node) => {
      code.emit(of);
      code.set(to.index);
    };
    const one = constant(64, 1);
    const sign = constant(64, 63);
    set(low, constant(64, 0));
    set(high, constant(64, 0));
    set(rest, node(b));
    const count = code.temporary(32);
    code.i32(64);
    code.set(count.index);
    const loop = code.open(op.loop);
    set(high, intOp('or', intOp('shl', high, one), intOp('shrU', low, sign)));
    const chosen = intOp('and', factor, intOp('shrS', rest, sign));
    set(low, intOp('xor', intOp('shl', low, one), chosen));
    set(rest, intOp('shl', rest, one));
    code.emit(intOp('sub', count, constant(32, 1)));
    code.tee(count.index);
    code.branchIf(loop);
    code.close();
    return this.withLane(64, this.fromLow(value(low)), 1, value(high));
  }
  private get code(): CodeBuffer {
    return this.#code;
  }

  mapLanes(
    bits: LaneBits,
    extent: number | Value<32>,
    inputs: readonly LaneInput[],
    body: (...lanes: Value<64>[]) => Value<64>,
  ): Vector {
    const { code } = this;
    const RESULT = inputs.length;
    if (RESULT > 7) throw new Error(`${inputs.length} inputs do not fit into the scratch vectors`);
    inputs.forEach(({ of }, i) => {
      this.#storeScratch(i, of);
    });
    this.#storeScratch(RESULT, this.constant(0n));
    const step = bits / 8;
    const offset = code.temporary(32);
    const limit = typeof extent === 'number' ? constant(32, extent) : code.keep(node(extent));
    const once = limit.kind === 'constant' && limit.value === step;
    code.i32(0);
    code.set(offset.index);
    const loop = once ? 0 : code.open(op.loop, 0x40);
    const lanes = inputs.map(({ bits: size, signed = false, from = 0 }, i) => {
      const scale = sizeIndex(size) - sizeIndex(bits);
      const distance =
        scale >= 0 ? intOp('shl', offset, constant(32, scale)) : intOp('shrU', offset, constant(32, -scale));
      code.emit(scale === 0 ? offset : distance);
      code.memory(LOADS[size][signed ? 1 : 0], VECTOR_SCRATCH + 16 * i + (from * size) / 8);
      return value<64>(code.keepTop(64));
    });
    const result = code.keep(node(body(...lanes)));
    code.emit(offset);
    code.emit(result);
    code.memory(STORES[bits], VECTOR_SCRATCH + 16 * RESULT);
    if (!once) {
      code.emit(intOp('add', offset, constant(32, step)));
      code.tee(offset.index);
      code.emit(limit);
      code.int('ltU', 32);
      code.branchIf(loop);
      code.close();
    }
    return this.#loadScratch(RESULT);
  }

  float(operation: FloatOperation, ...operands: Value<64>[]): Value<64> {
    const kept = operands.map((operand) => this.#code.keep(node(operand)));
    return value(emitFloat(this.#code, operation, kept, (code) => this.#host.callFloat(code)));
  }
  floatLanes(operation: FloatOperation, extent: number | Value<32>, ...operands: Vector[]): Vector {
    const bits = operation.size;
    const bytes = typeof extent === 'number' ? constant(32, extent) : this.#code.keep(node(extent));
    const inputs = operands.map((of): LaneInput => ({ of, bits }));
    const oneByOne = () =>
      localOf(this.mapLanes(bits, value(bytes), inputs, (...lanes) => this.float(operation, ...lanes)));
    const locals = operands.map(localOf);
    return emitFloatLanes(this.#code, operation, locals, bytes, oneByOne) as unknown as Vector;
  }
  saturated(condition: Value<32>): void {
    this.#code.i32(0);
    this.#code.i32(0);
    this.#code.memory(op.i32Load, FPSR);
    this.#code.emit(intOp('shl', node(condition), constant(32, Math.log2(QC))));
    this.#code.int('or', 32);
    this.#code.memory(op.i32Store, FPSR);
  }

  load(access: VectorAccess, address: Value<64>): Vector {
    return this.#host.loadVector(access, address) as unknown as Vector;
  }
  store(access: VectorAccess, address: Value<64>, of: Vector): void {
    this.#host.storeVector(access, address, localOf(of));
  }
}

/** The bytes of EXTENT_MASKS. */
export function extentMasks(): Uint8Array {
  return Uint8Array.from({ length: 17 * 16 }, (_, i) => (i % 16 < Math.floor(i / 16) ? 0xff : 0));
}
