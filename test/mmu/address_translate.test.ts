import { describe, expect, test } from 'vitest';
import { AT_OPERATIONS } from '../../src/mmu/address_translate.ts';
import { ALL_FEATURES, Bench, RAM } from './support.ts';

const STAGE2 = RAM + 0x10_0000;
const IPA_BASE = 0x8000_0000;
/** Always set in PAR_EL1 here: RES1 in bit 11, and NS after a success. */
const OK = 0xa00n;
const FAULT = 0x801n;
const ATTRIBUTE = (n: bigint) => n << 56n;
const SH = (n: bigint) => n << 7n;

/**
 * Stage 1: 2 MiB blocks of IPA 0x8000_0000 up, block n with attribute index n % 8. Stage 2, off until asked for: RAM as it is by
 * a block of 1 GiB, IPA 0x8000_0000 up to PA 0xc000_0000 by blocks of 2 MiB, whose descriptors tests change.
 */
function bench(mair = 0n): Bench {
  const b = new Bench();
  b.write64(RAM, BigInt(RAM + 0x1000) | 3n);
  for (let i = 0; i < 512; i++)
    b.write64(RAM + 0x1000 + 8 * i, BigInt(IPA_BASE + i * 0x20_0000) | BigInt((i % 8) << 2) | 0x741n);
  b.write64(STAGE2 + 8, BigInt(RAM) | 0x7fdn);
  b.write64(STAGE2 + 16, BigInt(STAGE2 + 0x1000) | 3n);
  for (let i = 0; i < 512; i++) stage2(b, i, 0x7fdn);
  b.set({
    SCTLR_EL1: 5n,
    TCR_EL1: 25n | (25n << 16n) | (2n << 30n) | (4n << 32n),
    TTBR0_EL1: BigInt(RAM),
    MAIR_EL1: mair,
    VTCR_EL2: 25n | (1n << 6n) | (4n << 16n),
    VTTBR_EL2: BigInt(STAGE2),
  });
  return b;
}
const stage2 = (b: Bench, block: number, bits: bigint) =>
  b.write64(STAGE2 + 0x1000 + 8 * block, BigInt(0xc000_0000 + block * 0x20_0000) | bits);
const block = (n: number) => n * 0x20_0000;
const par = (b: Bench, operation: (typeof AT_OPERATIONS)[number], va: number, el: 1 | 2 = 2) =>
  b.mmu.addressTranslate(operation, va, el).par;

describe('success', () => {
  test('stage 1 gives the IPA with bits 11 to 0 cleared, the MAIR byte and the shareability', () => {
    const b = bench(0xff_bb_44_0c_08_04_00n);
    const attributes = [0x00n, 0x04n, 0x08n, 0x0cn, 0x44n, 0xbbn, 0xffn, 0x00n];
    attributes.forEach((attribute, n) => {
      // Device and Non-cacheable memory is outer shareable; the descriptors say inner.
      const shareability = attribute < 0x10n || attribute === 0x44n ? 2n : 3n;
      expect(par(b, 'S1E1R', block(n) + 0x1_2345)).toBe(
        BigInt(IPA_BASE + block(n) + 0x1_2000) | ATTRIBUTE(attribute) | SH(shareability) | OK,
      );
    });
  });

  test('both stages give the PA, and the weaker memory type', () => {
    const b = bench(0xff_bb_44_0c_08_04_00n);
    b.set({ HCR_EL2: 1n });
    const result = (n: number) => {
      const value = par(b, 'S12E1R', block(n))!;
      expect(value & 0xffff_ffff_f000n).toBe(BigInt(0xc000_0000 + block(n)));
      return [value >> 56n, (value >> 7n) & 3n];
    };
    // Stage 2 Write-Back, inner shareable.
    expect([0, 1, 4, 5, 6].map(result)).toEqual([
      [0n, 2n],
      [4n, 2n],
      [0x44n, 2n],
      [0xbbn, 3n],
      [0xffn, 3n],
    ]);
    // Stage 2 nGnRE: stage 1 Device-GRE becomes nGnRE, and so does Normal.
    for (let n = 0; n < 8; n++) stage2(b, n, 0x7c5n);
    expect([0, 3, 4, 6].map(result)).toEqual([
      [0n, 2n],
      [4n, 2n],
      [4n, 2n],
      [4n, 2n],
    ]);
    // Stage 2 Write-Through keeps the allocation hints of stage 1.
    for (let n = 0; n < 8; n++) stage2(b, n, 0x7e9n);
    expect([5, 6].map(result)).toEqual([
      [0xbbn, 3n],
      [0xbbn, 3n],
    ]);
    // Stage 2 outer Write-Back, inner Non-cacheable, outer shareable.
    for (let n = 0; n < 8; n++) stage2(b, n, 0x6f5n);
    expect(result(6)).toEqual([0xf4n, 2n]);
  });

  test('stage 1 forms ignore stage 2 of the result', () => {
    const b = bench(0xffn);
    b.set({ HCR_EL2: 1n });
    stage2(b, 0, 0n);
    expect(par(b, 'S1E1R', 0)).toBe(BigInt(IPA_BASE) | ATTRIBUTE(0xffn) | SH(3n) | OK);
  });

  test('with stage 1 off, memory is Device-nGnRnE, or Write-Back by HCR_EL2.DC', () => {
    const b = bench();
    b.set({ SCTLR_EL1: 0n });
    expect(par(b, 'S1E1R', 0x1234)).toBe(0x1000n | SH(2n) | OK);
    b.set({ HCR_EL2: 1n << 12n });
    expect(par(b, 'S1E0W', 0x1234)).toBe(0x1000n | ATTRIBUTE(0xffn) | OK);
    expect(par(b, 'S12E1R', IPA_BASE)).toBe(0xc000_0000n | ATTRIBUTE(0xffn) | SH(3n) | OK);
  });

  test('SCTLR_EL1.C and HCR_EL2.CD make Normal memory Non-cacheable', () => {
    const b = bench(0xffn);
    b.set({ SCTLR_EL1: 1n });
    expect(par(b, 'S1E1R', 0)! >> 56n).toBe(0x44n);
    b.set({ SCTLR_EL1: 5n, HCR_EL2: 1n | (1n << 32n) });
    expect(par(b, 'S1E1R', 0)! >> 56n).toBe(0xffn);
    expect(par(b, 'S12E1R', 0)! >> 56n).toBe(0x44n);
  });

  test('EL2 forms use the EL2 regime', () => {
    const b = bench();
    expect(par(b, 'S1E2W', 0x900_0123)).toBe(0x900_0000n | SH(2n) | OK);
  });
});

