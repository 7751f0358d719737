/** Runs a test image in our machine, with either back end. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EngineName, Machine } from '../../../src/machine/machine.ts';
import { DEFAULT_RECIPE } from '../../../src/machine/recipe.ts';
import { RunLoop } from '../../../src/machine/run_loop.ts';
import type { TestImage } from './image.ts';
import { RAM } from './layout.ts';

/** An image that runs away ends here: no stream is longer than some hundred instructions with its exceptions. */
const INSTRUCTIONS_PER_STREAM = 5_000;

/** Runs to the image's power-off and hands `inspect` a reader of RAM. */
export function runInMachine<T>(
  image: Pick<TestImage, 'pieces' | 'streams'>,
  engine: EngineName,
  inspect: (read: (address: number, length: number) => Uint8Array) => T,
): { result: T; instructions: number; stopped: string } {
  const machine = loadMachine(image, engine);
  const loop = new RunLoop(machine);
  const limit = INSTRUCTIONS_PER_STREAM * (image.streams.length + 1);
  let stopped = loop.settle();
  while (!stopped && machine.time.icount < limit) {
    const { icount } = machine.time;
    stopped = loop.runPacket(loop.beginPacket(), limit);
    if (machine.time.icount <= icount && !stopped)
      throw new Error(`icount went from ${icount} to ${machine.time.icount}`);
  }
  const read = (address: number, length: number) => {
    const bytes = machine.memory.readBytes(address, length);
    if (!bytes) throw new Error(`0x${address.toString(16)} is not RAM`);
    return bytes;
  };
  return { result: inspect(read), instructions: machine.time.icount, stopped: stopped ?? 'limit' };
}

function loadMachine({ pieces }: Pick<TestImage, 'pieces'>, engine: EngineName): Machine {
  const directory = mkdtempSync(join(tmpdir(), 'hindsight-random-'));
  try {
    const load = pieces.map(({ address, bytes }, i) => {
      const file = join(directory, `piece${i}`);
      writeFileSync(file, bytes);
      return `${file}@0x${address.toString(16)}`;
    });
    return new Machine({ recipe: { ...DEFAULT_RECIPE, ram: RAM.mebibytes * 2 ** 20, load }, engine });
  } finally {
    rmSync(directory, { recursive: true });
  }
}
