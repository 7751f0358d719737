/**
 * One WebAssembly function for each table: it takes the columns of a row as parameters and stores them behind the rows that the chunk
 * has. TypeScript calls it, through event_rows.ts and encode/packet_tables.ts; other modules may import it.
 *
 * Parameters, in this order: `present`, where the table has nullable columns: bit n is 1 where the n-th of them has a value; then the
 * columns as the schema has them, but for the seq of a table that is numbered, which the function gives:
 *
 *     u8 … u32, i8, bool     i32
 *     text                   i32: the text's code (texts.ts)
 *     u64, i64               i64, or f64 for a column of numbers
 *     bytes, u64list         i32 address and i32 count of elements, anywhere in the memory: also where they are to go
 *
 * The result is the row's seq, f64, and 0 where the table is not numbered. A 64-bit column as i64 costs a caller in JavaScript no BigInt when it comes out of a BigUint64Array or
 * goes there from a BigInt that is there already: 45 ns for a row with nine of them, where pairs of i32 take 55 (V8 13.6).
 *
 * The first row of a chunk calls `claim` with the table's index before it is stored, and the one that fills it calls `full`: the rows
 * after it go where the chunk cell then says.
 */
import { CodeBuffer } from '../../translate/wasm/expression.ts';
import { ModuleBuilder, type Signature } from '../../translate/wasm/module.ts';
import { F64, float, I32, I64, op, type ValueType } from '../../translate/wasm/opcodes.ts';
import type { RowColumn, RowLayout, RowTable } from './layout.ts';

/** Stores a row; gives its seq. Numbers and BigInts as the parameters are. */
export type RowFunction = (...cells: (number | bigint)[]) => number;

const NO_TEMPORARIES = { i32: 0, i64: 0, v128: 0, f32: 0, f64: 0 };

/** Whether the function gives the column rather than takes it. */
const isGiven = ({ numbered }: RowTable, { name }: RowColumn): boolean => numbered && name === 'seq';

function parametersOf({ column: { type, number } }: RowColumn): readonly ValueType[] {
  switch (type) {
    case 'u64':
    case 'i64':
      return [number ? F64 : I64];
    case 'bytes':
    case 'u64list':
      return [I32, I32];
    default:
      return [I32];
  }
}

export function signatureOf(table: RowTable): Signature {
  const { columns } = table;
  const present: readonly ValueType[] = columns.some(({ column }) => column.nullable) ? [I32] : [];
  const parameters = columns.flatMap((column) => (isGiven(table, column) ? [] : parametersOf(column)));
  return { parameters: [...present, ...parameters], results: [F64] };
}

/** What the functions call, with a table's index. */
export interface ChunkCalls {
  /** Before a chunk's first row is stored: the chunk must be free when it returns. */
  readonly claim: (table: number) => void;
  /** After its last row: the table's cells must name an empty chunk when it returns. */
  readonly full: (table: number) => void;
}

/** Instantiates the functions of all tables, in the layout's order. */
export function rowFunctions(
  memory: WebAssembly.Memory,
  layout: RowLayout,
  { claim, full }: ChunkCalls,
): readonly RowFunction[] {
  const module = new ModuleBuilder();
  const pages = memory.buffer.byteLength / 65536;
  module.importMemory({ module: 'rows', name: 'memory', initial: pages, maximum: pages, address: 'i32' });
  const call: Signature = { parameters: [I32], results: [] };
  const onFirst = module.importFunction('rows', 'claim', call);
  const onFull = module.importFunction('rows', 'full', call);
  for (const table of layout.tables) {
    const signature = signatureOf(table);
    const body = new RowBody(table, signature.parameters.length).emit(layout, onFirst, onFull);
    module.addFunction({ signature, locals: { i32: LOCALS, i64: 1 }, body, exportName: table.table });
  }
  const compiled = new WebAssembly.Module(module.build());
  const { exports } = new WebAssembly.Instance(compiled, { rows: { memory, claim, full } });
  return layout.tables.map(({ table }) => exports[table] as RowFunction);
}

/** Locals, after the parameters. */
const ROW = 0;
const CHUNK = 1;
/** The row's address in a column of that width, without the column's offset: by the logarithm of the width. */
const AT = 2;
const SCRATCH = 6;
const NUMBER = 7;
const LOCALS = 8;

class RowBody {
  readonly #code = new CodeBuffer(NO_TEMPORARIES, 0);
  readonly #table: RowTable;
  /** Index of the first local that is no parameter. */
  readonly #locals: number;

  constructor(table: RowTable, parameters: number) {
    this.#table = table;
    this.#locals = parameters;
  }

