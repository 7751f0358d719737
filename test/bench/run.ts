/**
 * `npm run bench`: the figures of issues 4 and 5, side by side with QEMU in the same rounds.
 *
 *     npm run bench                                  all eight workloads, five rounds: seven minutes on a quiet machine
 *     npm run bench -- integer-mix exits --rounds 3  some of them
 *     npm run bench -- --quick                       one round
 *     npm run bench -- --subject flow --subject full some subjects; QEMU and untraced always run
 *     npm run bench -- --boots                       Linux to its shell (docs/guests.md says how to get the guests)
 *     npm run bench -- --json FILE                   everything that was measured, by round
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { UserError } from '../../src/user-error.ts';
import { images } from '../../traces/images.ts';
import { hasGuest } from '../conformance/guests/guests.ts';
import { BOOTS, type BootMeasurement, bootFigures, bootLines, measureBoot } from './boots.ts';
import { type Figure, figureLines, met, workloadFigures } from './figures.ts';
import { describeHost, type Host, noise, Others } from './host.ts';
import {
  against,
  againstInCpu,
  againstTrace,
  bytesAnInstruction,
  hostBytes,
  type Measurement,
  measure,
  rate,
} from './rounds.ts';
import { median } from './statistics.ts';
import { type Engine, NEEDED, QEMU_TRACE, SUBJECTS, subjectsOf, USUAL } from './subjects.ts';

const TRACES = fileURLToPath(new URL('../../traces/', import.meta.url));
const imagePath = (folder: string) => join(TRACES, folder, `${basename(folder)}.elf`);
const WORKLOADS = new Map(
  images
    .filter(({ folder }) => folder.startsWith('bench/'))
    .map(({ folder }) => [basename(folder), imagePath(folder)]),
);

const print = (line = '') => process.stdout.write(`${line}\n`);
const cells = (values: readonly (string | undefined)[]) =>
  values.map((value) => (value ?? '-').padStart(13)).join('');

interface Options {
  readonly names: readonly string[];
  readonly subjects: readonly string[];
  readonly rounds: number;
  readonly engine: Engine;
  readonly boots: boolean;
  readonly json: string | undefined;
}

function chosen(option: string, given: readonly string[], known: readonly string[]): void {
  for (const name of given)
    if (!known.includes(name))
      throw new UserError(`${option} ${name}: there is no such one: ${known.join(', ')}`);
}

function parseOptions(): Options {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      workload: { type: 'string', multiple: true, default: [] },
      subject: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string', default: '5' },
      quick: { type: 'boolean', default: false },
      engine: { type: 'string', default: 'regions' },
      boots: { type: 'boolean', default: false },
      json: { type: 'string' },
    },
  });
  const rounds = values.quick ? 1 : Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new UserError(`--rounds ${values.rounds}: give a number from 1`);
  if (values.engine !== 'regions' && values.engine !== 'interpreter')
    throw new UserError(`--engine ${values.engine}: regions or interpreter`);
  const names = [...positionals, ...values.workload];
  chosen('--workload', names, values.boots ? BOOTS.map(({ name }) => name) : [...WORKLOADS.keys()]);
  chosen('--subject', values.subject, SUBJECTS);
  return {
    names,
    subjects: values.subject.length > 0 ? [...NEEDED, ...values.subject] : USUAL,
    rounds,
    engine: values.engine,
    boots: values.boots,
    json: values.json,
  };
}

function printWorkload(name: string, measurement: Measurement): void {
  print(`\n${name}: ${(measurement.guest.icount / 1e6).toFixed(1)} million instructions`);
  const headings = ['M instr/s', '× QEMU', '× QEMU, CPU', '× -icount', '× untraced', 'B/instr', 'peak MB'];
  print(`${'subject'.padEnd(12)}${cells(headings)}`);
  for (const subject of measurement.subjects.keys()) {
    const host = hostBytes(measurement, subject);
    const speed = rate(measurement, subject);
    print(
      subject.padEnd(12) +
        cells([
          speed === undefined ? 'short' : (speed / 1e6).toFixed(1),
          against(measurement, subject, 'qemu')?.toFixed(2),
          againstInCpu(measurement, subject, 'qemu')?.toFixed(2),
          against(measurement, subject, 'qemu-icount')?.toFixed(2),
          against(measurement, subject, 'untraced')?.toFixed(2),
          bytesAnInstruction(measurement, subject)?.toFixed(4),
          host === undefined ? undefined : (host / 1e6).toFixed(0),
        ]),
    );
  }
  if (measurement.qemuTrace.length === 0) return;
  const lines = median(measurement.qemuTrace.map((trace) => trace.instructionsPerSecond));
  const bytes = median(measurement.qemuTrace.map((trace) => trace.bytesPerInstruction));
  const times = againstTrace(measurement, 'flow');
  print(
    `${QEMU_TRACE.padEnd(12)}${(lines / 1e6).toFixed(2).padStart(13)}  -d exec,nochain -singlestep, ${bytes.toFixed(0)} B/instr` +
      (times === undefined ? '' : `; flow is ${times.toFixed(0)} × as fast`),
  );
}

function printStartUps(workloads: ReadonlyMap<string, Measurement>): void {
  const startUps = new Map<string, number[]>();
  for (const { subjects } of workloads.values())
    for (const [name, { startUp }] of subjects)
      startUps.set(name, [...(startUps.get(name) ?? []), ...startUp]);
  print('\nstart-up, subtracted above: hello, whole process, s');
  for (const [name, seconds] of startUps) print(`${name.padEnd(12)}${cells([median(seconds).toFixed(2)])}`);
}

/** Maps and the results of functions as plain JSON, for `--json`. */
function plain(host: Host, options: Options, figures: readonly Figure[], measured: object, warning?: string) {
  const all = figures.map((figure) => ({ ...figure, met: met(figure) ?? null }));
  const replacer = (_: string, value: unknown) => (value instanceof Map ? Object.fromEntries(value) : value);
  const { rounds, engine } = options;
  return JSON.stringify(
    { host, warning: warning ?? null, rounds, engine, figures: all, measured },
    replacer,
    1,
  );
}

