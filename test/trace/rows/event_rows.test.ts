import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Batch, type Cell, type ColumnData, cellOf } from '../../../src/trace/columns.ts';
import { type ChunkFacts, chunkBatch } from '../../../src/trace/rows/chunk.ts';
import { EventRows } from '../../../src/trace/rows/event_rows.ts';
import { signatureOf } from '../../../src/trace/rows/functions.ts';
import { EVENT_TABLES, eventLayout, KEPT_TEXTS, type RowColumn } from '../../../src/trace/rows/layout.ts';
import { Texts } from '../../../src/trace/rows/texts.ts';
import type { EventTable } from '../../../src/trace/schema.ts';
import { CodeBuffer } from '../../../src/translate/wasm/expression.ts';
import { ModuleBuilder } from '../../../src/translate/wasm/module.ts';

const layout = eventLayout(65536);
const tableOf = (table: EventTable) => layout.tables[EVENT_TABLES.indexOf(table)];
const pages = Math.ceil(layout.end / 65536);

/** Rows in a memory, and a writer that notes what it is given, and reads it at once. */
function setUp() {
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const stamp = { icount: 0, timeNs: 0, cpu: 0 };
  const given: ChunkFacts[] = [];
  const batches: Batch[] = [];
  const waits: [number, 0 | 1][] = [];
  const rows = new EventRows(memory, layout, stamp, {
    give: (chunk) => {
      given.push(chunk);
      batches.push(copied(chunkBatch(memory, layout.tables[chunk.table], chunk)));
    },
    waitFor: (table, half) => waits.push([table, half]),
  });
  return { memory, stamp, given, batches, waits, rows };
}

/** The memory is used again. */
function copied({ rows, columns }: Batch): Batch {
  const copies = Object.entries(columns).map(([name, data]): [string, ColumnData] => [
    name,
    {
      ...data,
      values: data.values.slice() as ColumnData['values'],
      offsets: data.offsets?.slice(),
      validity: data.validity?.slice(),
    },
  ]);
  return { rows, columns: Object.fromEntries(copies) };
}

const LARGEST = 2 ** 53 - 1;
const number = fc.oneof(fc.constantFrom(0, -1, LARGEST, -LARGEST, 2 ** 32, -(2 ** 31)), fc.maxSafeInteger());
const whole = fc.oneof(fc.constantFrom(0n, 2n ** 64n - 1n, 2n ** 63n), fc.bigInt(0n, 2n ** 64n - 1n));

/** Any cell that a producer may give. */
function cell({ column }: RowColumn): fc.Arbitrary<unknown> {
  const { type, most } = column;
  const size = { maxLength: most };
  const given: { readonly [type: string]: fc.Arbitrary<unknown> } = {
    u8: fc.integer({ min: 0, max: 0xff }),
    i8: fc.integer({ min: -0x80, max: 0x7f }),
    u16: fc.integer({ min: 0, max: 0xffff }),
    u32: fc.oneof(fc.constantFrom(0x8000_0000, 0xffff_ffff), fc.integer({ min: 0, max: 0xffff_ffff })),
    u64: column.number ? number : whole,
    bool: fc.boolean(),
    text: fc.constantFrom('', 'EL10', 'a longer text', 'ümläut'),
    bytes: fc.uint8Array(size),
    u64list: column.number
      ? fc.oneof(
          fc.array(number, size),
          fc.array(number, size).map((list) => Float64Array.from(list)),
        )
      : fc.oneof(fc.array(whole, size), fc.bigUint64Array(size)),
  };
  return column.nullable ? fc.oneof(fc.constantFrom(null, undefined), given[type]) : given[type];
}

const wrapped = (value: unknown) => BigInt.asUintN(64, BigInt(value as number | bigint));

/** What a reader shall find. */
function expected({ column: { type } }: RowColumn, value: unknown): Cell {
  if (value === null || value === undefined) return null;
  if (type === 'u64') return wrapped(value);
  if (type === 'u64list') return BigUint64Array.from(value as number[], wrapped);
  return value as Cell;
}

const STAMPED = new Set(['icount', 'seq', 'time_ns', 'cpu']);

