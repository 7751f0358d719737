/**
 * The implementation-defined algorithm of FEAT_PACIMP here: XXH64 (xxhash.com, seed 1) of pointer, modifier and key, which is what
 * QEMU 7.2 computes with `-cpu max,pauth-impdef=on`.
 */

const PRIME = [
  0x9e37_79b1_85eb_ca87n,
  0xc2b2_ae3d_27d4_eb4fn,
  0x1656_67b1_9e37_79f9n,
  0x85eb_ca77_c2b2_ae63n,
] as const;
const SEED = 1n;

const wrap = (value: bigint) => BigInt.asUintN(64, value);
const rotateLeft = (value: bigint, by: bigint) => wrap(value << by) | (value >> (64n - by));
const round = (accumulator: bigint, input: bigint) =>
  wrap(rotateLeft(wrap(accumulator + input * PRIME[1]), 31n) * PRIME[0]);

/** All are unsigned 64 bit; the key's low half goes in before the high one. The length is not hashed. */
export function xxhash64(data: bigint, modifier: bigint, keyHigh: bigint, keyLow: bigint): bigint {
  const lanes = [
    round(SEED + PRIME[0] + PRIME[1], data),
    round(SEED + PRIME[1], modifier),
    round(SEED, keyLow),
    round(SEED - PRIME[0], keyHigh),
  ];
  let hash = wrap([1n, 7n, 12n, 18n].reduce((sum, by, i) => sum + rotateLeft(lanes[i], by), 0n));
  for (const lane of lanes) hash = wrap((hash ^ round(0n, lane)) * PRIME[0] + PRIME[3]);
  hash = wrap((hash ^ (hash >> 33n)) * PRIME[1]);
  hash = wrap((hash ^ (hash >> 29n)) * PRIME[2]);
  return hash ^ (hash >> 32n);
}
