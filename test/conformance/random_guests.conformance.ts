import { describe, expect, test } from 'vitest';
import type { RegionOptions } from '../../src/translate/region/regions.ts';
import { firstDifference } from '../translate/execution_trace.ts';
import { guestTrace } from '../translate/guest_trace.ts';

const OPTIONS: { readonly [name: string]: Partial<RegionOptions> } = {
  early: { threshold: 2, batch: 1, leastInstructions: 1 },
  'of one instruction a block': {
    threshold: 3,
    batch: 1,
    blockLength: 1,
    mostInstructions: 2,
    mostUnchecked: 1,
  },
  'in slices of fifty instructions': { threshold: 10, batch: 1, slice: 50 },
  'in a cache that thrashes': { threshold: 8, batch: 2, mostRegions: 6 },
};
const ITERATIONS = 150;
const SEEDS = Array.from({ length: 6 }, (_, n) => 100 + n);

describe.each(['cortex-a57', 'neoverse-n1', 'max'])(
  'random guests on %s that edit their tables, change ASID and VMID, map and write code, and fault in loops',
  (cpu) => {
    test.each(SEEDS)('do the same in regions of all kinds and in the evaluator (seed %i)', (seed) => {
      const interpreted = guestTrace(seed, cpu, 'interpreter', ITERATIONS);
      expect(interpreted.machine.time.icount).toBeGreaterThan(30_000);
      for (const [name, regions] of Object.entries(OPTIONS))
        expect(
          firstDifference(interpreted, guestTrace(seed, cpu, 'regions', ITERATIONS, regions)),
          name,
        ).toBe(undefined);
      const short = guestTrace(seed, cpu, 'interpreter', 2);
      expect(firstDifference(short, guestTrace(seed, cpu, 'evaluator', 2)), 'evaluator').toBe(undefined);
    });
  },
);
