/** Random translation regimes: control registers, tables for them, and addresses worth asking about. */
import type { Choices } from '../random/randomness.ts';
import { type Geometry, TableBuilder, type TableSpace } from './table_builder.ts';

/** What the test depends on in the CPU. */
export interface TranslationCpu {
  /** QEMU's name. */
  readonly name: string;
  readonly mmfr: readonly [bigint, bigint, bigint];
  readonly granules: readonly (12 | 14 | 16)[];
  readonly paBits: number;
  /** FEAT_HPDS. QEMU obeys TCR_ELx.HPD without it, so it is set with it only. */
  readonly hpds: boolean;
  /** FEAT_HAFDBS, FEAT_PAN2 and the P forms of AT. */
  readonly updates: boolean;
  /** FEAT_TTST, LVA, LPA, LPA2, E0PD, S2FWB. */
  readonly large: boolean;
}

export const CORTEX_A57: TranslationCpu = {
  name: 'cortex-a57',
  mmfr: [0x1124n, 0n, 0n],
  granules: [12, 16],
  paBits: 44,
  hpds: false,
  updates: false,
  large: false,
};
/** Has the 16 KiB granule, hierarchical permission disables and XNX. */
export const NEOVERSE_N1: TranslationCpu = {
  name: 'neoverse-n1',
  mmfr: [0x10_1125n, 0x1021_2122n, 0x1011n],
  granules: [12, 14, 16],
  paBits: 48,
  hpds: true,
  updates: true,
  large: false,
};
/** Has 52-bit addresses of all kinds. */
export const MAX: TranslationCpu = {
  name: 'max',
  mmfr: [0x323_1020_1126n, 0x110_1021_1122n, 0x1021_0110_1001_1011n],
  granules: [12, 14, 16],
  paBits: 52,
  hpds: true,
  updates: true,
  large: true,
};

/** In the order in which the driver loads them. */
export const CONFIGURED = [
  'HCR_EL2',
  'SCTLR_EL1',
  'TCR_EL1',
  'TTBR0_EL1',
  'TTBR1_EL1',
  'MAIR_EL1',
  'VTCR_EL2',
  'VTTBR_EL2',
  'TCR_EL2',
  'TTBR0_EL2',
  'MAIR_EL2',
] as const;

export interface TranslationConfiguration {
  readonly registers: { readonly [name in (typeof CONFIGURED)[number] | 'SCTLR_EL2']: bigint };
  readonly addresses: readonly bigint[];
}

const OUTPUT_BITS = [32, 36, 40, 42, 44, 48, 52] as const;
const TG0 = { 12: 0n, 16: 1n, 14: 2n } as const;
const TG1 = { 12: 2n, 14: 1n, 16: 3n } as const;
/** Device of each kind, Non-cacheable, Write-Through and Write-Back of all kinds. */
const MEMORY_TYPES = [0x00, 0x04, 0x08, 0x0c, 0x44, 0xff, 0xbb, 0x4f, 0xf4, 0xaa, 0xee, 0xb4] as const;
/** Stage 2 MemAttr; the others are reserved. */
const STAGE2_TYPES = [0, 1, 2, 3, 5, 6, 7, 9, 10, 11, 13, 14, 15] as const;

/** With FWB. */
const FORCED_TYPES = [0, 1, 2, 3, 5, 6, 7] as const;

const ones = (bits: number) => (1n << BigInt(bits)) - 1n;
const flag = (choices: Choices, bit: bigint, oneIn: number) => (choices.oneIn(oneIn) ? 1n << bit : 0n);

/** An address below 2^bits; small ones and all ones as often as others. */
const address = (choices: Choices, bits: number) =>
  choices.of([choices.bits64(), choices.bits64(), BigInt(choices.bits(31)), ones(bits), ones(bits) >> 1n]) &
  ones(bits);

const randomMair = (choices: Choices) =>
  Array.from({ length: 8 }).reduce<bigint>((mair) => (mair << 8n) | BigInt(choices.of(MEMORY_TYPES)), 0n);

/** DBM. */
const dirtyManaged = (cpu: TranslationCpu, choices: Choices) => (cpu.updates ? flag(choices, 51n, 2) : 0n);

