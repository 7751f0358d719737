/**
 * The recording's directory and the JSON files in it.
 *
 *   recording.json          what was run and how it ended; there from the start with `finished: false`, sealed
 *   host.json               facts of the host, outside every comparison; sealed
 *   epochs/000001.json      commits epoch 1: its segments and its checkpoint; sealed
 *   flow-000001.arrow, …    one segment for each table with rows in the epoch
 *   checkpoints/000001.bin  the machine's state at the end of epoch 1
 *
 * A file that no epoch manifest names was not committed: what a kill or a full disk left behind.
 */
import { join } from 'node:path';
import { FORMAT_VERSION, type TableName } from './schema.ts';

const numbered = (n: number) => String(n).padStart(6, '0');

export const recordingFile = (directory: string) => join(directory, 'recording.json');
export const hostFile = (directory: string) => join(directory, 'host.json');
export const epochsDirectory = (directory: string) => join(directory, 'epochs');
export const checkpointsDirectory = (directory: string) => join(directory, 'checkpoints');
export const epochFile = (directory: string, epoch: number) =>
  join(epochsDirectory(directory), `${numbered(epoch)}.json`);
export const segmentName = (table: TableName, epoch: number) => `${table}-${numbered(epoch)}.arrow`;
export const checkpointName = (epoch: number) => `checkpoints/${numbered(epoch)}.bin`;

/** A record batch of a segment: icounts are of its rows, inclusive; digests are of its decoded columns. */
export interface BatchFacts {
  readonly rows: number;
  readonly firstIcount: number;
  readonly lastIcount: number;
  readonly digests: { readonly [column: string]: string };
}

export interface SegmentFacts {
  readonly table: TableName;
  readonly file: string;
  readonly rows: number;
  readonly bytes: number;
  /** SHA-256 of the file's bytes: tells damage, and is outside comparisons since a compressor may change it. */
  readonly checksum: string;
  /** SHA-256 of the file's footer, and of its messages without their bodies: what a reader checks before it decodes them. */
  readonly footer: string;
  readonly messages: string;
  /** Digest of the dictionary of each text column. */
  readonly dictionaries: { readonly [column: string]: string };
  readonly batches: readonly BatchFacts[];
}

/** A named part of a checkpoint's file: zstd-compressed bytes at [offset, offset + bytes). */
export interface SectionFacts {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
  readonly rawBytes: number;
  /** SHA-256 of the raw bytes. */
  readonly digest: string;
}

export interface CheckpointFacts {
  readonly file: string;
  readonly bytes: number;
  readonly checksum: string;
  /** Number of pages that changed since the checkpoint before. */
  readonly pages: number;
  readonly sections: readonly SectionFacts[];
}

export interface EpochFacts {
  readonly epoch: number;
  /** The epoch covers instructions [firstIcount, endIcount) and event numbers [firstSeq, endSeq). */
  readonly firstIcount: number;
  readonly endIcount: number;
  readonly firstSeq: number;
  readonly endSeq: number;
  readonly endTimeNs: number;
  /** Chained state hash at the end, as the machine gives it. */
  readonly stateHash: string;
  /** Digest of the epoch before's manifest, so that none is missing or exchanged; empty for the first. */
  readonly previous: string;
  readonly segments: readonly SegmentFacts[];
  readonly checkpoint: CheckpointFacts | null;
}

export interface RecordingFacts {
  readonly formatVersion: number;
  readonly finished: boolean;
  /** How to run it again: machine, images, options. The machine's own; opaque here. */
  readonly recipe: { readonly [name: string]: unknown };
  /** SHA-256 of each image, by its name in the recipe. */
  readonly images: { readonly [name: string]: string };
  /** The rest once finished: why it ended, and totals. */
  readonly reason?: string;
  readonly epochs?: number;
  readonly instructions?: number;
  readonly timeNs?: number;
  readonly rows?: { readonly [table: string]: number };
  readonly stateHashes?: readonly string[];
  /** Digest of the last epoch's manifest. */
  readonly lastEpoch?: string;
}

/** What recording.json says while the recording runs. */
export const startOfRecording = (
  recipe: RecordingFacts['recipe'],
  images: RecordingFacts['images'],
): RecordingFacts => ({ formatVersion: FORMAT_VERSION, finished: false, recipe, images });
