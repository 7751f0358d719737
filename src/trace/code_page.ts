/** A page of code as it first executed, with what the flow decoder needs to know of its branches. Arm ARM C4.1.93. */

import { isStoreExclusive } from '../isa/access_kinds.ts';

export const INSTRUCTIONS_PER_PAGE = 1024;

/** What an instruction does to the flow. Exceptions and returns have their own rows and need no kind. */
export const NO_BRANCH = 0;
/** B.cond, CBZ, CBNZ, TBZ, TBNZ: takes an atom. */
export const CONDITIONAL = 1;
/** B, BL. */
export const DIRECT = 2;
/** STXR, STXP: takes an atom, whether it stored, and goes on. */
export const CONDITIONAL_STORE = 4;
/** BR, BLR, RET and their authenticated forms: takes a target. */
export const INDIRECT = 3;

export class CodePage {
  /** Physical address of the page. */
  readonly pa: number;
  readonly words: Uint32Array;
  readonly kinds = new Uint8Array(INSTRUCTIONS_PER_PAGE);
  /** Direct branches: displacement in instructions. */
  readonly displacements = new Int32Array(INSTRUCTIONS_PER_PAGE);
  /** How many instructions from here on decide nothing, up to the end of the page. */
  readonly straight = new Uint16Array(INSTRUCTIONS_PER_PAGE);

  constructor(pa: number, content: Uint8Array) {
    this.pa = pa;
    this.words = new Uint32Array(content.slice().buffer);
    let straight = 0;
    for (let i = INSTRUCTIONS_PER_PAGE - 1; i >= 0; i--) {
      const kind = branchKind(this.words[i]);
      this.kinds[i] = kind;
      straight = kind === NO_BRANCH ? straight + 1 : 0;
      this.straight[i] = straight;
      if (kind === CONDITIONAL || kind === DIRECT) this.displacements[i] = displacement(this.words[i]);
    }
  }
}

const isTestBranch = (word: number) => (word & 0x7e000000) >>> 0 === 0x36000000;
const isUnconditional = (word: number) => (word & 0x7c000000) >>> 0 === 0x14000000;

function branchKind(word: number): number {
  if (isUnconditional(word)) return DIRECT;
  if (
    isTestBranch(word) ||
    (word & 0x7e000000) >>> 0 === 0x34000000 ||
    (word & 0xff000010) >>> 0 === 0x54000000
  )
    return CONDITIONAL;
  if (isStoreExclusive(word)) return CONDITIONAL_STORE;
  // Unconditional branch (register): opc 0, 1, 2 are BR, BLR, RET; 8, 9 are BRAA and BLRAA; 4 and 5 are ERET and DRPS.
  if (word >>> 25 === 0b1101011) return 0b11_0000_0111 & (1 << ((word >>> 21) & 15)) ? INDIRECT : NO_BRANCH;
  return NO_BRANCH;
}

function displacement(word: number): number {
  if (isUnconditional(word)) return (word << 6) >> 6;
  return isTestBranch(word) ? (word << 13) >> 18 : (word << 8) >> 13;
}
