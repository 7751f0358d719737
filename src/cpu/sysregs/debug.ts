/**
 * Self-hosted debug registers. Arm ARM D17.3. They hold values; breakpoints, watchpoints and software step raise nothing yet,
 * and enabling one is reported as unimplemented (system_registers.ts).
 */
import { register, type SystemRegister } from './row.ts';
import { TDA, TDCC, TDOSA, TDRA } from './traps.ts';

/** ID_AA64DFR0_EL1 of the Cortex-A57: six breakpoints, four watchpoints. */
const breakpoints = Array.from({ length: 6 }, (_, n) => [
  register(`DBGBVR${n}_EL1`, `2 0 0 ${n} 4`, '-- rw rw', { traps: TDA }),
  register(`DBGBCR${n}_EL1`, `2 0 0 ${n} 5`, '-- rw rw', { traps: TDA }),
]).flat();
const watchpoints = Array.from({ length: 4 }, (_, n) => [
  register(`DBGWVR${n}_EL1`, `2 0 0 ${n} 6`, '-- rw rw', { traps: TDA, writable: 0xffff_ffff_ffff_fffcn }),
  register(`DBGWCR${n}_EL1`, `2 0 0 ${n} 7`, '-- rw rw', { traps: TDA }),
]).flat();

// biome-ignore format: one aligned row per register
export const debug: readonly SystemRegister[] = [
  ...breakpoints,
  ...watchpoints,
  register('MDSCR_EL1',   '2 0 0 2 2', '-- rw rw', { traps: TDA }),
  register('MDCCINT_EL1', '2 0 0 2 0', '-- rw rw', { storage: 'constant', traps: TDA }),
  register('MDCCSR_EL0',  '2 3 0 1 0', 'ro ro ro', { storage: 'constant', traps: [TDCC, ...TDA] }),
  register('MDRAR_EL1',   '2 0 1 0 0', '-- ro ro', { storage: 'constant', traps: TDRA }),
  register('OSLAR_EL1',   '2 0 1 0 4', '-- wo wo', { storage: 'computed', traps: TDOSA }),
  // OSLM 0b10, OSLK: the OS lock is there, and set at reset.
  register('OSLSR_EL1',   '2 0 1 1 4', '-- ro ro', { reset: 0xan, traps: TDOSA }),
  register('OSDLR_EL1',   '2 0 1 3 4', '-- rw rw', { writable: 1n, traps: TDOSA }),
  register('DBGVCR32_EL2', '2 4 0 7 0', '-- -- rw', { storage: 'constant' }),
  register('MDCR_EL2',    '3 4 1 1 1', '-- -- rw', { reset: 6n }),
];
