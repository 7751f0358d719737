/** Everything that is implemented: QEMU 7.2's `-cpu max`, less what the masks name. */
import { COMMON_MASKS, type CpuModel, mask } from './model.ts';

const sve = 'SVE is not implemented';
const sme = 'SME is not implemented';

export const MAX: CpuModel = {
  name: 'max',
  compatible: 'arm,armv8',
  identification: {
    MIDR_EL1: 0x000f_0510n,
    ID_PFR0_EL1: 0x1102_0131n,
    ID_PFR1_EL1: 0x0001_1001n,
    ID_PFR2_EL1: 0x11n,
    ID_DFR0_EL1: 0x0601_0009n,
    ID_MMFR0_EL1: 0x1010_1105n,
    ID_MMFR1_EL1: 0x4000_0000n,
    ID_MMFR2_EL1: 0x0126_0000n,
    ID_MMFR3_EL1: 0x0212_2211n,
    ID_MMFR4_EL1: 0x0001_1110n,
    ID_MMFR5_EL1: 1n,
    ID_ISAR0_EL1: 0x0210_1110n,
    ID_ISAR1_EL1: 0x1311_2111n,
    ID_ISAR2_EL1: 0x2123_2042n,
    ID_ISAR3_EL1: 0x0111_2131n,
    ID_ISAR4_EL1: 0x0001_1142n,
    ID_ISAR5_EL1: 0x1101_1121n,
    ID_ISAR6_EL1: 0x0111_1111n,
    MVFR0_EL1: 0x1011_0222n,
    MVFR1_EL1: 0x1321_1111n,
    MVFR2_EL1: 0x43n,
    ID_AA64PFR0_EL1: 0x1201_0011_2011_0222n,
    ID_AA64PFR1_EL1: 0x0100_0021n,
    ID_AA64ZFR0_EL1: 0x0110_1101_0011_0021n,
    ID_AA64SMFR0_EL1: 0x80f1_00fd_0000_0000n,
    ID_AA64DFR0_EL1: 0x1030_5609n,
    ID_AA64ISAR0_EL1: 0x1221_1111_1021_2120n,
    ID_AA64ISAR1_EL1: 0x0011_1111_0121_1012n,
    ID_AA64MMFR0_EL1: 0x0323_1020_1126n,
    ID_AA64MMFR1_EL1: 0x0110_1021_1122n,
    ID_AA64MMFR2_EL1: 0x1021_0110_1001_1011n,
    CLIDR_EL1: 0x0200_0023n,
    CTR_EL0: 0x8444_c004n,
    DCZID_EL0: 4n,
    PMCEID0_EL0: 0x0002_0001n,
    PMCEID1_EL0: 0x1000_0018n,
    CBAR_EL1: 0x0800_0000n,
  },
  masks: [
    ...COMMON_MASKS,
    mask('ID_AA64PFR0_EL1', 32, 0n, `SVE: ${sve}`),
    mask('ID_AA64PFR0_EL1', 36, 0n, 'SEL2: there is no Secure state'),
    mask('ID_AA64PFR1_EL1', 24, 0n, `SME: ${sme}`),
    { register: 'ID_AA64ZFR0_EL1', lsb: 0, width: 64, value: 0n, reason: sve },
    { register: 'ID_AA64SMFR0_EL1', lsb: 0, width: 64, value: 0n, reason: sme },
  ],
  resets: { PMCR_EL0: 0x4101_3000n },
  cortexA57Registers: true,
  ccsidr: { 0: 0x701f_e00an, 1: 0x201f_e012n, 2: 0x70ff_e07an },
};

/** QEMU's `-cpu max,pauth-impdef=on`: pointers are signed by an implementation-defined hash in place of QARMA5. */
export const MAX_PAUTH_IMPDEF: CpuModel = {
  ...MAX,
  name: 'max,pauth-impdef=on',
  identification: { ...MAX.identification, ID_AA64ISAR1_EL1: 0x0011_1111_1021_1102n },
};
