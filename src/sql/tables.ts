/**
 * The tables of the schema in SQL. Each has three names: `scan_NAME(start := …, stop := …)` reads the segments in place, the
 * view `NAME` is all of it, and `NAME(start, stop)` is only the rows from instruction `start` up to `stop`, which skips the
 * record batches without such rows.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { columnsOf, TABLE_NAMES } from '../trace/columns.ts';
import type { Recording } from '../trace/recording.ts';
import { registerScan, type ScanColumn } from './scan.ts';

export async function registerTables(connection: DuckDBConnection, recording: Recording): Promise<void> {
  for (const table of TABLE_NAMES) {
    const columns = Object.entries(columnsOf(table)).map(
      ([name, { type }]): ScanColumn => ({
        name,
        type,
        ...(type === 'text' && { texts: () => recording.texts(table, name) }),
      }),
    );
    registerScan(connection, {
      name: `scan_${table}`,
      columns,
      rows: () => recording.rowCount(table),
      batches: (names, range) => recording.batches(table, names, range),
    });
    await createViews(connection, table, columns);
  }
}

/** The view `name` and the macro `name(start, stop)` over `scan_name`. */
export async function createViews(
  connection: DuckDBConnection,
  name: string,
  columns: readonly ScanColumn[],
): Promise<void> {
  const list = columns
    .map((column) =>
      column.type === 'text' ? `"${column.name}"::VARCHAR AS "${column.name}"` : `"${column.name}"`,
    )
    .join(', ');
  await connection.run(`CREATE VIEW "${name}" AS SELECT ${list} FROM scan_${name}()`);
  await connection.run(
    `CREATE MACRO "${name}"(start := NULL, stop := NULL) AS TABLE SELECT ${list} FROM scan_${name}(start := start, stop := stop)
     WHERE icount >= coalesce(start, 0) AND icount < coalesce(stop, 18446744073709551615)`,
  );
}
