/**
 * Runs a machine without recording anything and prints its facts as one line of JSON: `node start_untraced.js JSON`, an
 * `UntracedRun`. The benchmark starts it as a process of its own, as it starts QEMU.
 */
import module from 'node:module';
import { fileURLToPath } from 'node:url';
import type { UntracedRun } from './subjects.ts';

// As bin/hindsight.js does, before anything else is loaded.
module.enableCompileCache(fileURLToPath(new URL('../../.cache/node', import.meta.url)));
const { Machine } = await import('../../src/machine/machine.ts');
const { PAGE_SIZE } = await import('../../src/machine/memory.ts');
const { RunLoop } = await import('../../src/machine/run_loop.ts');

const { recipe, engine, until }: UntracedRun = JSON.parse(process.argv[2]);
let tail = '';
let printed = false;
const machine = new Machine({
  recipe,
  engine,
  onConsole: (byte) => {
    if (until === undefined || printed) return;
    tail = (tail + String.fromCharCode(byte)).slice(-until.length);
    printed = tail === until;
  },
});
const loop = new RunLoop(machine);
let stop = loop.settle();
while (!stop && !printed) stop = loop.runPacket(loop.beginPacket(), Number.POSITIVE_INFINITY);
if (until !== undefined && !printed) throw new Error(`the guest ended without printing "${until}": ${stop}`);
const touched = machine.memory.slotPages.length * PAGE_SIZE;
process.stdout.write(`${JSON.stringify({ icount: machine.time.icount, touched })}\n`);
