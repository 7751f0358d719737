/** The terminal as a console: each key goes to the guest; Ctrl-] ends the session. */
import type { ReadStream } from 'node:tty';
import type { InputSource } from './input_source.ts';

const ESCAPE = 0x1d;

export class TerminalInput implements InputSource {
  readonly #stream: ReadStream;
  readonly #bytes: number[] = [];
  readonly #listener: (chunk: Buffer) => void;
  #wake: (() => void) | undefined;
  #ended = false;

  constructor(stream: ReadStream, onEscape: () => void) {
    this.#stream = stream;
    this.#listener = (chunk) => {
      for (const byte of chunk) {
        if (byte === ESCAPE) onEscape();
        else this.#bytes.push(byte);
      }
      this.#wake?.();
    };
    if (stream.isTTY) stream.setRawMode(true);
    stream.on('data', this.#listener);
    stream.once('end', () => {
      this.#ended = true;
      this.#wake?.();
    });
  }

  peek(): number | undefined {
    return this.#bytes[0];
  }
  take(): void {
    this.#bytes.shift();
  }

  async more(signal?: AbortSignal): Promise<boolean> {
    while (this.#bytes.length === 0 && !this.#ended && !signal?.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        signal?.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    return this.#bytes.length > 0;
  }

  close(): void {
    this.#stream.off('data', this.#listener);
    if (this.#stream.isTTY) this.#stream.setRawMode(false);
    this.#stream.pause();
  }
}
