import { describe, expect, it } from 'vitest';
import { type BatchResult, runBatch, uncovered } from './campaign.ts';
import { buildImage } from './image.ts';
import { runInMachine } from './machine_runner.ts';
import { firstDifference, readOutcome } from './outcome.ts';
import { classesOf, TESTED_CPUS } from './target.ts';

/** Fixed, so that a failure is the change's; `npm run conformance:random` looks at new ones. */
const SEED = 101;
const LENGTH = 12;

describe.each(TESTED_CPUS)('random streams on %s', (cpu) => {
  const results: BatchResult[] = [];

  it.each(classesOf(cpu).map((focus, n) => ({ focus, seed: SEED + n })))(
    'do the same in QEMU and in every back end: $focus, seed $seed',
    async ({ focus, seed }) => {
      const result = await runBatch({ cpu, focus, seed, streams: 400, length: LENGTH, rounds: 2 });
      results.push(result);
      expect(result.failures).toEqual([]);
    },
  );

  it('executed every row that the CPU has', () => {
    expect(uncovered(cpu, results)).toEqual([]);
  });

  it('completed most of them, so that it is not exceptions that are compared', () => {
    const of = (select: 0 | 1) =>
      results.reduce(
        (sum, { executed }) => sum + [...executed.values()].reduce((n, all) => n + all[select], 0),
        0,
      );
    expect(of(0)).toBeGreaterThan(4 * of(1));
  });
});

it('an outcome is seen to differ when one register, one syndrome or one byte of memory does', () => {
  const image = buildImage({ cpu: 'cortex-a57', seed: 1, streams: 20, length: 40, rounds: 1 });
  const { result } = runInMachine(image, 'interpreter', (read) => readOutcome(read, image.runs.length));
  const change = (edit: (copy: typeof result) => void) => {
    const copy = structuredClone(result);
    edit(copy);
    return firstDifference(result, copy)?.stream;
  };
  const faulting = result.streams.findIndex(({ exceptions }) => exceptions.length > 0);
  const writable = (value: object) => value as { [key: string]: bigint };
  expect(change(() => {})).toBe(undefined);
  expect(change(({ streams }) => (writable(streams[7].final)[3] ^= 1n))).toBe(7);
  expect(change(({ streams }) => (writable(streams[faulting].exceptions[0]).esr ^= 1n))).toBe(faulting);
  expect(change(({ scratch }) => (scratch[4097] ^= 1))).toBe(-1);
});
