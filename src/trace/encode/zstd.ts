/** ZSTD, as everything in a recording is compressed. */
import { zstdCompressSync } from 'node:zlib';

/** With room for the largest result ZSTD compresses in one pass; else it copies its input, and searches the copy more slowly. */
export const compressed = (bytes: Uint8Array, params: { readonly [parameter: number]: number }): Uint8Array =>
  zstdCompressSync(bytes, { params, chunkSize: bytes.length + (bytes.length >>> 8) + 64 });
