import { expect, test } from 'vitest';
import { CodePages, MOST_FETCHED } from '../../src/machine/code_pages.ts';
import { GuestMemory } from '../../src/machine/memory.ts';
import type { EventSink } from '../../src/trace/schema.ts';
import { MEMORY_PAGES } from '../../src/translate/layout.ts';

test('a guest that fetches through ever new mappings is remembered only so far, and each row is still there once', () => {
  const rows: bigint[] = [];
  const events: EventSink = {
    recording: true,
    append: (_table, row) => rows.push((row as unknown as { va_page: bigint }).va_page),
  };
  const memory = new GuestMemory([{ base: 0x4000_0000, size: 2 ** 20 }]);
  const state = new WebAssembly.Memory({ initial: MEMORY_PAGES, maximum: MEMORY_PAGES, shared: true });
  const code = new CodePages(memory, events, state.buffer, 1);
  let forgotten = 0;
  code.onFetchesForgotten = () => forgotten++;
  const page = code.pageAt(0, 0x4000_0000);
  const fetched = (n: number) =>
    code.fetched(page, { cpu: 0, regime: 'EL10', vmid: n % 256, asid: n >>> 8 }, 0x1000n);
  for (let n = 0; n < MOST_FETCHED; n++) fetched(n);
  fetched(5);
  expect([rows.length, forgotten]).toEqual([MOST_FETCHED, 0]);
  // One more: from then on every mapping is news again.
  for (const n of [MOST_FETCHED, MOST_FETCHED, 6, 6]) fetched(n);
  expect([rows.length, forgotten]).toEqual([MOST_FETCHED + 2, 1]);
});

test('a page of code that is only stored to is watched no more, until it executes: then its changed words are a new version', () => {
  const versions: number[] = [];
  const events: EventSink = {
    recording: true,
    append: (_table, row) => versions.push((row as unknown as { version: number }).version),
  };
  const memory = new GuestMemory([{ base: 0x4000_0000, size: 2 ** 20 }]);
  const state = new WebAssembly.Memory({ initial: MEMORY_PAGES, maximum: MEMORY_PAGES, shared: true });
  const code = new CodePages(memory, events, state.buffer, 1);
  const page = code.pageAt(0, 0x4000_0000);
  code.execute(page, 0);
  const records = code.recordsOf(page);
  const handler = new Uint8Array(state.buffer, records, 1);
  handler[0] = 7;
  const stores = () => {
    let n = 0;
    for (; code.holdsCode(0); n++) code.written(64, 4);
    return n;
  };
  const first = stores();
  expect(handler[0]).toBe(0);
  memory.u32[0] = 5;
  code.execute(page, 0);
  expect([code.holdsCode(0), versions]).toEqual([true, [0, 1]]);
  expect(stores()).toBe(2 * first);
});
