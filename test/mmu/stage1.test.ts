import { describe, expect, test } from 'vitest';
import { ALL_FEATURES, Bench, RAM } from './support.ts';

/** Valid leaf bits: AF, inner shareable. */
const LEAF = 0x700n;
const TABLE = 3n;
const PAGE = 3n;
const BLOCK = 1n;
const L = (n: number) => BigInt(RAM + n * 0x1_0000);
const IPS_44 = 4n << 32n;
const MAIR = 0xff_00n; // index 0 Device-nGnRnE, 1 Normal
const NORMAL = 1n << 2n;

/** A chain of tables, one for each level from `first`, that maps `va` by the leaf at `last`. */
function chain(
  bench: Bench,
  granule: number,
  inputBits: number,
  first: number,
  last: number,
  va: bigint,
  leaf: bigint,
): void {
  for (let level = first; level <= last; level++) {
    const shift = (3 - level) * (granule - 3) + granule;
    const width = level === first ? inputBits - shift : granule - 3;
    const index = Number((va >> BigInt(shift)) & ((1n << BigInt(width)) - 1n));
    bench.write64(Number(L(level)) + 8 * index, level === last ? leaf : L(level + 1) | TABLE);
  }
}

const TG0 = { 12: 0n, 16: 1n << 14n, 14: 2n << 14n } as const;
const TG1 = { 12: 2n << 30n, 16: 3n << 30n, 14: 1n << 30n } as const;

/** Granule, input bits, starting level, leaf level, size of the leaf. */
const SHAPES = [
  [12, 48, 0, 3, 4096],
  [12, 48, 0, 2, 2 ** 21],
  [12, 48, 0, 1, 2 ** 30],
  [12, 39, 1, 3, 4096],
  [12, 30, 2, 3, 4096],
  [14, 48, 0, 3, 2 ** 14],
  [14, 47, 1, 2, 2 ** 25],
  [14, 36, 2, 3, 2 ** 14],
  [16, 48, 1, 3, 2 ** 16],
  [16, 42, 2, 2, 2 ** 29],
  [16, 42, 2, 3, 2 ** 16],
] as const;

describe('every granule, starting level and leaf size', () => {
  for (const [granule, inputBits, first, last, size] of SHAPES)
    test(`granule 2^${granule}, ${inputBits} bits: a leaf of ${size} bytes at level ${last} maps the lower and the upper half`, () => {
      const bench = new Bench();
      const size0 = BigInt(64 - inputBits);
      const offset = 0x1_2345_6789 % 2 ** (inputBits - 1);
      const output = 0x7_c000_0000;
      const va = (BigInt(offset) | (1n << BigInt(inputBits - 1))) & ((1n << BigInt(inputBits)) - 1n);
      chain(
        bench,
        granule,
        inputBits,
        first,
        last,
        va,
        BigInt(output) | LEAF | NORMAL | (last === 3 ? PAGE : BLOCK),
      );
      bench.set({
        SCTLR_EL1: 5n,
        TCR_EL1: size0 | (size0 << 16n) | TG0[granule] | TG1[granule] | IPS_44,
        TTBR0_EL1: L(first),
        TTBR1_EL1: L(first),
        MAIR_EL1: MAIR,
      });
      const inPage = Number(va) % size;
      expect(bench.access(Number(va))).toBe(output + inPage);
      expect(bench.access(Number(va) - 2 ** inputBits)).toBe(output + inPage);
      expect(bench.rows.at(-1)).toMatchObject({
        stage: 1,
        level: last,
        page_size: size,
        outcome: 'ok',
        pa: output + inPage,
        s1ptw: false,
        parent: null,
      });
      expect(bench.rows.at(-1)!.descriptors).toHaveLength(last - first + 1);
    });
});

/** 4 KiB granule, 39 bits both halves: a page at 0x20_3000 below tables at levels 1 to 3. */
function paged(
  leaf: bigint,
  more: {
    tcr?: bigint;
    sctlr?: bigint;
    level1?: bigint;
    level2?: bigint;
    features?: typeof ALL_FEATURES;
  } = {},
): Bench {
  const bench = new Bench({}, more.features);
  bench.write64(Number(L(1)), L(2) | TABLE | (more.level1 ?? 0n));
  bench.write64(Number(L(2)) + 8, L(3) | TABLE | (more.level2 ?? 0n));
  bench.write64(Number(L(3)) + 8 * 3, leaf);
  bench.set({
    SCTLR_EL1: 5n | (more.sctlr ?? 0n),
    TCR_EL1: more.tcr ?? 25n | (25n << 16n) | (2n << 30n) | IPS_44,
    TTBR0_EL1: L(1),
    TTBR1_EL1: L(1),
    MAIR_EL1: MAIR,
  });
  return bench;
}
const VA = 0x20_3000;
const OUT = 0x4080_0000n;
const AP = (n: bigint) => n << 6n;
const UXN = 1n << 54n;
const PXN = 1n << 53n;

