const UTF8 = new TextEncoder();

/** A growable byte buffer with WebAssembly's variable-length integers (WebAssembly core specification, 5.2.2). */
export class ByteBuffer {
  #bytes: Uint8Array;
  length = 0;

  /** With room for `capacity` bytes before it grows. */
  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  #reserve(count: number): void {
    if (this.length + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.length + count));
    grown.set(this.#bytes.subarray(0, this.length));
    this.#bytes = grown;
  }

  byte(value: number): void {
    if (this.length === this.#bytes.length) this.#reserve(1);
    this.#bytes[this.length++] = value;
  }

  /** A byte and an unsigned LEB128: what most instructions are. */
  withUnsigned(byte: number, value: number): void {
    if (value >= 0x80 || this.length + 2 > this.#bytes.length) {
      this.byte(byte);
      this.unsigned(value);
      return;
    }
    this.#bytes[this.length] = byte;
    this.#bytes[this.length + 1] = value;
    this.length += 2;
  }

  append(bytes: Uint8Array | readonly number[]): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Unsigned LEB128 of a non-negative safe integer. */
  unsigned(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.byte(rest);
  }

  /** Signed LEB128 of a 32-bit integer. */
  signed32(value: number): void {
    let rest = value | 0;
    while (rest < -0x40 || rest > 0x3f) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>= 7;
    }
    this.byte(rest & 0x7f);
  }

  /** Signed LEB128 of a 64-bit integer. */
  signed64(value: number | bigint): void {
    if (typeof value === 'number' && value === (value | 0)) {
      this.signed32(value);
      return;
    }
    let rest = BigInt.asIntN(64, BigInt(value));
    while (rest < -0x40n || rest > 0x3fn) {
      this.byte(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.byte(Number(rest & 0x7fn));
  }

  name(text: string): void {
    const utf8 = UTF8.encode(text);
    this.unsigned(utf8.length);
    this.append(utf8);
  }

  /** A copy of what was written, from byte `start` on. */
  toBytes(start = 0): Uint8Array {
    return this.#bytes.slice(start, this.length);
  }
}
