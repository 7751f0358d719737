/** Columns of rows that come one by one: what queries derive. Rows of recordings are stored by trace/rows. */
import {
  type Batch,
  type Cell,
  type ColumnData,
  hasOffsets,
  type Values,
  valueArray,
} from '../trace/columns.ts';
import type { Column, ColumnType } from '../trace/schema.ts';

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

/** Collects one column. `push` needs `reserve` for the row first; the table builder calls it. */
class ColumnBuilder {
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
  /** Elements used of `#values`; equals the rows unless the column has offsets. */
  #used = 0;

  constructor({ type, nullable }: Column) {
    this.type = type;
    this.#nullable = nullable === true;
    this.#values = new (valueArray(type))(0);
    this.#offsets = hasOffsets(type) ? new Int32Array(1) : undefined;
    this.#validity = this.#nullable ? new Uint8Array(0) : undefined;
  }

  reserve(rows: number): void {
    if (this.#offsets === undefined) this.#reserveValues(rows);
    else if (this.#offsets.length < rows + 1) this.#offsets = grown(this.#offsets, rows + 1);
    if (this.#validity !== undefined && this.#validity.length < rows)
      this.#validity = grown(this.#validity, rows);
  }

  #reserveValues(length: number): void {
    if (this.#values.length >= length) return;
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
        this.#pushMany(row, cell as Uint8Array);
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
  #pushMany(row: number, elements: Uint8Array | BigUint64Array | readonly (bigint | number)[]): void {
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

  /** The column so far, and starts again. The arrays are handed over, not copied. */
  take(rows: number): ColumnData {
    const data: ColumnData = {
      values: this.#values.subarray(0, this.#used) as Values,
      ...(this.#offsets && { offsets: this.#offsets.subarray(0, rows + 1) }),
      ...(this.type === 'text' && { dictionary: [...this.#ids.keys()] }),
      ...(this.#validity && { validity: this.#validity.subarray(0, rows) }),
    };
    this.#values = new (valueArray(this.type))(0);
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
