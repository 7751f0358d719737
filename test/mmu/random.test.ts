import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GuestMemory } from '../../src/machine/memory.ts';
import { type ReferenceMachine, referenceTranslate } from './reference_walker.ts';
import { ALL_FEATURES, Bench, FEATURES, RAM, type Registers } from './support.ts';

/** Tables live here: eight of 64 KiB, each a repeated pattern of 32 descriptors, so that any walk of any granule meets them. */
const TABLES = 8;
const TABLE_BYTES = 0x1_0000;
const PATTERN = 32;

const weighted = <T>(...choices: [weight: number, value: T][]) =>
  fc.oneof(...choices.map(([weight, value]) => ({ weight, arbitrary: fc.constant(value) })));
const bits = (n: number) => fc.bigInt({ min: 0n, max: (1n << BigInt(n)) - 1n });

/** Mostly inside the tables, at times beyond RAM or beyond the physical address size. */
const outputAddress = fc
  .tuple(
    fc.nat(TABLES * 16 - 1),
    weighted([16, 0n], [1, 1n << 33n], [1, 1n << 41n], [1, 1n << 45n], [1, 1n << 47n]),
  )
  .map(([page, high]) => BigInt(RAM + page * 4096) | high);

const tableAddress = fc.oneof(
  { weight: 15, arbitrary: fc.nat(TABLES * 16 - 1).map((page) => BigInt(RAM + page * 4096)) },
  { weight: 1, arbitrary: outputAddress },
);

const descriptor = fc
  .tuple(
    weighted([1, 0n], [1, 2n], [6, 1n], [14, 3n]),
    outputAddress,
    // AttrIndx or MemAttr, AP or S2AP (mostly generous), SH, nG
    bits(4),
    weighted([4, 1n], [6, 3n], [2, 0n], [2, 2n]),
    bits(2),
    weighted([12, 1n], [1, 0n]),
    fc.boolean(),
    // PXN, UXN
    weighted([8, 0n], [1, 1n], [1, 2n], [1, 3n]),
    // PXNTable, UXNTable, APTable
    weighted([10, 0n], [1, 1n], [1, 2n], [1, 4n], [1, 8n]),
  )
  .map(
    ([type, output, attr, ap, sh, af, nG, xn, tables]) =>
      type |
      (output & ~0xfffn) |
      (attr << 2n) |
      (ap << 6n) |
      (sh << 8n) |
      (af << 10n) |
      (nG ? 1n << 11n : 0n) |
      (xn << 53n) |
      (tables << 59n),
  );

const size = fc.oneof(
  { weight: 6, arbitrary: fc.bigInt({ min: 16n, max: 39n }) },
  { weight: 1, arbitrary: bits(6) },
);
/** Stage 2 sizes that agree with SL0 are rare by chance: T0SZ, SL0 and TG0 that do, and any. */
const vtcr = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constantFrom(
      ...([
        [25n, 1n, 0n],
        [24n, 1n, 0n],
        [21n, 1n, 0n],
        [34n, 0n, 0n],
        [31n, 0n, 0n],
        [20n, 2n, 0n],
        [24n, 1n, 1n],
        [36n, 0n, 1n],
        [22n, 1n, 1n],
        [24n, 1n, 2n],
        [28n, 1n, 2n],
        [22n, 2n, 2n],
        [39n, 0n, 2n],
      ] as const),
    ),
  },
  { weight: 1, arbitrary: fc.tuple(bits(6), bits(2), bits(2)) },
);

