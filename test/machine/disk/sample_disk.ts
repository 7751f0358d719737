/** The contents of the sample images in fixtures: 256 KiB of text, zeros and, at the end, noise that does not compress. */
export function sampleDisk(): Uint8Array {
  const size = 256 * 1024;
  const disk = Buffer.alloc(size);
  for (let block = 0; block < size / 4096; block += 3)
    for (let sector = 0; sector < 8; sector++)
      disk.write(
        `block ${block} sector ${sector} `.repeat(20).slice(0, 512),
        block * 4096 + sector * 512,
        'latin1',
      );
  let noise = 1;
  for (let i = size - 4096; i < size; i++) {
    noise = (Math.imul(noise, 1664525) + 1013904223) >>> 0;
    disk[i] = noise >>> 24;
  }
  return new Uint8Array(disk);
}
