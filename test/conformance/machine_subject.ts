/** Our machine as the comparison with QEMU wants it. */
import { CELL } from '../../src/cpu/state.ts';
import { type EngineName, Machine } from '../../src/machine/machine.ts';
import type { Recipe } from '../../src/machine/recipe.ts';
import { RunLoop } from '../../src/machine/run_loop.ts';
import { canonicalAddress } from '../../src/mmu/address.ts';
import type { EventSink, EventTable } from '../../src/trace/schema.ts';
import type { Subject } from './qemu/comparison.ts';
import { QemuChoices } from './qemu_choices.ts';

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

  /** `onEvent` sees every event as a recording would. */
  constructor(recipe: Recipe, engine?: EngineName, onEvent?: (table: EventTable, row: object) => void) {
    const choices = new QemuChoices();
    const observed: EventSink = {
      recording: true,
      append(table, row) {
        onEvent?.(table, row);
        return choices.events.append(table, row);
      },
    };
    this.machine = choices.impose(recipe.cpu, () => {
      return new Machine({
        recipe,
        engine,
        events: () => observed,
        onConsole: (byte) => this.#console.push(byte),
      });
    });
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
    const { time } = this.machine;
    while (!this.#stopped && this.icount + 1 < icount)
      this.#stopped = this.#loop.runPacket(this.#loop.beginPacket(), time.icount + icount - 1 - this.icount);
    // The last one alone, and the fetches that fault behind it: their exceptions come before the next instruction.
    while (!this.#stopped && (this.icount < icount || (this.icount === icount && this.#fetchFaultsNow()))) {
      this.#loop.stepOnce();
      this.#stopped = this.#loop.settle();
    }
    return this.#stopped ?? 'reached';
  }

  /** Whether the next instruction cannot be fetched, or has a breakpoint. */
  #fetchFaultsNow(): boolean {
    const { state, mmu, memory, debug } = this.machine;
    const low = state.u32[PC];
    if (low & 3 || state.small('il') || debug.stepIsPending) return false;
    if (debug.breakpointIsHit) return true;
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
