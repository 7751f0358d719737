/**
 * Writes a recording's epochs. Runs in the worker; has no state that is not of one recording.
 *
 * Order of an epoch: every segment and the checkpoint are written aside, synced and renamed; then the manifest, which
 * commits them all at once, in the same manner.
 */
import { join } from 'node:path';
import type { Batch } from './columns.ts';
import { seal, sha256 } from './digest.ts';
import { syncDirectory, writeDurably } from './durable_file.ts';
import { type Checkpoint, writeCheckpoint } from './encode/checkpoint.ts';
import { PacketTables } from './encode/packet_tables.ts';
import { SegmentWriter } from './encode/segment.ts';
import * as layout from './layout.ts';
import { PacketBuffer } from './raw_packet.ts';
import { TABLES, type TableName } from './schema.ts';
import { writeError } from './write_error.ts';
import { WORKER_BASE } from './writer_channel.ts';

/** What closes an epoch. */
export interface EpochEnd {
  readonly endIcount: number;
  readonly endSeq: number;
  readonly endTimeNs: number;
  readonly stateHash: string;
  readonly checkpoint: Checkpoint | null;
  readonly tables: { readonly [table in TableName]?: Batch };
}

/** What ends a recording. */
export interface RecordingEnd {
  readonly reason: string;
  readonly recipe: { readonly [name: string]: unknown };
  readonly images: { readonly [name: string]: string };
  readonly host: { readonly [name: string]: unknown };
}

export class Writer {
  readonly #directory: string;
  #epoch = 1;
  #segments = new Map<TableName, SegmentWriter>();
  readonly #memory: WebAssembly.Memory;
  readonly #packets: PacketTables;
  #firstIcount: number;
  #firstSeq = 0;
  #timeNs = 0;
  #previous = '';
  readonly #stateHashes: string[] = [];
  readonly #rows = new Map<TableName, number>();

  /** The first epoch begins at `firstIcount`. Packets come in `memory`, which is the writer's own from WORKER_BASE on. */
  constructor(directory: string, firstIcount: number, memory: WebAssembly.Memory) {
    this.#directory = directory;
    this.#firstIcount = firstIcount;
    this.#memory = memory;
    this.#packets = new PacketTables(memory, WORKER_BASE, (table, batch) =>
      this.#segment(table).write(batch),
    );
  }

  /** Takes the records in `length` bytes of the memory from `start` on; they may be overwritten afterwards. */
  addPackets(start: number, length: number): void {
    this.#failing(() => {
      const records = new PacketBuffer(this.#memory.buffer, start, length);
      for (let at = 0; at < length; ) {
        const { packet, accessesSeq, valuesSeq, end } = records.get(at);
        this.#packets.add(packet, accessesSeq, valuesSeq);
        at = end;
      }
    });
  }

  closeEpoch(end: EpochEnd): void {
    this.#failing(() => this.#closeEpoch(end));
  }

  #closeEpoch({ tables, checkpoint, ...end }: EpochEnd): void {
    this.#packets.flush();
    for (const [table, batch] of Object.entries(tables)) this.#segment(table as TableName).write(batch);
    const segments: layout.SegmentFacts[] = [];
    // In the order of the schema, so that the manifest does not depend on which table had a row first.
    for (const table of Object.keys(TABLES) as TableName[]) {
      const segment = this.#segments.get(table);
      if (segment === undefined) continue;
      const facts = { table, file: layout.segmentName(table, this.#epoch), ...segment.commit() };
      this.#segments.delete(table);
      this.#rows.set(table, (this.#rows.get(table) ?? 0) + facts.rows);
      segments.push(facts);
    }
    const file = layout.checkpointName(this.#epoch);
    const written = checkpoint && writeCheckpoint(join(this.#directory, file), file, checkpoint);
    syncDirectory(this.#directory);
    if (written !== null) syncDirectory(layout.checkpointsDirectory(this.#directory));
    const facts: layout.EpochFacts = {
      epoch: this.#epoch,
      firstIcount: this.#firstIcount,
      endIcount: end.endIcount,
      firstSeq: this.#firstSeq,
      endSeq: end.endSeq,
      endTimeNs: end.endTimeNs,
      stateHash: end.stateHash,
      previous: this.#previous,
      segments,
      checkpoint: written,
    };
    const text = seal(facts);
    writeDurably(layout.epochFile(this.#directory, this.#epoch), text);
    this.#previous = sha256(text);
    this.#stateHashes.push(end.stateHash);
    this.#firstIcount = end.endIcount;
    this.#firstSeq = end.endSeq;
    this.#timeNs = end.endTimeNs;
    this.#epoch += 1;
  }

  finish({ reason, recipe, images, host }: RecordingEnd): void {
    this.#failing(() => {
      writeDurably(layout.hostFile(this.#directory), seal(host));
      const { formatVersion } = layout.startOfRecording(recipe, images);
      const facts: layout.RecordingFacts = {
        formatVersion,
        finished: true,
        recipe,
        images,
        reason,
        epochs: this.#epoch - 1,
        instructions: this.#firstIcount,
        timeNs: this.#timeNs,
        rows: Object.fromEntries(this.#rows),
        stateHashes: this.#stateHashes,
        lastEpoch: this.#previous,
      };
      writeDurably(layout.recordingFile(this.#directory), seal(facts));
    });
  }

  #segment(table: TableName): SegmentWriter {
    let segment = this.#segments.get(table);
    if (segment === undefined) {
      segment = new SegmentWriter(table, join(this.#directory, layout.segmentName(table, this.#epoch)));
      this.#segments.set(table, segment);
    }
    return segment;
  }

  /** Runs `write`; an error of the file system becomes the user's line, and the half-written files go away. */
  #failing(write: () => void): void {
    try {
      write();
    } catch (error) {
      for (const segment of this.#segments.values()) segment.abandon();
      this.#segments.clear();
      throw writeError(this.#directory, error, this.#epoch - 1);
    }
  }
}
