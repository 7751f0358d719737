/**
 * The recorder: collects events and packets on the guest's thread and hands them, epoch by epoch, to the writer's thread.
 *
 * Order: `beginPacket` … events … `addPacket`, again and again; then `closeEpoch` between two packets; at last `finish`.
 * Every call, `append` too, may wait for the writer, and may throw the UserError that it met (a full disk): what was committed
 * stays readable.
 */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import type { Worker } from 'node:worker_threads';
import { UserError } from '../user-error.ts';
import { seal } from './digest.ts';
import { textFile } from './durable_file.ts';
import type { Checkpoint, PackedCheckpoint } from './encode/checkpoint.ts';
import * as layout from './layout.ts';
import { PacketSlots, type RawPacket, recordBytes } from './raw_packet.ts';
import type { ChunkFacts } from './rows/chunk.ts';
import { EventRows, type Stamp } from './rows/event_rows.ts';
import type { EventSink } from './schema.ts';
import { writeError } from './write_error.ts';
import { ROW_LAYOUT, SLOT_BYTES, type WriterChannel } from './writer_channel.ts';
import { startWriter, type WriterThread } from './writer_thread.ts';
import type { WriterMessage } from './writer_worker.ts';

export interface RecorderOptions {
  /** How to run it again: plain JSON. */
  readonly recipe: { readonly [name: string]: unknown };
  /** The recording begins at this instruction: 0 when absent. */
  readonly firstIcount?: number;
  /** Started for this directory and `firstIcount` already; the recorder starts one where it is absent. */
  readonly writer?: WriterThread;
}

/** The machine's state where an epoch ends. */
export interface EpochState {
  readonly stateHash: string;
  readonly checkpoint: Checkpoint | PackedCheckpoint | null;
}

/** An epoch is full at so many rows, bytes of raw packets, or instructions: amounts that a replay reaches alike. */
const EPOCH_ROWS = 2 ** 18;
const EPOCH_PACKET_BYTES = 2 ** 29;
const EPOCH_INSTRUCTIONS = 2 ** 28;
/** The writer hears of packets when there are so many bytes of them: what it does at the end of an epoch is then little. */
const PACKETS_AT_ONCE = 2 ** 19;

export class Recorder implements EventSink {
  readonly recording = true;
  readonly directory: string;
  readonly #stamp: Stamp;
  readonly #options: RecorderOptions;
  readonly #channel: WriterChannel;
  readonly #rows: EventRows;
  #packets: PacketSlots | undefined;
  readonly #worker: Worker;
  readonly append: EventSink['append'];
  #slot = 0;
  #slotUsed = 0;
  #slotSent = 0;
  #slotTaken = false;
  #packetOpen = false;
  #epochFirstSeq = 0;
  #epochFirstIcount = 0;
  #epochPackets = 0;
  #epochPacketBytes = 0;

