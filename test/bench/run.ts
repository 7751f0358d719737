/**
 * `npm run bench [-- WORKLOAD … --rounds N --quick --engine regions|interpreter]`: speed side by side with QEMU.
 *
 * Every figure of a workload comes from the same rounds: in each, every subject runs the image once, one after the other. A run is
 * timed as a whole process, to its exit. Its start-up is measured in the same way and subtracted: the time of the same command for
 * `hello`, which executes some thousand instructions, in the same round. Instructions are those that our machine attempts.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { UserError } from '../../src/user-error.ts';
import { images } from '../../traces/images.ts';
import { bytesOnDisk, QEMU, run, type Subject, type Subjects, subjectsOf } from './subjects.ts';

const TRACES = fileURLToPath(new URL('../../traces/', import.meta.url));
const WORKLOADS = images.filter(({ folder }) => folder.startsWith('bench/'));
const imagePath = (folder: string) => join(TRACES, folder, `${basename(folder)}.elf`);
const HELLO = imagePath('hello');
/** Runs of fewer seconds than this say nothing: the start-up that is subtracted varies as much. */
const SHORTEST = 0.05;

/** What the runs of one subject gave: seconds by round, the rest from the last round. */
interface Measured {
  /** Start-up subtracted. */
  readonly seconds: number[];
  /** Processor time, start-up subtracted. */
  readonly cpuSeconds: number[];
  readonly startUp: number[];
  peakBytes: number;
  diskBytes: number;
}

/** The guest's side: the same for all subjects. */
interface Guest {
  readonly icount: number;
  readonly touched: number;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

async function timed(subject: Subject, image: string, scratch: string) {
  const directory = join(scratch, 'recording.hs');
  const result = await run(subject.command(image, directory));
  const diskBytes = subject.records ? bytesOnDisk(directory) : 0;
  rmSync(directory, { recursive: true, force: true });
  return { ...result, diskBytes };
}

async function measure(image: string, subjects: Subjects, rounds: number, scratch: string) {
  const results = new Map<Subject, Measured>();
  let guest: Guest = { icount: 0, touched: 0 };
  for (let round = 0; round < rounds; round++)
    for (const subject of subjects.all) {
      const hello = await timed(subject, HELLO, scratch);
      const startUp = hello.seconds;
      const { seconds, cpuSeconds, peakBytes, diskBytes, output } = await timed(subject, image, scratch);
      const measured = results.get(subject) ?? {
        ...{ seconds: [], cpuSeconds: [], startUp: [] },
        ...{ peakBytes: 0, diskBytes: 0 },
      };
      results.set(subject, measured);
      measured.seconds.push(seconds - startUp);
      measured.cpuSeconds.push(cpuSeconds - hello.cpuSeconds);
      measured.startUp.push(startUp);
      measured.peakBytes = peakBytes;
      measured.diskBytes = diskBytes;
      if (subject === subjects.untraced) guest = JSON.parse(output) as Guest;
    }
  return { results, guest };
}

const print = (line: string) => process.stdout.write(`${line}\n`);
const column = (text: string | number, width = 12) => String(text).padStart(width);

type Measurement = Awaited<ReturnType<typeof measure>>;

function printWorkload(name: string, { untraced }: Subjects, { results, guest }: Measurement): void {
  print(`\n${name}: ${(guest.icount / 1e6).toFixed(1)} million instructions`);
  print(
    `${'subject'.padEnd(12)}${['M instr/s', '× QEMU', '× QEMU, CPU', '× untraced', 'B/instr', 'peak MB'].map((c) => column(c)).join('')}`,
  );
  const secondsOf = (subject: Subject) => results.get(subject)!.seconds;
  for (const [subject, { seconds, cpuSeconds, peakBytes, diskBytes }] of results) {
    const qemuCpu = results.get(QEMU)!.cpuSeconds;
    // Of each round, then the median: the host's load is about the same within a round.
    const ratio = (other: Subject) =>
      SHORTEST > Math.min(median(seconds), median(secondsOf(other)))
        ? 'short'
        : median(seconds.map((s, round) => secondsOf(other)[round] / s)).toFixed(2);
    const cells = [
      SHORTEST > median(seconds) ? 'short' : (guest.icount / median(seconds) / 1e6).toFixed(1),
      ratio(QEMU),
      median(cpuSeconds.map((s, round) => qemuCpu[round] / s)).toFixed(2),
      ratio(untraced),
      subject.records ? (diskBytes / guest.icount).toFixed(4) : '',
      ((peakBytes - guest.touched) / 1e6).toFixed(0),
    ];
    print(`${subject.name.padEnd(12)}${cells.map((cell) => column(cell)).join('')}`);
  }
}

/** What the floors are about, of one workload. */
interface Summary {
  /** Speed against QEMU, medians over the rounds; undefined where a run was too short to say. */
  readonly untraced: number | undefined;
  readonly flow: number | undefined;
  readonly memory: number | undefined;
  /** Bytes an instruction on disk. */
  readonly flowBytes: number;
  readonly memoryBytes: number;
  /** Peak of host memory beyond the guest's, recording with detail memory. */
  readonly hostBytes: number;
}

function summaryOf({ untraced, flow, memory }: Subjects, { results, guest }: Measurement): Summary {
  const qemu = results.get(QEMU)!.seconds;
  const against = (subject: Subject) => {
    const { seconds } = results.get(subject)!;
    if (SHORTEST > Math.min(median(seconds), median(qemu))) return undefined;
    return median(seconds.map((s, round) => qemu[round] / s));
  };
  return {
    untraced: against(untraced),
    flow: against(flow),
    memory: against(memory),
    flowBytes: results.get(flow)!.diskBytes / guest.icount,
    memoryBytes: results.get(memory)!.diskBytes / guest.icount,
    hostBytes: results.get(memory)!.peakBytes - guest.touched,
  };
}

const geometricMean = (values: readonly number[]): number =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);

