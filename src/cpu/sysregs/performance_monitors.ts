/** Performance Monitors. Arm ARM D17.5; six event counters, as the Cortex-A57. */
import { register, type SystemRegister } from './row.ts';
import { PMU_CR, PMU_EN, PMU_ER, PMU_ER_BOTH, PMU_SW, TPM, TPMCR } from './traps.ts';

export const EVENT_COUNTERS = 6;
/** ../performance_monitors.ts has them. */
const computed = { storage: 'pmu' } as const;
const counters = Array.from({ length: EVENT_COUNTERS }, (_, n) => [
  register(`PMEVCNTR${n}_EL0`, `3 3 14 8 ${n}`, 'rw rw rw', {
    ...computed,
    traps: [...PMU_ER, TPM],
  }),
  register(`PMEVTYPER${n}_EL0`, `3 3 14 12 ${n}`, 'rw rw rw', { ...computed, traps: [PMU_EN, TPM] }),
]).flat();

// biome-ignore format: one aligned row per register
export const performanceMonitors: readonly SystemRegister[] = [
  // Implementer Arm, IDCODE 1, N = 6; E, D, X, DP, LC stick, P and C act.
  register('PMCR_EL0',       '3 3 9 12 0', 'rw rw rw', { ...computed, traps: [PMU_EN, TPM, TPMCR] }),
  register('PMCNTENSET_EL0', '3 3 9 12 1', 'rw rw rw', { ...computed, traps: [PMU_EN, TPM] }),
  register('PMCNTENCLR_EL0', '3 3 9 12 2', 'rw rw rw', { ...computed, traps: [PMU_EN, TPM] }),
  register('PMOVSCLR_EL0',   '3 3 9 12 3', 'rw rw rw', { ...computed, traps: [PMU_EN, TPM] }),
  register('PMSWINC_EL0',    '3 3 9 12 4', 'wo wo wo', { ...computed, traps: [PMU_SW, TPM] }),
  register('PMSELR_EL0',     '3 3 9 12 5', 'rw rw rw', { traps: [PMU_ER_BOTH, TPM], writable: 0x1fn }),
  register('PMCEID0_EL0',    '3 3 9 12 6', 'ro ro ro', { storage: 'model', traps: [PMU_EN, TPM] }),
  register('PMCEID1_EL0',    '3 3 9 12 7', 'ro ro ro', { storage: 'model', traps: [PMU_EN, TPM] }),
  register('PMCCNTR_EL0',    '3 3 9 13 0', 'rw rw rw', { ...computed, traps: [...PMU_CR, TPM] }),
  register('PMXEVTYPER_EL0', '3 3 9 13 1', 'rw rw rw', { ...computed, traps: [PMU_EN, TPM] }),
  register('PMXEVCNTR_EL0',  '3 3 9 13 2', 'rw rw rw', { ...computed, traps: [...PMU_ER, TPM] }),
  register('PMUSERENR_EL0',  '3 3 9 14 0', 'ro rw rw', { traps: [TPM], writable: 0xfn }),
  register('PMOVSSET_EL0',   '3 3 9 14 3', 'rw rw rw', { ...computed, traps: [PMU_EN, TPM] }),
  register('PMINTENSET_EL1', '3 0 9 14 1', '-- rw rw', { ...computed, traps: [TPM] }),
  register('PMINTENCLR_EL1', '3 0 9 14 2', '-- rw rw', { ...computed, traps: [TPM] }),
  // No STALL_SLOT event.
  register('PMMIR_EL1',      '3 0 9 14 6', '-- ro ro', { storage: 'constant', feature: 'PMUv3p4', traps: [TPM] }),
  register('PMCCFILTR_EL0',  '3 3 14 15 7', 'rw rw rw', { ...computed, traps: [PMU_EN, TPM] }),
  ...counters,
];
