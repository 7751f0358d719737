/**
 * A thread that translates batches of hot heads while the guest runs on. No event loop turns while a guest runs, so the thread says in
 * shared memory how far it is, and its translation is fetched when that is looked at.
 */
import module from 'node:module';
import { dirname } from 'node:path';
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { RegionBatch, RegionTarget, Translation } from './translation.ts';

/** Translates elsewhere, a batch at a time. When it is ready is the host's affair: nothing that the guest does may depend on it. */
export interface BackgroundTranslator {
  /** Is called, once and again, when there is much to translate. */
  start(target: RegionTarget): void;
  /** 'ready': a batch may be sent. 'failed': none will ever be translated. */
  readonly status: 'starting' | 'ready' | 'translating' | 'failed';
  send(batch: RegionBatch): void;
  /** The translation of the batch that was sent; undefined while it is under way. */
  receive(): Translation | 'failed' | undefined;
}

/** In the memory that the thread shares. */
export const STATUS = { starting: 0, ready: 1, translating: 2, done: 3, failed: 4 } as const;

export interface TranslatorSetup {
  readonly target: RegionTarget;
  readonly status: Int32Array<SharedArrayBuffer>;
  readonly port: MessagePort;
}

/** It needs 20: what it has made is not its own. */
const HEAP_MB = 64;
const YOUNG_MB = 8;
/** A thread that died without a word must not hold up translation for ever. */
const PATIENCE_MS = 10_000;
/** The clock is looked at once in so many times. */
const LOOKS = 1024;

export class TranslatorThread implements BackgroundTranslator {
  readonly #status = new Int32Array(new SharedArrayBuffer(4));
  #thread: { readonly worker: Worker; readonly port: MessagePort } | undefined;
  #looks = 0;
  /** When it is given up unless it says something, in ms. */
  #deadline = 0;

  start(target: RegionTarget): void {
    if (this.#thread || this.#now === STATUS.failed) return;
    const fail = () => {
      this.#now = STATUS.failed;
    };
    try {
      this.#thread = this.#startThread(target);
    } catch {
      // The host gives no more threads.
      fail();
      return;
    }
    this.#thread.worker.on('error', fail);
    this.#thread.worker.on('exit', fail);
    this.#deadline = performance.now() + PATIENCE_MS;
  }
  #startThread(target: RegionTarget): { readonly worker: Worker; readonly port: MessagePort } {
    const script = import.meta.url.replace(/translator_thread(\.[jt]s)$/, 'translator_worker$1');
    const { port1: port, port2: theirs } = new MessageChannel();
    const workerData: TranslatorSetup = { target, status: this.#status, port: theirs };
    // As the trace writer's, it does not inherit what module.enableCompileCache was told.
    const cache = module.getCompileCacheDir?.();
    const worker = new Worker(new URL(script), {
      workerData,
      transferList: [theirs],
      name: 'region translator',
      env: cache === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: dirname(cache) },
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB, maxYoungGenerationSizeMb: YOUNG_MB },
    });
    worker.unref();
    port.unref();
    return { worker, port };
  }

  get #now(): number {
    const now = Atomics.load(this.#status, 0);
    const waits = now === STATUS.starting || now === STATUS.translating;
    if (!waits || ++this.#looks % LOOKS !== 0 || performance.now() < this.#deadline) return now;
    this.#now = STATUS.failed;
    return STATUS.failed;
  }
  set #now(status: number) {
    Atomics.store(this.#status, 0, status);
  }

  get status(): BackgroundTranslator['status'] {
    switch (this.#now) {
      case STATUS.starting:
        return 'starting';
      case STATUS.ready:
        return 'ready';
      case STATUS.failed:
        return 'failed';
      default:
        return 'translating';
    }
  }

  send(batch: RegionBatch): void {
    this.#deadline = performance.now() + PATIENCE_MS;
    this.#now = STATUS.translating;
    this.#thread!.port.postMessage(batch);
  }

  receive(): Translation | 'failed' | undefined {
    const now = this.#now;
    if (now === STATUS.failed) return 'failed';
    if (now !== STATUS.done) return undefined;
    this.#now = STATUS.ready;
    return receiveMessageOnPort(this.#thread!.port)!.message as Translation;
  }

  /** Ends the thread, whatever it is doing. Nobody needs to wait for that. */
  async close(): Promise<void> {
    await this.#thread?.worker.terminate();
  }
}
