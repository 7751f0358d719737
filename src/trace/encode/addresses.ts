/** Encodes the addresses of a packet; trace/addresses.ts has the format. */
import { CODE_ADDRESS, CODE_BYTE, CODE_HALF, CODE_WORD, SMALL_DELTAS, STREAMS } from '../addresses.ts';

/** Code of each small delta, at delta + 128; 0xff where there is none. */
const CODE_OF_DELTA = new Uint8Array(256).fill(0xff);
for (const [code, delta] of SMALL_DELTAS.entries()) CODE_OF_DELTA[delta + 128] = code;

/** Streams by a hash of their page: a guess that is checked. */
const GUESS_BITS = 8;

const low = new Int32Array(STREAMS);
const high = new Int32Array(STREAMS);
const guesses = new Uint8Array(2 ** GUESS_BITS);

/**
 * Encodes `count` addresses, given as pairs of 32-bit halves (low first; of the high half 16 bits count), into `out` from
 * `at`, where 7 bytes an address must fit. Returns the end.
 */
export function encodeAddresses(halves: Uint32Array, count: number, out: Uint8Array, at: number): number {
  low.fill(0);
  high.fill(0);
  guesses.fill(0);
  let victim = 0;
  let previousLow = 0;
  let previousHigh = 0;
  let end = at;
  for (let i = 0; i < 2 * count; i += 2) {
    const lo = halves[i] | 0;
    const hi = halves[i + 1] & 0xffff;
    // Multiplicative hashing: pages of arrays and stacks are often a power of two apart.
    const hash = Math.imul(lo >>> 12, 0x9e3779b1) >>> (32 - GUESS_BITS);
    let stream = guesses[hash];
    if (((low[stream] ^ lo) & ~0xfff) !== 0 || high[stream] !== hi) {
      // Two pages share the guess, or none has it: look at all streams.
      stream = STREAMS - 1;
      while (stream >= 0 && (((low[stream] ^ lo) & ~0xfff) !== 0 || high[stream] !== hi)) stream -= 1;
      if (stream >= 0) guesses[hash] = stream;
    }
    if (stream >= 0) {
      const from = low[stream];
      const delta = lo - from;
      low[stream] = lo;
      const code = delta >= -128 && delta < 128 ? CODE_OF_DELTA[delta + 128] : CODE_HALF;
      if (code < CODE_BYTE) {
        out[end++] = (stream << 5) | code;
      } else if (code === 0xff) {
        out[end++] = (stream << 5) | CODE_BYTE;
        out[end++] = delta;
      } else {
        out[end++] = (stream << 5) | CODE_HALF;
        out[end++] = delta;
        out[end++] = delta >> 8;
      }
    } else {
      guesses[hash] = victim;
      low[victim] = lo;
      high[victim] = hi;
      // Within 2 GiB of the address before: the difference, taken modulo 2^48, fits in 32 bits.
      const difference = (hi - previousHigh) * 2 ** 32 + ((lo >>> 0) - (previousLow >>> 0));
      const near = difference >= -(2 ** 31) && difference < 2 ** 31;
      const value = near ? difference | 0 : lo;
      out[end] = (victim << 5) | (near ? CODE_WORD : CODE_ADDRESS);
      out[end + 1] = value;
      out[end + 2] = value >> 8;
      out[end + 3] = value >> 16;
      out[end + 4] = value >> 24;
      end += 5;
      if (!near) {
        out[end++] = hi;
        out[end++] = hi >> 8;
      }
      victim = (victim + 1) & (STREAMS - 1);
    }
    previousLow = lo;
    previousHigh = hi;
  }
  return end;
}
