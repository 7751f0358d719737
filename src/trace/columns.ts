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

const NO_BYTES = new Uint8Array(0);
const NO_SHORTS = new Uint16Array(0);
const NO_WORDS = new Uint32Array(0);
const NO_LONGS = new BigUint64Array(0);

/** Doubles an array until it holds `length` elements. */
function grown<T extends Values | Int32Array>(array: T, length: number): T {
  let capacity = Math.max(array.length, 64);
  while (capacity < length) capacity *= 2;
  const larger = new (array.constructor as new (n: number) => T)(capacity);
  (larger as Uint8Array).set(array as Uint8Array);
  return larger;
}

/** Collects one column. `push` and the bulk forms need `reserve` for the row first; the table builder calls it. */
export class ColumnBuilder {
  readonly type: ColumnType;
  readonly #nullable: boolean;
  #values: Values;
  /** The values again under the type that they have: a store through `#values`, which has many, costs ten times as much. */
  #bytes: Uint8Array = NO_BYTES;
  #shorts: Uint16Array = NO_SHORTS;
  #words: Uint32Array = NO_WORDS;
  #longs: BigUint64Array | BigInt64Array = NO_LONGS;
  /** The low and high halves of 64-bit values, so that numbers are stored without making BigInts. */
  #halves: Uint32Array = NO_WORDS;
  #offsets: Int32Array | undefined;
  #validity: Uint8Array | undefined;
  #ids = new Map<string, number>();
  /** The text of the last row is often that of the next. */
  #lastText: string | undefined;
  #lastId = 0;
  /** As many values as there were last time: room for them is made at once. */
  #expected = 0;
  /** The values are in memory that somebody else owns. */
  #borrowed = false;
  /** Elements used of `#values`; equals the rows unless the column has offsets. */
  #used = 0;

  constructor({ type, nullable }: Column) {
    this.type = type;
    this.#nullable = nullable === true;
    this.#values = new VALUE_ARRAY[type](0);
    this.#offsets = hasOffsets(type) ? new Int32Array(1) : undefined;
    this.#validity = this.#nullable ? new Uint8Array(0) : undefined;
  }

  /** Bytes held, before compression. */
  get byteLength(): number {
    return this.#used * this.#values.BYTES_PER_ELEMENT;
  }

  /** Values go into memory of the caller's, which is as large as need be; what `take` returns lasts until the next row. */
  borrow(values: Values): void {
    this.#setValues(values);
    this.#borrowed = true;
  }

