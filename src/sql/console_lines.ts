/**
 * `console_lines`: what guests print, by lines, and by who prints.
 *
 * Several guests share the machine's UART under Xen, which says who: it has `(XEN) ` in front of its own lines, `(XEN) DOM1: ` in front
 * of those of a domain's emulated UART, and `(d1) ` of what a domain prints by hypercall. What its dom0 prints by hypercall goes out as
 * it is. A VM whose UART is emulated has that as a device of its own (console_bytes.ts).
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Batch } from '../trace/columns.ts';
import type { Recording } from '../trace/recording.ts';
import type { ColumnType } from '../trace/schema.ts';
import { type Channel, type PrintedByte, printedBytes } from './console_bytes.ts';
import { registerScan, type ScanColumn, type View } from './scan.ts';
import { TableBuilder } from './table_builder.ts';
import { createViews } from './tables.ts';

/** A guest that never ends its line fills rows of so many bytes. */
const MOST_LINE_BYTES = 4096;

export const CONSOLE_LINES_VIEW = {
  name: 'console_lines',
  sentence: `One row per line that was printed, in the order of their ends; one of more than ${MOST_LINE_BYTES} bytes is several`,
  columns: [
    { name: 'icount', type: 'u64', unit: 'instructions', sentence: 'Of the first byte, as in console' },
    { name: 'seq', type: 'u64', unit: 'events', sentence: 'seq of the first byte' },
    { name: 'time_ns', type: 'u64', unit: 'ns', sentence: 'Virtual time of the first byte' },
    { name: 'cpu', type: 'u8', unit: '', sentence: 'CPU that wrote the first byte' },
    {
      name: 'device',
      type: 'varchar',
      unit: '',
      sentence: 'Device of the machine; or the UART that EL2 emulates for a VM, as vm1 uart at 0x9000000',
    },
    {
      name: 'vmid',
      type: 'u16',
      unit: '',
      sentence: 'VMID of the VM whose emulated UART it is; null on devices of the machine',
    },
    {
      name: 'vttbr',
      type: 'u64',
      unit: '',
      sentence: 'VTTBR_EL2 of that VM: which VM, as in exits',
    },
    {
      name: 'source',
      type: 'varchar',
      unit: '',
      sentence:
        "Who printed it: vm1 on a VM's UART; under Xen xen, dom0, dom1, …; else empty: the only guest, or one through another's console",
    },
    {
      name: 'text',
      type: 'varchar',
      unit: '',
      sentence: 'The line as UTF-8, without its end and without what says the source',
    },
  ],
} as const satisfies View;
const COLUMNS: readonly ScanColumn[] = CONSOLE_LINES_VIEW.columns;

/** Null on devices of the machine. */
const OF_VMS = new Set(['vmid', 'vttbr']);
const LINE_FEED = 0x0a;
/** Of VTTBR_EL2. */
const VMID_SHIFT = 48n;
const BY_XEN = /^\(XEN\) (?:DOM(\d+): )?/;
const BY_DOMAIN = /^\(d(\d+)\) /;

/** Who printed a line, and what. */
class Sources {
  /** By VTTBR_EL2: a domain whose lines Xen printed in its name. */
  readonly #domains = new Map<bigint, string>();

  attribute(line: string, { vm, serves }: Channel): { readonly source: string; readonly text: string } {
    if (vm !== null) return { source: `vm${vm.vmid}`, text: line };
    const prefix = BY_XEN.exec(line) ?? BY_DOMAIN.exec(line);
    if (prefix === null) return { source: serves?.what === 'console_io' ? 'dom0' : '', text: line };
    const [{ length }, domain] = prefix;
    const text = line.slice(length);
    if (serves?.what !== 'uart') return { source: domain === undefined ? 'xen' : `dom${domain}`, text };
    if (domain !== undefined) this.#domains.set(serves.vttbr, `dom${domain}`);
    return { source: this.#domains.get(serves.vttbr) ?? `vm${serves.vttbr >> VMID_SHIFT}`, text };
  }
}

/** A line of a channel that has not ended. */
interface Line {
  readonly first: PrintedByte;
  readonly bytes: number[];
}

/** Ends of lines are LF with any CR in front of it, as drivers of terminals make them. */
function textOf({ bytes }: Line): string {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0x0d) end--;
  return Buffer.from(bytes.slice(0, end)).toString('utf8');
}

/** Rows of one batch. */
const BATCH_ROWS = 2048;

function* batches(recording: Recording): Generator<Batch> {
  const out = new TableBuilder(
    Object.fromEntries(
      COLUMNS.map(({ name, type }) => [
        name,
        {
          ...{ type: type === 'varchar' ? 'text' : (type as ColumnType), unit: '', sentence: '' },
          ...(OF_VMS.has(name) && { nullable: true as const }),
        },
      ]),
    ),
  );
  const sources = new Sources();
  const lines = new Map<Channel, Line>();
  const end = (line: Line) => {
    const { icount, seq, timeNs, cpu, channel } = line.first;
    const { device, vm } = channel;
    const { source, text } = sources.attribute(textOf(line), channel);
    const cells = [icount, seq, timeNs, cpu, device, vm?.vmid ?? null, vm?.vttbr ?? null, source, text];
    const row = out.addRow();
    for (let column = 0; column < cells.length; column++) out.columns[column].push(row, cells[column]);
    lines.delete(channel);
  };
  for (const printed of printedBytes(recording)) {
    const { channel, byte } = printed;
    let line = lines.get(channel);
    if (line === undefined) {
      line = { first: printed, bytes: [] };
      lines.set(channel, line);
    }
    if (byte !== LINE_FEED) line.bytes.push(byte);
    if (byte === LINE_FEED || line.bytes.length === MOST_LINE_BYTES) end(line);
    if (out.rows === BATCH_ROWS) yield out.take();
  }
  for (const line of lines.values()) end(line);
  if (out.rows > 0) yield out.take();
}

export async function registerConsoleLines(
  connection: DuckDBConnection,
  recording: Recording,
): Promise<void> {
  registerScan(connection, {
    name: 'scan_console_lines',
    columns: COLUMNS,
    rows: () => Math.ceil(recording.rowCount('console') / 40),
    batches: () => batches(recording),
  });
  await createViews(connection, 'console_lines', COLUMNS);
}
