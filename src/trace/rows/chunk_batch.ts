import { type Batch, type ColumnData, type Values, valueArray } from '../columns.ts';
import type { ChunkFacts } from './event_rows.ts';
import type { RowTable } from './layout.ts';

type Constructor = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => Values;

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
