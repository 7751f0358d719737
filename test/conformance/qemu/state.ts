/** A state as the reference sends it: its words, their names, and what of them is compared. */
import { RECORD_BYTES } from './reference.ts';

/**
 * 32-bit words of a state, laid out as a record: pc, x0 … x30, sp (64 bits each), opcode (not compared), pstate, then fpcr, fpsr (64
 * bits each) and v0 … v31 (128 bits each).
 */
export const STATE_WORDS = RECORD_BYTES / 4;
export const OPCODE_WORD = 66;
export const PSTATE_WORD = 67;
export const FPCR_WORD = 68;
export const FPSR_WORD = 70;
export const VECTOR_WORD = 72;
/** NZCV, IL, DAIF, EL, SPSel. PAN, UAO, SS are not in the reference of this CPU. */
export const PSTATE_MASK = 0xf01003cf;

export interface Difference {
  readonly name: string;
  readonly reference: bigint;
  readonly subject: bigint;
}

/** Names of the 64-bit words before the opcode. */
export const STATE_NAMES = ['pc', ...Array.from({ length: 31 }, (_, n) => `x${n}`), 'sp'];

const wide = (words: Uint32Array, word: number) => (BigInt(words[word + 1]) << 32n) | BigInt(words[word]);
const vector = (words: Uint32Array, n: number) =>
  (wide(words, VECTOR_WORD + 4 * n + 2) << 64n) | wide(words, VECTOR_WORD + 4 * n);

export function sameState(a: Uint32Array, b: Uint32Array): boolean {
  for (let i = 0; i < OPCODE_WORD; i++) if (a[i] !== b[i]) return false;
  for (let i = FPCR_WORD; i < STATE_WORDS; i++) if (a[i] !== b[i]) return false;
  return ((a[PSTATE_WORD] ^ b[PSTATE_WORD]) & PSTATE_MASK) === 0;
}

/** Everything that is compared, by name. */
const compared = (words: Uint32Array): [string, bigint][] => [
  ...STATE_NAMES.map((name, i): [string, bigint] => [name, wide(words, 2 * i)]),
  ['pstate', BigInt((words[PSTATE_WORD] & PSTATE_MASK) >>> 0)],
  ['fpcr', wide(words, FPCR_WORD)],
  ['fpsr', wide(words, FPSR_WORD)],
  ...Array.from({ length: 32 }, (_, n): [string, bigint] => [`v${n}`, vector(words, n)]),
];

export function stateDifferences(reference: Uint32Array, subject: Uint32Array): Difference[] {
  const ours = compared(subject);
  return compared(reference)
    .map(([name, value], i) => ({ name, reference: value, subject: ours[i][1] }))
    .filter((d) => d.reference !== d.subject);
}

export const stateOf = (words: Uint32Array) => ({
  pc: wide(words, 0),
  opcode: words[OPCODE_WORD],
});
