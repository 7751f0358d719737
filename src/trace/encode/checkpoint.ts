/**
 * Writes a checkpoint: named sections as the machine gives them, then the pages that changed since the checkpoint before,
 * as an index of their addresses and groups of pages, so that a reader takes only the groups it needs.
 */
import { constants, zstdCompressSync } from 'node:zlib';
import { PAGE_SIZE } from '../../machine/memory.ts';
import { sha256 } from '../digest.ts';
import type { DurableFile } from '../durable_file.ts';
import type { CheckpointFacts, SectionFacts } from '../layout.ts';

/** The machine's state at an instant. */
export interface Checkpoint {
  /** CPUs, TLB, devices: bytes that only the machine understands, by name. */
  readonly sections: { readonly [name: string]: Uint8Array };
  /**
   * Physical addresses of the pages that changed since the checkpoint before, ascending. Blocks of disks are among them, with
   * addresses above all of RAM (machine/disk/overlay.ts).
   */
  readonly pageAddresses: BigUint64Array;
  /** Their contents, 4096 bytes each, in the same order. */
  readonly pageContents: Uint8Array;
}

export const PAGE_INDEX = 'pages';
export const PAGES_PER_GROUP = 256;
export const pageGroup = (n: number) => `pages/${n}`;

const OPTIONS = { params: { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 } };

/** Writes it aside: the caller puts it in its place, or abandons it. `name` is its path in the recording. */
export function writeCheckpoint(out: DurableFile, name: string, checkpoint: Checkpoint): CheckpointFacts {
  const { pageAddresses, pageContents } = checkpoint;
  const sections: SectionFacts[] = [];
  const add = (section: string, raw: Uint8Array) => {
    const packed = zstdCompressSync(raw, OPTIONS);
    sections.push({
      name: section,
      offset: out.position,
      bytes: packed.length,
      rawBytes: raw.length,
      digest: sha256(raw),
    });
    out.write(packed);
  };
  for (const [section, bytes] of Object.entries(checkpoint.sections)) add(section, bytes);
  add(PAGE_INDEX, new Uint8Array(pageAddresses.buffer, pageAddresses.byteOffset, pageAddresses.byteLength));
  const groupBytes = PAGES_PER_GROUP * PAGE_SIZE;
  for (let at = 0; at < pageContents.length; at += groupBytes)
    add(pageGroup(at / groupBytes), pageContents.subarray(at, at + groupBytes));
  return { file: name, bytes: out.position, checksum: out.checksum(), pages: pageAddresses.length, sections };
}
