/**
 * A translation regime as plain numbers: the control registers decoded once, when they change, so that no walk sees a
 * BigInt. Arm ARM D8.2 (translation process), D19.2 (the registers).
 *
 * Where the architecture leaves a choice, these are ours, the same as QEMU's:
 * - a granule that is not implemented, or a reserved TG value, is the smallest granule that is;
 * - TxSZ out of range is a translation fault at level 0, and so is a stage 2 input size above the implemented PA size.
 */
import type { TopByteIgnored } from './address.ts';
import type { GranuleBits, MmuFeatures } from './features.ts';

/** Names of the system registers that translation depends on. A write to any of them calls `Mmu.registersChanged`. */
export const TRANSLATION_REGISTERS = [
  'SCTLR_EL1',
  'TCR_EL1',
  'TTBR0_EL1',
  'TTBR1_EL1',
  'MAIR_EL1',
  'SCTLR_EL2',
  'TCR_EL2',
  'TTBR0_EL2',
  'TTBR1_EL2',
  'MAIR_EL2',
  'HCR_EL2',
  'VTCR_EL2',
  'VTTBR_EL2',
] as const;
export type TranslationRegister = (typeof TRANSLATION_REGISTERS)[number];

/** Reads a system register, by the name the Arm ARM gives it. TTBR1_EL2 is asked for with HCR_EL2.E2H only. */
export interface RegisterReader {
  get(name: TranslationRegister): bigint;
}

export type RegimeName = 'EL10' | 'EL2' | 'EL20';

/** `48`: nowhere. `64K`: bits 15:12 are 51:48 (FEAT_LPA). `DS`: bits 49:48 and 9:8 are 51:48 (FEAT_LPA2). */
export type AddressFormat = '48' | '64K' | 'DS';

/** The shape of one set of tables, of either stage. */
export interface TableGeometry {
  /** False: every address is a translation fault at level 0 (TxSZ, SL0 or EPDx). */
  readonly valid: boolean;
  readonly granule: GranuleBits;
  /** Input addresses have this many bits below the sign. */
  readonly inputBits: number;
  readonly startLevel: number;
  /** Lowest level that may hold a block. */
  readonly firstBlockLevel: number;
  /** Address of the first table, aligned to its size: physical, or intermediate for stage 1 under stage 2. */
  readonly base: number;
  /** Output addresses, of tables too, have at most this many bits. */
  readonly outputBits: number;
  /** Where descriptors keep bits 51:48 of an address. D8.3.1. */
  readonly addressFormat: AddressFormat;
  /** With 52-bit addresses by DS: the shareability of all pages, in place of the descriptor's. Else null. */
  readonly shareability: number | null;
  /** TCR_ELx.HA, HD and the like: the walker sets the access flag, and makes a page with DBM writable at a store. */
  readonly updatesAccessFlag: boolean;
  readonly updatesDirtyState: boolean;
  /** The base address has more bits than that: an address size fault at level 0. */
  readonly baseTooLarge: boolean;
  /** SCTLR_ELx.EE: descriptors are big-endian. */
  readonly bigEndian: boolean;
}

/** One half of the address space of stage 1. */
export interface Stage1Half extends TableGeometry {
  /** TCR_ELx.HPDn */
  readonly ignoreTablePermissions: boolean;
}

export interface Stage1 {
  readonly lower: Stage1Half;
  /** Not valid in the EL2 regime. */
  readonly upper: Stage1Half;
  /** EL1&0 and EL2&0: AP[1], PXN, nG and the hierarchical bits for them have a meaning. */
  readonly twoPrivileges: boolean;
  /** SCTLR_ELx.WXN: writable is execute-never. */
  readonly wxn: boolean;
  /** The eight attributes of MAIR_ELx. */
  readonly mair: readonly number[];
  /** SCTLR_ELx.C is clear: data accesses to Normal memory are Non-cacheable. */
  readonly uncached: boolean;
}

