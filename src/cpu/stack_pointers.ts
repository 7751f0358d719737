/** Stack pointer banking: the cell `sp` is the current one, the others wait in spEl0 to spEl2. Arm ARM D1.6.2. */
import type { CpuState, StateCell } from './state.ts';

/** The cell in which the stack pointer of (EL, SPSel) waits while it is not current. */
export function stackCell(el: number, spsel: number): StateCell {
  if (el === 0 || spsel === 0) return 'spEl0';
  return el === 1 ? 'spEl1' : 'spEl2';
}

/** Changes PSTATE.EL and PSTATE.SP, and the current stack pointer with them. */
export function switchStack(state: CpuState, el: number, spsel: number): void {
  const from = stackCell(state.small('el'), state.small('spsel'));
  const to = stackCell(el, spsel);
  if (from !== to) {
    state.set(from, state.get('sp'));
    state.set('sp', state.get(to));
  }
  state.setSmall('el', el);
  state.setSmall('spsel', spsel);
}

/** SP_EL0, SP_EL1 or SP_EL2 wherever it is. */
export function readStackPointer(state: CpuState, cell: StateCell): bigint {
  return state.get(stackCell(state.small('el'), state.small('spsel')) === cell ? 'sp' : cell);
}

export function writeStackPointer(state: CpuState, cell: StateCell, value: bigint): void {
  state.set(stackCell(state.small('el'), state.small('spsel')) === cell ? 'sp' : cell, value);
}
