/** The IEEE 754 formats, numbers taken apart, and rounding. Arm ARM A1.4, J1.3.4 (FPUnpack, FPRound). */
import type { FloatSize, Rounding } from '../../isa/float_operation.ts';

export interface Format {
  readonly size: FloatSize;
  /** Bits of fraction. */
  readonly fraction: number;
  /** Of the biased exponent: all ones. */
  readonly ones: number;
  readonly bias: number;
  readonly signBit: bigint;
  readonly fractionMask: bigint;
  readonly quietBit: bigint;
  /** What in FPCR makes its denormals zero. */
  readonly flushedBy: 'flushToZero' | 'flushHalfToZero' | undefined;
  /** An exponent of ones means infinities and NaNs. */
  readonly hasSpecials: boolean;
}

const format = (
  size: FloatSize,
  fraction: number,
  flushedBy: Format['flushedBy'],
  hasSpecials = true,
): Format => {
  const ones = 2 ** (size - fraction - 1) - 1;
  return {
    ...{ size, fraction, ones, bias: (ones - 1) / 2, flushedBy, hasSpecials },
    signBit: 1n << BigInt(size - 1),
    fractionMask: (1n << BigInt(fraction)) - 1n,
    quietBit: 1n << BigInt(fraction - 1),
  };
};
export const FORMATS: { readonly [S in FloatSize]: Format } = {
  16: format(16, 10, 'flushHalfToZero'),
  32: format(32, 23, 'flushToZero'),
  64: format(64, 52, 'flushToZero'),
};
/** A single without its lower 16 bits of fraction. A1.4.5. */
export const BFLOAT16 = format(16, 7, 'flushToZero');

/** Half precision in conversions: FPUnpackCV() and FPRoundCV() ignore FZ16, all else ignores AHP. */
const HALF_CONVERTED = format(16, 10, undefined);
const ALTERNATIVE_HALF_CONVERTED = format(16, 10, undefined, false);
export function formatInConversion({ alternativeHalf }: Control, size: FloatSize): Format {
  if (size !== 16) return FORMATS[size];
  return alternativeHalf ? ALTERNATIVE_HALF_CONVERTED : HALF_CONVERTED;
}

/** FPCR. Bits 26 AHP, 25 DN, 24 FZ, 23..22 RMode, 19 FZ16. */
export interface Control {
  readonly alternativeHalf: boolean;
  readonly defaultNaN: boolean;
  readonly flushToZero: boolean;
  readonly flushHalfToZero: boolean;
  readonly rounding: Rounding;
}
const MODES = ['tieEven', 'positiveInfinity', 'negativeInfinity', 'zero'] as const;
export const controlOf = (fpcr: number): Control => ({
  alternativeHalf: (fpcr & (1 << 26)) !== 0,
  defaultNaN: (fpcr & (1 << 25)) !== 0,
  flushToZero: (fpcr & (1 << 24)) !== 0,
  flushHalfToZero: (fpcr & (1 << 19)) !== 0,
  rounding: MODES[(fpcr >> 22) & 3],
});

/** FPSR's cumulative exception bits. */
export const FLAG = {
  invalidOperation: 1,
  divideByZero: 2,
  overflow: 4,
  underflow: 8,
  inexact: 16,
  inputDenormal: 128,
} as const;

/** What an operation works in: its control, and the flags that it has raised. */
export interface Environment {
  readonly control: Control;
  flags: number;
}

export type Class = 'zero' | 'finite' | 'infinity' | 'quiet' | 'signalling';
/** A number: mantissa times 2^exponent, where it is finite. */
export interface Unpacked {
  readonly class: Class;
  readonly negative: boolean;
  readonly mantissa: bigint;
  readonly exponent: number;
  readonly bits: bigint;
}

export function unpack(env: Environment, f: Format, bits: bigint): Unpacked {
  const negative = (bits & f.signBit) !== 0n;
  const fraction = bits & f.fractionMask;
  const exponent = Number((bits >> BigInt(f.fraction)) & BigInt(f.ones));
  const make = (of: Class, mantissa = 0n, e = 0): Unpacked => ({
    ...{ class: of, negative, mantissa, exponent: e, bits },
  });
  if (exponent === 0) {
    if (fraction === 0n) return make('zero');
    if (flushes(env, f)) {
      // FZ16 does so without a flag.
      if (f.flushedBy === 'flushToZero') env.flags |= FLAG.inputDenormal;
      return make('zero');
    }
    return make('finite', fraction, 1 - f.bias - f.fraction);
  }
  if (exponent === f.ones && f.hasSpecials) {
    if (fraction === 0n) return make('infinity');
    return make(fraction & f.quietBit ? 'quiet' : 'signalling');
  }
  return make('finite', fraction | (1n << BigInt(f.fraction)), exponent - f.bias - f.fraction);
}

/** Whether denormals of this format are zeros. */
export const flushes = ({ control }: Environment, { flushedBy }: Format): boolean =>
  flushedBy !== undefined && control[flushedBy];

export const isNotANumber = ({ class: of }: Unpacked): boolean => of === 'quiet' || of === 'signalling';

