import { describe, expect, test } from 'vitest';
import { fuzz } from './fuzz.ts';

/** Ten million words, each executed by two back ends. HINDSIGHT_FUZZ: how many each of the ten seeds has, where that takes too long. */
const WORDS = Number(process.env['HINDSIGHT_FUZZ'] ?? 1_000_000);
const RUNS = [
  { cpu: 'cortex-a57', seeds: [1, 2, 3, 4] },
  { cpu: 'max', seeds: [5, 6, 7, 8, 9, 10] },
] as const;
/** Far more than one machine needs (some 300 MiB), and far less than a leak of a kilobyte a word. */
const MOST_BYTES = 1.5 * 2 ** 30;

describe.each(RUNS)('random words at every level, with the MMU on and off, on $cpu', ({ cpu, seeds }) => {
  test.each(seeds)('neither throw nor depend on the back end, seed %i', { timeout: 1_200_000 }, (seed) => {
    // Half of them as they are recorded.
    const options = { cpu, seed, words: WORDS, recorded: seed % 2 === 1 };
    const interpreted = fuzz({ ...options, engine: 'interpreter' });
    expect(interpreted.words).toBeGreaterThanOrEqual(WORDS);
    expect(fuzz({ ...options, engine: 'regions' })).toEqual(interpreted);
    expect(process.memoryUsage().rss).toBeLessThan(MOST_BYTES);
  });

  test('do the same in the evaluator', { timeout: 1_200_000 }, () => {
    const options = { cpu, seed: 99, recorded: true };
    const evaluated = fuzz({ ...options, engine: 'evaluator', words: 60_000 });
    const { episodes } = evaluated;
    const interpreted = fuzz({ ...options, engine: 'interpreter', episodes });
    expect({ ...interpreted, words: 0 }).toEqual({ ...evaluated, words: 0 });
    expect(interpreted.words / evaluated.words).toBeCloseTo(1, 1);
  });
});
