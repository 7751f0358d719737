/** Estimates of the reciprocal and of the reciprocal square root. Arm ARM J1.3.4 (RecipEstimate, FPRecipEstimate and their like). */
import {
  defaultNaN,
  type Environment,
  FLAG,
  type Format,
  flushes,
  infinity,
  invalid,
  isNotANumber,
  largest,
  overflowsToInfinity,
  processNaN,
  unpack,
  zero,
} from './format.ts';

/** 256 <= a < 512, in units of 1/512; the result in units of 1/256. */
function recipEstimate(a: number): number {
  const b = Math.floor(2 ** 19 / (2 * a + 1));
  return Math.floor((b + 1) / 2);
}

/** 128 <= a < 512. */
function rsqrtEstimate(a: number): number {
  const middle = a < 256 ? 2 * a + 1 : ((a >> 1) * 2 + 1) * 2;
  let b = 512;
  while (middle * (b + 1) * (b + 1) < 2 ** 28) b += 1;
  return Math.floor((b + 1) / 2);
}

const FRACTION = 52n;
const FRACTION_MASK = (1n << FRACTION) - 1n;
const TOP = 1n << 51n;

/** The fraction as if it were a double's. */
const alignedFraction = (f: Format, bits: bigint) => (bits & f.fractionMask) << BigInt(52 - f.fraction);
const pack = (f: Format, negative: boolean, exponent: number, fraction: bigint) =>
  zero(f, negative) | (BigInt(exponent) << BigInt(f.fraction)) | (fraction >> BigInt(52 - f.fraction));

export function floatRecipEstimate(env: Environment, f: Format, bits: bigint): bigint {
  const a = unpack(env, f, bits);
  const { negative } = a;
  if (isNotANumber(a)) return processNaN(env, f, a);
  if (a.class === 'infinity') return zero(f, negative);
  if (a.class === 'zero') {
    env.flags |= FLAG.divideByZero;
    return infinity(f, negative);
  }
  let exponent = Number((bits >> BigInt(f.fraction)) & BigInt(f.ones));
  let fraction = alignedFraction(f, bits);
  // Below 2^-128 (2^-1024, 2^-16): the reciprocal is too large.
  if (exponent === 0 && fraction >> 50n === 0n) {
    env.flags |= FLAG.overflow | FLAG.inexact;
    return overflowsToInfinity(env.control.rounding, negative) ? infinity(f, negative) : largest(f, negative);
  }
  // From 2^126 (2^1022) on it is denormal.
  if (flushes(env, f) && exponent >= 2 * f.bias - 1) {
    env.flags |= FLAG.underflow;
    return zero(f, negative);
  }
  if (exponent === 0) {
    const shift = fraction & TOP ? 1n : 2n;
    if (shift === 2n) exponent = -1;
    fraction = (fraction << shift) & FRACTION_MASK;
  }
  const estimate = recipEstimate(0x100 | Number(fraction >> 44n));
  let result = BigInt(estimate & 0xff) << 44n;
  let resultExponent = 2 * f.bias - 1 - exponent;
  if (resultExponent === 0) result = TOP | (result >> 1n);
  else if (resultExponent === -1) {
    result = (TOP >> 1n) | (result >> 2n);
    resultExponent = 0;
  }
  return pack(f, negative, resultExponent, result);
}

export function floatRsqrtEstimate(env: Environment, f: Format, bits: bigint): bigint {
  const a = unpack(env, f, bits);
  if (isNotANumber(a)) return processNaN(env, f, a);
  if (a.class === 'zero') {
    env.flags |= FLAG.divideByZero;
    return infinity(f, a.negative);
  }
  if (a.negative) return invalid(env, f);
  if (a.class === 'infinity') return zero(f, false);
  let exponent = Number((bits >> BigInt(f.fraction)) & BigInt(f.ones));
  let fraction = alignedFraction(f, bits);
  if (exponent === 0) {
    while (!(fraction & TOP)) {
      fraction <<= 1n;
      exponent -= 1;
    }
    fraction = (fraction << 1n) & FRACTION_MASK;
  }
  const scaled = exponent & 1 ? 0x80 | Number(fraction >> 45n) : 0x100 | Number(fraction >> 44n);
  const estimate = rsqrtEstimate(scaled);
  return pack(f, false, Math.floor((3 * f.bias - 1 - exponent) / 2), BigInt(estimate & 0xff) << 44n);
}

/** FPRecpX(). */
export function recipExponent(env: Environment, f: Format, bits: bigint): bigint {
  const a = unpack(env, f, bits);
  if (isNotANumber(a)) return env.control.defaultNaN ? quieten(env, f, a) : processNaN(env, f, a);
  const exponent = Number((bits >> BigInt(f.fraction)) & BigInt(f.ones));
  const result = exponent === 0 ? f.ones - 1 : f.ones ^ exponent;
  return zero(f, a.negative) | (BigInt(result) << BigInt(f.fraction));
}
function quieten(env: Environment, f: Format, a: Parameters<typeof processNaN>[2]): bigint {
  processNaN(env, f, a);
  return defaultNaN(f);
}

/** UnsignedRecipEstimate(). */
export function unsignedRecipEstimate(n: number): bigint {
  if (n >>> 31 === 0) return 0xffff_ffffn;
  return BigInt(recipEstimate(n >>> 23)) << 23n;
}
/** UnsignedRSqrtEstimate(). */
export function unsignedRsqrtEstimate(n: number): bigint {
  if (n >>> 30 === 0) return 0xffff_ffffn;
  return BigInt(rsqrtEstimate(n >>> 23)) << 23n;
}
