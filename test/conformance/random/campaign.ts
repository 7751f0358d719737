/** Random programs in QEMU, the interpreter and the evaluator, image after image, and what they covered. */
import { decode } from '../../../src/isa/table.ts';
import { disassemble } from '../qemu/report.ts';
import { buildImage, type TestImage } from './image.ts';
import { CODE, CODE_END } from './layout.ts';
import { runInMachine } from './machine_runner.ts';
import { FINAL_NAMES, firstDifference, type Outcome, readOutcome } from './outcome.ts';
import { runInQemu } from './qemu_runner.ts';
import { TESTED_ROWS } from './units.ts';

export const ENGINES = ['interpreter', 'evaluator'] as const;

export interface BatchOptions {
  readonly seed: number;
  readonly streams: number;
  /** Units in a stream. */
  readonly length?: number;
  readonly engines?: readonly (typeof ENGINES)[number][];
  /** Rows that units are made of; all where it is absent. */
  readonly only?: RegExp;
}

export interface BatchResult {
  readonly seed: number;
  /** Instructions of the streams that QEMU executed, by row; loops count once. */
  readonly executed: ReadonlyMap<string, number>;
  readonly instructions: number;
  readonly exceptions: number;
  /** Words that say what differed and how to see it again. */
  readonly failures: readonly string[];
}

export async function runBatch({
  seed,
  streams,
  length = 40,
  engines = ENGINES,
  only,
}: BatchOptions): Promise<BatchResult> {
  const image = buildImage({ seed, streams, length, only });
  const read = (ram: (address: number, length: number) => Uint8Array) => readOutcome(ram, streams);
  const { result: qemu, executed: words } = await runInQemu(image, read);
  const failures: string[] = [];
  if (qemu.streams.length !== streams)
    failures.push(`seed ${seed}: QEMU ended in stream ${qemu.streams.length}`);
  const attempted = new Set<number>();
  for (const engine of engines) {
    const { result, stopped, instructions } = runInMachine(image, engine, read);
    const difference = firstDifference(qemu, result);
    if (difference) failures.push(describeFailure(image, length, engine, qemu, difference));
    else if (stopped !== 'power off') failures.push(`seed ${seed}, ${engine}: ended with "${stopped}"`);
    attempted.add(instructions);
  }
  if (attempted.size > 1)
    failures.push(`seed ${seed}: the back ends count ${[...attempted].join(' and ')} instructions`);
  const executed = new Map<string, number>();
  const inStreams = words.filter(({ address }) => address >= CODE && address < CODE_END);
  for (const { opcode } of inStreams) {
    const name = decode(opcode)?.row.name;
    if (name) executed.set(name, (executed.get(name) ?? 0) + 1);
  }
  const exceptions = qemu.streams.reduce((sum, stream) => sum + stream.exceptions.length, 0);
  return { seed, executed, instructions: inStreams.length, exceptions, failures };
}

/** Rows of the base set that none of the batches executed. */
export function uncovered(results: readonly BatchResult[]): string[] {
  return TESTED_ROWS.map(({ name }) => name).filter(
    (name) => !results.some(({ executed }) => (executed.get(name) ?? 0) > 0),
  );
}

function describeFailure(
  image: TestImage,
  length: number,
  engine: string,
  qemu: Outcome,
  { stream: n, what }: { stream: number; what: string },
): string {
  const { seed, streams } = image;
  const again = `npm run conformance:random -- --seed ${seed} --streams ${streams.length} --length ${length} --once`;
  if (n < 0) return `seed ${seed}, ${engine}: ${what}\n  again: ${again}`;
  const stream = streams[n];
  const words = [...stream.words].map((opcode, i) => ({ pc: BigInt(stream.address + 4 * i), opcode }));
  const code = disassemble(words).map((text, i) => `    ${words[i].pc.toString(16)}  ${text}`);
  const registers = stream.registers.map((value, i) => `x${i}=0x${value.toString(16)}`);
  const ends = qemu.streams[n].final.map((value, i) => `${FINAL_NAMES[i]}=0x${value.toString(16)}`);
  return [
    `seed ${seed}, stream ${n} at EL${stream.surroundings.el}, ${engine}: ${what}`,
    `  again: ${again}`,
    `  begins with nzcv=${stream.nzcv} spsel=${stream.spsel} ${registers.join(' ')}`,
    `  ends in QEMU with ${ends.join(' ')}`,
    ...code,
  ].join('\n');
}
