/**
 * `node test/bench/soak.ts [--billions 10]`: runs the benchmark images one after the other in one process, untraced, until so many
 * instructions were executed, and prints the memory of the process after each round. Exit code 1 where it still grows after the
 * second round: code that was translated for a machine that is gone must go with it.
 */
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Machine } from '../../src/machine/machine.ts';
import { DEFAULT_RECIPE } from '../../src/machine/recipe.ts';
import { RunLoop } from '../../src/machine/run_loop.ts';
import { images } from '../../traces/images.ts';

const TRACES = fileURLToPath(new URL('../../traces/', import.meta.url));
/** What the allocator may keep from round to round. */
const SLACK_BYTES = 64e6;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const { values } = parseArgs({ options: { billions: { type: 'string', default: '10' } } });
const wanted = Number(values.billions) * 1e9;

function execute(image: string): number {
  const machine = new Machine({ recipe: { ...DEFAULT_RECIPE, image } });
  const loop = new RunLoop(machine);
  let stop = loop.settle();
  while (!stop) stop = loop.runPacket(loop.beginPacket(), Number.POSITIVE_INFINITY);
  return machine.time.icount;
}

let instructions = 0;
let settled = Number.POSITIVE_INFINITY;
for (let round = 1; instructions < wanted; round++) {
  for (const { folder } of images)
    if (folder.startsWith('bench/')) {
      instructions += execute(join(TRACES, folder, `${basename(folder)}.elf`));
      // What nobody holds any more is no growth: modules go at the second collection.
      for (let turn = 0; turn < 2; turn++) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        collect();
      }
    }
  const { rss } = process.memoryUsage();
  process.stdout.write(
    `${(instructions / 1e9).toFixed(1)} billion instructions, ${(rss / 1e6).toFixed(0)} MB resident\n`,
  );
  if (round === 2) settled = rss;
  if (rss > settled + SLACK_BYTES) process.exitCode = 1;
}
