/** What the compressor's buffers do. */
import { zstdDecompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { compressed, giveBack } from '../../src/trace/encode/zstd.ts';

test('the memory of a large result is given back at once, that of one which shares its memory is left alone', () => {
  const large = new Uint8Array(2 ** 20).map((_, i) => i * i);
  const result = compressed(large, {});
  expect(zstdDecompressSync(result).equals(large)).toBe(true);
  giveBack(result);
  expect(result.length).toBe(0);
  const [one, other] = [Buffer.allocUnsafe(100).fill(1), Buffer.allocUnsafe(100).fill(2)];
  expect(one.buffer).toBe(other.buffer);
  giveBack(one);
  expect([...other]).toEqual(new Array(100).fill(2));
});

test('shared memory is not given back', () => {
  const shared = new Uint8Array(new SharedArrayBuffer(2 ** 20));
  giveBack(shared);
  expect(shared.length).toBe(2 ** 20);
});
