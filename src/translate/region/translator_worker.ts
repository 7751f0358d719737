/** The thread of translator_thread.ts. */
import { setPriority } from 'node:os';
import { workerData } from 'node:worker_threads';
import { type RegionBatch, translate } from './translation.ts';
import { STATUS, type TranslatorSetup } from './translator_thread.ts';

/**
 * Regions matter less than the guest, V8's compilation of the interpreter's loop and the trace's writer: those go first where cores are few. On Linux
 * this is the priority of the thread that asks, elsewhere it would be the process's.
 */
const NICE = 10;
if (process.platform === 'linux') setPriority(NICE);

const { target, status, port } = workerData as TranslatorSetup;
port.on('message', (batch: RegionBatch) => {
  try {
    port.postMessage(translate(batch, target));
    Atomics.compareExchange(status, 0, STATUS.translating, STATUS.done);
  } catch (error) {
    Atomics.store(status, 0, STATUS.failed);
    throw error;
  }
});
Atomics.compareExchange(status, 0, STATUS.starting, STATUS.ready);
