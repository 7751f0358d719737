/** What a CPU model is: data. */
import { featuresOf } from './features.ts';

/** A field of an identification register that says something else than the real CPU's, and why. */
export interface IdentificationMask {
  readonly register: string;
  readonly lsb: number;
  readonly width: number;
  readonly value: bigint;
  readonly reason: string;
}

export interface CpuModel {
  readonly name: string;
  /** What a device tree calls it. */
  readonly compatible: string;
  /** Identification registers of QEMU 7.2's model without EL3 and without a GICv3 interface; those not named are zero. */
  readonly identification: { readonly [register: string]: bigint };
  readonly masks: readonly IdentificationMask[];
  /** Reset values that other models do not have. */
  readonly resets: { readonly [register: string]: bigint };
  /** The IMPLEMENTATION DEFINED registers are those of the Cortex-A57. */
  readonly cortexA57Registers: boolean;
  /** Cache sizes, CCSIDR_EL1 by CSSELR_EL1. */
  readonly ccsidr: { readonly [csselr: number]: bigint };
}

/** Of all models: a field of four bits. */
export const mask = (register: string, lsb: number, value: bigint, reason: string): IdentificationMask => ({
  register,
  lsb,
  width: 4,
  value,
  reason,
});

const aarch32 = 'AArch32 is not implemented';
/** ID_AA64PFR0_EL1.{EL0, EL1, EL2}: AArch64 only. */
const WITHOUT_AARCH32: readonly IdentificationMask[] = [0, 1, 2].map((el) =>
  mask('ID_AA64PFR0_EL1', 4 * el, 1n, `EL${el}: ${aarch32}`),
);

/** What all models say otherwise than QEMU 7.2's. */
export const COMMON_MASKS: readonly IdentificationMask[] = [
  ...WITHOUT_AARCH32,
  mask('ID_AA64MMFR0_EL1', 8, 0n, 'BigEnd: loads and stores are little-endian'),
  {
    register: 'PMCEID0_EL0',
    lsb: 8,
    width: 1,
    value: 1n,
    reason: 'event 8, INST_RETIRED, counts; in QEMU only with -icount',
  },
];

/** The identification registers as the guest sees them. `gicv3`: with system-register access to a GICv3; `el2`: with EL2. */
export function identificationOf(
  model: CpuModel,
  gicv3: boolean,
  el2 = true,
): { readonly [register: string]: bigint } {
  const values: { [register: string]: bigint } = { ...model.identification };
  for (const { register, lsb, width, value } of model.masks) {
    const field = ((1n << BigInt(width)) - 1n) << BigInt(lsb);
    values[register] = ((values[register] ?? 0n) & ~field) | (value << BigInt(lsb));
  }
  if (!el2) {
    values.ID_AA64PFR0_EL1 &= ~(0xfn << 8n);
    values.ID_PFR1_EL1 &= ~(0xfn << 12n);
  }
  if (gicv3) {
    values.ID_AA64PFR0_EL1 |= 1n << 24n;
    values.ID_PFR1_EL1 |= 1n << 28n;
  }
  return values;
}

const known = new Map<CpuModel, Map<boolean, ReadonlySet<string>>>();

/** Features by the names that rows of instructions and registers carry: one set for all machines of a kind. */
export function modelFeatures(model: CpuModel, gicv3: boolean): ReadonlySet<string> {
  const ofModel = known.get(model) ?? new Map<boolean, ReadonlySet<string>>();
  known.set(model, ofModel);
  let features = ofModel.get(gicv3);
  if (!features) {
    features = featuresOf(identificationOf(model, gicv3));
    if (model.cortexA57Registers) features = new Set([...features, 'CortexA57']);
    ofModel.set(gicv3, features);
  }
  return features;
}
