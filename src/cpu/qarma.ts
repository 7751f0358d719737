/**
 * QARMA-64 with five rounds and the S-box sigma 2: the cipher of FEAT_PACQARMA5 (ComputePACQARMA5 in the Arm ARM; R. Avanzi, "The
 * QARMA Block Cipher Family", 2017). A state is 16 cells of four bits; cell 0 is in bits 63:60.
 *
 * Every layer but the S-box is linear over exclusive or, so that it is a table of 256 values for each byte of the state: an
 * encryption takes about a microsecond.
 */

/** tau: the cell that each cell is taken from. */
const SHUFFLE = [0, 11, 6, 13, 10, 1, 12, 7, 5, 14, 3, 8, 15, 4, 9, 2];
/** h: the same of the tweak, whose cells 0, 1, 3, 4, 8, 11 and 13 then go through the shift register omega. */
const TWEAK_SHUFFLE = [6, 5, 14, 15, 0, 1, 2, 3, 7, 12, 13, 4, 8, 9, 10, 11];
const SHIFTED_CELLS = [0, 1, 3, 4, 8, 11, 13];
/** sigma 2. */
const SUBSTITUTE = [11, 6, 8, 15, 12, 0, 9, 14, 3, 7, 4, 5, 13, 2, 1, 10];
/** M = circ(0, rho, rho^2, rho): how far the cell a row below, mod 4, is rotated. It is its own inverse. */
const MIX = [undefined, 1, 2, 1];

const ALPHA = 0xc0ac_29b7_c97c_50ddn;
/** Digits of pi. */
const ROUND_CONSTANTS = [
  0n,
  0x1319_8a2e_0370_7344n,
  0xa409_3822_299f_31d0n,
  0x082e_fa98_ec4e_6c89n,
  0x4528_21e6_38d0_1377n,
];

type Cells = readonly number[];

const inverse = (permutation: readonly number[]) => permutation.map((_, i) => permutation.indexOf(i));
const permute = (cells: Cells, from: readonly number[]) => from.map((cell) => cells[cell]);
const rotate = (cell: number, by: number) => ((cell << by) | (cell >> (4 - by))) & 15;
const mix = (cells: Cells) =>
  cells.map((_, i) =>
    MIX.reduce<number>((sum, by, below) => {
      const other = cells[(i + 4 * below) % 16];
      return by === undefined ? sum : sum ^ rotate(other, by);
    }, 0),
  );
/** omega: (b3, b2, b1, b0) becomes (b0 + b1, b3, b2, b1). */
const shift = (cell: number) => (cell >> 1) | (((cell ^ (cell >> 1)) & 1) << 3);
const unshift = (cell: number) => ((cell << 1) & 15) | (((cell >> 3) ^ cell) & 1);
const shifting = (cells: Cells, by: (cell: number) => number) =>
  cells.map((cell, i) => (SHIFTED_CELLS.includes(i) ? by(cell) : cell));

/** For byte n of the state, counted from the lowest, and its value v: the words of the result at 2 (256 n + v), the lower first. */
type Table = Int32Array;

function tableOf(layer: (cells: Cells) => Cells): Table {
  const table = new Int32Array(8 * 256 * 2);
  for (let byte = 0; byte < 8; byte++)
    for (let value = 0; value < 256; value++) {
      const cells = Array<number>(16).fill(0);
      cells[15 - 2 * byte] = value & 15;
      cells[14 - 2 * byte] = value >> 4;
      const word = (part: Cells) => part.reduce((bits, cell) => ((bits << 4) | cell) >>> 0, 0);
      const result = layer(cells);
      table[2 * (256 * byte + value)] = word(result.slice(8));
      table[2 * (256 * byte + value) + 1] = word(result.slice(0, 8));
    }
  return table;
}

interface Tables {
  readonly forward: Table;
  readonly backward: Table;
  readonly unshuffle: Table;
  readonly tweak: Table;
  readonly untweak: Table;
  /** Of a byte: both of its cells. */
  readonly substitute: Uint8Array;
  readonly unsubstitute: Uint8Array;
}

const bytewise = (of: readonly number[]) =>
  Uint8Array.from({ length: 256 }, (_, b) => (of[b >> 4] << 4) | of[b & 15]);

