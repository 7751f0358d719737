/**
 * Finds what an instruction does to control flow, registers and flags, and whether regions can hold it: runs its semantics over
 * an emitter that computes nothing.
 *
 * A value is a constant (a node, as operands.ts makes it), a register's as it is before the instruction, plus a constant, or
 * anything. There is one scanner, whose fields are those of the instruction that it looks at.
 */
import type { Emitter, Register, RuntimeCall, Value } from '../../isa/emitter.ts';
import { type Row, usesVectors } from '../../isa/row.ts';
import type { VectorEmitter } from '../../isa/vector_emitter.ts';
import { regionHolds } from '../shortcuts.ts';
import { type Constant, constant } from '../wasm/expression.ts';
import type { FlagsOperand, FlagsOperation, FlagsSetting } from './flags_state.ts';
import type { Control, Instruction, Registers, RegisterWrite } from './instruction.ts';
import { knownRegister, numberOf } from './operands.ts';

interface OfRegister {
  readonly kind: 'register';
  readonly register: number;
  readonly plus: number;
  readonly width: 32 | 64;
}
type Scanned = Constant | OfRegister | { readonly kind: 'loaded' | 'anything' };

const scanned = (of: Value): Scanned => of as unknown as Scanned;
const asValue = (of: Scanned): Value => of as unknown as Value;
const ANYTHING = asValue({ kind: 'anything' });
const LOADED = asValue({ kind: 'loaded' });
const anything = (): Value => ANYTHING;

const LINK_REGISTER = 30;
/** A region's function has room for the temporaries of so many vector operations (AESE and SM4E have hundreds). */
const MOST_VECTOR_OPERATIONS = 32;

/** Thrown where a region cannot hold the instruction. One for all: making an error costs more than the scan. */
const NOT_IN_REGIONS = new Error('not in regions');
const notInRegions = (): never => {
  throw NOT_IN_REGIONS;
};

const ofRegister = (register: number, plus: number, width: 32 | 64): Value =>
  asValue({ kind: 'register', register, plus, width });
const constantOf = (of: Scanned): number | undefined =>
  of.kind === 'constant' ? Number(of.value) : undefined;

function sum(a: Scanned, b: Scanned, sign: 1 | -1): Value {
  if (a.kind !== 'register' || b.kind !== 'constant') return ANYTHING;
  return ofRegister(a.register, a.plus + sign * Number(b.value), a.width);
}

function flagsOperand(of: Scanned): FlagsOperand {
  if (of.kind === 'register') return { register: of.register, plus: of.plus };
  return of.kind === 'constant' && typeof of.value === 'number' ? { constant: of.value } : 'local';
}

class Scanner implements Record<keyof Emitter, unknown> {
  control = 'none' as Control;
  distance = 0;
  linked = false;
  loads = 0;
  stores = 0;
  /** Something that stays was written: registers, cells; and vectors. */
  written = false;
  vectorsWritten = false;
  event = false;
  readsFlags = false;
  readsAddress = false;
  /** Something that may leave: accesses and probes, calls. */
  leaves = false;
  reads: Registers = 0;
  loaded: Registers = 0;
  writes: RegisterWrite[] = [];
  registersWritten: Registers = 0;
  flags: FlagsSetting | 'computed' | undefined;
  /** Of the operation, where the row has one. */
  width: 32 | 64 | undefined;
  /** Inside the arms of a choice. */
  choosing = false;
  readonly vector = new VectorScanner(this);

  scan(row: Row, operands: never): Instruction {
    const onVectors = usesVectors(row);
    this.control = 'none' as Control;
    this.distance = this.loads = this.stores = this.vector.operations = 0;
    this.linked = this.written = this.vectorsWritten = this.event = false;
    this.readsFlags = this.readsAddress = this.leaves = this.choosing = false;
    this.reads = this.loaded = this.registersWritten = 0;
    this.writes = [];
    this.flags = undefined;
    this.width = (operands as { width?: 32 | 64 }).width;
    row.execute!(operands, this as unknown as Emitter);
    return {
      supported: true,
      row,
      operands,
      onVectors,
      event: this.event,
      control: this.control,
      distance: this.distance,
      link: this.linked && this.control === 'direct',
      accesses: this.loads + this.stores,
      reads: this.reads,
      loaded: this.loaded,
      writes: this.writes,
      written: this.registersWritten,
      leaves: this.leaves || onVectors,
      readsFlags: this.readsFlags,
      repeatable: !this.readsFlags && this.flags !== 'computed' && !this.readsAddress && !onVectors,
      flags: this.flags,
    };
  }

  constant(width: 32 | 64, n: number | bigint): Value {
    return asValue(constant(width, n));
  }
  add(a: Value, b: Value): Value {
    return sum(scanned(a), scanned(b), 1);
  }
  sub(a: Value, b: Value): Value {
    return sum(scanned(a), scanned(b), -1);
  }
  low(of: Value): Value {
    const known = constantOf(scanned(of));
    return known === undefined ? ANYTHING : this.constant(64, known >>> 0);
  }
  keep(of: Value): Value {
    return of;
  }
  mul = anything;
  mulHighUnsigned = anything;
  mulHighSigned = anything;
  divUnsigned = anything;
  divSigned = anything;
  and = anything;
  or = anything;
  xor = anything;
  not = anything;
  shiftLeft = anything;
  shiftRight = anything;
  shiftRightSigned = anything;
  rotateRight = anything;
  countLeadingZeros = anything;
  equal = anything;
  lessUnsigned = anything;
  lessSigned = anything;
  isZero = anything;
  select = anything;
  signExtend = anything;
  zeroExtend = anything;
  cell = anything;
  crc32 = notInRegions;
  decided = notInRegions;

