/** All system registers, their lookup by encoding and by name, and the slots of CpuState that hold their values. */
import { SYSREG_BASE, SYSREG_SLOTS } from '../state.ts';
import { control } from './control.ts';
import { debug } from './debug.ts';
import { gicRegisters } from './gic.ts';
import { identification } from './identification.ts';
import { performanceMonitors } from './performance_monitors.ts';
import { pointerAuthentication } from './pointer_authentication.ts';
import type { SystemRegister } from './row.ts';
import { special } from './special.ts';
import { timerRegisters } from './timer.ts';

export const SYSTEM_REGISTERS: readonly SystemRegister[] = [
  ...identification,
  ...control,
  ...special,
  ...pointerAuthentication,
  ...debug,
  ...performanceMonitors,
  ...timerRegisters,
  ...gicRegisters,
];

const byEncoding = new Map(SYSTEM_REGISTERS.map((row) => [row.encoding, row]));
const byName = new Map(SYSTEM_REGISTERS.map((row) => [row.name, row]));
if (byEncoding.size !== SYSTEM_REGISTERS.length || byName.size !== SYSTEM_REGISTERS.length)
  throw new Error('two system registers share an encoding or a name');

/** DISR_EL1 is one of two words, by HCR_EL2.AMO. */
const slotNames = [
  ...SYSTEM_REGISTERS.filter(({ storage }) => storage === 'slot').map(({ name }) => name),
  'DISR_EL1',
];
if (slotNames.length > SYSREG_SLOTS) throw new Error(`${slotNames.length} system registers need slots`);
const slots = new Map(slotNames.map((name, i) => [name, (SYSREG_BASE >>> 3) + i]));

export const registerAt = (encoding: number): SystemRegister | undefined => byEncoding.get(encoding);
export const registerNamed = (name: string): SystemRegister | undefined => byName.get(name);

/** Index in CpuState.u64 of a register that has plain storage; a name without a slot is a bug of ours. */
export function slotOf(name: string): number {
  const slot = slots.get(name);
  if (slot === undefined) throw new Error(`system register ${name} has no slot`);
  return slot;
}
