import fc from 'fast-check';
import { expect, test } from 'vitest';
import { IntervalIndex } from '../../src/symbols/interval_index.ts';

test('Of overlapping ranges that hold an address, the one that begins last is found', () => {
  const interval = fc
    .tuple(fc.bigInt(0n, 60n), fc.bigInt(0n, 20n))
    .map(([start, size]) => ({ start, end: start + size }));
  fc.assert(
    fc.property(fc.array(interval, { maxLength: 12 }), fc.bigInt(0n, 90n), (intervals, address) => {
      const holders = intervals.filter(({ start, end }) => start <= address && address < end);
      const latest =
        holders
          .map(({ start }) => start)
          .sort((a, b) => Number(a - b))
          .at(-1) ?? -1n;
      const found = new IntervalIndex(intervals).find(address);
      expect(found?.start ?? -1n).toBe(latest);
      if (found) expect(found.end > address).toBe(true);
    }),
    { numRuns: 2000 },
  );
});
