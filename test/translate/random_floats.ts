/** Ordinary numbers: some integers, some with few bits, some with all; exponents near each other. */
export function ordinaryFloat(size: 32 | 64, random: () => number): bigint {
  const near = (random() - 0.5) * 2 ** Math.floor(random() * 20 - 8);
  const number = [Math.round(near * 64), Math.round(near * 16) / 16, near][Math.floor(random() * 3)];
  if (size === 64) return new BigUint64Array(new Float64Array([number]).buffer)[0];
  return BigInt(new Uint32Array(new Float32Array([number]).buffer)[0]);
}

/** Any pattern, often with few bits, and with exponents at the ends. */
export function cornerFloat(size: 32 | 64, random: () => number): bigint {
  const [fraction, ones] = size === 32 ? [23, 255] : [52, 2047];
  const below = (n: number) => Math.floor(random() * n);
  const exponent = [
    0,
    0,
    1,
    2,
    ones - 1,
    ones,
    ones >> 1,
    (ones >> 1) + below(2 * fraction) - fraction,
    below(ones),
  ];
  const all = (1n << BigInt(fraction)) - 1n;
  const any = (BigInt(below(2 ** 26)) << 26n) | BigInt(below(2 ** 26));
  const bits = [
    0n,
    1n,
    all,
    any,
    any >> BigInt(below(52)),
    1n << BigInt(below(fraction)),
    1n << BigInt(fraction - 1),
  ];
  const number =
    (BigInt(exponent[below(exponent.length)]) << BigInt(fraction)) | (bits[below(bits.length)] & all);
  return number | (BigInt(below(2)) << BigInt(size - 1));
}
