/**
 * Which store-exclusives of a packet stored: one that failed has no address among the accesses. The monitor is followed as the machine has it
 * (B2.9): a load-exclusive marks an address, and an exception return, CLREX and every store-exclusive open it.
 *
 * The load may be in the packet before. Then both outcomes are to be tried, "failed" first: a store that is wrongly taken for failed leaves
 * addresses over, but one that is wrongly taken for done can be made up for by a later one.
 */

/** What the monitor holds before the first load-exclusive of a packet. */
type Marked = bigint | number | 'nothing' | 'unknown';

export class ExclusiveMonitor {
  #marked: Marked = 'unknown';
  readonly #carried: boolean;
  /** An outcome was `carried`. */
  guessed = false;

  /** `carried`: a store-exclusive whose load is in the packet before has stored. */
  constructor(carried: boolean) {
    this.#carried = carried;
  }

  /** An instruction that accesses no memory, or was an exception or a return. */
  passes(opcode: number, excepted: boolean): void {
    if (excepted || ((opcode & 0xfffff0ff) | 0) === CLREX) this.#marked = 'nothing';
  }

  loads(opcode: number, address: bigint | number): void {
    if (isLoadExclusive(opcode)) this.#marked = address;
  }

  /** Whether a store-exclusive stored, with the address of the next access. */
  stores(next: bigint | number | undefined): boolean {
    const marked = this.#marked;
    this.#marked = 'nothing';
    if (marked !== 'unknown') return marked === next;
    this.guessed = true;
    return this.#carried && next !== undefined;
  }
}

const CLREX = 0xd503305f | 0;

/** LDXR, LDXP and their ordered forms; CASP has a pair's bit and a size that LDXP has not. */
export const isLoadExclusive = (opcode: number): boolean =>
  (opcode & 0x3fc0_0000) === 0x0840_0000 && (opcode & 0x8020_0000) !== 0x0020_0000;
