/** System control, translation and exception handling registers. Arm ARM D17.2. Writable bits as the Cortex-A57 of QEMU 7.2. */
import { register, type SystemRegister } from './row.ts';
import { ENSCXT, TACR, TCPAC, TERR, TIDCP, TLOR, TRVM, TSCXT, TVM } from './traps.ts';

/** EL1's virtual memory control registers: HCR_EL2.TVM and TRVM. */
const VM = [TVM, TRVM];
const translation = ['translation'] as const;
const lor = { storage: 'constant', feature: 'LOR', traps: [TLOR] } as const;

/** HCR_EL2 as of Armv8.0: bits 33 to 0. TSC stays writable without EL3: our PSCI stands for EL3's firmware. */
const HCR_V8_0 = 0x3_ffff_ffffn;
const HCR_EXTENSIONS = {
  VHE: 1n << 34n,
  LOR: 1n << 35n,
  // TERR, TEA
  RAS: 3n << 36n,
  // APK, API
  PAuth: 3n << 40n,
  S2FWB: 1n << 46n,
  // EnSCXT
  CSV2_2: 1n << 53n,
};
/** QEMU 7.2 keeps bits [4:0] of VBAR zero, the Arm ARM [10:0]; both are RES0, which may read as written. */
const VBAR = 0xffff_ffff_ffff_ffe0n;

