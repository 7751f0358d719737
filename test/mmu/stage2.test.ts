import { describe, expect, test } from 'vitest';
import { ALL_FEATURES, Bench, FEATURES, RAM } from './support.ts';

const L = (n: number) => BigInt(RAM + n * 0x1_0000);
const TABLE = 3n;
/** AF, readable and writable, Normal Write-Back inner shareable. */
const S2_LEAF = 0x700n | (3n << 6n) | (15n << 2n);
const S2_READ = 1n << 6n;
const S2_XN = 1n << 54n;
const PS_44 = 4n << 16n;
const VM = 1n;
const S1_LEAF = 0x703n | (1n << 2n) | (1n << 6n);
const MAIR = 0xff_00n;

const TG0 = { 12: 0n, 16: 1n << 14n, 14: 2n << 14n } as const;

/** Granule, IPA bits, SL0, level of the leaf, number of concatenated tables. */
const SHAPES = [
  [12, 44, 2n, 3, 1],
  [12, 39, 1n, 3, 1],
  [12, 40, 1n, 2, 2],
  [12, 43, 1n, 3, 16],
  [12, 34, 0n, 3, 16],
  [12, 39, 1n, 1, 1],
  [14, 36, 1n, 3, 1],
  [14, 40, 1n, 2, 16],
  [14, 44, 2n, 3, 1],
  [16, 40, 1n, 3, 1],
  [16, 44, 1n, 2, 4],
  [16, 44, 2n, 3, 1],
  [16, 33, 0n, 3, 16],
] as const;

describe('every granule and starting level, with concatenated first tables', () => {
  for (const [granule, ipaBits, sl0, last, tables] of SHAPES)
    test(`granule 2^${granule}, ${ipaBits} bits, SL0 ${sl0}: ${tables} first table(s), a leaf at level ${last}`, () => {
      const bench = new Bench();
      const first = (granule === 12 ? 2 : 3) - Number(sl0);
      const stride = granule - 3;
      const output = 0x5_c000_0000;
      // In the last of the concatenated tables.
      const ipa = 2 ** ipaBits - 0x3000 - 0x123;
      const root = RAM + 0x40_0000;
      for (let level = first; level <= last; level++) {
        const shift = (3 - level) * stride + granule;
        const index =
          level === first ? Math.floor(ipa / 2 ** shift) : Math.floor(ipa / 2 ** shift) % 2 ** stride;
        const table = level === first ? root : Number(L(level));
        bench.write64(
          table + 8 * index,
          level === last ? BigInt(output) | S2_LEAF | (last === 3 ? 3n : 1n) : L(level + 1) | TABLE,
        );
      }
      const firstShift = (3 - first) * stride + granule;
      expect(2 ** (ipaBits - firstShift - stride)).toBeLessThanOrEqual(tables);
      bench.set({
        HCR_EL2: VM,
        VTCR_EL2: BigInt(64 - ipaBits) | (sl0 << 6n) | TG0[granule] | PS_44,
        VTTBR_EL2: BigInt(root) | (9n << 48n),
      });
      const size = 2 ** ((3 - last) * stride + granule);
      expect(bench.access(ipa)).toBe(output + (ipa % size));
      expect(bench.rows).toHaveLength(1);
      expect(bench.rows[0]).toMatchObject({
        stage: 2,
        access: 'read',
        va: ipa,
        ipa,
        pa: output + (ipa % size),
        page_size: size,
        level: last,
        vmid: 9,
        parent: null,
        s1ptw: false,
      });
    });
});

describe('VTCR_EL2 that does not fit is a translation fault at level 0', () => {
  const at = (vtcr: bigint, features = FEATURES) => {
    const bench = new Bench({}, features);
    bench.set({ HCR_EL2: VM, VTCR_EL2: vtcr | PS_44, VTTBR_EL2: L(0) });
    return bench.access(0x1000);
  };
  const fault = 'stage 2 translation 0';
  test('SL0 reserved', () => expect(at(25n | (3n << 6n))).toBe(fault));
  test('more than sixteen first tables', () => {
    expect(at(BigInt(64 - 44) | (1n << 6n))).toBe(fault);
    expect(at(BigInt(64 - 35))).toBe(fault);
  });
  test('a first table with fewer than two entries', () =>
    expect(at(BigInt(64 - 39) | (2n << 6n))).toBe(fault));
  test('an input size above the physical address size', () =>
    expect(at(BigInt(64 - 45) | (2n << 6n))).toBe(fault));
  test('level 0 with 42 bits of physical address', () => {
    expect(at(BigInt(64 - 42) | (2n << 6n), { ...FEATURES, paBits: 42 })).toBe(fault);
  });
  test('level 1 of 64 KiB tables with 42 bits, and of 16 KiB tables with 40', () => {
    expect(at(BigInt(64 - 42) | (2n << 6n) | TG0[16], { ...FEATURES, paBits: 42 })).toBe(fault);
    expect(at(BigInt(64 - 40) | (2n << 6n) | TG0[14], { ...FEATURES, paBits: 40 })).toBe(fault);
  });
  test('an address beyond T0SZ', () => {
    const bench = new Bench();
    bench.set({ HCR_EL2: VM, VTCR_EL2: 32n | (1n << 6n) | PS_44, VTTBR_EL2: L(0) });
    expect(bench.access(2 ** 32)).toBe(fault);
  });
});