describe('faults', () => {
  test('an invalid descriptor is a translation fault at the level that holds it, and a block at level 3 is invalid', () => {
    expect(paged(0n).access(VA)).toBe('stage 1 translation 3');
    expect(paged(OUT | LEAF | BLOCK).access(VA)).toBe('stage 1 translation 3');
    const bench = paged(OUT | LEAF | PAGE);
    expect(bench.access(0x40_0000)).toBe('stage 1 translation 2');
    expect(bench.access(0x4000_0000)).toBe('stage 1 translation 1');
  });

  test('a 4 KiB granule has no block at level 0, and a 16 KiB granule none at level 1', () => {
    const bench = new Bench();
    bench.write64(Number(L(0)), OUT | LEAF | BLOCK);
    bench.set({ SCTLR_EL1: 5n, TCR_EL1: 16n | IPS_44, TTBR0_EL1: L(0), MAIR_EL1: MAIR });
    expect(bench.access(0x1000)).toBe('stage 1 translation 0');
    bench.set({ TCR_EL1: 17n | (2n << 14n) | IPS_44 });
    expect(bench.access(0x1000)).toBe('stage 1 translation 1');
  });

  test('an address outside T0SZ, a disabled half, TxSZ out of range, and no address at all are translation faults at level 0', () => {
    const tcr = 25n | (25n << 16n) | (2n << 30n) | IPS_44;
    const bench = paged(OUT | LEAF | PAGE);
    expect(bench.access(2 ** 39 + VA)).toBe('stage 1 translation 0');
    expect(bench.access(-(2 ** 39) - 1)).toBe('stage 1 translation 0');
    expect(bench.access(Number.NaN)).toBe('stage 1 translation 0');
    expect(paged(OUT | LEAF | PAGE, { tcr: tcr | (1n << 7n) }).access(VA)).toBe('stage 1 translation 0');
    const upperOff = paged(OUT | LEAF | PAGE, { tcr: tcr | (1n << 23n) });
    expect(upperOff.access(VA)).toBe(Number(OUT));
    expect(upperOff.access(VA - 2 ** 39)).toBe('stage 1 translation 0');
    expect(paged(OUT | LEAF | PAGE, { tcr: 40n | IPS_44 }).access(VA)).toBe('stage 1 translation 0');
  });

  test('a clear access flag faults at the level of the leaf, and comes before permissions', () => {
    expect(paged(OUT | PAGE | AP(0n)).access(VA, 'write', 0)).toBe('stage 1 access flag 3');
  });

  test('output addresses beyond IPS, of pages and of tables, and a table base beyond it, are address size faults', () => {
    const tcr = 25n;
    expect(paged((1n << 32n) | LEAF | PAGE, { tcr }).access(VA)).toBe('stage 1 address size 3');
    expect(paged(OUT | LEAF | PAGE, { tcr, level2: 1n << 36n }).access(VA)).toBe('stage 1 address size 2');
    const bench = paged(OUT | LEAF | PAGE, { tcr });
    bench.set({ TTBR0_EL1: 1n << 33n });
    expect(bench.access(VA)).toBe('stage 1 address size 0');
  });

  test('IPS above the implemented physical address size is cut to it', () => {
    const tcr = 25n | (5n << 32n);
    expect(paged((1n << 43n) | LEAF | PAGE, { tcr }).access(VA)).toBe(2 ** 43);
    expect(paged((1n << 44n) | LEAF | PAGE, { tcr }).access(VA)).toBe('stage 1 address size 3');
  });

  test('a table outside RAM is an external abort on the walk, at the level of the descriptor', () => {
    const bench = paged(OUT | LEAF | PAGE);
    bench.write64(Number(L(2)) + 8, 0x900_0000n | TABLE);
    const result = bench.mmu.translate({ va: VA, kind: 'read', el: 1 });
    expect(result).toMatchObject({
      ok: false,
      fault: { type: 'external', onWalk: true, stage: 1, level: 3 },
    });
    expect(bench.rows.at(-1)).toMatchObject({
      outcome: 'external',
      level: 3,
      descriptor_addresses: [Number(L(1)), Number(L(2)) + 8, 0x900_0018],
    });
    expect(bench.rows.at(-1)!.descriptors).toHaveLength(2);
  });
});