/** SH; with DS these are bits 51:50 of the address, which QEMU 7.2 does not check against a smaller PS. */
const shareability = (choices: Choices, addressBits: 'kept clear' | 'any') =>
  addressBits === 'kept clear' ? 0n : BigInt(choices.of([0, 2, 3])) << 8n;

function stage1Leaf(cpu: TranslationCpu, choices: Choices, el2: boolean, clear: boolean): bigint {
  const upper =
    flag(choices, 54n, 4) |
    (el2 ? 0n : flag(choices, 53n, 4)) |
    flag(choices, 52n, 8) |
    flag(choices, 55n, 4);
  const ap = BigInt(choices.below(4)) | (el2 ? 1n : 0n);
  const accessed = choices.oneIn(cpu.updates ? 3 : 12) ? 0n : 1n << 10n;
  return (
    dirtyManaged(cpu, choices) |
    upper |
    accessed |
    flag(choices, 11n, 2) |
    shareability(choices, clear ? 'kept clear' : 'any') |
    (ap << 6n) |
    BigInt(choices.below(8) << 2)
  );
}

function stage1Table(choices: Choices, el2: boolean): bigint {
  const el1 = el2 ? 0n : flag(choices, 59n, 8) | flag(choices, 61n, 8);
  return el1 | flag(choices, 60n, 8) | flag(choices, 62n, 8) | flag(choices, 63n, 8);
}

interface Stage2Form {
  readonly cpu: TranslationCpu;
  /** HCR_EL2.FWB */
  readonly forced: boolean;
  /** VTCR_EL2.DS: bits 9:8 are those of an address. */
  readonly ds: boolean;
  /** That, with a PS below 52 bits. */
  readonly small: boolean;
}

function stage2Leaf({ cpu, forced, ds, small }: Stage2Form, choices: Choices, usual: boolean): bigint {
  const types = forced ? FORCED_TYPES : STAGE2_TYPES;
  const type = BigInt(usual ? (forced ? 7 : 15) : choices.of(types)) << 2n;
  const ap = BigInt(usual || choices.oneIn(2) ? 3 : choices.below(4)) << 6n;
  const accessed = !usual && choices.oneIn(cpu.updates ? 3 : 12) ? 0n : 1n << 10n;
  return (
    flag(choices, 54n, 4) |
    flag(choices, 52n, 8) |
    accessed |
    shareability(choices, small || (ds && usual) ? 'kept clear' : 'any') |
    dirtyManaged(cpu, choices) |
    ap |
    type
  );
}

interface Half {
  readonly builder: TableBuilder;
  readonly sizeField: number;
}

/** Stage 1 tables for one half of the address space. */
function randomHalf(
  space: TableSpace,
  choices: Choices,
  granule: 12 | 14 | 16,
  bigEndian: boolean,
  smallest: number,
  largest = 16,
): Half {
  const sizeField = largest + choices.below(smallest - largest + 1);
  const inputBits = 64 - sizeField;
  const startLevel = 3 - Math.floor((inputBits - granule - 1) / (granule - 3));
  return { builder: new TableBuilder(space, { granule, inputBits, startLevel, bigEndian }), sizeField };
}

/** Fills a half with leaves whose outputs come from `outputs`; the inputs that lead to them. */
function fillHalf(
  cpu: TranslationCpu,
  { builder }: Half,
  choices: Choices,
  outputs: () => bigint,
  outputBits: number,
  el2: boolean,
  clear = false,
): bigint[] {
  return Array.from({ length: 10 }, () => {
    const input = address(choices, builder.geometry.inputBits);
    const leaf = builder.randomLeaf(choices, outputs(), stage1Leaf(cpu, choices, el2, clear), outputBits);
    builder.map(input, leaf, () => stage1Table(choices, el2));
    return input;
  });
}

/** Start levels and input sizes that VTCR_EL2 may combine: D8.2.7. */
function stage2Geometry(cpu: TranslationCpu, choices: Choices): Geometry {
  for (;;) {
    const granule = choices.of(cpu.granules);
    const inputBits = 25 + choices.below(Math.min(cpu.paBits, 48) - 24);
    const startLevel = choices.below(4);
    const entryBits = inputBits - ((3 - startLevel) * (granule - 3) + granule);
    const deep = granule === 12 ? startLevel === 0 : startLevel <= 1;
    if (startLevel === 3 && granule === 12) continue;
    if (deep && granule !== 12 && startLevel === 0) continue;
    if (deep && cpu.paBits <= (granule === 14 ? 40 : 42)) continue;
    if (entryBits >= 1 && entryBits <= granule + 1)
      return { granule, inputBits, startLevel, bigEndian: false };
  }
}

