/** Translation beyond Armv8.0: hardware updates, 52-bit addresses, E0PD, forced write-back, TLBI by range. Features of max. */
import { describe, expect, test } from 'vitest';
import { mmuFeatures } from '../../src/mmu/features.ts';
import { Bench, RAM } from './support.ts';

const FEATURES = mmuFeatures(0x323_1020_1126n, 0x110_1021_1122n, 0x1021_0110_1001_1011n, true);
const L = (n: number) => BigInt(RAM + n * 0x1_0000);
const TABLE = 3n;
const PAGE = 3n;
const ACCESSED = 1n << 10n;
const READ_ONLY = 1n << 7n;
const USER = 1n << 6n;
const DBM = 1n << 51n;
const NORMAL = 1n << 2n;
const MAIR = 0xff_00n;
const HA = 1n << 39n;
const HD = 1n << 40n;
const OUT = BigInt(RAM + 0x10_0000);

/** Three levels of 4 KiB tables map `VA` (and its mirror in the upper half) by `leaf`. */
const VA = 0x20_3000;
const LEAF_AT = Number(L(3)) + 8 * 3;
function paged(leaf: bigint, tcr = 0n, hcr = 0n): Bench {
  const bench = new Bench({}, FEATURES);
  bench.write64(Number(L(1)), L(2) | TABLE);
  bench.write64(Number(L(2)) + 8, L(3) | TABLE);
  bench.write64(LEAF_AT, leaf);
  bench.set({
    SCTLR_EL1: 5n,
    TCR_EL1: 25n | (25n << 16n) | (2n << 30n) | (4n << 32n) | tcr,
    TTBR0_EL1: L(1),
    TTBR1_EL1: L(1),
    MAIR_EL1: MAIR,
    HCR_EL2: hcr,
  });
  return bench;
}
const leafOf = (bench: Bench) => bench.read64(LEAF_AT);

describe('FEAT_HAFDBS', () => {
  test('with HA the walker sets the access flag, and the row shows the descriptor that it read', () => {
    const leaf = OUT | NORMAL | PAGE;
    expect(paged(leaf).access(VA)).toBe('stage 1 access flag 3');
    const bench = paged(leaf, HA);
    expect(bench.access(VA)).toBe(Number(OUT));
    expect(leafOf(bench)).toBe(leaf | ACCESSED);
    expect([...(bench.rows[0].descriptors as BigUint64Array)].at(-1)).toBe(leaf);
  });

  test('with HD a store makes a page with DBM writable, a load does not, and the store comes after a hit for reading', () => {
    const leaf = OUT | NORMAL | ACCESSED | READ_ONLY | DBM | PAGE;
    const bench = paged(leaf, HA | HD);
    expect(bench.access(VA)).toBe(Number(OUT));
    expect(leafOf(bench)).toBe(leaf);
    expect(bench.access(VA, 'write')).toBe(Number(OUT));
    expect(leafOf(bench)).toBe(leaf & ~READ_ONLY);
    expect(bench.rows.length, 'a walk for the load, and one for the store').toBe(2);
  });

  test('without HD, or without DBM, the store is a permission fault and changes nothing', () => {
    for (const [leaf, tcr] of [
      [OUT | NORMAL | ACCESSED | READ_ONLY | DBM | PAGE, HA],
      [OUT | NORMAL | ACCESSED | READ_ONLY | PAGE, HA | HD],
      [OUT | NORMAL | ACCESSED | READ_ONLY | DBM | PAGE, HD],
    ] as const) {
      const bench = paged(leaf, tcr);
      expect(bench.access(VA, 'write')).toBe('stage 1 permission 3');
      expect(leafOf(bench)).toBe(leaf);
    }
  });

  test('a fault of permission leaves the access flag as it was', () => {
    const leaf = OUT | NORMAL | READ_ONLY | PAGE;
    const bench = paged(leaf, HA);
    expect(bench.access(VA, 'write')).toBe('stage 1 permission 3');
    expect(leafOf(bench)).toBe(leaf);
  });

  test('the walker’s store to a stage 1 descriptor needs stage 2’s permission to write', () => {
    const S2_READ = 1n << 6n;
    const S2_WRITE = 1n << 7n;
    // A stage 2 of one block of 1 GiB that maps RAM one to one.
    for (const write of [0n, S2_WRITE]) {
      const bench = paged(OUT | NORMAL | PAGE, HA);
      bench.write64(Number(L(8)) + 8, 0x4000_0000n | ACCESSED | (15n << 2n) | S2_READ | write | 1n);
      bench.set({ VTCR_EL2: 25n | (1n << 6n) | (4n << 16n), VTTBR_EL2: L(8), HCR_EL2: 1n });
      expect(bench.access(VA)).toBe(write ? Number(OUT) : 'walk, stage 2 permission 1');
      expect((leafOf(bench)! & ACCESSED) !== 0n).toBe(write !== 0n);
    }
  });

  test('stage 2 keeps its own access flag and dirty state, in S2AP[1]', () => {
    const bench = new Bench({}, FEATURES);
    const block = 0x4000_0000n | (15n << 2n) | (1n << 6n) | DBM | 1n;
    bench.write64(Number(L(8)) + 8, block);
    const vtcr = 25n | (1n << 6n) | (4n << 16n);
    bench.set({ VTCR_EL2: vtcr | (3n << 21n), VTTBR_EL2: L(8), HCR_EL2: 1n });
    expect(bench.access(RAM)).toBe(RAM);
    expect(bench.read64(Number(L(8)) + 8)).toBe(block | ACCESSED);
    expect(bench.access(RAM, 'write')).toBe(RAM);
    expect(bench.read64(Number(L(8)) + 8)).toBe(block | ACCESSED | (1n << 7n));
  });
});

