/** What each CPU has of its own: the block of state that is swapped in when it runs, and its MMU with the architectural TLB. */
import { CELL, type CpuState, STATE_BASE, STATE_SIZE } from '../cpu/state.ts';
import type { Mmu } from '../mmu/mmu.ts';

export class CpuCore {
  readonly index: number;
  readonly mmu: Mmu;
  /** The state while another CPU runs. */
  readonly #parked = new Uint8Array(STATE_SIZE);

  constructor(index: number, mmu: Mmu) {
    this.index = index;
    this.mmu = mmu;
  }

  park(state: CpuState): void {
    this.#parked.set(state.bytes.subarray(STATE_BASE, STATE_BASE + STATE_SIZE));
  }
  unpark(state: CpuState): void {
    state.bytes.set(this.#parked, STATE_BASE);
  }

  /** The state block, wherever it is. */
  block(state: CpuState, current: boolean): Uint8Array {
    return current ? state.bytes.slice(STATE_BASE, STATE_BASE + STATE_SIZE) : this.#parked.slice();
  }
  restoreBlock(block: Uint8Array): void {
    this.#parked.set(block);
  }

  /** A small cell, wherever the state is. */
  small(cell: keyof typeof CELL, state: CpuState, current: boolean): number {
    if (current) return state.small(cell);
    return new DataView(this.#parked.buffer).getUint32(CELL[cell] - STATE_BASE, true);
  }
}
