/**
 * Columns in memory: the one form that the recorder fills, the writer encodes and the reader gives back.
 *
 * A column of n rows holds its values in `values`:
 *   u8 … u64, i8, i64   the typed array of that width, n long
 *   bool                Uint8Array, one byte a row, 0 or 1
 *   text                Uint32Array of n indices into `dictionary`, whose entries are in order of first appearance
 *   bytes               Uint8Array; row i is [offsets[i], offsets[i + 1])
 *   u64list             BigUint64Array; row i is [offsets[i], offsets[i + 1])
 * `validity`, one byte a row, is there for nullable columns: 0 is null, and the value there is 0.
 */
import { type Column, type ColumnType, TABLES, type TableName } from './schema.ts';

export type Values = Uint8Array | Int8Array | Uint16Array | Uint32Array | BigUint64Array | BigInt64Array;

export interface ColumnData {
  readonly values: Values;
  readonly offsets?: Int32Array;
  readonly dictionary?: readonly string[];
  readonly validity?: Uint8Array;
}

/** One or more rows of a table: as many columns as asked for, all of the same length. */
export interface Batch {
  readonly rows: number;
  readonly columns: { readonly [name: string]: ColumnData };
}

export type Cell =
  | number
  | bigint
  | boolean
  | string
  | null
  | Uint8Array
  | readonly (bigint | number)[]
  | BigUint64Array;

const VALUE_ARRAY = {
  u8: Uint8Array,
  i8: Int8Array,
  u16: Uint16Array,
  u32: Uint32Array,
  u64: BigUint64Array,
  i64: BigInt64Array,
  bool: Uint8Array,
  text: Uint32Array,
  bytes: Uint8Array,
  u64list: BigUint64Array,
} as const;

export const valueArray = (type: ColumnType) => VALUE_ARRAY[type];
export const hasOffsets = (type: ColumnType) => type === 'bytes' || type === 'u64list';

/** The columns of a table as the derived parts read them. */
export const columnsOf = (table: TableName): { readonly [name: string]: Column } => TABLES[table].columns;
export const TABLE_NAMES = Object.keys(TABLES) as readonly TableName[];

/** Rows [from, to) of a column, sharing its memory. A sliced text column keeps the whole dictionary. */
export function sliceColumn(data: ColumnData, from: number, to: number): ColumnData {
  const validity = data.validity?.subarray(from, to);
  if (data.offsets === undefined)
    return { ...data, values: data.values.subarray(from, to) as Values, validity };
  const start = data.offsets[from];
  return {
    values: data.values.subarray(start, data.offsets[to]) as Values,
    offsets: data.offsets.slice(from, to + 1).map((offset) => offset - start),
    validity,
  };
}

/** The value of one cell, for tests and for small results. u64 and i64 as BigInt. */
export function cellOf(type: ColumnType, data: ColumnData, row: number): Cell {
  if (data.validity !== undefined && data.validity[row] === 0) return null;
  switch (type) {
    case 'text':
      return data.dictionary![Number(data.values[row])];
    case 'bytes':
    case 'u64list':
      return data.values.subarray(data.offsets![row], data.offsets![row + 1]) as Uint8Array;
    case 'bool':
      return data.values[row] === 1;
    default:
      return data.values[row];
  }
}
