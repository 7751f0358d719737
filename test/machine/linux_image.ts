/** Makes small Linux Images for tests. */

export function linuxImage({
  textOffset = 0n,
  imageSize = 0x100000n,
  flags = 0xan,
  length = 8192,
}: {
  textOffset?: bigint;
  imageSize?: bigint;
  flags?: bigint;
  length?: number;
}): Uint8Array {
  const bytes = new Uint8Array(length).fill(0x5a, 64);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0xd503201f, true);
  view.setUint32(4, 0x14000000, true);
  view.setBigUint64(8, textOffset, true);
  view.setBigUint64(16, imageSize, true);
  view.setBigUint64(24, flags, true);
  bytes.set(Buffer.from('ARM\x64', 'latin1'), 56);
  return bytes;
}

/** The wrapper of CONFIG_EFI_ZBOOT: a header, the packed kernel, and the size that the kernel's build appends. */
export function zboot(payload: Uint8Array, packing: string): Uint8Array {
  const header = new Uint8Array(4096);
  header.set(Buffer.from('MZ\0\0zimg', 'latin1'));
  const view = new DataView(header.buffer);
  view.setUint32(8, header.length, true);
  view.setUint32(12, payload.length, true);
  header.set(Buffer.from(packing, 'latin1'), 24);
  return new Uint8Array(Buffer.concat([header, payload, Uint8Array.of(1, 2, 3, 4)]));
}
