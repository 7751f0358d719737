/** Which records are heads of regions, and what becomes of them when their words are written. */
import { describe, expect, test } from 'vitest';
import {
  DECODED_BASE,
  DECODED_PAGE_SIZE,
  RECORD_SIZE,
  SLOT_BASE,
  SLOT_COUNT,
  SLOT_COUNTER,
  SLOT_SIZE,
} from '../../src/translate/layout.ts';
import { Heads } from '../../src/translate/region/heads.ts';

const RECORDS = DECODED_BASE + 3 * DECODED_PAGE_SIZE;
const HANDLER = 7;
const NOP = 0xd503_201f;
const ADD = 0x9100_4021;
const B_NE_BACK_2 = 0x54ff_ffc1; // b.ne . - 8
const B_NE_FORWARD_3 = 0x5400_0061; // b.ne . + 12
const BL_FORWARD_5 = 0x9400_0005; // bl . + 20
const RET = 0xd65f_03c0;

const memory = new ArrayBuffer(SLOT_BASE + SLOT_COUNT * SLOT_SIZE);

/** A page of `program` and what counts its heads. Decoding is done here: each record gets the same handler. */
function page(program: readonly number[]) {
  const u16 = new Uint16Array(memory);
  u16.fill(0);
  const heads = new Heads(memory, () => 100);
  const words = new Uint32Array(1024);
  words.set(program);
  const recordOf = (index: number) => RECORDS + index * RECORD_SIZE;
  return {
    heads,
    recordOf,
    handlerOf: (index: number) => u16[recordOf(index) / 2],
    decode(first: number, last: number) {
      for (let index = first; index <= last; index++) u16[recordOf(index) / 2] = HANDLER;
      heads.decoded(RECORDS, first, last, words, 0);
    },
    write(first: number, last: number) {
      heads.written(RECORDS, first, last);
      for (let index = first; index <= last; index++) u16[recordOf(index) / 2] = 0;
    },
    found: () => Array.from({ length: 1024 }, (_, n) => n).filter((n) => heads.slotOf(recordOf(n)) >= 0),
  };
}

describe('heads are', () => {
  test('where a run begins, and where a branch leads back to', () => {
    const { decode, found } = page([ADD, ADD, ADD, B_NE_BACK_2, ADD, RET]);
    decode(0, 3);
    decode(4, 5);
    expect(found()).toEqual([0, 1]);
  });

  test('behind a call, and what it calls once that is decoded', () => {
    const { decode, found } = page([ADD, BL_FORWARD_5, ADD, RET, ADD, ADD, ADD, RET]);
    decode(0, 1);
    expect(found()).toEqual([0]);
    decode(2, 3);
    decode(4, 7);
    expect(found()).toEqual([0, 2, 4, 6]);
  });

  test('not where only a conditional branch leads forward, until a region leaves to it', () => {
    const { heads, decode, found } = page([ADD, B_NE_FORWARD_3, RET, ADD, ADD, RET]);
    decode(0, 1);
    decode(4, 5);
    expect(found()).toEqual([0]);
    heads.want(RECORDS, 4);
    expect(found()).toEqual([0, 4]);
  });

  test('not behind a hint, a barrier or a move of a system register', () => {
    const { decode, found } = page([NOP, ADD, RET]);
    decode(0, 0);
    decode(1, 2);
    expect(found()).toEqual([0]);
  });

  test('where a word was written to which a conditional branch leads: the branch may be gone', () => {
    const { decode, write, found } = page([ADD, B_NE_FORWARD_3, RET, ADD, ADD, RET]);
    decode(0, 1);
    write(4, 4);
    decode(4, 5);
    expect(found()).toEqual([0, 4]);
  });

  test('not outside the page', () => {
    const { heads, found } = page([]);
    heads.want(RECORDS, -1);
    heads.want(RECORDS, 1024);
    expect(found()).toEqual([]);
  });
});

test('a record is told of before it is a head, once', () => {
  const { heads, decode, recordOf } = page([ADD, RET]);
  const made: (readonly [number, number])[] = [];
  heads.onMade = (record) => made.push([record, heads.slotOf(record)]);
  decode(0, 1);
  heads.want(RECORDS, 0);
  expect(made).toEqual([[recordOf(0), -1]]);
});

