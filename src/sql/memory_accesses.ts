/**
 * `memory_accesses`: each address of the `accesses` packets with the instruction that made it.
 *
 * The order is the instructions', and within one that of its accesses. An access that crosses a 4 KiB page has two
 * addresses, so two rows, whose sizes add up. An instruction that takes a synchronous exception has none. A conditional
 * store that fails has none either, which the addresses alone do not show: where a packet has fewer addresses than its
 * instructions could make, a conditional store whose next address is not that of the load exclusive before it is taken as
 * failed.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { type Batch, TableBuilder } from '../trace/columns.ts';
import { decodeAddresses } from '../trace/decode/addresses.ts';
import { damaged } from '../trace/decode/segment.ts';
import { FlowDecoder, type Packet, type Runs } from '../trace/flow.ts';
import type { IcountRange, Recording } from '../trace/recording.ts';
import type { ColumnType } from '../trace/schema.ts';
import { type AccessKind, accessKind } from './access_kinds.ts';
import { ExclusiveMonitor, isLoadExclusive } from './exclusive_monitor.ts';
import { registerScan, type ScanColumn, type View } from './scan.ts';
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

const kinds = new Map<number, AccessKind | undefined>();
function kindOf(opcode: number): AccessKind | undefined {
  let known = kinds.get(opcode);
  if (known === undefined && !kinds.has(opcode)) {
    known = accessKind(opcode);
    kinds.set(opcode, known);
  }
  return known;
}

/** A row for each address of a packet, appended to `out`; false when the addresses do not fit the instructions. */
function join(
  { cpu }: Packet,
  runs: Runs,
  addresses: BigUint64Array,
  { from = 0, to = Infinity }: IcountRange,
  out: TableBuilder,
): boolean {
  const carried = beginsWithConditionalStore(runs) && !walk(runs, addresses, false, () => {});
  return walk(runs, addresses, carried, (icount, pc, el, opcode, kind, address, size) => {
    if (icount < from || icount >= to) return;
    const row = out.addRow();
    const cells = [icount, cpu, pc, el, opcode, kind, address, size];
    for (let column = 0; column < cells.length; column++) out.columns[column].push(row, cells[column]);
  });
}

type Visit = (
  icount: number,
  pc: bigint,
  el: number,
  opcode: number,
  kind: (typeof KINDS)[number],
  address: bigint,
  size: number,
) => void;

/** Gives the addresses to the instructions, one after the other; false when they do not fit. `carried`: see ExclusiveMonitor. */
function walk(runs: Runs, addresses: BigUint64Array, carried: boolean, visit: Visit): boolean {
  let next = 0;
  const monitor = new ExclusiveMonitor(carried);
  for (let run = 0; run < runs.count; run++) {
    const page = runs.pages[run];
    if (page === undefined || runs.excepted[run]) {
      monitor.passes(0, true);
      continue;
    }
    for (let n = 0; n < runs.lengths[run]; n++) {
      const offset = runs.offsets[run] + 4 * n;
      const opcode = page.words[offset >>> 2];
      // Bits 27 and 25 tell loads and stores from everything else.
      if ((opcode & 0x0a000000) !== 0x08000000) {
        monitor.passes(opcode, false);
        continue;
      }
      const access = kindOf(opcode);
      if (access === undefined || (access.conditional && !monitor.stores(addresses[next]))) continue;
      monitor.loads(opcode, addresses[next]);
      const icount = runs.icounts[run] + n;
      const pc = (BigInt(runs.vaPages[run]) << 12n) + BigInt(offset);
      for (let i = 0; i < access.count; i++) {
        for (let left = access.size; left > 0; ) {
          if (next === addresses.length) return false;
          const address = addresses[next++];
          const size = Math.min(left, 4096 - Number(address & 0xfffn));
          left -= size;
          visit(icount, pc, runs.els[run], opcode, KINDS[i < access.loads ? 0 : 1], address, size);
        }
      }
    }
  }
  return next === addresses.length;
}

/** Whether the first that the packet has of exclusives is a store: its load was in the packet before, if anywhere. */
function beginsWithConditionalStore(runs: Runs): boolean {
  for (let run = 0; run < runs.count; run++) {
    const page = runs.pages[run];
    if (page === undefined || runs.excepted[run]) return false;
    for (let n = 0; n < runs.lengths[run]; n++) {
      const opcode = page.words[(runs.offsets[run] >>> 2) + n];
      if ((opcode & 0x3f80_0000) !== 0x0800_0000) continue;
      if (isLoadExclusive(opcode)) return false;
      if (kindOf(opcode)?.conditional) return true;
    }
  }
  return false;
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
