/** Our machine as the comparison with QEMU wants it. */
import { CELL, VECTOR_BASE } from '../../src/cpu/state.ts';
import { slotOf } from '../../src/cpu/sysregs/table.ts';
import { InterpreterEngine } from '../../src/machine/engines.ts';
import { type EngineName, Machine } from '../../src/machine/machine.ts';
import type { Recipe } from '../../src/machine/recipe.ts';
import { RunLoop } from '../../src/machine/run_loop.ts';
import { canonicalAddress } from '../../src/mmu/address.ts';
import type { EventSink, EventTable } from '../../src/trace/schema.ts';
import { isOnVectors, type StateDigest } from '../../src/translate/interpreter/state_digest.ts';
import type { Subject } from './qemu/comparison.ts';
import { FPCR_WORD, FPSR_WORD, PSTATE_WORD, VECTOR_WORD } from './qemu/state.ts';
import { QemuChoices } from './qemu_choices.ts';

const X0 = CELL.x0 >>> 2;
const PC = CELL.pc >>> 2;
const FPCR = 2 * slotOf('FPCR');
const FPSR = 2 * slotOf('FPSR');
const VECTORS = VECTOR_BASE >>> 2;

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

  /** `onEvent` sees every event as a recording would. Engine 'interpreter' keeps a digest. */
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
        digest: engine === 'interpreter',
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
    const digest = this.machine.engine instanceof InterpreterEngine ? this.machine.engine.digest : undefined;
    if (digest) this.#keepDigest(digest);
    this.#loop = new RunLoop(this.machine);
    this.#stopped = this.#loop.settle();
  }

  digest?: (icount: number) => Uint32Array;

  #keepDigest(digest: StateDigest): void {
    const { state, exceptions, debug, engine } = this.machine;
    const foldHere = () => {
      if (isOnVectors(engine.currentWord())) digest.foldVectors();
      digest.foldState(state.u64[PC >>> 1]);
    };
    this.digest = (icount) => {
      for (let at = this.icount; at < icount; at++) foldHere();
      digest.foldVectors();
      return new Uint32Array(digest.lanes.buffer);
    };
    // Exceptions instead of an instruction (run_loop.ts): the interpreter does not see it, and it is in the reference.
    const instead = <Name extends string>(of: { [N in Name]: () => void }, name: Name) => {
      const original = of[name].bind(of);
      of[name] = () => {
        foldHere();
        original();
      };
    };
    for (const name of ['pcAlignmentFault', 'illegalState', 'branchTarget'] as const)
      instead(exceptions, name);
    instead(debug, 'takePendingStep');
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
    words[PSTATE_WORD] =
      state.nzcv | (state.small('il') << 20) | (state.small('daif') << 6) | (el << 2) | state.small('spsel');
    words[FPCR_WORD] = state.u32[FPCR];
    words[FPSR_WORD] = state.u32[FPSR];
    words.set(state.u32.subarray(VECTORS, VECTORS + 128), VECTOR_WORD);
  }

  console(): Uint8Array {
    return Uint8Array.from(this.#console);
  }
}
