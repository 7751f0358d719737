/** Decodes the addresses of a packet; trace/addresses.ts has the format. */
import { CODE_ADDRESS, CODE_BYTE, CODE_HALF, CODE_WORD, SMALL_DELTAS, STREAMS } from '../addresses.ts';

const DELTAS = Int32Array.from(SMALL_DELTAS);
const low = new Uint32Array(STREAMS);
const high = new Uint32Array(STREAMS);

/** Bytes of each token by its code. */
const LENGTHS = Uint8Array.from({ length: 32 }, (_, code) =>
  code < CODE_BYTE ? 1 : code === CODE_BYTE ? 2 : code === CODE_HALF ? 3 : code === CODE_WORD ? 5 : 7,
);

/** Decodes `count` addresses; undefined when the bytes are not exactly that many tokens. */
export function decodeAddresses(bytes: Uint8Array, count: number): BigUint64Array | undefined {
  // Every address takes a byte at least: a count that was tampered with allocates no more than the bytes allow.
  if (count > bytes.length) return undefined;
  const addresses = new BigUint64Array(count);
  const halves = new Uint32Array(addresses.buffer);
  low.fill(0);
  high.fill(0);
  let previousLow = 0;
  let previousHigh = 0;
  let at = 0;
  for (let i = 0; i < 2 * count; i += 2) {
    if (at >= bytes.length) return undefined;
    const token = bytes[at];
    const stream = token >>> 5;
    const code = token & 31;
    let lo = low[stream];
    let hi = high[stream];
    if (code < CODE_BYTE) {
      // Streams stay within their page, so that no carry leaves the low half.
      lo = (lo + DELTAS[code]) >>> 0;
      at += 1;
    } else {
      const length = LENGTHS[code];
      if (at + length > bytes.length) return undefined;
      if (code === CODE_BYTE) lo = (lo + ((bytes[at + 1] << 24) >> 24)) >>> 0;
      else if (code === CODE_HALF) lo = (lo + (((bytes[at + 1] | (bytes[at + 2] << 8)) << 16) >> 16)) >>> 0;
      else {
        const word = bytes[at + 1] | (bytes[at + 2] << 8) | (bytes[at + 3] << 16) | (bytes[at + 4] << 24);
        if (code === CODE_ADDRESS) {
          lo = word >>> 0;
          hi = bytes[at + 5] | (bytes[at + 6] << 8);
        } else {
          const sum = previousLow + word;
          lo = sum >>> 0;
          hi = (previousHigh + Math.floor(sum / 2 ** 32)) & 0xffff;
        }
      }
      at += length;
    }
    low[stream] = lo;
    high[stream] = hi;
    halves[i] = lo;
    halves[i + 1] = hi;
    previousLow = lo;
    previousHigh = hi;
  }
  return at === bytes.length ? addresses : undefined;
}
