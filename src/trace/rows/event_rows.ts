/**
 * The guest's thread's side of the rows of events: takes rows as objects, calls the tables' WebAssembly functions, and hands over
 * chunks that are full.
 */
import type { EventTable } from '../schema.ts';
import { type ChunkFacts, forgetTexts, type TextColumns, takeChunk, textColumns } from './chunk.ts';
import { type RowFunction, rowFunctions } from './functions.ts';
import { EVENT_TABLES, type RowColumn, type RowLayout, type RowTable } from './layout.ts';

/** The present, kept up to date by the machine: the ordinal of the instruction under way, virtual time, current CPU. */
export interface Stamp {
  icount: number;
  timeNs: number;
  cpu: number;
}

/** What the rows need of the writer. */
export interface ChunkTaker {
  /** The chunk may be read from now on, until the writer releases it. */
  give(chunk: ChunkFacts): void;
  /** Waits until the writer has released the chunk. */
  waitFor(table: number, half: 0 | 1): void;
}

type Elements = Uint8Array | readonly number[] | Float64Array | readonly bigint[] | BigUint64Array;

export class EventRows {
  readonly #layout: RowLayout;
  readonly #taker: ChunkTaker;
  readonly #u8: Uint8Array;
  readonly #u32: Uint32Array;
  readonly #u64: BigUint64Array;
  /** By table: functions, in the layout's order; texts of each text column; the chunk that is filled. */
  readonly #functions: readonly RowFunction[];
  readonly #texts: readonly TextColumns[];
  readonly #halves: (0 | 1)[];
  /** Appends a row to a table, and gives its seq. */
  readonly append: (table: EventTable, row: object) => number;