/** Whether each of privileged read, write, fetch and user read, write, fetch is allowed, as rwx letters. */
function rights(bench: Bench, pan = false): string {
  const of = (el: 0 | 1) =>
    (['read', 'write', 'fetch'] as const)
      .map((kind) =>
        typeof bench.access(VA, kind, el, { pan }) === 'number'
          ? { read: 'r', write: 'w', fetch: 'x' }[kind]
          : '-',
      )
      .join('');
  return `${of(1)} ${of(0)}`;
}

describe('permissions (D8.4, table of AP, UXN and PXN)', () => {
  const page = OUT | LEAF | PAGE | NORMAL;
  const cases: [string, bigint, Parameters<typeof paged>[1], string][] = [
    ['AP 0', page | AP(0n), {}, 'rwx --x'],
    ['AP 1: what EL0 writes, EL1 does not execute', page | AP(1n), {}, 'rw- rwx'],
    ['AP 2', page | AP(2n), {}, 'r-x --x'],
    ['AP 3', page | AP(3n), {}, 'r-x r-x'],
    ['UXN', page | AP(3n) | UXN, {}, 'r-x r--'],
    ['PXN', page | AP(3n) | PXN, {}, 'r-- r-x'],
    ['WXN, AP 0', page | AP(0n), { sctlr: 1n << 19n }, 'rw- --x'],
    ['WXN, AP 1', page | AP(1n), { sctlr: 1n << 19n }, 'rw- rw-'],
    ['WXN, AP 3', page | AP(3n), { sctlr: 1n << 19n }, 'r-x r-x'],
    ['APTable 1 takes EL0 away', page | AP(1n), { level1: 1n << 61n }, 'rwx --x'],
    ['APTable 2 takes writing away', page | AP(1n), { level2: 1n << 62n }, 'r-x r-x'],
    ['UXNTable', page | AP(3n), { level1: 1n << 60n }, 'r-x r--'],
    ['PXNTable', page | AP(3n), { level2: 1n << 59n }, 'r-- r-x'],
    [
      'HPD0 ignores them all',
      page | AP(1n),
      { level1: 15n << 59n, tcr: 25n | IPS_44 | (1n << 41n), features: ALL_FEATURES },
      'rw- rwx',
    ],
    [
      'HPD0 means nothing without FEAT_HPDS',
      page | AP(1n),
      { level1: 15n << 59n, tcr: 25n | IPS_44 | (1n << 41n) },
      'r-- ---',
    ],
  ];
  for (const [name, leaf, more, expected] of cases)
    test(`${name}: ${expected}`, () => {
      const bench = paged(leaf, more);
      expect(rights(bench)).toBe(expected);
      expect(typeof bench.access(VA, 'write', 0) === 'string' ? bench.access(VA, 'write', 0) : '').toBe(
        expected.includes(' rw') ? '' : 'stage 1 permission 3',
      );
    });

  test('PAN takes from EL1 the data that EL0 may read, and not its own', () => {
    expect(rights(paged(page | AP(3n)), true)).toBe('--x r-x');
    expect(rights(paged(page | AP(0n)), true)).toBe('rwx --x');
  });

  test('cache maintenance above EL0 needs no permission', () => {
    const bench = paged(page | AP(3n));
    expect(bench.access(VA, 'write', 1, { cacheMaintenance: true })).toBe(Number(OUT));
  });
});

describe('memory types', () => {
  test('an unaligned access to Device memory is an alignment fault before it is a permission fault, on a miss and on a hit', () => {
    const bench = paged(OUT | LEAF | PAGE | AP(2n));
    expect(bench.access(VA, 'write', 1, { unaligned: true })).toBe('stage 1 alignment 0');
    expect(bench.access(VA)).toBe(Number(OUT));
    expect(bench.access(VA, 'write', 1, { unaligned: true })).toBe('stage 1 alignment 0');
    expect(paged(OUT | LEAF | PAGE | NORMAL).access(VA, 'write', 1, { unaligned: true })).toBe(Number(OUT));
  });
});

