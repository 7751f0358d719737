/** Runs a program of accesses in QEMU and here, and finds the first step at which they differ. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Machine } from '../../../src/machine/machine.ts';
import { DEFAULT_RECIPE } from '../../../src/machine/recipe.ts';
import { RunLoop } from '../../../src/machine/run_loop.ts';
import {
  compileDeviceTree,
  deviceTreeSource,
  ICOUNT,
  machineArguments,
  runTool,
  startQemu,
} from '../qemu/reference.ts';
import { inWords, program, type Step } from './program.ts';

export interface Sequence {
  readonly gic: 2 | 3;
  readonly cpus: 1 | 2;
  readonly setUp: readonly string[];
  readonly steps: readonly Step[];
}

const RAM_MIB = 64;
/** More than any program here executes. */
const MOST_INSTRUCTIONS = 20_000_000;

async function inQemu(elf: string, { gic, cpus }: Sequence): Promise<string> {
  const args = [...machineArguments({ kernel: elf, gic, ramMiB: RAM_MIB, smp: cpus }), ...ICOUNT];
  const { killed, ...end } = await startQemu(args, 30).end;
  if (killed) throw new Error('QEMU did not end');
  return end.console.toString();
}

function here(elf: string, { gic, cpus }: Sequence): string {
  const bytes: number[] = [];
  const dtb = compileDeviceTree(deviceTreeSource(`min-gicv${gic}`));
  const recipe = { ...DEFAULT_RECIPE, image: elf, gic, smp: cpus, ram: RAM_MIB * 2 ** 20, dtb };
  const machine = new Machine({ recipe, onConsole: (byte) => bytes.push(byte) });
  const loop = new RunLoop(machine);
  let stopped = loop.settle();
  while (!stopped && machine.time.icount < MOST_INSTRUCTIONS)
    stopped = loop.runPacket(loop.beginPacket(), MOST_INSTRUCTIONS);
  if (stopped !== 'power off') throw new Error(`our machine ended otherwise: ${stopped}`);
  return Buffer.from(bytes).toString();
}

/** The steps up to the first difference, in words, with what both read; undefined where there is none. */
export async function firstDifference(sequence: Sequence): Promise<string | undefined> {
  const directory = mkdtempSync(join(tmpdir(), 'gic-'));
  try {
    const elf = join(directory, 'program.elf');
    const source = join(directory, 'program.S');
    writeFileSync(source, program(sequence.steps, sequence.cpus, sequence.setUp));
    runTool(
      'aarch64-linux-gnu-gcc',
      [
        '-march=armv8-a',
        '-nostdlib',
        '-static',
        '-Wl,--build-id=none',
        '-Wl,-Ttext=0x40100000',
        '-o',
        elf,
        source,
      ],
      'gcc-aarch64-linux-gnu',
    );
    const reference = (await inQemu(elf, sequence)).trim().split('\n');
    const ours = here(elf, sequence).trim().split('\n');
    for (let i = 0; i < sequence.steps.length; i++) {
      const same = [0, 1].every((word) => reference[2 * i + word] === ours[2 * i + word]);
      if (same) continue;
      const value = (results: readonly string[], at: number) =>
        `${short(results[2 * at])}, ISR_EL1 ${short(results[2 * at + 1])}`;
      const before = sequence.steps
        .slice(0, i)
        .map((step, at) => `${at} ${inWords(step)}: ${value(ours, at)}`);
      const difference = `${i} ${inWords(sequence.steps[i])}: QEMU ${value(reference, i)}; here ${value(ours, i)}`;
      return [...before, difference].join('\n');
    }
    return undefined;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const short = (word: string | undefined) =>
  word === undefined ? 'nothing' : `0x${word.replace(/^0+(?=.)/, '')}`;
