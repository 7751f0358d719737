/**
 * Where rows are, in the memory that the recorder shares with its writer. Both threads compute it from the schema.
 *
 * Each table of events has two chunks: the guest's thread fills one while the writer encodes the other. The tables of packets have
 * one, which the writer fills and encodes. A chunk is a record batch, a column behind the other, in the form of columns.ts:
 *
 *     values       `rows` elements of the column's width; of `bytes` and `u64list` as many as the layout has room for
 *     offsets      rows + 1 times 4 bytes, for those two
 *     validity     a byte a row, for nullable columns
 */
import { columnsOf, hasOffsets, TABLE_NAMES, valueArray } from '../columns.ts';
import { BATCH_BYTES, BATCH_ROWS } from '../encode/batch_limits.ts';
import type { Column, EventTable, TableName } from '../schema.ts';

export const PACKET_TABLES = ['flow', 'accesses', 'values'] as const;
export type PacketTable = (typeof PACKET_TABLES)[number];
export const EVENT_TABLES = TABLE_NAMES.filter(
  (table) => !PACKET_TABLES.some((name) => name === table),
) as EventTable[];

/**
 * A text column has so many texts in an epoch at most: an epoch is full at 2^18 rows, and one packet more. The codes below
 * KEPT_TEXTS mean the same text until the recording ends.
 */
export const MOST_TEXTS = 2 ** 19;
export const KEPT_TEXTS = 2 ** 16;

/** Lists and bytes of the row that is made are put here first: so many bytes for each such column of a table. */
const STAGE_BYTES = 4096;
const STAGES = 2;

/** The largest list of a packet: layout.ts of the translator allows so many bytes of values, less of all others. */
const MOST_PACKET_BYTES = 2 ** 20;
/** What encodes a packet may overwrite so many bytes behind a list. */
export const LIST_SLACK = 16;

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
  readonly table: TableName;
  /** Among the tables of the layout. */
  readonly index: number;
  /** The function numbers the rows: seq is no parameter. */
  readonly numbered: boolean;
  /** Rows of a chunk. */
  readonly capacity: number;
  /** Those that the recorder stamps, then the table's own. */
  readonly columns: readonly RowColumn[];
  readonly chunks: readonly number[];
  /** Cells: rows in the present chunk, and its address. */
  readonly rowsCell: number;
  readonly chunkCell: number;
}

/** All addresses are in the memory. */
export interface RowLayout {
  readonly tables: readonly RowTable[];
  /** A u64: number of the next row, for tables that are numbered. */
  readonly seqCell: number;
  /** A u32: rows in this epoch. */
  readonly epochRowsCell: number;
  readonly end: number;
}

const aligned = (n: number, to: number) => Math.ceil(n / to) * to;

/** The tables of events, from `base` on, a multiple of 4096. */
export function eventLayout(base: number): RowLayout {
  const space = new Space(base);
  const stages = Array.from({ length: STAGES }, () => space.take(STAGE_BYTES));
  const mostOf = (table: TableName, { type, most }: Column) => {
    if (!hasOffsets(type)) return 1;
    if (most === undefined) throw new Error(`table ${table}: a list of events says how long it may be`);
    return most;
  };
  return layOut(space, EVENT_TABLES, (table, index) => {
    const columns = Object.values(columnsOf(table));
    const rowBytes = columns.reduce((sum, column) => sum + widthOf(column) * mostOf(table, column), 0);
    const capacity = Math.min(BATCH_ROWS, Math.floor(BATCH_BYTES / rowBytes));
    const bytesOf = (column: Column) => widthOf(column) * mostOf(table, column) * capacity;
    return layOutTable(space, { table, index, numbered: true, capacity, chunks: 2 }, bytesOf, stages);
  });
}

/** The tables of packets, from `base` on, a multiple of 4096. Their lists have room for the packet that makes a batch large. */
export function packetLayout(base: number): RowLayout {
  const space = new Space(base);
  const listBytes = BATCH_BYTES + MOST_PACKET_BYTES + LIST_SLACK;
  const bytesOf = (column: Column) => (hasOffsets(column.type) ? listBytes : widthOf(column) * BATCH_ROWS);
  return layOut(space, PACKET_TABLES, (table, index) =>
    layOutTable(space, { table, index, numbered: false, capacity: BATCH_ROWS, chunks: 1 }, bytesOf, []),
  );
}

class Space {
  end: number;
  constructor(base: number) {
    this.end = base;
  }
  take(bytes: number, alignment = 64): number {
    const at = aligned(this.end, alignment);
    this.end = at + bytes;
    return at;
  }
}

const widthOf = ({ type }: Column) => valueArray(type).BYTES_PER_ELEMENT;

function layOut(
  space: Space,
  names: readonly TableName[],
  tableOf: (table: TableName, index: number) => RowTable,
): RowLayout {
  const seqCell = space.take(8);
  const epochRowsCell = space.take(4, 4);
  const tables = names.map(tableOf);
  return { tables, seqCell, epochRowsCell, end: space.end };
}

type TableFacts = Pick<RowTable, 'table' | 'index' | 'numbered' | 'capacity'> & { readonly chunks: number };

/** `bytesOf`: of a column's values, in a chunk. */
function layOutTable(
  space: Space,
  { chunks, ...facts }: TableFacts,
  bytesOf: (column: Column) => number,
  stages: readonly number[],
): RowTable {
  const { capacity } = facts;
  let chunkBytes = 0;
  const place = (bytes: number): number => {
    const at = chunkBytes;
    chunkBytes = aligned(at + bytes, 64);
    return at;
  };
  let staged = 0;
  const columns = Object.entries(columnsOf(facts.table)).map(([name, column]): RowColumn => {
    const values = place(bytesOf(column));
    return {
      ...{ name, column, width: widthOf(column), values },
      ...(hasOffsets(column.type) && {
        offsets: place(4 * (capacity + 1)),
        usedCell: space.take(4, 4),
        stage: stages[staged++],
      }),
      ...(column.nullable && { validity: place(capacity) }),
      ...(column.type === 'text' && {
        countCell: space.take(4, 4),
        numbers: space.take(4 * MOST_TEXTS, 4096),
        codes: space.take(4 * MOST_TEXTS, 4096),
      }),
    };
  });
  const cells = { rowsCell: space.take(4, 4), chunkCell: space.take(4, 4) };
  const bases = Array.from({ length: chunks }, () => space.take(chunkBytes, 4096));
  return { ...facts, columns, ...cells, chunks: bases };
}
