/**
 * What an instruction does to control flow, and whether regions can hold it: found by running its semantics over an emitter
 * that computes nothing.
 */
import type { Access, Emitter, Register, RuntimeCall, Value } from '../../isa/emitter.ts';
import { type Feature, usesVectors } from '../../isa/row.ts';
import { decode, EVERY_FEATURE } from '../../isa/table.ts';
import type { VectorEmitter } from '../../isa/vector_emitter.ts';
import { regionHolds } from '../shortcuts.ts';
import type { FlagsOperand, FlagsOperation, FlagsSetting } from './flags_state.ts';
import { knownRegister, numberOf, operandsOf } from './operands.ts';

export type Control = 'none' | 'direct' | 'conditional' | 'return' | 'indirect';

/** A register gets a value; `plus` where that is its own plus so much, modulo 2 to the power of `width`. */
export interface RegisterWrite {
  readonly register: number;
  readonly plus?: number;
  readonly width: 32 | 64;
}

export interface Effects {
  /** A region may hold it. Otherwise the interpreter executes it. */
  readonly supported: boolean;
  /** It is an event of a recording: then a region may not hold it. */
  readonly event: boolean;
  readonly control: Control;
  /** Direct and conditional branches: distance in instructions. */
  readonly distance: number;
  /** X30 gets the address of the next instruction. */
  readonly link: boolean;
  readonly accesses: number;
  /** Registers that get a loaded value as it is. */
  readonly loaded: readonly number[];
  readonly writes: readonly RegisterWrite[];
  /** It may leave a region that holds it, before it has done anything. */
  readonly leaves: boolean;
  readonly readsFlags: boolean;
  /** What it sets the flags to: operands as they are before its writes, 'computed' where more than one operation is behind them. */
  readonly flags: FlagsSetting | 'computed' | undefined;
}

const UNSUPPORTED: Effects = {
  ...{ supported: false, event: false, control: 'none', distance: 0, link: false, accesses: 0, loaded: [] },
  ...{ writes: [], leaves: true, readsFlags: true, flags: undefined },
};
const LINK_REGISTER = 30;

/** Emitter methods without effects on anything but their result. */
const PURE: readonly (keyof Emitter)[] = [
  ...(['mul', 'mulHighUnsigned', 'mulHighSigned', 'divUnsigned', 'divSigned'] as const),
  ...(['and', 'or', 'xor', 'not', 'shiftLeft', 'shiftRight', 'shiftRightSigned', 'rotateRight'] as const),
  ...(['countLeadingZeros', 'equal', 'lessUnsigned', 'lessSigned', 'isZero', 'select'] as const),
  ...(['signExtend', 'zeroExtend', 'pc', 'cell'] as const),
];

const PURE_VECTOR: readonly (keyof VectorEmitter)[] = [
  ...(['read', 'register', 'after', 'element', 'constant', 'fromLow', 'splat', 'lane', 'withLane'] as const),
  ...(['bitwise', 'not', 'select', 'lanes', 'shift', 'countOnes', 'shuffle', 'lookUp', 'extract'] as const),
  ...(['polynomialProduct', 'float', 'floatLanes', 'saturated'] as const),
];

/** A region's function has room for the temporaries of so many vector operations (AESE and SM4E have hundreds). */
const MOST_VECTOR_OPERATIONS = 32;

/** Thrown where a region cannot hold the instruction. One for all: making an error costs more than the scan. */
const NOT_IN_REGIONS = new Error('not in regions');

/** A value of the scan: a register's, as it is before the instruction, plus a constant; a constant; or anything. */
interface Scanned {
  readonly register?: number;
  readonly plus?: number;
  readonly width?: 32 | 64;
  readonly constant?: number;
}
const scanned = (of: Value): Scanned => of as unknown as Scanned;
const asValue = (of: Scanned): Value => of as unknown as Value;

function operandOf({ register, plus = 0, constant }: Scanned): FlagsOperand {
  if (register !== undefined) return { register, plus };
  return constant !== undefined && Number.isSafeInteger(constant) ? { constant } : 'local';
}

const VALUE = { scanned: true } as unknown as Value;
const LOADED = { loaded: true } as unknown as Value;

