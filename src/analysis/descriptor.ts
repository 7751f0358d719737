/** A translation table descriptor in words. Arm ARM D8.3, 4 KiB granule names; attributes are the same for all granules. */

export interface DescriptorWords {
  readonly valid: boolean;
  readonly type: 'invalid' | 'table' | 'block' | 'page' | 'reserved';
  readonly output: bigint;
  readonly words: string;
}

const OUTPUT = 0x0000_ffff_ffff_f000n;

export function describeDescriptor(descriptor: bigint, level: number, stage: number): DescriptorWords {
  const bit = (n: bigint) => Number((descriptor >> n) & 1n);
  const valid = bit(0n) === 1;
  const isTable = bit(1n) === 1;
  const type = !valid
    ? 'invalid'
    : level === 3
      ? isTable
        ? 'page'
        : 'reserved'
      : isTable
        ? 'table'
        : level === 0
          ? 'reserved'
          : 'block';
  const output = descriptor & OUTPUT;
  if (!valid)
    return { valid, type, output, words: descriptor === 0n ? 'invalid: zero' : 'invalid: bit 0 is 0' };
  if (type === 'reserved')
    return { valid: false, type, output, words: 'reserved encoding: faults as invalid' };
  if (type === 'table') return { valid, type, output, words: `table at 0x${output.toString(16)}` };
  const attributes =
    stage === 2
      ? [
          `S2AP ${['no access', 'read-only', 'write-only', 'read-write'][Number((descriptor >> 6n) & 3n)]}`,
          bit(10n) ? 'AF' : 'AF clear',
          bit(54n) ? 'XN' : 'executable',
        ]
      : [
          `AP ${['EL1 read-write', 'read-write', 'EL1 read-only', 'read-only'][Number((descriptor >> 6n) & 3n)]}`,
          bit(10n) ? 'AF' : 'AF clear',
          bit(53n) ? 'PXN' : 'not PXN',
          bit(54n) ? 'UXN' : 'not UXN',
          bit(11n) ? 'nG' : 'global',
        ];
  return { valid, type, output, words: `${type} at 0x${output.toString(16)}, ${attributes.join(', ')}` };
}
