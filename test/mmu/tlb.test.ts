import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PageMap } from '../../src/mmu/page_map.ts';
import { Tlb, TlbView } from '../../src/mmu/tlb.ts';
import { ALL_FEATURES, Bench, FEATURES, RAM, type Registers } from './support.ts';

/** Tables that map all of memory: a level 1 table whose entry 0 is a table of 2 MiB blocks, but for its first of 4 KiB pages. */
const ROOT = RAM;
const BLOCKS = RAM + 0x1000;
const PAGES = RAM + 0x2000;
const LEAF = 0x700n | (1n << 6n);
const NOT_GLOBAL = 1n << 11n;
const OUT = 0x8000_0000;
const PAGE_VA = 0x5000;
const BLOCK_VA = 0x40_0000;
const ASID = (n: bigint) => n << 48n;

function bench(more: { attributes?: bigint; entries?: number; registers?: Registers } = {}): Bench {
  const b = new Bench({}, { ...FEATURES, vmid16: true }, more.entries);
  map(b, OUT, more.attributes ?? NOT_GLOBAL);
  b.set({
    SCTLR_EL1: 5n,
    TCR_EL1: 25n | (25n << 16n) | (2n << 30n) | (4n << 32n) | (1n << 36n),
    TTBR0_EL1: BigInt(ROOT) | ASID(1n),
    TTBR1_EL1: BigInt(ROOT),
    MAIR_EL1: 0xffn,
    ...more.registers,
  });
  return b;
}
/** Points every page and block at `out` plus its address. */
function map(b: Bench, out: number, attributes: bigint): void {
  b.write64(ROOT, BigInt(BLOCKS) | 3n);
  b.write64(BLOCKS, BigInt(PAGES) | 3n);
  for (let i = 1; i < 512; i++)
    b.write64(BLOCKS + 8 * i, BigInt(out + i * 0x20_0000) | LEAF | attributes | 1n);
  for (let i = 0; i < 512; i++) b.write64(PAGES + 8 * i, BigInt(out + i * 4096) | LEAF | attributes | 3n);
}
const NEW = OUT + 0x4000_0000;
/** Xt of a TLBI by address. */
const by = (va: number, asid = 0n) => ((BigInt(va) >> 12n) & ((1n << 44n) - 1n)) | ASID(asid);
const tlbi = (b: Bench, ...[operation, argument]: Parameters<Bench['mmu']['decodeTlbi']>) =>
  b.mmu.invalidate(b.mmu.decodeTlbi(operation, argument));

