/**
 * The reference back end: executes one instruction at once, over BigInt. It is the plainest possible reading of `Emitter`,
 * some thousand times slower than translated code; tests compare the others with it.
 */
import { CELL, type CpuState, SLOT_SP } from '../cpu/state.ts';
import type {
  Access,
  Cell,
  Emitter,
  IndirectBranch,
  Register,
  Runtime,
  RuntimeCall,
  Value,
  Width,
} from '../isa/emitter.ts';
import { type Feature, REGISTER_NAMES, type Row, usesVectors, VECTOR_REGISTER_NAMES } from '../isa/row.ts';
import { type Decoded, decode } from '../isa/table.ts';
import { EvaluatorVector } from './evaluator_vector.ts';

/**
 * Memory as the instruction sees it: virtual addresses (unsigned 64 bit), the current regime. A port that finds a fault
 * takes the exception (CpuState has the new pc) and says so by its answer.
 * `access.stack` is present only if the base register is SP.
 */
export interface MemoryPort {
  /** The value, zero-extended; undefined after a fault. */
  load(access: Access, address: bigint): bigint | undefined;
  /** `value` has the access's size. False after a fault. */
  store(access: Access, address: bigint, value: bigint): boolean;
  probeStore(access: Access, address: bigint): boolean;
}

/** A Runtime that tells whether a call took an exception or returned from one: CpuState has the new pc then. */
export interface RedirectingRuntime extends Runtime {
  /** Set by calls that redirect; the evaluator clears it before each call. */
  redirected: boolean;
  /** What the CPU has: rows of other features do not exist. Absent: all do. */
  readonly features?: ReadonlySet<Feature>;
}

/** What the flow of the recording needs. */
export interface FlowSink {
  /** A conditional branch was executed. */
  atom(taken: boolean): void;
  /** An indirect branch was executed. */
  target(address: bigint): void;
}

/** What detail `full` needs besides, in the order in which it happens. */
export interface ValueSink {
  /** X0 to X30, or 31 for SP; writes of the zero register are not told. */
  registerWrite(register: number, value: bigint): void;
  /** One per Emitter load or store. */
  memoryValue(value: bigint): void;
}

/** A value at once: unsigned, within its width. */
export interface Known {
  readonly width: Width;
  readonly n: bigint;
}

export const known = (value: Value): Known => value as unknown as Known;
const numberOf = (register: Register): number => register as unknown as number;
export const make = <W extends Width>(width: W, n: bigint): Value<W> =>
  ({ width, n: BigInt.asUintN(width, n) }) as unknown as Value<W>;
const truth = (holds: boolean): Value<32> => make(32, holds ? 1n : 0n);

/** Unwinds the semantics function of an instruction that ends early. Never seen outside this file. */
const LEAVE = Symbol('instruction ended');

export class Evaluator implements Emitter {
  readonly #state: CpuState;
  readonly #memory: MemoryPort;
  readonly #runtime: RedirectingRuntime;
  readonly #flow: FlowSink;
  readonly #values: ValueSink | undefined;
  readonly vector: EvaluatorVector;
  /** Where execution goes on after the current instruction. */
  #next = 0n;

  constructor(
    state: CpuState,
    memory: MemoryPort,
    runtime: RedirectingRuntime,
    flow: FlowSink,
    values?: ValueSink,
  ) {
    this.#state = state;
    this.#memory = memory;
    this.#runtime = runtime;
    this.#flow = flow;
    this.#values = values;
    this.vector = new EvaluatorVector(state, {
      load: (access, address) => this.#load({ ...access, bytes: 16 }, address),
      store: (access, address, n) => this.#store({ ...access, bytes: 16 }, address, n),
    });
  }

