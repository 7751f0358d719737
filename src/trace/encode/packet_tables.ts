/** Turns raw packets into rows of flow, accesses and values: packs the atoms, encodes the addresses. */
import { MAX_TOKEN_BYTES } from '../addresses.ts';
import { type Batch, columnsOf, TableBuilder } from '../columns.ts';
import type { RawPacket } from '../raw_packet.ts';
import { encodeAddresses } from './addresses.ts';
import { BATCH_BYTES, BATCH_ROWS } from './segment.ts';

const PACKET_TABLES = ['flow', 'accesses', 'values'] as const;
export type PacketTable = (typeof PACKET_TABLES)[number];

export class PacketTables {
  readonly #flow = new TableBuilder(columnsOf('flow'));
  readonly #accesses = new TableBuilder(columnsOf('accesses'));
  readonly #values = new TableBuilder(columnsOf('values'));
  readonly #emit: (table: PacketTable, batch: Batch) => void;

  constructor(emit: (table: PacketTable, batch: Batch) => void) {
    this.#emit = emit;
  }

  add(packet: RawPacket, accessesSeq: number, valuesSeq: number): void {
    this.#addFlow(packet);
    if (packet.addresses !== undefined) this.#addAccesses(packet, packet.addresses, accessesSeq);
    if (packet.registers !== undefined && packet.memory !== undefined) {
      const cells = [packet.icount, valuesSeq, packet.timeNs, packet.cpu, packet.registers, packet.memory];
      pushAll(this.#values, cells);
      this.#flushWhenLarge('values', this.#values);
    }
  }

  #addFlow(packet: RawPacket): void {
    const { atoms } = packet;
    const bits = new Uint8Array((atoms.length + 7) >>> 3);
    for (let i = 0; i < atoms.length; i++) bits[i >>> 3] |= (atoms[i] & 1) << (i & 7);
    pushAll(this.#flow, [
      packet.icount,
      packet.seq,
      packet.timeNs,
      packet.cpu,
      packet.pc,
      packet.el,
      packet.regime,
      packet.vmid,
      packet.asid,
      packet.instructions,
      bits,
      atoms.length,
      packet.targets,
    ]);
    this.#flushWhenLarge('flow', this.#flow);
  }

  #addAccesses(packet: RawPacket, addresses: BigUint64Array, seq: number): void {
    const row = pushAll(this.#accesses, [packet.icount, seq, packet.timeNs, packet.cpu, addresses.length]);
    const column = this.#accesses.columns[5];
    const { values, at } = column.openRow(addresses.length * MAX_TOKEN_BYTES);
    const halves = new Uint32Array(addresses.buffer, addresses.byteOffset, 2 * addresses.length);
    column.closeRow(row, encodeAddresses(halves, addresses.length, values as Uint8Array, at));
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

/** Adds a row from cells in the order of the schema; returns its number. */
function pushAll(
  builder: TableBuilder,
  cells: readonly Parameters<TableBuilder['columns'][0]['push']>[1][],
): number {
  const row = builder.addRow();
  for (let i = 0; i < cells.length; i++) builder.columns[i].push(row, cells[i]);
  return row;
}