// biome-ignore format: one aligned row per register
export const control: readonly SystemRegister[] = [
  register('SCTLR_EL1', '3 0 1 0 0', '-- rw rw', { traps: VM, effects: translation, reset: 0x00c5_0838n, writable: 0xffff_f01f_ffff_ffffn }),
  register('ACTLR_EL1', '3 0 1 0 1', '-- rw rw', { storage: 'constant', traps: [TACR] }),
  register('CPACR_EL1', '3 0 1 0 2', '-- rw rw', { traps: [TCPAC], effects: ['vectors'] }),
  register('SCTLR_EL2', '3 4 1 0 0', '-- -- rw', { effects: translation, writable: 0xffff_f01f_ffff_ffffn }),
  register('ACTLR_EL2', '3 4 1 0 1', '-- -- rw', { storage: 'constant' }),
  register('HCR_EL2',   '3 4 1 1 0', '-- -- rw', { effects: ['translation', 'interrupts'], writable: HCR_V8_0, featureBits: HCR_EXTENSIONS }),
  register('HCRX_EL2',  '3 4 1 2 2', '-- -- rw', { storage: 'constant', feature: 'HCX' }),
  register('CPTR_EL2',  '3 4 1 1 2', '-- -- rw', { effects: ['vectors'] }),
  register('HSTR_EL2',  '3 4 1 1 3', '-- -- rw'),
  register('HACR_EL2',  '3 4 1 1 7', '-- -- rw', { storage: 'constant' }),

  // Translation.
  register('TTBR0_EL1', '3 0 2 0 0', '-- rw rw', { traps: VM, effects: translation }),
  register('TTBR1_EL1', '3 0 2 0 1', '-- rw rw', { traps: VM, effects: translation }),
  register('TCR_EL1',   '3 0 2 0 2', '-- rw rw', { traps: VM, effects: translation }),
  register('TTBR0_EL2', '3 4 2 0 0', '-- -- rw', { effects: translation }),
  register('TTBR1_EL2', '3 4 2 0 1', '-- -- rw', { feature: 'VHE', effects: translation }),
  register('TCR_EL2',   '3 4 2 0 2', '-- -- rw', { effects: translation }),
  register('VTTBR_EL2', '3 4 2 1 0', '-- -- rw', { effects: translation }),
  register('VTCR_EL2',  '3 4 2 1 2', '-- -- rw', { effects: translation }),
  register('MAIR_EL1',  '3 0 10 2 0', '-- rw rw', { traps: VM, effects: translation }),
  register('AMAIR_EL1', '3 0 10 3 0', '-- rw rw', { storage: 'constant', traps: VM }),
  register('MAIR_EL2',  '3 4 10 2 0', '-- -- rw', { effects: translation }),
  register('AMAIR_EL2', '3 4 10 3 0', '-- -- rw', { storage: 'constant' }),
  register('CONTEXTIDR_EL1', '3 0 13 0 1', '-- rw rw', { traps: VM }),
  register('CONTEXTIDR_EL2', '3 4 13 0 1', '-- -- rw', { feature: 'VHE' }),
  register('PAR_EL1',   '3 0 7 4 0', '-- rw rw'),

  // Exceptions.
  register('AFSR0_EL1', '3 0 5 1 0', '-- rw rw', { storage: 'constant', traps: VM }),
  register('AFSR1_EL1', '3 0 5 1 1', '-- rw rw', { storage: 'constant', traps: VM }),
  register('ESR_EL1',   '3 0 5 2 0', '-- rw rw', { traps: VM }),
  register('FAR_EL1',   '3 0 6 0 0', '-- rw rw', { traps: VM }),
  register('AFSR0_EL2', '3 4 5 1 0', '-- -- rw', { storage: 'constant' }),
  register('AFSR1_EL2', '3 4 5 1 1', '-- -- rw', { storage: 'constant' }),
  register('ESR_EL2',   '3 4 5 2 0', '-- -- rw'),
  register('FAR_EL2',   '3 4 6 0 0', '-- -- rw'),
  register('HPFAR_EL2', '3 4 6 0 4', '-- -- rw'),
  register('VBAR_EL1',  '3 0 12 0 0', '-- rw rw', { writable: VBAR }),
  register('VBAR_EL2',  '3 4 12 0 0', '-- -- rw', { writable: VBAR }),
  register('RVBAR_EL2', '3 4 12 0 1', '-- -- ro', { storage: 'constant' }),
  register('DISR_EL1',  '3 0 12 1 1', '-- rw rw', { storage: 'computed', feature: 'RAS' }),
  register('VDISR_EL2', '3 4 12 1 1', '-- -- rw', { feature: 'RAS' }),
  register('VSESR_EL2', '3 4 5 2 3',  '-- -- rw', { feature: 'RAS' }),
  // No error records.
  register('ERRIDR_EL1', '3 0 5 3 0', '-- ro ro', { storage: 'constant', feature: 'RAS', traps: [TERR] }),
  register('ISR_EL1',   '3 0 12 1 0', '-- ro ro', { storage: 'computed' }),

  // Random numbers.
  register('RNDR',   '3 3 2 4 0', 'ro ro ro', { storage: 'random', feature: 'RNG' }),
  register('RNDRRS', '3 3 2 4 1', 'ro ro ro', { storage: 'random', feature: 'RNG' }),

  // Software thread identifiers.
  register('TPIDR_EL0',   '3 3 13 0 2', 'rw rw rw'),
  register('TPIDRRO_EL0', '3 3 13 0 3', 'ro rw rw'),
  register('TPIDR_EL1',   '3 0 13 0 4', '-- rw rw'),
  register('TPIDR_EL2',   '3 4 13 0 2', '-- -- rw'),

  register('SCXTNUM_EL0', '3 3 13 0 7', 'rw rw rw', { feature: 'CSV2_2', traps: [...TSCXT, ENSCXT] }),
  register('SCXTNUM_EL1', '3 0 13 0 7', '-- rw rw', { feature: 'CSV2_2', traps: [ENSCXT] }),
  register('SCXTNUM_EL2', '3 4 13 0 7', '-- -- rw', { feature: 'CSV2_2' }),

  // Limited ordering regions: there are none (LORID_EL1 is 0), so these are RES0.
  register('LORSA_EL1', '3 0 10 4 0', '-- rw rw', lor),
  register('LOREA_EL1', '3 0 10 4 1', '-- rw rw', lor),
  register('LORN_EL1',  '3 0 10 4 2', '-- rw rw', lor),
  register('LORC_EL1',  '3 0 10 4 3', '-- rw rw', lor),
  register('LORID_EL1', '3 0 10 4 7', '-- ro ro', lor),

  // AArch32 state that EL2 sees.
  register('DACR32_EL2',  '3 4 3 0 0', '-- -- rw'),
  register('IFSR32_EL2',  '3 4 5 0 1', '-- -- rw'),
  register('FPEXC32_EL2', '3 4 5 3 0', '-- -- rw', { feature: 'FP' }),

  // IMPLEMENTATION DEFINED, Cortex-A57 TRM 4.3.
  register('L2CTLR_EL1',    '3 1 11 0 2', '-- rw rw', { storage: 'model', feature: 'CortexA57', traps: [TIDCP] }),
  register('L2ECTLR_EL1',   '3 1 11 0 3', '-- rw rw', { storage: 'constant', feature: 'CortexA57', traps: [TIDCP] }),
  register('L2ACTLR_EL1',   '3 1 15 0 0', '-- rw rw', { storage: 'constant', feature: 'CortexA57', traps: [TIDCP] }),
  register('CPUACTLR_EL1',  '3 1 15 2 0', '-- rw rw', { storage: 'constant', feature: 'CortexA57', traps: [TIDCP] }),
  register('CPUECTLR_EL1',  '3 1 15 2 1', '-- rw rw', { storage: 'constant', feature: 'CortexA57', traps: [TIDCP] }),
  register('CPUMERRSR_EL1', '3 1 15 2 2', '-- rw rw', { storage: 'constant', feature: 'CortexA57', traps: [TIDCP] }),
  register('L2MERRSR_EL1',  '3 1 15 2 3', '-- rw rw', { storage: 'constant', feature: 'CortexA57', traps: [TIDCP] }),
  register('CBAR_EL1',      '3 1 15 3 0', '-- ro ro', { storage: 'model', traps: [TIDCP] }),
];
