/** Finds encodings that two rows claim without saying so: the one that comes later in the table would never be seen. */
import type { Row } from './row.ts';
import { match } from './table.ts';

export interface Overlap {
  readonly rows: readonly [string, string];
  /** An instruction word that both match. */
  readonly word: number;
}

/** More free bits than this are sampled rather than enumerated. */
const ENUMERATED_BITS = 12;
const SAMPLES = 2 ** ENUMERATED_BITS;

/**
 * All overlaps among `rows` that no `before` declares. Pairs whose patterns can agree are tried on every combination of
 * their free bits, or on `SAMPLES` of them where there are too many; `random` gives numbers in [0, 1).
 */
export function undeclaredOverlaps(rows: readonly Row[], random: () => number): Overlap[] {
  const found: Overlap[] = [];
  rows.forEach((a, i) => {
    for (const b of rows.slice(i + 1)) {
      if (a.before.includes(b.name) || b.before.includes(a.name)) continue;
      const word = commonWord(a, b, random);
      if (word !== undefined) found.push({ rows: [a.name, b.name], word });
    }
  });
  return found;
}

function commonWord(a: Row, b: Row, random: () => number): number | undefined {
  const both = a.pattern.mask & b.pattern.mask;
  if (((a.pattern.value ^ b.pattern.value) & both) !== 0) return undefined;
  const fixed = a.pattern.mask | b.pattern.mask;
  const value = a.pattern.value | b.pattern.value;
  const free = Array.from({ length: 32 }, (_, bit) => bit).filter((bit) => ((fixed >>> bit) & 1) === 0);
  const enumerated = free.length <= ENUMERATED_BITS;
  const tries = enumerated ? 2 ** free.length : SAMPLES;
  for (let n = 0; n < tries; n++) {
    const bits = enumerated ? n : Math.floor(random() * 2 ** 32);
    // A sample spreads its own 32 bits; an enumeration has its number's bits in the free places.
    const word = enumerated
      ? free.reduce((filled, bit, i) => filled | (((bits >>> i) & 1) << bit), value)
      : value | (bits & ~fixed);
    if (match(a, word >>> 0) && match(b, word >>> 0)) return word >>> 0;
  }
  return undefined;
}