let made: Tables | undefined;
/** Made when the first pointer is signed. */
function tables(): Tables {
  made ??= {
    forward: tableOf((cells) => mix(permute(cells, SHUFFLE))),
    backward: tableOf((cells) => permute(mix(cells), inverse(SHUFFLE))),
    unshuffle: tableOf((cells) => permute(cells, inverse(SHUFFLE))),
    tweak: tableOf((cells) => shifting(permute(cells, TWEAK_SHUFFLE), shift)),
    untweak: tableOf((cells) => permute(shifting(cells, unshift), inverse(TWEAK_SHUFFLE))),
    substitute: bytewise(SUBSTITUTE),
    unsubstitute: bytewise(inverse(SUBSTITUTE)),
  };
  return made;
}

/** 64 bits that layers change in place. */
class State {
  low = 0;
  high = 0;

  set({ low, high }: Words): void {
    this.low = low;
    this.high = high;
  }
  xor({ low, high }: Words): void {
    this.low ^= low;
    this.high ^= high;
  }
  apply(table: Table): void {
    const { low, high } = this;
    const a = (low & 255) << 1;
    const b = 512 + ((low >>> 7) & 510);
    const c = 1024 + ((low >>> 15) & 510);
    const d = 1536 + ((low >>> 23) & 510);
    const e = 2048 + ((high & 255) << 1);
    const f = 2560 + ((high >>> 7) & 510);
    const g = 3072 + ((high >>> 15) & 510);
    const h = 3584 + ((high >>> 23) & 510);
    this.low = table[a] ^ table[b] ^ table[c] ^ table[d] ^ table[e] ^ table[f] ^ table[g] ^ table[h];
    this.high =
      table[a + 1] ^
      table[b + 1] ^
      table[c + 1] ^
      table[d + 1] ^
      table[e + 1] ^
      table[f + 1] ^
      table[g + 1] ^
      table[h + 1];
  }
  substitute(box: Uint8Array): void {
    const word = (w: number) =>
      box[w & 255] | (box[(w >>> 8) & 255] << 8) | (box[(w >>> 16) & 255] << 16) | (box[w >>> 24] << 24);
    this.low = word(this.low);
    this.high = word(this.high);
  }
}

interface Words {
  readonly low: number;
  readonly high: number;
}
const long = new BigUint64Array(1);
const words = new Int32Array(long.buffer);
/** The two words of a 64-bit value, without arithmetic on BigInts. */
function split(value: bigint): Words {
  long[0] = value;
  return { low: words[0], high: words[1] };
}

const alpha = split(ALPHA);
const roundConstants = ROUND_CONSTANTS.map(split);

/** The 64-bit cipher text of `data`. All are unsigned 64 bit; `key0` is the whitening key w0, `key1` the core key k0. */
export function qarma5(data: bigint, tweak: bigint, key0: bigint, key1: bigint): bigint {
  const { forward, backward, unshuffle, tweak: tweakLayer, untweak, substitute, unsubstitute } = tables();
  const whitening = split(key0);
  const core = split(key1);
  // w1 = (w0 rotated right by one) + (w0 >> 63).
  const { low, high } = whitening;
  const last = { low: ((low >>> 1) | (high << 31)) ^ (high >>> 31), high: (high >>> 1) | (low << 31) };
  const t = new State();
  t.set(split(tweak));
  const state = new State();
  state.set(split(data));
  state.xor(whitening);
  for (let round = 0; round < roundConstants.length; round++) {
    state.xor(core);
    state.xor(t);
    state.xor(roundConstants[round]);
    if (round > 0) state.apply(forward);
    state.substitute(substitute);
    t.apply(tweakLayer);
  }

  // The reflector, between two rounds with the whitening keys in place of the core key.
  state.xor(last);
  state.xor(t);
  state.apply(forward);
  state.substitute(substitute);
  state.apply(forward);
  state.xor(core);
  state.apply(unshuffle);
  state.substitute(unsubstitute);
  state.apply(backward);
  state.xor(whitening);
  state.xor(t);

  for (let round = roundConstants.length - 1; round >= 0; round--) {
    state.substitute(unsubstitute);
    if (round > 0) state.apply(backward);
    t.apply(untweak);
    state.xor(core);
    state.xor(t);
    state.xor(roundConstants[round]);
    state.xor(alpha);
  }
  state.xor(last);
  words[0] = state.low;
  words[1] = state.high;
  return long[0];
}
