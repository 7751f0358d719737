/** What comes from outside: bytes for the console, and when. */
import type { Machine } from '../machine/machine.ts';
import { MOST_INPUT_BYTES } from './schema.ts';

export interface InputSource {
  /** The next byte that is there at this instruction count. */
  peek(icount: number): number | undefined;
  /** Removes it. */
  take(): void;
  /** The machine waits and nothing else can wake it: resolves when there is more input, false when there will be none. */
  more(signal?: AbortSignal): Promise<boolean>;
}

/** Gives the console's device what it has room for, between two instructions, as much as a row of inputs holds. The bytes that it took. */
export function feedInput(machine: Machine, input: InputSource): Uint8Array {
  const taken: number[] = [];
  while (taken.length < MOST_INPUT_BYTES) {
    const byte = input.peek(machine.time.icount);
    if (byte === undefined || !machine.receive(byte)) break;
    input.take();
    taken.push(byte);
  }
  return Uint8Array.from(taken);
}

/** Bytes that are all there from the start: a file. */
export class BytesInput implements InputSource {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }
  peek(): number | undefined {
    return this.#bytes[this.#at];
  }
  take(): void {
    this.#at += 1;
  }
  async more(): Promise<boolean> {
    return false;
  }
}

/** Input that is there once the guest has printed a text: a shell's prompt, as drivers drop what came before they started. */
export class InputAfterText implements InputSource {
  readonly #input: InputSource;
  readonly #text: string;
  /** The end of what was printed, as long as the text. */
  #tail = '';
  #seen = false;

  constructor(input: InputSource, text: string) {
    this.#input = input;
    this.#text = text;
  }
  /** The guest printed a byte. */
  printed(byte: number): void {
    if (this.#seen) return;
    this.#tail = (this.#tail + String.fromCharCode(byte)).slice(-this.#text.length);
    this.#seen = this.#tail === this.#text;
  }
  peek(icount: number): number | undefined {
    return this.#seen ? this.#input.peek(icount) : undefined;
  }
  take(): void {
    this.#input.take();
  }
  async more(signal?: AbortSignal): Promise<boolean> {
    return this.#seen && (await this.#input.more(signal));
  }
}

/** Bytes that arrived at known instants: a recording's inputs, given again. */
export class RecordedInput implements InputSource {
  readonly #bytes: readonly { readonly icount: number; readonly byte: number }[];
  #at = 0;

  constructor(inputs: readonly { readonly icount: number; readonly payload: Uint8Array }[]) {
    this.#bytes = inputs.flatMap(({ icount, payload }) => [...payload].map((byte) => ({ icount, byte })));
  }
  /** Instruction count of the next byte; Infinity behind the last. */
  get nextIcount(): number {
    return this.#bytes[this.#at]?.icount ?? Number.POSITIVE_INFINITY;
  }
  /** Goes to the first byte that arrives at or after an instruction count. */
  seek(icount: number): void {
    const at = this.#bytes.findIndex((byte) => byte.icount >= icount);
    this.#at = at < 0 ? this.#bytes.length : at;
  }
  peek(icount: number): number | undefined {
    const next = this.#bytes[this.#at];
    return next && next.icount <= icount ? next.byte : undefined;
  }
  take(): void {
    this.#at += 1;
  }
  async more(): Promise<boolean> {
    return this.#at < this.#bytes.length;
  }
}