export interface Stage2 extends TableGeometry {
  /** HCR_EL2.PTW: a stage 1 descriptor in Device memory is a permission fault. */
  readonly protectWalks: boolean;
  readonly xnx: boolean;
  /** HCR_EL2.FWB: MemAttr overrides the cacheability of stage 1. */
  readonly forceWriteBack: boolean;
  /** VTCR_EL2.DS */
  readonly largeAddresses: boolean;
  /** HCR_EL2.CD: data accesses to Normal memory are Non-cacheable. */
  readonly uncached: boolean;
}

export interface Regime {
  readonly name: RegimeName;
  /** 0 where the regime has none. */
  readonly vmid: number;
  readonly asid: number;
  /** Bits of an ASID that count: 255 or 65535. */
  readonly asidMask: number;
  /** Null: stage 1 is off, and addresses pass unchanged. */
  readonly stage1: Stage1 | null;
  /** Null: there is no stage 2, or it is off. */
  readonly stage2: Stage2 | null;
  readonly paBits: number;
  readonly topByteIgnored: TopByteIgnored;
  /** The same for addresses of instructions: less those with TBID. */
  readonly instructionTopByteIgnored: TopByteIgnored;
  /** E0PD: EL0 has no translations in the lower (bit 0) or upper half (bit 1). */
  readonly closedToEl0: 0 | 1 | 2 | 3;
  /** TCR_ELx.DS */
  readonly largeAddresses: boolean;
  /** HCR_EL2.DC: with stage 1 off, memory is Normal Write-Back rather than Device-nGnRnE. */
  readonly defaultCacheable: boolean;
}

const HCR = {
  VM: 1n << 0n,
  PTW: 1n << 2n,
  DC: 1n << 12n,
  TGE: 1n << 27n,
  CD: 1n << 32n,
  E2H: 1n << 34n,
  FWB: 1n << 46n,
} as const;
/** The bits of HCR_EL2 that translation depends on. */
export const HCR_TRANSLATION_BITS = Object.values(HCR).reduce((all, bit) => all | bit);
const SCTLR = { M: 1 << 0, C: 1 << 2, WXN: 1 << 19, EE: 1 << 25 } as const;
const OUTPUT_BITS = [32, 36, 40, 42, 44, 48, 52, 52];

const low = (value: bigint): number => Number(value & 0xffff_ffffn);
const high = (value: bigint): number => Number(value >> 32n);
const bit = (word: number, n: number): boolean => ((word >>> n) & 1) !== 0;

/** The regime that an exception level uses, by HCR_EL2.{E2H, TGE}: D8.1.2. */
export function regimeName(el: 0 | 1 | 2, hcr: bigint, features: MmuFeatures): RegimeName {
  const host = features.vhe && (hcr & HCR.E2H) !== 0n;
  if (el === 2) return host ? 'EL20' : 'EL2';
  return el === 0 && host && (hcr & HCR.TGE) !== 0n ? 'EL20' : 'EL10';
}

export function decodeRegime(name: RegimeName, registers: RegisterReader, features: MmuFeatures): Regime {
  return name === 'EL10' ? decodeEl10(registers, features) : decodeEl2(name, registers, features);
}

function decodeEl10(registers: RegisterReader, features: MmuFeatures): Regime {
  const hcr = registers.get('HCR_EL2');
  const sctlr = low(registers.get('SCTLR_EL1'));
  const tcr = registers.get('TCR_EL1');
  const vttbr = registers.get('VTTBR_EL2');
  const defaultCacheable = (hcr & HCR.DC) !== 0n;
  // TGE and DC make SCTLR_EL1.M read as 0 for translation; DC makes VM read as 1 (D19.2.48).
  const stage1On = (sctlr & SCTLR.M) !== 0 && (hcr & (HCR.TGE | HCR.DC)) === 0n;
  const ttbr0 = registers.get('TTBR0_EL1');
  const ttbr1 = registers.get('TTBR1_EL1');
  return {
    name: 'EL10',
    vmid: vmidOf(vttbr, registers.get('VTCR_EL2'), features),
    ...asidOf(tcr, ttbr0, ttbr1, features),
    stage1: stage1On ? decodeTwoHalves(sctlr, tcr, ttbr0, ttbr1, registers.get('MAIR_EL1'), features) : null,
    stage2: (hcr & (HCR.VM | HCR.DC)) !== 0n ? decodeStage2(registers, hcr, vttbr, features) : null,
    paBits: features.paBits,
    ...controlsOfHalves(tcr, features),
    defaultCacheable,
  };
}

