import { describe, expect, test } from 'vitest';
import type { RegionOptions } from '../../src/translate/region/regions.ts';
import { firstDifference } from './execution_trace.ts';
import { guestTrace } from './guest_trace.ts';

const OPTIONS: { readonly [name: string]: Partial<RegionOptions> } = {
  'as early as possible': { threshold: 2, batch: 1, leastInstructions: 1 },
  'in slices of fifty instructions': { threshold: 10, batch: 1, slice: 50 },
  'in a cache of three': { threshold: 5, batch: 2, leastInstructions: 1, mostRegions: 3 },
};

describe.each(['cortex-a57', 'max'])(
  'a guest on %s that edits its tables, changes ASID and VMID, maps and writes code, and faults in loops',
  (cpu) => {
    const ITERATIONS = 40;
    test.each([1, 2])('comes to its end (seed %i)', (seed) => {
      const { stopped, machine } = guestTrace(seed, cpu, 'interpreter', ITERATIONS);
      expect(stopped).toBe('power off');
      expect(machine.time.icount).toBeGreaterThan(15_000);
    });

    for (const [name, regions] of Object.entries(OPTIONS))
      test.each([1, 2])(`does the same in regions, ${name} (seed %i)`, (seed) => {
        const interpreted = guestTrace(seed, cpu, 'interpreter', ITERATIONS);
        expect(
          firstDifference(interpreted, guestTrace(seed, cpu, 'regions', ITERATIONS, regions)),
        ).toBeUndefined();
      });

    // More RAM than a 32-bit memory holds: the pool's addresses have 64 bits.
    test.each(['interpreter', 'regions'] as const)('does the same with 8 GiB of RAM (%s)', (engine) => {
      const small = guestTrace(1, cpu, 'interpreter', ITERATIONS);
      const large = guestTrace(1, cpu, engine, ITERATIONS, OPTIONS['as early as possible'], 2 ** 33);
      expect(large.machine.memory.poolWidth).toBe(64);
      expect(firstDifference(small, large)).toBeUndefined();
    });

    test.each([1, 2])('does the same in the evaluator (seed %i)', (seed) => {
      const interpreted = guestTrace(seed, cpu, 'interpreter', 4);
      expect(firstDifference(interpreted, guestTrace(seed, cpu, 'evaluator', 4))).toBeUndefined();
    });
  },
);
