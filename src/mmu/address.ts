/** Virtual addresses as numbers: between the 64 bits of a register and `CanonicalAddress`. Arm ARM D8.8 (address tagging). */
import type { CanonicalAddress } from './translation.ts';

const TWO_32 = 2 ** 32;

/** Whose top byte is ignored: bit 0 for addresses with bit 55 clear (TBI0, TCR_EL2.TBI), bit 1 for those with it set. */
export type TopByteIgnored = 0 | 1 | 2 | 3;

/**
 * The address in the words of a register. Not a number where no table can map it: bits 63 to 52, without an ignored top byte,
 * are not all the same. NaN compares false with every range, so `Mmu.translate` answers it with the fault of level 0.
 */
export function canonicalAddress(low: number, high: number, ignored: TopByteIgnored): CanonicalAddress {
  const top = ignored & (high & 0x0080_0000 ? 2 : 1) ? (high << 8) >> 8 : high | 0;
  return top >= -0x10_0000 && top < 0x10_0000 ? top * TWO_32 + (low >>> 0) : Number.NaN;
}

/** Bits 31 to 0. */
export const lowWord = (address: CanonicalAddress): number => address >>> 0;
/** Bits 63 to 32, unsigned. */
export const highWord = (address: CanonicalAddress): number => Math.floor(address / TWO_32) >>> 0;
