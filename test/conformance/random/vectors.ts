/** What random programs need for SIMD and floating point: operands and FPCR. */
import type { Choices } from './randomness.ts';
import type { Target } from './target.ts';

/** Bits of fraction and of exponent. */
const FORMATS = { 16: [10, 5], 32: [23, 8], 64: [52, 11] } as const;

/** A floating-point number that is likely to be a corner case, as its bit pattern. */
function randomFloat(size: 16 | 32 | 64, choices: Choices): bigint {
  const [fractionBits, exponentBits] = FORMATS[size];
  const ones = 2 ** exponentBits - 1;
  const bias = (ones - 1) / 2;
  const exponent = choices.of([
    ...[0, 0, ones, 1, 2, ones - 1, bias, bias + 1, bias - 1, bias + fractionBits, bias + fractionBits + 1],
    ...[bias + 30, bias + 31, bias + 32, bias + 62, bias + 63, bias + 64].map((e) => Math.min(e, ones - 1)),
    ...[0, 0, 0, 0].map(() => bias + choices.below(2 * fractionBits) - fractionBits),
    choices.below(ones + 1),
  ]);
  const mask = (1n << BigInt(fractionBits)) - 1n;
  const random = choices.bits64() & mask;
  const fraction = choices.of([
    ...[0n, 0n, 1n, mask, mask - 1n, 1n << BigInt(fractionBits - 1), (1n << BigInt(fractionBits - 1)) | 1n],
    ...[
      random,
      random,
      random >> BigInt(choices.below(fractionBits)),
      1n << BigInt(choices.below(fractionBits)),
    ],
    mask ^ (random >> BigInt(choices.below(fractionBits))),
  ]);
  const biased = BigInt(Math.max(0, Math.min(exponent, ones)));
  return (
    (BigInt(choices.below(2)) << BigInt(size - 1)) | (biased << BigInt(fractionBits)) | (fraction & mask)
  );
}

/** A vector of numbers of one size, lower and upper half. */
function randomVector(choices: Choices, half: boolean): [bigint, bigint] {
  const size = choices.of(half ? ([16, 16, 32, 32, 64, 64, 0] as const) : ([16, 32, 32, 64, 64, 0] as const));
  const lanes = () => {
    if (size === 0) return BigInt.asUintN(64, choices.value());
    let value = 0n;
    for (let i = 0; i < 64; i += size) value |= randomFloat(size, choices) << BigInt(i);
    return value;
  };
  return [lanes(), lanes()];
}

/** Random vectors, made once for an image: each run of a stream starts with a choice among them. */
export class VectorPool {
  readonly #halves: BigUint64Array;

  constructor(choices: Choices, target: Target, size = 4096) {
    const half = target.has('FP16');
    this.#halves = BigUint64Array.from(
      Array.from({ length: size }, () => randomVector(choices, half)).flat(),
    );
  }

  /** V0 to V31, lower half first. */
  file(choices: Choices): BigUint64Array {
    const registers = new BigUint64Array(64);
    for (let n = 0; n < 64; n += 2) {
      const from = 2 * choices.below(this.#halves.length / 2);
      registers[n] = this.#halves[from];
      registers[n + 1] = this.#halves[from + 1];
    }
    return registers;
  }
}

/** AHP, DN, FZ and RMode, and FZ16; often 0. */
export const randomFpcr = (choices: Choices, target: Target): bigint => {
  if (choices.oneIn(3)) return 0n;
  return (BigInt(choices.bits(5)) << 22n) | (target.has('FP16') && choices.oneIn(2) ? 1n << 19n : 0n);
};

/** CPACR_EL1.FPEN and CPTR_EL2.TFP. */
export const randomTraps = (choices: Choices) => ({
  fpen: choices.oneIn(16) ? choices.below(4) : 3,
  tfp: choices.oneIn(24),
});
