/** Shared memory between the recorder and its worker: who waits for what, slots that packets travel in, and chunks of rows. */
import { UserError } from '../user-error.ts';
import { PACKET_TABLES_BYTES } from './encode/packet_tables.ts';
import { EVENT_TABLES, eventLayout } from './rows/layout.ts';

export const SLOTS = 8;
/** More than the largest packet: see translate/layout.ts. */
export const SLOT_BYTES = 2 ** 22;
/** The slots come first in the memory; then what is the worker's own; then the rows of events. */
export const WORKER_BASE = SLOTS * SLOT_BYTES;
export const ROW_LAYOUT = eventLayout(Math.ceil((WORKER_BASE + PACKET_TABLES_BYTES) / 65536) * 65536);
/** The recorder waits while checkpoints of more than this are under way. */
const MAX_OUTSTANDING_KIB = 64 * 1024;
/** It waits too while more epochs than this are not yet on the disk. */
const MOST_UNCOMMITTED = 4;
const MAX_ERROR_BYTES = 4096;
/** A disk may stall; a worker that died without a word must not hang the guest for ever. */
const PATIENCE_MS = 300_000;

const STATUS = 0;
const PROGRESS = 1;
const OUTSTANDING_KIB = 2;
const FINISHED = 3;
const ERROR_LENGTH = 4;
const UNCOMMITTED = 5;
const FIRST_SLOT = 6;
/** Two for each table of events: 1 while the writer has the chunk. */
const FIRST_CHUNK = FIRST_SLOT + SLOTS;
const CONTROL_BYTES = 4 * (FIRST_CHUNK + 2 * EVENT_TABLES.length);

const RUNNING = 0;
const USER_ERROR = 1;
const BUG = 2;

/** What the worker is given of a channel. */
export interface ChannelParts {
  readonly control: Int32Array<SharedArrayBuffer>;
  readonly memory: WebAssembly.Memory;
}

export class WriterChannel {
  readonly control: Int32Array<SharedArrayBuffer>;
  readonly #error: Uint8Array<SharedArrayBuffer>;
  readonly memory: WebAssembly.Memory;

  constructor({ control, memory }: ChannelParts) {
    this.control = control;
    this.#error = new Uint8Array(control.buffer, CONTROL_BYTES);
    this.memory = memory;
  }

  static make(): WriterChannel {
    const pages = Math.ceil(ROW_LAYOUT.end / 65536);
    return new WriterChannel({
      control: new Int32Array(new SharedArrayBuffer(CONTROL_BYTES + MAX_ERROR_BYTES)),
      memory: new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }),
    });
  }

  // The recorder's side.

  /** Waits until `ready`, throwing what the worker failed with. Blocks the thread. */
  waitUntil(ready: () => boolean): void {
    for (;;) {
      const seen = Atomics.load(this.control, PROGRESS);
      this.check();
      if (ready()) return;
      if (Atomics.wait(this.control, PROGRESS, seen, PATIENCE_MS) === 'timed-out')
        throw new Error(`the writer made no progress in ${PATIENCE_MS / 1000} s`);
    }
  }

  /** Throws what the worker failed with, if it did. */
  check(): void {
    const status = Atomics.load(this.control, STATUS);
    if (status === RUNNING) return;
    const text = Buffer.from(this.#error.slice(0, this.control[ERROR_LENGTH])).toString('utf8');
    throw status === USER_ERROR ? new UserError(text) : new Error(`in the trace writer: ${text}`);
  }

  /** Takes the first slot that the worker has emptied; waits until there is one. The same ones again where it keeps up. */
  takeSlot(): number {
    let slot = 0;
    this.waitUntil(() => {
      for (slot = 0; slot < SLOTS; slot++)
        if (Atomics.load(this.control, FIRST_SLOT + slot) === 0) return true;
      return false;
    });
    Atomics.store(this.control, FIRST_SLOT + slot, 1);
    return slot;
  }

  /** The writer has the chunk from now on. */
  giveChunk(table: number, half: 0 | 1): void {
    Atomics.store(this.control, FIRST_CHUNK + 2 * table + half, 1);
  }

  /** Waits until the writer no longer has the chunk. */
  waitForChunk(table: number, half: 0 | 1): void {
    this.waitUntil(() => Atomics.load(this.control, FIRST_CHUNK + 2 * table + half) === 0);
  }

  /** Waits until there is room, then counts an epoch's end with `bytes` of a checkpoint as under way. */
  beginEpoch(bytes: number): void {
    this.waitUntil(
      () =>
        Atomics.load(this.control, OUTSTANDING_KIB) < MAX_OUTSTANDING_KIB &&
        Atomics.load(this.control, UNCOMMITTED) < MOST_UNCOMMITTED,
    );
    Atomics.add(this.control, OUTSTANDING_KIB, bytes >>> 10);
    Atomics.add(this.control, UNCOMMITTED, 1);
  }

  waitForEnd(): void {
    this.waitUntil(() => Atomics.load(this.control, FINISHED) === 1);
  }

  // The worker's side.

  releaseSlot(slot: number): void {
    Atomics.store(this.control, FIRST_SLOT + slot, 0);
    this.#progress();
  }

  releaseChunk(table: number, half: 0 | 1): void {
    Atomics.store(this.control, FIRST_CHUNK + 2 * table + half, 0);
    this.#progress();
  }

  removeOutstanding(bytes: number): void {
    Atomics.sub(this.control, OUTSTANDING_KIB, bytes >>> 10);
    this.#progress();
  }

  epochCommitted(): void {
    Atomics.sub(this.control, UNCOMMITTED, 1);
    this.#progress();
  }

  finished(): void {
    Atomics.store(this.control, FINISHED, 1);
    this.#progress();
  }

  fail(error: unknown): void {
    const isUsers = error instanceof UserError;
    const text = isUsers ? error.message : String((error as Error).stack ?? error);
    const bytes = Buffer.from(text, 'utf8').subarray(0, MAX_ERROR_BYTES);
    this.#error.set(bytes);
    this.control[ERROR_LENGTH] = bytes.length;
    Atomics.store(this.control, STATUS, isUsers ? USER_ERROR : BUG);
    this.#progress();
  }

  #progress(): void {
    Atomics.add(this.control, PROGRESS, 1);
    Atomics.notify(this.control, PROGRESS);
  }
}