describe('stage 1 off', () => {
  test('addresses pass unchanged, as Device memory, without a walk, up to the physical address size', () => {
    const bench = new Bench();
    expect(bench.access(0x900_0123, 'write')).toBe(0x900_0123);
    expect(bench.mmu.translate({ va: RAM, kind: 'fetch', el: 1 })).toMatchObject({
      ok: true,
      page: { device: true, execute: true },
    });
    expect(bench.access(2 ** 44)).toBe('stage 1 address size 0');
    expect(bench.access(-1)).toBe('stage 1 address size 0');
    expect(bench.access(Number.NaN)).toBe('stage 1 address size 0');
    expect(bench.rows).toEqual([]);
    expect(bench.mmu.tlbSize).toBe(0);
  });

  test('HCR_EL2.TGE turns stage 1 of EL1&0 off', () => {
    const bench = paged(OUT | LEAF | PAGE | AP(1n));
    bench.set({ HCR_EL2: 1n << 27n });
    expect(bench.access(VA, 'read', 0)).toBe(VA);
  });
});

describe('EL2 and EL2&0', () => {
  const el2 = (tcr: bigint, hcr = 0n) => ({
    SCTLR_EL2: 5n,
    TCR_EL2: tcr,
    TTBR0_EL2: L(1),
    TTBR1_EL2: L(1),
    MAIR_EL2: MAIR,
    HCR_EL2: hcr,
  });

  test('EL2 has one range and one privilege: AP[1], PXN and nG mean nothing, XN does', () => {
    const bench = paged(OUT | LEAF | PAGE | NORMAL | AP(1n) | PXN | (1n << 11n));
    bench.set(el2(25n | (4n << 16n)));
    expect(bench.access(VA, 'write', 2)).toBe(Number(OUT));
    expect(bench.access(VA, 'fetch', 2)).toBe(Number(OUT));
    expect(bench.access(VA - 2 ** 39, 'read', 2)).toBe('stage 1 translation 0');
    expect(bench.rows.at(-1)).toMatchObject({
      regime: 'EL2',
      vmid: 0,
      asid: 0,
      va: VA - 2 ** 39,
    });
    const never = paged(OUT | LEAF | PAGE | UXN);
    never.set(el2(25n | (4n << 16n)));
    expect(never.access(VA, 'fetch', 2)).toBe('stage 1 permission 3');
  });

  test('with E2H, EL2 has two ranges and ASIDs, and with TGE too EL0 is in the same regime', () => {
    const bench = new Bench({}, ALL_FEATURES);
    chain(bench, 12, 39, 1, 3, BigInt(VA), OUT | LEAF | PAGE | NORMAL | AP(1n));
    bench.set(el2(25n | (25n << 16n) | (2n << 30n) | (4n << 32n), 1n << 34n));
    expect(bench.access(VA - 2 ** 39, 'write', 2)).toBe(Number(OUT));
    expect(bench.access(VA, 'fetch', 2)).toBe('stage 1 permission 3');
    expect(bench.mmu.regime(0).name).toBe('EL10');
    bench.set({ HCR_EL2: (1n << 34n) | (1n << 27n) });
    expect(bench.mmu.regime(0).name).toBe('EL20');
    expect(bench.access(VA, 'fetch', 0)).toBe(Number(OUT));
  });
});

test('SCTLR_EL1.EE makes descriptors big-endian', () => {
  const bench = paged(0n, { sctlr: 1n << 25n });
  const swapped = (v: bigint) => Buffer.from(v.toString(16).padStart(16, '0'), 'hex').readBigUInt64LE();
  bench.write64(Number(L(1)), swapped(L(2) | TABLE));
  bench.write64(Number(L(2)) + 8, swapped(L(3) | TABLE));
  bench.write64(Number(L(3)) + 24, swapped(OUT | LEAF | PAGE));
  expect(bench.access(VA)).toBe(Number(OUT));
  expect([...(bench.rows[0].descriptors as BigUint64Array)][2]).toBe(OUT | LEAF | PAGE);
});

test('a granule that the CPU lacks is its smallest one', () => {
  const bench = paged(OUT | LEAF | PAGE, {
    tcr: 25n | (2n << 14n) | IPS_44,
    features: { ...ALL_FEATURES, stage1Granules: [12, 16] },
  });
  expect(bench.access(VA)).toBe(Number(OUT));
});
