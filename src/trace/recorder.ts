/**
 * The recorder: collects events and packets on the guest's thread and hands them, epoch by epoch, to the writer's thread.
 *
 * Order: `beginPacket` … events … `addPacket`, again and again; then `closeEpoch` between two packets; at last `finish`.
 * Every call may throw the UserError that the writer met (a full disk): what was committed stays readable.
 */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import module from 'node:module';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { UserError } from '../user-error.ts';
import {
  type Batch,
  type Cell,
  type ColumnBuilder,
  columnsOf,
  TABLE_NAMES,
  TableBuilder,
} from './columns.ts';
import { seal } from './digest.ts';
import { textFile } from './durable_file.ts';
import type { Checkpoint } from './encode/checkpoint.ts';
import { PACKET_TABLES_BYTES } from './encode/packet_tables.ts';
import * as layout from './layout.ts';
import { PacketBuffer, type RawPacket, recordBytes } from './raw_packet.ts';
import type { EventSink, EventTable, RowOf, TableName } from './schema.ts';
import { writeError } from './write_error.ts';
import { SLOT_BYTES, SLOTS, WriterChannel } from './writer_channel.ts';
import type { WriterMessage, WriterSetup } from './writer_worker.ts';

/** The present, kept up to date by the machine: the ordinal of the instruction under way, virtual time, current CPU. */
export interface Stamp {
  icount: number;
  timeNs: number;
  cpu: number;
}

export interface RecorderOptions {
  /** How to run it again: plain JSON. */
  readonly recipe: { readonly [name: string]: unknown };
  /** SHA-256 of each image. */
  readonly images: { readonly [name: string]: string };
  /** The recording begins at this instruction: 0 when absent. */
  readonly firstIcount?: number;
}

/** The machine's state where an epoch ends. */
export interface EpochState {
  readonly stateHash: string;
  readonly checkpoint: Checkpoint | null;
}

/** An epoch is full at so many rows, bytes of raw packets, or instructions: amounts that a replay reaches alike. */
const EPOCH_ROWS = 2 ** 18;
const EPOCH_PACKET_BYTES = 2 ** 29;
const EPOCH_INSTRUCTIONS = 2 ** 28;

const PACKET_TABLES: ReadonlySet<TableName> = new Set(['flow', 'accesses', 'values']);

/** A table's builder and, apart, its columns that rows fill: by name, after the four that the recorder stamps. */
interface EventRows {
  readonly builder: TableBuilder;
  readonly icount: ColumnBuilder;
  readonly seq: ColumnBuilder;
  readonly timeNs: ColumnBuilder;
  readonly cpu: ColumnBuilder;
  readonly columns: readonly ColumnBuilder[];
  readonly fill: Fill;
}

/** Puts the cells of a row into its columns. */
type Fill = (columns: readonly ColumnBuilder[], at: number, row: { readonly [name: string]: Cell }) => void;

/**
 * A function for each table, of which V8 knows the names of a row's properties: a generic loop takes three times as long, and some
 * guests make millions of rows. The names are those of the schema.
 */
const fillOf = (names: readonly string[]): Fill =>
  new Function(
    ...['columns', 'at', 'row'],
    names.map((name, i) => `columns[${i}].push(at, row.${name} ?? null);`).join('\n'),
  ) as Fill;

function eventRows(table: TableName): EventRows {
  const builder = new TableBuilder(columnsOf(table));
  const [icount, seq, timeNs, cpu, ...columns] = builder.columns;
  return { builder, icount, seq, timeNs, cpu, columns, fill: fillOf(builder.names.slice(4)) };
}

export class Recorder implements EventSink {
  readonly recording = true;
  readonly directory: string;
  readonly #stamp: Stamp;
  readonly #options: RecorderOptions;
  readonly #tables: { readonly [table: string]: EventRows };
  readonly #channel = WriterChannel.make(PACKET_TABLES_BYTES);
  readonly #slots: readonly PacketBuffer[];
  readonly #worker: Worker;
  #slot = 0;
  #slotUsed = 0;
  #slotTaken = false;
  #packetOpen = false;
  #seq = 0;
  #epochFirstSeq = 0;
  #epochFirstIcount = 0;
  #epochRows = 0;
  #epochPacketBytes = 0;