async function main(): Promise<void> {
  const options = parseOptions();
  const { names, rounds, engine } = options;
  const host = describeHost();
  const others = new Others();
  print(`${host.cpu}, ${host.cores} cores, ${host.system}, Node ${host.node}`);
  print(`${host.qemu}; load average ${host.load.toFixed(2)}; ${host.date}`);
  const early = noise(host.load, 0);
  if (early) print(early);
  print(
    `${rounds === 1 ? 'one round' : `medians of ${rounds} interleaved rounds`}, engine ${engine}: each subject in turn, a process each`,
  );
  const scratch = mkdtempSync(join(tmpdir(), 'hindsight-bench-'));
  const workloads = new Map<string, Measurement>();
  const boots = new Map<string, BootMeasurement>();
  try {
    if (options.boots)
      for (const boot of BOOTS) {
        if (names.length > 0 && !names.includes(boot.name)) continue;
        if (names.length === 0 && !hasGuest(boot.kernel)) {
          print(`\n${boot.name}: ${boot.kernel} is not here: docs/guests.md says how to get it`);
          continue;
        }
        const measured = await measureBoot(boot, { rounds, engine, scratch });
        boots.set(boot.name, measured);
        for (const line of bootLines(boot.name, measured)) print(line);
      }
    else
      for (const [name, image] of WORKLOADS) {
        if (names.length > 0 && !names.includes(name)) continue;
        const measured = await measure({
          ...{ image, hello: imagePath('hello'), rounds, scratch },
          subjects: subjectsOf(engine).filter((subject) => options.subjects.includes(subject.name)),
          qemuTrace: options.subjects.includes(QEMU_TRACE),
        });
        workloads.set(name, measured);
        printWorkload(name, measured);
      }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  if (!options.boots) printStartUps(workloads);
  const figures = options.boots
    ? bootFigures(boots)
    : workloadFigures(workloads, workloads.size === WORKLOADS.size);
  print();
  for (const line of figureLines(figures)) print(line);
  const warning = noise(host.load, others.cores());
  if (warning) print(`\n${warning}`);
  if (options.json !== undefined)
    writeFileSync(options.json, plain(host, options, figures, options.boots ? boots : workloads, warning));
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = 2;
}