describe('the architectural TLB', () => {
  test('any address in a page of any size and either half finds it, and no address beside it does', () => {
    const address = fc.bigInt({ min: -(1n << 52n), max: (1n << 52n) - 1n });
    const size = fc.integer({ min: 12, max: 51 });
    fc.assert(
      fc.property(address, size, fc.bigInt({ min: 0n, max: (1n << 51n) - 1n }), (inside, bits, elsewhere) => {
        const tlb = new Tlb(() => {});
        const view = new TlbView('EL20', 0, 3);
        const base = (inside >> BigInt(bits)) << BigInt(bits);
        const offset = elsewhere & ((1n << BigInt(bits)) - 1n);
        tlb.insert(view, false, Number(inside), bits, Number(inside - base), 7);
        expect([tlb.lookup(view, Number(base + offset)), tlb.pa]).toEqual([true, Number(offset)]);
        expect(tlb.lookup(view, Number(base + (1n << BigInt(bits))))).toBe(false);
        expect(tlb.lookup(view, Number(base - 1n))).toBe(false);
        const everyContext = { regime: 'EL20', vmid: null, asid: null } as const;
        tlb.dropRange(everyContext, Number(base + offset), Number(base + offset) + 4096);
        expect(tlb.size).toBe(0);
      }),
    );
  });

  test('a translation is walked once; then changed tables show only after a TLBI', () => {
    const b = bench();
    expect(b.access(PAGE_VA)).toBe(OUT + PAGE_VA);
    map(b, NEW, NOT_GLOBAL);
    expect(b.access(PAGE_VA + 8, 'write')).toBe(OUT + PAGE_VA + 8);
    expect(b.access(PAGE_VA, 'fetch', 0)).toBe(OUT + PAGE_VA);
    expect(b.rows).toHaveLength(1);
    tlbi(b, 'VAE1', by(PAGE_VA, 1n));
    expect(b.access(PAGE_VA)).toBe(NEW + PAGE_VA);
    expect(b.rows).toHaveLength(2);
  });

  test('a TTBR that changes under the same ASID leaves what was cached; another ASID sees its own', () => {
    const b = bench();
    b.access(PAGE_VA);
    b.set({ TTBR0_EL1: ASID(1n) });
    expect(b.access(PAGE_VA)).toBe(OUT + PAGE_VA);
    b.set({ TTBR0_EL1: ASID(2n) });
    expect(b.access(PAGE_VA)).toBe('stage 1 external 1');
  });

  test('a block is one entry, and answers for all its addresses', () => {
    const b = bench();
    expect(b.access(BLOCK_VA)).toBe(OUT + BLOCK_VA);
    expect(b.access(BLOCK_VA + 0x1f_f123)).toBe(OUT + BLOCK_VA + 0x1f_f123);
    expect(b.mmu.tlbSize).toBe(1);
    expect(b.rows).toHaveLength(1);
  });

  test('a global page holds for every ASID, and for no other VMID', () => {
    const b = bench({ attributes: 0n });
    b.access(PAGE_VA);
    b.set({ TTBR0_EL1: BigInt(ROOT) | ASID(2n) });
    b.access(PAGE_VA);
    expect(b.rows).toHaveLength(1);
    b.set({ VTTBR_EL2: 3n << 48n });
    b.access(PAGE_VA);
    expect(b.rows).toHaveLength(2);
  });

  test('stage 1 off is another context: no entry of stage 1 answers', () => {
    const b = bench({ attributes: 0n });
    b.access(PAGE_VA);
    b.set({ SCTLR_EL1: 0n });
    expect(b.access(PAGE_VA)).toBe(PAGE_VA);
    b.set({ SCTLR_EL1: 1n });
    b.access(PAGE_VA);
    expect(b.rows).toHaveLength(1);
  });

  test('a fault is not cached', () => {
    const b = bench();
    const entry = PAGES + 8 * 5;
    const valid = b.read64(entry)!;
    b.write64(entry, 0n);
    expect(b.access(PAGE_VA)).toBe('stage 1 translation 3');
    b.write64(entry, valid);
    expect(b.access(PAGE_VA)).toBe(OUT + PAGE_VA);
    expect(b.rows).toHaveLength(2);
  });

  test('a permission fault on a hit walks once more: a page made writable needs no TLBI, one made invalid shows', () => {
    const b = bench({ attributes: NOT_GLOBAL | (1n << 7n) });
    b.access(PAGE_VA);
    b.forgotten.length = 0;
    expect(b.access(PAGE_VA, 'write')).toBe('stage 1 permission 3');
    expect(b.rows).toHaveLength(2);
    map(b, NEW, NOT_GLOBAL);
    expect(b.access(PAGE_VA)).toBe(OUT + PAGE_VA);
    expect(b.access(PAGE_VA, 'write')).toBe(NEW + PAGE_VA);
    expect(b.access(PAGE_VA)).toBe(NEW + PAGE_VA);
    expect(b.rows).toHaveLength(3);
    expect(b.mmu.tlbSize).toBe(1);
    expect(b.forgotten).toEqual([{ all: false, va: PAGE_VA, size: 4096 }]);
    const readOnly = bench({ attributes: NOT_GLOBAL | (1n << 7n) });
    readOnly.access(PAGE_VA);
    readOnly.write64(PAGES + 8 * 5, 0n);
    expect(readOnly.access(PAGE_VA, 'write')).toBe('stage 1 translation 3');
    expect(readOnly.access(PAGE_VA)).toBe(OUT + PAGE_VA);
  });

  test('all entries leave when one more than fits comes', () => {
    const b = bench({ entries: 4 });
    for (let i = 0; i < 4; i++) b.access(PAGE_VA + i * 4096);
    expect(b.mmu.tlbSize).toBe(4);
    expect(b.forgotten).toEqual([]);
    b.access(PAGE_VA + 4 * 4096);
    expect(b.mmu.tlbSize).toBe(1);
    expect(b.forgotten).toEqual([{ all: true }]);
    b.access(PAGE_VA);
    expect(b.rows).toHaveLength(6);
  });

  test('with stage 2, the entry has the smaller page of the two stages', () => {
    const b = bench();
    const stage2 = RAM + 0x10_0000;
    b.write64(stage2 + 8, 0x4000_0000n | 0x7fdn);
    b.write64(stage2 + 16, BigInt(stage2 + 0x1000) | 3n);
    b.write64(stage2 + 0x1000 + 8 * 2, BigInt(stage2 + 0x2000) | 3n);
    for (let i = 0; i < 512; i++)
      b.write64(stage2 + 0x2000 + 8 * i, BigInt(0x1_0000_0000 + i * 4096) | 0x7ffn);
    b.set({ HCR_EL2: 1n, VTCR_EL2: 25n | (1n << 6n) | (4n << 16n), VTTBR_EL2: BigInt(stage2) });
    // OUT + BLOCK_VA is in the third entry of level 1, and in the third of level 2: pages.
    expect(b.access(BLOCK_VA + 0x3010)).toBe(0x1_0000_3010);
    expect(b.access(BLOCK_VA + 0x4010)).toBe(0x1_0000_4010);
    expect(b.mmu.tlbSize).toBe(2);
  });
});

