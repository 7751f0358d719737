/** The transfer of an instruction word, for the syndromes of stage 2 aborts. */
import type { Transfer } from './row.ts';
import { decode } from './table.ts';

/**
 * Words seen lately, and what they transfer, by the word's lowest bits: a hypervisor emulates the accesses of few instructions again and
 * again, and to decode one costs as much as taking its exception. Word 0 is UDF.
 */
const REMEMBERED = 256;
const words = new Int32Array(REMEMBERED);
const transfers: (Transfer | undefined)[] = Array(REMEMBERED).fill(undefined);

/** Undefined where the word is no single-register load or store, or has writeback. */
export function transferOf(word: number): Transfer | undefined {
  const at = (word ^ (word >>> 8)) & (REMEMBERED - 1);
  if (words[at] !== (word | 0)) {
    const decoded = decode(word);
    words[at] = word;
    transfers[at] = decoded?.row.transfer?.(decoded.fields);
  }
  return transfers[at];
}
