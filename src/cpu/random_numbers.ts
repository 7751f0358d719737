/**
 * What RNDR and RNDRRS read (FEAT_RNG, D17.2.118): the first eight bytes of SHA-256 over the recipe's seed, the CPU's number and how
 * many numbers it has drawn. The same in every run, and never a failure: NZCV is always 0000 afterwards.
 */
/** Loaded when first asked for: few guests draw numbers, and it takes as long to load as a small machine to make. */
const crypto = () => process.getBuiltinModule('node:crypto');

export const randomNumber = (seed: string, cpu: number, drawn: bigint): bigint =>
  crypto().createHash('sha256').update(`${seed} RNDR ${cpu} ${drawn}`).digest().readBigUInt64LE();
