/**
 * Opens a recording for reading. Whatever the directory holds, the answer is a Recording or a UserError of one line; what
 * was not committed is not seen. Segments are read column by column when they are asked for.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../user-error.ts';
import { type Batch, TABLE_NAMES } from './columns.ts';
import { type MachineState, readCheckpoint } from './decode/checkpoint.ts';
import { damaged, SegmentReader } from './decode/segment.ts';
import { sha256, unseal } from './digest.ts';
import {
  checkpointName,
  type EpochFacts,
  epochFile,
  epochsDirectory,
  hostFile,
  type RecordingFacts,
  recordingFile,
  type SegmentFacts,
  segmentName,
} from './layout.ts';
import { FORMAT_VERSION, type TableName } from './schema.ts';

/** Rows by instruction: from inclusive, to exclusive. */
export interface IcountRange {
  readonly from?: number;
  readonly to?: number;
}

export interface CheckpointMark {
  readonly epoch: number;
  readonly icount: number;
  readonly timeNs: number;
  readonly stateHash: string;
}

export class Recording {
  readonly directory: string;
  readonly facts: RecordingFacts;
  /** Facts of the host, when it finished. */
  readonly host: { readonly [name: string]: unknown } | undefined;
  readonly epochs: readonly EpochFacts[];
  /** One line on what is missing; undefined when the recording is whole. */
  readonly incomplete: string | undefined;
  readonly #readers = new Map<string, SegmentReader>();

  constructor(
    directory: string,
    facts: RecordingFacts,
    host: Recording['host'],
    epochs: readonly EpochFacts[],
    incomplete: string | undefined,
  ) {
    this.directory = directory;
    this.facts = facts;
    this.host = host;
    this.epochs = epochs;
    this.incomplete = incomplete;
  }

  /** Number of instructions that are recorded. */
  get instructions(): number {
    return this.epochs.at(-1)?.endIcount ?? 0;
  }

  segments(table: TableName): readonly SegmentFacts[] {
    return this.epochs.flatMap(({ segments }) => segments.filter((segment) => segment.table === table));
  }

  rowCount(table: TableName): number {
    return this.segments(table).reduce((sum, { rows }) => sum + rows, 0);
  }

  /**
   * The record batches of a table that can hold rows of the range, in order of seq, with the named columns only. Batches are
   * whole: rows outside the range may be among them.
   */
  *batches(
    table: TableName,
    columns: readonly string[],
    { from = 0, to = Infinity }: IcountRange = {},
  ): Generator<Batch> {
    for (const segment of this.segments(table)) {
      const wanted = segment.batches.flatMap(({ firstIcount, lastIcount }, i) =>
        lastIcount >= from && firstIcount < to ? [i] : [],
      );
      for (const i of wanted) {
        const reader = this.reader(segment);
        if (reader.batchCount !== segment.batches.length || reader.rowsOf(i) !== segment.batches[i].rows)
          throw damaged(reader.path, 'it has not the rows that its manifest says');
        yield reader.read(i, columns);
      }
    }
  }

  /** The texts that a column uses anywhere, in order of first appearance. */
  texts(table: TableName, column: string): readonly string[] {
    return [...new Set(this.segments(table).flatMap((segment) => this.reader(segment).dictionaryOf(column)))];
  }

  reader(segment: SegmentFacts): SegmentReader {
    const { file } = segment;
    let reader = this.#readers.get(file);
    if (reader === undefined) {
      reader = new SegmentReader(segment, join(this.directory, file));
      this.#readers.set(file, reader);
    }
    return reader;
  }

  /** The instants at which the machine's state is stored, in order. */
  checkpoints(): readonly CheckpointMark[] {
    return this.epochs
      .filter(({ checkpoint }) => checkpoint !== null)
      .map(({ epoch, endIcount, endTimeNs, stateHash }) => ({
        epoch,
        icount: endIcount,
        timeNs: endTimeNs,
        stateHash,
      }));
  }

  /** The state at `checkpoints()[index]`, with every page that was changed up to then. */
  loadCheckpoint(index: number): MachineState {
    const stored = this.epochs.filter(({ checkpoint }) => checkpoint !== null).slice(0, index + 1);
    if (stored.length !== index + 1) throw new Error(`no checkpoint ${index}`);
    return readCheckpoint(
      this.directory,
      stored.map(({ checkpoint }) => checkpoint!),
    );
  }

  close(): void {
    for (const reader of this.#readers.values()) reader.close();
    this.#readers.clear();
  }
}

export function openRecording(directory: string): Recording {
  try {
    return open(directory);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      `${directory} is not a recording that this Hindsight wrote: ${(error as Error).message}`,
    );
  }
}

function open(directory: string): Recording {
  if (!existsSync(directory)) throw new UserError(`${directory}: no such recording`);
  if (!statSync(directory).isDirectory() || !existsSync(recordingFile(directory)))
    throw new UserError(`${directory} is not a recording: it has no recording.json`);
  const facts = readSealed(recordingFile(directory)) as unknown as RecordingFacts;
  if (facts.formatVersion !== FORMAT_VERSION)
    throw new UserError(
      `${directory} has format ${facts.formatVersion}, this Hindsight reads format ${FORMAT_VERSION}: record it again`,
    );
  const epochs = readEpochs(directory);
  const host = existsSync(hostFile(directory)) ? readSealed(hostFile(directory)) : undefined;
  if (facts.finished) {
    const last = epochs.length === 0 ? '' : sha256(readText(epochFile(directory, epochs.length)));
    if (facts.epochs !== epochs.length || facts.lastEpoch !== last)
      throw new UserError(
        `${directory} is damaged: it has ${epochs.length} epochs and recording.json speaks of ${facts.epochs}`,
      );
    return new Recording(directory, facts, host, epochs, undefined);
  }
  const end = epochs.at(-1);
  const kept =
    end === undefined ? 'nothing was committed' : `ends at epoch ${end.epoch}, instruction ${end.endIcount}`;
  return new Recording(directory, facts, host, epochs, `not finished: ${kept}; what ran after that was lost`);
}

/** Every epoch that was committed: manifests 1, 2, … without a gap, each naming the one before by its digest. */
function readEpochs(directory: string): EpochFacts[] {
  const epochs: EpochFacts[] = [];
  let previous = '';
  const names = new Set(listing(epochsDirectory(directory)).filter((name) => name.endsWith('.json')));
  for (let epoch = 1; names.size >= epoch; epoch++) {
    const path = epochFile(directory, epoch);
    const facts = readSealed(path) as unknown as EpochFacts;
    if (facts.epoch !== epoch || facts.previous !== previous)
      throw damaged(path, 'it does not follow the epoch before');
    for (const { table, file } of facts.segments)
      if (!TABLE_NAMES.includes(table) || file !== segmentName(table, epoch))
        throw damaged(path, `it names a segment ${file}`);
    if (facts.checkpoint !== null && facts.checkpoint.file !== checkpointName(epoch))
      throw damaged(path, `it names a checkpoint ${facts.checkpoint.file}`);
    previous = sha256(readText(path));
    epochs.push(facts);
  }
  return epochs;
}

function listing(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    throw new UserError(`cannot read ${path}: ${(error as NodeJS.ErrnoException).code}`);
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UserError(`cannot read ${path}: ${(error as NodeJS.ErrnoException).code}`);
  }
}

function readSealed(path: string): { readonly [name: string]: unknown } {
  const body = unseal(readText(path));
  if (body === undefined) throw damaged(path, 'its digest does not fit its text');
  return body;
}
