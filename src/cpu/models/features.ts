/**
 * Which identification field says that a CPU has a feature: the one place where an instruction's row, a register's row or the MMU
 * looks, so that a CPU has exactly what its identification registers say. Arm ARM A2.2 (features), D17.2 (fields).
 */

/** A feature is there when the field, unsigned, is at least `minimum`; `excluded` is how a signed field says "absent". */
interface FeatureField {
  readonly name: string;
  readonly register: string;
  readonly lsb: number;
  readonly minimum: number;
  readonly excluded?: number;
}

/** Features by ascending value of one field; '' where a value adds nothing that anybody asks for. */
function field(register: string, lsb: number, ...names: readonly string[]): FeatureField[] {
  return names.flatMap((name, i) => (name === '' ? [] : [{ name, register, lsb, minimum: i + 1 }]));
}

/** 0 is present, 15 absent. */
function signed(register: string, lsb: number, ...names: readonly string[]): FeatureField[] {
  return names.map((name, i) => ({ name, register, lsb, minimum: i, excluded: 15 }));
}

// Names are the Arm ARM's without FEAT_, as rows carry them.
// biome-ignore format: one aligned row per field
const FIELDS: readonly FeatureField[] = [
  ...signed('ID_AA64PFR0_EL1', 16, 'FP', 'FP16'),
  ...signed('ID_AA64PFR0_EL1', 20, 'AdvSIMD'),
  ...field('ID_AA64PFR0_EL1',  24, 'GICv3'),
  ...field('ID_AA64PFR0_EL1',  28, 'RAS', 'RASv1p1'),
  ...field('ID_AA64PFR0_EL1',  32, 'SVE'),
  ...field('ID_AA64PFR0_EL1',  48, 'DIT'),
  ...field('ID_AA64PFR0_EL1',  56, '', 'CSV2_2'),
  ...field('ID_AA64PFR1_EL1',  0,  'BTI'),
  ...field('ID_AA64PFR1_EL1',  4,  'SSBS', 'SSBS2'),
  ...field('ID_AA64PFR1_EL1',  8,  '', 'MTE'),
  ...field('ID_AA64PFR1_EL1',  24, 'SME'),

  ...field('ID_AA64ISAR0_EL1', 4,  'AES', 'PMULL'),
  ...field('ID_AA64ISAR0_EL1', 8,  'SHA1'),
  ...field('ID_AA64ISAR0_EL1', 12, 'SHA256', 'SHA512'),
  ...field('ID_AA64ISAR0_EL1', 16, 'CRC32'),
  ...field('ID_AA64ISAR0_EL1', 20, '', 'LSE'),
  ...field('ID_AA64ISAR0_EL1', 24, 'TME'),
  ...field('ID_AA64ISAR0_EL1', 28, 'RDM'),
  ...field('ID_AA64ISAR0_EL1', 32, 'SHA3'),
  ...field('ID_AA64ISAR0_EL1', 36, 'SM3'),
  ...field('ID_AA64ISAR0_EL1', 40, 'SM4'),
  ...field('ID_AA64ISAR0_EL1', 44, 'DotProd'),
  ...field('ID_AA64ISAR0_EL1', 48, 'FHM'),
  ...field('ID_AA64ISAR0_EL1', 52, 'FlagM', 'FlagM2'),
  ...field('ID_AA64ISAR0_EL1', 56, 'TLBIOS', 'TLBIRANGE'),
  ...field('ID_AA64ISAR0_EL1', 60, 'RNG'),
  ...field('ID_AA64ISAR1_EL1', 0,  'DPB', 'DPB2'),
  ...field('ID_AA64ISAR1_EL1', 4,  'PAuth'),
  ...field('ID_AA64ISAR1_EL1', 8,  'PAuth'),
  ...field('ID_AA64ISAR1_EL1', 8,  'PACIMP'),
  ...field('ID_AA64ISAR1_EL1', 12, 'JSCVT'),
  ...field('ID_AA64ISAR1_EL1', 16, 'FCMA'),
  ...field('ID_AA64ISAR1_EL1', 20, 'LRCPC', 'LRCPC2'),
  ...field('ID_AA64ISAR1_EL1', 32, 'FRINTTS'),
  ...field('ID_AA64ISAR1_EL1', 36, 'SB'),
  ...field('ID_AA64ISAR1_EL1', 40, 'SPECRES'),
  ...field('ID_AA64ISAR1_EL1', 44, 'BF16'),
  ...field('ID_AA64ISAR1_EL1', 48, 'DGH'),
  ...field('ID_AA64ISAR1_EL1', 52, 'I8MM'),
  ...field('ID_AA64ISAR1_EL1', 56, 'XS'),
  ...field('ID_AA64ISAR1_EL1', 60, 'LS64'),
  ...field('ID_AA64ISAR2_EL1', 0,  '', 'WFxT'),
  ...field('ID_AA64ISAR2_EL1', 16, 'MOPS'),
  ...field('ID_AA64ISAR2_EL1', 20, 'HBC'),
  ...field('ID_AA64ISAR2_EL1', 52, 'CSSC'),

  ...field('ID_AA64MMFR1_EL1', 8,  'VHE'),
  ...field('ID_AA64MMFR1_EL1', 16, 'LOR'),
  ...field('ID_AA64MMFR1_EL1', 20, 'PAN', 'PAN2'),
  ...field('ID_AA64MMFR1_EL1', 40, 'HCX'),
  ...field('ID_AA64MMFR2_EL1', 4,  'UAO'),
  ...field('ID_AA64MMFR2_EL1', 12, 'IESB'),
  ...field('ID_AA64MMFR2_EL1', 24, 'NV'),
  ...field('ID_AA64MMFR2_EL1', 28, 'TTST'),
  ...field('ID_AA64MMFR2_EL1', 32, 'LSE2'),
  ...field('ID_AA64MMFR2_EL1', 36, 'IDST'),
  ...field('ID_AA64MMFR2_EL1', 40, 'S2FWB'),
  ...field('ID_AA64MMFR2_EL1', 56, 'EVT'),
  ...field('ID_AA64MMFR2_EL1', 60, 'E0PD'),
  ...field('ID_AA64DFR0_EL1',  0,  '', '', '', '', '', '', '', 'Debugv8p2', 'Debugv8p4'),
  ...field('ID_AA64DFR0_EL1',  8,  '', '', '', 'PMUv3p1', 'PMUv3p4', 'PMUv3p5'),
  ...signed('ID_AA64DFR0_EL1', 36, 'DoubleLock'),
];

/** Every name that a row may carry. */
export const FEATURES: ReadonlySet<string> = new Set(['base', ...FIELDS.map(({ name }) => name)]);

/** What a CPU with these identification registers has, `base` included. */
export function featuresOf(identification: { readonly [register: string]: bigint }): ReadonlySet<string> {
  const present = FIELDS.filter(({ register, lsb, minimum, excluded }) => {
    const value = Number(((identification[register] ?? 0n) >> BigInt(lsb)) & 15n);
    return value >= minimum && value !== excluded;
  });
  return new Set(['base', ...present.map(({ name }) => name)]);
}
