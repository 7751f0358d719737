/**
 * The loop that runs a machine, packet by packet. Between two instructions it settles what happens there: due timers, the end of
 * a WFI, a pending interrupt. Then a slice of instructions runs, at most to the next deadline, the end of the packet or the limit.
 * Whatever can make an interrupt pending or change the translation ends its slice, so that the loop looks again.
 */
import { CELL } from '../cpu/state.ts';
import type { Regime } from '../mmu/regime.ts';
import { PACKET_INSTRUCTIONS } from '../translate/layout.ts';
import type { Machine } from './machine.ts';
import { PoolExhausted } from './memory.ts';
import type { StopReason } from './recipe.ts';

/** The state that a packet starts from. */
export interface PacketStart {
  readonly icount: number;
  readonly timeNs: number;
  readonly cpu: number;
  /** One element: a BigInt would be made for each packet. */
  readonly pc: BigUint64Array;
  readonly el: number;
  readonly regime: Regime['name'];
  readonly vmid: number;
  readonly asid: number;
}

/** Instructions that one of several CPUs executes before the next has its turn. */
const QUANTUM = 8192;

const PC_WORD = CELL.pc >>> 2;
const EL = CELL.el >>> 2;
const ILLEGAL = CELL.il >>> 2;
const BTYPE = CELL.btype >>> 2;
const STEP = CELL.ss >>> 2;
/** B . */
const BRANCH_TO_SELF = 0x1400_0000;

