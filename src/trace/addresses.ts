/**
 * How the addresses of an `accesses` packet are coded into bytes. The format:
 *
 * Eight streams, each with the last address seen in its 4 KiB page; all zero at the start of a packet. Each address is one
 * token: bits 7 to 5 the stream, bits 4 to 0 the code. Values that follow are little-endian.
 *
 *     0 … 27   the stream's address + SMALL_DELTAS[code]
 *     28       the stream's address + a signed byte that follows
 *     29       the stream's address + a signed 16-bit value that follows
 *     30       the address before (of any stream) + a signed 32-bit value that follows
 *     31       an address of 48 bits that follows
 *
 * The stream's address becomes the one decoded. Which stream the encoder takes is its own affair: ours takes the one in
 * the same page, else replaces the streams in turn. A loop then repeats its tokens, which is what ZSTD likes.
 * A change of this format raises FORMAT_VERSION.
 */
export const SMALL_DELTAS = [
  0, 8, -8, 16, -16, 24, -24, 32, -32, 4, -4, 1, -1, 2, -2, 12, -12, 48, -48, 64, -64, 40, -40, 96, -96, 80,
  -80, 56,
] as const;

export const STREAMS = 8;
export const CODE_BYTE = 28;
export const CODE_HALF = 29;
export const CODE_WORD = 30;
export const CODE_ADDRESS = 31;
/** The longest token. */
export const MAX_TOKEN_BYTES = 7;
