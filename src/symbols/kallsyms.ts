/**
 * The table of names that a Linux kernel carries about itself (CONFIG_KALLSYMS), found in its Image: compressed names, and their 32-bit
 * offsets from the lowest address, before the number of names in kernels up to 6.3, behind the tokens' indices in later ones.
 */
import { alignTo, findCompressedNames } from './compressed_names.ts';

export interface ImageSymbols {
  /** Ascending, from the beginning of the Image. */
  readonly offsets: Uint32Array;
  readonly names: readonly string[];
}

/** Undefined where the image holds no such table. */
export function findKallsyms(image: Uint8Array): ImageSymbols | undefined {
  const bytes = Buffer.from(image.buffer, image.byteOffset, image.length);
  const list = findCompressedNames(bytes, 8);
  const offsets = list && offsetsOf(bytes, list.start, list.end, list.names.length);
  return offsets && symbols(bytes, list.names, offsets);
}

/** Ascending, from the table's lowest address. */
function offsetsOf(bytes: Buffer, start: number, end: number, count: number): Uint32Array | undefined {
  const relativeBase = start - 8;
  for (const at of [relativeBase - alignTo(4 * count, 8), end]) {
    if (at < 0 || at + 4 * count > bytes.length) continue;
    const offsets = Uint32Array.from({ length: count }, (_, i) => bytes.readUInt32LE(at + 4 * i));
    if (offsets.every((offset, i) => i === 0 || offset >= offsets[i - 1]) && offsets[count - 1] > 0)
      return offsets;
  }
  return undefined;
}

/**
 * Offsets from the Image's beginning. The table's lowest address is not known before the kernel runs; but the Image's first or
 * second word is a branch to `primary_entry` (`stext` before Linux 5.8), which is in the table.
 */
function symbols(bytes: Buffer, typed: readonly string[], offsets: Uint32Array): ImageSymbols | undefined {
  const names = typed.map((name) => name.slice(1));
  const entry = offsets[names.indexOf('primary_entry')] ?? offsets[names.indexOf('stext')];
  const branch = [0, 4].find((at) => bytes[at + 3] >>> 2 === BRANCH);
  if (entry === undefined || branch === undefined) return undefined;
  const shift = branch + 4 * (bytes.readUInt32LE(branch) & 0x3ff_ffff) - entry;
  const first = offsets.findIndex((offset) => offset + shift >= 0);
  return { offsets: offsets.subarray(first).map((offset) => offset + shift), names: names.slice(first) };
}

/** B, in the highest six bits. */
const BRANCH = 0b000101;
