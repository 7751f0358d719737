/** Turns raw packets into rows of flow, accesses and values: packs the atoms, encodes the addresses. */
import { MAX_TOKEN_BYTES } from '../addresses.ts';
import { type Batch, type Cell, type ColumnBuilder, columnsOf, TableBuilder } from '../columns.ts';
import type { RawPacket } from '../raw_packet.ts';
import { BATCH_BYTES, BATCH_ROWS } from './batch_limits.ts';
import { ENCODER_BYTES, ENCODER_SLACK, PacketEncoder } from './packet_encoder.ts';

const PACKET_TABLES = ['flow', 'accesses', 'values'] as const;
export type PacketTable = (typeof PACKET_TABLES)[number];

/** The largest packet's atoms or encoded addresses: layout.ts of the translator allows 917,504 bytes of the latter. */
const MOST_PACKET_BYTES = 2 ** 20;
const COLUMN_BYTES = BATCH_BYTES + MOST_PACKET_BYTES + ENCODER_SLACK;
/** What PacketTables needs of the memory that the packets are in. */
export const PACKET_TABLES_BYTES = ENCODER_BYTES + 2 * COLUMN_BYTES;

export class PacketTables {
  readonly #flow = new TableBuilder(columnsOf('flow'));
  readonly #accesses = new TableBuilder(columnsOf('accesses'));
  readonly #values = new TableBuilder(columnsOf('values'));
  readonly #atoms: ColumnBuilder;
  readonly #addresses: ColumnBuilder;
  readonly #encoder: PacketEncoder;
  /** Where the two columns are that the encoder fills. */
  readonly #atomsBase: number;
  readonly #addressesBase: number;
  readonly #emit: (table: PacketTable, batch: Batch) => void;

  /** Uses PACKET_TABLES_BYTES of the memory from `base` on. A batch is read before `emit` returns. */
  constructor(memory: WebAssembly.Memory, base: number, emit: (table: PacketTable, batch: Batch) => void) {
    this.#emit = emit;
    this.#encoder = new PacketEncoder(memory, base);
    this.#atomsBase = base + ENCODER_BYTES;
    this.#addressesBase = this.#atomsBase + COLUMN_BYTES;
    this.#atoms = this.#flow.column('atoms');
    this.#atoms.borrow(new Uint8Array(memory.buffer, this.#atomsBase, COLUMN_BYTES));
    this.#addresses = this.#accesses.column('addresses');
    this.#addresses.borrow(new Uint8Array(memory.buffer, this.#addressesBase, COLUMN_BYTES));
  }

  /** The packet's buffers are in the memory. */
  add(packet: RawPacket, accessesSeq: number, valuesSeq: number): void {
    this.#addFlow(packet);
    if (packet.addresses !== undefined) this.#addAccesses(packet, packet.addresses, accessesSeq);
    if (packet.registers !== undefined && packet.memory !== undefined) {
      const cells = [packet.icount, valuesSeq, packet.timeNs, packet.cpu, packet.registers, packet.memory];
      push(this.#values, this.#values.addRow(), cells);
      this.#flushWhenLarge('values', this.#values);
    }
  }

  #addFlow(packet: RawPacket): void {
    const { atoms } = packet;
    const row = this.#flow.addRow();
    const cells = [
      ...[packet.icount, packet.seq, packet.timeNs, packet.cpu, packet.pc, packet.el, packet.regime],
      ...[packet.vmid, packet.asid, packet.instructions, undefined, atoms.length, packet.targets],
    ];
    push(this.#flow, row, cells);
    const { at } = this.#atoms.openRow(atoms.length);
    const end = this.#encoder.packAtoms(atoms.byteOffset, atoms.length, this.#atomsBase + at);
    this.#atoms.closeRow(row, end - this.#atomsBase);
    this.#flushWhenLarge('flow', this.#flow);
  }

  #addAccesses(packet: RawPacket, addresses: BigUint64Array, seq: number): void {
    const row = this.#accesses.addRow();
    push(this.#accesses, row, [packet.icount, seq, packet.timeNs, packet.cpu, addresses.length]);
    const { at } = this.#addresses.openRow(addresses.length * MAX_TOKEN_BYTES);
    const to = this.#addressesBase + at;
    const end = this.#encoder.encodeAddresses(addresses.byteOffset, addresses.length, to);
    this.#addresses.closeRow(row, end - this.#addressesBase);
    this.#flushWhenLarge('accesses', this.#accesses);
  }

  #flushWhenLarge(table: PacketTable, builder: TableBuilder): void {
    if (builder.rows === BATCH_ROWS || builder.byteLength >= BATCH_BYTES) this.#emit(table, builder.take());
  }

  /** Hands over what is left. */
  flush(): void {
    for (const table of PACKET_TABLES) {
      const builder = { flow: this.#flow, accesses: this.#accesses, values: this.#values }[table];
      if (builder.rows > 0) this.#emit(table, builder.take());
    }
  }
}

/** Fills a row with cells in the order of the schema, but for those that are undefined. */
function push(builder: TableBuilder, row: number, cells: readonly (Cell | undefined)[]): void {
  for (let i = 0; i < cells.length; i++) {
    const cell = cells[i];
    if (cell !== undefined) builder.columns[i].push(row, cell);
  }
}