describe('52-bit addresses', () => {
  test('4 KiB tables with DS begin at level -1, and their faults say so', () => {
    const bench = new Bench({}, FEATURES);
    const va = 2 ** 50 + 0x3000;
    bench.set({
      SCTLR_EL1: 5n,
      TCR_EL1: 12n | (1n << 23n) | (6n << 32n) | (1n << 59n),
      TTBR0_EL1: L(0),
      MAIR_EL1: MAIR,
    });
    expect(bench.access(va)).toBe('stage 1 translation -1');
    expect(bench.rows[0]).toMatchObject({ level: -1, fault_level: -1 });
    bench.write64(Number(L(0)) + 8 * 4, L(1) | TABLE);
    bench.write64(Number(L(1)), L(2) | TABLE);
    bench.write64(Number(L(2)), L(3) | TABLE);
    bench.write64(Number(L(3)), L(4) | TABLE);
    // Bits 51:50 of the address are in bits 9:8.
    bench.write64(Number(L(4)) + 24, OUT | (2n << 8n) | ACCESSED | NORMAL | PAGE);
    expect(bench.access(va)).toBe(Number(OUT) + 2 ** 51);
  });

  test('64 KiB tables keep bits 51:48 in bits 15:12, where the output size has them', () => {
    for (const [ips, expected] of [
      [6n, Number(OUT) + 9 * 2 ** 48],
      [5n, Number(OUT)],
    ] as const) {
      const bench = new Bench({}, FEATURES);
      bench.set({
        SCTLR_EL1: 5n,
        TCR_EL1: 22n | (1n << 14n) | (1n << 23n) | (ips << 32n),
        TTBR0_EL1: L(1),
        MAIR_EL1: MAIR,
      });
      bench.write64(Number(L(1)), L(2) | TABLE);
      bench.write64(Number(L(2)) + 8, OUT | (9n << 12n) | ACCESSED | NORMAL | PAGE);
      expect(bench.access(0x1_0000)).toBe(expected);
    }
  });
});