describe.each(EVENT_TABLES)('the WebAssembly function of table %s', (name) => {
  test('stores every cell of every row, extremes and nulls, in the column that the schema declares', () => {
    const table = tableOf(name);
    const own = table.columns.filter((column) => !STAMPED.has(column.name));
    const row = fc.record(Object.fromEntries(own.map((column) => [column.name, cell(column)])));
    const stamps = fc.record({
      icount: fc.maxSafeInteger().map(Math.abs),
      timeNs: fc.maxSafeInteger().map(Math.abs),
      cpu: fc.integer({ min: 0, max: 255 }),
    });
    const { rows, stamp, batches } = setUp();
    let seq = 0;
    fc.assert(
      fc.property(fc.array(fc.record({ row, stamps }), { minLength: 1, maxLength: 20 }), (list) => {
        batches.length = 0;
        const first = seq;
        for (const each of list) {
          Object.assign(stamp, each.stamps);
          expect(rows.append(name, each.row)).toBe(seq++);
        }
        rows.closeEpoch();
        const [batch] = batches;
        expect(batch.rows).toBe(list.length);
        list.forEach((each, n) => {
          const { icount, timeNs, cpu } = each.stamps;
          const all: { [name: string]: unknown } = {
            ...each.row,
            icount,
            seq: first + n,
            time_ns: timeNs,
            cpu,
          };
          for (const column of table.columns)
            expect(
              cellOf(column.column.type, batch.columns[column.name], n),
              `${column.name} of row ${n}`,
            ).toEqual(expected(column, all[column.name]));
        });
        // As if the nulls had values of 0: digests are of the values too.
        for (const { name, column } of table.columns) {
          const { values, validity } = batch.columns[name];
          if (column.nullable)
            for (let n = 0; n < list.length; n++) if (!validity![n]) expect(Number(values[n])).toBe(0);
        }
      }),
      { numRuns: 40, seed: 1 },
    );
  });
});

const tlbi = (n: number) => ({ pc: 0n, op: `op ${n % 3}`, argument: BigInt(n), vmid: 0, asid: 0, el: 1 });

describe('a chunk of rows', () => {
  test('is handed over by the row that fills it; the next row waits until the writer has left the other one, and goes there', () => {
    const { rows, given, batches, waits } = setUp();
    const { capacity, index } = tableOf('tlbi');
    for (let n = 0; n < capacity - 1; n++) rows.append('tlbi', tlbi(n));
    expect(given).toEqual([]);
    rows.append('tlbi', tlbi(capacity - 1));
    expect(given).toMatchObject([{ table: index, half: 0, rows: capacity }]);
    expect(waits).toEqual([[index, 0]]);
    for (let n = 0; n < capacity + 1; n++) rows.append('tlbi', tlbi(capacity + n));
    expect(given[1]).toMatchObject({ table: index, half: 1, rows: capacity });
    expect(waits).toEqual([
      [index, 0],
      [index, 1],
      [index, 0],
    ]);
    rows.closeEpoch();
    expect(given[2]).toMatchObject({ table: index, half: 0, rows: 1 });
    const found = batches.flatMap(({ columns }) => [...(columns['argument'].values as BigUint64Array)]);
    expect(found).toEqual(Array.from({ length: 2 * capacity + 1 }, (_, n) => BigInt(n)));
  });

  test('is no larger than a record batch may be, whatever lists its rows have', () => {
    for (const { table, capacity, columns, chunks } of layout.tables) {
      const rowBytes = columns.reduce((sum, { width, column }) => sum + width * (column.most ?? 1), 0);
      expect(capacity * rowBytes, table).toBeLessThanOrEqual(2 ** 24);
      expect(capacity, table).toBeLessThanOrEqual(65536);
      for (const { values, width, column } of columns)
        expect(chunks[0] + values + capacity * width * (column.most ?? 1), table).toBeLessThanOrEqual(
          chunks[1],
        );
    }
  });

  test('keeps the elements of a list that is longer than declared out of the memory', () => {
    const { rows } = setUp();
    expect(() => rows.append('inputs', { kind: '', payload: new Uint8Array(257) })).toThrow('257 elements');
  });

  test('whose first row finds that the writer has failed gets no row', () => {
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    const stamp = { icount: 0, timeNs: 0, cpu: 0 };
    const waitFor = () => {
      throw new Error('disk full');
    };
    const rows = new EventRows(memory, layout, stamp, { give: () => {}, waitFor });
    expect(() => rows.append('tlbi', tlbi(0))).toThrow('disk full');
    expect([rows.epochRows, rows.seq]).toEqual([0, 0]);
  });

  test('counts its rows for the epoch, and those of all tables together', () => {
    const { rows } = setUp();
    for (let n = 0; n < 5; n++) rows.append('tlbi', tlbi(n));
    rows.append('inputs', { kind: 'console', payload: new Uint8Array(1) });
    expect(rows.epochRows).toBe(6);
    rows.closeEpoch();
    expect(rows.epochRows).toBe(0);
  });
});

