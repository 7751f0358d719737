/** Choices for random programs, reproducible from a seed. */
import { randomNumbers } from '../../random.ts';

export class Choices {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = randomNumbers(seed);
    // The generator's first numbers after a small seed are alike.
    for (let i = 0; i < 16; i++) this.#next();
  }

  /** An integer in [0, n). */
  below(n: number): number {
    return Math.floor(this.#next() * n);
  }
  /** True once in `n` times. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }
  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)];
  }
  bits(width: number): number {
    return width === 32 ? this.below(2 ** 32) : this.below(2 ** width);
  }
  bits64(): bigint {
    return (BigInt(this.bits(32)) << 32n) | BigInt(this.bits(32));
  }

  /** A field: corners (0, 1, all ones, the sign bit and its neighbours) as often as anything else. */
  field(width: number): number {
    const ones = 2 ** width - 1;
    const sign = 2 ** (width - 1);
    if (width > 1 && this.oneIn(2)) return this.of([0, 0, 1, ones, ones - 1, sign, sign - 1]);
    return this.bits(width);
  }
  /** A register number; the zero register or SP more often than the others. */
  register(): number {
    return this.oneIn(8) ? 31 : this.below(31);
  }
  /** What a register may hold that is interesting to arithmetic. */
  value(): bigint {
    switch (this.below(8)) {
      case 0:
        return this.of([
          0n,
          1n,
          2n,
          -1n,
          -2n,
          1n << 63n,
          (1n << 63n) - 1n,
          0xffff_ffffn,
          0x8000_0000n,
          0x7fff_ffffn,
        ]);
      case 1:
        return BigInt(this.bits(32));
      case 2:
        return BigInt(this.bits(32)) << 32n;
      case 3:
        return BigInt.asIntN(32, BigInt(this.bits(32)));
      case 4:
        return 1n << BigInt(this.below(64));
      case 5:
        return BigInt(this.bits(8)) - 128n;
      default:
        return this.bits64();
    }
  }
}
