/** Ten billion instructions with flat memory: of many machines, and of one long recording. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { growth, type Sample } from './growth.ts';

/** HINDSIGHT_SOAK: billions of instructions, where ten take too long or are too few. */
const BILLIONS = Number(process.env['HINDSIGHT_SOAK'] ?? 10);
/** What an allocator keeps or gives back from sample to sample. */
const SLACK_BYTES = 48e6;
const LONG = 3_600_000;

async function soak(kind: string, ...options: string[]): Promise<Sample[]> {
  const script = join(import.meta.dirname, 'soak.ts');
  const child = spawn(process.execPath, [script, kind, ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const samples: Sample[] = [];
  for await (const line of createInterface(child.stdout)) samples.push(JSON.parse(line) as Sample);
  expect(await ended).toBe(0);
  const resident = samples.map((sample) => `${(sample.resident / 1e6).toFixed(0)}`);
  console.log(`${kind}: ${samples.at(-1)!.instructions} instructions, MB resident: ${resident.join(' ')}`);
  return samples;
}

test.each(['machines', 'recording'])(
  'memory is flat after the warm-up: %s',
  async (kind) => {
    const samples = await soak(kind, '--billions', String(BILLIONS));
    expect(samples.at(-1)!.instructions).toBeGreaterThanOrEqual(BILLIONS * 1e9);
    expect(growth(samples)).toBeLessThan(SLACK_BYTES);
  },
  LONG,
);

test.each(['machines', 'recording'])(
  'memory that is kept is noticed: four megabytes at each of forty samples: %s',
  async (kind) => {
    expect(growth(await soak(kind, '--billions', '0.5', '--leak', '4'))).toBeGreaterThan(SLACK_BYTES);
  },
  LONG,
);

test('growth is what the last samples have above the first ones after the warm-up; a warm-up and a peak are none', () => {
  const samples = (resident: readonly number[]): Sample[] =>
    resident.map((bytes, i) => ({ instructions: i + 1, resident: bytes }));
  const flat = samples([1, 50, 90, 100, 100, 101, 99, 100, 400, 100, 100, 100]);
  expect(growth(flat)).toBe(0);
  const growing = samples([0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110]);
  // 30 is the middle of the first three after the warm-up, 100 of the last three.
  expect(growth(growing)).toBe(70);
  expect(() => growth(flat.slice(0, 6))).toThrow('too few');
});
