/**
 * Writes a checkpoint: named sections as the machine gives them, then the pages that changed since the checkpoint before,
 * as an index of their addresses and groups of pages, so that a reader takes only the groups it needs.
 */
import { constants } from 'node:zlib';
import { sha256 } from '../digest.ts';
import type { DurableFile } from '../durable_file.ts';
import type { CheckpointFacts, SectionFacts } from '../layout.ts';
import { compressed, giveBack } from './zstd.ts';

/** The machine's state at an instant. */
export interface Checkpoint {
  /** CPUs, TLB, devices: bytes that only the machine understands, by name. */
  readonly sections: { readonly [name: string]: Uint8Array };
  /**
   * Physical addresses of the pages that changed since the checkpoint before, ascending. Blocks of disks are among them, with
   * addresses above all of RAM (machine/disk/overlay.ts).
   */
  readonly pageAddresses: BigUint64Array;
  /** Their contents, 4096 bytes each, in the same order, in groups of PAGES_PER_GROUP. */
  readonly pageGroups: readonly Uint8Array[];
}

export const PAGE_INDEX = 'pages';
export const PAGES_PER_GROUP = 256;
export const pageGroup = (n: number) => `pages/${n}`;

const PARAMETERS = { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 };

/** A part of a checkpoint as it is in the file. */
export interface PackedSection {
  readonly name: string;
  readonly packed: Uint8Array<ArrayBuffer>;
  readonly rawBytes: number;
  readonly digest: string;
}

/** A checkpoint as it is in the file. */
export interface PackedCheckpoint {
  readonly pages: number;
  readonly packed: readonly PackedSection[];
}

function packSection(name: string, raw: Uint8Array): PackedSection {
  const result = compressed(raw, PARAMETERS);
  // In memory of its own, as small as it is: it may go to another thread.
  const packed = new Uint8Array(result);
  giveBack(result);
  return { name, packed, rawBytes: raw.length, digest: sha256(raw) };
}
export const packPageGroup = (n: number, pages: Uint8Array) => packSection(pageGroup(n), pages);

/** `groups`: of packPageGroup, in order. */
export function packedCheckpoint(
  { sections, pageAddresses }: Omit<Checkpoint, 'pageGroups'>,
  groups: readonly PackedSection[],
): PackedCheckpoint {
  const { buffer, byteOffset, byteLength } = pageAddresses;
  const packed = Object.entries(sections).map(([name, bytes]) => packSection(name, bytes));
  packed.push(packSection(PAGE_INDEX, new Uint8Array(buffer, byteOffset, byteLength)), ...groups);
  return { pages: pageAddresses.length, packed };
}

const packCheckpoint = (checkpoint: Checkpoint): PackedCheckpoint =>
  packedCheckpoint(
    checkpoint,
    checkpoint.pageGroups.map((pages, n) => {
      const section = packPageGroup(n, pages);
      giveBack(pages);
      return section;
    }),
  );

/**
 * Writes it aside: the caller puts it in its place, or abandons it. `name` is its path in the recording. Groups of pages are used up.
 */
export function writeCheckpoint(
  out: DurableFile,
  name: string,
  checkpoint: Checkpoint | PackedCheckpoint,
): CheckpointFacts {
  const { pages, packed } = 'packed' in checkpoint ? checkpoint : packCheckpoint(checkpoint);
  const sections = packed.map(({ packed, ...facts }): SectionFacts => {
    const { position: offset } = out;
    out.write(packed);
    return { name: facts.name, offset, bytes: packed.length, rawBytes: facts.rawBytes, digest: facts.digest };
  });
  return { file: name, bytes: out.position, checksum: out.checksum(), pages, sections };
}
