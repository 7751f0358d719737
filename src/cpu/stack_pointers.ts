/** Stack pointer banking: the cell `sp` is the current one, the others wait in spEl0 to spEl2. Arm ARM D1.6.2. */
import { CELL, type CpuState, type StateCell } from './state.ts';

const EL = CELL.el >>> 2;
const SPSEL = CELL.spsel >>> 2;
/** In 64-bit words: spEl0, spEl1 and spEl2 follow each other. */
const SP = CELL.sp >>> 3;
const WAITING_AT = CELL.spEl0 >>> 3;

/** The cell in which the stack pointer of (EL, SPSel) waits while it is not current. */
export function stackCell(el: number, spsel: number): StateCell {
  if (el === 0 || spsel === 0) return 'spEl0';
  return el === 1 ? 'spEl1' : 'spEl2';
}

/** Changes PSTATE.EL and PSTATE.SP, and the current stack pointer with them. */
export function switchStack(state: CpuState, el: number, spsel: number): void {
  const { u32, u64 } = state;
  const from = u32[EL] === 0 || u32[SPSEL] === 0 ? 0 : u32[EL];
  const to = el === 0 || spsel === 0 ? 0 : el;
  if (from !== to) {
    u64[WAITING_AT + from] = u64[SP];
    u64[SP] = u64[WAITING_AT + to];
  }
  u32[EL] = el;
  u32[SPSEL] = spsel;
}

/** SP_EL0, SP_EL1 or SP_EL2 wherever it is. */
export function readStackPointer(state: CpuState, cell: StateCell): bigint {
  return state.get(stackCell(state.small('el'), state.small('spsel')) === cell ? 'sp' : cell);
}

export function writeStackPointer(state: CpuState, cell: StateCell, value: bigint): void {
  state.set(stackCell(state.small('el'), state.small('spsel')) === cell ? 'sp' : cell, value);
}