/** RW, VM, DC, CD; PTW only under VM: without, QEMU obeys it where there is no stage 2. */
function randomHcr(cpu: TranslationCpu, choices: Choices): bigint {
  const vm = choices.oneIn(4) ? 0n : 1n | flag(choices, 2n, 6);
  return (
    (1n << 31n) |
    vm |
    flag(choices, 12n, 10) |
    flag(choices, 32n, 8) |
    (cpu.large ? flag(choices, 46n, 3) : 0n)
  );
}

const PAGE = 4096n;

/** `driver` is the page that the EL2 regime must be able to execute. */
export function randomTranslation(
  cpu: TranslationCpu,
  space: TableSpace,
  choices: Choices,
  driver: number,
): TranslationConfiguration {
  const outputField = (bits: number) => OUTPUT_BITS.findIndex((size) => size >= bits);
  const bigEndian = choices.oneIn(8);
  const sizes = cpu.paBits > 48 ? 7 : 6;
  const ps = choices.below(sizes);
  const hcr = randomHcr(cpu, choices);
  const ds = cpu.large && choices.oneIn(3);
  const clear = ds && ps < 6;
  const outputBits = Math.min(OUTPUT_BITS[ps], cpu.paBits);

  const geometry = stage2Geometry(cpu, choices);
  // QEMU wants PS, not the implemented size, to allow the start level.
  const needed = geometry.startLevel === 0 || (geometry.granule !== 12 && geometry.startLevel === 1) ? 44 : 0;
  const vps = Math.max(outputField(Math.max(geometry.inputBits, needed)), choices.below(sizes));
  const stage2Ds = cpu.large && geometry.granule !== 16 && choices.oneIn(3);
  const form = { cpu, forced: (hcr >> 46n) % 2n === 1n, ds: stage2Ds, small: stage2Ds && vps < 6 };
  const stage2 = new TableBuilder(space, geometry);
  const ipaBits = Math.min(geometry.inputBits, outputBits);
  const ipas = Array.from({ length: 8 }, () => address(choices, ipaBits));
  const output = () => choices.of(ipas) ^ (choices.oneIn(8) ? choices.bits64() & ones(outputBits) : 0n);

  const [g0, g1] = [choices.of(cpu.granules), choices.of(cpu.granules)];
  const smallest = (granule: number) => (cpu.large ? (granule === 16 ? 47 : 48) : 39);
  const largest = (granule: number) => (cpu.large && (granule === 16 || ds) ? 12 : 16);
  const lower = randomHalf(space, choices, g0, bigEndian, smallest(g0), largest(g0));
  const upper = randomHalf(space, choices, g1, bigEndian, smallest(g1), largest(g1));
  const lowerInputs = fillHalf(cpu, lower, choices, output, outputBits, false, clear);
  const upperInputs = fillHalf(cpu, upper, choices, output, outputBits, false, clear);
  // Stage 2 of the tables themselves: one to one, and mostly readable; RAM's pages must not fall under another leaf before.
  for (const table of [...lower.builder.tables, ...upper.builder.tables]) {
    if (choices.oneIn(24)) continue;
    const attributes = stage2Leaf(form, choices, !choices.oneIn(10));
    const leaf = {
      level: 3,
      output: BigInt(table) & -(1n << BigInt(geometry.granule)),
      attributes,
      type: 3n,
    };
    stage2.map(BigInt(table), leaf, () => 0n);
  }
  for (const ipa of ipas) {
    const attributes = stage2Leaf(form, choices, false);
    const leaf = stage2.randomLeaf(
      choices,
      address(choices, cpu.paBits),
      attributes,
      Math.min(OUTPUT_BITS[vps], cpu.paBits),
    );
    stage2.map(ipa, leaf, () => 0n);
  }

  // 31 bits at least, for the driver.
  const el2 = randomHalf(space, choices, choices.of(cpu.granules), false, 33);
  const el2Output = choices.below(sizes);
  const el2Bits = Math.min(OUTPUT_BITS[el2Output], cpu.paBits);
  const driverLeaf = { level: 3, output: BigInt(driver), attributes: 0x7c0n, type: 3n };
  el2.builder.map(BigInt(driver), driverLeaf, () => 0n);
  const el2Inputs = fillHalf(cpu, el2, choices, () => address(choices, el2Bits), el2Bits, true);

  const tcr =
    BigInt(lower.sizeField) |
    (BigInt(upper.sizeField) << 16n) |
    (TG0[g0] << 14n) |
    (TG1[g1] << 30n) |
    (BigInt(ps) << 32n) |
    flag(choices, 7n, 16) |
    flag(choices, 23n, 16) |
    flag(choices, 37n, 4) |
    flag(choices, 38n, 4) |
    (cpu.hpds ? flag(choices, 41n, 4) : 0n) |
    (cpu.hpds ? flag(choices, 42n, 4) : 0n) |
    (cpu.updates ? flag(choices, 39n, 2) | flag(choices, 40n, 2) : 0n) |
    (cpu.large ? flag(choices, 55n, 6) | flag(choices, 56n, 6) : 0n) |
    (BigInt(choices.below(4)) << 12n) |
    (BigInt(choices.below(4)) << 28n) |
    (ds ? 1n << 59n : 0n);
  const el2Granule = el2.builder.geometry.granule;
  const sl0 = BigInt(geometry.granule === 12 ? 2 - geometry.startLevel : 3 - geometry.startLevel);
  return {
    registers: {
      HCR_EL2: hcr,
      // C is set: QEMU's attributes do not depend on it.
      SCTLR_EL1:
        0x30d0_0804n | (choices.oneIn(8) ? 0n : 1n) | flag(choices, 19n, 4) | (bigEndian ? 1n << 25n : 0n),
      TCR_EL1: tcr,
      TTBR0_EL1: BigInt(lower.builder.base) | (BigInt(choices.bits(16)) << 48n),
      TTBR1_EL1: BigInt(upper.builder.base) | (BigInt(choices.bits(16)) << 48n),
      MAIR_EL1: randomMair(choices),
      VTCR_EL2:
        0x8000_0000n |
        (BigInt(vps) << 16n) |
        (TG0[geometry.granule] << 14n) |
        (sl0 << 6n) |
        (stage2Ds ? 1n << 32n : 0n) |
        (cpu.updates ? flag(choices, 21n, 2) | flag(choices, 22n, 2) : 0n) |
        BigInt(64 - geometry.inputBits),
      VTTBR_EL2: BigInt(stage2.base),
      SCTLR_EL2: 0x30c5_0835n | flag(choices, 19n, 4),
      TCR_EL2:
        0x8080_0000n |
        BigInt(el2.sizeField) |
        (TG0[el2Granule] << 14n) |
        (BigInt(el2Output) << 16n) |
        flag(choices, 20n, 2) |
        (cpu.updates ? flag(choices, 21n, 2) | flag(choices, 22n, 2) : 0n) |
        (cpu.hpds ? flag(choices, 24n, 4) : 0n),
      TTBR0_EL2: BigInt(el2.builder.base),
      MAIR_EL2: randomMair(choices),
    },
    addresses: addressesOf(choices, lower, upper, lowerInputs, upperInputs, el2Inputs),
  };
}

/** What the tables were made for, with offsets in the page and top bytes; the borders of the ranges; addresses of neither. */
function addressesOf(
  choices: Choices,
  lower: Half,
  upper: Half,
  lowerInputs: bigint[],
  upperInputs: bigint[],
  el2Inputs: bigint[],
): bigint[] {
  const [bits0, bits1] = [lower, upper].map(({ builder }) => builder.geometry.inputBits);
  const negative = (input: bigint) => BigInt.asUintN(64, input | ~ones(bits1));
  const inputs = [...lowerInputs, ...upperInputs.map(negative), ...el2Inputs];
  const near = inputs.map((input) => (input & -PAGE) | (choices.bits64() & 0xfffn));
  const tagged = near.map((input) =>
    choices.oneIn(4) ? (input & ones(56)) | (BigInt(choices.bits(8)) << 56n) : input,
  );
  const borders = [
    0n,
    ones(bits0),
    ones(bits0) + 1n,
    negative(0n),
    negative(0n) - 1n,
    ones(64),
    1n << 55n,
    choices.bits64(),
  ];
  return [...tagged, ...borders];
}
