/**
 * `node soak.ts machines|recording --billions N [--leak MB]`: executes so many instructions in one process and prints a line of
 * JSON, a `Sample`, some dozens of times.
 *
 *   machines   the benchmark images, one after the other, each in a machine of its own: with a machine all that it compiled goes
 *   recording  one recording, at detail flow, of a guest that writes and calls new code all the time
 *
 * `--leak` keeps so many MB more at each sample: the suite's test that it would notice.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Machine } from '../../../src/machine/machine.ts';
import { DEFAULT_RECIPE } from '../../../src/machine/recipe.ts';
import { RunLoop } from '../../../src/machine/run_loop.ts';
import { record } from '../../../src/trace/flight_recorder.ts';
import { images } from '../../../traces/images.ts';
import { codeForever, PROGRAM } from '../../code_forever.ts';
import type { Sample } from './growth.ts';

const TRACES = fileURLToPath(new URL('../../../traces/', import.meta.url));
const SAMPLES = 40;
/** Pages that the guest writes code into before it begins anew. */
const CODE_PAGES = 2 ** 10;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { billions: { type: 'string', default: '10' }, leak: { type: 'string', default: '0' } },
});
const wanted = Number(values.billions) * 1e9;
const leaked: Uint8Array[] = [];

function sample(instructions: number): void {
  collect();
  leaked.push(new Uint8Array(Number(values.leak) * 1e6).fill(1));
  const said: Sample = { instructions, resident: process.memoryUsage().rss };
  process.stdout.write(`${JSON.stringify(said)}\n`);
}

/** Executes an image, or as much of it as is left. */
function execute(image: string, most: number): number {
  const machine = new Machine({ recipe: { ...DEFAULT_RECIPE, image } });
  const loop = new RunLoop(machine);
  let stop = loop.settle();
  while (!stop && machine.time.icount < most) stop = loop.runPacket(loop.beginPacket(), most);
  return machine.time.icount;
}

async function machines(): Promise<void> {
  const folders = images.map(({ folder }) => folder).filter((folder) => folder.startsWith('bench/'));
  let done = 0;
  // No image longer than a sample's share, so that there are enough of them.
  while (done < wanted)
    for (const folder of folders) {
      done += execute(join(TRACES, folder, `${basename(folder)}.elf`), wanted / SAMPLES);
      // Modules of a machine go at the second collection, and references live as long as a turn.
      await pause(20);
      collect();
      await pause(20);
      sample(done);
    }
}

async function recording(): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'hindsight-soak-'));
  let next = wanted / SAMPLES;
  try {
    const { icount } = await record({
      recipe: { ...DEFAULT_RECIPE, ram: 2 ** 27, el: 1, load: [`code@${PROGRAM}`] },
      readFile: () => codeForever({ group: 16, pages: CODE_PAGES, rounds: 5000 }),
      directory: join(scratch, 'soak.hs'),
      detail: 'flow',
      until: { icount: wanted },
      onProgress: (progress) => {
        if (progress.icount < next) return;
        next = progress.icount + wanted / SAMPLES;
        sample(progress.icount);
      },
    });
    sample(icount);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

await { machines, recording }[positionals[0] as 'machines' | 'recording']();
