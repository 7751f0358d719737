/** Rows of a table as objects: for the event tables, which are small. */
import type { Cell } from '../trace/columns.ts';
import { cellOf, columnsOf } from '../trace/columns.ts';
import type { IcountRange, Recording } from '../trace/recording.ts';
import type { TableName } from '../trace/schema.ts';

export type EventRow = { readonly [column: string]: Cell };

/** The rows of the range in order; 64-bit columns are BigInt but for icount, seq and time_ns, which are numbers. */
export function* rowsOf(
  recording: Recording,
  table: TableName,
  columns: readonly string[] = Object.keys(columnsOf(table)),
  range: IcountRange = {},
): Generator<{ readonly icount: number; readonly seq: number } & EventRow> {
  const types = columnsOf(table);
  for (const batch of recording.batches(table, columns, range)) {
    for (let row = 0; row < batch.rows; row++) {
      const out: { [column: string]: Cell } = {};
      for (const name of columns) {
        const cell = cellOf(types[name].type, batch.columns[name], row);
        out[name] = name === 'icount' || name === 'seq' || name === 'time_ns' ? Number(cell) : cell;
      }
      const icount = out['icount'] as number;
      if (icount !== undefined && (icount < (range.from ?? 0) || icount >= (range.to ?? Infinity))) continue;
      yield out as { icount: number; seq: number } & EventRow;
    }
  }
}
