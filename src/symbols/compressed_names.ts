/**
 * A list of names as Linux and Xen keep it inside themselves. Linux scripts/kallsyms.c and Xen tools/symbols.c write it, which are of one
 * origin: the number of names; the names, each a length and numbers of tokens; a marker for every 256 names, which is where they begin;
 * 256 tokens as strings; and where each of those begins, in 16 bits. No header says where it is, so it is found by how its parts
 * agree. Linux aligns each part to 8 bytes, Xen for Arm to 256.
 */
export interface CompressedNames {
  /** Offset of the number of names, and behind the last of the tokens' indices. */
  readonly start: number;
  readonly end: number;
  /** In the order of the table, with their type letter in front. */
  readonly names: readonly string[];
}

const TOKENS = 256;
const NAMES_PER_MARKER = 256;
/** Longer than any kernel's token. */
const TOKEN_BYTES_MAX = 512;

export const alignTo = (offset: number, alignment: number) => Math.ceil(offset / alignment) * alignment;

/** Undefined where the image holds no such list; parts aligned to `alignment` bytes, a multiple of 8. */
export function findCompressedNames(image: Uint8Array, alignment: number): CompressedNames | undefined {
  const bytes = Buffer.from(image.buffer, image.byteOffset, image.length);
  for (let index = 0; index + 2 * TOKENS <= bytes.length; index += 8) {
    if (!isIndex(bytes, index)) continue;
    const tokens = tokensBefore(bytes, index, alignment);
    const names = tokens && namesBefore(bytes, tokens.start, alignment);
    if (tokens && names)
      return {
        start: names.start,
        end: alignTo(index + 2 * TOKENS, alignment),
        names: expand(bytes, names, tokens.strings),
      };
  }
  return undefined;
}

/** Whether 256 16-bit numbers ascend from 0, each by no more than a token's length. */
function isIndex(bytes: Buffer, at: number): boolean {
  let last = bytes.readUInt16LE(at);
  if (last !== 0) return false;
  for (let token = 1; token < TOKENS; token++) {
    const place = bytes.readUInt16LE(at + 2 * token);
    if (place <= last || place > last + TOKEN_BYTES_MAX) return false;
    last = place;
  }
  return true;
}

interface Tokens {
  readonly start: number;
  readonly strings: readonly string[];
}

/** The strings in front of an index that agrees with them. */
function tokensBefore(bytes: Buffer, index: number, alignment: number): Tokens | undefined {
  const places = Array.from({ length: TOKENS }, (_, token) => bytes.readUInt16LE(index + 2 * token));
  const last = places[TOKENS - 1];
  const least = index - last - TOKEN_BYTES_MAX - alignment;
  for (let start = alignTo(index - last - alignment, alignment); start > least; start -= alignment) {
    if (start < 0) return undefined;
    const ends = places.map((place) => bytes.indexOf(0, start + place));
    const end = ends[TOKENS - 1];
    const agree = ends.every(
      (zero, token) => zero >= 0 && (token === TOKENS - 1 || zero + 1 === start + places[token + 1]),
    );
    if (agree && alignTo(end + 1, alignment) === index)
      return {
        start,
        strings: places.map((place, token) => bytes.toString('latin1', start + place, ends[token])),
      };
  }
  return undefined;
}

interface Names {
  /** Of their number. */
  readonly start: number;
  readonly first: number;
  readonly count: number;
}

/** Bounds on the bytes of a name with what belongs to it, for a first look. */
const BYTES_PER_NAME = { least: 4, most: 64 } as const;
const NAMES_MIN = 256;

/**
 * The number of names, and behind it names, markers and (since Linux 6.2 and its backports) three bytes a name that sort them, which together
 * reach up to the tokens.
 */
function namesBefore(bytes: Buffer, tokens: number, alignment: number): Names | undefined {
  for (let start = tokens - alignment; start >= 8; start -= alignment) {
    if (bytes.readUInt32LE(start + 4) !== 0) continue;
    const count = bytes.readUInt32LE(start);
    const first = start + alignment;
    const length = tokens - first;
    if (count < NAMES_MIN || length < BYTES_PER_NAME.least * count) continue;
    if (length > BYTES_PER_NAME.most * count + 4 * alignment) continue;
    const second = skipNames(bytes, first, NAMES_PER_MARKER) - first;
    const markers = alignTo(skipNames(bytes, first, count), alignment);
    const end = alignTo(markers + 4 * Math.ceil(count / NAMES_PER_MARKER), alignment);
    const reaches = end === tokens || end + alignTo(3 * count, alignment) === tokens;
    if (reaches && bytes.readUInt32LE(markers) === 0 && bytes.readUInt32LE(markers + 4) === second)
      return { start, first, count };
  }
  return undefined;
}

/** A length of 128 and more has a second byte (since Linux 6.1). */
function lengthAt(bytes: Buffer, at: number): { readonly length: number; readonly head: 1 | 2 } {
  const low = bytes[at];
  return low & 0x80 ? { length: (low & 0x7f) | (bytes[at + 1] << 7), head: 2 } : { length: low, head: 1 };
}

function skipNames(bytes: Buffer, from: number, count: number): number {
  let at = from;
  for (let i = 0; i < count && at < bytes.length; i++) {
    const { length, head } = lengthAt(bytes, at);
    at += head + length;
  }
  return at;
}

function expand(bytes: Buffer, { first, count }: Names, tokens: readonly string[]): string[] {
  const names: string[] = [];
  for (let i = 0, at = first; i < count; i++) {
    const { length, head } = lengthAt(bytes, at);
    let name = '';
    for (const token of bytes.subarray(at + head, at + head + length)) name += tokens[token];
    names.push(name);
    at += head + length;
  }
  return names;
}
