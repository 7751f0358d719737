/**
 * Order and time. `icount` is the ordinal of the instruction that executes, or of the next one between two instructions.
 * Time in ns advances by one with each instruction attempted, before it executes, except as docs/qemu-time.md says; and by
 * the skip of a WFI.
 *
 * While translated code runs, the instruction count is implied by its budget cell: icount = end of the slice - budget.
 */
import { CELL, type CpuState } from '../cpu/state.ts';
import type { Clock } from './device.ts';

export class Timekeeper implements Clock {
  readonly #state: CpuState;
  readonly #u32: Uint32Array;
  readonly #budget = CELL.budget >>> 2;
  #settled = 0;
  #sliceEnd = 0;
  /** time = icount + #offset, between two instructions. */
  #offset = 0;
  #running = false;
  /** The CPU has PSTATE.BTYPE, which is counted in budgets: see CpuState.branchType. */
  keepsBranchType = false;
  /** What skips added. */
  #skipped = 0;

  constructor(state: CpuState) {
    this.#state = state;
    this.#u32 = state.u32;
  }

  get icount(): number {
    return this.#running ? this.#sliceEnd - this.#u32[this.#budget] : this.#settled;
  }

  /** Time as the instruction that executes sees it, or the time between two instructions. */
  now(): number {
    return this.icount + this.#offset + (this.#running ? 1 : 0);
  }

  /** Instructions counted: time without its skips. */
  get instructions(): number {
    return this.now() - this.#skipped;
  }

  /** Starts a slice of `budget` instructions. */
  begin(budget: number): void {
    this.#sliceEnd = this.#settled + budget;
    this.#u32[this.#budget] = budget;
    if (this.keepsBranchType) this.#state.branchType = this.#state.small('btype');
    this.#running = true;
  }

  /** Ends a slice; `attempted` says that the instruction in the budget was attempted and left without completing. */
  end(attempted: boolean): void {
    this.#settled = this.icount + (attempted ? 1 : 0);
    this.#running = false;
    if (this.keepsBranchType && !attempted) this.#state.setSmall('btype', this.#state.branchType);
  }

  /** Inside an instruction: makes it the last of its slice. */
  stopAfterThis(): void {
    if (!this.#running) return;
    this.#sliceEnd = this.icount + 1;
    const { branchType } = this.#state;
    this.#u32[this.#budget] = 1;
    if (this.keepsBranchType) this.#state.branchType = branchType;
  }

  /** `act` sees the time before the instruction that executes. */
  before(act: () => void): void {
    const running = this.#running;
    this.#settled = this.icount;
    this.#running = false;
    act();
    this.#running = running;
  }

  /** The instruction that executes, or that was attempted last, is one that time does not count. */
  doNotCount(): void {
    this.#offset -= 1;
  }

  /** Between two instructions: time jumps to `ns`, which is not in the past. */
  skipTo(ns: number): void {
    const offset = ns - this.#settled;
    this.#skipped += offset - this.#offset;
    this.#offset = offset;
  }

  /** One instruction was attempted whose fetch faulted: it is counted in icount, and in time only if `counted`. */
  fetchFaulted(counted: boolean): void {
    this.#settled += 1;
    if (!counted) this.#offset -= 1;
  }

  save(): { icount: number; offset: number; skipped: number } {
    return { icount: this.#settled, offset: this.#offset, skipped: this.#skipped };
  }
  restore({ icount, offset, skipped }: ReturnType<Timekeeper['save']>): void {
    this.#settled = icount;
    this.#offset = offset;
    this.#skipped = skipped;
  }
}