/**
 * Stage 2: 39 bits from level 1, IPA 0x4000_0000 + n maps to the same PA by 4 KiB pages (2 MiB at level 3). Stage 1: 39 bits,
 * tables at IPA L(1), L(2), L(3), VA 0x20_3000 to IPA 0x4018_0000.
 */
const IPA = 0x4018_0000;
const VA = 0x20_3000;
const S1_TABLES = [Number(L(1)), Number(L(2)), Number(L(3))];

function nested(more: { hcr?: bigint; features?: typeof ALL_FEATURES } = {}): Bench {
  const bench = new Bench({}, more.features);
  bench.write64(Number(L(10)) + 8, L(11) | TABLE);
  bench.write64(Number(L(11)), L(12) | TABLE);
  for (let i = 0; i < 512; i++) bench.write64(Number(L(12)) + 8 * i, BigInt(RAM + i * 4096) | S2_LEAF | 3n);
  bench.write64(S1_TABLES[0], L(2) | TABLE);
  bench.write64(S1_TABLES[1] + 8, L(3) | TABLE);
  bench.write64(S1_TABLES[2] + 24, BigInt(IPA) | S1_LEAF);
  bench.set({
    SCTLR_EL1: 5n,
    TCR_EL1: 25n | (25n << 16n) | (2n << 30n) | (4n << 32n),
    TTBR0_EL1: L(1) | (5n << 48n),
    MAIR_EL1: MAIR,
    HCR_EL2: VM | (more.hcr ?? 0n),
    VTCR_EL2: 25n | (1n << 6n) | PS_44,
    VTTBR_EL2: L(10) | (9n << 48n),
  });
  return bench;
}
/** Rewrites the stage 2 page descriptor of an IPA. */
function remap(bench: Bench, ipa: number, change: (descriptor: bigint) => bigint): void {
  const at = Number(L(12)) + 8 * ((ipa - RAM) / 4096);
  bench.write64(at, change(bench.read64(at)!));
}

