/**
 * DBGBCR/DBGBVR and DBGWCR/DBGWVR as what they match. Arm ARM D2.9 and D2.10; J1.1.2 (AArch64.StateMatch,
 * AArch64.BreakpointValueMatch, AArch64.WatchpointByteMatch). Where programming is CONSTRAINED UNPREDICTABLE the choice is QEMU's:
 * a reserved type, LSC or MASK is disabled, BAS is ignored beside a MASK, of several runs of BAS bits the lowest counts.
 */

/** DBGBCR.BT, DBGWCR.WT. */
export interface Link {
  /** The context comparator that must match too. */
  readonly breakpoint: number;
}

/** Exception levels that a comparator is for: PMC or PAC, HMC and SSC. */
export type Levels = readonly [boolean, boolean, boolean];

/** What a context comparator compares. All that are given must match. */
export interface Context {
  /** CONTEXTIDR of the current translation regime: of EL2 in a host, else of EL1. */
  readonly contextId?: number;
  readonly contextIdEl1?: number;
  readonly contextIdEl2?: number;
  readonly vmid?: number;
}

export interface Breakpoint {
  readonly levels: Levels;
  /** Bits 48 to 2 of the address; absent where only the context counts. */
  readonly address?: bigint;
  readonly link?: Link;
  readonly context?: Context;
  /** Raises nothing itself: others link to it. */
  readonly linkedTo: boolean;
}

export interface Watchpoint {
  readonly levels: Levels;
  /** Bits 48 to 0 of the first byte. */
  readonly start: bigint;
  /** Bytes. */
  readonly length: bigint;
  readonly onRead: boolean;
  readonly onWrite: boolean;
  readonly link?: Link;
}

/** DebugAddrTop(): addresses are compared up to bit 48 without FEAT_LVA, up to 52 with it. */
export const comparedBits = (largeVa: boolean): bigint => (largeVa ? 2n ** 53n : 2n ** 49n) - 1n;

const field = (value: number, lsb: number, width: number) => (value >>> lsb) & (2 ** width - 1);

/** This machine is Non-secure: SSC 0b10 is for Secure state, 0b11 for it unless HMC is 1. */
function levelsOf(control: number): Levels {
  const lower = field(control, 1, 2);
  const hmc = field(control, 13, 1) === 1;
  const ssc = field(control, 14, 2);
  const here = ssc < 2 || (ssc === 3 && hmc);
  return [here && (lower & 2) !== 0, here && (lower & 1) !== 0, here && hmc];
}

/** undefined where it is disabled. `contextAware`: it may compare a context. `vhe`: so may it CONTEXTIDR_EL2. */
export function breakpointOf(
  control: bigint,
  value: bigint,
  how: {
    readonly contextAware: boolean;
    readonly vhe: boolean;
    readonly el2: boolean;
    readonly bits: bigint;
  },
): Breakpoint | undefined {
  const bcr = Number(control & 0xffff_ffffn);
  if ((bcr & 1) === 0) return undefined;
  const type = field(bcr, 20, 4);
  const linked = (type & 1) === 1;
  const levels = levelsOf(bcr);
  if (type < 2) {
    // An A64 instruction's first byte. D2.9.3.
    if (field(bcr, 5, 1) === 0) return undefined;
    const link = linked ? { breakpoint: field(bcr, 16, 4) } : undefined;
    return { levels, address: value & how.bits & ~3n, linkedTo: false, ...(link ? { link } : {}) };
  }
  const usesContextIdEl2 = type >= 12;
  const needsVhe = usesContextIdEl2 || type === 6 || type === 7;
  if (type === 4 || type === 5 || !how.contextAware || (needsVhe && !how.vhe) || (type >= 8 && !how.el2))
    return undefined;
  const low = Number(value & 0xffff_ffffn);
  const high = Number((value >> 32n) & 0xffff_ffffn);
  const context: Context = {
    ...(type === 2 || type === 3 ? { contextId: low } : {}),
    ...((type & 6) === 6 || type === 10 || type === 11 ? { contextIdEl1: low } : {}),
    ...(type >= 8 && type < 12 ? { vmid: high & 0xffff } : {}),
    ...(usesContextIdEl2 ? { contextIdEl2: high } : {}),
  };
  return { levels, context, linkedTo: linked };
}

export function watchpointOf(control: bigint, value: bigint, bits: bigint): Watchpoint | undefined {
  const wcr = Number(control & 0xffff_ffffn);
  const kind = field(wcr, 3, 2);
  if ((wcr & 1) === 0 || kind === 0) return undefined;
  const extent = extentOf(field(wcr, 24, 5), field(wcr, 5, 8), value & ~3n & bits);
  if (extent === undefined) return undefined;
  const link = field(wcr, 20, 1) ? { breakpoint: field(wcr, 16, 4) } : undefined;
  return {
    ...extent,
    levels: levelsOf(wcr),
    onRead: (kind & 1) !== 0,
    onWrite: (kind & 2) !== 0,
    ...(link ? { link } : {}),
  };
}

function extentOf(mask: number, bas: number, address: bigint): { start: bigint; length: bigint } | undefined {
  if (mask > 0) {
    if (mask < 3) return undefined;
    const length = 2n ** BigInt(mask);
    return { start: address & ~(length - 1n), length };
  }
  // An address that is a multiple of 4 only: BAS[7:4] are ignored.
  const bytes = address & 4n ? bas & 15 : bas;
  if (bytes === 0) return undefined;
  const first = 31 - Math.clz32(bytes & -bytes);
  const run = ~(bytes >>> first);
  return { start: address + BigInt(first), length: BigInt(31 - Math.clz32(run & -run)) };
}
