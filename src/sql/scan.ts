/**
 * Table functions that give columns: what all of ours have in common. A scan is a generator of batches; DuckDB takes them
 * 2048 rows at a time, and only the columns that the query uses are asked for.
 */
import { type DuckDBConnection, DuckDBTableFunction, UBIGINT } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import type { Batch } from '../trace/columns.ts';
import type { IcountRange } from '../trace/recording.ts';
import { duckdbType, type OutputColumn, type OutputType, writeColumn } from './column_types.ts';

/** Rows of an output chunk: DuckDB's vector size. */
export const VECTOR_ROWS = 2048;

/** A view as docs/tables.md describes it. */
export interface View {
  readonly name: string;
  readonly sentence: string;
  readonly columns: readonly (ScanColumn & { readonly unit: string; readonly sentence: string })[];
}

export interface ScanColumn {
  readonly name: string;
  readonly type: OutputType;
  /** For text: everything that it may hold. Asked for when a query is bound. */
  readonly texts?: () => readonly string[];
}

export interface Scan {
  /** Name of the table function. */
  readonly name: string;
  readonly columns: readonly ScanColumn[];
  /** Number of rows, as a hint for the planner. */
  readonly rows: () => number;
  /** Batches of the columns asked for, of any length. */
  readonly batches: (names: readonly string[], range: IcountRange) => Iterator<Batch>;
}

interface Bound {
  readonly columns: readonly (OutputColumn & { readonly name: string })[];
  readonly range: IcountRange;
}

interface Running {
  readonly columns: readonly (OutputColumn & { readonly name: string })[];
  readonly batches: Iterator<Batch>;
  batch: Batch | undefined;
  at: number;
}

const oneLine = (error: unknown) => (error as Error).message.replaceAll('\n', ' ');

/** Registers `scan` as a table function with the named parameters `start` and `stop`: instructions from and up to, optional. */
export function registerScan(connection: DuckDBConnection, scan: Scan): void {
  const tableFunction = DuckDBTableFunction.create({
    name: scan.name,
    namedParameterTypes: { start: UBIGINT, stop: UBIGINT },
    supportsProjectionPushdown: true,
    bindFunction: (info) => {
      try {
        const columns = scan.columns.map(({ name, type, texts }) => {
          const known = texts?.() ?? [];
          info.addResultColumn(name, duckdbType(type, known));
          return { name, type, numbers: new Map(known.map((text, i) => [text, i])) };
        });
        const parameter = (name: string) => {
          const value = info.getNamedParameter(name);
          return value === null ? undefined : Number(value);
        };
        info.setCardinality(scan.rows(), false);
        const bound: Bound = { columns, range: { from: parameter('start'), to: parameter('stop') } };
        info.setBindData(bound);
      } catch (error) {
        info.setError(oneLine(error));
      }
    },
    initFunction: (info) => {
      const { columns, range } = info.bindData as Bound;
      const projected = info.getColumnIndexes().map((i) => columns[i]);
      // A query that needs no column (count(*)) still asks for rows.
      const names = projected.filter((column) => column !== undefined).map(({ name }) => name);
      const batches = scan.batches(names, range);
      const running: Running = { columns: projected, batches, batch: undefined, at: 0 };
      info.setInitData(running);
    },
    mainFunction: (info, output) => {
      try {
        fill(info.initData as Running, output.chunk);
      } catch (error) {
        info.setError(oneLine(error));
      }
    },
  });
  connection.registerTableFunction(tableFunction);
}

function fill(running: Running, chunk: duckdb.DataChunk): void {
  while (running.batch === undefined || running.at === running.batch.rows) {
    const next = running.batches.next();
    if (next.done === true) {
      duckdb.data_chunk_set_size(chunk, 0);
      return;
    }
    running.batch = next.value;
    running.at = 0;
  }
  const { batch, at, columns } = running;
  const count = Math.min(VECTOR_ROWS, batch.rows - at);
  duckdb.data_chunk_set_size(chunk, count);
  for (let i = 0; i < columns.length; i++)
    if (columns[i] !== undefined)
      writeColumn(
        duckdb.data_chunk_get_vector(chunk, i),
        columns[i],
        batch.columns[columns[i].name],
        at,
        count,
      );
  running.at += count;
}
