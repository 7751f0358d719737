/**
 * Runs an image without recording anything and prints its facts as one line of JSON: `node untraced.ts IMAGE ENGINE`. The benchmark starts
 * it as a process of its own, as it starts QEMU.
 */
import { type EngineName, Machine } from '../../src/machine/machine.ts';
import { PAGE_SIZE } from '../../src/machine/memory.ts';
import { DEFAULT_RECIPE } from '../../src/machine/recipe.ts';
import { RunLoop } from '../../src/machine/run_loop.ts';

const [image, engine] = process.argv.slice(2);
const machine = new Machine({ recipe: { ...DEFAULT_RECIPE, image }, engine: engine as EngineName });
const loop = new RunLoop(machine);
let stop = loop.settle();
while (!stop) stop = loop.runPacket(loop.beginPacket(), Number.POSITIVE_INFINITY);
const touched = machine.memory.slotPages.length * PAGE_SIZE;
process.stdout.write(`${JSON.stringify({ stop, icount: machine.time.icount, touched })}\n`);
