/**
 * Runs a machine without recording anything and prints its facts as one line of JSON: `node start_untraced.js JSON`, an
 * `UntracedRun`. The benchmark starts it as a process of its own, as it starts QEMU.
 */
import { Machine } from '../../src/machine/machine.ts';
import { PAGE_SIZE } from '../../src/machine/memory.ts';
import { RunLoop } from '../../src/machine/run_loop.ts';
import { TranslatorThread } from '../../src/translate/region/translator_thread.ts';
import type { UntracedRun } from './subjects.ts';

const { recipe, engine, until }: UntracedRun = JSON.parse(process.argv[2]);
let tail = '';
let printed = false;
const machine = new Machine({
  recipe,
  engine,
  translator: new TranslatorThread(),
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
