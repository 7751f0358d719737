/**
 * The writer's thread. It takes as long to start as the machine takes to load and to be built, so whoever knows that there will be a
 * recording starts it first.
 */
import module from 'node:module';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { WriterChannel } from './writer_channel.ts';
import type { WriterSetup } from './writer_worker.ts';

export interface WriterThread {
  readonly channel: WriterChannel;
  readonly worker: Worker;
}

/** V8 marks the whole of a small heap as soon as its young generation could outgrow what is free: half a dozen times in a boot. */
const YOUNG_MB = 6;

/** Starts the thread, which writes nothing until it is told to, and does not keep the process alive. */
export function startWriter(directory: string, firstIcount = 0): WriterThread {
  const channel = WriterChannel.make();
  const script = import.meta.url.replace(/writer_thread(\.[jt]s)$/, 'writer_worker$1');
  const { control, memory } = channel;
  const workerData: WriterSetup = { directory, firstIcount, channel: { control, memory } };
  const worker = new Worker(new URL(script), {
    workerData,
    name: 'trace writer',
    env: workerEnvironment(),
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
  worker.unref();
  return { channel, worker };
}

/** A worker does not inherit what module.enableCompileCache was told, which saves it half of its start. Deno, in notebooks, has none. */
function workerEnvironment(): NodeJS.ProcessEnv {
  const cache = module.getCompileCacheDir?.();
  return cache === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: dirname(cache) };
}
