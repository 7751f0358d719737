/** What an indirect branch into a guarded page may land on (FEAT_BTI). Arm ARM D8.4.6, J1.1.3 (BTypeCompatible_*). */
import { CELL, type CpuState } from './state.ts';
import { slotOf } from './sysregs/table.ts';

const EL = CELL.el >>> 2;
const HCR = slotOf('HCR_EL2');
const SCTLR_EL1 = slotOf('SCTLR_EL1');
const SCTLR_EL2 = slotOf('SCTLR_EL2');
/** In HCR_EL2[31:0] and [63:32]. */
const TGE = 1 << 27;
const E2H = 1 << 2;
/** SCTLR_ELx.BT0 and BT1 (BT of EL2), bits 35 and 36: PACIASP and PACIBSP are no landing pad for a jump. */
const BT0 = 1 << 3;
const BT1 = 1 << 4;

const PACIASP = 0xd503_233f;
const PACIBSP = 0xd503_237f;
/** With the targets in bits 7:6. */
const BTI = 0xd503_241f;
const BRK = 0xd420_0000;
const HLT = 0xd440_0000;

/** BTYPE 1 is a call or a jump by X16 or X17, 2 a call, 3 a jump. PACIASP and PACIBSP exist: so does FEAT_PAuth where FEAT_BTI does. */
export function isLandingPad(word: number, state: CpuState): boolean {
  const { branchType } = state;
  if (branchType === 0) return true;
  if (word >>> 0 === PACIASP || word >>> 0 === PACIBSP) return branchType !== 3 || !strict(state);
  if ((word & ~0xc0) >>> 0 === BTI) return landsOn((word >>> 6) & 3, branchType);
  const trap = (word & 0xffe0_001f) >>> 0;
  return trap === BRK || trap === HLT;
}

/** BTI, BTI c, BTI j, BTI jc. */
function landsOn(targets: number, branchType: number): boolean {
  if (targets === 0) return false;
  return targets === 3 || branchType !== (targets === 1 ? 3 : 2);
}

function strict({ u32 }: CpuState): boolean {
  const el = u32[EL];
  const host = (u32[2 * HCR] & TGE) !== 0 && (u32[2 * HCR + 1] & E2H) !== 0;
  const sctlr = el === 2 || (el === 0 && host) ? SCTLR_EL2 : SCTLR_EL1;
  return (u32[2 * sctlr + 1] & (el === 0 ? BT0 : BT1)) !== 0;
}
