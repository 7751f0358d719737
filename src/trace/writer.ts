/**
 * Writes a recording's epochs. Runs in the worker; has no state that is not of one recording.
 *
 * Order of an epoch: every segment and the checkpoint are written aside, renamed and synced; when all of them and their names are on the
 * disk, the manifest gets its name, which commits them all at once. Segments are synced while the checkpoint is made, and while the disk
 * syncs an epoch the next one is encoded already; epochs are committed in their order.
 */
import { join } from 'node:path';
import { seal, sha256 } from './digest.ts';
import { DurableFile, syncPaths, textFile } from './durable_file.ts';
import { type Checkpoint, type PackedCheckpoint, writeCheckpoint } from './encode/checkpoint.ts';
import { PacketTables } from './encode/packet_tables.ts';
import { SegmentWriter } from './encode/segment.ts';
import { storeFilesByDigest } from './image_files.ts';
import * as layout from './layout.ts';
import { StoredPacket, StoredPackets } from './raw_packet.ts';
import { type ChunkFacts, chunkBatch } from './rows/chunk.ts';
import { TABLES, type TableName } from './schema.ts';
import { writeError } from './write_error.ts';
import { ROW_LAYOUT, WORKER_BASE } from './writer_channel.ts';

/** What closes an epoch. */
export interface EpochEnd {
  readonly endIcount: number;
  readonly endSeq: number;
  readonly endTimeNs: number;
  readonly stateHash: string;
  readonly checkpoint: Checkpoint | PackedCheckpoint | null;
}

/** How to run it again: plain JSON. */
export type Recipe = layout.RecordingFacts['recipe'];

/** A file that a recipe names. */
export interface NamedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What ends a recording. */
export interface RecordingEnd {
  readonly reason: string;
  readonly recipe: Recipe;
  readonly host: { readonly [name: string]: unknown };
}