  emit(layout: RowLayout, onFirst: number, onFull: number): Uint8Array {
    const code = this.#code;
    const { columns, rowsCell, chunkCell, capacity, index } = this.#table;
    this.#load(rowsCell, ROW);
    code.get(this.#locals + ROW);
    code.int('eqz', 32);
    code.open(op.if);
    code.i32(index);
    code.call(onFirst);
    code.close();
    this.#load(chunkCell, CHUNK);
    for (const log of [0, 1, 2, 3]) {
      code.get(this.#locals + CHUNK);
      code.get(this.#locals + ROW);
      code.i32(log);
      code.int('shl', 32);
      code.int('add', 32);
      code.set(this.#locals + AT + log);
    }
    let parameter = columns.some(({ column }) => column.nullable) ? 1 : 0;
    let nullables = 0;
    for (const column of columns) {
      const bit = column.column.nullable ? nullables++ : -1;
      if (bit >= 0) this.#storeValidity(column, bit);
      if (isGiven(this.#table, column)) this.#storeSeq(column, layout.seqCell);
      else {
        this.#storeColumn(column, parameter, bit);
        parameter += parametersOf(column).length;
      }
    }
    this.#increment(layout.epochRowsCell);
    this.#increment(rowsCell);
    code.get(this.#locals + ROW);
    code.i32(capacity - 1);
    code.int('eq', 32);
    code.open(op.if);
    code.i32(index);
    code.call(onFull);
    code.close();
    code.get(this.#seq);
    code.byte(float.convertI64S[1]);
    return code.toBytes();
  }

  get #seq(): number {
    return this.#locals + LOCALS;
  }

  #load(cell: number, local: number): void {
    this.#code.i32(0);
    this.#code.memory(op.i32Load, cell);
    this.#code.set(this.#locals + local);
  }

  #increment(cell: number): void {
    const code = this.#code;
    code.i32(0);
    code.i32(0);
    code.memory(op.i32Load, cell);
    code.i32(1);
    code.int('add', 32);
    code.memory(op.i32Store, cell);
  }

  /** The row's address in a column of elements of that many bytes. */
  #at(width: number): void {
    this.#code.get(this.#locals + AT + Math.log2(width));
  }

  #storeSeq({ values }: RowColumn, seqCell: number): void {
    const code = this.#code;
    this.#at(8);
    code.i32(0);
    code.memory(op.i64Load, seqCell);
    code.tee(this.#seq);
    code.memory(op.i64Store, values);
    code.i32(0);
    code.get(this.#seq);
    code.i64(1);
    code.int('add', 64);
    code.memory(op.i64Store, seqCell);
  }

  #storeValidity({ validity }: RowColumn, bit: number): void {
    const code = this.#code;
    this.#at(1);
    this.#present(bit);
    code.memory(op.i32Store8, validity!);
  }
  #present(bit: number): void {
    const code = this.#code;
    code.get(0);
    code.i32(bit);
    code.int('shrU', 32);
    code.i32(1);
    code.int('and', 32);
  }

  /** `bit`: the column's among the nullable ones, or -1. The value of a null is 0. */
  #storeColumn(column: RowColumn, parameter: number, bit: number): void {
    const { type, number } = column.column;
    const code = this.#code;
    if (type === 'text') {
      this.#storeText(column, parameter);
      return;
    }
    if (type === 'bytes' || type === 'u64list') {
      this.#storeList(column, parameter);
      return;
    }
    this.#at(column.width);
    code.get(parameter);
    if (column.width === 8) {
      if (number) code.byte(op.i64TruncF64S);
      if (bit >= 0) {
        code.i64(0);
        this.#present(bit);
        code.byte(op.select);
      }
      code.memory(op.i64Store, column.values);
      return;
    }
    if (bit >= 0) {
      code.i32(0);
      this.#present(bit);
      code.byte(op.select);
    }
    code.memory(STORE[column.width as 1 | 2 | 4], column.values);
  }

  /** The text's number in the epoch's dictionary: the next one, if this row is the first to have it. */
  #storeText({ values, countCell, numbers, codes }: RowColumn, parameter: number): void {
    const code = this.#code;
    const at = this.#locals + SCRATCH;
    const number = this.#locals + NUMBER;
    code.get(parameter);
    code.i32(2);
    code.int('shl', 32);
    code.tee(at);
    code.memory(op.i32Load, numbers!);
    code.tee(number);
    code.int('eqz', 32);
    code.open(op.if);
    code.i32(0);
    code.memory(op.i32Load, countCell!);
    code.i32(2);
    code.int('shl', 32);
    code.get(parameter);
    code.memory(op.i32Store, codes!);
    this.#increment(countCell!);
    code.get(at);
    code.i32(0);
    code.memory(op.i32Load, countCell!);
    code.tee(number);
    code.memory(op.i32Store, numbers!);
    code.close();
    this.#at(4);
    code.get(number);
    code.i32(1);
    code.int('sub', 32);
    code.memory(op.i32Store, values);
  }

  /** Elements behind those that the chunk has, and the row's end in the offsets. The parameters are used up. */
  #storeList({ column: { type }, values, offsets, usedCell, width }: RowColumn, parameter: number): void {
    const code = this.#code;
    const used = this.#locals + SCRATCH;
    const to = this.#locals + NUMBER;
    const [from, count] = [parameter, parameter + 1];
    const step = (local: number, by: number) => {
      code.get(local);
      code.i32(by);
      code.int('add', 32);
      code.set(local);
    };
    this.#load(usedCell!, SCRATCH);
    code.get(this.#locals + CHUNK);
    code.get(used);
    code.i32(Math.log2(width));
    code.int('shl', 32);
    code.int('add', 32);
    code.set(to);
    this.#at(4);
    code.i32(0);
    code.get(used);
    code.get(count);
    code.int('add', 32);
    code.tee(used);
    code.memory(op.i32Store, usedCell!);
    code.get(used);
    code.memory(op.i32Store, offsets! + 4);
    if (type === 'bytes') {
      step(to, values);
      code.get(to);
      code.get(from);
      code.get(count);
      code.append(MEMORY_COPY);
      return;
    }
    // Some words: a loop takes less time than the call that memory.copy is.
    const done = code.open(op.block);
    const next = code.open(op.loop);
    code.get(count);
    code.int('eqz', 32);
    code.branchIf(done);
    code.get(to);
    code.get(from);
    code.memory(op.i64Load, 0);
    code.memory(op.i64Store, values);
    step(to, 8);
    step(from, 8);
    step(count, -1);
    code.branch(next);
    code.close();
    code.close();
  }
}

const STORE = { 1: op.i32Store8, 2: op.i32Store16, 4: op.i32Store } as const;
/** memory.copy within memory 0: WebAssembly core specification, 5.4.6. */
const MEMORY_COPY = [0xfc, 10, 0, 0];
