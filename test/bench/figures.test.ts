import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bootFigures } from './boots.ts';
import { type Figure, figureLines, met, workloadFigures } from './figures.ts';
import { noise } from './host.ts';
import { countTraced } from './instruction_trace.ts';
import type { Measurement } from './rounds.ts';
import { geometricMean, median, speedUp } from './statistics.ts';

test('a median of an even number of rounds is the mean of the two in the middle; a speed-up is the median of the rounds’ ratios', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(geometricMean([1, 4])).toBe(2);
  // A busy second round slows both: the ratio of medians would say otherwise.
  expect(speedUp([1, 10, 2], [2, 20, 4])).toBe(2);
});

const rounds = (seconds: readonly number[], diskBytes = 0, peakBytes = 0) => ({
  records: diskBytes > 0,
  seconds: [...seconds],
  cpuSeconds: [...seconds],
  startUp: seconds.map(() => 0.5),
  peakBytes,
  diskBytes,
});

/** A workload of 1000 million instructions, in which our machine takes `times` as long as QEMU. */
const workload = (times: number, icount = 1e9): Measurement => ({
  guest: { icount, touched: 1e6 },
  subjects: new Map([
    ['qemu', rounds([1, 1, 1])],
    ['untraced', rounds([times, times, times])],
    ['flow', rounds([2, 2, 2], 2e7, 301e6)],
    ['memory', rounds([4, 4, 4], 4e8, 451e6)],
  ]),
  qemuTrace: [1, 2, 3].map(() => ({ instructionsPerSecond: 1e6, bytesPerInstruction: 85 })),
});

const figureOf = (figures: readonly Figure[], start: string) =>
  figures.find(({ figure }) => figure.startsWith(start))!;

test('the figures are what issue 4 defines: ratios on integer-mix, geometric means and the slowest of all workloads, bytes, memory', () => {
  const figures = workloadFigures(
    new Map([
      ['integer-mix', workload(0.5)],
      ['exits', workload(2)],
    ]),
    false,
  );
  const value = (start: string) => figureOf(figures, start).value;
  expect(value('untraced, integer-mix, × QEMU')).toBeCloseTo(2);
  expect(value('untraced, geometric mean (2), × QEMU')).toBeCloseTo(1);
  expect(value('untraced, slowest workload')).toBeCloseTo(0.5);
  expect(value('flow to disk, integer-mix, × QEMU untraced')).toBeCloseTo(0.5);
  expect(value('flow to disk, integer-mix, × QEMU -d exec')).toBeCloseTo(500);
  expect(value('flow, integer-mix, B/instr')).toBeCloseTo(0.02);
  expect(value('memory, geometric mean')).toBeCloseTo(0.4);
  expect(value('host memory')).toBeCloseTo(450);
  expect(value('record hello')).toBeCloseTo(0.5);
  expect(met(figureOf(figures, 'untraced, integer-mix'))).toBe(true);
  expect(met(figureOf(figures, 'untraced, slowest'))).toBe(false);
  expect(met(figureOf(figures, 'flow, integer-mix, B'))).toBe(false);
  expect(met(figureOf(figures, 'memory, geometric mean (2), B'))).toBe(true);
});

test('what was not measured, or ran too shortly to say, is neither met nor missed, and has a floor all the same', () => {
  const short = workload(0.01);
  const figures = workloadFigures(new Map([['integer-mix', short]]), false);
  expect(figureOf(figures, 'untraced, integer-mix').value).toBeUndefined();
  const line = figureLines(figures).find((text) => text.startsWith('untraced, integer-mix, × QEMU '))!;
  expect(line).toMatch(/≥ 1\.4 +≥ 2 +-$/);
  expect(workloadFigures(new Map(), false).every((figure) => met(figure) === undefined)).toBe(true);
});

test('a boot’s figures are QEMU’s wall time, and less is better', () => {
  const subject = (seconds: number, diskBytes = 0) => ({
    seconds: [seconds],
    cpuSeconds: [seconds],
    peakBytes: 300e6,
    diskBytes,
  });
  const guest = { icount: 1e8, touched: 100e6 };
  const subjects = new Map([
    ['qemu', subject(2)],
    ['untraced', subject(2.5)],
    ['flow', subject(2.8, 1e6)],
    ['memory', subject(5, 1e7)],
  ]);
  const figures = bootFigures(new Map([['debian', { guest, imageBytes: 4e5, subjects }]]));
  expect(figures.map(met)).toEqual([undefined, undefined, false, true, true, true, undefined, true]);
  expect(figureOf(figures, 'debian to its shell, flow').value).toBeCloseTo(1.4);
  expect(figureOf(figures, 'debian, flow, B/instr, but').value).toBeCloseTo(0.006);
  expect(figureOf(figures, 'host memory').value).toBeCloseTo(200);
});

test('executions in QEMU’s trace are its lines that say so, within the bytes of the slice', () => {
  const directory = mkdtempSync(join(tmpdir(), 'hindsight-bench-test-'));
  const file = join(directory, 'trace.txt');
  const line = 'Trace 0: 0x7f5664000100 [0000000000000000/0000000040200000/00000061/ff000201] _start\n';
  const other = 'Stopped execution of TB chain before 0x7f5664000240 [0000000040200004] _start\n';
  try {
    writeFileSync(file, line + line + other + line + line);
    expect(countTraced(file, 0, 5 * line.length)).toBe(4);
    expect(countTraced(file, line.length, 2 * line.length + other.length)).toBe(1);
    expect(countTraced(file, 2 * line.length - 5, 3 * line.length + other.length)).toBe(2);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('a machine that was not quiet is named with the reason', () => {
  expect(noise(0.1, 0.02)).toBeUndefined();
  expect(noise(2, 0)).toMatch(/load average was 2\.00/);
  expect(noise(0, 0.7)).toMatch(/other programs used 0\.70 cores/);
});