function printFloors(summaries: ReadonlyMap<string, Summary>, startUp: number): void {
  const all = [...summaries.values()];
  const known = all.flatMap(({ untraced }) => (untraced === undefined ? [] : [untraced]));
  const mix = summaries.get('integer-mix');
  const rows: [figure: string, value: number | undefined, floor: string, aim: string][] = [
    ['untraced, integer-mix, × QEMU', mix?.untraced, '1.4', '2'],
    ['untraced, geometric mean, × QEMU', known.length > 0 ? geometricMean(known) : undefined, '1.0', '1.5'],
    ['untraced, slowest workload, × QEMU', known.length > 0 ? Math.min(...known) : undefined, '0.6', ''],
    ['flow to disk, integer-mix, × QEMU untraced', mix?.flow, '0.9', '1.3'],
    ['memory to disk, integer-mix, × QEMU untraced', mix?.memory, '0.35', '0.6'],
    ['flow, integer-mix, B/instr, at most', mix?.flowBytes, '0.015', '0.008'],
    ['memory, integer-mix, B/instr, at most', mix?.memoryBytes, '0.2', '0.1'],
    ['flow, geometric mean, B/instr, at most', geometricMean(all.map((s) => s.flowBytes)), '0.05', ''],
    ['memory, geometric mean, B/instr, at most', geometricMean(all.map((s) => s.memoryBytes)), '0.6', ''],
    ['host memory, MB, at most', Math.max(...all.map((s) => s.hostBytes)) / 1e6, '400', ''],
    ['record hello, whole process, s, at most', startUp, '0.6', '0.3'],
  ];
  print(`\n${'figure'.padEnd(46)}${['measured', 'floor', 'aim'].map((c) => column(c)).join('')}`);
  for (const [figure, value, floor, aim] of rows)
    print(
      `${figure.padEnd(46)}${column(value === undefined ? '' : value.toPrecision(3))}${column(floor)}${column(aim)}`,
    );
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '5' },
      quick: { type: 'boolean', default: false },
      engine: { type: 'string', default: 'regions' },
    },
  });
  const rounds = values.quick ? 1 : Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new UserError(`--rounds ${values.rounds}: give a number from 1`);
  if (values.engine !== 'regions' && values.engine !== 'interpreter')
    throw new UserError(`--engine ${values.engine}: regions or interpreter`);
  const subjects = subjectsOf(values.engine);
  const names = WORKLOADS.map(({ folder }) => basename(folder));
  for (const name of positionals)
    if (!names.includes(name)) throw new UserError(`no workload ${name}: there are ${names.join(', ')}`);
  const scratch = mkdtempSync(join(tmpdir(), 'hindsight-bench-'));
  const startUps = new Map<Subject, number[]>(subjects.all.map((subject) => [subject, []]));
  const summaries = new Map<string, Summary>();
  try {
    print(
      `medians of ${rounds} interleaved rounds; start-up, subtracted, is the same command's time for hello`,
    );
    for (const { folder } of WORKLOADS) {
      const name = basename(folder);
      if (positionals.length > 0 && !positionals.includes(name)) continue;
      const measured = await measure(imagePath(folder), subjects, rounds, scratch);
      printWorkload(name, subjects, measured);
      summaries.set(name, summaryOf(subjects, measured));
      for (const [subject, { startUp }] of measured.results) startUps.get(subject)!.push(...startUp);
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  if (summaries.size > 0) printFloors(summaries, median(startUps.get(subjects.memory)!));
  print('\nstart-up: hello, whole process');
  for (const [{ name }, seconds] of startUps)
    print(`${name.padEnd(12)}${column(median(seconds).toFixed(2))} s`);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = 2;
}
