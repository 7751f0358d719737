/** Images that qemu-img and qemu-io make, in many shapes, read here as qemu-img reads them. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HostDiskFile } from '../../src/machine/disk/disk_file.ts';
import { openDiskImage } from '../../src/machine/disk/disk_image.ts';

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'hindsight-images-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const KIB = 2 ** 10;
/** Larger than the chunks in which files are read, and no multiple of any cluster. */
const SIZE_KIB = 3 * KIB + 1;

const operation = fc
  .record({
    command: fc.constantFrom(
      'write -P 0x5a',
      'write -z',
      'write -z -u',
      'write -c -P 0xa5',
      'write -P 0',
      'discard',
    ),
    at: fc.nat(SIZE_KIB - 1),
    length: fc.integer({ min: 1, max: 600 }),
  })
  .map(({ command, at, length }) => ({ command, at, length: Math.min(length, SIZE_KIB - at) }));

const shape = fc.record({
  compat: fc.constantFrom('0.10', '1.1'),
  cluster: fc.constantFrom(512, 4096, 65_536, 2 ** 20),
  zstd: fc.boolean(),
  preallocation: fc.constantFrom('off', 'metadata', 'full'),
  operations: fc.array(operation, { maxLength: 12 }),
});

const quiet = { stdio: 'ignore' } as const;

test('any sequence of writes, zeroes and discards, compressed or not, in any size of cluster', () => {
  const [image, raw] = [join(scratch, 'image.qcow2'), join(scratch, 'image.raw')];
  fc.assert(
    fc.property(shape, ({ compat, cluster, zstd, preallocation, operations }) => {
      const compression = zstd && compat === '1.1' ? ',compression_type=zstd' : '';
      const options = `compat=${compat},cluster_size=${cluster},preallocation=${preallocation}${compression}`;
      execFileSync('qemu-img', ['create', '-f', 'qcow2', '-o', options, image, `${SIZE_KIB}K`], quiet);
      for (const { command, at, length } of operations) {
        // A compressed write is of whole clusters, up to the end of the disk.
        const unit = command.includes('-c') ? cluster / KIB : 1;
        const start = Math.floor(Math.floor(at / unit) * unit);
        const bytes = unit === 1 ? length : Math.min(Math.max(unit, 1), SIZE_KIB - start);
        const pattern = command.replace('0x5a', `0x${(at % 256).toString(16)}`);
        // Refused where a compressed write would hit a cluster that is there.
        spawnSync('qemu-io', ['-c', `${pattern} ${start}k ${bytes}k`, image], quiet);
      }
      execFileSync('qemu-img', ['convert', '-O', 'raw', image, raw], quiet);
      const expected = readFileSync(raw);
      const disk = openDiskImage(new HostDiskFile(image), image, undefined);
      expect(disk.size).toBe(expected.length);
      const bytes = new Uint8Array(disk.size);
      for (let at = 0; at < bytes.length; at += 100_000)
        expect(disk.read(at, bytes.subarray(at, at + 100_000))).toBe(true);
      expect(Buffer.compare(bytes, expected)).toBe(0);
    }),
    { numRuns: 40, endOnFailure: true },
  );
}, 600_000);

test('what qemu-img converts with compression is the same again', () => {
  const noise = join(scratch, 'noise.qcow2');
  for (const compression of ['zlib', 'zstd']) {
    const options = `compression_type=${compression}`;
    const source = '/usr/bin/qemu-img';
    execFileSync(
      'qemu-img',
      ['convert', '-c', '-f', 'raw', '-O', 'qcow2', '-o', options, source, noise],
      quiet,
    );
    const disk = openDiskImage(new HostDiskFile(noise), noise, 'qcow2');
    const expected = readFileSync(source);
    const bytes = new Uint8Array(expected.length);
    expect(disk.size).toBeGreaterThanOrEqual(expected.length);
    for (let at = 0; at < bytes.length; at += 2 ** 20)
      expect(disk.read(at, bytes.subarray(at, at + 2 ** 20))).toBe(true);
    expect(Buffer.compare(bytes, expected)).toBe(0);
  }
}, 600_000);
