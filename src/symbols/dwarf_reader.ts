/** Bounds-checked reads of DWARF's data types (DWARF 5, section 7.5 and 7.6), little-endian. */
import { UserError } from '../user-error.ts';

export class DwarfReader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  /** For messages: the file and the section. */
  readonly #where: string;
  at = 0;
  /** Nothing is read at or behind this offset. */
  end: number;

  constructor(bytes: Uint8Array, where: string) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#where = where;
    this.end = bytes.length;
  }

  fail(what: string): never {
    throw new UserError(`${this.#where}, byte 0x${this.at.toString(16)}: ${what}`);
  }

  /** Steps over `size` bytes and gives their offset. */
  skip(size: number): number {
    if (size > this.end - this.at) this.fail('the data ends in the middle of an entry');
    this.at += size;
    return this.at - size;
  }

  u8 = () => this.#view.getUint8(this.skip(1));
  i8 = () => this.#view.getInt8(this.skip(1));
  u16 = () => this.#view.getUint16(this.skip(2), true);
  u32 = () => this.#view.getUint32(this.skip(4), true);
  u64 = () => this.#view.getBigUint64(this.skip(8), true);

  /** A number that is 4 bytes wide in the 32-bit format and 8 in the 64-bit one. */
  offset = (is64: boolean) => (is64 ? Number(this.u64()) : this.u32());

  /** Exact below 2^53; line programs have nothing larger that means anything. */
  uleb(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.u8();
      if (shift > 63) this.fail('a number of more than 64 bits');
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }

  sleb(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.u8();
      if (shift > 63) this.fail('a number of more than 64 bits');
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return byte & 0x40 ? value - 2 ** (shift + 7) : value;
    }
  }

  /** Steps over a zero-terminated string and gives its offset. */
  skipString(): number {
    const nul = this.bytes.subarray(this.at, this.end).indexOf(0);
    if (nul < 0) this.fail('a string without an end');
    return this.skip(nul + 1);
  }
}
