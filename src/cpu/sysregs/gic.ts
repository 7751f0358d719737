/**
 * GICv3 CPU interface and virtual interface control registers. GICv3 architecture 12.2 to 12.4. Five bits of priority, one active
 * priorities register per group, four list registers: the Cortex-A57. They are UNDEFINED with GICv2.
 */
import { register, type SystemRegister } from './row.ts';
import { ICH_TALL0, ICH_TALL1, ICH_TC, ICH_TDIR, SGI_ROUTED, type Trap } from './traps.ts';

const at = (traps: readonly Trap[]) => ({ storage: 'gic', feature: 'GICv3', traps }) as const;
const group0 = at([ICH_TALL0]);
const group1 = at([ICH_TALL1]);
const common = at([ICH_TC]);
const sgi = at([...SGI_ROUTED, ICH_TC]);
const hyp = at([]);
/** System register access cannot be turned off: SRE, DFB, DIB (and Enable) read as one. */
const sre = (reset: bigint) => ({ storage: 'constant', feature: 'GICv3', reset }) as const;

export const LIST_REGISTERS = 4;

// biome-ignore format: one aligned row per register
export const gicRegisters: readonly SystemRegister[] = [
  register('ICC_PMR_EL1',     '3 0 4 6 0',   '-- rw rw', common),
  register('ICC_IAR0_EL1',    '3 0 12 8 0',  '-- ro ro', group0),
  register('ICC_EOIR0_EL1',   '3 0 12 8 1',  '-- wo wo', group0),
  register('ICC_HPPIR0_EL1',  '3 0 12 8 2',  '-- ro ro', group0),
  register('ICC_BPR0_EL1',    '3 0 12 8 3',  '-- rw rw', group0),
  register('ICC_AP0R0_EL1',   '3 0 12 8 4',  '-- rw rw', group0),
  register('ICC_AP1R0_EL1',   '3 0 12 9 0',  '-- rw rw', group1),
  register('ICC_DIR_EL1',     '3 0 12 11 1', '-- wo wo', at([ICH_TC, ICH_TDIR])),
  register('ICC_RPR_EL1',     '3 0 12 11 3', '-- ro ro', common),
  register('ICC_SGI1R_EL1',   '3 0 12 11 5', '-- wo wo', sgi),
  register('ICC_ASGI1R_EL1',  '3 0 12 11 6', '-- wo wo', sgi),
  register('ICC_SGI0R_EL1',   '3 0 12 11 7', '-- wo wo', sgi),
  register('ICC_IAR1_EL1',    '3 0 12 12 0', '-- ro ro', group1),
  register('ICC_EOIR1_EL1',   '3 0 12 12 1', '-- wo wo', group1),
  register('ICC_HPPIR1_EL1',  '3 0 12 12 2', '-- ro ro', group1),
  register('ICC_BPR1_EL1',    '3 0 12 12 3', '-- rw rw', group1),
  register('ICC_CTLR_EL1',    '3 0 12 12 4', '-- rw rw', common),
  register('ICC_SRE_EL1',     '3 0 12 12 5', '-- rw rw', sre(7n)),
  register('ICC_IGRPEN0_EL1', '3 0 12 12 6', '-- rw rw', group0),
  register('ICC_IGRPEN1_EL1', '3 0 12 12 7', '-- rw rw', group1),

  register('ICH_AP0R0_EL2',   '3 4 12 8 0',  '-- -- rw', hyp),
  register('ICH_AP1R0_EL2',   '3 4 12 9 0',  '-- -- rw', hyp),
  register('ICC_SRE_EL2',     '3 4 12 9 5',  '-- -- rw', sre(0xfn)),
  register('ICH_HCR_EL2',     '3 4 12 11 0', '-- -- rw', hyp),
  register('ICH_VTR_EL2',     '3 4 12 11 1', '-- -- ro', hyp),
  register('ICH_MISR_EL2',    '3 4 12 11 2', '-- -- ro', hyp),
  register('ICH_EISR_EL2',    '3 4 12 11 3', '-- -- ro', hyp),
  register('ICH_ELRSR_EL2',   '3 4 12 11 5', '-- -- ro', hyp),
  register('ICH_VMCR_EL2',    '3 4 12 11 7', '-- -- rw', hyp),
  ...Array.from({ length: LIST_REGISTERS }, (_, n) => register(`ICH_LR${n}_EL2`, `3 4 12 12 ${n}`, '-- -- rw', hyp)),
];