test('a head counts from what it is told, and has its own handler in its slot', () => {
  const { heads, decode, recordOf, handlerOf } = page([NOP, RET]);
  decode(0, 1);
  const slot = heads.slotOf(recordOf(0));
  const view = new DataView(memory);
  expect(view.getUint32(SLOT_BASE + slot * SLOT_SIZE + SLOT_COUNTER, true)).toBe(100);
  expect(view.getUint16(SLOT_BASE + slot * SLOT_SIZE, true)).toBe(HANDLER);
  heads.release(slot);
  expect(handlerOf(0)).toBe(HANDLER);
});

test('a head whose word is written is one again when it is decoded again, although it begins no run then', () => {
  const { decode, write, found } = page([ADD, ADD, B_NE_BACK_2 + 0x20, RET]);
  decode(0, 2);
  expect(found()).toEqual([0, 1]);
  write(1, 1);
  expect(found()).toEqual([0]);
  decode(1, 1);
  expect(found()).toEqual([0, 1]);
});

test('the slots of a released page are used again, and nothing there is wanted any more', () => {
  const { heads, decode, found } = page([ADD, BL_FORWARD_5]);
  const released: number[] = [];
  heads.onReleased = (slot) => released.push(slot);
  decode(0, 1);
  const { most } = heads;
  heads.releasePage(RECORDS);
  expect(released).toHaveLength(1);
  decode(5, 7);
  expect(found()).toEqual([5]);
  expect(heads.most).toBe(most);
});

describe('when all slots are in use', () => {
  const recordOf = (n: number) => DECODED_BASE + (n >>> 10) * DECODED_PAGE_SIZE + (n & 1023) * RECORD_SIZE;
  const u16 = new Uint16Array(memory);
  const u32 = new Uint32Array(memory);
  const counterOf = (slot: number) => (SLOT_BASE + slot * SLOT_SIZE + SLOT_COUNTER) / 4;
  const make = (heads: Heads, n: number) => {
    u16[recordOf(n) / 2] = HANDLER;
    heads.want(DECODED_BASE + (n >>> 10) * DECODED_PAGE_SIZE, n & 1023);
  };

  test('those that have counted little are decoded anew before they execute again, and are heads then', () => {
    const { heads } = page([]);
    for (let n = 0; n < SLOT_COUNT; n++) make(heads, n);
    const [nearlyHot, inRegion, cold] = [5, 6, 7];
    u32[counterOf(heads.slotOf(recordOf(nearlyHot)))] = 1;
    heads.enter(heads.slotOf(recordOf(inRegion)), 1, 10);
    make(heads, SLOT_COUNT);
    expect(heads.slotOf(recordOf(SLOT_COUNT))).toBeGreaterThanOrEqual(0);
    expect(heads.slotOf(recordOf(nearlyHot))).toBeGreaterThanOrEqual(0);
    expect(heads.slotOf(recordOf(inRegion))).toBeGreaterThanOrEqual(0);
    expect(heads.isDecoded(recordOf(cold))).toBe(false);
    u16[recordOf(cold) / 2] = HANDLER;
    heads.decoded(DECODED_BASE, cold, cold, new Uint32Array(1024), 0);
    expect(heads.slotOf(recordOf(cold))).toBeGreaterThanOrEqual(0);
  });

  test('and all have counted much, none of them is kept that has no region', () => {
    const { heads } = page([]);
    for (let n = 0; n < SLOT_COUNT; n++) {
      make(heads, n);
      u32[counterOf(heads.slotOf(recordOf(n)))] = 1;
    }
    make(heads, SLOT_COUNT);
    expect(heads.slotOf(recordOf(SLOT_COUNT))).toBeGreaterThanOrEqual(0);
    expect(heads.isDecoded(recordOf(0))).toBe(false);
  });

  test('and all lead to regions, there are no more heads', () => {
    const { heads } = page([]);
    for (let n = 0; n < SLOT_COUNT; n++) {
      make(heads, n);
      heads.enter(heads.slotOf(recordOf(n)), 1, 10);
    }
    make(heads, SLOT_COUNT);
    expect(heads.slotOf(recordOf(SLOT_COUNT))).toBe(-1);
    expect(u16[recordOf(SLOT_COUNT) / 2]).toBe(HANDLER);
  });
});
