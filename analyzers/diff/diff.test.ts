import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEFAULT_RECIPE, type Recipe } from '../../src/machine/recipe.ts';
import { record } from '../../src/trace/flight_recorder.ts';
import { openRecording } from '../../src/trace/recording.ts';
import { compare } from './diff.ts';

const traces = join(import.meta.dirname, '../../traces');
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'hindsight-diff-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

async function recorded(name: string, image: string, recipe: Partial<Recipe> = {}, icount = 400_000) {
  const path = join(directory, name);
  await record({
    recipe: { ...DEFAULT_RECIPE, ...recipe, image: join(traces, image) },
    directory: path,
    detail: 'memory',
    until: { icount },
  });
  return openRecording(path);
}

test('two recordings of one image are identical; another GIC is named as the difference, and one that ends earlier by its end', async () => {
  const a = await recorded('a.hs', 'hypervisor/hypervisor.elf');
  const b = await recorded('b.hs', 'hypervisor/hypervisor.elf');
  const gicv3 = await recorded('c.hs', 'hypervisor/hypervisor.elf', { gic: 3 });
  const short = await recorded('d.hs', 'hypervisor/hypervisor.elf', {}, 300_000);
  expect(compare(a, b).first).toBeUndefined();
  expect(compare(a, gicv3).recipe).toEqual([{ name: 'gic', values: ['2', '3'] }]);
  expect(compare(a, gicv3).first?.icount).toEqual([0, 0]);
  const ended = compare(a, short).first;
  expect(ended?.icount[0]).toBeGreaterThanOrEqual(300_000);
  expect(ended?.rows[1]).toBeUndefined();
});

test('builds that differ are told apart by what can be seen: the first byte of the console', async () => {
  const a = await recorded('e.hs', 'hello/hello.elf');
  const b = await recorded('f.hs', 'vectors/vectors.elf');
  const { sameImages, first } = compare(a, b);
  expect(sameImages).toBe(false);
  expect(['console', 'mmio', 'exceptions']).toContain(first?.where);
});
