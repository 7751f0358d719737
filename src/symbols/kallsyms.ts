/**
 * The table of names that a Linux kernel carries about itself (CONFIG_KALLSYMS), found in its Image.
 *
 * No header says where it is, so its parts are found by what they must look like (Linux scripts/kallsyms.c writes them): 256 tokens as
 * strings, of which those of the digits stand for themselves; behind them 256 16-bit indices that agree with them; before them the
 * number of names, the names, each a length and token numbers, and a marker for every 256 names; and the names' 32-bit offsets from the
 * lowest address, before the number of names in kernels up to 6.3, behind the indices in later ones.
 */
export interface KernelSymbols {
  /** Ascending, from the beginning of the Image. */
  readonly offsets: Uint32Array;
  readonly names: readonly string[];
}

const TOKENS = 256;
const NAMES_PER_MARKER = 256;
/** Longer than any kernel's (KSYM_NAME_LEN is 512). */
const NAME_BYTES_MAX = 1024;
/** The strings of ten neighbouring tokens. */
const DIGITS = Buffer.from([...'0123456789'].map((digit) => `${digit}\0`).join(''));

const align8 = (offset: number) => (offset + 7) & ~7;

/** Undefined where the image holds no such table. */
export function findKallsyms(image: Uint8Array): KernelSymbols | undefined {
  const bytes = Buffer.from(image.buffer, image.byteOffset, image.length);
  for (let at = bytes.indexOf(DIGITS); at >= 0; at = bytes.indexOf(DIGITS, at + 1)) {
    const found = readAround(bytes, at);
    if (found) return found;
  }
  return undefined;
}

function readAround(bytes: Buffer, digits: number): KernelSymbols | undefined {
  const tokens = tokenTable(bytes, digits);
  if (!tokens) return undefined;
  const names = namesBefore(bytes, tokens.start);
  if (!names) return undefined;
  const offsets = offsetsOf(bytes, names.start, tokens.end, names.count);
  return offsets && symbols(bytes, expand(bytes, names, tokens.strings), offsets);
}

interface Tokens {
  readonly start: number;
  /** Behind the indices. */
  readonly end: number;
  readonly strings: readonly string[];
}

/** The table that has the digits' tokens at `digits`: token 48 is "0". */
function tokenTable(bytes: Buffer, digits: number): Tokens | undefined {
  let second = digits;
  for (let token = 0x30; token > 1; token--) second = bytes.lastIndexOf(0, second - 2) + 1;
  // No zero needs to be before the first one, but it is aligned.
  const least = bytes.lastIndexOf(0, second - 2) + 1;
  if (least <= 0 || digits - least > NAME_BYTES_MAX * TOKENS) return undefined;
  for (let start = (second - 2) & ~7; start >= least; start -= 8) {
    const table = tokensFrom(bytes, start);
    if (table) return table;
  }
  return undefined;
}

function tokensFrom(bytes: Buffer, start: number): Tokens | undefined {
  const strings: string[] = [];
  const places: number[] = [];
  let end = start;
  for (let token = 0; token < TOKENS; token++) {
    const zero = bytes.indexOf(0, end);
    if (zero < 0) return undefined;
    places.push(end - start);
    strings.push(bytes.toString('latin1', end, zero));
    end = zero + 1;
  }
  const index = align8(end);
  if (index + 2 * TOKENS > bytes.length) return undefined;
  if (places.some((place, token) => bytes.readUInt16LE(index + 2 * token) !== place)) return undefined;
  return { start, end: align8(index + 2 * TOKENS), strings };
}

interface Names {
  readonly start: number;
  readonly count: number;
}

/** Bounds on the bytes of a name with what belongs to it, for a first look. */
const BYTES_PER_NAME = { least: 4, most: 64 } as const;
const NAMES_MIN = 256;

/**
 * The number of names, and behind it names, markers and (since Linux 6.2 and its backports) three bytes a name that sort them, which together
 * reach up to the tokens.
 */
function namesBefore(bytes: Buffer, tokens: number): Names | undefined {
  for (let at = (tokens - 8) & ~7; at >= 8; at -= 8) {
    if (bytes.readUInt32LE(at + 4) !== 0) continue;
    const count = bytes.readUInt32LE(at);
    const length = tokens - at;
    if (count < NAMES_MIN || length < BYTES_PER_NAME.least * count || length > BYTES_PER_NAME.most * count)
      continue;
    const start = at + 8;
    const second = skipNames(bytes, start, NAMES_PER_MARKER) - start;
    const markers = align8(skipNames(bytes, start, count));
    const end = align8(markers + 4 * Math.ceil(count / NAMES_PER_MARKER));
    const reaches = end === tokens || end + align8(3 * count) === tokens;
    if (reaches && bytes.readUInt32LE(markers) === 0 && bytes.readUInt32LE(markers + 4) === second)
      return { start, count };
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

/** The names with their type letter in front. */
function expand(bytes: Buffer, { start, count }: Names, tokens: readonly string[]): string[] {
  const names: string[] = [];
  for (let i = 0, at = start; i < count; i++) {
    const { length, head } = lengthAt(bytes, at);
    let name = '';
    for (const token of bytes.subarray(at + head, at + head + length)) name += tokens[token];
    names.push(name);
    at += head + length;
  }
  return names;
}

/** Ascending, from the table's lowest address. */
function offsetsOf(
  bytes: Buffer,
  namesStart: number,
  tokensEnd: number,
  count: number,
): Uint32Array | undefined {
  const relativeBaseBefore = namesStart - 16;
  for (const start of [relativeBaseBefore - align8(4 * count), tokensEnd]) {
    if (start < 0 || start + 4 * count > bytes.length) continue;
    const offsets = Uint32Array.from({ length: count }, (_, i) => bytes.readUInt32LE(start + 4 * i));
    if (offsets.every((offset, i) => i === 0 || offset >= offsets[i - 1]) && offsets[count - 1] > 0)
      return offsets;
  }
  return undefined;
}

/**
 * Offsets from the Image's beginning. The table's lowest address is not known before the kernel runs; but the Image's first or
 * second word is a branch to `primary_entry` (`stext` before Linux 5.8), which is in the table.
 */
function symbols(bytes: Buffer, typed: readonly string[], offsets: Uint32Array): KernelSymbols | undefined {
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
