/** What the ID registers say about address translation. Arm ARM D19.2.64 to D19.2.66 (ID_AA64MMFR0_EL1 to MMFR2). */

/** log2 of a translation granule: 4 KiB, 16 KiB, 64 KiB. */
export type GranuleBits = 12 | 14 | 16;

export interface MmuFeatures {
  /** Implemented physical address size; 52 with FEAT_LPA. */
  readonly paBits: number;
  /** Granules that exist, ascending. */
  readonly stage1Granules: readonly GranuleBits[];
  readonly stage2Granules: readonly GranuleBits[];
  readonly asid16: boolean;
  /** FEAT_VMID16 */
  readonly vmid16: boolean;
  /** FEAT_VHE: HCR_EL2.E2H and the EL2&0 regime. */
  readonly vhe: boolean;
  /** FEAT_HPDS: hierarchical permissions can be switched off. */
  readonly hierarchicalPermissionDisables: boolean;
  /** FEAT_XNX: stage 2 execute-never by exception level. */
  readonly xnx: boolean;
  /** FEAT_LVA: 52-bit virtual addresses with 64 KiB granules. */
  readonly largeVirtualAddresses: boolean;
  /** FEAT_LPA2: granules of 4 and 16 KiB that can have 52-bit addresses, by stage. */
  readonly stage1Granules52: readonly GranuleBits[];
  readonly stage2Granules52: readonly GranuleBits[];
  /** FEAT_HAFDBS: hardware updates of the access flag (1), and of the dirty state too (2). */
  readonly hardwareUpdates: 0 | 1 | 2;
  /** FEAT_S2FWB */
  readonly forceWriteBack: boolean;
  /** FEAT_E0PD: EL0 can be kept out of half of the address space. */
  readonly e0pd: boolean;
  /** FEAT_PAuth: TBID, tags of instruction addresses. */
  readonly tagsOfDataOnly: boolean;
  /** FEAT_TTST: T0SZ and T1SZ up to 48, or 47 with 64 KiB granules. */
  readonly smallTables: boolean;
}

const PA_RANGE = [32, 36, 40, 42, 44, 48, 52];

/** `pauth`: ID_AA64ISAR1_EL1 says that there is pointer authentication. */
export function mmuFeatures(mmfr0: bigint, mmfr1: bigint, mmfr2: bigint, pauth: boolean): MmuFeatures {
  const field = (value: bigint, bit: number) => Number((value >> BigInt(bit)) & 15n);
  const stage1 = { 12: field(mmfr0, 28) !== 15, 14: field(mmfr0, 20) !== 0, 16: field(mmfr0, 24) !== 15 };
  // TGranX_2: 0 is "as at stage 1", 1 is "not there".
  const stage2 = (bit: number, same: boolean) => (field(mmfr0, bit) === 0 ? same : field(mmfr0, bit) !== 1);
  const sizes = [12, 14, 16] as const;
  const large = (at4K: boolean, at16K: boolean): GranuleBits[] => [
    ...(at4K ? ([12] as const) : []),
    ...(at16K ? ([14] as const) : []),
  ];
  const first52 = { 12: field(mmfr0, 28) === 1, 14: field(mmfr0, 20) === 2 };
  const second52 = (bit: number, same: boolean) => (field(mmfr0, bit) === 0 ? same : field(mmfr0, bit) === 3);
  const second = { 12: stage2(40, stage1[12]), 14: stage2(32, stage1[14]), 16: stage2(36, stage1[16]) };
  return {
    paBits: PA_RANGE[field(mmfr0, 0)] ?? 48,
    stage1Granules: sizes.filter((size) => stage1[size]),
    stage2Granules: sizes.filter((size) => second[size]),
    asid16: field(mmfr0, 4) === 2,
    vmid16: field(mmfr1, 4) === 2,
    vhe: field(mmfr1, 8) !== 0,
    hierarchicalPermissionDisables: field(mmfr1, 12) !== 0,
    xnx: field(mmfr1, 28) !== 0,
    smallTables: field(mmfr2, 28) !== 0,
    largeVirtualAddresses: field(mmfr2, 16) !== 0,
    stage1Granules52: large(first52[12], first52[14]),
    stage2Granules52: large(second52(40, first52[12]), second52(32, first52[14])),
    hardwareUpdates: Math.min(field(mmfr1, 0), 2) as 0 | 1 | 2,
    forceWriteBack: field(mmfr2, 40) !== 0,
    e0pd: field(mmfr2, 60) !== 0,
    tagsOfDataOnly: pauth,
  };
}