  /** Makes the directory, which must not exist or be empty, with a recording.json that says it is not finished. */
  constructor(directory: string, stamp: Stamp, options: RecorderOptions) {
    this.directory = directory;
    this.#stamp = stamp;
    this.#options = options;
    this.#epochFirstIcount = options.firstIcount ?? 0;
    makeDirectory(directory, options);
    const events = TABLE_NAMES.filter((table) => !PACKET_TABLES.has(table));
    this.#tables = Object.fromEntries(events.map((table) => [table, eventRows(table)]));
    this.#slots = Array.from(
      { length: SLOTS },
      (_, n) => new PacketBuffer(this.#channel.memory.buffer, n * SLOT_BYTES, SLOT_BYTES),
    );
    const script = import.meta.url.replace(/recorder(\.[jt]s)$/, 'writer_worker$1');
    const { control, memory } = this.#channel;
    const firstIcount = this.#epochFirstIcount;
    const workerData: WriterSetup = { directory, firstIcount, channel: { control, memory } };
    this.#worker = new Worker(new URL(script), {
      workerData,
      name: 'trace writer',
      env: workerEnvironment(),
    });
    this.#worker.unref();
  }

  append<T extends EventTable>(table: T, row: RowOf<T>): number {
    const { builder, icount, seq, timeNs, cpu, columns, fill } = this.#tables[table];
    const at = builder.addRow();
    icount.push(at, this.#stamp.icount);
    seq.push(at, this.#seq);
    timeNs.push(at, this.#stamp.timeNs);
    cpu.push(at, this.#stamp.cpu);
    fill(columns, at, row as { readonly [name: string]: Cell });
    this.#epochRows += 1;
    return this.#seq++;
  }

  /** Call with the state from which the next packet starts, before any event that belongs into it. Returns its seq. */
  beginPacket(): number {
    if (this.#packetOpen) throw new Error('a packet is open already');
    this.#packetOpen = true;
    return this.#seq++;
  }

  /** Ends the packet: copies its buffers, which may be refilled at once. Waits when the writer is behind. */
  addPacket(packet: RawPacket): void {
    if (!this.#packetOpen) throw new Error('a packet that was not begun');
    this.#packetOpen = false;
    const bytes = recordBytes(packet);
    const accessesSeq = packet.addresses === undefined ? 0 : this.#seq++;
    const valuesSeq = packet.registers === undefined ? 0 : this.#seq++;
    this.#epochPacketBytes += bytes;
    this.#epochRows += 1;
    if (this.#slotTaken && this.#slotUsed + bytes > SLOT_BYTES) this.#sendSlot();
    if (bytes > SLOT_BYTES) throw new Error(`a packet of ${bytes} bytes`);
    if (!this.#slotTaken) {
      this.#channel.takeSlot(this.#slot);
      this.#slotTaken = true;
    }
    this.#slotUsed = this.#slots[this.#slot].put(this.#slotUsed, packet, accessesSeq, valuesSeq);
  }

  /** Whether it is time to close the epoch. */
  get epochIsFull(): boolean {
    return (
      this.#epochRows >= EPOCH_ROWS ||
      this.#epochPacketBytes >= EPOCH_PACKET_BYTES ||
      this.#stamp.icount - this.#epochFirstIcount >= EPOCH_INSTRUCTIONS
    );
  }

  /** Hands everything since the last epoch to the writer. No packet may be open. The checkpoint's arrays are given away. */
  closeEpoch({ stateHash, checkpoint }: EpochState): void {
    if (this.#packetOpen) throw new Error('an epoch cannot close within a packet');
    if (this.#slotTaken) this.#sendSlot();
    const tables: { [table in TableName]?: Batch } = {};
    const transfer = new Set<ArrayBuffer>();
    for (const [table, { builder }] of Object.entries(this.#tables)) {
      if (builder.rows === 0) continue;
      const batch = builder.take();
      for (const { values, offsets, validity } of Object.values(batch.columns))
        for (const array of [values, offsets, validity]) if (array) transfer.add(array.buffer as ArrayBuffer);
      tables[table as TableName] = batch;
    }
    const { icount, timeNs } = this.#stamp;
    const owned = checkpoint && ownCheckpoint(checkpoint, transfer);
    const end = {
      tables,
      stateHash,
      checkpoint: owned,
      endIcount: icount,
      endSeq: this.#seq,
      endTimeNs: timeNs,
    };
    let bytes = 0;
    for (const buffer of transfer) bytes += buffer.byteLength;
    this.#channel.beginEpoch(bytes);
    this.#post({ kind: 'epoch', end, bytes }, [...transfer]);
    this.#epochFirstSeq = this.#seq;
    this.#epochFirstIcount = icount;
    this.#epochRows = 0;
    this.#epochPacketBytes = 0;
  }

  /**
   * Closes the last epoch if anything happened in it, writes recording.json last and waits until all is on the disk.
   * `host` holds facts that no comparison looks at.
   */
  async finish(
    reason: string,
    state: EpochState,
    host: { readonly [name: string]: unknown } = {},
  ): Promise<void> {
    try {
      const pending = this.#seq > this.#epochFirstSeq || this.#stamp.icount > this.#epochFirstIcount;
      if (pending) this.closeEpoch(state);
      const { recipe, images } = this.#options;
      this.#post({ kind: 'finish', end: { reason, recipe, images, host } });
      this.#channel.waitForEnd();
    } finally {
      await this.#worker.terminate();
    }
  }

  /** Gives up, after an error: leaves what was committed. */
  async abandon(): Promise<void> {
    await this.#worker.terminate();
  }

  #sendSlot(): void {
    this.#post({ kind: 'slot', slot: this.#slot, bytes: this.#slotUsed });
    this.#slot = (this.#slot + 1) % SLOTS;
    this.#slotUsed = 0;
    this.#slotTaken = false;
  }

  #post(message: WriterMessage, transfer: ArrayBuffer[] = []): void {
    this.#channel.check();
    this.#worker.postMessage(message, transfer);
  }
}

/** A worker does not inherit what module.enableCompileCache was told, which saves it half of its start. Deno, in notebooks, has none. */
function workerEnvironment(): NodeJS.ProcessEnv {
  const cache = module.getCompileCacheDir?.();
  return cache === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: dirname(cache) };
}

function makeDirectory(directory: string, { recipe, images }: RecorderOptions): void {
  try {
    if (existsSync(directory) && readdirSync(directory).length > 0)
      throw new UserError(`${directory} exists already: remove it, or give another name with -o`);
    if (!existsSync(directory)) mkdirSync(directory);
    mkdirSync(layout.epochsDirectory(directory));
    mkdirSync(layout.checkpointsDirectory(directory));
    // Synced with the first epoch: until then there is nothing to lose.
    textFile(layout.recordingFile(directory), seal(layout.startOfRecording(recipe, images))).place();
  } catch (error) {
    throw writeError(directory, error, 0);
  }
}

/** The checkpoint in memory of its own, which may go to another thread. */
function ownCheckpoint(checkpoint: Checkpoint, transfer: Set<ArrayBuffer>): Checkpoint {
  const own = <T extends Uint8Array | BigUint64Array>(array: T): T => {
    const whole = array.buffer instanceof ArrayBuffer && array.byteLength === array.buffer.byteLength;
    const copy = () => (array instanceof BigUint64Array ? new BigUint64Array(array) : new Uint8Array(array));
    const mine = whole ? array : (copy() as T);
    transfer.add(mine.buffer as ArrayBuffer);
    return mine;
  };
  const sections = Object.entries(checkpoint.sections).map(([name, bytes]) => [name, own(bytes)]);
  return {
    sections: Object.fromEntries(sections),
    pageAddresses: own(checkpoint.pageAddresses),
    pageContents: own(checkpoint.pageContents),
  };
}
