import { describe, expect, it } from 'vitest';
import { type BatchResult, runBatch, uncovered } from './campaign.ts';
import { buildImage } from './image.ts';
import { runInMachine } from './machine_runner.ts';
import { firstDifference, readOutcome } from './outcome.ts';

/** Fixed, so that a failure is the change's; `npm run conformance:random` looks at new ones. */
const SEEDS = [101, 102, 103, 104, 105, 106, 107, 108, 109, 110];
const STREAMS = 1800;

describe('random programs of base instructions', () => {
  const results: BatchResult[] = [];

  it.each(SEEDS)('do the same in QEMU, the interpreter and the evaluator, seed %i', async (seed) => {
    const result = await runBatch({ seed, streams: STREAMS });
    results.push(result);
    expect(result.failures).toEqual([]);
  });

  it('executed every row of the base set in QEMU, and a million instructions', () => {
    expect(uncovered(results)).toEqual([]);
    expect(results.reduce((sum, { instructions }) => sum + instructions, 0)).toBeGreaterThan(1_000_000);
  });

  it('are seen to differ when one register, one syndrome or one byte of memory does', () => {
    const image = buildImage({ seed: 1, streams: 20, length: 40 });
    const { result } = runInMachine(image, 'interpreter', (read) => readOutcome(read, 20));
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
});