  /**
   * Executes the instruction `word` at the state's pc. True if it completed, and the pc is that of the next one; false if
   * a fault or a runtime call redirected execution, and the pc is where they put it.
   */
  execute(word: number): boolean {
    this.#next = this.#state.get('pc') + 4n;
    const decoded = decode(word, this.#runtime.features);
    try {
      if (decoded?.row.execute) {
        if (usesVectors(decoded.row) && this.#state.small('vectorsTrapped')) this.call('vectorsTrapped');
        decoded.row.execute(operandsOf(decoded), this);
      } else this.call('undefinedInstruction');
    } catch (error) {
      if (error !== LEAVE) throw error;
      return false;
    }
    this.#state.set('pc', BigInt.asUintN(64, this.#next));
    return true;
  }

  constant<W extends Width>(width: W, n: number | bigint): Value<W> {
    return make(width, BigInt(n));
  }
  add<W extends Width>(a: Value<W>, b: Value<W>): Value<W> {
    return binary(a, b, (x, y) => x + y);
  }
  sub<W extends Width>(a: Value<W>, b: Value<W>): Value<W> {
    return binary(a, b, (x, y) => x - y);
  }
  mul<W extends Width>(a: Value<W>, b: Value<W>): Value<W> {
    return binary(a, b, (x, y) => x * y);
  }
  mulHighUnsigned(a: Value<64>, b: Value<64>): Value<64> {
    return binary(a, b, (x, y) => (x * y) >> 64n);
  }
  mulHighSigned(a: Value<64>, b: Value<64>): Value<64> {
    return binarySigned(a, b, (x, y) => (x * y) >> 64n);
  }
  divUnsigned<W extends Width>(a: Value<W>, b: Value<W>): Value<W> {
    return binary(a, b, (x, y) => (y === 0n ? 0n : x / y));
  }
  divSigned<W extends Width>(a: Value<W>, b: Value<W>): Value<W> {
    return binarySigned(a, b, (x, y) => (y === 0n ? 0n : x / y));
  }
  and<W extends Width>(a: Value<W>, b: Value<W>): Value<W> {
    return binary(a, b, (x, y) => x & y);
  }
  or<W extends Width>(a: Value<W>, b: Value<W>): Value<W> {
    return binary(a, b, (x, y) => x | y);
  }
  xor<W extends Width>(a: Value<W>, b: Value<W>): Value<W> {
    return binary(a, b, (x, y) => x ^ y);
  }
  not<W extends Width>(a: Value<W>): Value<W> {
    const { width, n } = known(a);
    return make(width as W, ~n);
  }
  shiftLeft<W extends Width>(a: Value<W>, count: Value<W>): Value<W> {
    return binary(a, count, (x, by, width) => x << (by % width));
  }
  shiftRight<W extends Width>(a: Value<W>, count: Value<W>): Value<W> {
    return binary(a, count, (x, by, width) => x >> (by % width));
  }
  shiftRightSigned<W extends Width>(a: Value<W>, count: Value<W>): Value<W> {
    return binary(a, count, (x, by, width) => BigInt.asIntN(Number(width), x) >> (by % width));
  }
  rotateRight<W extends Width>(a: Value<W>, count: Value<W>): Value<W> {
    return binary(a, count, (x, by, width) => (x >> (by % width)) | (x << (width - (by % width))));
  }
  countLeadingZeros<W extends Width>(a: Value<W>): Value<W> {
    const { width, n } = known(a);
    return make(width as W, BigInt(n === 0n ? width : width - n.toString(2).length));
  }
  equal<W extends Width>(a: Value<W>, b: Value<W>): Value<32> {
    return compare(a, b, (x, y) => x === y);
  }
  lessUnsigned<W extends Width>(a: Value<W>, b: Value<W>): Value<32> {
    return compare(a, b, (x, y) => x < y);
  }
  lessSigned<W extends Width>(a: Value<W>, b: Value<W>): Value<32> {
    const { width } = known(a);
    return compare(a, b, (x, y) => BigInt.asIntN(width, x) < BigInt.asIntN(width, y));
  }
  isZero(a: Value): Value<32> {
    return truth(known(a).n === 0n);
  }
  select<W extends Width>(condition: Value<32>, ifTrue: Value<W>, ifFalse: Value<W>): Value<W> {
    sameWidth(ifTrue, ifFalse);
    return holds(condition) ? ifTrue : ifFalse;
  }
  signExtend<W extends Width>(width: W, a: Value, bits: 8 | 16 | 32): Value<W> {
    return make(width, BigInt.asIntN(bits, known(a).n));
  }
  zeroExtend<W extends Width>(width: W, a: Value, bits: 8 | 16 | 32): Value<W> {
    return make(width, BigInt.asUintN(bits, known(a).n));
  }
  /** The remainder of a division by the polynomial, as the Arm ARM has it: all bits reversed, 32 zeros appended. */
  crc32(polynomial: number, bits: 8 | 16 | 32 | 64, crc: Value<32>, data: Value<64>): Value<32> {
    const reversed = (n: bigint, width: number) =>
      BigInt(`0b${[...BigInt.asUintN(width, n).toString(2).padStart(width, '0')].reverse().join('')}`);
    const divisor = (1n << 32n) | reversed(BigInt(polynomial), 32);
    let rest = (reversed(known(data).n, bits) << 32n) ^ (reversed(known(crc).n, 32) << BigInt(bits));
    for (let bit = BigInt(bits + 31); bit >= 32n; bit--)
      if ((rest >> bit) & 1n) rest ^= divisor << (bit - 32n);
    return make(32, reversed(rest, 32));
  }
  low(a: Value<64>): Value<32> {
    return make(32, known(a).n);
  }
  keep<W extends Width>(a: Value<W>): Value<W> {
    return a;
  }

  x<W extends Width>(register: Register, width: W): Value<W> {
    return make(width, this.#state.x(numberOf(register)));
  }
  xOrSp<W extends Width>(register: Register, width: W): Value<W> {
    return make(width, this.#state.u64[slot(numberOf(register))]);
  }
  setX(register: Register, value: Value): void {
    if (numberOf(register) !== 31) this.setXOrSp(register, value);
  }
  setXOrSp(register: Register, value: Value): void {
    const { n } = known(value);
    this.#state.u64[slot(numberOf(register))] = n;
    this.#values?.registerWrite(numberOf(register), n);
  }
  register(number: number): Register {
    return number as unknown as Register;
  }
  following(register: Register): Register {
    return this.register(numberOf(register) + 1);
  }
  pc(): Value<64> {
    return make(64, this.#state.get('pc'));
  }

  setFlagsAdd<W extends Width>(a: Value<W>, b: Value<W>, result: Value<W>, carry?: Value<32>): void {
    const { width, n } = known(result);
    const sum = known(a).n + known(b).n + (carry ? known(carry).n : 0n);
    const signed = (value: bigint) => BigInt.asIntN(width, value);
    const signedSum = signed(known(a).n) + signed(known(b).n) + (carry ? known(carry).n : 0n);
    if (BigInt.asUintN(width, sum) !== n) throw new Error(`flags of ${n}, which is not the sum ${sum}`);
    this.#setFlags(width, n, sum !== n, signedSum !== signed(n));
  }
  setFlagsSubtract<W extends Width>(a: Value<W>, b: Value<W>, result: Value<W>): void {
    this.setFlagsAdd(a, this.not(b), result, truth(true));
  }
  setFlagsLogical(result: Value): void {
    const { width, n } = known(result);
    this.#setFlags(width, n, false, false);
  }
  #setFlags(width: Width, result: bigint, carry: boolean, overflow: boolean): void {
    const negative = BigInt.asIntN(width, result) < 0n;
    const bits = [negative, result === 0n, carry, overflow];
    this.setNzcv(make(32, BigInt(bits.reduce((nzcv, bit) => (nzcv << 1) | Number(bit), 0))));
  }
  setNzcv(nzcv: Value<32>): void {
    this.#state.nzcv = (Number(known(nzcv).n) << 28) >>> 0;
  }
  nzcv(): Value<32> {
    return make(32, BigInt(this.#state.nzcv >>> 28));
  }
  carry(): Value<32> {
    return truth((this.#state.nzcv & 0x2000_0000) !== 0);
  }
  condition(code: number | Value<32>): Value<32> {
    return truth(
      conditionHolds(typeof code === 'number' ? code : Number(known(code).n), this.#state.nzcv >>> 28),
    );
  }

  load(access: Access, address: Value<64>): Value<64> {
    return make(64, this.#load(access, address));
  }
  #load(access: Access, address: Value<64>): bigint {
    const value = this.#memory.load(seenByPort(access), known(address).n);
    if (value === undefined) throw LEAVE;
    if (!access.monitor) this.#values?.memoryValue(value);
    return value;
  }
  store(access: Access, address: Value<64>, value: Value): void {
    this.#store(access, address, known(value).n);
  }
  #store(access: Access, address: Value<64>, n: bigint): void {
    const stored = BigInt.asUintN(8 * access.bytes, n);
    if (!this.#memory.store(seenByPort(access), known(address).n, stored)) throw LEAVE;
    this.#values?.memoryValue(stored);
  }
  probeStore(access: Access, address: Value<64>): void {
    if (!this.#memory.probeStore(seenByPort(access), known(address).n)) throw LEAVE;
  }
  cell(cell: Cell): Value<64> {
    return make(64, this.#state.get(cell));
  }
  setCell(cell: Cell, value: Value<64>): void {
    this.#state.set(cell, known(value).n);
  }

  when(condition: Value<32>, then: () => void, otherwise?: () => void): void {
    if (holds(condition)) then();
    else otherwise?.();
  }
  branch(offset: Value<64>): void {
    this.#next = this.#state.get('pc') + known(offset).n;
  }
  branchIf(condition: Value<32>, offset: Value<64>): void {
    const taken = holds(condition);
    this.#flow.atom(taken);
    if (taken) this.branch(offset);
  }
  decided(yes: Value<32>): void {
    this.#flow.atom(holds(yes));
  }
  branchIndirect(target: Value<64>, kind: IndirectBranch): void {
    if (kind === 'call') this.#state.branches(2);
    else if (kind !== 'return') this.#state.branches(kind === 'jump' && this.#state.inGuardedPage ? 3 : 1);
    this.#flow.target(known(target).n);
    this.#next = known(target).n;
  }
  call(name: RuntimeCall, ...args: Value<64>[]): Value<64> {
    this.#runtime.redirected = false;
    const call = this.#runtime[name] as (...args: bigint[]) => bigint | undefined;
    const result = call.apply(
      this.#runtime,
      args.map((argument) => known(argument).n),
    );
    if (this.#runtime.redirected) throw LEAVE;
    return make(64, result ?? 0n);
  }
}

function operandsOf({ row, fields }: Decoded): never {
  const operands: { [name: string]: unknown } = { ...row.shape(fields) };
  for (const name of [...REGISTER_NAMES, ...VECTOR_REGISTER_NAMES])
    if (name in fields) operands[name] = fields[name];
  for (const [name, derive] of Object.entries(row.bytes)) operands[name] = byteOf(row, name, derive(fields));
  if (row.imm) operands.imm = make(64, BigInt(row.imm(fields)));
  return operands as never;
}

function byteOf(row: Row, name: string, n: number): Value<32> {
  if (n < 0 || n > 255) throw new Error(`${row.name}: ${name} is ${n}, not a byte`);
  return make(32, BigInt(n));
}

const slot = (register: number): number => (register === 31 ? CELL.sp : CELL.x0 + 8 * register) >>> 3;

/** The port cannot ask a Register for its number, so a base that is not SP is not shown to it. */
const seenByPort = (access: Access): Access =>
  access.stack !== undefined && numberOf(access.stack) !== SLOT_SP ? { ...access, stack: undefined } : access;

function sameWidth(a: Value, b: Value): Width {
  const { width } = known(a);
  if (width !== known(b).width) throw new Error(`operands of ${width} and ${known(b).width} bits`);
  return width;
}
function binary<W extends Width>(
  a: Value<W>,
  b: Value<W>,
  operation: (x: bigint, y: bigint, width: bigint) => bigint,
): Value<W> {
  const width = sameWidth(a, b);
  return make(width as W, operation(known(a).n, known(b).n, BigInt(width)));
}
function binarySigned<W extends Width>(
  a: Value<W>,
  b: Value<W>,
  operation: (x: bigint, y: bigint) => bigint,
) {
  const width = sameWidth(a, b);
  return binary(a, b, (x, y) => operation(BigInt.asIntN(width, x), BigInt.asIntN(width, y)));
}
function compare<W extends Width>(a: Value<W>, b: Value<W>, relation: (x: bigint, y: bigint) => boolean) {
  sameWidth(a, b);
  return truth(relation(known(a).n, known(b).n));
}

function holds(condition: Value<32>): boolean {
  const { width, n } = known(condition);
  if (width !== 32 || n > 1n) throw new Error(`a condition is 0 or 1 in 32 bits, not ${n} in ${width}`);
  return n === 1n;
}

/** ConditionHolds() (J1.1.3), of NZCV in bits 3..0. */
export function conditionHolds(code: number, nzcv: number): boolean {
  const [n, z, c, v] = [(nzcv >> 3) & 1, (nzcv >> 2) & 1, (nzcv >> 1) & 1, nzcv & 1];
  const even = [z, c, n, v, c & (z ^ 1), 1 ^ n ^ v, (1 ^ n ^ v) & (z ^ 1), 1][code >> 1] === 1;
  return (code & 1) === 1 && code !== 15 ? !even : even;
}
