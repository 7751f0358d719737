/**
 * The Performance Monitors: the cycle counter counts one a nanosecond of virtual time, as QEMU 7.2 under -icount does, and software
 * increments count. Other events count nothing, and enabling their counter is reported. There is no overflow interrupt.
 */
import type { Clock } from '../machine/device.ts';
import type { EventSink } from '../trace/schema.ts';
import type { CpuState } from './state.ts';
import { COUNTER_MASK, EVENT_COUNTERS } from './sysregs/performance_monitors.ts';
import { slotOf } from './sysregs/table.ts';

const PMCR = slotOf('PMCR_EL0');
const ENABLED = slotOf('PMCNTENSET_EL0');
const OVERFLOW = slotOf('PMOVSSET_EL0');
const INTERRUPTS = slotOf('PMINTENSET_EL1');
/** The count while stopped; the count minus the time while running. */
const CYCLES = slotOf('PMCCNTR_EL0');
const SELECTED = slotOf('PMSELR_EL0');
const CYCLE_FILTER = slotOf('PMCCFILTR_EL0');
const counterSlots = Array.from({ length: EVENT_COUNTERS }, (_, n) => slotOf(`PMEVCNTR${n}_EL0`));
const typeSlots = Array.from({ length: EVENT_COUNTERS }, (_, n) => slotOf(`PMEVTYPER${n}_EL0`));

/** E, D, X, DP, LC and bit 7 keep what is written. */
const PMCR_STICKY = 0xf9n;
const CYCLE_COUNTER = 1n << 31n;
const SW_INCR = 0n;

export class PerformanceMonitors {
  readonly #state: CpuState;
  readonly #clock: Clock;
  readonly #events: EventSink;

  constructor(state: CpuState, clock: Clock, events: EventSink) {
    this.#state = state;
    this.#clock = clock;
    this.#events = events;
  }

  read(name: string): bigint {
    const { u64 } = this.#state;
    switch (name) {
      case 'PMCR_EL0':
        return u64[PMCR];
      case 'PMCNTENSET_EL0':
      case 'PMCNTENCLR_EL0':
        return u64[ENABLED];
      case 'PMOVSSET_EL0':
      case 'PMOVSCLR_EL0':
        return u64[OVERFLOW];
      case 'PMINTENSET_EL1':
      case 'PMINTENCLR_EL1':
        return u64[INTERRUPTS];
      case 'PMCCNTR_EL0':
        return this.#cycles();
      case 'PMXEVTYPER_EL0':
        return this.#selected === 31 ? u64[CYCLE_FILTER] : this.#counterSelected(typeSlots);
      case 'PMXEVCNTR_EL0':
        return this.#counterSelected(counterSlots);
      case 'PMSWINC_EL0':
        return 0n;
      default:
        throw new Error(`no performance monitor register ${name}`);
    }
  }

  write(name: string, value: bigint): void {
    const { u64 } = this.#state;
    const cycles = this.#cycles();
    switch (name) {
      case 'PMCR_EL0':
        u64[PMCR] = (u64[PMCR] & ~PMCR_STICKY) | (value & PMCR_STICKY);
        if (value & 2n) for (const slot of counterSlots) u64[slot] = 0n;
        this.#setCycles(value & 4n ? 0n : cycles);
        break;
      case 'PMCNTENSET_EL0':
        u64[ENABLED] |= value & COUNTER_MASK;
        this.#setCycles(cycles);
        this.#report(value);
        break;
      case 'PMCNTENCLR_EL0':
        u64[ENABLED] &= ~value;
        this.#setCycles(cycles);
        break;
      case 'PMOVSSET_EL0':
        u64[OVERFLOW] |= value & COUNTER_MASK;
        break;
      case 'PMOVSCLR_EL0':
        u64[OVERFLOW] &= ~value;
        break;
      case 'PMINTENSET_EL1':
        u64[INTERRUPTS] |= value & COUNTER_MASK;
        break;
      case 'PMINTENCLR_EL1':
        u64[INTERRUPTS] &= ~value;
        break;
      case 'PMCCNTR_EL0':
        this.#setCycles(value);
        break;
      case 'PMXEVTYPER_EL0':
        if (this.#selected === 31) u64[CYCLE_FILTER] = value & 0xfc00_0000n;
        else if (this.#selected < EVENT_COUNTERS) u64[typeSlots[this.#selected]] = value & 0xfe00_ffffn;
        break;
      case 'PMXEVCNTR_EL0':
        if (this.#selected < EVENT_COUNTERS) u64[counterSlots[this.#selected]] = value & 0xffff_ffffn;
        break;
      case 'PMSWINC_EL0':
        this.#softwareIncrement(value);
        break;
      default:
        throw new Error(`no performance monitor register ${name}`);
    }
  }

  get #selected(): number {
    return Number(this.#state.u64[SELECTED]);
  }

  #counterSelected(slots: readonly number[]): bigint {
    return this.#selected < EVENT_COUNTERS ? this.#state.u64[slots[this.#selected]] : 0n;
  }

  get #running(): boolean {
    const { u64 } = this.#state;
    return (u64[PMCR] & 1n) !== 0n && (u64[ENABLED] & CYCLE_COUNTER) !== 0n;
  }

  #cycles(): bigint {
    const held = this.#state.u64[CYCLES];
    return this.#running ? BigInt.asUintN(64, held + BigInt(this.#clock.now())) : held;
  }

  #setCycles(count: bigint): void {
    this.#state.u64[CYCLES] = this.#running ? count - BigInt(this.#clock.now()) : count;
  }

  #softwareIncrement(mask: bigint): void {
    const { u64 } = this.#state;
    if ((u64[PMCR] & 1n) === 0n) return;
    for (let n = 0; n < EVENT_COUNTERS; n++) {
      const bit = 1n << BigInt(n);
      if ((mask & u64[ENABLED] & bit) === 0n || (u64[typeSlots[n]] & 0xffffn) !== SW_INCR) continue;
      u64[counterSlots[n]] = (u64[counterSlots[n]] + 1n) & 0xffff_ffffn;
      if (u64[counterSlots[n]] === 0n) u64[OVERFLOW] |= bit;
    }
  }

  #report(enabled: bigint): void {
    for (let n = 0; n < EVENT_COUNTERS; n++) {
      const event = this.#state.u64[typeSlots[n]] & 0xffffn;
      if ((enabled >> BigInt(n)) & 1n && event !== SW_INCR)
        this.#events.append('unimplemented', {
          pc: this.#state.get('pc'),
          what: `PMU event 0x${event.toString(16)}`,
        });
    }
  }
}
