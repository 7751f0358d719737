/** Turns raw packets into rows of flow, accesses and values: packs the atoms, encodes the addresses. */
import { MAX_TOKEN_BYTES } from '../addresses.ts';
import { type Batch, type ColumnBuilder, columnsOf, TableBuilder } from '../columns.ts';
import { ABSENT, type StoredPacket } from '../raw_packet.ts';
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
  readonly #flowColumns = named(this.#flow, {
    ...WHEN,
    ...{ pc: 'pc', el: 'el', regime: 'regime', vmid: 'vmid', asid: 'asid', instructions: 'instructions' },
    ...{ atoms: 'atoms', atomCount: 'atom_count', targets: 'targets' },
  });
  readonly #accessColumns = named(this.#accesses, { ...WHEN, count: 'count', addresses: 'addresses' });
  readonly #valueColumns = named(this.#values, { ...WHEN, registers: 'registers', memory: 'memory' });
  readonly #words: BigUint64Array;
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
    this.#words = new BigUint64Array(memory.buffer);
    this.#flowColumns.atoms.borrow(new Uint8Array(memory.buffer, this.#atomsBase, COLUMN_BYTES));
    this.#accessColumns.addresses.borrow(new Uint8Array(memory.buffer, this.#addressesBase, COLUMN_BYTES));
  }

  /** The packet is in the memory. */
  add(packet: StoredPacket): void {
    this.#addFlow(packet);
    if (packet.addressCount !== ABSENT) this.#addAccesses(packet);
    if (packet.registerCount !== ABSENT && packet.memoryCount !== ABSENT) this.#addValues(packet);
  }

  #addFlow(packet: StoredPacket): void {
    const { atoms, atomCount, targets, targetCount } = packet;
    const row = this.#flow.addRow();
    const columns = this.#flowColumns;
    columns.icount.push(row, packet.icount);
    columns.seq.push(row, packet.seq);
    columns.timeNs.push(row, packet.timeNs);
    columns.cpu.push(row, packet.cpu);
    columns.pc.push(row, this.#words[packet.pc]);
    columns.el.push(row, packet.el);
    columns.regime.push(row, packet.regime);
    columns.vmid.push(row, packet.vmid);
    columns.asid.push(row, packet.asid);
    columns.instructions.push(row, packet.instructions);
    columns.atomCount.push(row, atomCount);
    columns.targets.pushWords(row, this.#words, targets, targetCount);
    const { at } = columns.atoms.openRow(atomCount);
    const end = this.#encoder.packAtoms(atoms, atomCount, this.#atomsBase + at);
    columns.atoms.closeRow(row, end - this.#atomsBase);
    this.#flushWhenLarge('flow', this.#flow);
  }

  #addAccesses(packet: StoredPacket): void {
    const { addresses, addressCount } = packet;
    const row = this.#accesses.addRow();
    const columns = this.#accessColumns;
    columns.icount.push(row, packet.icount);
    columns.seq.push(row, packet.accessesSeq);
    columns.timeNs.push(row, packet.timeNs);
    columns.cpu.push(row, packet.cpu);
    columns.count.push(row, addressCount);
    const { at } = columns.addresses.openRow(addressCount * MAX_TOKEN_BYTES);
    const to = this.#addressesBase + at;
    const end = this.#encoder.encodeAddresses(8 * addresses, addressCount, to);
    columns.addresses.closeRow(row, end - this.#addressesBase);
    this.#flushWhenLarge('accesses', this.#accesses);
  }

  #addValues(packet: StoredPacket): void {
    const row = this.#values.addRow();
    const columns = this.#valueColumns;
    columns.icount.push(row, packet.icount);
    columns.seq.push(row, packet.valuesSeq);
    columns.timeNs.push(row, packet.timeNs);
    columns.cpu.push(row, packet.cpu);
    columns.registers.pushWords(row, this.#words, packet.registers, packet.registerCount);
    columns.memory.pushWords(row, this.#words, packet.memory, packet.memoryCount);
    this.#flushWhenLarge('values', this.#values);
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

/** The columns of a table by the names that they have here. */
const named = <K extends string>(builder: TableBuilder, names: { readonly [name in K]: string }) =>
  Object.fromEntries(
    Object.entries<string>(names).map(([name, column]) => [name, builder.column(column)]),
  ) as { readonly [name in K]: ColumnBuilder };
const WHEN = { icount: 'icount', seq: 'seq', timeNs: 'time_ns', cpu: 'cpu' };