const registers = fc
  .record({
    sctlr: fc.tuple(weighted([9, 1n], [1, 0n]), fc.boolean(), fc.boolean(), weighted([9, 0n], [1, 1n])),
    tcr: fc.tuple(
      size,
      size,
      bits(2),
      bits(2),
      weighted([3, 5n], [2, 2n], [1, 0n], [1, 7n]),
      bits(2),
      bits(2),
      weighted([9, 0n], [1, 1n]),
      weighted([9, 0n], [1, 1n]),
    ),
    hcr: fc.tuple(
      weighted([1, 1n], [1, 0n]),
      fc.boolean(),
      weighted([9, 0n], [1, 1n]),
      weighted([4, 0n], [1, 1n]),
      fc.boolean(),
      weighted([9, 0n], [1, 1n]),
    ),
    vtcr: fc.tuple(vtcr, weighted([3, 5n], [2, 2n], [1, 1n])),
    ttbr: fc.array(tableAddress, { minLength: 3, maxLength: 3 }),
    mair: bits(64),
  })
  .map(
    ({
      sctlr: [m, c, wxn, ee],
      tcr,
      hcr: [vm, ptw, dc, tge, e2h, cd],
      vtcr: [[t0, sl0, tg0], ps],
      ttbr,
      mair,
    }): Registers => {
      const [t0sz, t1sz, g0, g1, ips, tbi, hpd, epd0, epd1] = tcr;
      const sctlr = m | (c ? 4n : 0n) | (wxn ? 1n << 19n : 0n) | (ee << 25n);
      const twoRanges =
        t0sz |
        (t1sz << 16n) |
        (g0 << 14n) |
        (g1 << 30n) |
        (ips << 32n) |
        (tbi << 37n) |
        (hpd << 41n) |
        (epd0 << 7n) |
        (epd1 << 23n);
      const oneRange = t0sz | (g0 << 14n) | (ips << 16n) | ((tbi & 1n) << 20n) | ((hpd & 1n) << 24n);
      return {
        SCTLR_EL1: sctlr,
        SCTLR_EL2: sctlr,
        TCR_EL1: twoRanges,
        TCR_EL2: e2h ? twoRanges : oneRange,
        HCR_EL2: vm | (ptw ? 4n : 0n) | (dc << 12n) | (tge << 27n) | (cd << 32n) | (e2h ? 1n << 34n : 0n),
        VTCR_EL2: t0 | (sl0 << 6n) | (tg0 << 14n) | (ps << 16n),
        TTBR0_EL1: ttbr[0],
        TTBR1_EL1: ttbr[1],
        TTBR0_EL2: ttbr[0],
        TTBR1_EL2: ttbr[1],
        VTTBR_EL2: ttbr[2] | (7n << 48n),
        MAIR_EL1: mair,
        MAIR_EL2: mair,
      };
    },
  );

/** Addresses of all sizes in both halves, at times tagged, at times no address at all. */
const virtualAddress = fc
  .tuple(
    bits(64),
    fc.integer({ min: 12, max: 52 }),
    weighted([5, 0n], [5, 1n]),
    weighted([6, 'plain'], [1, 'tagged'], [1, 'any']),
  )
  .map(([random, width, upper, form]) => {
    const low = random & ((1n << BigInt(width)) - 1n);
    const plain = upper ? BigInt.asUintN(64, ~low) : low;
    return form === 'any' ? random : form === 'tagged' ? plain ^ ((random >> 56n) << 56n) : plain;
  });

const scenario = fc.record({
  registers,
  pattern: fc.array(descriptor, { minLength: PATTERN, maxLength: PATTERN }),
  all: fc.boolean(),
  vas: fc.array(virtualAddress, { minLength: 6, maxLength: 6 }),
  pan: fc.boolean(),
});

const memory = new GuestMemory([{ base: RAM, size: 2 ** 20 }], 2 ** 20);
function fill(pattern: readonly bigint[]): void {
  const words = new BigUint64Array(TABLE_BYTES / 8);
  for (let table = 0; table < TABLES; table++) {
    for (let i = 0; i < words.length; i++) words[i] = pattern[(i + (i >> 5) * 3 + table * 11) % PATTERN];
    memory.writeBytes(RAM + table * TABLE_BYTES, new Uint8Array(words.buffer));
  }
}

const outcomes = new Map<string, number>();
const count = (what: string) => outcomes.set(what, (outcomes.get(what) ?? 0) + 1);

