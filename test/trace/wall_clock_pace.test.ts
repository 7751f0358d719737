import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { DEFAULT_RECIPE } from '../../src/machine/recipe.ts';
import { record } from '../../src/trace/flight_recorder.ts';
import { WallClockPace } from '../../src/trace/wall_clock_pace.ts';

const MS = 1_000_000;

test('A wait takes its own time, however long execution took before it', () => {
  let now = 1000;
  const pace = new WallClockPace(() => now);
  expect(pace.ahead(0)).toBe(0);
  // Two milliseconds of the guest's time took three seconds.
  now += 3000;
  expect(pace.ahead(2 * MS)).toBe(0);
  // It waits for a second.
  expect(pace.ahead(1002 * MS)).toBe(1000);
  now += 400;
  expect(pace.ahead(1002 * MS)).toBe(600);
  now += 600;
  expect(pace.ahead(1002 * MS)).toBe(0);
});

test('A recording is the same, byte for byte, with and without the wall clock', async () => {
  const scratch = mkdtempSync(join(tmpdir(), 'hindsight-pace-'));
  const image = fileURLToPath(new URL('../../traces/hypervisor/hypervisor.elf', import.meta.url));
  let waits = 0;
  let now = 0;
  // A clock that stands still but for the waits: after five million instructions the guest is ahead of it.
  const pace = new WallClockPace(() => now);
  const { ahead } = pace;
  pace.ahead = (timeNs) => {
    const ms = ahead.call(pace, timeNs);
    if (ms > 0) {
      waits++;
      now += ms / 2;
    }
    return Math.min(ms, 1);
  };
  try {
    const made = async (name: string, options: { readonly pace?: WallClockPace }) => {
      const directory = join(scratch, name);
      const recipe = { ...DEFAULT_RECIPE, image };
      await record({ recipe, directory, detail: 'flow', until: { icount: 6_000_000 }, ...options });
      const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort();
      return files
        .filter((file) => /\.\w+$/.test(file) && file !== 'host.json')
        .map((file) => [file, readFileSync(join(directory, file)).toString('base64')]);
    };
    const paced = await made('paced', { pace });
    expect(paced).toEqual(await made('free', {}));
    expect(waits).toBeGreaterThan(0);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
});