  /** Makes the directory, which must not exist or be empty, with a recording.json that says it is not finished. */
  constructor(directory: string, stamp: Stamp, options: RecorderOptions) {
    this.directory = directory;
    this.#stamp = stamp;
    this.#options = options;
    this.#epochFirstIcount = options.firstIcount ?? 0;
    makeDirectory(directory, options);
    const { channel, worker } = options.writer ?? startWriter(directory, options.firstIcount);
    this.#channel = channel;
    this.#worker = worker;
    this.#rows = new EventRows(this.#channel.memory, ROW_LAYOUT, stamp, {
      give: (chunk) => this.#giveChunk(chunk),
      waitFor: (table, half) => this.#channel.waitForChunk(table, half),
    });
    this.append = this.#rows.append;
  }

  /** Call once, before the first packet: the lists of all of them are in this memory. */
  takePacketsFrom(memory: WebAssembly.Memory): void {
    this.#packets = new PacketSlots(this.#channel.memory, memory);
  }

  #giveChunk(chunk: ChunkFacts): void {
    this.#channel.giveChunk(chunk.table, chunk.half);
    this.#post({ kind: 'rows', chunk });
  }

  /** Keeps a copy of the files that the recipe names, by these names. Call at most once, before the first packet. */
  storeFiles(files: ReadonlyMap<string, Uint8Array>): void {
    const transfer: ArrayBuffer[] = [];
    const own = (bytes: Uint8Array) => {
      if (bytes.buffer instanceof SharedArrayBuffer) return bytes;
      const copy = new Uint8Array(bytes);
      transfer.push(copy.buffer);
      return copy;
    };
    const copies = [...files].map(([name, bytes]) => ({ name, bytes: own(bytes) }));
    this.#post({ kind: 'files', recipe: this.#options.recipe, files: copies }, transfer);
  }

  /** Call with the state from which the next packet starts, before any event that belongs into it. Returns its seq. */
  beginPacket(): number {
    if (this.#packetOpen) throw new Error('a packet is open already');
    this.#packetOpen = true;
    return this.#rows.takeSeq();
  }

  /** Ends the packet: copies its buffers, which may be refilled at once. Waits when the writer is behind. */
  addPacket(packet: RawPacket): void {
    if (!this.#packetOpen) throw new Error('a packet that was not begun');
    this.#packetOpen = false;
    const bytes = recordBytes(packet);
    const accessesSeq = packet.addresses === undefined ? 0 : this.#rows.takeSeq();
    const valuesSeq = packet.registers === undefined ? 0 : this.#rows.takeSeq();
    this.#epochPacketBytes += bytes;
    this.#epochPackets += 1;
    if (this.#slotTaken && this.#slotUsed + bytes > SLOT_BYTES) this.#sendPackets(true);
    if (bytes > SLOT_BYTES) throw new Error(`a packet of ${bytes} bytes`);
    if (!this.#slotTaken) {
      this.#slot = this.#channel.takeSlot();
      this.#slotTaken = true;
    }
    const start = this.#slot * SLOT_BYTES;
    this.#slotUsed = this.#packets!.put(start + this.#slotUsed, packet, accessesSeq, valuesSeq) - start;
    if (this.#slotUsed - this.#slotSent >= PACKETS_AT_ONCE) this.#sendPackets(false);
  }

  /** Whether it is time to close the epoch. */
  get epochIsFull(): boolean {
    return (
      this.#epochPackets + this.#rows.epochRows >= EPOCH_ROWS ||
      this.#epochPacketBytes >= EPOCH_PACKET_BYTES ||
      this.#stamp.icount - this.#epochFirstIcount >= EPOCH_INSTRUCTIONS
    );
  }

  /**
   * Hands everything since the last epoch to the writer, which has something to do then while `state` is made. No packet may be open. The
   * checkpoint's arrays are given away.
   */
  closeEpoch(state: () => EpochState): void {
    if (this.#packetOpen) throw new Error('an epoch cannot close within a packet');
    if (this.#slotTaken) this.#sendPackets(true);
    this.#post({ kind: 'end of packets' });
    this.#rows.closeEpoch();
    this.#post({ kind: 'end of rows' });
    const transfer = new Set<ArrayBuffer>();
    const { stateHash, checkpoint } = state();
    const { icount, timeNs } = this.#stamp;
    const owned = checkpoint && ownCheckpoint(checkpoint, transfer);
    const end = {
      stateHash,
      checkpoint: owned,
      endIcount: icount,
      endSeq: this.#rows.seq,
      endTimeNs: timeNs,
    };
    let bytes = 0;
    for (const buffer of transfer) bytes += buffer.byteLength;
    this.#channel.beginEpoch(bytes);
    this.#post({ kind: 'epoch', end, bytes }, [...transfer]);
    this.#epochFirstSeq = this.#rows.seq;
    this.#epochFirstIcount = icount;
    this.#epochPackets = 0;
    this.#epochPacketBytes = 0;
  }

  /**
   * Closes the last epoch if anything happened in it, writes recording.json last and waits until all is on the disk.
   * `host` holds facts that no comparison looks at.
   */
  async finish(
    reason: string,
    state: () => EpochState,
    host: { readonly [name: string]: unknown } = {},
  ): Promise<void> {
    try {
      const pending = this.#rows.seq > this.#epochFirstSeq || this.#stamp.icount > this.#epochFirstIcount;
      if (pending) this.closeEpoch(state);
      const { recipe } = this.#options;
      this.#post({ kind: 'finish', end: { reason, recipe, host } });
      this.#channel.waitForEnd();
    } finally {
      await this.#worker.terminate();
    }
  }

  /** Gives up, after an error: leaves what was committed. */
  async abandon(): Promise<void> {
    await this.#worker.terminate();
  }

  /** Those that the writer has not heard of. `all`: the slot has no more of them. */
  #sendPackets(all: boolean): void {
    const start = this.#slot * SLOT_BYTES + this.#slotSent;
    this.#post({ kind: 'packets', slot: this.#slot, start, bytes: this.#slotUsed - this.#slotSent, all });
    this.#slotSent = this.#slotUsed;
    if (!all) return;
    this.#slotUsed = 0;
    this.#slotSent = 0;
    this.#slotTaken = false;
  }

  #post(message: WriterMessage, transfer: ArrayBuffer[] = []): void {
    this.#channel.check();
    this.#worker.postMessage(message, transfer);
  }
}

function makeDirectory(directory: string, { recipe }: RecorderOptions): void {
  try {
    if (existsSync(directory) && readdirSync(directory).length > 0)
      throw new UserError(`${directory} exists already: remove it, or give another name with -o`);
    if (!existsSync(directory)) mkdirSync(directory);
    mkdirSync(layout.epochsDirectory(directory));
    mkdirSync(layout.checkpointsDirectory(directory));
    // Synced with the first epoch, as are its files, whose digests the writer adds: until then there is nothing to lose.
    textFile(layout.recordingFile(directory), seal(layout.startOfRecording(recipe, {}))).place();
  } catch (error) {
    throw writeError(directory, error, 0);
  }
}

/** The checkpoint in memory of its own, which may go to another thread. */
function ownCheckpoint(
  checkpoint: Checkpoint | PackedCheckpoint,
  transfer: Set<ArrayBuffer>,
): Checkpoint | PackedCheckpoint {
  const own = <T extends Uint8Array | BigUint64Array>(array: T): T => {
    const whole = array.buffer instanceof ArrayBuffer && array.byteLength === array.buffer.byteLength;
    const copy = () => (array instanceof BigUint64Array ? new BigUint64Array(array) : new Uint8Array(array));
    const mine = whole ? array : (copy() as T);
    transfer.add(mine.buffer as ArrayBuffer);
    return mine;
  };
  if ('packed' in checkpoint) {
    const packed = checkpoint.packed.map((section) => ({ ...section, packed: own(section.packed) }));
    return { ...checkpoint, packed };
  }
  const sections = Object.entries(checkpoint.sections).map(([name, bytes]) => [name, own(bytes)]);
  return {
    sections: Object.fromEntries(sections),
    pageAddresses: own(checkpoint.pageAddresses),
    pageGroups: checkpoint.pageGroups.map(own),
  };
}
