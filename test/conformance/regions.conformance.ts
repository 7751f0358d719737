import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { DEFAULT_RECIPE } from '../../src/machine/recipe.ts';
import { record } from '../../src/trace/flight_recorder.ts';
import type { RegionOptions } from '../../src/translate/region/regions.ts';
import { images } from '../../traces/images.ts';
import { executionTrace, firstDifference } from '../translate/execution_trace.ts';

const TRACES = fileURLToPath(new URL('../../traces/', import.meta.url));

/** Instructions compared: enough to be past the start of every workload. */
const LIMIT = 4_000_000;

/** Instructions recorded. */
const RECORDED = 4_000_000;

const scratch = mkdtempSync(join(tmpdir(), 'hindsight-regions-'));
afterAll(() => rmSync(scratch, { recursive: true }));
const filesOf = (directory: string) =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((file) => statSync(join(directory, file)).isFile())
    .sort();

const OPTIONS: { readonly [name: string]: Partial<RegionOptions> } = {
  'as they are by default': {},
  'as early as possible': { threshold: 2, batch: 1, leastInstructions: 1 },
  'of one instruction a block': { threshold: 3, blockLength: 1, mostInstructions: 2, mostUnchecked: 1 },
  'in slices of fifty instructions': { threshold: 10, batch: 1, slice: 50 },
  'in a cache that thrashes': { threshold: 30, batch: 2, mostRegions: 3 },
};

describe.each(images.map(({ folder }) => folder))('%s', (folder) => {
  const recipe = { ...DEFAULT_RECIPE, image: `${TRACES}${folder}/${folder.split('/').pop()}.elf` };
  const interpreted = executionTrace({ recipe, engine: 'interpreter' }, LIMIT);

  test.each(Object.entries(OPTIONS))('is the same in regions %s', (_name, regions) => {
    const translated = executionTrace({ recipe, engine: 'regions', regions }, LIMIT);
    expect(firstDifference(interpreted, translated)).toBeUndefined();
  });

  test('is the same recording, byte for byte', async () => {
    const [interpreter, regions] = ['interpreter', 'regions'].map((name) =>
      join(scratch, `${folder.replaceAll('/', '-')}-${name}.hs`),
    );
    const until = { icount: RECORDED };
    await record({ recipe, engine: 'interpreter', directory: interpreter, detail: 'full', until });
    await record({ recipe, engine: 'regions', directory: regions, detail: 'full', until });
    const files = filesOf(interpreter);
    expect(filesOf(regions)).toEqual(files);
    for (const file of files.filter((name) => name !== 'host.json'))
      expect(readFileSync(join(regions, file)).equals(readFileSync(join(interpreter, file))), file).toBe(
        true,
      );
  });
});
