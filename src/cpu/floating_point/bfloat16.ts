/**
 * Sums and products for BFDOT and BFMMLA: of singles, rounded to odd, without denormals, flags, or anything of FPCR (FEAT_EBF16
 * would change that). Arm ARM J1.3.4 (BFMul, BFAdd, BFRound).
 */
import { add, mul } from './arithmetic.ts';
import { type Control, type Environment, FLAG, FORMATS } from './format.ts';

const CONTROL: Control = {
  alternativeHalf: false,
  defaultNaN: true,
  flushToZero: true,
  flushHalfToZero: false,
  rounding: 'odd',
};

/** What is too large for a single is infinite here, and the largest number in other uses of rounding to odd. */
function rounded(compute: (env: Environment) => bigint): bigint {
  const env = { control: CONTROL, flags: 0 };
  const result = compute(env);
  return env.flags & FLAG.overflow ? result + 1n : result;
}

/** A single from two halfwords that are the upper ones of singles. */
export const bfMul = (x: bigint, y: bigint): bigint =>
  rounded((env) => mul(env, FORMATS[32], x << 16n, y << 16n, false));
export const bfAdd = (x: bigint, y: bigint): bigint => rounded((env) => add(env, FORMATS[32], x, y, false));