  constructor(memory: WebAssembly.Memory, layout: RowLayout, stamp: Stamp, taker: ChunkTaker) {
    this.#layout = layout;
    this.#taker = taker;
    this.#u8 = new Uint8Array(memory.buffer);
    this.#u32 = new Uint32Array(memory.buffer);
    this.#u64 = new BigUint64Array(memory.buffer);
    this.#functions = rowFunctions(memory, layout, {
      claim: (table) => taker.waitFor(table, this.#halves[table]),
      full: (table) => this.#handOver(table),
    });
    this.#texts = layout.tables.map(textColumns);
    this.#halves = layout.tables.map(() => 0);
    for (const { chunkCell, chunks } of layout.tables) this.#u32[chunkCell >>> 2] = chunks[0];
    this.append = this.#appender(stamp);
  }

  /** The function of a table: functions.ts says what it takes. Another WebAssembly module may import it. */
  functionOf(table: EventTable): RowFunction {
    return this.#functions[EVENT_TABLES.indexOf(table)];
  }

  /** The code that a text has for the table's function: the same until the recording ends, for the first KEPT_TEXTS of a column. */
  codeOf(table: EventTable, column: string, text: string): number {
    return this.#texts[EVENT_TABLES.indexOf(table)].get(column)!.codeOf(text);
  }

  /** The number of the next event. */
  get seq(): number {
    const at = this.#layout.seqCell >>> 2;
    return this.#u32[at + 1] * 2 ** 32 + this.#u32[at];
  }
  /** Takes a number for something that is no row of these tables. */
  takeSeq(): number {
    const { seq } = this;
    const at = this.#layout.seqCell >>> 2;
    this.#u32[at] = (seq + 1) % 2 ** 32;
    this.#u32[at + 1] = (seq + 1) / 2 ** 32;
    return seq;
  }

  /** Rows since the epoch began. */
  get epochRows(): number {
    return this.#u32[this.#layout.epochRowsCell >>> 2];
  }

  /** Hands over everything, and begins anew. */
  closeEpoch(): void {
    for (const table of this.#layout.tables) {
      if (this.#u32[table.rowsCell >>> 2] > 0) this.#handOver(table.index);
      forgetTexts(this.#u32, table, this.#texts[table.index]);
    }
    this.#u32[this.#layout.epochRowsCell >>> 2] = 0;
  }

  #handOver(index: number): void {
    const table = this.#layout.tables[index];
    const half = this.#halves[index];
    const next = half === 0 ? 1 : 0;
    this.#taker.give(takeChunk(this.#u32, table, this.#texts[index], half));
    this.#halves[index] = next;
    this.#u32[table.chunkCell >>> 2] = table.chunks[next];
  }

  /**
   * One function for all tables, of which V8 knows the names of a row's properties: a generic loop takes three times as long, and
   * some guests make millions of rows. The names are those of the schema.
   */
  #appender(stamp: Stamp): (table: EventTable, row: object) => number {
    const cases = this.#layout.tables.map((table) => `case '${table.table}': return ${callOf(table)};`);
    const source = `return (table, row) => { switch (table) {
      ${cases.join('\n')}
      default: throw new Error('no table of events: ' + table);
    } };`;
    const names = ['stamp', 'stage', ...EVENT_TABLES.map(functionName), ...this.#textNames()];
    const texts = this.#texts.flatMap((byColumn) => [...byColumn.values()]);
    const make = new Function(...names, source);
    const stage = (elements: Elements, at: number, most: number, number: boolean) =>
      this.#stage(elements, at, most, number);
    return make(stamp, stage, ...this.#functions, ...texts) as (table: EventTable, row: object) => number;
  }
  #textNames(): string[] {
    return this.#layout.tables.flatMap((table) =>
      table.columns.flatMap((column) => (column.column.type === 'text' ? [textsName(table, column)] : [])),
    );
  }

  /** Puts the elements of a list where the table's function finds them; gives their address. */
  #stage(elements: Elements, at: number, most: number, number: boolean): number {
    if (elements.length > most) throw new Error(`${elements.length} elements in a row of at most ${most}`);
    if (elements instanceof Uint8Array) this.#u8.set(elements, at);
    else if (number) {
      const list = elements as readonly number[];
      for (let i = 0; i < list.length; i++) {
        this.#u32[(at >>> 2) + 2 * i] = list[i] >>> 0;
        this.#u32[(at >>> 2) + 2 * i + 1] = Math.floor(list[i] / 2 ** 32) >>> 0;
      }
    } else {
      const list = elements as readonly bigint[];
      for (let i = 0; i < list.length; i++) this.#u64[(at >>> 3) + i] = list[i];
    }
    return at;
  }
}

const functionName = (table: string) => `row_${table}`;
const textsName = ({ table }: RowTable, { name }: RowColumn) => `texts_${table}_${name}`;

/** The call of a table's function with the present and the properties of `row`. */
function callOf(table: RowTable): string {
  const own = table.columns.filter(({ name }) => !STAMPED.includes(name));
  const nullable = own.filter(({ column }) => column.nullable);
  const present = nullable.map(({ name }, bit) => `((row.${name} ?? null) === null ? 0 : ${1 << bit})`);
  const cells = own.map((column) => {
    const { name, width, stage } = column;
    const { type, number, nullable } = column.column;
    if (type === 'text') return `${textsName(table, column)}.codeOf(row.${name})`;
    if (stage !== undefined)
      return `stage(row.${name}, ${stage}, ${column.column.most}, ${number === true}), row.${name}.length`;
    if (type === 'bool') return `row.${name} ? 1 : 0`;
    return nullable ? `row.${name} ?? ${width === 8 && !number ? '0n' : '0'}` : `row.${name}`;
  });
  const before = present.length > 0 ? [present.join(' | ')] : [];
  const all = [...before, 'stamp.icount', 'stamp.timeNs', 'stamp.cpu', ...cells];
  return `${functionName(table.table)}(${all.join(', ')})`;
}
/** The first four columns of every table: where and when. */
const STAMPED: readonly string[] = ['icount', 'seq', 'time_ns', 'cpu'];
