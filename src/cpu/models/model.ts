/** What a CPU model is: data. */

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
  /** Features beyond the base of Armv8.0-A, by the names that rows of instructions and registers carry. */
  readonly features: ReadonlySet<string>;
  /** Identification registers of the real CPU without EL3 and without a GICv3 interface; those not named are zero. */
  readonly identification: { readonly [register: string]: bigint };
  readonly masks: readonly IdentificationMask[];
  /** Cache sizes, CCSIDR_EL1 by CSSELR_EL1. */
  readonly ccsidr: { readonly [csselr: number]: bigint };
}

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
