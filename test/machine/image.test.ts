import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bootStub, parseLinuxImage, placeLinux, unpackImage } from '../../src/machine/image.ts';
import { UserError } from '../../src/user-error.ts';
import { linuxImage, zboot } from './linux_image.ts';

const MiB = 2 ** 20;

test('The header gives text_offset and image_size, and a file without the magic is no Image', () => {
  const image = linuxImage({ textOffset: 0x80000n, imageSize: 0x410000n });
  expect(parseLinuxImage(image, 'x')).toEqual({ textOffset: 0x80000, imageSize: 0x410000 });
  expect(parseLinuxImage(image.subarray(0, 63), 'x')).toBeUndefined();
  expect(parseLinuxImage(new Uint8Array(4096), 'x')).toBeUndefined();
});

test('A big-endian Image and absurd sizes are refused', () => {
  expect(() => parseLinuxImage(linuxImage({ flags: 0xbn }), 'x')).toThrow(/^x: a big-endian Linux Image/);
  expect(() => parseLinuxImage(linuxImage({ imageSize: 2n ** 63n }), 'x')).toThrow(UserError);
});

describe('Packed images', () => {
  const image = linuxImage({ imageSize: 0x10000n, length: 9000 });
  test.each([
    ['plain', image],
    ['gzip', gzipSync(image)],
    ['zstd', zstdCompressSync(image)],
    ['gzip in an EFI zboot wrapper', zboot(gzipSync(image), 'gzip')],
    ['zstd in an EFI zboot wrapper', zboot(zstdCompressSync(image), 'zstd22')],
  ])('%s unpacks to the image', (_, packed) => {
    expect(new Uint8Array(unpackImage(packed, 'x'))).toEqual(image);
  });

  test.each<[string, Uint8Array, RegExp]>([
    ['cut gzip', gzipSync(image).subarray(0, 60), /^x: damaged compressed image/],
    ['gzip magic only', Uint8Array.of(0x1f, 0x8b), /^x: damaged compressed image/],
    [
      'gzip of 257 MiB',
      gzipSync(new Uint8Array(257 * MiB), { level: 1 }),
      /^x: unpacks to more than 256 MiB/,
    ],
    ['xz', Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0), /^x: packed with xz: unpack it first/],
    ['lz4', Uint8Array.of(0x02, 0x21, 0x4c, 0x18), /^x: packed with lz4/],
    [
      'zboot with xz',
      zboot(Uint8Array.of(0xfd, 0x37), 'xzkern'),
      /^x: an EFI zboot image packed with xzkern/,
    ],
    [
      'cut zboot',
      zboot(gzipSync(image), 'gzip').subarray(0, 100),
      /^x: truncated EFI zboot image: its payload ends/,
    ],
    [
      'zboot header only',
      zboot(gzipSync(image), 'gzip').subarray(0, 30),
      /^x: truncated EFI zboot image: 30 bytes/,
    ],
  ])('%s is refused', (_, packed, message) => {
    expect(() => unpackImage(packed, 'x')).toThrow(UserError);
    expect(() => unpackImage(packed, 'x')).toThrow(message);
  });

  test('Flipped bits give a user error or some bytes', () => {
    const packed = zboot(gzipSync(image), 'gzip');
    const flips = fc.array(fc.tuple(fc.nat(packed.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(flips, (changes) => {
        const damaged = packed.slice();
        for (const [at, value] of changes) damaged[at] ^= value;
        try {
          parseLinuxImage(unpackImage(damaged, 'x'), 'x');
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
        }
      }),
      { numRuns: 1000 },
    );
  });
});

/** Each row was read off `info roms` of QEMU 7.2; the sizes are the kernel's file and the initrd. */
test.each([
  ['no image_size', 0x80000, 0, 0x2000, 256, 100000, 0x40080000, 0x48000000, 0x48200000],
  ['text_offset in the first page', 0x800, 0x100000, 0x2000, 256, 100000, 0x40200800, 0x48000000, 0x48200000],
  ['text_offset behind it', 0x1000, 0x100000, 0x2000, 256, 100000, 0x40001000, 0x48000000, 0x48200000],
  ['an odd text_offset', 0x123456, 0x100001, 0x2000, 256, 100000, 0x40123456, 0x48000000, 0x48200000],
  ['a kernel beyond 128 MiB', 0, 0x9000000, 0x2000, 256, 100000, 0x40200000, 0x49200000, 0x49400000],
  ['Debian-like, no initrd', 0, 0x410000, 0x3d4808, 256, 0, 0x40200000, 0x48000000, 0x48000000],
  ['little RAM', 0, 0x410000, 0x3d4808, 64, 100000, 0x40200000, 0x42000000, 0x42200000],
  ['very little RAM', 0, 0x410000, 0x3d4808, 10, 100000, 0x40200000, 0x40610000, 0x40800000],
  ['much RAM', 0, 0x410000, 0x3d4808, 1024, 100000, 0x40200000, 0x48000000, 0x48200000],
  ['a large initrd', 0x80000, 0x100000, 0x2000, 256, 100000000, 0x40080000, 0x48000000, 0x4e000000],
])(
  'Placement with %s is QEMU’s',
  (_, textOffset, imageSize, fileSize, ram, initrdSize, kernel, initrd, tree) => {
    const place = placeLinux({ textOffset, imageSize }, fileSize, ram * MiB, initrdSize);
    expect([place.kernel, place.initrd, place.deviceTree]).toEqual([kernel, initrd, tree]);
  },
);

test('The boot stub is the words that QEMU’s monitor shows at the start of RAM', () => {
  const bytes = bootStub(0x40200000, 0x48200000);
  expect(Array.from(new Uint32Array(bytes.buffer))).toEqual([
    0x580000c0, 0xaa1f03e1, 0xaa1f03e2, 0xaa1f03e3, 0x58000084, 0xd61f0080, 0x48200000, 0, 0x40200000, 0,
  ]);
});
