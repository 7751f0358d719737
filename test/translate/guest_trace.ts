/** Random guests (random_guest.ts) in a machine. */
import { DEFAULT_RECIPE } from '../../src/machine/recipe.ts';
import type { RegionOptions } from '../../src/translate/region/regions.ts';
import { randomNumbers } from '../random.ts';
import { type ExecutionTrace, executionTrace } from './execution_trace.ts';
import { randomGuest } from './random_guest.ts';

/** What a random guest did, with the events of its translation. */
export function guestTrace(
  seed: number,
  cpu: string,
  engine: 'interpreter' | 'evaluator' | 'regions',
  iterations: number,
  regions?: Partial<RegionOptions>,
  ram = 2 ** 26,
): ExecutionTrace {
  const files = randomGuest(randomNumbers(seed), iterations);
  const load = files.map((_, n) => `${n}@0x${files[n].address.toString(16)}`);
  const recipe = { ...DEFAULT_RECIPE, cpu, ram, load };
  return executionTrace(
    { recipe, readFile: (path) => files[Number(path)].bytes, engine, regions },
    3_000_000,
  );
}
