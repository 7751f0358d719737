/**
 * Floating-point and SIMD programs compute inside Linux, in a domain of Xen and in a guest of KVM what digests.ts computes on the host,
 * interrupted and switched about as they are.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { verifyReplay } from '../../../src/replay/verify_replay.ts';
import { record } from '../../../src/trace/flight_recorder.ts';
import { openRecording } from '../../../src/trace/recording.ts';
import { type Boot, linux, recipeOf, xen } from './boots.ts';
import { digestLines } from './digests.ts';

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'hindsight-numeric-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** The lines that a guest prints, of a recording that replays. */
async function linesOf(name: string, boot: Boot): Promise<string[]> {
  const directory = join(scratch, name);
  let console = '';
  const summary = await record({
    recipe: recipeOf(boot),
    directory,
    detail: 'flow',
    onConsole: (byte) => {
      console += String.fromCharCode(byte);
    },
  });
  globalThis.console.log(`${name}: ${summary.icount} instructions`);
  const recording = openRecording(directory);
  expect(await verifyReplay(recording)).toBeUndefined();
  recording.close();
  return console.split(/\r*\n/);
}

/** programs/digests.c is told these by scripts/numbers and by kvm_guest.c. */
const PROCESS_ROUNDS = 20;
const PAYLOAD_ROUNDS = 5;

/** What scripts/numbers has awk compute: an iteration in which each rounding matters to the next. */
function awkLine(): string {
  let [x, sum] = [0.5, 0];
  for (let i = 1; i <= 4000; i++) {
    x = 3.9 * x * (1 - x);
    sum += x / i;
  }
  const text = (value: number) => value.toExponential(15).replace(/e([+-])(\d)$/, 'e$10$2');
  return `awk ${text(x)} ${text(sum)}`;
}

const expected = () => {
  const lines = digestLines(PROCESS_ROUNDS);
  return [...lines, ...lines.map((line) => `again: ${line}`), awkLine()];
};
/** Without the name that Xen puts in front of a domain's lines. */
const numbersIn = (lines: readonly string[]) =>
  lines
    .map((line) => line.replace(/^\(XEN\) DOM\d: /, ''))
    .filter((line) => /^(again: )?digest \w|^awk /.test(line));

test('two processes of Linux and awk compute what the host computes', async () => {
  expect(numbersIn(await linesOf('linux', linux(3, 'numbers')))).toEqual(expected());
});

test('so they do on two CPUs', async () => {
  expect(numbersIn(await linesOf('smp', linux(2, 'numbers', undefined, 2)))).toEqual(expected());
});

test('so they do in two domains of Xen on one CPU', async () => {
  const lines = await linesOf('xen', xen(2, 2, 'numbers'));
  for (const domain of ['DOM1', 'DOM2'])
    expect(numbersIn(lines.filter((line) => line.startsWith(`(XEN) ${domain}: `)))).toEqual(expected());
});

test.each([2, 3] as const)('so does the guest of KVM, which timers interrupt, on GICv%i', async (gic) => {
  const lines = await linesOf(`kvm${gic}`, linux(gic, 'kvm'));
  expect(lines.filter((line) => /^digest \w+ \d/.test(line))).toEqual(digestLines(PAYLOAD_ROUNDS));
});
