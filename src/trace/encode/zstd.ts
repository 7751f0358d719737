/** ZSTD, as everything in a recording is compressed. */
import { zstdCompressSync } from 'node:zlib';

/** Room for the largest result: ZSTD_compressBound of zstd.h, and more. */
export const roomFor = (bytes: Uint8Array): number => bytes.length + (bytes.length >>> 8) + 64;

/** With room for the largest result ZSTD compresses in one pass; else it copies its input, and searches the copy more slowly. */
export const compressed = (bytes: Uint8Array, params: { readonly [parameter: number]: number }): Uint8Array =>
  zstdCompressSync(bytes, { params, chunkSize: roomFor(bytes) });

/**
 * Gives the memory of an array back at once, if it is the array's own and large: nobody reads it any more. A thread that compresses a
 * hundred megabytes in buffers of one would have its heap collected for them again and again.
 */
export function giveBack({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength > Buffer.poolSize) buffer.transfer(0);
}
