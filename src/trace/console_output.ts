/**
 * The guest's console on standard output. Bytes are written together, at the next turn of the event loop at the latest. A reader that
 * is slower than the guest makes the recording wait, between two packets: a pipe that is full would keep every byte in memory.
 */
import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** Bytes that are written together. */
const CHUNK = 4096;

export class ConsoleOutput {
  readonly #stream: Writable;
  /** Before bytes are written; where the progress line shares the terminal. */
  readonly #printing: (byte: number) => void;
  #chunk = new Uint8Array(CHUNK);
  #length = 0;

  constructor(stream: Writable, printing: (byte: number) => void) {
    this.#stream = stream;
    this.#printing = printing;
  }

  print(byte: number): void {
    if (this.#length === 0) setImmediate(() => this.flush());
    this.#chunk[this.#length++] = byte;
    if (this.#length === CHUNK) this.flush();
  }

  flush(): void {
    if (this.#length === 0) return;
    // The line goes away before the first byte; where the cursor is then, the last one says.
    this.#printing(this.#chunk[0]);
    this.#printing(this.#chunk[this.#length - 1]);
    this.#stream.write(this.#chunk.subarray(0, this.#length));
    // The stream keeps what it could not write.
    this.#chunk = new Uint8Array(CHUNK);
    this.#length = 0;
  }

  /** Settles when the reader has caught up, or the signal aborts; undefined where it has. */
  caughtUp(signal: AbortSignal): Promise<unknown> | undefined {
    if (!this.#stream.writableNeedDrain || signal.aborted) return undefined;
    return once(this.#stream, 'drain', { signal }).catch((error) => {
      if (!signal.aborted) throw error;
    });
  }
}