  reserve(rows: number): void {
    if (this.#offsets === undefined) this.#reserveValues(rows);
    else if (this.#offsets.length < rows + 1) this.#offsets = grown(this.#offsets, rows + 1);
    if (this.#validity !== undefined && this.#validity.length < rows)
      this.#validity = grown(this.#validity, rows);
  }

  #reserveValues(length: number): void {
    if (this.#values.length >= length) return;
    if (this.#borrowed) throw new Error(`${length} values in memory for ${this.#values.length}`);
    this.#setValues(grown(this.#values, Math.max(length, this.#expected)));
  }

  #setValues(values: Values): void {
    this.#values = values;
    if (values instanceof Uint8Array) this.#bytes = values;
    else if (values instanceof Int8Array) this.#bytes = new Uint8Array(values.buffer);
    else if (values instanceof Uint16Array) this.#shorts = values;
    else if (values instanceof Uint32Array) this.#words = values;
    else {
      this.#longs = values;
      this.#halves = new Uint32Array(values.buffer);
    }
  }

  push(row: number, cell: Cell): void {
    if (this.#validity !== undefined) this.#validity[row] = cell === null ? 0 : 1;
    switch (this.type) {
      case 'u64':
      case 'i64':
        if (typeof cell === 'number') this.#setNumber(this.#used++, cell);
        else this.#longs[this.#used++] = (cell as bigint | null) ?? 0n;
        return;
      case 'text':
        this.#words[this.#used++] = this.#idOf(cell as string);
        return;
      case 'u8':
      case 'i8':
      case 'bool':
        this.#bytes[this.#used++] = Number(cell ?? 0);
        return;
      case 'u16':
        this.#shorts[this.#used++] = Number(cell ?? 0);
        return;
      case 'u32':
        this.#words[this.#used++] = Number(cell ?? 0);
        return;
      case 'bytes':
      case 'u64list':
        this.pushMany(row, cell as Uint8Array);
    }
  }

  /** A 64-bit value from a number: exact for integers below 2^53 in size; negative ones wrap. */
  #setNumber(at: number, n: number): void {
    this.#halves[2 * at] = n >>> 0;
    this.#halves[2 * at + 1] = Math.floor(n / 2 ** 32) >>> 0;
  }

  #idOf(text: string): number {
    if (text === this.#lastText) return this.#lastId;
    this.#lastText = text;
    this.#lastId = this.#newIdOf(text);
    return this.#lastId;
  }
  #newIdOf(text: string): number {
    let id = this.#ids.get(text);
    if (id === undefined) {
      id = this.#ids.size;
      this.#ids.set(text, id);
    }
    return id;
  }

  /** Row `row` of a column with offsets: all of `elements`. */
  pushMany(row: number, elements: Uint8Array | BigUint64Array | readonly (bigint | number)[]): void {
    const end = this.#used + elements.length;
    this.#reserveValues(end);
    if (Array.isArray(elements))
      for (let i = 0; i < elements.length; i++) {
        const element = elements[i];
        if (typeof element === 'number') this.#setNumber(this.#used + i, element);
        else this.#longs[this.#used + i] = element;
      }
    else (this.#values as Uint8Array).set(elements as Uint8Array, this.#used);
    this.#used = end;
    this.#offsets![row + 1] = end;
  }

  /** Row `row` of a column of lists: `length` of `words` from `from` on. */
  pushWords(row: number, words: BigUint64Array, from: number, length: number): void {
    const end = this.#used + length;
    this.#reserveValues(end);
    const longs = this.#longs;
    for (let i = 0; i < length; i++) longs[this.#used + i] = words[from + i];
    this.#used = end;
    this.#offsets![row + 1] = end;
  }

  /** Room for up to `length` more elements of row `row`; `closeRow` says how many were written. */
  openRow(length: number): { values: Values; at: number } {
    this.#reserveValues(this.#used + length);
    return { values: this.#values, at: this.#used };
  }
  closeRow(row: number, end: number): void {
    this.#used = end;
    this.#offsets![row + 1] = end;
  }

  /** The column so far, and starts again. The arrays are handed over, not copied. */
  take(rows: number): ColumnData {
    const data: ColumnData = {
      values: this.#values.subarray(0, this.#used) as Values,
      ...(this.#offsets && { offsets: this.#offsets.subarray(0, rows + 1) }),
      ...(this.type === 'text' && { dictionary: [...this.#ids.keys()] }),
      ...(this.#validity && { validity: this.#validity.subarray(0, rows) }),
    };
    if (!this.#borrowed) this.#values = new VALUE_ARRAY[this.type](0);
    this.#expected = this.#used;
    this.#lastText = undefined;
    if (this.#offsets) this.#offsets = new Int32Array(1);
    if (this.#validity) this.#validity = new Uint8Array(0);
    this.#ids = new Map();
    this.#used = 0;
    return data;
  }
}

/** Collects rows of a table with the given columns. */
export class TableBuilder {
  readonly names: readonly string[];
  readonly columns: readonly ColumnBuilder[];
  rows = 0;
  #capacity = 64;

  constructor(columns: { readonly [name: string]: Column }) {
    this.names = Object.keys(columns);
    this.columns = this.names.map((name) => new ColumnBuilder(columns[name]));
  }

  column(name: string): ColumnBuilder {
    return this.columns[this.names.indexOf(name)];
  }

  get byteLength(): number {
    let sum = 0;
    for (const column of this.columns) sum += column.byteLength;
    return sum;
  }

  /** Makes room for one row more; returns its number. */
  addRow(): number {
    if (this.rows === this.#capacity) this.#capacity *= 2;
    if (this.rows === 0 || this.rows === this.#capacity / 2)
      for (const column of this.columns) column.reserve(this.#capacity);
    return this.rows++;
  }

  take(): Batch {
    const columns: { [name: string]: ColumnData } = {};
    for (let i = 0; i < this.names.length; i++) columns[this.names[i]] = this.columns[i].take(this.rows);
    const batch = { rows: this.rows, columns };
    this.rows = 0;
    return batch;
  }
}

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
