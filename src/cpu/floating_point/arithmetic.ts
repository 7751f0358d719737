/** Arithmetic, exact and rounded once. Arm ARM J1.3.4 (FPAdd, FPMul, FPDiv, FPSqrt, FPMulAdd, FPMax and their like). */
import {
  type Environment,
  FLAG,
  FORMATS,
  type Format,
  infinity,
  invalid,
  isNotANumber,
  processNaN,
  processNaNs,
  round,
  type Unpacked,
  unpack,
  zero,
} from './format.ts';

/** A signed real number: n times 2^exponent. */
interface Exact {
  readonly n: bigint;
  readonly exponent: number;
}
const exact = ({ negative, mantissa, exponent }: Unpacked): Exact => ({
  n: negative ? -mantissa : mantissa,
  exponent,
});
const product = (a: Exact, b: Exact): Exact => ({ n: a.n * b.n, exponent: a.exponent + b.exponent });
function sum(a: Exact, b: Exact): Exact {
  const exponent = Math.min(a.exponent, b.exponent);
  return {
    n: (a.n << BigInt(a.exponent - exponent)) + (b.n << BigInt(b.exponent - exponent)),
    exponent,
  };
}
/** A sum that is exactly zero is negative only when rounding towards minus infinity. */
function roundExact(env: Environment, f: Format, { n, exponent }: Exact): bigint {
  if (n === 0n) return zero(f, env.control.rounding === 'negativeInfinity');
  return round(env, f, n < 0n, n < 0n ? -n : n, exponent);
}

const isInfinite = ({ class: of }: Unpacked) => of === 'infinity';
const isZero = ({ class: of }: Unpacked) => of === 'zero';
const negate = (f: Format, bits: bigint) => bits ^ f.signBit;

export function add(env: Environment, f: Format, x: bigint, y: bigint, subtract: boolean): bigint {
  const [a, b] = [unpack(env, f, x), unpack(env, f, y)];
  const nan = processNaNs(env, f, a, b);
  if (nan !== undefined) return nan;
  const negative = b.negative !== subtract;
  if (isInfinite(a) || isInfinite(b)) {
    if (isInfinite(a) && isInfinite(b) && a.negative !== negative) return invalid(env, f);
    return infinity(f, isInfinite(a) ? a.negative : negative);
  }
  if (isZero(a) && isZero(b) && a.negative === negative) return zero(f, negative);
  return roundExact(env, f, sum(exact(a), exact({ ...b, negative })));
}

/** `extended`: FPMulX(). */
export function mul(env: Environment, f: Format, x: bigint, y: bigint, extended: boolean): bigint {
  const [a, b] = [unpack(env, f, x), unpack(env, f, y)];
  const nan = processNaNs(env, f, a, b);
  if (nan !== undefined) return nan;
  const negative = a.negative !== b.negative;
  if ((isInfinite(a) && isZero(b)) || (isZero(a) && isInfinite(b))) {
    if (!extended) return invalid(env, f);
    return zero(f, negative) | (BigInt(f.bias + 1) << BigInt(f.fraction));
  }
  if (isInfinite(a) || isInfinite(b)) return infinity(f, negative);
  if (isZero(a) || isZero(b)) return zero(f, negative);
  return roundExact(env, f, product(exact(a), exact(b)));
}

export function div(env: Environment, f: Format, x: bigint, y: bigint): bigint {
  const [a, b] = [unpack(env, f, x), unpack(env, f, y)];
  const nan = processNaNs(env, f, a, b);
  if (nan !== undefined) return nan;
  const negative = a.negative !== b.negative;
  if ((isInfinite(a) && isInfinite(b)) || (isZero(a) && isZero(b))) return invalid(env, f);
  if (isInfinite(a) || isZero(b)) {
    if (!isInfinite(a)) env.flags |= FLAG.divideByZero;
    return infinity(f, negative);
  }
  if (isZero(a) || isInfinite(b)) return zero(f, negative);
  // Enough bits for the quotient; what remains is one more bit below them.
  const shift = 2 * f.fraction + 4;
  const dividend = a.mantissa << BigInt(shift);
  const quotient = dividend / b.mantissa;
  const rest = quotient * b.mantissa === dividend ? 0n : 1n;
  return round(env, f, negative, (quotient << 1n) | rest, a.exponent - b.exponent - shift - 1);
}

export function sqrt(env: Environment, f: Format, x: bigint): bigint {
  const a = unpack(env, f, x);
  if (isNotANumber(a)) return processNaN(env, f, a);
  if (isZero(a)) return zero(f, a.negative);
  if (a.negative) return invalid(env, f);
  if (isInfinite(a)) return infinity(f, false);
  // An even exponent, and twice as many bits as the root shall have.
  const shift = 2 * f.fraction + 8 + (a.exponent & 1);
  const square = a.mantissa << BigInt(shift);
  const root = integerRoot(square);
  const rest = root * root === square ? 0n : 1n;
  return round(env, f, false, (root << 1n) | rest, (a.exponent - shift) / 2 - 1);
}

