import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { DEFAULT_RECIPE } from '../../src/machine/recipe.ts';
import type { RegionOptions } from '../../src/translate/region/regions.ts';
import { images } from '../../traces/images.ts';
import { executionTrace, firstDifference } from '../translate/execution_trace.ts';

const TRACES = fileURLToPath(new URL('../../traces/', import.meta.url));

/** Instructions compared: enough to be past the start of every workload. */
const LIMIT = 20_000_000;

const OPTIONS: { readonly [name: string]: Partial<RegionOptions> } = {
  'as they are by default': {},
  'as early as possible': { threshold: 2, batch: 1, leastInstructions: 1 },
  'of one instruction a block': { threshold: 3, blockLength: 1, mostInstructions: 2, mostUnchecked: 1 },
  'in a cache that thrashes': { threshold: 30, batch: 2, mostRegions: 3 },
};

describe.each(images.map(({ folder }) => folder))('%s', (folder) => {
  const recipe = { ...DEFAULT_RECIPE, image: `${TRACES}${folder}/${folder.split('/').pop()}.elf` };
  const interpreted = executionTrace({ recipe, engine: 'interpreter' }, LIMIT);

  test.each(Object.entries(OPTIONS))('is the same in regions %s', (_name, regions) => {
    const translated = executionTrace({ recipe, engine: 'regions', regions }, LIMIT);
    expect(firstDifference(interpreted, translated)).toBeUndefined();
  });
});
