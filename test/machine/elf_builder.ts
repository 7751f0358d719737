/** Makes small ELF files for the tests of those who read them. */

export interface TestSegment {
  readonly paddr: bigint;
  readonly vaddr?: bigint;
  readonly data: Uint8Array;
  readonly memsz?: bigint;
  readonly type?: number;
  readonly flags?: number;
}

export interface TestElf {
  readonly entry?: bigint;
  readonly type?: number;
  readonly machine?: number;
  readonly segments: readonly TestSegment[];
}

/** An ELF64 file without sections: header, program headers, then the segments' bytes one behind the other. */
export function buildElf({ entry, type = 2, machine = 183, segments }: TestElf): Uint8Array {
  const headers = 64 + 56 * segments.length;
  const bytes = new Uint8Array(headers + segments.reduce((sum, { data }) => sum + data.length, 0));
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, type, true);
  view.setUint16(18, machine, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(24, entry ?? segments[0]?.paddr ?? 0n, true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(52, 64, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, segments.length, true);
  view.setUint16(58, 64, true);
  let offset = headers;
  for (const [i, { paddr, vaddr = paddr, data, memsz, type: kind = 1, flags = 7 }] of segments.entries()) {
    const at = 64 + 56 * i;
    view.setUint32(at, kind, true);
    view.setUint32(at + 4, flags, true);
    view.setBigUint64(at + 8, BigInt(offset), true);
    view.setBigUint64(at + 16, vaddr, true);
    view.setBigUint64(at + 24, paddr, true);
    view.setBigUint64(at + 32, BigInt(data.length), true);
    view.setBigUint64(at + 40, memsz ?? BigInt(data.length), true);
    bytes.set(data, offset);
    offset += data.length;
  }
  return bytes;
}

/** A copy with one field changed. */
export function patched(bytes: Uint8Array, change: (view: DataView) => void): Uint8Array {
  const copy = bytes.slice();
  change(new DataView(copy.buffer));
  return copy;
}