describe('TLBI', () => {
  /** What is left of four entries: page and block, each of ASID 1 and 2, in VMID 0; and the same of VMID 3. */
  const prepared = (attributes = NOT_GLOBAL) => {
    const b = bench({ attributes });
    for (const vmid of [3n, 0n])
      for (const asid of [2n, 1n]) {
        b.set({ TTBR0_EL1: BigInt(ROOT) | ASID(asid), VTTBR_EL2: vmid << 48n });
        b.access(PAGE_VA);
        b.access(BLOCK_VA);
      }
    b.forgotten.length = 0;
    return b;
  };
  const left = (b: Bench) => {
    const { vmid, asid, va } = b.mmu.save();
    return va
      .map((at, i) => `${vmid[i]}.${asid[i] < 0 ? 'g' : asid[i]}.${at === PAGE_VA ? 'page' : 'block'}`)
      .join(' ');
  };
  const OTHERS = '3.1.page 3.1.block 3.2.page 3.2.block';

  test('all eight entries are there', () => {
    expect(left(prepared())).toBe(`0.1.page 0.1.block 0.2.page 0.2.block ${OTHERS}`);
    expect(left(prepared(0n))).toBe('0.g.page 0.g.block 3.g.page 3.g.block');
  });

  const cases: [Parameters<Bench['mmu']['decodeTlbi']>[0], bigint, string][] = [
    ['VMALLE1', 0n, OTHERS],
    ['VMALLE1IS', 0n, OTHERS],
    ['VMALLS12E1', 0n, OTHERS],
    ['VMALLS12E1IS', 0n, OTHERS],
    ['ALLE1', 0n, ''],
    ['ALLE1IS', 0n, ''],
    ['ASIDE1', ASID(2n), `0.1.page 0.1.block ${OTHERS}`],
    ['ASIDE1IS', ASID(1n), `0.2.page 0.2.block ${OTHERS}`],
    ['VAE1', by(PAGE_VA, 1n), `0.1.block 0.2.page 0.2.block ${OTHERS}`],
    ['VALE1', by(PAGE_VA, 2n), `0.1.page 0.1.block 0.2.block ${OTHERS}`],
    ['VAE1IS', by(BLOCK_VA + 0x12_3000, 1n), `0.1.page 0.2.page 0.2.block ${OTHERS}`],
    ['VALE1IS', by(PAGE_VA, 3n), `0.1.page 0.1.block 0.2.page 0.2.block ${OTHERS}`],
    ['VAAE1', by(PAGE_VA, 9n), `0.1.block 0.2.block ${OTHERS}`],
    ['VAALE1IS', by(BLOCK_VA), `0.1.page 0.2.page ${OTHERS}`],
    ['VAE1', by(PAGE_VA + 4096, 1n), `0.1.page 0.1.block 0.2.page 0.2.block ${OTHERS}`],
    ['ALLE2', 0n, `0.1.page 0.1.block 0.2.page 0.2.block ${OTHERS}`],
    ['VAE2', by(PAGE_VA, 1n), `0.1.page 0.1.block 0.2.page 0.2.block ${OTHERS}`],
    ['IPAS2E1', BigInt(OUT + PAGE_VA) >> 12n, `0.1.page 0.1.block 0.2.page 0.2.block ${OTHERS}`],
  ];
  for (const [operation, argument, expected] of cases)
    test(`${operation} ${argument.toString(16)} leaves ${expected || 'nothing'}`, () => {
      const b = prepared();
      const before = b.mmu.tlbSize;
      tlbi(b, operation, argument);
      expect(left(b)).toBe(expected);
      expect(b.forgotten.length > 0).toBe(b.mmu.tlbSize < before);
    });

  test('global entries leave by address, whatever the ASID, and not by ASID', () => {
    const b = prepared(0n);
    tlbi(b, 'ASIDE1', ASID(1n));
    expect(left(b)).toBe('0.g.page 0.g.block 3.g.page 3.g.block');
    tlbi(b, 'VAE1', by(PAGE_VA, 77n));
    expect(left(b)).toBe('0.g.block 3.g.page 3.g.block');
    expect(b.forgotten).toEqual([{ all: false, va: PAGE_VA, size: 4096 }]);
  });

  test('an address of the upper half is sign-extended from bit 55', () => {
    const b = bench();
    const va = PAGE_VA - 2 ** 39;
    b.access(va);
    tlbi(b, 'VAAE1', by(va));
    expect(b.mmu.tlbSize).toBe(0);
  });

  test('entries for stage 2 alone leave by IPA, by VA, and by VMALLE1; not by ASID', () => {
    const flat = () => {
      const b = bench();
      b.write64(RAM + 0x10_0000 + 8, 0x4000_0000n | 0x7fdn);
      b.set({
        SCTLR_EL1: 0n,
        HCR_EL2: 1n,
        VTCR_EL2: 25n | (1n << 6n) | (4n << 16n),
        VTTBR_EL2: BigInt(RAM + 0x10_0000) | (3n << 48n),
      });
      expect(b.access(RAM)).toBe(RAM);
      expect(b.mmu.tlbSize).toBe(1);
      return b;
    };
    for (const [operation, argument, size] of [
      ['IPAS2E1', BigInt(RAM + 0x1000) >> 12n, 0],
      ['IPAS2LE1IS', BigInt(RAM) >> 12n, 0],
      ['IPAS2E1', 0n, 1],
      ['VAAE1', by(RAM), 0],
      ['VMALLE1', 0n, 0],
      ['ASIDE1', ASID(1n), 1],
    ] as const) {
      const b = flat();
      tlbi(b, operation, argument);
      expect(`${operation} ${b.mmu.tlbSize}`).toBe(`${operation} ${size}`);
    }
  });

  test('EL2 has its own entries, which leave by ALLE2, VAE2 and VALE2', () => {
    for (const [operation, argument] of [
      ['ALLE2', 0n],
      ['VAE2', by(PAGE_VA)],
      ['VALE2IS', by(PAGE_VA, 5n)],
    ] as const) {
      const b = bench();
      b.set({ SCTLR_EL2: 5n, TCR_EL2: 25n | (4n << 16n), TTBR0_EL2: BigInt(ROOT) });
      b.access(PAGE_VA, 'read', 2);
      b.access(PAGE_VA, 'read', 1);
      expect(b.mmu.tlbSize).toBe(2);
      tlbi(b, operation, argument);
      expect(b.mmu.save().regime).toEqual(['EL10']);
    }
  });

  test('for a host with E2H and TGE, VMALLE1 works on EL2&0 and VMALLS12E1 on EL1&0', () => {
    const b = new Bench({}, ALL_FEATURES);
    map(b, OUT, NOT_GLOBAL);
    const tcr = 25n | (25n << 16n) | (2n << 30n) | (4n << 32n);
    b.set({
      SCTLR_EL1: 5n,
      TCR_EL1: tcr,
      TTBR0_EL1: BigInt(ROOT),
      SCTLR_EL2: 5n,
      TCR_EL2: tcr,
      TTBR0_EL2: BigInt(ROOT),
    });
    b.access(PAGE_VA);
    b.set({ HCR_EL2: (1n << 34n) | (1n << 27n) });
    b.access(PAGE_VA, 'read', 2);
    expect(b.mmu.save().regime).toEqual(['EL10', 'EL20']);
    tlbi(b, 'VMALLS12E1', 0n);
    expect(b.mmu.save().regime).toEqual(['EL20']);
    tlbi(b, 'VMALLE1', 0n);
    expect(b.mmu.tlbSize).toBe(0);
  });

  test('with TCR_EL1.AS clear only eight bits of an ASID count', () => {
    const b = bench({ registers: { TCR_EL1: 25n | (4n << 32n), TTBR0_EL1: BigInt(ROOT) | ASID(0x701n) } });
    b.access(PAGE_VA);
    expect(b.mmu.save().asid).toEqual([1]);
    tlbi(b, 'ASIDE1', ASID(0x301n));
    expect(b.mmu.tlbSize).toBe(0);
  });
});

