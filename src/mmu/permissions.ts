/** Permissions of a page as a bit set, one for both stages and both privileges. Arm ARM D8.4. */
import type { Stage1 } from './regime.ts';
import type { TableWalk } from './table_walk.ts';
import type { TranslationRequest } from './translation.ts';

export const PRIVILEGED_READ = 1 << 0;
export const PRIVILEGED_WRITE = 1 << 1;
export const PRIVILEGED_EXECUTE = 1 << 2;
export const USER_READ = 1 << 3;
export const USER_WRITE = 1 << 4;
export const USER_EXECUTE = 1 << 5;
/** Stage 1 lets EL0 read: what PAN forbids to EL1, whatever stage 2 says. */
export const PAN_FORBIDS = 1 << 6;
/** Device memory by stage 1, and by both stages together. */
export const STAGE1_DEVICE = 1 << 7;
export const DEVICE = 1 << 8;
/** The GP bit of a stage 1 descriptor (FEAT_BTI). */
export const GUARDED = 1 << 9;

export const ALL_PERMISSIONS = 0b11_1111;
/** Both stages must grant these; the other bits are of stage 1 alone or come from either. */
const GRANTED_BY_BOTH = ALL_PERMISSIONS;

export const combineStages = (stage1: number, stage2: number): number =>
  (stage1 & stage2 & GRANTED_BY_BOTH) | ((stage1 | stage2) & ~GRANTED_BY_BOTH);

/** AP[2:1], UXN, PXN, the hierarchical bits and WXN of a stage 1 page. D8.4.1. */
export function stage1Permissions(walk: TableWalk, stage1: Stage1, ignoreTables: boolean): number {
  // tableBits: PXNTable, UXNTable, APTable[0], APTable[1] from bit 0.
  const tables = ignoreTables ? 0 : walk.tableBits;
  const readOnly = (walk.low & 0x80) !== 0 || (tables & 8) !== 0;
  const executeNever = (walk.high & 0x40_0000) !== 0 || (tables & 2) !== 0;
  if (!stage1.twoPrivileges) {
    const executes = !executeNever && (readOnly || !stage1.wxn);
    return PRIVILEGED_READ | (readOnly ? 0 : PRIVILEGED_WRITE) | (executes ? PRIVILEGED_EXECUTE : 0);
  }
  const user = (walk.low & 0x40) !== 0 && (tables & 4) === 0;
  const userWrite = user && !readOnly;
  const privilegedNever = (walk.high & 0x20_0000) !== 0 || (tables & 1) !== 0;
  // What EL0 may write, EL1 never executes.
  const privilegedExecute = !privilegedNever && !userWrite && (readOnly || !stage1.wxn);
  const userExecute = !executeNever && !(userWrite && stage1.wxn);
  return (
    PRIVILEGED_READ |
    (readOnly ? 0 : PRIVILEGED_WRITE) |
    (privilegedExecute ? PRIVILEGED_EXECUTE : 0) |
    (user ? USER_READ | PAN_FORBIDS : 0) |
    (userWrite ? USER_WRITE : 0) |
    (userExecute ? USER_EXECUTE : 0)
  );
}

/** S2AP and XN of a stage 2 page. D8.4.2; XN has two bits with FEAT_XNX. */
export function stage2Permissions(walk: TableWalk, xnx: boolean): number {
  const xn = (walk.high >>> 21) & 3;
  const privilegedExecute = xnx ? xn === 0 || xn === 3 : xn < 2;
  const userExecute = xn < 2;
  return (
    (walk.low & 0x40 ? PRIVILEGED_READ | USER_READ : 0) |
    (walk.low & 0x80 ? PRIVILEGED_WRITE | USER_WRITE : 0) |
    (privilegedExecute ? PRIVILEGED_EXECUTE : 0) |
    (userExecute ? USER_EXECUTE : 0)
  );
}

/** Whether a page with these permissions allows an access. PAN is about data, and about stage 1. */
export function permits(flags: number, { kind, el, pan, cacheMaintenance }: TranslationRequest): boolean {
  if (cacheMaintenance) return true;
  const shift = el === 0 ? 3 : 0;
  if (kind === 'fetch') return (flags & (PRIVILEGED_EXECUTE << shift)) !== 0;
  if (pan && el !== 0 && (flags & PAN_FORBIDS) !== 0) return false;
  return (flags & ((kind === 'write' ? PRIVILEGED_WRITE : PRIVILEGED_READ) << shift)) !== 0;
}
