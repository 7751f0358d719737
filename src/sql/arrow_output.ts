/** The result of a query as an Arrow IPC stream. Types without an Arrow counterpart here are written as text. */
import type { Writable } from 'node:stream';
import {
  type DuckDBListType,
  type DuckDBResult,
  type DuckDBType,
  DuckDBTypeId,
  type JS,
} from '@duckdb/node-api';
import {
  Binary,
  Bool,
  type DataType,
  Field,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  List,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';
import { cellText, put } from './cell_text.ts';

const SIMPLE: { readonly [id: number]: () => DataType } = {
  [DuckDBTypeId.BOOLEAN]: () => new Bool(),
  [DuckDBTypeId.TINYINT]: () => new Int8(),
  [DuckDBTypeId.SMALLINT]: () => new Int16(),
  [DuckDBTypeId.INTEGER]: () => new Int32(),
  [DuckDBTypeId.BIGINT]: () => new Int64(),
  [DuckDBTypeId.UTINYINT]: () => new Uint8(),
  [DuckDBTypeId.USMALLINT]: () => new Uint16(),
  [DuckDBTypeId.UINTEGER]: () => new Uint32(),
  [DuckDBTypeId.UBIGINT]: () => new Uint64(),
  [DuckDBTypeId.FLOAT]: () => new Float32(),
  [DuckDBTypeId.DOUBLE]: () => new Float64(),
  [DuckDBTypeId.BLOB]: () => new Binary(),
};

function arrowType(type: DuckDBType): DataType {
  if (type.typeId === DuckDBTypeId.LIST)
    return new List(new Field('item', arrowType((type as DuckDBListType).valueType), true));
  return SIMPLE[type.typeId]?.() ?? new Utf8();
}

/** A value as Arrow's builders take it for the type. */
function arrowValue(type: DataType, value: JS): unknown {
  if (value === null || value === undefined) return null;
  if (type instanceof List) return (value as JS[]).map((item) => arrowValue(type.children[0].type, item));
  return type instanceof Utf8 ? cellText(value) : value;
}

export async function writeArrow(result: DuckDBResult, out: Writable): Promise<void> {
  const types = result.columnTypes().map(arrowType);
  const schema = new Schema(
    result.deduplicatedColumnNames().map((name, i) => new Field(name, types[i], true)),
  );
  const writer = new RecordBatchStreamWriter();
  writer.reset(undefined, schema);
  for await (const columns of columnsOf(result)) {
    const children = columns.map(
      (values, i) =>
        vectorFromArray(
          values.map((value) => arrowValue(types[i], value)),
          types[i],
        ).data[0],
    );
    const data = makeData({
      type: new Struct(schema.fields),
      length: columns[0].length,
      nullCount: 0,
      children,
    });
    writer.write(new RecordBatch(schema, data));
  }
  writer.finish();
  for await (const bytes of writer) await put(out, bytes as Uint8Array);
}

async function* columnsOf(result: DuckDBResult): AsyncGenerator<JS[][]> {
  for await (const rows of result.yieldRowsJs())
    if (rows.length > 0) yield rows[0].map((_, column) => rows.map((row) => row[column]));
}
