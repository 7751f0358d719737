/**
 * Linux arm64 `Image` files: the header (kernel Documentation/arm64/booting.rst, "Call the kernel image"), the ways in
 * which they come packed, and where QEMU 7.2's `-kernel` puts them, which we reproduce address by address.
 */
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { UserError } from '../user-error.ts';
import { RAM_BASE } from './virt_map.ts';

export interface LinuxImage {
  /** Where the kernel wants to begin, from a 2 MiB boundary. */
  readonly textOffset: number;
  /** Memory that the kernel claims from its beginning, with BSS; 0 in kernels before 3.17. */
  readonly imageSize: number;
}

const MAGIC_OFFSET = 56;
const HEADER_SIZE = 64;
const FLAG_BIG_ENDIAN = 1n;
/** What QEMU unpacks at most; it bounds what a hostile file can make us allocate. */
const UNPACKED_MAX = 256 * 2 ** 20;

/** The header; undefined where the file is no `Image`. */
export function parseLinuxImage(bytes: Uint8Array, file: string): LinuxImage | undefined {
  if (
    bytes.length < HEADER_SIZE ||
    Buffer.from(bytes.subarray(MAGIC_OFFSET, MAGIC_OFFSET + 4)).toString('latin1') !== 'ARM\x64'
  )
    return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [textOffset, imageSize] = [view.getBigUint64(8, true), view.getBigUint64(16, true)];
  if (view.getBigUint64(24, true) & FLAG_BIG_ENDIAN)
    throw new UserError(`${file}: a big-endian Linux Image: only little-endian images run here`);
  if (textOffset > Number.MAX_SAFE_INTEGER || imageSize > Number.MAX_SAFE_INTEGER)
    throw new UserError(
      `${file}: damaged Linux Image header: text_offset 0x${textOffset.toString(16)}, image_size 0x${imageSize.toString(16)}`,
    );
  return { textOffset: Number(textOffset), imageSize: Number(imageSize) };
}

const startsWith = (bytes: Uint8Array, ...magic: number[]) => magic.every((byte, i) => bytes[i] === byte);

