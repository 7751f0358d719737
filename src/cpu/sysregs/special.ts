/** Special-purpose registers: PSTATE, banked stack pointers, ELR and SPSR. Arm ARM C5.2. */
import { register, type SystemRegister } from './row.ts';
import { FLOATING_POINT, UMA } from './traps.ts';

// biome-ignore format: one aligned row per register
export const special: readonly SystemRegister[] = [
  register('CurrentEL', '3 0 4 2 2', '-- ro ro', { storage: 'computed' }),
  register('SPSel',     '3 0 4 2 0', '-- rw rw', { storage: 'computed', effects: ['stack'] }),
  register('DAIF',      '3 3 4 2 1', 'rw rw rw', { storage: 'computed', effects: ['interrupts'], traps: UMA }),
  register('NZCV',      '3 3 4 2 0', 'rw rw rw', { storage: 'computed' }),
  register('FPCR',      '3 3 4 4 0', 'rw rw rw', { feature: 'FP', traps: FLOATING_POINT, writable: 0x07f7_0000n, featureBits: { FP16: 0x0008_0000n } }),
  register('FPSR',      '3 3 4 4 1', 'rw rw rw', { feature: 'FP', traps: FLOATING_POINT, writable: 0xf800_009fn }),
  register('PAN',       '3 0 4 2 3', '-- rw rw', { storage: 'computed', feature: 'PAN', effects: ['context'] }),
  register('UAO',       '3 0 4 2 4', '-- rw rw', { storage: 'computed', feature: 'UAO', effects: ['context'] }),
  register('DIT',       '3 3 4 2 5', 'rw rw rw', { storage: 'computed', feature: 'DIT' }),
  register('SSBS',      '3 3 4 2 6', 'rw rw rw', { storage: 'computed', feature: 'SSBS' }),
  register('SPSR_EL1',  '3 0 4 0 0', '-- rw rw'),
  register('ELR_EL1',   '3 0 4 0 1', '-- rw rw'),
  register('SP_EL0',    '3 0 4 1 0', '-- rw rw', { storage: 'computed' }),
  register('SPSR_EL2',  '3 4 4 0 0', '-- -- rw'),
  register('ELR_EL2',   '3 4 4 0 1', '-- -- rw'),
  register('SP_EL1',    '3 4 4 1 0', '-- -- rw', { storage: 'computed' }),
  register('SPSR_irq',  '3 4 4 3 0', '-- -- rw'),
  register('SPSR_abt',  '3 4 4 3 1', '-- -- rw'),
  register('SPSR_und',  '3 4 4 3 2', '-- -- rw'),
  register('SPSR_fiq',  '3 4 4 3 3', '-- -- rw'),
];