export const zero = (f: Format, negative: boolean): bigint => (negative ? f.signBit : 0n);
export const infinity = (f: Format, negative: boolean): bigint =>
  zero(f, negative) | (BigInt(f.ones) << BigInt(f.fraction));
export const largest = (f: Format, negative: boolean): bigint => infinity(f, negative) - 1n;
export const defaultNaN = (f: Format): bigint => infinity(f, false) | f.quietBit;

export const bitLength = (n: bigint): number => n.toString(16).length * 4 - leading(n);
const leading = (n: bigint): number => Math.clz32(Number.parseInt(n.toString(16)[0], 16)) - 28;

/** Whether a magnitude whose discarded part is `half` (-1 below, 0 at, 1 above a half, undefined none) goes up. */
function roundsUp(
  rounding: Exclude<Rounding, 'current' | 'odd'>,
  negative: boolean,
  odd: boolean,
  half: -1 | 0 | 1,
): boolean {
  switch (rounding) {
    case 'tieEven':
      return half > 0 || (half === 0 && odd);
    case 'tieAway':
      return half >= 0;
    case 'positiveInfinity':
      return !negative;
    case 'negativeInfinity':
      return negative;
    case 'zero':
      return false;
  }
}

/** `mantissa` times 2^exponent to an integer multiple of 2^quantum, and whether something was lost. */
export function roundToQuantum(
  mantissa: bigint,
  exponent: number,
  quantum: number,
  rounding: Exclude<Rounding, 'current'>,
  negative: boolean,
): { readonly integer: bigint; readonly inexact: boolean } {
  if (exponent >= quantum) return { integer: mantissa << BigInt(exponent - quantum), inexact: false };
  // What is far below a half is not shifted by its full distance.
  const shift = Math.min(quantum - exponent, bitLength(mantissa) + 2);
  const integer = mantissa >> BigInt(shift);
  const rest = mantissa - (integer << BigInt(shift));
  if (rest === 0n) return { integer, inexact: false };
  if (rounding === 'odd') return { integer: integer | 1n, inexact: true };
  const middle = 1n << BigInt(shift - 1);
  const half = rest > middle ? 1 : rest === middle ? 0 : -1;
  const up = roundsUp(rounding, negative, (integer & 1n) === 1n, half);
  return { integer: up ? integer + 1n : integer, inexact: true };
}

export const overflowsToInfinity = (rounding: Rounding, negative: boolean): boolean =>
  rounding === 'tieEven' ||
  rounding === 'tieAway' ||
  (rounding === 'positiveInfinity' && !negative) ||
  (rounding === 'negativeInfinity' && negative);

/** FPRound() of mantissa times 2^exponent, which is not zero. Tininess is detected before rounding. */
export function round(
  env: Environment,
  f: Format,
  negative: boolean,
  mantissa: bigint,
  exponent: number,
  rounding: Exclude<Rounding, 'current'> = env.control.rounding as Exclude<Rounding, 'current'>,
): bigint {
  const smallest = 1 - f.bias;
  const magnitude = bitLength(mantissa) - 1 + exponent;
  if (flushes(env, f) && magnitude < smallest) {
    env.flags |= FLAG.underflow;
    return zero(f, negative);
  }
  const quantum = Math.max(magnitude, smallest) - f.fraction;
  const { integer, inexact } = roundToQuantum(mantissa, exponent, quantum, rounding, negative);
  if (magnitude < smallest && inexact) env.flags |= FLAG.underflow;
  // The hidden bit adds one to the biased exponent; a carry out of the fraction another.
  const biased = Math.max(magnitude, smallest) - smallest;
  const packed = (BigInt(biased) << BigInt(f.fraction)) + integer;
  if (!f.hasSpecials && packed >> BigInt(f.fraction) > BigInt(f.ones)) {
    env.flags |= FLAG.invalidOperation;
    return zero(f, negative) | 0x7fffn;
  }
  if (f.hasSpecials && packed >> BigInt(f.fraction) >= BigInt(f.ones)) {
    env.flags |= FLAG.overflow | FLAG.inexact;
    return overflowsToInfinity(rounding, negative) ? infinity(f, negative) : largest(f, negative);
  }
  if (inexact) env.flags |= FLAG.inexact;
  return zero(f, negative) | packed;
}

/** FPProcessNaN(). */
export function processNaN(env: Environment, f: Format, { class: of, bits }: Unpacked): bigint {
  if (of === 'signalling') env.flags |= FLAG.invalidOperation;
  return env.control.defaultNaN ? defaultNaN(f) : bits | f.quietBit;
}

/** FPProcessNaNs(), of two or three: the first signalling one, else the first quiet one. */
export function processNaNs(env: Environment, f: Format, ...operands: Unpacked[]): bigint | undefined {
  const chosen = operands.find((o) => o.class === 'signalling') ?? operands.find((o) => o.class === 'quiet');
  return chosen && processNaN(env, f, chosen);
}

export function invalid(env: Environment, f: Format): bigint {
  env.flags |= FLAG.invalidOperation;
  return defaultNaN(f);
}
