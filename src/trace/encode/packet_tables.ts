/** Turns packets into rows of flow, accesses and values: encodes the addresses. */
import type { Batch } from '../columns.ts';
import { ABSENT, type StoredPacket } from '../raw_packet.ts';
import { chunkBatch, forgetTexts, type TextColumns, takeChunk, textColumns } from '../rows/chunk.ts';
import { type RowFunction, rowFunctions } from '../rows/functions.ts';
import { LIST_SLACK, type PacketTable, packetLayout, type RowTable } from '../rows/layout.ts';
import { BATCH_BYTES, BATCH_ROWS } from './batch_limits.ts';
import { ENCODER_BYTES, ENCODER_SLACK, PacketEncoder } from './packet_encoder.ts';

if (ENCODER_SLACK > LIST_SLACK) throw new Error('the packet encoder writes behind the lists of packets');
const TABLES_AT = Math.ceil(ENCODER_BYTES / 4096) * 4096;
/** What PacketTables needs of the memory that the packets are in. */
export const PACKET_TABLES_BYTES = packetLayout(TABLES_AT).end;

export class PacketTables {
  readonly #flow: PacketRows;
  readonly #accesses: PacketRows;
  readonly #values: PacketRows;
  readonly #words: BigUint64Array;
  readonly #encoder: PacketEncoder;

  /** Uses PACKET_TABLES_BYTES of the memory from `base` on, a multiple of 4096. A batch is read before `emit` returns. */
  constructor(memory: WebAssembly.Memory, base: number, emit: (table: PacketTable, batch: Batch) => void) {
    this.#encoder = new PacketEncoder(memory, base);
    this.#words = new BigUint64Array(memory.buffer);
    const layout = packetLayout(base + TABLES_AT);
    const functions = rowFunctions(memory, layout, { claim: () => {}, full: () => {} });
    [this.#flow, this.#accesses, this.#values] = layout.tables.map(
      (table, index) =>
        new PacketRows(memory, table, functions[index], (batch) => emit(table.table as PacketTable, batch)),
    );
  }

  /** The packet is in the memory. */
  add(packet: StoredPacket): void {
    this.#addFlow(packet);
    if (packet.addressCount !== ABSENT) this.#addAccesses(packet);
    if (packet.registerCount !== ABSENT && packet.memoryCount !== ABSENT) this.#addValues(packet);
  }

  #addFlow(packet: StoredPacket): void {
    const { icount, seq, timeNs, cpu, el, vmid, asid, instructions, atomCount } = packet;
    const rows = this.#flow;
    const pc = this.#words[packet.pc];
    const regime = rows.codeOf('regime', packet.regime);
    const [atoms, atomBytes] = [packet.atoms, (atomCount + 7) >>> 3];
    const [targets, targetCount] = [8 * packet.targets, packet.targetCount];
    // biome-ignore format: one line for each group of columns
    rows.store(
      icount, seq, timeNs, cpu,
      pc, el, regime, vmid, asid, instructions,
      atoms, atomBytes, atomCount, targets, targetCount,
    );
    rows.flushWhenLarge();
  }

  #addAccesses({ icount, accessesSeq, timeNs, cpu, addresses, addressCount }: StoredPacket): void {
    const rows = this.#accesses;
    const to = rows.endOf('addresses');
    const bytes = this.#encoder.encodeAddresses(8 * addresses, addressCount, to) - to;
    rows.store(icount, accessesSeq, timeNs, cpu, addressCount, to, bytes);
    rows.flushWhenLarge();
  }

  #addValues(packet: StoredPacket): void {
    const { icount, valuesSeq, timeNs, cpu } = packet;
    const { registers, registerCount, memory, memoryCount } = packet;
    this.#values.store(
      ...[icount, valuesSeq, timeNs, cpu],
      ...[8 * registers, registerCount, 8 * memory, memoryCount],
    );
    this.#values.flushWhenLarge();
  }

  /** Hands over what is left. */
  flush(): void {
    for (const rows of [this.#flow, this.#accesses, this.#values]) rows.flush();
  }
}

/** One table: its chunk is handed over when it is a batch. */
class PacketRows {
  /** Stores a row: functions.ts says what it takes. */
  readonly store: RowFunction;
  readonly #memory: WebAssembly.Memory;
  readonly #u32: Uint32Array;
  readonly #table: RowTable;
  readonly #texts: TextColumns;
  readonly #emit: (batch: Batch) => void;
  /** Bytes of a row without its lists. */
  readonly #rowBytes: number;
  /** Where the column's values are, the cell that counts them, and the bytes of one. */
  readonly #lists: ReadonlyMap<
    string,
    { readonly at: number; readonly cell: number; readonly width: number }
  >;

  constructor(memory: WebAssembly.Memory, table: RowTable, store: RowFunction, emit: (batch: Batch) => void) {
    this.store = store;
    this.#memory = memory;
    this.#u32 = new Uint32Array(memory.buffer);
    this.#table = table;
    this.#texts = textColumns(table);
    this.#emit = emit;
    const { columns, chunks } = table;
    this.#lists = new Map(
      columns.flatMap(({ name, usedCell, values, width }) =>
        usedCell === undefined ? [] : [[name, { at: chunks[0] + values, cell: usedCell >>> 2, width }]],
      ),
    );
    this.#rowBytes = columns.reduce((sum, c) => sum + (c.usedCell === undefined ? c.width : 0), 0);
    this.#u32[table.chunkCell >>> 2] = chunks[0];
  }

  codeOf(column: string, text: string): number {
    return this.#texts.get(column)!.codeOf(text);
  }

  /** Where the next row's elements of a column of bytes go. */
  endOf(column: string): number {
    const { at, cell, width } = this.#lists.get(column)!;
    return at + this.#u32[cell] * width;
  }

  flushWhenLarge(): void {
    const rows = this.#u32[this.#table.rowsCell >>> 2];
    let bytes = rows * this.#rowBytes;
    for (const { cell, width } of this.#lists.values()) bytes += this.#u32[cell] * width;
    if (rows === BATCH_ROWS || bytes >= BATCH_BYTES) this.flush();
  }

  flush(): void {
    if (this.#u32[this.#table.rowsCell >>> 2] === 0) return;
    const chunk = takeChunk(this.#u32, this.#table, this.#texts, 0);
    this.#emit(chunkBatch(this.#memory, this.#table, chunk));
    forgetTexts(this.#u32, this.#table, this.#texts);
  }
}