  register = knownRegister;
  following(register: Register): Register {
    return knownRegister(numberOf(register) + 1);
  }
  x(register: Register, width: 32 | 64): Value {
    return numberOf(register) === 31 ? this.constant(width, 0) : this.xOrSp(register, width);
  }
  xOrSp(register: Register, width: 32 | 64): Value {
    const number = numberOf(register);
    this.reads |= 1 << number;
    return ofRegister(number, 0, width);
  }
  pc(): Value {
    this.readsAddress = true;
    return ANYTHING;
  }
  setX(register: Register, of: Value): void {
    if (numberOf(register) !== 31) this.setXOrSp(register, of);
    else this.written = true;
  }
  setXOrSp(register: Register, of: Value): void {
    const number = numberOf(register);
    this.written = true;
    this.registersWritten |= 1 << number;
    if (of === LOADED) this.loaded |= 1 << number;
    if (number === LINK_REGISTER) this.linked = true;
    const value = scanned(of);
    const own = value.kind === 'register';
    const moves = own && value.register === number && !this.choosing && Number.isSafeInteger(value.plus);
    this.writes.push({
      register: number,
      width: own ? value.width : 64,
      plus: moves ? value.plus : undefined,
    });
  }

  readFlags(): Value {
    this.readsFlags = true;
    return ANYTHING;
  }
  nzcv(): Value {
    return this.readFlags();
  }
  carry(): Value {
    return this.readFlags();
  }
  condition(): Value {
    return this.readFlags();
  }
  setFlags(operation: FlagsOperation, a: Value, b: Value | undefined): void {
    this.flags =
      this.width === undefined || this.choosing
        ? 'computed'
        : {
            kind: `${operation}${this.width}`,
            a: flagsOperand(scanned(a)),
            b: b ? flagsOperand(scanned(b)) : { constant: 0 },
          };
  }
  setFlagsAdd(a: Value, b: Value, _result: Value, carry?: Value): void {
    if (carry) this.flags = 'computed';
    else this.setFlags('add', a, b);
  }
  setFlagsSubtract(a: Value, b: Value): void {
    this.setFlags('subtract', a, b);
  }
  setFlagsLogical(result: Value): void {
    this.setFlags('logical', result, undefined);
  }
  setNzcv(): void {
    this.flags = 'computed';
  }
  setCell(): void {
    this.written = true;
  }

  /**
   * A miss leaves before the instruction, which is then executed from its start: what it did before must not matter. What a load
   * has put into vectors does not: no address depends on it, and it will be put there again.
   */
  access(loading: boolean): void {
    if (this.written || (this.vectorsWritten && !loading) || (this.stores > 0 && this.loads > 0))
      throw NOT_IN_REGIONS;
    this.leaves = true;
  }
  load(): Value {
    this.access(true);
    this.loads += 1;
    return LOADED;
  }
  store(): void {
    this.access(false);
    this.stores += 1;
  }
  probeStore(): void {
    this.access(false);
  }

  when(_condition: Value, then: () => void, otherwise?: () => void): void {
    const before = this.choosing;
    this.choosing = true;
    then();
    const afterThen = this.written;
    this.written = false;
    otherwise?.();
    this.written ||= afterThen;
    this.choosing = before;
  }
  call(name: RuntimeCall, ...args: Value[]): Value {
    if (!regionHolds(name, args.map(scanned).map(constantOf))) throw NOT_IN_REGIONS;
    this.event = name !== 'readSystemRegister';
    this.leaves = true;
    return ANYTHING;
  }

  branch(offset: Value): void {
    this.control = 'direct';
    this.distance = constantOf(scanned(offset))! / 4;
  }
  branchIf(_condition: Value, offset: Value): void {
    this.branch(offset);
    this.control = 'conditional';
  }
  branchIndirect(_target: Value, kind: string): void {
    this.control = kind === 'return' ? 'return' : 'indirect';
  }
}

class VectorScanner implements Record<keyof VectorEmitter, unknown> {
  readonly #scanner: Scanner;
  operations = 0;
  constructor(scanner: Scanner) {
    this.#scanner = scanner;
  }

  operation(): Value {
    this.operations += 1;
    if (this.operations > MOST_VECTOR_OPERATIONS) throw NOT_IN_REGIONS;
    return ANYTHING;
  }
  read = this.operation;
  register = this.operation;
  after = this.operation;
  element = this.operation;
  constant = this.operation;
  fromLow = this.operation;
  splat = this.operation;
  lane = this.operation;
  withLane = this.operation;
  bitwise = this.operation;
  not = this.operation;
  select = this.operation;
  lanes = this.operation;
  shift = this.operation;
  countOnes = this.operation;
  shuffle = this.operation;
  lookUp = this.operation;
  extract = this.operation;
  polynomialProduct = this.operation;
  float = this.operation;
  floatLanes = this.operation;
  saturated = this.operation;
  mapLanes(
    _bits: number,
    _extent: unknown,
    inputs: readonly unknown[],
    body: (...lanes: Value[]) => Value,
  ): Value {
    body(...inputs.map(anything));
    return ANYTHING;
  }
  write(): void {
    this.#scanner.vectorsWritten = true;
  }
  setElement(): void {
    this.#scanner.vectorsWritten = true;
  }
  load(): Value {
    return this.#scanner.load();
  }
  store(): void {
    this.#scanner.store();
  }
}

const scanner = new Scanner();

/** Undefined where a region cannot hold the instruction. */
export function scan(row: Row, operands: never): Instruction | undefined {
  try {
    return scanner.scan(row, operands);
  } catch (error) {
    if (error === NOT_IN_REGIONS) return undefined;
    throw error;
  }
}
