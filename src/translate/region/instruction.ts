/** Instructions as the region translator knows them: each word is decoded, and what it does is found, once. */
import type { Feature, Row } from '../../isa/row.ts';
import { decode, EVERY_FEATURE } from '../../isa/table.ts';
import type { FlagsSetting } from './flags_state.ts';
import { operandsOf } from './operands.ts';
import { scan } from './scanner.ts';

export type Control = 'none' | 'direct' | 'conditional' | 'return' | 'indirect';

/** A set of general registers: bit n is Xn, bit 31 SP. */
export type Registers = number;

/** A register gets a value; `plus` where that is its own plus so much, modulo 2 to the power of `width`. */
export interface RegisterWrite {
  readonly register: number;
  readonly width: 32 | 64;
  readonly plus: number | undefined;
}

export interface Instruction {
  /** A region may hold it. Otherwise the interpreter executes it. */
  readonly supported: boolean;
  /** Absent where it is not supported. */
  readonly row: Row | undefined;
  /** What the row's semantics receive. */
  readonly operands: never;
  /** On SIMD and floating-point registers: it may be trapped. */
  readonly onVectors: boolean;
  /** It is an event of a recording: then a region may not hold it. */
  readonly event: boolean;
  readonly control: Control;
  /** Direct and conditional branches: distance in instructions. */
  readonly distance: number;
  /** X30 gets the address of the next instruction. */
  readonly link: boolean;
  readonly accesses: number;
  /** Registers that it reads; that get a loaded value as it is. */
  readonly reads: Registers;
  readonly loaded: Registers;
  readonly writes: readonly RegisterWrite[];
  readonly written: Registers;
  /** It may leave a region that holds it, before it has done anything. */
  readonly leaves: boolean;
  readonly readsFlags: boolean;
  /** Its code is the same wherever it stands: no flags are read, nor its own address, and vectors are not looked after. */
  readonly repeatable: boolean;
  /** What it sets the flags to: operands as they are before its writes, 'computed' where more than one operation is behind them. */
  readonly flags: FlagsSetting | 'computed' | undefined;
}

const UNSUPPORTED: Instruction = {
  supported: false,
  row: undefined,
  operands: undefined as never,
  onVectors: false,
  event: false,
  control: 'none',
  distance: 0,
  link: false,
  accesses: 0,
  reads: 0,
  loaded: 0,
  writes: [],
  written: 0,
  leaves: true,
  readsFlags: true,
  repeatable: false,
  flags: undefined,
};

function find(word: number, features: ReadonlySet<Feature>): Instruction {
  const decoded = decode(word, features);
  return (decoded?.row.execute && scan(decoded.row, operandsOf(decoded))) || UNSUPPORTED;
}

const knownByFeatures = new WeakMap<ReadonlySet<Feature>, Map<number, Instruction>>();
const MOST_KNOWN = 65536;

/** On a CPU with these features. */
export function instructionOf(word: number, features: ReadonlySet<Feature> = EVERY_FEATURE): Instruction {
  let known = knownByFeatures.get(features);
  if (!known) {
    known = new Map();
    knownByFeatures.set(features, known);
  }
  // Signed: V8 finds a small integer faster.
  let instruction = known.get(word | 0);
  if (!instruction) {
    if (known.size === MOST_KNOWN) known.clear();
    instruction = find(word, features);
    known.set(word | 0, instruction);
  }
  return instruction;
}