describe('both stages', () => {
  test('each stage 1 descriptor is reached through stage 2; rows give the stage 1 walk, then its stage 2 walks, which point to it', () => {
    const bench = nested();
    remap(bench, IPA, () => 0x7_0000_0000n | S2_LEAF | 3n);
    expect(bench.access(VA + 0x18, 'write')).toBe(0x7_0000_0018);
    const [stage1, ...stage2] = bench.rows;
    expect(stage1).toMatchObject({
      stage: 1,
      access: 'write',
      va: VA + 0x18,
      ipa: IPA + 0x18,
      pa: 0x7_0000_0018,
      vmid: 9,
      asid: 5,
      outcome: 'ok',
      parent: null,
      pc: 0x1234n,
    });
    expect(stage1.descriptor_addresses).toEqual([S1_TABLES[0], S1_TABLES[1] + 8, S1_TABLES[2] + 24]);
    expect(
      stage2.map(({ access, ipa, parent, s1ptw, level }) => [access, ipa, parent, s1ptw, level]),
    ).toEqual([
      ['walk', S1_TABLES[0], stage1.seq, true, 3],
      ['walk', S1_TABLES[1] + 8, stage1.seq, true, 3],
      ['walk', S1_TABLES[2] + 24, stage1.seq, true, 3],
      ['write', IPA + 0x18, stage1.seq, false, 3],
    ]);
    expect([...(stage2[3].descriptors as BigUint64Array)]).toEqual([
      L(11) | TABLE,
      L(12) | TABLE,
      0x7_0000_0000n | S2_LEAF | 3n,
    ]);
  });

  test('a fault on the access is a stage 2 fault with the IPA of the byte; the stage 1 walk has no result', () => {
    const bench = nested();
    remap(bench, IPA, () => 0n);
    const result = bench.mmu.translate({ va: VA + 0x18, kind: 'read', el: 0 });
    expect(result).toMatchObject({
      ok: false,
      fault: { type: 'translation', stage: 2, level: 3, s1ptw: false, ipa: IPA + 0x18 },
    });
    expect(bench.rows[0]).toMatchObject({ stage: 1, outcome: 'ok', ipa: IPA + 0x18, pa: null });
    expect(bench.rows.at(-1)).toMatchObject({
      stage: 2,
      outcome: 'translation',
      fault_level: 3,
      pa: null,
      seq: result.ok ? -1 : result.fault.walk,
    });
  });

  for (const [level, table] of S1_TABLES.entries())
    test(`a fault on the stage 1 descriptor at level ${level + 1} is a stage 2 fault with S1PTW and the descriptor's IPA`, () => {
      const bench = nested();
      remap(bench, table, (descriptor) => descriptor & ~0x400n);
      const result = bench.mmu.translate({ va: VA, kind: 'fetch', el: 1 });
      expect(result).toMatchObject({
        ok: false,
        fault: { type: 'access flag', stage: 2, level: 3, s1ptw: true, ipa: table + [0, 8, 24][level] },
      });
      expect(bench.rows[0]).toMatchObject({
        stage: 1,
        outcome: 'stage 2',
        fault_level: null,
        pa: null,
        ipa: null,
      });
      expect(bench.rows).toHaveLength(2 + level);
    });

  test('a stage 1 permission fault comes before any stage 2 fault of the output', () => {
    const bench = nested();
    remap(bench, IPA, () => 0n);
    bench.write64(S1_TABLES[2] + 24, BigInt(IPA) | S1_LEAF | (1n << 7n));
    expect(bench.access(VA, 'write')).toBe('stage 1 permission 3');
  });

  test('a walk needs only read permission at stage 2, and not less', () => {
    const bench = nested();
    remap(bench, S1_TABLES[2], (descriptor) => (descriptor & ~(2n << 6n)) | S2_XN);
    expect(bench.access(VA, 'write')).toBe(IPA);
    remap(bench, S1_TABLES[2], (descriptor) => descriptor & ~S2_READ);
    bench.mmu.invalidateAll();
    expect(bench.access(VA)).toBe('walk, stage 2 permission 3');
  });

  test('HCR_EL2.PTW forbids stage 1 tables in Device memory', () => {
    const device = (descriptor: bigint) => descriptor & ~(15n << 2n);
    const open = nested();
    remap(open, S1_TABLES[1], device);
    expect(open.access(VA)).toBe(IPA);
    const bench = nested({ hcr: 4n });
    remap(bench, S1_TABLES[1], device);
    expect(bench.access(VA)).toBe('walk, stage 2 permission 3');
  });

  test('a stage 2 table outside RAM is an external abort on the stage 2 walk', () => {
    const bench = nested();
    bench.write64(Number(L(11)), 0x900_0000n | TABLE);
    const result = bench.mmu.translate({ va: VA, kind: 'read', el: 1 });
    expect(result).toMatchObject({
      ok: false,
      fault: { type: 'external', onWalk: true, stage: 2, level: 3, s1ptw: true },
    });
  });

  const rights: [string, bigint, typeof FEATURES, string, string][] = [
    ['S2AP 0', S2_LEAF & ~(3n << 6n), FEATURES, '--x', '--x'],
    ['S2AP 1', S2_LEAF & ~(2n << 6n), FEATURES, 'r-x', 'r-x'],
    ['S2AP 2', S2_LEAF & ~(1n << 6n), FEATURES, '-wx', '-wx'],
    ['XN', S2_LEAF | S2_XN, FEATURES, 'rw-', 'rw-'],
    ['bit 53 without FEAT_XNX', S2_LEAF | (1n << 53n), FEATURES, 'rwx', 'rwx'],
    ['XN 01', S2_LEAF | (1n << 53n), ALL_FEATURES, 'rw-', 'rwx'],
    ['XN 10', S2_LEAF | (2n << 53n), ALL_FEATURES, 'rw-', 'rw-'],
    ['XN 11', S2_LEAF | (3n << 53n), ALL_FEATURES, 'rwx', 'rw-'],
  ];
  for (const [name, leaf, features, el1, el0] of rights)
    test(`${name}: ${el1} at EL1, ${el0} at EL0`, () => {
      const bench = nested({ features });
      bench.set({ HCR_EL2: VM, SCTLR_EL1: 0n });
      remap(bench, IPA, (descriptor) => (descriptor & 0xffff_ffff_f000n) | leaf | 3n);
      for (const [el, expected] of [
        [1, el1],
        [0, el0],
      ] as const) {
        const got = (['read', 'write', 'fetch'] as const).map((kind) =>
          typeof bench.access(IPA, kind, el) === 'number' ? { read: 'r', write: 'w', fetch: 'x' }[kind] : '-',
        );
        expect(got.join('')).toBe(expected);
      }
    });

  test('Device at stage 2 makes the page Device, and an unaligned access to it a stage 2 alignment fault', () => {
    const bench = nested();
    remap(bench, IPA, (descriptor) => descriptor & ~(15n << 2n));
    expect(bench.access(VA, 'read', 1, { unaligned: true })).toBe('stage 2 alignment 0');
    expect(bench.mmu.translate({ va: VA, kind: 'read', el: 1 })).toMatchObject({
      ok: true,
      page: { device: true },
    });
    expect(bench.access(VA, 'read', 1, { unaligned: true })).toBe('stage 2 alignment 0');
  });

  test('HCR_EL2.DC turns stage 1 off and stage 2 on, and memory is Normal', () => {
    const bench = nested();
    bench.set({ HCR_EL2: 1n << 12n });
    expect(bench.access(IPA)).toBe(IPA);
    expect(bench.rows.map(({ stage }) => stage)).toEqual([2]);
    expect(bench.mmu.translate({ va: IPA, kind: 'read', el: 1 })).toMatchObject({
      ok: true,
      page: { device: false },
    });
  });

  test('EL2 has no stage 2', () => {
    const bench = nested();
    expect(bench.access(0x900_0000, 'write', 2)).toBe(0x900_0000);
  });
});
