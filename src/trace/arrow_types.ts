/** Arrow's names for the column types: what a segment's schema says. */
import {
  Binary,
  Bool,
  type DataType,
  Dictionary,
  Field,
  Int8,
  Int32,
  Int64,
  List,
  Schema,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Utf8,
} from 'apache-arrow';
import { columnsOf } from './columns.ts';
import { type ColumnType, FORMAT_VERSION, TABLES, type TableName } from './schema.ts';

function arrowType(type: ColumnType, dictionaryId: number): DataType {
  switch (type) {
    case 'u8':
      return new Uint8();
    case 'i8':
      return new Int8();
    case 'u16':
      return new Uint16();
    case 'u32':
      return new Uint32();
    case 'u64':
      return new Uint64();
    case 'i64':
      return new Int64();
    case 'bool':
      return new Bool();
    case 'text':
      // Signed 32-bit indices: the one width that every reader takes.
      return new Dictionary(new Utf8(), new Int32(), dictionaryId);
    case 'bytes':
      return new Binary();
    case 'u64list':
      return new List(new Field('item', new Uint64(), false));
  }
}

/** The Arrow schema of a table. The id of a dictionary is the index of its column. */
export function arrowSchema(table: TableName): Schema {
  const fields = Object.entries(columnsOf(table)).map(
    ([name, { type, nullable, unit, sentence }], index) =>
      new Field(
        name,
        arrowType(type, index),
        nullable === true,
        new Map([
          ['unit', unit],
          ['sentence', sentence],
        ]),
      ),
  );
  const metadata = new Map([
    ['hindsight.format', String(FORMAT_VERSION)],
    ['hindsight.table', table],
    ['sentence', TABLES[table].sentence],
  ]);
  return new Schema(fields, metadata);
}
