/** Fills in the table of returns (translate/returns.ts). */
import { CELL, type CpuState } from '../cpu/state.ts';
import { slotOf } from '../cpu/sysregs/table.ts';
import {
  RETURN_ABOVE_EL0,
  RETURN_CELLS,
  RETURN_CONTEXT,
  RETURN_STACK_FROM,
  RETURN_STACK_TO,
  RETURN_UPPER,
  RETURNED,
  returnEntry,
  returnTag,
} from '../translate/returns.ts';

const EL = CELL.el >>> 2;
const SPSEL = CELL.spsel >>> 2;
const CONTEXTS = CELL.contexts >>> 2;
const SPSR = [0, 2 * slotOf('SPSR_EL1'), 2 * slotOf('SPSR_EL2')];
/** HCR_EL2[63:32], and its bit E2H. */
const HCR_HIGH = 2 * slotOf('HCR_EL2') + 1;
const HCR_E2H = 1 << 2;
const WORDS = RETURNED.map((cell) => CELL[cell] >>> 2);

/** Where the stack pointer of a level waits while another is current. */
const stackOf = (el: number, spsel: number): number =>
  el === 0 || spsel === 0 ? CELL.spEl0 : el === 1 ? CELL.spEl1 : CELL.spEl2;

export class Returns {
  readonly #state: CpuState;
  /** Memory 0. */
  readonly #words: Int32Array;
  #el = 0;
  #spsel = 0;
  #spsr = 0;

  constructor(state: CpuState, memory: ArrayBufferLike) {
    this.#state = state;
    this.#words = new Int32Array(memory);
  }

  /** ERET is about to be called. */
  begin(): void {
    const { u32 } = this.#state;
    this.#el = u32[EL];
    this.#spsel = u32[SPSEL];
    this.#spsr = u32[SPSR[this.#el]];
  }

  /** It returned, and translated code goes on there: so it will the next time. */
  learn(): void {
    const { u32 } = this.#state;
    if (this.#el === 0) return;
    const words = this.#words;
    const at = returnEntry(this.#el, this.#spsr) >>> 2;
    const el = u32[EL];
    const from = stackOf(this.#el, this.#spsel);
    const to = stackOf(el, u32[SPSEL]);
    words[at] = returnTag(this.#spsr, this.#spsel);
    words[at + RETURN_CONTEXT / 4] = u32[CONTEXTS];
    words[at + RETURN_CONTEXT / 4 + 1] = u32[CONTEXTS + 1];
    words[at + RETURN_UPPER / 4] = el !== 2 || u32[HCR_HIGH] & HCR_E2H ? -1 : 0;
    // The same stack pointer takes a way that ends where it began.
    words[at + RETURN_STACK_FROM / 4] = from === to ? CELL.discard : from;
    words[at + RETURN_STACK_TO / 4] = from === to ? CELL.discard : to;
    words[at + RETURN_ABOVE_EL0 / 4] = el === 0 ? 0 : 1;
    for (let i = 0; i < WORDS.length; i++) words[at + RETURN_CELLS / 4 + i] = u32[WORDS[i]];
  }
}
