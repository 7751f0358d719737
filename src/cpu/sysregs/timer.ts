/** Generic timer registers. Arm ARM D17.8; devices/generic_timer.ts holds counters, offsets and comparators. */
import { register, type SystemRegister } from './row.ts';
import { EL0CTEN, EL0PCTEN, EL0PTEN, EL0VCTEN, EL0VTEN, EL1PCEN, EL1PCTEN } from './traps.ts';

const timer = { storage: 'timer' } as const;
const hostTimer = { storage: 'timer', feature: 'VHE' } as const;
const physical = { storage: 'timer', traps: [...EL0PTEN, ...EL1PCEN] } as const;
const virtual = { storage: 'timer', traps: EL0VTEN } as const;

// biome-ignore format: one aligned row per register
export const timerRegisters: readonly SystemRegister[] = [
  register('CNTFRQ_EL0',     '3 3 14 0 0', 'ro ro rw', { reset: 62_500_000n, traps: EL0CTEN }),
  register('CNTPCT_EL0',     '3 3 14 0 1', 'ro ro ro', { storage: 'timer', traps: [...EL0PCTEN, ...EL1PCTEN] }),
  register('CNTVCT_EL0',     '3 3 14 0 2', 'ro ro ro', { storage: 'timer', traps: EL0VCTEN }),
  register('CNTP_TVAL_EL0',  '3 3 14 2 0', 'rw rw rw', physical),
  register('CNTP_CTL_EL0',   '3 3 14 2 1', 'rw rw rw', physical),
  register('CNTP_CVAL_EL0',  '3 3 14 2 2', 'rw rw rw', physical),
  register('CNTV_TVAL_EL0',  '3 3 14 3 0', 'rw rw rw', virtual),
  register('CNTV_CTL_EL0',   '3 3 14 3 1', 'rw rw rw', virtual),
  register('CNTV_CVAL_EL0',  '3 3 14 3 2', 'rw rw rw', virtual),
  register('CNTKCTL_EL1',    '3 0 14 1 0', '-- rw rw'),
  register('CNTVOFF_EL2',    '3 4 14 0 3', '-- -- rw', timer),
  register('CNTHCTL_EL2',    '3 4 14 1 0', '-- -- rw', { reset: 3n }),
  register('CNTHP_TVAL_EL2', '3 4 14 2 0', '-- -- rw', timer),
  register('CNTHP_CTL_EL2',  '3 4 14 2 1', '-- -- rw', timer),
  register('CNTHP_CVAL_EL2', '3 4 14 2 2', '-- -- rw', timer),
  register('CNTHV_TVAL_EL2', '3 4 14 3 0', '-- -- rw', hostTimer),
  register('CNTHV_CTL_EL2',  '3 4 14 3 1', '-- -- rw', hostTimer),
  register('CNTHV_CVAL_EL2', '3 4 14 3 2', '-- -- rw', hostTimer),
];
