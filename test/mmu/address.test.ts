import { expect, test } from 'vitest';
import { canonicalAddress, highWord, lowWord } from '../../src/mmu/address.ts';

const from = (raw: bigint, ignored: 0 | 1 | 2 | 3) =>
  canonicalAddress(Number(raw & 0xffff_ffffn), Number(raw >> 32n), ignored);

test('both halves of the address space survive the way to a number and back', () => {
  for (const raw of [
    0n,
    0x1234n,
    0x0000_ffff_ffff_ffffn,
    0x000f_ffff_ffff_ffffn,
    0xffff_0000_0000_0000n,
    0xffff_ffff_8000_1000n,
    0xffff_ffff_ffff_ffffn,
  ]) {
    const va = from(raw, 0);
    expect(BigInt.asUintN(64, BigInt(va))).toBe(raw);
    expect((BigInt(highWord(va)) << 32n) | BigInt(lowWord(va))).toBe(raw);
  }
});

test('a tag is ignored only in the half whose TBI is set, and an ignored byte takes the value of bit 55', () => {
  expect(from(0x5a00_0000_1234_5678n, 1)).toBe(0x1234_5678);
  expect(from(0x5a00_0000_1234_5678n, 2)).toBeNaN();
  expect(from(0x5aff_ffff_ffff_f000n, 2)).toBe(-4096);
  expect(from(0x5aff_ffff_ffff_f000n, 1)).toBeNaN();
  expect(from(0x5a80_0000_0000_0000n, 3)).toBeNaN();
});

test('an address between the halves is no address', () => {
  expect(from(0x0010_0000_0000_0000n, 0)).toBeNaN();
  expect(from(0xffe0_0000_0000_0000n, 0)).toBeNaN();
});