function scan(word: number, features: ReadonlySet<Feature>): Effects {
  const decoded = decode(word, features);
  if (!decoded?.row.execute) return UNSUPPORTED;
  let control = 'none' as Control;
  let distance = 0;
  let link = false;
  let loads = 0;
  let stores = 0;
  let written = false;
  let vectorsWritten = false;
  let event = false;
  const access = (count: () => void, loading = false) => {
    // A miss leaves before the instruction, which is then executed from its start: what it did before must not matter. What a
    // load has put into vectors does not: no address depends on it, and it will be put there again.
    if (written || (vectorsWritten && !loading) || (stores > 0 && loads > 0)) throw NOT_IN_REGIONS;
    accesses = true;
    count();
    return loading ? LOADED : VALUE;
  };
  const loaded: number[] = [];
  const writes: RegisterWrite[] = [];
  let readsFlags = false;
  /** Anything that may leave. */
  let accesses = false;
  let calls = false;
  let flags: FlagsSetting | 'computed' | undefined;
  const { width } = decoded.row.shape(decoded.fields) as { width?: 32 | 64 };
  /** Inside the arms of a choice. */
  let choosing = false;
  const write = (number: number, of: Value) => {
    written = true;
    if (of === LOADED) loaded.push(number);
    if (number === LINK_REGISTER) link = true;
    const { register, plus = 0, width = 64 } = scanned(of);
    const moves = register === number && !choosing && Number.isSafeInteger(plus);
    writes.push({ register: number, width, ...(moves && { plus }) });
  };
  const read = (number: number, width: 32 | 64) => asValue({ register: number, width });
  const sum = (sign: 1 | -1) => (a: Value, b: Value) => {
    const [{ register, plus = 0, width }, { constant }] = [scanned(a), scanned(b)];
    if (register === undefined || constant === undefined) return VALUE;
    return asValue({ register, plus: plus + sign * constant, width });
  };
  const setFlags = (operation: FlagsOperation) => (a: Value, b?: Value, _result?: Value, carry?: Value) => {
    const simple = width !== undefined && !choosing && !carry;
    flags = simple
      ? {
          kind: `${operation}${width}`,
          a: operandOf(scanned(a)),
          b: b ? operandOf(scanned(b)) : { constant: 0 },
        }
      : 'computed';
  };
  const readFlags = () => {
    readsFlags = true;
    return VALUE;
  };
  const branch = (kind: Control, offset?: Value) => {
    control = kind;
    if (offset) distance = (offset as unknown as { constant: number }).constant / 4;
  };
  const vector: { [name: string]: unknown } = {
    write: () => {
      vectorsWritten = true;
    },
    setElement: () => {
      vectorsWritten = true;
    },
    load: () => access(() => loads++, true),
    store: () => access(() => stores++),
    mapLanes: (
      _bits: number,
      _extent: unknown,
      inputs: readonly unknown[],
      body: (...lanes: Value[]) => Value,
    ) => {
      body(...inputs.map(() => VALUE));
      return VALUE;
    },
  };
  let vectorOperations = 0;
  const operation = () => {
    vectorOperations += 1;
    if (vectorOperations > MOST_VECTOR_OPERATIONS) throw NOT_IN_REGIONS;
    return VALUE;
  };
  for (const name of PURE_VECTOR) vector[name] = operation;
  const methods: { [name: string]: unknown } = {
    register: knownRegister,
    following: (register: Register) => knownRegister(numberOf(register) + 1),
    constant: (_width: number, n: number | bigint) => ({ constant: Number(n) }),
    x: (register: Register, width: 32 | 64) =>
      numberOf(register) === 31 ? asValue({ constant: 0 }) : read(numberOf(register), width),
    xOrSp: (register: Register, width: 32 | 64) => read(numberOf(register), width),
    setX: (register: Register, of: Value) => {
      if (numberOf(register) !== 31) write(numberOf(register), of);
      else written = true;
    },
    setXOrSp: (register: Register, of: Value) => write(numberOf(register), of),
    add: sum(1),
    sub: sum(-1),
    low: (of: Value) => {
      const { constant } = scanned(of);
      return constant === undefined ? VALUE : asValue({ constant: constant >>> 0 });
    },
    nzcv: readFlags,
    carry: readFlags,
    condition: readFlags,
    setFlagsAdd: setFlags('add'),
    setFlagsSubtract: setFlags('subtract'),
    setFlagsLogical: setFlags('logical'),
    setNzcv: () => {
      flags = 'computed';
    },
    setCell: () => {
      written = true;
    },
    load: (_access: Access) => access(() => loads++, true),
    store: (_access: Access) => access(() => stores++),
    probeStore: () => access(() => {}),
    when: (_condition: Value, then: () => void, otherwise?: () => void) => {
      const before = choosing;
      choosing = true;
      then();
      const afterThen = written;
      written = false;
      otherwise?.();
      written ||= afterThen;
      choosing = before;
    },
    call: (name: RuntimeCall, ...args: Value[]) => {
      const known = args.map((argument) => (argument as unknown as { constant?: number }).constant);
      if (!regionHolds(name, known)) throw NOT_IN_REGIONS;
      event = name !== 'readSystemRegister';
      calls = true;
      return VALUE;
    },
    branch: (offset: Value) => branch('direct', offset),
    branchIf: (_condition: Value, offset: Value) => branch('conditional', offset),
    branchIndirect: (_target: Value, kind: string) => branch(kind === 'return' ? 'return' : 'indirect'),
  };
  for (const name of PURE) methods[name] = () => VALUE;
  methods['keep'] = (of: Value) => of;
  const known: ProxyHandler<{ [name: string]: unknown }> = {
    get(target, name: string) {
      if (!(name in target)) throw NOT_IN_REGIONS;
      return target[name];
    },
  };
  methods['vector'] = new Proxy(vector, known);
  const emitter = new Proxy(methods, known) as unknown as Emitter;
  try {
    decoded.row.execute(operandsOf(decoded, emitter.constant), emitter);
  } catch (error) {
    if (error === NOT_IN_REGIONS) return UNSUPPORTED;
    throw error;
  }
  const leaves = accesses || calls || usesVectors(decoded.row);
  return {
    ...{
      supported: true,
      event,
      control,
      distance,
      link: link && control === 'direct',
      accesses: loads + stores,
    },
    ...{ loaded, writes, leaves, readsFlags, flags },
  };
}

