/**
 * How MRS and MSR reach the GIC. With GICv3 the rows of cpu/sysregs/gic.ts (ICC_*_EL1, ICH_*_EL2) check access and traps, then
 * delegate to this; with GICv2 there is no such interface and the encodings are UNDEFINED.
 */

/** What the GIC needs to know about the CPU that accesses it. */
export interface CpuView {
  /** Current exception level. */
  readonly el: number;
  /** HCR_EL2: at EL1 with IMO (group 1) or FMO (group 0) set, ICC_* names mean the virtual interface, ICV_*. */
  readonly hcr: bigint;
}

/**
 * Registers by their Arm ARM names, always ICC_*_EL1 or ICH_*_EL2; the GIC chooses ICV_* itself. Only `cpu` itself accesses its
 * registers, and every trap has been checked, so nothing here can fail. ICC_SRE_EL1 and ICC_SRE_EL2 are constants that never
 * get here.
 */
export interface GicCpuInterface {
  readRegister(cpu: number, name: string, view: CpuView): bigint;
  writeRegister(cpu: number, name: string, value: bigint, view: CpuView): void;
}