export class RunLoop {
  readonly #machine: Machine;
  #deadline = Number.POSITIVE_INFINITY;
  readonly #start = {
    ...{ icount: 0, timeNs: 0, cpu: 0, pc: new BigUint64Array(1), el: 0 },
    ...{ regime: 'EL2' as Regime['name'], vmid: 0, asid: 0 },
  };
  /** Ordinal and address of the last fetch that faulted: an exception vector that cannot be fetched faults for ever. */
  #lastFetchFault = { icount: -2, pcLow: 0, pcHigh: 0 };

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** Brings the machine to where an instruction can execute. The reason if it has ended instead. */
  settle(): StopReason | undefined {
    const machine = this.#machine;
    const { time } = machine;
    for (;;) {
      if (machine.stopped) return machine.stopped;
      if (machine.deadlineChanged) {
        machine.deadlineChanged = false;
        this.#deadline = machine.board.nextDeadline();
      }
      if (time.now() >= this.#deadline) {
        machine.board.advance();
        machine.deadlineChanged = true;
        continue;
      }
      if (!machine.processors.choose()) {
        // Retired instructions are no deadline while none retires.
        this.#deadline = machine.board.nextDeadline(true);
        // An input may end it.
        if (this.#deadline === Number.POSITIVE_INFINITY) {
          machine.deadlineChanged = true;
          return 'idle';
        }
        time.skipTo(this.#deadline);
        continue;
      }
      const interrupt = machine.exceptions.pendingInterrupt();
      if (interrupt === undefined) return undefined;
      machine.exceptions.takeInterrupt(interrupt);
    }
  }

  /** The start of the next packet: the machine is settled. Empties the raw buffers. The same object each time. */
  beginPacket(): PacketStart {
    const machine = this.#machine;
    const { time } = machine;
    const { name, vmid, asid } = machine.beginPacket();
    const start = this.#start;
    start.icount = time.icount;
    start.timeNs = time.now();
    start.cpu = machine.processors.current;
    start.pc[0] = machine.state.u64[PC_WORD >>> 1];
    start.el = machine.state.u32[EL];
    start.regime = name;
    start.vmid = vmid;
    start.asid = asid;
    return start;
  }

  /**
   * Runs to the end of the packet: PACKET_INSTRUCTIONS instructions, `limit` (an icount), a change of regime, VMID, ASID or CPU,
   * `machine.endPacket()`, or the machine's end. Leaves the machine settled. Returns the reason when it has ended. Where `isAhead` says
   * so between two instructions, returns 'ahead': the packet goes on when it is run again, or ends there.
   */
  runPacket(start: PacketStart, limit: number): StopReason | undefined;
  runPacket(start: PacketStart, limit: number, isAhead?: () => boolean): StopReason | 'ahead' | undefined;
  runPacket(start: PacketStart, limit: number, isAhead?: () => boolean): StopReason | 'ahead' | undefined {
    const machine = this.#machine;
    const { time } = machine;
    const end = Math.min(start.icount + PACKET_INSTRUCTIONS, limit);
    try {
      while (time.icount < end) {
        this.#slice(end - time.icount);
        const stop = this.settle();
        if (stop) return stop;
        if (machine.processors.current !== start.cpu || machine.packetEnds) return undefined;
        if (!machine.staysInPacket()) return undefined;
        if (isAhead?.() && time.icount < end) return 'ahead';
      }
      return this.#spinsForEver() ? 'idle' : undefined;
    } catch (error) {
      if (!(error instanceof PoolExhausted)) throw error;
      time.end(false);
      machine.stopped = 'memory';
      return machine.stopped;
    }
  }

  /** Attempts one instruction; the machine is settled. */
  stepOnce(): 'completed' | 'redirected' | 'fetch fault' {
    return this.#slice(1);
  }

  /** Executes at most `most` instructions, and at least attempts one. */
  #slice(most: number): 'completed' | 'redirected' | 'fetch fault' {
    const machine = this.#machine;
    const { time } = machine;
    const { state, exceptions, engine, debug } = machine;
    // In the order of priority: D1.3.5.4.
    if (debug.armed && debug.stepIsPending) {
      this.#attemptInstead(() => debug.takePendingStep());
      return 'redirected';
    }
    if (state.u32[PC_WORD] & 3) {
      this.#attemptInstead(() => exceptions.pcAlignmentFault());
      return 'redirected';
    }
    const { icount } = time;
    // The turns of several CPUs end at multiples of the quantum, wherever packets end.
    const turn =
      machine.processors.cores.length > 1 ? QUANTUM - (icount % QUANTUM) : Number.POSITIVE_INFINITY;
    // Words: a BigInt would be made for each slice.
    const pcLow = state.u32[PC_WORD];
    const pcHigh = state.u32[PC_WORD + 1];
    if (machine.enter() === 'fault') {
      const last = this.#lastFetchFault;
      const again = last.icount === icount - 1 && last.pcLow === pcLow && last.pcHigh === pcHigh;
      this.#lastFetchFault = { icount, pcLow, pcHigh };
      // Time does not count fetches that fault, but where nothing else happens it must not stand still.
      time.fetchFaulted(again);
      if (again && !machine.canBeInterrupted()) machine.stopped = 'lockup';
      return 'fetch fault';
    }
    if (debug.armed && debug.breakpointIsHit) {
      debug.takeBreakpoint();
      time.fetchFaulted(false);
      return 'fetch fault';
    }
    if (state.u32[ILLEGAL]) {
      this.#attemptInstead(() => exceptions.illegalState());
      return 'redirected';
    }
    if (state.u32[BTYPE] && machine.refusesLanding) {
      this.#attemptInstead(() => exceptions.branchTarget());
      return 'redirected';
    }
    const steps = debug.armed && debug.steps;
    const one = steps || machine.packetEnds || (debug.armed && debug.breaksInPage(state.u64[PC_WORD >>> 1]));
    const word = steps ? engine.currentWord() : 0;
    const budget = one ? 1 : Math.min(most, this.#deadline - time.now(), engine.maxSlice, turn);
    time.begin(budget);
    const redirected = engine.run();
    time.end(redirected);
    if (steps && (redirected ? exceptions.returned : state.u32[STEP])) debug.completeStep(word);
    if (time.icount % QUANTUM === 0) machine.processors.yielded = true;
    return redirected ? 'redirected' : 'completed';
  }

  /** An instruction that is attempted, and raises an exception before it does anything. */
  #attemptInstead(raise: () => void): void {
    const { time } = this.#machine;
    time.begin(1);
    raise();
    time.end(true);
  }

  /** A branch to itself that no interrupt can end. */
  #spinsForEver(): boolean {
    const machine = this.#machine;
    return (
      machine.engine.currentWord() === BRANCH_TO_SELF &&
      (this.#deadline === Number.POSITIVE_INFINITY || !machine.canBeInterrupted())
    );
  }
}
