/** Identification registers. Arm ARM D17.2; the values are the CPU model's (cpu/models/). */
import { register, type SystemRegister } from './row.ts';
import { TID1, TID2, TID3, UCT } from './traps.ts';

const id = (name: string, crm: number, op2: number) =>
  register(name, `3 0 0 ${crm} ${op2}`, '-- ro ro', { storage: 'model', traps: [TID3] });

/** CRm 1 to 7 of the ID space; what has no name is reserved and reads as zero (D17.1.1, table of op0 3, op1 0, CRn 0). */
// biome-ignore format: laid out as the encoding space
const names: readonly (readonly string[])[] = [
  ['ID_PFR0_EL1', 'ID_PFR1_EL1', 'ID_DFR0_EL1', 'ID_AFR0_EL1', 'ID_MMFR0_EL1', 'ID_MMFR1_EL1', 'ID_MMFR2_EL1', 'ID_MMFR3_EL1'],
  ['ID_ISAR0_EL1', 'ID_ISAR1_EL1', 'ID_ISAR2_EL1', 'ID_ISAR3_EL1', 'ID_ISAR4_EL1', 'ID_ISAR5_EL1', 'ID_MMFR4_EL1', 'ID_ISAR6_EL1'],
  ['MVFR0_EL1', 'MVFR1_EL1', 'MVFR2_EL1', '', 'ID_PFR2_EL1', 'ID_DFR1_EL1', 'ID_MMFR5_EL1', ''],
  ['ID_AA64PFR0_EL1', 'ID_AA64PFR1_EL1', '', '', 'ID_AA64ZFR0_EL1', 'ID_AA64SMFR0_EL1', '', ''],
  ['ID_AA64DFR0_EL1', 'ID_AA64DFR1_EL1', '', '', 'ID_AA64AFR0_EL1', 'ID_AA64AFR1_EL1', '', ''],
  ['ID_AA64ISAR0_EL1', 'ID_AA64ISAR1_EL1', 'ID_AA64ISAR2_EL1', '', '', '', '', ''],
  ['ID_AA64MMFR0_EL1', 'ID_AA64MMFR1_EL1', 'ID_AA64MMFR2_EL1', '', '', '', '', ''],
];

// biome-ignore format: one aligned row per register
export const identification: readonly SystemRegister[] = [
  register('MIDR_EL1',   '3 0 0 0 0', '-- ro ro', { storage: 'computed' }),
  register('MPIDR_EL1',  '3 0 0 0 5', '-- ro ro', { storage: 'computed' }),
  register('REVIDR_EL1', '3 0 0 0 6', '-- ro ro', { storage: 'model', traps: [TID1] }),
  register('AIDR_EL1',   '3 1 0 0 7', '-- ro ro', { storage: 'model', traps: [TID1] }),
  ...names.flatMap((row, i) => row.map((name, op2) => id(name || `RES_0_C0_C${i + 1}_${op2}`, i + 1, op2))),

  register('VPIDR_EL2',  '3 4 0 0 0', '-- -- rw'),
  register('VMPIDR_EL2', '3 4 0 0 5', '-- -- rw'),

  // Caches.
  register('CCSIDR_EL1', '3 1 0 0 0', '-- ro ro', { storage: 'computed', traps: [TID2] }),
  register('CLIDR_EL1',  '3 1 0 0 1', '-- ro ro', { storage: 'model', traps: [TID2] }),
  register('CSSELR_EL1', '3 2 0 0 0', '-- rw rw', { writable: 0xfn, traps: [TID2] }),
  register('CTR_EL0',    '3 3 0 0 1', 'ro ro ro', { storage: 'model', traps: [...UCT, TID2] }),
  register('DCZID_EL0',  '3 3 0 0 7', 'ro ro ro', { storage: 'computed' }),
];
