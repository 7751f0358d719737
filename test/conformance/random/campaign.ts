/** Random streams in QEMU and in each of our back ends, image after image, and what they covered. */
import { decode } from '../../../src/isa/table.ts';
import { disassemble } from '../qemu/report.ts';
import { buildImage, type ImageOptions, type TestImage } from './image.ts';
import { ENGINES, runInMachine, type TestedEngine } from './machine_runner.ts';
import { FINAL_NAMES, firstDifference, type Outcome, readOutcome } from './outcome.ts';
import { runInQemu } from './qemu_runner.ts';
import { targetOf } from './target.ts';

/** Code is translated to a region after its first run, so it takes a second one to test it. */
export const enginesFor = (rounds: number): readonly TestedEngine[] =>
  rounds > 1 ? ENGINES : ENGINES.filter((engine) => engine !== 'regions');

/** Executions of a row: completed, and ended by an exception or an exception return. */
export type Executions = readonly [completed: number, redirected: number];

export interface BatchResult {
  readonly options: ImageOptions;
  /** By row. */
  readonly executed: ReadonlyMap<string, Executions>;
  readonly instructions: number;
  readonly exceptions: number;
  /** Words that say what differed and how to see it again. */
  readonly failures: readonly string[];
}

export async function runBatch(options: ImageOptions): Promise<BatchResult> {
  const image = buildImage(options);
  const { runs, target } = image;
  const read = (ram: (address: number, length: number) => Uint8Array) => readOutcome(ram, runs.length);
  const running = runInQemu(image, read, { cpu: target.qemuCpu });
  const ours = enginesFor(options.rounds).map((engine) => ({
    engine,
    ...runInMachine(image, engine, read),
  }));
  const { result: qemu, ended } = await running;
  const failures: string[] = [];
  if (qemu.streams.length !== runs.length)
    failures.push(`seed ${options.seed}: QEMU ${ended ? 'ended' : 'hung'} in run ${qemu.streams.length}`);
  for (const { engine, result, stopped } of ours) {
    const difference = firstDifference(qemu, result);
    if (difference) failures.push(describeFailure(image, engine, qemu, difference));
    else if (stopped !== 'power off')
      failures.push(`seed ${options.seed}, ${engine}: ended with "${stopped}"`);
  }
  const counts = new Set(ours.map(({ instructions }) => instructions));
  if (counts.size > 1)
    failures.push(`seed ${options.seed}: the back ends count ${[...counts].join(' and ')} instructions`);
  const executed = rowsExecuted(ours.map((run) => run.executed));
  const instructions = [...executed.values()].reduce((sum, [a, b]) => sum + a + b, 0);
  const exceptions = qemu.streams.reduce((sum, stream) => sum + stream.exceptions.length, 0);
  return { options, executed, instructions, exceptions, failures };
}

function rowsExecuted(words: readonly ReadonlyMap<number, Executions>[]): Map<string, Executions> {
  const rows = new Map<string, Executions>();
  for (const [word, [completed, redirected]] of words.flatMap((map) => [...map])) {
    const name = decode(word)?.row.name;
    if (!name) continue;
    const [a, b] = rows.get(name) ?? [0, 0];
    rows.set(name, [a + completed, b + redirected]);
  }
  return rows;
}

/** Rows of the CPU that none of the batches executed. */
export function uncovered(cpu: string, results: readonly BatchResult[]): string[] {
  return targetOf(cpu)
    .rows.map(({ name }) => name)
    .filter((name) => !results.some(({ executed }) => executed.has(name)));
}

/** The arguments of `npm run conformance:random --` that make the same image. */
export function argumentsOf({ seed, streams, length, rounds, cpu, focus, only }: ImageOptions): string {
  const given = { cpu, class: focus, seed, streams, length, rounds, only: only?.source };
  return Object.entries(given)
    .flatMap(([name, value]) => (value === undefined ? [] : [`--${name} ${value}`]))
    .join(' ');
}

function describeFailure(
  { options, runs }: TestImage,
  engine: string,
  qemu: Outcome,
  { stream: n, what }: { stream: number; what: string },
): string {
  const again = `npm run conformance:random -- ${argumentsOf(options)} --once`;
  if (n < 0) return `seed ${options.seed}, ${engine}: ${what}\n  again: ${again}`;
  const { stream, state } = runs[n];
  const words = [...stream.words].map((opcode, i) => ({ pc: BigInt(stream.address + 4 * i), opcode }));
  const code = disassemble(words).map((text, i) => `    ${words[i].pc.toString(16)}  ${text}`);
  const registers = state.registers.map((value, i) => `x${i}=0x${value.toString(16)}`);
  const vectors = Array.from({ length: 32 }, (_, i) => {
    const half = (at: number) => state.vectors[at].toString(16).padStart(16, '0');
    return `v${i}=0x${half(2 * i + 1)}${half(2 * i)}`;
  });
  const ends = qemu.streams[n].final.map((value, i) => `${FINAL_NAMES[i]}=0x${value.toString(16)}`);
  return [
    `seed ${options.seed}, run ${n} at EL${stream.surroundings.el}, ${engine}: ${what}`,
    `  again: ${again}`,
    `  begins with nzcv=${state.nzcv} spsel=${state.spsel} fpcr=0x${state.fpcr.toString(16)} ${registers.join(' ')}`,
    `  ${vectors.join(' ')}`,
    `  ends in QEMU with ${ends.join(' ')}`,
    ...code,
  ].join('\n');
}