function decodeEl2(name: 'EL2' | 'EL20', registers: RegisterReader, features: MmuFeatures): Regime {
  const sctlr = low(registers.get('SCTLR_EL2'));
  const tcr = registers.get('TCR_EL2');
  const ttbr0 = registers.get('TTBR0_EL2');
  const mair = registers.get('MAIR_EL2');
  const common = { name, vmid: 0, stage2: null, paBits: features.paBits, defaultCacheable: false } as const;
  const on = (sctlr & SCTLR.M) !== 0;
  if (name === 'EL20') {
    const ttbr1 = registers.get('TTBR1_EL2');
    return {
      ...common,
      ...asidOf(tcr, ttbr0, ttbr1, features),
      stage1: on ? decodeTwoHalves(sctlr, tcr, ttbr0, ttbr1, mair, features) : null,
      ...controlsOfHalves(tcr, features),
    };
  }
  const word = low(tcr);
  const half = decodeHalf(
    {
      sizeField: word & 63,
      granule: granuleOf(TG0[(word >>> 14) & 3], features.stage1Granules),
      ttbr: ttbr0,
      ps: (word >>> 16) & 7,
      walksDisabled: false,
      bigEndian: (sctlr & SCTLR.EE) !== 0,
      hpd: bit(word, 24),
      shareability: (word >>> 12) & 3,
      ds: bit(high(tcr), 0),
      ha: bit(word, 21),
      hd: bit(word, 22),
    },
    features,
  );
  // One range of addresses: TBI holds for both values of bit 55 (D8.8).
  const tbi = bit(word, 20);
  return {
    ...common,
    asid: 0,
    asidMask: 0,
    stage1: on
      ? {
          lower: half,
          upper: { ...half, valid: false },
          twoPrivileges: false,
          ...stage1Controls(sctlr, mair),
        }
      : null,
    topByteIgnored: tbi ? 3 : 0,
    instructionTopByteIgnored: tbi && !(features.tagsOfDataOnly && bit(word, 29)) ? 3 : 0,
    closedToEl0: 0,
    largeAddresses: features.stage1Granules52.length > 0 && bit(high(tcr), 0),
  };
}

/** What TCR_EL1, and TCR_EL2 with E2H, say of the two halves besides their geometry. */
function controlsOfHalves(tcr: bigint, features: MmuFeatures) {
  const word = high(tcr);
  const topByteIgnored = (word >>> 5) & 3;
  const dataOnly = features.tagsOfDataOnly ? (word >>> 19) & 3 : 0;
  return {
    topByteIgnored: topByteIgnored as TopByteIgnored,
    instructionTopByteIgnored: (topByteIgnored & ~dataOnly) as TopByteIgnored,
    closedToEl0: (features.e0pd ? (word >>> 23) & 3 : 0) as 0 | 1 | 2 | 3,
    largeAddresses: features.stage1Granules52.length > 0 && bit(word, 27),
  };
}

const stage1Controls = (sctlr: number, mair: bigint) => ({
  wxn: (sctlr & SCTLR.WXN) !== 0,
  uncached: (sctlr & SCTLR.C) === 0,
  mair: Array.from({ length: 8 }, (_, n) => Number((mair >> BigInt(8 * n)) & 0xffn)),
});

/** TG0 and TG1 code the granules differently; undefined is reserved. */
const TG0: readonly (GranuleBits | undefined)[] = [12, 16, 14, undefined];
const TG1: readonly (GranuleBits | undefined)[] = [undefined, 14, 12, 16];
const granuleOf = (asked: GranuleBits | undefined, present: readonly GranuleBits[]): GranuleBits =>
  asked !== undefined && present.includes(asked) ? asked : present[0];

