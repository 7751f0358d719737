/**
 * The floating-point operations that instructions are made of, as data: what a back end may compute by itself where it is
 * provably the same, and cpu/floating_point computes exactly. Operands and results are bit patterns, zero-extended to 64 bits.
 * They obey FPCR and accumulate in FPSR, but for those that say
 * otherwise.
 */

export type FloatSize = 16 | 32 | 64;

/** FPRounding, and what FPCR.RMode says. */
export const ROUNDINGS = [
  'tieEven',
  'positiveInfinity',
  'negativeInfinity',
  'zero',
  'odd',
  'tieAway',
  'current',
] as const;
export type Rounding = (typeof ROUNDINGS)[number];

/** Named after the Arm ARM's shared functions (J1.3.4, FPxxx). */
export const FLOAT_FUNCTIONS = [
  'add',
  'sub',
  'mul',
  'div',
  'max',
  'min',
  'maxNumber',
  'minNumber',
  /** FPMulX(): infinity times zero is 2. */
  'mulExtended',
  /** Operands addend, factor, factor. */
  'mulAdd',
  /** Addend of 32 bits, factors of 16. */
  'mulAddHalf',
  'sqrt',
  'recipStepFused',
  'rsqrtStepFused',
  'recipEstimate',
  'rsqrtEstimate',
  'recipExponent',
  /** To an integral number, by `rounding`; `exact` reports inexactness. */
  'roundInt',
  /** To an integral number of `to` bits. */
  'roundIntN',
  /** To `to` bits of fixed point; the second operand is the number of fraction bits. */
  'toFixed',
  /** To 32 bits, modulo 2^32; the flag Z in bit 32. */
  'toFixedJS',
  /** From `to` bits of fixed point; the second operand is the number of fraction bits. */
  'fromFixed',
  /** From `size` to `to` bits. */
  'convert',
  /** To BFloat16. */
  'convertBF',
  /** Of BFloat16 (size 16), and of singles, as BFDOT does: no flags, nothing of FPCR. */
  'mulBF',
  'addBF',
  /** To NZCV; `exact` stands for FCMPE's signalling. */
  'compare',
  /** 1 where it holds. */
  'compareEqual',
  'compareGreaterEqual',
  'compareGreater',
  /** Of fixed-point numbers of 32 bits: no flags. */
  'unsignedRecipEstimate',
  'unsignedRsqrtEstimate',
] as const;
export type FloatFunction = (typeof FLOAT_FUNCTIONS)[number];

export interface FloatOperation {
  readonly name: FloatFunction;
  readonly size: FloatSize;
  readonly to?: FloatSize;
  readonly rounding?: Rounding;
  readonly unsigned?: boolean;
  readonly exact?: boolean;
}

const SIZES = [16, 32, 64] as const;

/** As one integer, for calls out of translated code. */
export const packFloatOperation = ({ name, size, to, rounding, unsigned, exact }: FloatOperation): number =>
  FLOAT_FUNCTIONS.indexOf(name) |
  (SIZES.indexOf(size) << 6) |
  (SIZES.indexOf(to ?? size) << 8) |
  (ROUNDINGS.indexOf(rounding ?? 'current') << 10) |
  (unsigned ? 1 << 13 : 0) |
  (exact ? 1 << 14 : 0);

const unpacked: FloatOperation[] = [];
export function unpackFloatOperation(code: number): FloatOperation {
  unpacked[code] ??= {
    name: FLOAT_FUNCTIONS[code & 63],
    size: SIZES[(code >> 6) & 3],
    to: SIZES[(code >> 8) & 3],
    rounding: ROUNDINGS[(code >> 10) & 7],
    unsigned: ((code >> 13) & 1) === 1,
    exact: ((code >> 14) & 1) === 1,
  };
  return unpacked[code];
}