describe('numbers of events', () => {
  test('go on between the rows and what takes one for itself, beyond 32 bits too', () => {
    const { rows, memory } = setUp();
    new BigUint64Array(memory.buffer)[layout.seqCell / 8] = 2n ** 32n - 2n;
    expect(rows.append('tlbi', tlbi(0))).toBe(2 ** 32 - 2);
    expect(rows.takeSeq()).toBe(2 ** 32 - 1);
    expect(rows.append('tlbi', tlbi(0))).toBe(2 ** 32);
    expect(rows.takeSeq()).toBe(2 ** 32 + 1);
    expect(rows.seq).toBe(2 ** 32 + 2);
  });
});

describe('texts', () => {
  test('have numbers in the order in which an epoch has them first, whatever their codes are', () => {
    const { rows, given, batches } = setUp();
    for (const n of [2, 0, 2, 1]) rows.append('tlbi', tlbi(n));
    rows.closeEpoch();
    for (const n of [1, 2]) rows.append('tlbi', tlbi(n));
    rows.closeEpoch();
    expect(given.map(({ dictionaries }) => dictionaries['op'])).toEqual([
      ['op 2', 'op 0', 'op 1'],
      ['op 1', 'op 2'],
    ]);
    expect(batches.map(({ columns }) => [...columns['op'].values])).toEqual([
      [0, 1, 0, 2],
      [0, 1],
    ]);
  });

  test('of a guest that makes new ones without end are forgotten, but for the first, which keep their codes', () => {
    const texts = new Texts();
    for (let n = 0; n < KEPT_TEXTS + 10; n++) expect(texts.codeOf(`text ${n}`)).toBe(n);
    texts.forget();
    expect(texts.codeOf('new')).toBe(KEPT_TEXTS);
    expect(texts.codeOf(`text ${KEPT_TEXTS - 1}`)).toBe(KEPT_TEXTS - 1);
    expect(texts.textOf(KEPT_TEXTS)).toBe('new');
  });
});

test('another WebAssembly module imports a function and makes the same row as TypeScript, without leaving WebAssembly', () => {
  const { rows, stamp, batches } = setUp();
  Object.assign(stamp, { icount: 7, timeNs: 8, cpu: 1 });
  const row = { intid: 33, event: 'raised', detail: 5 };
  rows.append('interrupts', row);
  const module = new ModuleBuilder();
  const signature = signatureOf(tableOf('interrupts'));
  const imported = module.importFunction('rows', 'interrupts', signature);
  const code = new CodeBuffer({ i32: 0, i64: 0, v128: 0, f32: 0, f64: 0 }, 0);
  for (let n = 0; n < signature.parameters.length; n++) code.get(n);
  code.call(imported);
  module.addFunction({ signature, locals: {}, body: code.toBytes(), exportName: 'make' });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.build()), {
    rows: { interrupts: rows.functionOf('interrupts') },
  });
  const make = exports['make'] as (...cells: number[]) => number;
  expect(make(1, 7, 8, 1, 33, rows.codeOf('interrupts', 'event', 'raised'), 5)).toBe(1);
  rows.closeEpoch();
  const [{ columns }] = batches;
  for (const { name, column } of tableOf('interrupts').columns)
    if (name !== 'seq')
      expect(cellOf(column.type, columns[name], 1)).toEqual(cellOf(column.type, columns[name], 0));
});