function decodeTwoHalves(
  sctlr: number,
  tcr: bigint,
  ttbr0: bigint,
  ttbr1: bigint,
  mair: bigint,
  features: MmuFeatures,
): Stage1 {
  const word = low(tcr);
  const common = {
    ps: high(tcr) & 7,
    bigEndian: (sctlr & SCTLR.EE) !== 0,
    ds: bit(high(tcr), 27),
    ha: bit(high(tcr), 7),
    hd: bit(high(tcr), 8),
  };
  const lower = {
    ...common,
    sizeField: word & 63,
    granule: granuleOf(TG0[(word >>> 14) & 3], features.stage1Granules),
    ttbr: ttbr0,
    walksDisabled: bit(word, 7),
    shareability: (word >>> 12) & 3,
    hpd: bit(high(tcr), 9),
  };
  const upper = {
    ...common,
    sizeField: (word >>> 16) & 63,
    granule: granuleOf(TG1[word >>> 30], features.stage1Granules),
    ttbr: ttbr1,
    walksDisabled: bit(word, 23),
    shareability: (word >>> 28) & 3,
    hpd: bit(high(tcr), 10),
  };
  return {
    lower: decodeHalf(lower, features),
    upper: decodeHalf(upper, features),
    twoPrivileges: true,
    ...stage1Controls(sctlr, mair),
  };
}

interface HalfFields {
  readonly sizeField: number;
  readonly granule: GranuleBits;
  readonly ttbr: bigint;
  readonly ps: number;
  readonly walksDisabled: boolean;
  readonly bigEndian: boolean;
  readonly hpd: boolean;
  /** TCR_ELx.SHn, DS, HA and HD. */
  readonly shareability: number;
  readonly ds: boolean;
  readonly ha: boolean;
  readonly hd: boolean;
}

function decodeHalf(fields: HalfFields, features: MmuFeatures): Stage1Half {
  const { granule, sizeField } = fields;
  const inputBits = 64 - sizeField;
  // The starting level is the one that leaves all strides below it whole: D8.2.6.
  const startLevel = 3 - Math.floor((inputBits - granule - 1) / (granule - 3));
  const ds = fields.ds && features.stage1Granules52.includes(granule);
  return {
    valid: sizeInRange(sizeField, granule, ds, features) && !fields.walksDisabled,
    ignoreTablePermissions: features.hierarchicalPermissionDisables && fields.hpd,
    ...geometry({ ...fields, inputBits, startLevel, ds }, features),
  };
}

function sizeInRange(sizeField: number, granule: GranuleBits, ds: boolean, features: MmuFeatures): boolean {
  const smallest = (granule === 16 ? features.largeVirtualAddresses : ds) ? 12 : 16;
  return sizeField >= smallest && sizeField <= (features.smallTables ? (granule === 16 ? 47 : 48) : 39);
}

interface GeometryFields {
  readonly granule: GranuleBits;
  readonly inputBits: number;
  readonly startLevel: number;
  readonly ttbr: bigint;
  readonly ps: number;
  readonly bigEndian: boolean;
  readonly shareability: number;
  readonly ds: boolean;
  readonly ha: boolean;
  readonly hd: boolean;
}

function geometry(
  fields: GeometryFields,
  { paBits, hardwareUpdates }: MmuFeatures,
): Omit<TableGeometry, 'valid'> {
  const { granule, inputBits, startLevel, ttbr, ps, bigEndian, ds } = fields;
  const large = granule === 16 || ds;
  const outputBits = Math.min(OUTPUT_BITS[ps], paBits, large ? 52 : 48);
  const tableBytes = 2 ** (3 + inputBits - ((3 - startLevel) * (granule - 3) + granule));
  // TTBR bits 5:2 are 51:48 of a base that can be so large.
  const address =
    outputBits > 48
      ? Number(ttbr & 0xffff_ffff_ffc0n) + Number((ttbr >> 2n) & 15n) * 2 ** 48
      : Number(ttbr & 0xffff_ffff_ffffn);
  return {
    granule,
    inputBits,
    startLevel,
    firstBlockLevel: firstBlockLevel(granule, ds, paBits),
    base: address - (address % tableBytes),
    outputBits,
    addressFormat: ds ? 'DS' : granule === 16 && outputBits > 48 ? '64K' : '48',
    shareability: ds ? fields.shareability : null,
    baseTooLarge: address >= 2 ** outputBits,
    bigEndian,
    updatesAccessFlag: hardwareUpdates > 0 && fields.ha,
    updatesDirtyState: hardwareUpdates > 1 && fields.ha && fields.hd,
  };
}