function integerRoot(n: bigint): bigint {
  let root = 1n << BigInt((n.toString(2).length + 1) >> 1);
  for (;;) {
    const next = (root + n / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

/** FPMulAdd(): addend + x * y. */
export function mulAdd(env: Environment, f: Format, addend: bigint, x: bigint, y: bigint): bigint {
  const [c, a, b] = [unpack(env, f, addend), unpack(env, f, x), unpack(env, f, y)];
  const undefinedProduct = (isInfinite(a) && isZero(b)) || (isZero(a) && isInfinite(b));
  const nan = processNaNs(env, f, c, a, b);
  // A quiet addend does not hide an undefined product.
  if (c.class === 'quiet' && undefinedProduct) return invalid(env, f);
  if (nan !== undefined) return nan;
  const negative = a.negative !== b.negative;
  const infiniteProduct = isInfinite(a) || isInfinite(b);
  if (undefinedProduct || (isInfinite(c) && infiniteProduct && c.negative !== negative))
    return invalid(env, f);
  if (isInfinite(c)) return infinity(f, c.negative);
  if (infiniteProduct) return infinity(f, negative);
  const zeroProduct = isZero(a) || isZero(b);
  if (isZero(c) && zeroProduct && c.negative === negative) return zero(f, negative);
  return roundExact(env, f, sum(exact(c), product(exact(a), exact(b))));
}

/** FPMulAddH(): a single plus a product of halves. */
export function mulAddHalf(env: Environment, addend: bigint, x: bigint, y: bigint): bigint {
  return mulAdd(env, FORMATS[32], addend, widened(env, x), widened(env, y));
}
/** The same number; a NaN with its payload, signalling or not. */
function widened(env: Environment, bits: bigint): bigint {
  const [half, single] = [FORMATS[16], FORMATS[32]];
  const a = unpack(env, half, bits);
  if (a.class === 'zero') return zero(single, a.negative);
  if (a.class === 'finite') return round(env, single, a.negative, a.mantissa, a.exponent);
  const fraction = (bits & half.fractionMask) << BigInt(single.fraction - half.fraction);
  return infinity(single, a.negative) | fraction;
}

/** FPRecipStepFused() is 2 - x * y, FPRSqrtStepFused() is (3 - x * y) / 2. */
export function stepFused(
  env: Environment,
  f: Format,
  x: bigint,
  y: bigint,
  constant: 2n | 3n,
  halve: 0 | 1,
): bigint {
  const [a, b] = [unpack(env, f, negate(f, x)), unpack(env, f, y)];
  const nan = processNaNs(env, f, a, b);
  if (nan !== undefined) return nan;
  if ((isInfinite(a) && isZero(b)) || (isZero(a) && isInfinite(b)))
    return round(env, f, false, constant, -halve);
  if (isInfinite(a) || isInfinite(b)) return infinity(f, a.negative !== b.negative);
  const { n, exponent } = sum({ n: constant, exponent: 0 }, product(exact(a), exact(b)));
  return roundExact(env, f, { n, exponent: exponent - halve });
}

/** FPMax() and FPMin(). */
export function extreme(env: Environment, f: Format, x: bigint, y: bigint, largest: boolean): bigint {
  const [a, b] = [unpack(env, f, x), unpack(env, f, y)];
  const nan = processNaNs(env, f, a, b);
  if (nan !== undefined) return nan;
  const order = compareUnpacked(a, b);
  if (order === 0 && isZero(a)) return zero(f, largest ? a.negative && b.negative : a.negative || b.negative);
  const chosen = order > 0 === largest ? a : b;
  return isZero(chosen) ? zero(f, chosen.negative) : chosen.bits;
}

/** FPMaxNum() and FPMinNum(): a quiet NaN gives way to a number. */
export function extremeNumber(env: Environment, f: Format, x: bigint, y: bigint, largest: boolean): bigint {
  const quiet = { control: env.control, flags: 0 };
  const [a, b] = [unpack(quiet, f, x), unpack(quiet, f, y)];
  const other = infinity(f, largest);
  if (a.class === 'quiet' && !isNotANumber(b)) return extreme(env, f, other, y, largest);
  if (b.class === 'quiet' && !isNotANumber(a)) return extreme(env, f, x, other, largest);
  return extreme(env, f, x, y, largest);
}

/** The sign of a - b; neither is a NaN. */
export function compareUnpacked(a: Unpacked, b: Unpacked): -1 | 0 | 1 {
  const rank = ({ class: of, negative }: Unpacked) =>
    of === 'infinity' ? (negative ? -2 : 2) : of === 'zero' ? 0 : negative ? -1 : 1;
  const [ra, rb] = [rank(a), rank(b)];
  if (ra !== rb || ra === 0 || Math.abs(ra) === 2) return Math.sign(ra - rb) as -1 | 0 | 1;
  const { n } = sum(exact(a), exact({ ...b, negative: !b.negative }));
  return n === 0n ? 0 : n < 0n ? -1 : 1;
}
