/**
 * Whether a region guesses where a page is in the pool. The address of a load through a pointer that was itself loaded is known
 * late, and the TLB entry's `poolDelta` later still: its load is half of the time of a step along a list. So a site of such loads
 * keeps the last delta in a local and adds that one; the entry's is only compared with it, and the host's processor does not wait
 * for a comparison. A wrong guess costs a mispredicted branch, so it is made only where most neighbouring pages have one delta.
 */
import { CELL } from '../../cpu/state.ts';
import { DATA_TLB_ENTRIES, DATA_TLB_ENTRY } from '../layout.ts';

const INVALID = 0xffff_ffff;

/** At least three quarters of the neighbouring pages that the inline TLB in use knows are neighbours in the pool. */
export function guessesPay(state: DataView): boolean {
  const bank = state.getUint32(CELL.tlb, true);
  let neighbours = 0;
  let alike = 0;
  for (let n = 1; n < DATA_TLB_ENTRIES; n++) {
    const entry = bank + n * DATA_TLB_ENTRY;
    const tag = state.getUint32(entry, true);
    if (tag === INVALID || tag !== state.getUint32(entry - DATA_TLB_ENTRY, true) + 4096) continue;
    neighbours += 1;
    if (state.getUint32(entry + 16, true) === state.getUint32(entry - DATA_TLB_ENTRY + 16, true)) alike += 1;
  }
  return 4 * alike >= 3 * neighbours;
}