describe('E0PD', () => {
  test('closes a half to EL0 whatever the TLB knows, and to nobody else', () => {
    const bench = paged(OUT | ACCESSED | NORMAL | USER | PAGE, 1n << 55n);
    expect(bench.access(VA, 'read', 1)).toBe(Number(OUT));
    expect(bench.access(VA, 'read', 0)).toBe('stage 1 translation 0');
    expect(bench.access(VA - 2 ** 39, 'read', 0)).toBe(Number(OUT));
  });

  test('is part of the context key of EL0', () => {
    const open = paged(0n);
    const key = open.mmu.contextKey(0);
    open.set({ TCR_EL1: open.registers.TCR_EL1! | (1n << 55n) });
    expect(open.mmu.contextKey(0)).not.toBe(key);
  });
});

describe('TBID', () => {
  test('keeps the tag of an instruction’s address, and not that of data', () => {
    const bench = paged(0n, (1n << 37n) | (1n << 51n));
    const { topByteIgnored, instructionTopByteIgnored } = bench.mmu.regime(1);
    expect([topByteIgnored, instructionTopByteIgnored]).toEqual([1, 0]);
  });
});

describe('TLBI by range', () => {
  /** BaseADDR in pages of 4 KiB, NUM and SCALE: (NUM + 1) << (5 * SCALE + 1) pages. */
  const range = (va: number, num: number, scale: number) =>
    (1n << 46n) | (BigInt(scale) << 44n) | (BigInt(num) << 39n) | (BigInt(va / 4096) & 0x1f_ffff_ffffn);

  test.each([
    ['its two pages', range(VA - 4096, 0, 0), 0],
    ['pages that end before it', range(VA - 8192, 0, 0), 1],
    ['the sixty-four pages from 2 MiB on', range(0x20_0000, 0, 1), 0],
    ['pages after it', range(VA + 4096, 31, 3), 1],
    ['a reserved granule', range(VA - 4096, 0, 0) & ~(3n << 46n), 1],
  ])('RVAE1 of %s', (_name, argument, left) => {
    const bench = paged(OUT | ACCESSED | NORMAL | PAGE);
    bench.access(VA);
    bench.mmu.invalidate(bench.mmu.decodeTlbi('RVAE1', argument));
    expect(bench.mmu.tlbSize).toBe(left);
  });

  test('reaches the upper half by a negative base', () => {
    const bench = paged(OUT | ACCESSED | NORMAL | PAGE);
    const upper = VA - 2 ** 39;
    bench.access(upper);
    bench.mmu.invalidate(bench.mmu.decodeTlbi('RVAAE1OS', range(upper, 0, 0)));
    expect(bench.mmu.tlbSize).toBe(0);
  });
});

describe('HCR_EL2.FWB', () => {
  test('stage 2 says Write-Back, Non-cacheable, Device, or what stage 1 says', () => {
    const attributeOf = (memAttr: bigint, index: bigint) => {
      const bench = paged(OUT | ACCESSED | (index << 2n) | PAGE);
      bench.write64(Number(L(8)) + 8, 0x4000_0000n | ACCESSED | (memAttr << 2n) | (3n << 6n) | 1n);
      bench.set({ VTCR_EL2: 25n | (1n << 6n) | (4n << 16n), VTTBR_EL2: L(8), HCR_EL2: 1n | (1n << 46n) });
      return Number(bench.mmu.addressTranslate('S12E1R', VA, 2).par! >> 56n);
    };
    const [device, normal] = [0n, 1n];
    expect([attributeOf(7n, normal), attributeOf(7n, device)]).toEqual([0xff, 0]);
    expect([attributeOf(6n, normal), attributeOf(6n, device)]).toEqual([0xff, 0xff]);
    expect([attributeOf(5n, normal), attributeOf(5n, device)]).toEqual([0x44, 0]);
    expect([attributeOf(1n, normal), attributeOf(3n, device)]).toEqual([0x04, 0x0c]);
  });
});