/** Larger blocks come with 52-bit addresses: D8.3.1. */
function firstBlockLevel(granule: GranuleBits, ds: boolean, paBits: number): number {
  if (granule === 12) return ds ? 0 : 1;
  return (granule === 14 ? ds : paBits > 48) ? 1 : 2;
}

function decodeStage2(registers: RegisterReader, hcr: bigint, vttbr: bigint, features: MmuFeatures): Stage2 {
  const vtcr = registers.get('VTCR_EL2');
  const word = low(vtcr);
  const granule = granuleOf(TG0[(word >>> 14) & 3], features.stage2Granules);
  const sizeField = word & 63;
  const inputBits = 64 - sizeField;
  const ds = bit(high(vtcr), 0) && features.stage2Granules52.includes(granule);
  const startLevel = stage2StartLevel((word >>> 6) & 3, ds && bit(high(vtcr), 1), granule, features);
  const fields = {
    granule,
    inputBits,
    startLevel: startLevel ?? 0,
    ttbr: vttbr,
    ps: (word >>> 16) & 7,
    bigEndian: (low(registers.get('SCTLR_EL2')) & SCTLR.EE) !== 0,
    shareability: (word >>> 12) & 3,
    ds,
    ha: bit(word, 21),
    hd: bit(word, 22),
  };
  const inRange = sizeInRange(sizeField, granule, ds, features);
  return {
    ...geometry(fields, features),
    valid:
      inRange && startLevel !== undefined && stage2Consistent(granule, inputBits, startLevel, ds, features),
    protectWalks: (hcr & HCR.PTW) !== 0n,
    xnx: features.xnx,
    forceWriteBack: features.forceWriteBack && (hcr & HCR.FWB) !== 0n,
    largeAddresses: bit(high(vtcr), 0) && features.stage2Granules52.length > 0,
    uncached: (hcr & HCR.CD) !== 0n,
  };
}

/** VTCR_EL2.SL0, and SL2 with 52-bit addresses; undefined is reserved. */
function stage2StartLevel(
  sl0: number,
  sl2: boolean,
  granule: GranuleBits,
  { smallTables }: MmuFeatures,
): number | undefined {
  if (granule !== 12) return sl0 === 3 ? undefined : 3 - sl0;
  if (sl2) return sl0 === 0 ? -1 : undefined;
  if (sl0 === 3) return smallTables ? 3 : undefined;
  return 2 - sl0;
}

/** SL0 against T0SZ and the PA size (D8.2.7): the first table has two entries at least, and sixteen pages at most. */
function stage2Consistent(
  granule: GranuleBits,
  inputBits: number,
  startLevel: number,
  ds: boolean,
  { paBits }: MmuFeatures,
): boolean {
  const addressBits = granule === 16 || ds ? paBits : Math.min(paBits, 48);
  if (inputBits > addressBits) return false;
  const largeEnough = granule === 14 ? paBits > 40 : paBits > 42;
  if (startLevel === -1 && !(granule === 12 && addressBits > 48)) return false;
  if (startLevel === 0 && (granule !== 12 || !largeEnough)) return false;
  if (startLevel === 1 && granule !== 12 && !largeEnough) return false;
  const stride = granule - 3;
  const entryBits = inputBits - ((3 - startLevel) * stride + granule);
  return entryBits >= 1 && entryBits <= stride + 4;
}

function asidOf(tcr: bigint, ttbr0: bigint, ttbr1: bigint, features: MmuFeatures) {
  const asidMask = features.asid16 && bit(high(tcr), 4) ? 0xffff : 0xff;
  return { asid: Number((bit(low(tcr), 22) ? ttbr1 : ttbr0) >> 48n) & asidMask, asidMask };
}

function vmidOf(vttbr: bigint, vtcr: bigint, features: MmuFeatures): number {
  const vmid = Number(vttbr >> 48n);
  return features.vmid16 && bit(low(vtcr), 19) ? vmid : vmid & 0xff;
}
