import { expect, test } from 'vitest';
import { decode } from '../../src/isa/table.ts';
import { transferOf } from '../../src/isa/transfers.ts';

/** STR and LDR of Wt and Xt with an immediate, LDP, ADD: some of them share a place among the words remembered. */
const BASES = [0xb900_0000, 0xb940_0000, 0xf900_0000, 0xf940_0000, 0xa940_0000, 0x9100_0000, 0xb840_0c00];

test('a word has its own transfer, whatever was asked for before it', () => {
  const words = BASES.flatMap((base) =>
    Array.from({ length: 32 }, (_, n) => (base | (n << 5) | (31 - n)) >>> 0),
  );
  for (const order of [words, words.toReversed(), words])
    for (const word of order) {
      const decoded = decode(word);
      expect(transferOf(word)).toEqual(decoded?.row.transfer?.(decoded.fields));
      expect(transferOf(word | 0)).toEqual(transferOf(word));
    }
  expect(new Set(words.map((word) => (word ^ (word >>> 8)) & 255)).size).toBeLessThan(words.length);
});
