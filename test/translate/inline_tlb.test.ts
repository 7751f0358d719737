/** The inline TLBs are caches: what was dropped is gone from every bank, and what was not is still there. */
import { describe, expect, test } from 'vitest';
import { InlineTlb } from '../../src/translate/inline_tlb.ts';
import { DATA_TLB_ENTRY, dataTlbAddress, MEMORY_BYTES, TLB_BANKS } from '../../src/translate/layout.ts';

const NO_TAG = 0xffff_ffff_ffff_ffffn;

function setup() {
  const memory = new ArrayBuffer(MEMORY_BYTES);
  const view = new DataView(memory);
  const tlb = new InlineTlb(memory);
  const fill = (bank: number, va: bigint, poolOffset = 0) => {
    const vaLow = Number(va & 0xffff_ffffn);
    const vaHigh = Number(va >> 32n);
    tlb.fillData(bank, {
      ...{ vaLow, vaHigh, poolOffset, paPage: 0x4000_0000 },
      ...{ read: true, write: true, unaligned: true },
    });
    tlb.fillFetch(bank, vaLow, vaHigh, 0x123450);
  };
  const entry = (bank: number, va: bigint) =>
    dataTlbAddress(bank) + Number((va >> 12n) & 2047n) * DATA_TLB_ENTRY;
  const reads = (bank: number, va: bigint) => view.getBigUint64(entry(bank, va), true) === va;
  const writes = (bank: number, va: bigint) => view.getBigUint64(entry(bank, va) + 8, true) === va;
  const fetches = (bank: number, va: bigint) =>
    tlb.findFetch(bank, Number(va & 0xffff_ffffn), Number(va >> 32n)) === 0x123450;
  const has = (bank: number, va: bigint) => [reads(bank, va), writes(bank, va), fetches(bank, va)];
  return { tlb, view, fill, has, reads, writes, entry };
}

const ALL = [true, true, true];
const NONE = [false, false, false];

describe('dropping pages', () => {
  test.each([0x4000_3000n, 0xffff_8000_0000_3000n])(
    'drops %x from every bank, and its neighbours from none',
    (va) => {
      const { tlb, fill, has } = setup();
      const banks = [tlb.bankOf(1), tlb.bankOf(2)];
      for (const bank of banks) for (const page of [va - 4096n, va, va + 4096n]) fill(bank, page);
      tlb.dropPages(Number(BigInt.asIntN(64, va)), 4096);
      for (const bank of banks) {
        expect(has(bank, va)).toEqual(NONE);
        expect(has(bank, va - 4096n)).toEqual(ALL);
        expect(has(bank, va + 4096n)).toEqual(ALL);
      }
    },
  );

  test('drops all pages of a block', () => {
    const { tlb, fill, has } = setup();
    const bank = tlb.bankOf(1);
    for (const page of [0x1f_f000n, 0x20_0000n, 0x3f_f000n, 0x40_0000n]) fill(bank, page);
    tlb.dropPages(0x20_0000, 0x20_0000);
    expect([0x20_0000n, 0x3f_f000n].map((va) => has(bank, va))).toEqual([NONE, NONE]);
    expect(has(bank, 0x40_0000n)).toEqual(ALL);
  });

  test('drops what is reached through a tagged address', () => {
    const { tlb, fill, has } = setup();
    const bank = tlb.bankOf(1);
    fill(bank, 0x5a00_0000_4000_3000n);
    tlb.dropPages(0x4000_3000, 4096);
    expect(has(bank, 0x5a00_0000_4000_3000n)).toEqual(NONE);
  });
});

describe('banks', () => {
  test.each([10, 1000])('a bank that becomes another context’s is empty, after %i fills', (fills) => {
    const { tlb, fill, view } = setup();
    const bank = tlb.bankOf(0);
    for (let n = 0; n < fills; n++) fill(bank, BigInt(n) << 12n);
    const { generation } = tlb;
    for (let key = 1; key <= TLB_BANKS; key++) tlb.bankOf(key);
    expect(tlb.generation).toBeGreaterThan(generation);
    const words = new BigUint64Array(view.buffer, dataTlbAddress(bank), (2048 * DATA_TLB_ENTRY) / 8);
    expect(words.every((word, i) => i % 4 > 1 || word === NO_TAG)).toBe(true);
    expect(tlb.findFetch(bank, 0x1000, 0)).toBe(0);
  });

  test('the bank used last is given out last', () => {
    const { tlb } = setup();
    const first = tlb.bankOf(0);
    for (let key = 1; key < TLB_BANKS; key++) tlb.bankOf(key);
    tlb.touch(first);
    for (let key = 100; key < 100 + TLB_BANKS - 1; key++) expect(tlb.bankOf(key)).not.toBe(first);
    expect(tlb.bankOf(200)).toBe(first);
  });

  test('flush empties every bank', () => {
    const { tlb, fill, has } = setup();
    const banks = [tlb.bankOf(1), tlb.bankOf(2)];
    for (const bank of banks) fill(bank, 0x1000n);
    tlb.flush();
    expect(banks.map((bank) => has(bank, 0x1000n))).toEqual([NONE, NONE]);
  });
});

describe('protection', () => {
  test.each([5, 600])('of one page takes away stores to it alone, among %i pages', (pages) => {
    const { tlb, fill, reads, writes } = setup();
    const bank = tlb.bankOf(1);
    for (let n = 0; n < pages; n++) fill(bank, BigInt(n) << 12n, n << 12);
    tlb.protectPage(3 << 12);
    expect([reads(bank, 0x3000n), writes(bank, 0x3000n)]).toEqual([true, false]);
    expect(writes(bank, 0x4000n)).toBe(true);
  });

  test.each([3, 40_000])(
    'of page %i takes away stores through all addresses that it was seen at, again and again',
    (page) => {
      const { tlb, fill, writes } = setup();
      const [one, other] = [tlb.bankOf(1), tlb.bankOf(2)];
      for (const addresses of [[0x3000n], [0x3000n, 0x7000n], [0x7000n]]) {
        for (const bank of [one, other]) for (const va of addresses) fill(bank, va, page << 12);
        fill(one, 0x9000n, 0x9000);
        tlb.protectPage(page << 12);
        for (const bank of [one, other])
          expect(addresses.map((va) => writes(bank, va))).toEqual(addresses.map(() => false));
        expect(writes(one, 0x9000n)).toBe(true);
      }
    },
  );

  test.each([5, 600])('of all takes away stores and nothing else, with %i pages', (pages) => {
    const { tlb, fill, has } = setup();
    const bank = tlb.bankOf(1);
    for (let n = 0; n < pages; n++) fill(bank, BigInt(n) << 12n, n << 12);
    tlb.protectAll();
    for (let n = 0; n < Math.min(pages, 512); n += 4) {
      const [read, write] = has(bank, BigInt(n) << 12n);
      expect([read, write]).toEqual([true, false]);
    }
  });
});
