/**
 * Where the rows of events are, in the memory that the recorder shares with its writer. Both threads compute it from the schema.
 *
 * Each table has two chunks: the guest's thread fills one while the writer encodes the other. A chunk is a record batch, a column
 * behind the other, in the form of columns.ts:
 *
 *     values       `rows` elements of the column's width; of `bytes` and `u64list` up to `most` times as many
 *     offsets      rows + 1 times 4 bytes, for those two
 *     validity     a byte a row, for nullable columns
 */
import { columnsOf, hasOffsets, TABLE_NAMES, valueArray } from '../columns.ts';
import { BATCH_BYTES, BATCH_ROWS } from '../encode/batch_limits.ts';
import type { Column, EventTable, TableName } from '../schema.ts';

const PACKET_TABLES: ReadonlySet<TableName> = new Set(['flow', 'accesses', 'values']);
export const EVENT_TABLES = TABLE_NAMES.filter((table) => !PACKET_TABLES.has(table)) as EventTable[];

/**
 * A text column has so many texts in an epoch at most: an epoch is full at 2^18 rows, and one packet more. The codes below
 * KEPT_TEXTS mean the same text until the recording ends.
 */
export const MOST_TEXTS = 2 ** 19;
export const KEPT_TEXTS = 2 ** 16;

/** Lists and bytes of the row that is made are put here first: so many bytes for each such column of a table. */
const STAGE_BYTES = 4096;
const STAGES = 2;

export interface RowColumn {
  readonly name: string;
  readonly column: Column;
  /** Bytes of an element. */
  readonly width: number;
  /** Offsets in a chunk. */
  readonly values: number;
  readonly offsets?: number;
  readonly validity?: number;
  /** Lists and bytes: the cell that counts the chunk's elements, and where a row's elements are staged. */
  readonly usedCell?: number;
  readonly stage?: number;
  /**
   * Text: the cell that counts the epoch's texts; for each code the number that it has in the epoch's dictionary plus one, or zero;
   * the codes in the order of their numbers. Four bytes each.
   */
  readonly countCell?: number;
  readonly numbers?: number;
  readonly codes?: number;
}

export interface RowTable {
  readonly table: EventTable;
  /** Among the tables of events. */
  readonly index: number;
  /** Rows of a chunk. */
  readonly capacity: number;
  /** Those that the recorder stamps, then the table's own. */
  readonly columns: readonly RowColumn[];
  readonly chunks: readonly [number, number];
  /** Cells: rows in the present chunk, and its address. */
  readonly rowsCell: number;
  readonly chunkCell: number;
}

/** All addresses are in the memory. */
export interface RowLayout {
  readonly tables: readonly RowTable[];
  /** A u64: number of the next event. */
  readonly seqCell: number;
  /** A u32: rows of events in this epoch. */
  readonly epochRowsCell: number;
  readonly end: number;
}

const aligned = (n: number, to: number) => Math.ceil(n / to) * to;

/** The layout from `base` on, a multiple of 64 KiB. */
export function rowLayout(base: number): RowLayout {
  let end = base;
  const take = (bytes: number, alignment = 64): number => {
    const at = aligned(end, alignment);
    end = at + bytes;
    return at;
  };
  const seqCell = take(8);
  const epochRowsCell = take(4, 4);
  const stages = Array.from({ length: STAGES }, () => take(STAGE_BYTES));
  const tables = EVENT_TABLES.map((table, index) => layOut(table, index, take, stages));
  return { tables, seqCell, epochRowsCell, end };
}

function layOut(
  table: EventTable,
  index: number,
  take: (bytes: number, alignment?: number) => number,
  stages: readonly number[],
): RowTable {
  const declared = Object.entries(columnsOf(table));
  const widthOf = ({ type }: Column) => valueArray(type).BYTES_PER_ELEMENT;
  const mostOf = ({ type, most }: Column) => {
    if (!hasOffsets(type)) return 1;
    if (most === undefined) throw new Error(`table ${table}: a list of events says how long it may be`);
    return most;
  };
  const rowBytes = declared.reduce((sum, [, column]) => sum + widthOf(column) * mostOf(column), 0);
  const capacity = Math.min(BATCH_ROWS, Math.floor(BATCH_BYTES / rowBytes));
  let chunkBytes = 0;
  const place = (bytes: number): number => {
    const at = chunkBytes;
    chunkBytes = aligned(at + bytes, 64);
    return at;
  };
  let staged = 0;
  const columns = declared.map(([name, column]): RowColumn => {
    const width = widthOf(column);
    const values = place(width * mostOf(column) * capacity);
    return {
      ...{ name, column, width, values },
      ...(hasOffsets(column.type) && {
        offsets: place(4 * (capacity + 1)),
        usedCell: take(4, 4),
        stage: stages[staged++],
      }),
      ...(column.nullable && { validity: place(capacity) }),
      ...(column.type === 'text' && {
        countCell: take(4, 4),
        numbers: take(4 * MOST_TEXTS, 4096),
        codes: take(4 * MOST_TEXTS, 4096),
      }),
    };
  });
  const rowsCell = take(4, 4);
  const chunkCell = take(4, 4);
  const chunks = [take(chunkBytes, 4096), take(chunkBytes, 4096)] as const;
  return { table, index, capacity, columns, chunks, rowsCell, chunkCell };
}