const knownByFeatures = new WeakMap<ReadonlySet<Feature>, Map<number, Effects>>();
const MOST_KNOWN = 65536;

/** On a CPU with these features. */
export function effectsOf(word: number, features: ReadonlySet<Feature> = EVERY_FEATURE): Effects {
  let known = knownByFeatures.get(features);
  if (!known) {
    known = new Map();
    knownByFeatures.set(features, known);
  }
  let effects = known.get(word);
  if (!effects) {
    if (known.size === MOST_KNOWN) known.clear();
    effects = scan(word, features);
    known.set(word, effects);
  }
  return effects;
}

/** Execution does not go on to the next word: an unconditional branch, or one of the exception and system instructions. */
export function endsRun(word: number): boolean {
  // Arm ARM C4.1: op0 is x101x. B.cond, and CBZ, CBNZ, TBZ, TBNZ go on.
  const branchOrSystem = ((word >>> 26) & 7) === 5;
  const conditional = word >>> 25 === 0b0101010 || ((word >>> 26) & 0x1f) === 0b01101;
  return branchOrSystem && !conditional;
}

/**
 * Distance in instructions of a branch whose target the word itself tells, and whether it is a call: B, BL, B.cond, CBZ, CBNZ, TBZ,
 * TBNZ (Arm ARM C4.1.66). Asked of every word that is decoded: it does not run the row's semantics.
 */
export function directBranch(
  word: number,
): { readonly distance: number; readonly link: boolean } | undefined {
  const offset = (low: number, width: number) => (word << (32 - low - width)) >> (32 - width);
  if (((word >>> 26) & 0x1f) === 0b00101) return { distance: offset(0, 26), link: word >>> 31 === 1 };
  if (((word >>> 25) & 0x3f) === 0b011011) return { distance: offset(5, 14), link: false };
  if (((word >>> 25) & 0x3f) === 0b011010 || word >>> 24 === 0b01010100)
    return { distance: offset(5, 19), link: false };
  return undefined;
}
