/** Where a zstd frame ends: RFC 8878, 3.1.1. Node's decompressor refuses a frame that something else follows. */

const MAGIC = 0xfd2f_b528;

/** Length in bytes of the frame that `bytes` begins with; undefined where there is none, or not all of it. */
export function zstdFrameLength(bytes: Uint8Array): number | undefined {
  if (bytes.length < 6) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(0, true) !== MAGIC) return undefined;
  const descriptor = bytes[4];
  const singleSegment = (descriptor >>> 5) & 1;
  const sizeBytes = [singleSegment, 2, 4, 8][descriptor >>> 6];
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3];
  let at = 5 + (1 - singleSegment) + dictionaryBytes + sizeBytes;
  for (;;) {
    if (at + 3 > bytes.length) return undefined;
    const header = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16);
    const runLength = ((header >>> 1) & 3) === 1;
    at += 3 + (runLength ? 1 : header >>> 3);
    if (header & 1) break;
  }
  const end = at + ((descriptor >>> 2) & 1) * 4;
  return end <= bytes.length ? end : undefined;
}