export class Writer {
  readonly #directory: string;
  #epoch = 1;
  #segments = new Map<TableName, SegmentWriter>();
  /** Files of the present epoch. */
  #files: DurableFile[] = [];
  /** Its segments, when they have all their rows, and the disk's having them. */
  #ended: layout.SegmentFacts[] = [];
  #settling: Promise<unknown> = Promise.resolve();
  #committing: Promise<void> = Promise.resolve();
  /** The recipe's files, which the first epoch waits for. */
  #storing: Promise<unknown> = Promise.resolve();
  /** Their digests. */
  readonly #images: { [name: string]: string } = {};
  /** The last epoch that is. */
  #committed = 0;
  readonly #memory: WebAssembly.Memory;
  readonly #records: StoredPackets;
  readonly #packet = new StoredPacket();
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
    this.#records = new StoredPackets(memory.buffer);
    this.#packets = new PacketTables(memory, WORKER_BASE, (table, batch) =>
      this.#segment(table).write(batch),
    );
  }

  /** Takes the records in `length` bytes of the memory from `start` on; they may be overwritten afterwards. */
  addPackets(start: number, length: number): void {
    this.#failing(() => {
      for (let at = start; at < start + length; ) {
        at = this.#records.read(at, this.#packet);
        this.#packets.add(this.#packet);
      }
    });
  }

  /** Takes a chunk of events' rows, which may be overwritten afterwards. */
  addRows(chunk: ChunkFacts): void {
    this.#failing(() => {
      const table = ROW_LAYOUT.tables[chunk.table];
      this.#segment(table.table).write(chunkBatch(this.#memory, table, chunk));
    });
  }

  /** Keeps the files that the recipe names. */
  storeFiles(recipe: Recipe, files: readonly NamedFile[]): Promise<unknown> {
    const directory = this.#directory;
    const byDigest = new Map<string, Uint8Array>();
    for (const { name, bytes } of files) {
      const digest = sha256(bytes);
      this.#images[name] = digest;
      byDigest.set(digest, bytes);
    }
    const start = layout.startOfRecording(recipe, this.#images);
    textFile(layout.recordingFile(directory), seal(start)).place();
    this.#storing = storeFilesByDigest(directory, byDigest);
    return this.#storing;
  }

  /** The epoch has no more packets. */
  endPackets(): void {
    this.#failing(() => this.#packets.flush());
  }

  /** The epoch has no more rows. */
  endRows(): void {
    this.#failing(() => {
      // In the order of the schema, so that the manifest does not depend on which table had a row first.
      for (const table of Object.keys(TABLES) as TableName[]) {
        const segment = this.#segments.get(table);
        if (segment === undefined) continue;
        const facts = { table, file: layout.segmentName(table, this.#epoch), ...segment.end() };
        this.#rows.set(table, (this.#rows.get(table) ?? 0) + facts.rows);
        this.#ended.push(facts);
      }
      this.#segments.clear();
      this.#settling = Promise.all(this.#files.map((file) => file.settle()));
      // Whoever commits the epoch hears of an error.
      this.#settling.catch(() => {});
    });
  }

  /** Writes what closes an epoch; the promise is fulfilled when the epoch is committed. */
  closeEpoch(end: EpochEnd): Promise<void> {
    return this.#failing(() => this.#closeEpoch(end));
  }

  #closeEpoch({ checkpoint, ...end }: EpochEnd): Promise<void> {
    const segments = this.#ended;
    const settling = [this.#settling];
    const written = checkpoint && this.#writeCheckpoint(checkpoint, settling);
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
    const files = this.#files;
    this.#files = [];
    this.#ended = [];
    this.#committing = this.#commit(files, this.#epoch, text, [this.#committing, this.#storing, ...settling]);
    this.#previous = sha256(text);
    this.#stateHashes.push(end.stateHash);
    this.#firstIcount = end.endIcount;
    this.#firstSeq = end.endSeq;
    this.#timeNs = end.endTimeNs;
    this.#epoch += 1;
    return this.#committing;
  }

  #writeCheckpoint(
    checkpoint: Checkpoint | PackedCheckpoint,
    settling: Promise<unknown>[],
  ): layout.CheckpointFacts {
    const name = layout.checkpointName(this.#epoch);
    const file = this.#newFile(name);
    const facts = writeCheckpoint(file, name, checkpoint);
    settling.push(file.settle());
    return facts;
  }

  #newFile(name: string): DurableFile {
    const file = new DurableFile(join(this.#directory, name));
    this.#files.push(file);
    return file;
  }

  /** Commits an epoch of `files`, which have their names, after what is under way: the epoch before it, and their way to the disk. */
  async #commit(
    files: readonly DurableFile[],
    epoch: number,
    text: string,
    underWay: readonly Promise<unknown>[],
  ): Promise<void> {
    const directory = this.#directory;
    let uncommitted = files;
    try {
      // What the manifest commits is on the disk, and has its names there, before the manifest gets its own.
      const manifest = textFile(layout.epochFile(directory, epoch), text);
      uncommitted = [...files, manifest];
      // What the recorder wrote before the first epoch is as needed as the epoch.
      const early = epoch > 1 ? [] : [layout.recordingFile(directory)];
      const named = syncPaths([directory, layout.checkpointsDirectory(directory), ...early]);
      await Promise.all([...underWay, manifest.sync(), named]);
      manifest.place();
      uncommitted = [];
      await syncPaths([layout.epochsDirectory(directory)]);
      this.#committed = epoch;
    } catch (error) {
      for (const file of uncommitted) file.abandon();
      // How many epochs there are is told with the error.
      await Promise.allSettled(underWay);
      throw error;
    }
  }

  /** Commits the recording, behind its last epoch. */
  async finish({ reason, recipe, host }: RecordingEnd): Promise<void> {
    const directory = this.#directory;
    const images = this.#images;
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
    const files: DurableFile[] = [];
    try {
      files.push(textFile(layout.hostFile(directory), seal(host)));
      files.push(textFile(layout.recordingFile(directory), seal(facts)));
      await Promise.all([this.#committing, this.#storing, ...files.map((file) => file.sync())]);
      for (const file of files) file.place();
      await syncPaths([directory]);
    } catch (error) {
      for (const file of files) file.abandon();
      throw error;
    }
  }

  #segment(table: TableName): SegmentWriter {
    let segment = this.#segments.get(table);
    if (segment === undefined) {
      segment = new SegmentWriter(table, this.#newFile(layout.segmentName(table, this.#epoch)));
      this.#segments.set(table, segment);
    }
    return segment;
  }

  /** Runs `write`; after an error the half-written files go away. */
  #failing<T>(write: () => T): T {
    try {
      return write();
    } catch (error) {
      for (const file of this.#files) file.abandon();
      this.#files = [];
      throw error;
    }
  }

  /** What the user is told of an error, once it is known what could be committed before it. */
  async failure(error: unknown): Promise<unknown> {
    await this.#committing.catch(() => {});
    return writeError(this.#directory, error, this.#committed);
  }
}
