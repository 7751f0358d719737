/**
 * Self-hosted debug registers. Arm ARM D17.3. What they do: src/cpu/debug.
 */
import { register, type SystemRegister } from './row.ts';
import { TDA, TDCC, TDOSA, TDRA } from './traps.ts';

const effects = ['debug'] as const;
/** Bits 1 and 0 are RES0; not so of DBGBVR, which may hold a context. */
const ADDRESS = 0xffff_ffff_ffff_fffcn;
/** ID_AA64DFR0_EL1 of every model: six breakpoints, four watchpoints. */
const breakpoints = Array.from({ length: 6 }, (_, n) => [
  register(`DBGBVR${n}_EL1`, `2 0 0 ${n} 4`, '-- rw rw', { traps: TDA, effects }),
  register(`DBGBCR${n}_EL1`, `2 0 0 ${n} 5`, '-- rw rw', { traps: TDA, effects }),
]).flat();
const watchpoints = Array.from({ length: 4 }, (_, n) => [
  register(`DBGWVR${n}_EL1`, `2 0 0 ${n} 6`, '-- rw rw', { traps: TDA, effects, writable: ADDRESS }),
  register(`DBGWCR${n}_EL1`, `2 0 0 ${n} 7`, '-- rw rw', { traps: TDA, effects }),
]).flat();

// biome-ignore format: one aligned row per register
export const debug: readonly SystemRegister[] = [
  ...breakpoints,
  ...watchpoints,
  register('MDSCR_EL1',   '2 0 0 2 2', '-- rw rw', { traps: TDA, effects }),
  register('MDCCINT_EL1', '2 0 0 2 0', '-- rw rw', { storage: 'constant', traps: TDA }),
  register('MDCCSR_EL0',  '2 3 0 1 0', 'ro ro ro', { storage: 'constant', traps: [TDCC, ...TDA] }),
  register('MDRAR_EL1',   '2 0 1 0 0', '-- ro ro', { storage: 'constant', traps: TDRA }),
  register('OSLAR_EL1',   '2 0 1 0 4', '-- wo wo', { storage: 'computed', traps: TDOSA, effects }),
  // OSLM 0b10, OSLK: the OS lock is there, and set at reset.
  register('OSLSR_EL1',   '2 0 1 1 4', '-- ro ro', { reset: 0xan, traps: TDOSA }),
  register('OSDLR_EL1',   '2 0 1 3 4', '-- rw rw', { writable: 1n, traps: TDOSA, effects }),
  register('DBGVCR32_EL2', '2 4 0 7 0', '-- -- rw', { storage: 'constant' }),
  register('MDCR_EL2',    '3 4 1 1 1', '-- -- rw', { reset: 6n, effects: ['performance monitors'] }),
];
