/** `memory_accesses`: each address of the `accesses` packets with the instruction that made it. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Batch } from '../trace/columns.ts';
import { decodeAddresses } from '../trace/decode/addresses.ts';
import { damaged } from '../trace/decode/segment.ts';
import { FlowDecoder, type Packet, type Runs } from '../trace/flow.ts';
import { assignAccesses } from '../trace/packet_accesses.ts';
import type { IcountRange, Recording } from '../trace/recording.ts';
import type { ColumnType } from '../trace/schema.ts';
import { registerScan, type ScanColumn, type View } from './scan.ts';
import { TableBuilder } from './table_builder.ts';
import { createViews } from './tables.ts';

const KINDS = ['load', 'store'] as const;

export const MEMORY_ACCESSES_VIEW = {
  name: 'memory_accesses',
  sentence:
    'One row per address that a load or store accessed, beside its instruction; one that crosses a page is two',
  columns: [
    { name: 'icount', type: 'u64', unit: 'instructions', sentence: 'Ordinal of the instruction' },
    { name: 'cpu', type: 'u8', unit: '', sentence: 'Number of the CPU' },
    { name: 'pc', type: 'u64', unit: 'address', sentence: 'Virtual address of the instruction' },
    { name: 'el', type: 'u8', unit: '', sentence: 'Exception level' },
    { name: 'opcode', type: 'u32', unit: '', sentence: 'The instruction word' },
    { name: 'kind', type: 'text', unit: '', sentence: 'load or store', texts: () => KINDS },
    { name: 'address', type: 'u64', unit: 'address', sentence: 'Physical address of the first byte' },
    { name: 'size', type: 'u8', unit: 'bytes', sentence: 'Size of the access' },
  ],
} as const satisfies View;
const COLUMNS: readonly ScanColumn[] = MEMORY_ACCESSES_VIEW.columns;

/** A row for each address of a packet, appended to `out`; false when the addresses do not fit the instructions. */
function join(
  packet: Packet,
  runs: Runs,
  addresses: BigUint64Array,
  { from = 0, to = Infinity }: IcountRange,
  out: TableBuilder,
): boolean {
  const offsetOf = (at: number) => Number(addresses[at] & 0xfffn);
  return assignAccesses(packet, runs, addresses.length, offsetOf, (run, n, at, size, store) => {
    const icount = runs.icounts[run] + n;
    if (icount < from || icount >= to) return;
    const offset = runs.offsets[run] + 4 * n;
    const pc = (BigInt(runs.vaPages[run]) << 12n) + BigInt(offset);
    const opcode = runs.pages[run]!.words[offset >>> 2];
    const row = out.addRow();
    const kind = KINDS[Number(store)];
    const cells = [icount, packet.cpu, pc, runs.els[run], opcode, kind, addresses[at], size];
    for (let column = 0; column < cells.length; column++) out.columns[column].push(row, cells[column]);
  });
}

interface AccessPacket {
  readonly seq: number;
  readonly count: number;
  readonly bytes: Uint8Array;
}

/** Rows of table accesses, one after the other. */
function* accessPackets(recording: Recording, range: IcountRange): Generator<AccessPacket, void> {
  for (const { rows, columns } of recording.batches('accesses', ['seq', 'count', 'addresses'], range)) {
    const { values, offsets } = columns['addresses'];
    for (let row = 0; row < rows; row++)
      yield {
        seq: Number(columns['seq'].values[row]),
        count: Number(columns['count'].values[row]),
        bytes: values.subarray(offsets![row], offsets![row + 1]) as Uint8Array,
      };
  }
}

function* batches(recording: Recording, range: IcountRange): Generator<Batch> {
  const decoder = new FlowDecoder(recording);
  const out = new TableBuilder(
    Object.fromEntries(
      COLUMNS.map(({ name, type }) => [name, { type: type as ColumnType, unit: '', sentence: '' }]),
    ),
  );
  let packets: ReturnType<typeof accessPackets> | undefined;
  let accesses: IteratorResult<AccessPacket, void> = { done: true, value: undefined };
  for (const packet of decoder.packets(range)) {
    if (packets === undefined) {
      // The packet that holds the start of the range begins before it.
      packets = accessPackets(recording, { from: packet.icount, to: range.to });
      accesses = packets.next();
    }
    // The row of a packet comes between its start and the next packet's, which start one after the other.
    while (!accesses.done && accesses.value.seq < packet.seq) accesses = packets.next();
    const here = accesses.done || accesses.value.seq > packet.nextSeq ? undefined : accesses.value;
    const addresses = here && decodeAddresses(here.bytes, here.count);
    if (here === undefined) continue;
    if (addresses === undefined || !join(packet, decoder.decode(packet), addresses, range, out))
      throw damaged(
        recording.directory,
        `the accesses of the packet of instruction ${packet.icount} do not fit its instructions`,
      );
    if (out.rows > 0) yield out.take();
  }
}

export async function registerMemoryAccesses(
  connection: DuckDBConnection,
  recording: Recording,
): Promise<void> {
  registerScan(connection, {
    name: 'scan_memory_accesses',
    columns: COLUMNS,
    rows: () => Math.ceil(recording.instructions / 3),
    batches: (_names, range) => batches(recording, range),
  });
  await createViews(connection, 'memory_accesses', COLUMNS);
}
