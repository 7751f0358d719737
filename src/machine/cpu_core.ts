/** What each CPU has of its own: the block of state that is swapped in when it runs, and its MMU with the architectural TLB. */
import { CELL, type CpuState, ENGINE_CELLS, STATE_BASE, STATE_SIZE } from '../cpu/state.ts';
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
  /** The cells of the engine belong to no CPU: they stay. */
  unpark(state: CpuState): void {
    const kept = ENGINE_CELLS.map((cell) => state.get(cell));
    state.bytes.set(this.#parked, STATE_BASE);
    ENGINE_CELLS.forEach((cell, i) => {
      state.set(cell, kept[i]);
    });
  }

  /** The state while another CPU runs: park() first if it is this one's. */
  get parked(): Uint8Array {
    return this.#parked;
  }

  /** A small cell, wherever the state is. */
  small(cell: keyof typeof CELL, state: CpuState, current: boolean): number {
    if (current) return state.small(cell);
    return new DataView(this.#parked.buffer).getUint32(CELL[cell] - STATE_BASE, true);
  }
}
