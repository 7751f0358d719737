/** Our machine as the comparison with QEMU wants it. */
import { CELL } from '../../src/cpu/state.ts';
import { type EngineName, Machine } from '../../src/machine/machine.ts';
import type { Recipe } from '../../src/machine/recipe.ts';
import { RunLoop } from '../../src/machine/run_loop.ts';
import { canonicalAddress } from '../../src/mmu/address.ts';
import type { Subject } from './qemu/comparison.ts';

const X0 = CELL.x0 >>> 2;
const PC = CELL.pc >>> 2;

/**
 * A machine that counts as the reference does: a fetch that faults is no instruction there (docs/qemu-time.md), so the exception
 * is taken together with what is before it.
 */
export class MachineSubject implements Subject {
  readonly machine: Machine;
  readonly #loop: RunLoop;
  readonly #console: number[] = [];
  #fetchFaults = 0;
  #stopped: string | undefined;

  constructor(recipe: Recipe, engine?: EngineName) {
    this.machine = new Machine({ recipe, engine, onConsole: (byte) => this.#console.push(byte) });
    const { time } = this.machine;
    const fetchFaulted = time.fetchFaulted.bind(time);
    time.fetchFaulted = (counted) => {
      this.#fetchFaults++;
      fetchFaulted(counted);
    };
    this.#loop = new RunLoop(this.machine);
    this.#stopped = this.#loop.settle();
  }

  get icount(): number {
    return this.machine.time.icount - this.#fetchFaults;
  }

  runTo(icount: number): string {
    while (!this.#stopped && (this.icount < icount || (this.icount === icount && this.#fetchFaultsNow()))) {
      const ahead = Math.max(1, icount - this.icount);
      this.#stopped = this.#loop.runPacket(this.#loop.beginPacket(), this.machine.time.icount + ahead);
    }
    return this.#stopped ?? 'reached';
  }

  /** Whether the next instruction cannot be fetched. */
  #fetchFaultsNow(): boolean {
    const { machine } = this;
    const { state, mmu, memory } = machine;
    const low = state.u32[PC];
    if (low & 3 || state.small('il')) return false;
    const el = state.small('el') as 0 | 1 | 2;
    const va = canonicalAddress(low, state.u32[PC + 1], mmu.regime(el).topByteIgnored);
    const answer = mmu.translate({ va, kind: 'fetch', el });
    return !answer.ok || !memory.isRam(answer.page.paPage);
  }

  readState(words: Uint32Array): void {
    const { state } = this.machine;
    words[0] = state.u32[PC];
    words[1] = state.u32[PC + 1];
    // X0 to X30 and the current stack pointer are neighbours.
    words.set(state.u32.subarray(X0, X0 + 64), 2);
    const el = state.small('el');
    words[67] =
      state.nzcv | (state.small('il') << 20) | (state.small('daif') << 6) | (el << 2) | state.small('spsel');
  }

  console(): Uint8Array {
    return Uint8Array.from(this.#console);
  }
}