test('for a host with E2H and TGE, the EL1 and EL0 forms use EL2&0; with E2H alone they use EL1&0', () => {
  const b = new Bench({}, ALL_FEATURES);
  b.write64(RAM, BigInt(IPA_BASE) | 0x741n);
  b.set({ SCTLR_EL2: 5n, TCR_EL2: 25n | (4n << 32n), TTBR0_EL2: BigInt(RAM), MAIR_EL2: 0xbbn });
  b.set({ HCR_EL2: (1n << 34n) | (1n << 27n) });
  for (const operation of ['S1E1R', 'S1E0W', 'S1E2R'] as const)
    expect(par(b, operation, 0)).toBe(BigInt(IPA_BASE) | ATTRIBUTE(0xbbn) | SH(3n) | OK);
  b.set({ HCR_EL2: 1n << 34n });
  expect(par(b, 'S1E1R', 0)).toBe(SH(2n) | OK);
  expect(par(b, 'S1E2R', 0)).toBe(BigInt(IPA_BASE) | ATTRIBUTE(0xbbn) | SH(3n) | OK);
});

describe('faults', () => {
  test('a stage 1 fault gives its status code, with S and PTW clear', () => {
    const b = bench(0xffn);
    expect(par(b, 'S1E1R', 0x4000_0000)).toBe(FAULT | (0b000101n << 1n));
    b.write64(RAM + 0x1000, BigInt(IPA_BASE) | 0x781n);
    expect(par(b, 'S1E1W', 0)).toBe(FAULT | (0b001110n << 1n));
    expect(par(b, 'S1E0R', 0)).toBe(FAULT | (0b001110n << 1n));
    expect(par(b, 'S1E1R', 0)! & 1n).toBe(0n);
    b.write64(RAM + 0x1000, BigInt(IPA_BASE) | 0x341n);
    expect(par(b, 'S12E0W', 0)).toBe(FAULT | (0b001010n << 1n));
  });

  test('a stage 2 fault of the result sets S', () => {
    const b = bench(0xffn);
    b.set({ HCR_EL2: 1n });
    stage2(b, 0, 0x77dn);
    expect(par(b, 'S12E1W', 0)).toBe(FAULT | (0b001110n << 1n) | 0x200n);
    expect(par(b, 'S12E1R', 0)! & 1n).toBe(0n);
  });

  test('a stage 2 fault on the walk sets S and PTW for EL2, and for EL1 it is an exception to EL2 instead', () => {
    const b = bench(0xffn);
    b.set({ HCR_EL2: 1n });
    b.write64(STAGE2 + 8, 0n);
    expect(par(b, 'S1E1R', 0x123)).toBe(FAULT | (0b000101n << 1n) | 0x300n);
    expect(b.mmu.addressTranslate('S1E1R', 0x123, 1)).toMatchObject({
      par: null,
      exception: { targetEl: 2, fault: { type: 'translation', stage: 2, level: 1, s1ptw: true, ipa: RAM } },
    });
  });

  test('an external abort on a walk is an exception', () => {
    const b = bench(0xffn);
    b.write64(RAM, 0x900_0003n);
    expect(b.mmu.addressTranslate('S1E1R', 0, 1)).toMatchObject({
      par: null,
      exception: { targetEl: 1, fault: { type: 'external', onWalk: true, level: 2 } },
    });
  });

  test('an address outside both halves, for every form', () => {
    const b = bench();
    b.set({ SCTLR_EL2: 5n, TCR_EL2: 25n | (4n << 16n), TTBR0_EL2: BigInt(RAM) });
    for (const operation of AT_OPERATIONS)
      expect(par(b, operation, Number.NaN)).toBe(FAULT | (0b000100n << 1n));
  });
});

test('only the forms with P obey PAN', () => {
  const b = bench(0xffn);
  expect(b.mmu.addressTranslate('S1E1R', 0, 1, true).par! & 1n).toBe(0n);
  expect(b.mmu.addressTranslate('S1E1RP', 0, 1, true).par).toBe(FAULT | (0b001110n << 1n));
  expect(b.mmu.addressTranslate('S1E1RP', 0, 1, false).par! & 1n).toBe(0n);
});

test('AT walks afresh, with rows, and neither uses nor fills the TLB', () => {
  const b = bench(0xffn);
  b.access(0);
  b.write64(RAM + 0x1000, 0n);
  expect(par(b, 'S1E1R', 0)).toBe(FAULT | (0b000110n << 1n));
  expect(b.access(0)).toBe(IPA_BASE);
  par(b, 'S1E1W', block(1));
  expect(b.mmu.tlbSize).toBe(1);
  expect(b.rows.map(({ access, outcome }) => `${access} ${outcome}`)).toEqual([
    'read ok',
    'read translation',
    'write ok',
  ]);
});
