/** The thread of translator_thread.ts. */
import { workerData } from 'node:worker_threads';
import { type RegionBatch, translate } from './translation.ts';
import { STATUS, type TranslatorSetup } from './translator_thread.ts';

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
