/**
 * A slice goes on behind an exception or a return where the run loop would find nothing to do between the two instructions: no
 * interrupt to take, no debug exception, no end of a packet. So most exceptions do not leave translated code for longer than a call.
 */
import type { SelfHostedDebug } from '../cpu/debug/self_hosted_debug.ts';
import type { Exceptions } from '../cpu/exceptions.ts';
import { CELL, type CpuState } from '../cpu/state.ts';
import type { Shortcuts } from './shortcuts.ts';
import type { TranslationBanks } from './translation_banks.ts';

export interface ContinuationContext {
  readonly state: CpuState;
  readonly exceptions: Exceptions;
  readonly debug: SelfHostedDebug;
  readonly banks: TranslationBanks;
  readonly shortcuts: Shortcuts;
  /** The next instruction belongs to the packet under way. */
  readonly staysInPacket: () => boolean;
}

const PC = CELL.pc >>> 2;
const BUDGET = CELL.budget >>> 2;
const ILLEGAL = CELL.il >>> 2;
const BTYPE = CELL.btype >>> 2;

export class Continuation {
  readonly #context: ContinuationContext;

  constructor(context: ContinuationContext) {
    this.#context = context;
  }

  /** The state is that behind the exception, the instruction that raised it still in the budget. Gets ready where it is true. */
  goesOn(): boolean {
    const { state, exceptions, debug, banks, shortcuts, staysInPacket } = this.#context;
    const { u32 } = state;
    // Whatever else the run loop must see has made the instruction the last of its slice.
    if (u32[BUDGET] === 1 || u32[PC] & 3 || u32[ILLEGAL] || u32[BTYPE] || debug.armed) return false;
    if (!staysInPacket() || exceptions.pendingInterrupt() !== undefined) return false;
    banks.choose();
    shortcuts.settle();
    // Until a jump finds a guarded page.
    state.inGuardedPage = false;
    return true;
  }
}
