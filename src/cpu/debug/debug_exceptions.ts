/** Whether debug exceptions are enabled, where they go, and the state of software step. Arm ARM D2.3, D2.4, D2.12; J1.1.2. */
import { CELL, type CpuState } from '../state.ts';
import { slotOf } from '../sysregs/table.ts';

const EL = CELL.el >>> 2;
const DAIF = CELL.daif >>> 2;
const SS = CELL.ss >>> 2;
const HCR = 2 * slotOf('HCR_EL2');
const MDCR = 2 * slotOf('MDCR_EL2');
const MDSCR = 2 * slotOf('MDSCR_EL1');
const OSLSR = 2 * slotOf('OSLSR_EL1');
const OSDLR = 2 * slotOf('OSDLR_EL1');

const HCR_TGE = 1 << 27;
const MDCR_TDE = 1 << 8;
const OSLK = 2;
const MASK_D = 8;
export const MDSCR_SS = 1;
const MDSCR_KDE = 1 << 13;
export const MDSCR_MDE = 1 << 15;

/** The exception level that debug exceptions go to: DebugTarget(). */
export function debugTarget({ u32 }: CpuState): 1 | 2 {
  return u32[HCR] & HCR_TGE || u32[MDCR] & MDCR_TDE ? 2 : 1;
}

/** AArch64.GenerateDebugExceptionsFrom(): `masked` is PSTATE.D there. */
function generatedFrom(state: CpuState, el: number, masked: boolean): boolean {
  const { u32 } = state;
  if (u32[OSLSR] & OSLK || u32[OSDLR] & 1) return false;
  const target = debugTarget(state);
  if (el === target) return (u32[MDSCR] & MDSCR_KDE) !== 0 && !masked;
  return target > el;
}

/** AArch64.GenerateDebugExceptions(): from where the CPU executes. BRK asks nobody. */
export function debugExceptionsEnabled(state: CpuState): boolean {
  const { u32 } = state;
  return generatedFrom(state, u32[EL], (u32[DAIF] & MASK_D) !== 0);
}

/** Software step is active: pending where PSTATE.SS is 0. D2.12.3. */
export function stepIsActive(state: CpuState): boolean {
  return (state.u32[MDSCR] & MDSCR_SS) !== 0 && debugExceptionsEnabled(state);
}

/**
 * SSAdvance(): the instruction that executes will be complete when its exception is taken, as SVC, HVC and SMC are. They return
 * to the next one, which has not been stepped.
 */
export function advanceStep(state: CpuState): void {
  if ((state.u32[MDSCR] & MDSCR_SS) !== 0) state.u32[SS] = 0;
}

/**
 * DebugExceptionReturnSS(): PSTATE.SS after an exception return with this SPSR to level `el`. Called before PSTATE changes.
 */
export function stepAfterReturn(state: CpuState, spsr: number, el: number): 0 | 1 {
  if ((state.u32[MDSCR] & MDSCR_SS) === 0 || debugExceptionsEnabled(state)) return 0;
  return generatedFrom(state, el, ((spsr >>> 9) & 1) === 1) ? (((spsr >>> 21) & 1) as 0 | 1) : 0;
}
