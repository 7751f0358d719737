/** Armv8.2 cores, as QEMU 7.2's `-M virt,virtualization=on` shows them to a guest: EL2 present, EL3 absent. */
import { COMMON_MASKS, type CpuModel } from './model.ts';

/** What Cortex-A76 and Neoverse N1 have in common. */
const common = {
  ID_PFR0_EL1: 0x1001_0131n,
  ID_PFR1_EL1: 0x0001_0000n,
  ID_PFR2_EL1: 0x11n,
  ID_DFR0_EL1: 0x0401_0008n,
  ID_MMFR0_EL1: 0x1020_1105n,
  ID_MMFR1_EL1: 0x4000_0000n,
  ID_MMFR2_EL1: 0x0126_0000n,
  ID_MMFR3_EL1: 0x0212_2211n,
  ID_MMFR4_EL1: 0x0002_1110n,
  ID_ISAR0_EL1: 0x0210_1110n,
  ID_ISAR1_EL1: 0x1311_2111n,
  ID_ISAR2_EL1: 0x2123_2042n,
  ID_ISAR3_EL1: 0x0111_2131n,
  ID_ISAR4_EL1: 0x0001_0142n,
  ID_ISAR5_EL1: 0x0101_1121n,
  ID_ISAR6_EL1: 0x10n,
  MVFR0_EL1: 0x1011_0222n,
  MVFR1_EL1: 0x1321_1111n,
  MVFR2_EL1: 0x43n,
  ID_AA64PFR0_EL1: 0x1100_0000_1011_0112n,
  ID_AA64DFR0_EL1: 0x1030_5408n,
  ID_AA64ISAR0_EL1: 0x1000_1021_1120n,
  ID_AA64ISAR1_EL1: 0x0010_0001n,
  ID_AA64MMFR1_EL1: 0x1021_2122n,
  ID_AA64MMFR2_EL1: 0x1011n,
  CLIDR_EL1: 0x8200_0023n,
  CTR_EL0: 0x8444_c004n,
  DCZID_EL0: 4n,
  PMCEID0_EL0: 0x0002_0001n,
  PMCEID1_EL0: 0x18n,
  CBAR_EL1: 0x0800_0000n,
} as const;

/** r4p1 */
export const CORTEX_A76: CpuModel = {
  name: 'cortex-a76',
  compatible: 'arm,cortex-a76',
  identification: {
    ...common,
    MIDR_EL1: 0x414f_d0b1n,
    ID_AA64PFR1_EL1: 0x10n,
    ID_AA64MMFR0_EL1: 0x0010_1122n,
  },
  masks: COMMON_MASKS,
  resets: { PMCR_EL0: 0x410b_3000n, SCTLR_EL1: 0x30c5_0838n },
  cortexA57Registers: false,
  ccsidr: { 0: 0x701f_e01an, 1: 0x201f_e01an, 2: 0x707f_e03an },
};

/** r4p1 */
export const NEOVERSE_N1: CpuModel = {
  name: 'neoverse-n1',
  compatible: 'arm,neoverse-n1',
  identification: {
    ...common,
    MIDR_EL1: 0x414f_d0c1n,
    ID_AA64PFR1_EL1: 0x20n,
    ID_AA64MMFR0_EL1: 0x0010_1125n,
  },
  masks: COMMON_MASKS,
  resets: { PMCR_EL0: 0x410c_3000n, SCTLR_EL1: 0x30c5_0838n },
  cortexA57Registers: false,
  ccsidr: { 0: 0x701f_e01an, 1: 0x201f_e01an, 2: 0x70ff_e03an },
};
