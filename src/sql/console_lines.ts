/**
 * `console_lines`: what guests print, by lines, and by who prints where several share one UART.
 *
 * Xen says who: it has `(XEN) ` in front of its own lines, `(XEN) DOM1: ` in front of those of a domain's emulated UART, and `(d1) `
 * of what a domain prints by hypercall. What its dom0 prints goes out as it is.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Batch } from '../trace/columns.ts';
import type { Recording } from '../trace/recording.ts';
import type { ColumnType } from '../trace/schema.ts';
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
    { name: 'device', type: 'varchar', unit: '', sentence: 'Device name' },
    {
      name: 'source',
      type: 'varchar',
      unit: '',
      sentence:
        'xen, or the domain as dom1, where Xen says in front of the line who prints; else empty, as for its dom0 and without Xen',
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

const BY_XEN = /^\(XEN\) (?:DOM(\d+): )?/;
const BY_DOMAIN = /^\(d(\d+)\) /;

/** Who printed a line, and what. */
export function attributed(line: string): { readonly source: string; readonly text: string } {
  const prefix = BY_XEN.exec(line) ?? BY_DOMAIN.exec(line);
  if (prefix === null) return { source: '', text: line };
  const [{ length }, domain] = prefix;
  return { source: domain === undefined ? 'xen' : `dom${domain}`, text: line.slice(length) };
}

/** A line of a device that has not ended. */
interface Line {
  readonly icount: bigint;
  readonly seq: bigint;
  readonly timeNs: bigint;
  readonly cpu: number;
  readonly bytes: number[];
}

/** Ends of lines are LF with any CR in front of it, as drivers of terminals make them. */
function textOf({ bytes }: Line): string {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0x0d) end--;
  return Buffer.from(bytes.slice(0, end)).toString('utf8');
}

function* batches(recording: Recording): Generator<Batch> {
  const out = new TableBuilder(
    Object.fromEntries(
      COLUMNS.map(({ name, type }) => [
        name,
        { type: type === 'varchar' ? 'text' : (type as ColumnType), unit: '', sentence: '' },
      ]),
    ),
  );
  const lines = new Map<string, Line>();
  const end = (device: string, line: Line) => {
    const { source, text } = attributed(textOf(line));
    const cells = [line.icount, line.seq, line.timeNs, line.cpu, device, source, text];
    const row = out.addRow();
    for (let column = 0; column < cells.length; column++) out.columns[column].push(row, cells[column]);
    lines.delete(device);
  };
  const names = ['icount', 'seq', 'time_ns', 'cpu', 'device', 'direction', 'byte'];
  for (const { rows, columns } of recording.batches('console', names)) {
    const { icount, seq, time_ns, cpu, device, direction, byte } = columns;
    for (let row = 0; row < rows; row++) {
      if (direction.dictionary![Number(direction.values[row])] !== 'out') continue;
      const name = device.dictionary![Number(device.values[row])];
      let line = lines.get(name);
      if (line === undefined) {
        line = {
          icount: icount.values[row] as bigint,
          seq: seq.values[row] as bigint,
          timeNs: time_ns.values[row] as bigint,
          cpu: Number(cpu.values[row]),
          bytes: [],
        };
        lines.set(name, line);
      }
      const code = Number(byte.values[row]);
      if (code !== 0x0a) line.bytes.push(code);
      if (code === 0x0a || line.bytes.length === MOST_LINE_BYTES) end(name, line);
    }
    if (out.rows > 0) yield out.take();
  }
  for (const [device, line] of lines) end(device, line);
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
