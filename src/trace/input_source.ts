/** What comes from outside: bytes for the console, and when. */

export interface InputSource {
  /** The next byte that is there at this instruction count. */
  peek(icount: number): number | undefined;
  /** Removes it. */
  take(): void;
  /** The machine waits and nothing else can wake it: resolves when there is more input, false when there will be none. */
  more(signal?: AbortSignal): Promise<boolean>;
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

/** Bytes that arrived at known instants: a recording's inputs, given again. */
export class RecordedInput implements InputSource {
  readonly #bytes: readonly { readonly icount: number; readonly byte: number }[];
  #at = 0;

  constructor(inputs: readonly { readonly icount: number; readonly payload: Uint8Array }[]) {
    this.#bytes = inputs.flatMap(({ icount, payload }) => [...payload].map((byte) => ({ icount, byte })));
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
