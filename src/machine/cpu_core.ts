/** What each CPU has of its own: the block of state that is swapped in when it runs, and its MMU with the architectural TLB. */
import { endsWait } from '../cpu/exceptions.ts';
import { CELL, type CpuState, ENGINE_CELLS, STATE_BASE, STATE_SIZE } from '../cpu/state.ts';
import { slotOf } from '../cpu/sysregs/table.ts';
import type { Mmu } from '../mmu/mmu.ts';
import type { CpuInterruptInputs } from './device.ts';

/** In 32-bit words of the parked state. */
const HCR = 2 * slotOf('HCR_EL2') - (STATE_BASE >>> 2);
const EL = (CELL.el - STATE_BASE) >>> 2;

/** The cells of the engine, in 32-bit words of memory 0. */
const ENGINE_WORDS = ENGINE_CELLS.flatMap((cell) => [CELL[cell] >>> 2, (CELL[cell] >>> 2) + 1]);

export class CpuCore {
  readonly index: number;
  readonly mmu: Mmu;
  /** The state while another CPU runs. */
  readonly #parked = new Uint8Array(STATE_SIZE);
  readonly #parkedWords = new Uint32Array(this.#parked.buffer);
  readonly #engine = new Uint32Array(ENGINE_WORDS.length);

  constructor(index: number, mmu: Mmu) {
    this.index = index;
    this.mmu = mmu;
  }

  park(state: CpuState): void {
    this.#parked.set(state.bytes.subarray(STATE_BASE, STATE_BASE + STATE_SIZE));
  }
  /** The cells of the engine belong to no CPU: they stay. */
  unpark(state: CpuState): void {
    const { u32 } = state;
    for (let i = 0; i < ENGINE_WORDS.length; i++) this.#engine[i] = u32[ENGINE_WORDS[i]];
    state.bytes.set(this.#parked, STATE_BASE);
    for (let i = 0; i < ENGINE_WORDS.length; i++) u32[ENGINE_WORDS[i]] = this.#engine[i];
  }

  /** The state while another CPU runs: park() first if it is this one's. */
  get parked(): Uint8Array {
    return this.#parked;
  }

  /** While another CPU runs: whether interrupts with these inputs end this one's WFI. */
  endsWait(inputs: CpuInterruptInputs): boolean {
    return endsWait(inputs, this.#parkedWords[HCR], this.#parkedWords[EL]);
  }

  /** A small cell, wherever the state is. */
  small(cell: keyof typeof CELL, state: CpuState, current: boolean): number {
    if (current) return state.small(cell);
    return this.#parkedWords[(CELL[cell] - STATE_BASE) >>> 2];
  }
}