test('any registers and any tables translate as the straightforward walker says, for every access, with its fault, and AT gives the attributes', () => {
  fc.assert(
    fc.property(scenario, ({ registers, pattern, all, vas, pan }) => {
      fill(pattern);
      const features = all ? ALL_FEATURES : FEATURES;
      const bench = new Bench(registers, features, undefined, memory);
      const reference: ReferenceMachine = {
        reg: (name) => registers[name as keyof Registers] ?? 0n,
        read64: (pa) => bench.read64(Number(pa)),
        paMax: BigInt(features.paBits),
        vhe: all,
        xnx: all,
        hpd: all,
        ttst: all,
      };
      for (const raw of vas) {
        for (const el of [0, 1, 2] as const) {
          const va = bench.va(raw, el);
          for (const kind of ['read', 'write', 'fetch'] as const) {
            const expected = referenceTranslate(reference, raw, el, kind, 2, pan && kind !== 'fetch');
            // Each access with an empty TLB, then again with what the first left there.
            bench.mmu.invalidateAll();
            for (const _ of ['miss', 'again']) {
              const got = bench.mmu.translate({ va, kind, el, pan });
              if (expected.fault !== null) {
                const { type, stage, level, s1ptw, ipa } = expected.fault;
                count(`${stage} ${type} ${level} ${s1ptw}`);
                expect(got.ok ? got : { ...got.fault, walk: 0, onWalk: 0 }).toEqual({
                  type,
                  stage,
                  level,
                  s1ptw,
                  ipa: Number(ipa),
                  walk: 0,
                  onWalk: 0,
                });
              } else {
                count(`ok ${el} ${kind}`);
                if (!got.ok) throw new Error(`translated by the reference, but ${JSON.stringify(got.fault)}`);
                expect(got.page.paPage).toBe(Number(expected.pa & ~0xfffn));
                if (kind !== 'fetch' && (expected.attr !== 0x44n || registers.SCTLR_EL1! & 4n)) {
                  const uncached = (registers.HCR_EL2! >> 32n) & 1n;
                  if (!uncached) expect(got.page.device).toBe(expected.device);
                }
              }
            }
          }
        }
        for (const [operation, el, kind, stages] of [
          ['S1E1R', 1, 'read', 1],
          ['S1E0W', 0, 'write', 1],
          ['S12E1W', 1, 'write', 2],
          ['S12E0R', 0, 'read', 2],
          ['S1E2R', 2, 'read', 1],
        ] as const) {
          const host =
            all && (registers.HCR_EL2! & ((1n << 34n) | (1n << 27n))) === ((1n << 34n) | (1n << 27n));
          if (host && el === 1) continue;
          const expected = referenceTranslate(reference, raw, el, kind, stages, false);
          const { par } = bench.mmu.addressTranslate(operation, bench.va(raw, el), 2);
          if (expected.fault !== null) {
            const { type, stage, level, s1ptw } = expected.fault;
            if (type === 'external') expect(par).toBeNull();
            else {
              const base = { 'address size': 0, translation: 4, 'access flag': 8, permission: 12 }[type]!;
              expect(par).toBe(
                BigInt(1 | ((base + level) << 1) | (s1ptw ? 0x100 : 0) | (stage === 2 ? 0x200 : 0) | 0x800),
              );
            }
          } else {
            expect(par).toBe(
              (expected.attr << 56n) | (expected.pa & 0xffff_ffff_f000n) | (expected.sh << 7n) | 0xa00n,
            );
          }
        }
      }
    }),
    { numRuns: Number(process.env.MMU_RUNS ?? 600) },
  );
  // The generator reaches what it is for: every kind of success, and every fault with its levels in both stages.
  for (const el of [0, 1, 2])
    for (const kind of ['read', 'write', 'fetch'])
      expect(outcomes.get(`ok ${el} ${kind}`)).toBeGreaterThan(0);
  for (const stage of [1, 2])
    for (const type of ['translation', 'address size', 'access flag', 'permission', 'external'])
      expect([...outcomes.keys()].filter((key) => key.startsWith(`${stage} ${type}`)).length).toBeGreaterThan(
        1,
      );
});
