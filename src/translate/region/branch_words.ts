/** What instruction words that are branches say by themselves. Asked of every word that is decoded: without the row's semantics. */

/** Execution does not go on to the next word: an unconditional branch, or one of the exception and system instructions. */
export function endsRun(word: number): boolean {
  // Arm ARM C4.1: op0 is x101x. B.cond, and CBZ, CBNZ, TBZ, TBNZ go on.
  const branchOrSystem = ((word >>> 26) & 7) === 5;
  const conditional = word >>> 25 === 0b0101010 || ((word >>> 26) & 0x1f) === 0b01101;
  return branchOrSystem && !conditional;
}

/**
 * Distance in instructions of a branch whose target the word itself tells, and whether it is a call: B, BL, B.cond, CBZ, CBNZ, TBZ,
 * TBNZ (Arm ARM C4.1.66).
 */
export function directBranch(
  word: number,
): { readonly distance: number; readonly link: boolean } | undefined {
  const offset = (low: number, width: number) => (word << (32 - low - width)) >> (32 - width);
  if (((word >>> 26) & 0x1f) === 0b00101) return { distance: offset(0, 26), link: word >>> 31 === 1 };
  if (((word >>> 25) & 0x3f) === 0b011011) return { distance: offset(5, 14), link: false };
  if (((word >>> 25) & 0x3f) === 0b011010 || word >>> 24 === 0b01010100)
    return { distance: offset(5, 19), link: false };
  return undefined;
}
