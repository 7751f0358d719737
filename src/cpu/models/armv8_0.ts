/** Armv8.0 cores, as QEMU 7.2's `-M virt,virtualization=on` shows them to a guest: EL2 present, EL3 absent. */
import { COMMON_MASKS, type CpuModel } from './model.ts';

/** What Cortex-A53, A57 and A72 have in common. */
const common = {
  ID_PFR0_EL1: 0x131n,
  ID_PFR1_EL1: 0x0001_1001n,
  ID_DFR0_EL1: 0x0301_0006n,
  ID_MMFR0_EL1: 0x1010_1105n,
  ID_MMFR1_EL1: 0x4000_0000n,
  ID_MMFR2_EL1: 0x0126_0000n,
  ID_MMFR3_EL1: 0x0210_2211n,
  ID_ISAR0_EL1: 0x0210_1110n,
  ID_ISAR1_EL1: 0x1311_2111n,
  ID_ISAR2_EL1: 0x2123_2042n,
  ID_ISAR3_EL1: 0x0111_2131n,
  ID_ISAR4_EL1: 0x0001_1142n,
  ID_ISAR5_EL1: 0x0001_1121n,
  MVFR0_EL1: 0x1011_0222n,
  MVFR1_EL1: 0x1211_1111n,
  MVFR2_EL1: 0x43n,
  ID_AA64PFR0_EL1: 0x222n,
  ID_AA64DFR0_EL1: 0x1030_5106n,
  ID_AA64ISAR0_EL1: 0x0001_1120n,
  ID_AA64MMFR0_EL1: 0x1124n,
  CLIDR_EL1: 0x0a20_0023n,
  CTR_EL0: 0x8444_c004n,
  DCZID_EL0: 4n,
  PMCEID0_EL0: 0x0002_0001n,
  CBAR_EL1: 0x0800_0000n,
} as const;

/** r0p4 */
export const CORTEX_A53: CpuModel = {
  name: 'cortex-a53',
  compatible: 'arm,cortex-a53',
  identification: { ...common, MIDR_EL1: 0x410f_d034n, ID_AA64MMFR0_EL1: 0x1122n, CTR_EL0: 0x8444_8004n },
  masks: COMMON_MASKS,
  resets: { PMCR_EL0: 0x4103_3000n },
  cortexA57Registers: true,
  ccsidr: { 0: 0x700f_e01an, 1: 0x201f_e00an, 2: 0x707f_e07an },
};

/** r1p0 */
export const CORTEX_A57: CpuModel = {
  name: 'cortex-a57',
  compatible: 'arm,cortex-a57',
  identification: { ...common, MIDR_EL1: 0x411f_d070n },
  masks: COMMON_MASKS,
  resets: { PMCR_EL0: 0x4101_3000n },
  cortexA57Registers: true,
  ccsidr: { 0: 0x701f_e00an, 1: 0x201f_e012n, 2: 0x70ff_e07an },
};

/** r0p3 */
export const CORTEX_A72: CpuModel = {
  name: 'cortex-a72',
  compatible: 'arm,cortex-a72',
  identification: { ...common, MIDR_EL1: 0x410f_d083n, ID_MMFR0_EL1: 0x1020_1105n },
  masks: COMMON_MASKS,
  resets: { PMCR_EL0: 0x4102_3000n },
  cortexA57Registers: true,
  ccsidr: { 0: 0x701f_e00an, 1: 0x201f_e012n, 2: 0x707f_e07an },
};
