/** What instruction words that are branches say by themselves (Arm ARM C4.1.66). Asked of every word that is decoded: without the row's semantics. */

/** A branch or an exception: not a hint, a barrier or a move of a system register. */
export const leavesRun = (word: number): boolean => ((word >>> 26) & 7) === 5 && word >>> 22 !== 0b1101010100;

/** B.cond, CBZ, CBNZ, TBZ, TBNZ: execution may go on to the next word. */
export const isConditional = (word: number): boolean =>
  word >>> 25 === 0b0101010 || ((word >>> 26) & 0x1f) === 0b01101;

/** BL. */
export const isCall = (word: number): boolean => word >>> 26 === 0b100101;

/** Distance in instructions of a branch whose target the word itself tells: B, BL and the conditional ones. */
export function branchDistance(word: number): number | undefined {
  if (((word >>> 26) & 0x1f) === 0b00101) return signed(word, 0, 26);
  if (!isConditional(word)) return undefined;
  return ((word >>> 25) & 0x3f) === 0b011011 ? signed(word, 5, 14) : signed(word, 5, 19);
}

const signed = (word: number, low: number, width: number): number =>
  (word << (32 - low - width)) >> (32 - width);
