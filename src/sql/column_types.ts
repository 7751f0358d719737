/** The types of the trace's columns in DuckDB, and writing such columns into DuckDB's vectors without making values of them. */
import {
  BIGINT,
  BLOB,
  BOOLEAN,
  type DuckDBType,
  ENUM,
  LIST,
  TINYINT,
  UBIGINT,
  UINTEGER,
  USMALLINT,
  UTINYINT,
  VARCHAR,
} from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import type { ColumnData } from '../trace/columns.ts';
import { packBits } from '../trace/encode/segment.ts';
import type { ColumnType } from '../trace/schema.ts';

const PLAIN: { readonly [T in Exclude<ColumnType, 'text'>]: DuckDBType } = {
  u8: UTINYINT,
  i8: TINYINT,
  u16: USMALLINT,
  u32: UINTEGER,
  u64: UBIGINT,
  i64: BIGINT,
  bool: BOOLEAN,
  bytes: BLOB,
  u64list: LIST(UBIGINT),
};

/**
 * The type of a column; text is an ENUM of `texts`, so that only numbers cross into DuckDB. The views turn it into VARCHAR.
 */
export function duckdbType(type: OutputType, texts: readonly string[]): DuckDBType {
  if (type === 'varchar') return VARCHAR;
  return type === 'text' ? ENUM(texts.length === 0 ? [''] : [...texts]) : PLAIN[type];
}

/** The integers that an ENUM of so many texts is made of. */
const enumArray = (texts: number) =>
  texts <= 0xff ? Uint8Array : texts <= 0xffff ? Uint16Array : Uint32Array;

/** Writes a vector's first bytes. The bindings take an ArrayBuffer. */
function copy(vector: duckdb.Vector, { buffer, byteOffset, byteLength }: NodeJS.ArrayBufferView): void {
  duckdb.copy_data_to_vector(vector, 0, buffer as ArrayBuffer, byteOffset, byteLength);
}

/** `varchar` is text whose entries are not known when a query is bound; it has the form of a text column. */
export type OutputType = ColumnType | 'varchar';

/** A column of one output chunk: what `numbers` maps from is a text column's dictionary, to its texts in the ENUM. */
export interface OutputColumn {
  readonly type: OutputType;
  readonly numbers?: ReadonlyMap<string, number>;
}

/** Writes rows [from, from + count) of `data`. */
export function writeColumn(
  vector: duckdb.Vector,
  { type, numbers }: OutputColumn,
  data: ColumnData,
  from: number,
  count: number,
): void {
  const { values, offsets, validity, dictionary } = data;
  if (validity !== undefined) writeValidity(vector, validity.subarray(from, from + count));
  if (type === 'text') {
    const ids = dictionary!.map((text) => numbers!.get(text)!);
    const out = new (enumArray(numbers!.size))(count);
    for (let i = 0; i < count; i++) out[i] = ids[Number(values[from + i])];
    copy(vector, out);
  } else if (type === 'varchar') {
    writeTexts(vector, data, from, count);
  } else if (offsets === undefined) {
    copy(vector, values.subarray(from, from + count));
  } else if (type === 'bytes') {
    for (let i = 0; i < count; i++)
      duckdb.vector_assign_string_element_len(
        vector,
        i,
        values.subarray(offsets[from + i], offsets[from + i + 1]) as Uint8Array,
      );
  } else {
    writeLists(vector, values as BigUint64Array, offsets.subarray(from, from + count + 1));
  }
}

/** `validity` has one byte a row. */
export function writeValidity(vector: duckdb.Vector, validity: Uint8Array): void {
  if (!validity.includes(0)) return;
  duckdb.vector_ensure_validity_writable(vector);
  const bits = packBits(validity);
  duckdb.copy_data_to_vector_validity(vector, 0, bits.buffer as ArrayBuffer, 0, bits.byteLength);
}

function writeLists(vector: duckdb.Vector, values: BigUint64Array, offsets: Int32Array): void {
  const rows = offsets.length - 1;
  const start = offsets[0];
  const total = offsets[rows] - start;
  const entries = new BigUint64Array(2 * rows);
  for (let i = 0; i < rows; i++) {
    entries[2 * i] = BigInt(offsets[i] - start);
    entries[2 * i + 1] = BigInt(offsets[i + 1] - offsets[i]);
  }
  duckdb.list_vector_reserve(vector, total);
  duckdb.list_vector_set_size(vector, total);
  copy(vector, entries);
  if (total > 0) copy(duckdb.list_vector_get_child(vector), values.subarray(start, start + total));
}

/** Texts up to this length stand in the vector itself, after their length: DuckDB's `duckdb_string_t`. */
const INLINE_BYTES = 12;

/** Text without an ENUM: short texts are copied together, long ones cost a call each. */
function writeTexts(
  vector: duckdb.Vector,
  { values, validity, dictionary }: ColumnData,
  from: number,
  count: number,
): void {
  const entries = dictionary!.map((text) => {
    const bytes = Buffer.from(text, 'utf8');
    if (bytes.length > INLINE_BYTES) return undefined;
    const entry = new Uint8Array(16);
    entry[0] = bytes.length;
    entry.set(bytes, 4);
    return new BigUint64Array(entry.buffer);
  });
  const strings = new BigUint64Array(2 * count);
  const isNull = (row: number) => validity !== undefined && validity[from + row] === 0;
  for (let i = 0; i < count; i++) {
    const entry = isNull(i) ? undefined : entries[Number(values[from + i])];
    if (entry === undefined) continue;
    strings[2 * i] = entry[0];
    strings[2 * i + 1] = entry[1];
  }
  copy(vector, strings);
  for (let i = 0; i < count; i++) {
    const id = Number(values[from + i]);
    if (!isNull(i) && entries[id] === undefined)
      duckdb.vector_assign_string_element(vector, i, dictionary![id]);
  }
}
