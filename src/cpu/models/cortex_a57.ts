/** Cortex-A57 r1p0, as QEMU 7.2's `-cpu cortex-a57 -M virt,virtualization=on` shows it to a guest: EL2 present, EL3 absent. */
import type { CpuModel, IdentificationMask } from './model.ts';

const absent = (register: string, lsb: number, value: bigint, reason: string): IdentificationMask => ({
  register,
  lsb,
  width: 4,
  value,
  reason,
});
const aarch32 = 'AArch32 is not implemented';

export const CORTEX_A57: CpuModel = {
  name: 'cortex-a57',
  features: new Set(['FP', 'AdvSIMD', 'CRC32', 'AES', 'SHA1', 'SHA256']),
  identification: {
    MIDR_EL1: 0x411f_d070n,
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
  },
  masks: [
    absent('ID_AA64PFR0_EL1', 0, 1n, `EL0: ${aarch32}`),
    absent('ID_AA64PFR0_EL1', 4, 1n, `EL1: ${aarch32}`),
    absent('ID_AA64PFR0_EL1', 8, 1n, `EL2: ${aarch32}`),
  ],
  ccsidr: { 0: 0x701f_e00an, 1: 0x201f_e012n, 2: 0x70ff_e07an },
};