test('a restored TLB answers as the saved one did, and equal contents save equally whatever the order they came in', () => {
  const one = bench();
  const two = bench();
  for (const va of [PAGE_VA, BLOCK_VA, PAGE_VA - 2 ** 39]) one.access(va);
  for (const va of [PAGE_VA - 2 ** 39, BLOCK_VA, PAGE_VA]) two.access(va);
  const state = one.mmu.save();
  expect(two.mmu.save()).toEqual(state);
  const three = bench();
  three.access(PAGE_VA + 4096);
  three.mmu.restore(JSON.parse(JSON.stringify(state)));
  expect(three.mmu.save()).toEqual(state);
  three.rows.length = 0;
  expect(three.access(PAGE_VA - 2 ** 39, 'write')).toBe(OUT + PAGE_VA);
  expect(three.access(BLOCK_VA + 0x1000)).toBe(OUT + BLOCK_VA + 0x1000);
  expect(three.rows).toEqual([]);
});

test('context keys tell apart what translates differently, and come back when it does', () => {
  const b = bench();
  const first = [b.mmu.contextKey(0), b.mmu.contextKey(1), b.mmu.contextKey(1, true), b.mmu.contextKey(2)];
  expect(new Set(first).size).toBe(4);
  b.set({ TTBR0_EL1: BigInt(ROOT) | ASID(2n) });
  expect(first).not.toContain(b.mmu.contextKey(1));
  expect(b.mmu.contextKey(2)).toBe(first[3]);
  b.set({ VTTBR_EL2: 1n << 48n, TTBR0_EL1: BigInt(ROOT) | ASID(1n) });
  expect(first).not.toContain(b.mmu.contextKey(1));
  b.set({ VTTBR_EL2: 0n, SCTLR_EL1: 0n });
  expect(first).not.toContain(b.mmu.contextKey(1));
  b.set({ SCTLR_EL1: 5n });
  expect(b.mmu.contextKey(1)).toBe(first[1]);
});

