/** The surroundings of a stream: exception level, translation, and what EL0 and EL1 may do. */
import type { Choices } from './randomness.ts';
import type { ImageTables } from './tables.ts';
import type { Target } from './target.ts';

/** SCTLR without M; A (alignment checks) at random. SA is off: QEMU has no SP alignment faults. */
const SCTLR_EL1 = 0x30d0_0800n;
const SCTLR_EL2 = 0x30c5_0830n;
const HCR = {
  VM: 1n,
  TWI: 1n << 13n,
  TSC: 1n << 19n,
  TGE: 1n << 27n,
  RW: 1n << 31n,
  E2H: 1n << 34n,
  APK: 1n << 40n,
  API: 1n << 41n,
};
/** EnIA, EnIB, EnDA, EnDB. */
const SCTLR_KEYS = [31n, 30n, 27n, 13n];
/** BT0 and BT1; for SCTLR_EL2 without VHE, BT is at BT1's place. */
const SCTLR_LANDING_PADS = [35n, 36n];
const NTWI = 1n << 16n;
/** CPTR_EL2 without VHE: its bits that are RES1, and TFP. */
const CPTR_RES1 = 0x33ffn;
const CPTR_TFP = 1n << 10n;

export interface Configuration {
  readonly el: 0 | 1 | 2;
  readonly mmu: boolean;
  readonly hcr: bigint;
  readonly sctlrEl1: bigint;
  readonly sctlrEl2: bigint;
  readonly tcrEl2: bigint;
  readonly ttbr0El2: bigint;
  /** CPTR_EL2. */
  readonly vectorTraps: (traps: { readonly fpen: number; readonly tfp: boolean }) => bigint;
}

export function randomConfiguration(choices: Choices, target: Target, tables: ImageTables): Configuration {
  const el = choices.of([0, 1, 2] as const);
  const mmu = !choices.oneIn(4);
  // EL2 has the EL2&0 regime then, and EL0 with TGE.
  const vhe = target.has('VHE') && choices.oneIn(2);
  const tge = vhe && el !== 1 && choices.oneIn(2);
  const stage2 = el < 2 && !tge && choices.oneIn(2);
  const on = mmu ? 1n : 0n;
  const alignment = choices.oneIn(4) ? 2n : 0n;
  const some = (bits: readonly bigint[], oneIn: number) =>
    bits.reduce((all, n) => all | (choices.oneIn(oneIn) ? 0n : 1n << n), 0n);
  // UMA, DZE, UCT, nTWI, nTWE, UCI: what EL0 may do. nTWI is 1, so that WFI traps to EL2 and not to EL1.
  const el0 = NTWI | (1n << 18n) | some([9n, 14n, 15n, 26n], 2);
  const pauth = target.has('PAuth');
  const extensions =
    // XPAC does nothing in QEMU 7.2 while no key is on (docs/qemu-differences.md).
    (pauth ? some(SCTLR_KEYS, 6) || 1n << SCTLR_KEYS[0] : 0n) |
    (target.has('BTI') ? some(SCTLR_LANDING_PADS, 2) : 0n);
  const keysTrapped = pauth && choices.oneIn(12) ? choices.below(4) : 3;
  const ofEl2 = el === 2 || tge;
  return {
    ...{ el, mmu },
    hcr:
      HCR.RW |
      HCR.TWI |
      (stage2 ? HCR.VM : 0n) |
      (choices.oneIn(2) ? HCR.TSC : 0n) |
      (vhe ? HCR.E2H : 0n) |
      (tge ? HCR.TGE : 0n) |
      (pauth ? (BigInt(keysTrapped) << 40n) & (HCR.APK | HCR.API) : 0n),
    sctlrEl1: ((SCTLR_EL1 | extensions | el0) & ~(tge ? NTWI : 0n)) | (ofEl2 ? 0n : on | alignment),
    // Where HCR_EL2.TWI does nothing, WFI traps by SCTLR_EL2.nTWI; in QEMU 7.2 by SCTLR_EL1.nTWI.
    sctlrEl2:
      ((SCTLR_EL2 | extensions | (vhe ? el0 : 0n)) & ~(tge ? NTWI : 0n)) | (ofEl2 ? on | alignment : 1n),
    tcrEl2: vhe ? tables.registers.TCR_EL1 : tables.registers.TCR_EL2,
    ttbr0El2: vhe ? tables.registers.TTBR0_EL1 : tables.registers.TTBR0_EL2,
    // With VHE, CPTR_EL2 looks like CPACR_EL1.
    vectorTraps: ({ fpen, tfp }) =>
      vhe ? BigInt(el === 2 || tge ? fpen : 3) << 20n : CPTR_RES1 | (tfp ? CPTR_TFP : 0n),
  };
}
