/** Conversions between formats, integers and fixed point, rounding to integral, comparison. Arm ARM J1.3.4. */
import type { Rounding } from '../../isa/float_operation.ts';
import { compareUnpacked } from './arithmetic.ts';
import {
  defaultNaN,
  type Environment,
  FLAG,
  FORMATS,
  type Format,
  infinity,
  isNotANumber,
  processNaN,
  round,
  roundToQuantum,
  unpack,
  zero,
} from './format.ts';

type Definite = Exclude<Rounding, 'current'>;

/** FPRoundInt(). */
export function roundInt(
  env: Environment,
  f: Format,
  bits: bigint,
  rounding: Definite,
  exact: boolean,
): bigint {
  const a = unpack(env, f, bits);
  if (isNotANumber(a)) return processNaN(env, f, a);
  if (a.class === 'zero') return zero(f, a.negative);
  if (a.class === 'infinity') return bits;
  const { integer, inexact } = roundToQuantum(a.mantissa, a.exponent, 0, rounding, a.negative);
  if (inexact && exact) env.flags |= FLAG.inexact;
  if (integer === 0n) return zero(f, a.negative);
  return round({ control: env.control, flags: 0 }, f, a.negative, integer, 0, 'zero');
}

/** FPRoundIntN(): to an integral number of `width` bits, signed; what is none is the smallest one. */
export function roundIntN(
  env: Environment,
  f: Format,
  bits: bigint,
  rounding: Definite,
  width: number,
): bigint {
  const a = unpack(env, f, bits);
  if (a.class === 'zero') return zero(f, a.negative);
  if (a.class === 'finite') {
    const { integer, inexact } = roundToQuantum(a.mantissa, a.exponent, 0, rounding, a.negative);
    const limit = 1n << BigInt(width - 1);
    if (integer < limit || (a.negative && integer === limit)) {
      if (inexact) env.flags |= FLAG.inexact;
      if (integer === 0n) return zero(f, a.negative);
      return round({ control: env.control, flags: 0 }, f, a.negative, integer, 0, 'zero');
    }
  }
  env.flags |= FLAG.invalidOperation;
  return zero(f, true) | (BigInt(f.bias + width - 1) << BigInt(f.fraction));
}

/** FPToFixed(): saturated to `width` bits. */
export function toFixed(
  env: Environment,
  f: Format,
  bits: bigint,
  fractionBits: number,
  width: number,
  unsigned: boolean,
  rounding: Definite,
): bigint {
  const a = unpack(env, f, bits);
  if (isNotANumber(a)) {
    env.flags |= FLAG.invalidOperation;
    return 0n;
  }
  if (a.class === 'zero') return 0n;
  const size = BigInt(width);
  const highest = unsigned ? (1n << size) - 1n : (1n << (size - 1n)) - 1n;
  const lowest = unsigned ? 0n : -(1n << (size - 1n));
  // Beyond any integer; what it is multiplied by does not matter then.
  const far = a.class === 'infinity' || a.exponent + fractionBits > 64;
  const { integer, inexact } = far
    ? { integer: highest + 2n, inexact: false }
    : roundToQuantum(a.mantissa, a.exponent + fractionBits, 0, rounding, a.negative);
  const value = a.negative ? -integer : integer;
  const saturated = value > highest ? highest : value < lowest ? lowest : value;
  if (saturated !== value) env.flags |= FLAG.invalidOperation;
  else if (inexact) env.flags |= FLAG.inexact;
  return BigInt.asUintN(width, saturated);
}

/** FPToFixedJS() of a double: modulo 2^32, and in bit 32 the flag Z, which says that nothing was lost. */
export function toFixedJS(env: Environment, bits: bigint): bigint {
  const a = unpack(env, FORMATS[64], bits);
  // Of the zeros only the positive one is exact; not what was flushed to it.
  if (a.class === 'zero') return bits === 0n ? 1n << 32n : 0n;
  if (a.class !== 'finite') {
    env.flags |= FLAG.invalidOperation;
    return 0n;
  }
  const { integer, inexact } = roundToQuantum(a.mantissa, a.exponent, 0, 'zero', a.negative);
  const value = a.negative ? -integer : integer;
  const result = BigInt.asUintN(32, value);
  if (BigInt.asIntN(32, value) !== value) env.flags |= FLAG.invalidOperation;
  else if (inexact) env.flags |= FLAG.inexact;
  else return result | (1n << 32n);
  return result;
}

/** FixedToFP() of an integer of `width` bits. */
export function fromFixed(
  env: Environment,
  f: Format,
  bits: bigint,
  fractionBits: number,
  width: number,
  unsigned: boolean,
): bigint {
  const n = unsigned ? BigInt.asUintN(width, bits) : BigInt.asIntN(width, bits);
  if (n === 0n) return 0n;
  return round(env, f, n < 0n, n < 0n ? -n : n, -fractionBits);
}

/** FPConvert(), of formats as they are in conversions; FPConvertBF(). */
export function convert(
  env: Environment,
  from: Format,
  to: Format,
  bits: bigint,
  rounding: Definite,
): bigint {
  const a = unpack(env, from, bits);
  const alternative = !to.hasSpecials;
  if (isNotANumber(a)) {
    if (a.class === 'signalling' || alternative) env.flags |= FLAG.invalidOperation;
    if (alternative) return zero(to, a.negative);
    if (env.control.defaultNaN) return defaultNaN(to);
    // The payload's most significant bits stay.
    const payload = (bits & from.fractionMask) << BigInt(52 - from.fraction);
    return infinity(to, a.negative) | to.quietBit | (payload >> BigInt(52 - to.fraction));
  }
  if (a.class === 'infinity') {
    if (!alternative) return infinity(to, a.negative);
    env.flags |= FLAG.invalidOperation;
    return zero(to, a.negative) | 0x7fffn;
  }
  if (a.class === 'zero') return zero(to, a.negative);
  return round(env, to, a.negative, a.mantissa, a.exponent, rounding);
}

/** FPCompare(): NZCV in bits 3..0. */
export function compare(env: Environment, f: Format, x: bigint, y: bigint, signalling: boolean): bigint {
  const [a, b] = [unpack(env, f, x), unpack(env, f, y)];
  if (isNotANumber(a) || isNotANumber(b)) {
    if (signalling || a.class === 'signalling' || b.class === 'signalling')
      env.flags |= FLAG.invalidOperation;
    return 0b0011n;
  }
  const order = compareUnpacked(a, b);
  return order === 0 ? 0b0110n : order < 0 ? 0b1000n : 0b0010n;
}