test('a guest that makes up contexts without end makes no keys without end: caches forget, and numbers begin again', () => {
  const b = bench();
  let highest = 0;
  for (let i = 0; i < 10_000; i++) {
    b.set({ TTBR0_EL1: BigInt(ROOT) | ASID(BigInt(i)) });
    highest = Math.max(highest, b.mmu.contextKey(1));
  }
  expect(highest).toBeLessThan(5000);
  expect(b.forgotten).toContainEqual({ all: true });
});

test('a page map holds what a Map would, whatever comes and goes', () => {
  const page = fc.tuple(fc.integer({ min: -40, max: 40 }), fc.constantFrom(12, 16, 21));
  fc.assert(
    fc.property(fc.array(fc.tuple(page, fc.boolean()), { maxLength: 300 }), (steps) => {
      const pages = new PageMap();
      const model = new Map<string, number>();
      steps.forEach(([[n, sizeBits], keep], i) => {
        // Far apart, so that hashes of the upper bits meet too.
        const base = n * 2 ** 44;
        const slot = pages.find(base, sizeBits);
        expect(slot >= 0 ? pages.output(slot) : undefined).toBe(model.get(`${base} ${sizeBits}`));
        if (slot >= 0 && !keep) {
          pages.remove(slot);
          model.delete(`${base} ${sizeBits}`);
        } else if (slot < 0) {
          pages.insert(base, sizeBits, i, i & 511);
          model.set(`${base} ${sizeBits}`, i);
        }
      });
      const seen = new Map<string, number>();
      pages.visit((base, sizeBits, output) => seen.set(`${base} ${sizeBits}`, output));
      expect(seen).toEqual(model);
      expect(pages.size).toBe(model.size);
    }),
  );
});
