/** A chunk of rows: emptied by whoever fills it, read as a batch by the writer. */
import { type Batch, type ColumnData, type Values, valueArray } from '../columns.ts';
import type { RowTable } from './layout.ts';
import { Texts } from './texts.ts';

/** A chunk that is to be written: what the memory does not say. */
export interface ChunkFacts {
  /** Index of the table in the layout, and which of its chunks. */
  readonly table: number;
  readonly half: 0 | 1;
  readonly rows: number;
  /** Elements, for each column of lists or bytes, and texts of the epoch so far, for each text column. */
  readonly elements: { readonly [column: string]: number };
  readonly dictionaries: { readonly [column: string]: readonly string[] };
}

/** Of one table: the texts of each text column. */
export type TextColumns = ReadonlyMap<string, Texts>;

export const textColumns = ({ columns }: RowTable): TextColumns =>
  new Map(columns.flatMap(({ name, column }) => (column.type === 'text' ? [[name, new Texts()]] : [])));

type Constructor = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => Values;

/** What the chunk under way holds; the table's cells are then those of an empty one. */
export function takeChunk(u32: Uint32Array, table: RowTable, texts: TextColumns, half: 0 | 1): ChunkFacts {
  const elements: { [column: string]: number } = {};
  const dictionaries: { [column: string]: string[] } = {};
  for (const { name, usedCell, countCell, codes } of table.columns) {
    if (usedCell !== undefined) {
      elements[name] = u32[usedCell >>> 2];
      u32[usedCell >>> 2] = 0;
    }
    if (countCell !== undefined) {
      const count = u32[countCell >>> 2];
      const ofColumn = texts.get(name)!;
      dictionaries[name] = Array.from({ length: count }, (_, n) => ofColumn.textOf(u32[(codes! >>> 2) + n]));
    }
  }
  const rows = u32[table.rowsCell >>> 2];
  u32[table.rowsCell >>> 2] = 0;
  return { table: table.index, half, rows, elements, dictionaries };
}

/** The next epoch has dictionaries of its own. */
export function forgetTexts(u32: Uint32Array, table: RowTable, texts: TextColumns): void {
  for (const { name, countCell, codes, numbers } of table.columns) {
    if (countCell === undefined) continue;
    const count = u32[countCell >>> 2];
    for (let n = 0; n < count; n++) u32[(numbers! >>> 2) + u32[(codes! >>> 2) + n]] = 0;
    u32[countCell >>> 2] = 0;
    texts.get(name)!.forget();
  }
}

/** A chunk as a batch of columns: views of the memory. */
export function chunkBatch(
  { buffer }: WebAssembly.Memory,
  { columns, chunks }: RowTable,
  { half, rows, elements, dictionaries }: ChunkFacts,
): Batch {
  const base = chunks[half];
  const batch: { [name: string]: ColumnData } = {};
  for (const { name, column, values, offsets, validity } of columns) {
    const array = valueArray(column.type) as unknown as Constructor;
    batch[name] = {
      values: new array(buffer, base + values, elements[name] ?? rows),
      ...(offsets !== undefined && { offsets: new Int32Array(buffer, base + offsets, rows + 1) }),
      ...(validity !== undefined && { validity: new Uint8Array(buffer, base + validity, rows) }),
      ...(column.type === 'text' && { dictionary: dictionaries[name] }),
    };
  }
  return { rows, columns: batch };
}