/** Packings that node:zlib cannot undo, by their first bytes. */
const FOREIGN_PACKINGS: readonly (readonly [string, ...number[]])[] = [
  ['xz', 0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
  ['bzip2', 0x42, 0x5a, 0x68],
  ['lz4', 0x02, 0x21, 0x4c, 0x18],
  ['lz4', 0x04, 0x22, 0x4d, 0x18],
  ['lzop', 0x89, 0x4c, 0x5a, 0x4f],
];

/** The image inside gzip, zstd or an EFI zboot wrapper; other files as they are. */
export function unpackImage(bytes: Uint8Array, file: string): Uint8Array {
  const packed = isZboot(bytes) ? zbootPayload(bytes, file) : bytes;
  try {
    const limit = { maxOutputLength: UNPACKED_MAX };
    if (startsWith(packed, 0x1f, 0x8b)) return gunzipSync(packed, limit);
    if (startsWith(packed, 0x28, 0xb5, 0x2f, 0xfd)) return zstdDecompressSync(packed, limit);
  } catch (error) {
    const tooLong = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw new UserError(
      `${file}: ${tooLong ? 'unpacks to more than 256 MiB' : `damaged compressed image: ${(error as Error).message}`}`,
    );
  }
  const foreign = FOREIGN_PACKINGS.find(([, ...magic]) => startsWith(packed, ...magic));
  if (foreign) throw new UserError(`${file}: packed with ${foreign[0]}: unpack it first`);
  return packed;
}

/** A kernel built with CONFIG_EFI_ZBOOT: a PE file that begins with "MZ", then "zimg" at byte 4. */
const isZboot = (bytes: Uint8Array) =>
  startsWith(bytes, 0x4d, 0x5a) && Buffer.from(bytes.subarray(4, 8)).toString('latin1') === 'zimg';

/** Linux drivers/firmware/efi/libstub/zboot-header.S: payload offset at byte 8, size at 12, name of the packing at 24. */
function zbootPayload(bytes: Uint8Array, file: string): Uint8Array {
  if (bytes.length < HEADER_SIZE)
    throw new UserError(`${file}: truncated EFI zboot image: ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [offset, size] = [view.getUint32(8, true), view.getUint32(12, true)];
  if (offset + size > bytes.length)
    throw new UserError(
      `${file}: truncated EFI zboot image: its payload ends at byte ${offset + size}, the file at ${bytes.length}`,
    );
  const payload = bytes.subarray(offset, offset + size);
  if (!startsWith(payload, 0x1f, 0x8b) && !startsWith(payload, 0x28, 0xb5, 0x2f, 0xfd)) {
    const name = Buffer.from(bytes.subarray(24, 56))
      .toString('latin1')
      .replace(/\0.*$/s, '')
      .replace(/[^ -~]/g, '?');
    throw new UserError(
      `${file}: an EFI zboot image packed with ${name || 'nothing known'}: only gzip and zstd are unpacked here`,
    );
  }
  return payload;
}

/** Kernels without image_size, and without a valid text_offset, go here: the value that they were all linked for. */
const LEGACY_TEXT_OFFSET = 0x80000;
/** The boot stub has the first page of RAM: an image that would begin in it begins 2 MiB later. */
const STUB_ROOM = 0x1000;
const TWO_MIB = 2 * 2 ** 20;
const INITRD_OFFSET_MAX = 128 * 2 ** 20;

export interface LinuxPlacement {
  readonly kernel: number;
  /** End of the memory that the kernel claims: nothing else is placed below. */
  readonly kernelEnd: number;
  readonly initrd: number;
  readonly deviceTree: number;
}

const alignUp = (value: number, alignment: number) => Math.ceil(value / alignment) * alignment;

/**
 * Where QEMU 7.2 puts a kernel, its initrd (`initrdSize` may be 0) and its device tree. Found with `info roms` for images
 * made with text_offset 0, 0x800, 0x1000, 0x80000, 0x123456 and image_size 0 to 272 MiB, in 8 MiB to 1 GiB of RAM: the
 * initrd goes to half of RAM, at most 128 MiB up, but behind the kernel; the tree to the next 2 MiB boundary behind it.
 */
export function placeLinux(
  image: LinuxImage,
  fileSize: number,
  ram: number,
  initrdSize: number,
): LinuxPlacement {
  let offset = LEGACY_TEXT_OFFSET;
  if (image.imageSize !== 0)
    offset = image.textOffset < STUB_ROOM ? image.textOffset + TWO_MIB : image.textOffset;
  const kernel = RAM_BASE + offset;
  const kernelEnd = kernel + (image.imageSize === 0 ? fileSize : image.imageSize);
  const halfway = RAM_BASE + Math.min(Math.floor(ram / 2), INITRD_OFFSET_MAX);
  const initrd = alignUp(Math.max(halfway, kernelEnd), 4096);
  return { kernel, kernelEnd, initrd, deviceTree: alignUp(initrd + initrdSize, TWO_MIB) };
}

/**
 * The ten words at the start of RAM from which QEMU 7.2 starts a Linux Image, as `xp /10wx 0x40000000` shows them: they
 * load x0 with the device tree's address, clear x1 to x3 and branch through x4.
 */
export function bootStub(kernel: number, deviceTree: number): Uint8Array {
  const words = [
    0x580000c0, // ldr x0, word 6
    0xaa1f03e1, // mov x1, xzr
    0xaa1f03e2, // mov x2, xzr
    0xaa1f03e3, // mov x3, xzr
    0x58000084, // ldr x4, word 8
    0xd61f0080, // br x4
    deviceTree % 2 ** 32,
    Math.floor(deviceTree / 2 ** 32),
    kernel % 2 ** 32,
    Math.floor(kernel / 2 ** 32),
  ];
  const bytes = new Uint8Array(words.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [i, word] of words.entries()) view.setUint32(i * 4, word, true);
  return bytes;
}
