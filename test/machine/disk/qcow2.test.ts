import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryDiskFile } from '../../../src/machine/disk/disk_file.ts';
import { type DiskImage, openDiskImage } from '../../../src/machine/disk/disk_image.ts';
import { zstdFrameLength } from '../../../src/machine/disk/zstd_frame.ts';
import { UserError } from '../../../src/user-error.ts';
import { sampleDisk } from './sample_disk.ts';

const fixture = (name: string) =>
  new Uint8Array(readFileSync(join(import.meta.dirname, 'fixtures', `${name}.qcow2`)));
const open = (bytes: Uint8Array): DiskImage => openDiskImage(new MemoryDiskFile(bytes), 'x.qcow2', undefined);

function whole(image: DiskImage, piece: number): Uint8Array {
  const bytes = new Uint8Array(image.size);
  for (let at = 0; at < bytes.length; at += piece)
    expect(image.read(at, bytes.subarray(at, at + piece))).toBe(true);
  return bytes;
}

describe('images that qemu-img made', () => {
  it.each(['version2-zlib', 'version3-zstd'])('%s reads as the disk it was made from', (name) => {
    for (const piece of [512, 5000, 2 ** 20])
      expect(Buffer.from(whole(open(fixture(name)), piece)).equals(sampleDisk())).toBe(true);
  });

  it('plain, zero, absent and compressed clusters read as qemu-img converts them', () => {
    const bytes = whole(open(fixture('version3-mixed')), 700);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(
      '218f70e706c3c87a3c1b526f4fbee3a663a65ae185f28f382737344a8e92e810',
    );
  });

  it('what is behind the end reads as zeros', () => {
    const target = new Uint8Array(1024).fill(7);
    expect(open(fixture('version3-mixed')).read(256 * 1024 - 512, target)).toBe(true);
    expect(target.subarray(0, 512).every((byte) => byte === 0x44)).toBe(true);
    expect(target.subarray(512).every((byte) => byte === 0)).toBe(true);
  });
});

describe('images that are refused, in one line', () => {
  const changed = (change: (view: DataView) => void) => {
    const bytes = fixture('version3-mixed');
    change(new DataView(bytes.buffer));
    return () => open(bytes);
  };
  it.each([
    ['a backing file', (view: DataView) => view.setUint32(12, 0x200), /has a backing file/],
    ['encryption', (view: DataView) => view.setUint32(32, 1), /is encrypted/],
    ['version 4', (view: DataView) => view.setUint32(4, 4), /version 4/],
    ['the corrupt mark', (view: DataView) => view.setUint32(76, 2), /marked as corrupt/],
    ['an external data file', (view: DataView) => view.setUint32(76, 4), /another file/],
    ['extended L2 entries', (view: DataView) => view.setUint32(76, 16), /extended L2/],
    ['an unknown feature', (view: DataView) => view.setUint32(72, 1), /unknown here/],
    ['clusters of 2^30', (view: DataView) => view.setUint32(20, 30), /damaged qcow2 header/],
    ['an L1 table that is too short', (view: DataView) => view.setUint32(36, 0), /damaged qcow2 header/],
  ] as const)('%s', (_, change, message) => {
    expect(changed(change)).toThrow(UserError);
    expect(changed(change)).toThrow(message);
  });
});

it('an image with any bytes changed is refused or read, and nothing else happens', () => {
  const names = ['version2-zlib', 'version3-zstd', 'version3-mixed'] as const;
  const images = Object.fromEntries(names.map((name) => [name, fixture(name)]));
  const position = fc.oneof(fc.nat(104), fc.nat(8192), fc.nat(60000));
  const changes = fc.array(fc.tuple(position, fc.nat(255)), { maxLength: 6, minLength: 1 });
  fc.assert(
    fc.property(fc.constantFrom(...names), changes, (name, list) => {
      const bytes = Uint8Array.from(images[name]);
      for (const [at, value] of list) if (at < bytes.length) bytes[at] = value;
      let image: DiskImage;
      try {
        image = open(bytes);
      } catch (error) {
        if (error instanceof UserError) return;
        throw error;
      }
      const target = new Uint8Array(4096);
      for (let at = 0; at < 256 * 1024; at += 4096) image.read(at, target);
    }),
    { numRuns: 300 },
  );
});

it('a zstd frame has the length that it was written with, and none when it is cut', () => {
  // printf 'hello hello hello' | zstd -c | xxd -p
  const frame = Buffer.from('28b52ffd04586500003068656c6c6f200100314a11a2ed1e0c', 'hex');
  expect(zstdFrameLength(Buffer.concat([frame, Buffer.from('what follows')]))).toBe(frame.length);
  for (let length = 0; length < frame.length; length++)
    expect(zstdFrameLength(frame.subarray(0, length))).toBeUndefined();
});
