/**
 * The generic timer of all CPUs: the physical counter; the physical and virtual timers, and EL2's of each kind. Arm ARM D11.2.
 *
 * The counter runs at 62.5 MHz of virtual time: CNTPCT = floor(ns / 16). A timer's condition holds from the first nanosecond of
 * the tick at which the counter reaches CVAL (docs/qemu-time.md).
 */
import type { TimerRegisters } from '../cpu/system_registers.ts';
import type { Clock, DeviceState, InterruptLine } from '../machine/device.ts';

export const COUNTER_FREQUENCY = 62_500_000;
const NS_PER_TICK = 16;

export type TimerName = 'CNTP' | 'CNTV' | 'CNTHP' | 'CNTHV';
/** Interrupt numbers of the PPIs on virt. */
export const TIMER_INTID: { readonly [K in TimerName]: number } = {
  CNTP: 30,
  CNTV: 27,
  CNTHP: 26,
  CNTHV: 28,
};
const NAMES = ['CNTP', 'CNTV', 'CNTHP', 'CNTHV'] as const;

const ENABLE = 1;
const IMASK = 2;
const ISTATUS = 4;

interface Timer {
  /** ENABLE and IMASK. */
  control: number;
  compare: bigint;
}
type CpuTimers = { offset: bigint } & { [K in TimerName]: Timer };

const u64 = (value: bigint) => BigInt.asUintN(64, value);

export class GenericTimer implements TimerRegisters {
  readonly #clock: Clock;
  readonly #line: (cpu: number, intid: number) => InterruptLine;
  readonly #cpus: CpuTimers[];
  readonly #onDeadlineChange: () => void;

  /** `line` gives the input of the interrupt controller; `onDeadlineChange` says that nextDeadline() may be another now. */
  constructor(options: {
    clock: Clock;
    cpus: number;
    line: (cpu: number, intid: number) => InterruptLine;
    onDeadlineChange: () => void;
  }) {
    this.#clock = options.clock;
    this.#line = options.line;
    this.#onDeadlineChange = options.onDeadlineChange;
    this.#cpus = Array.from({ length: options.cpus }, newTimers);
  }

  /** Reset of one CPU: its timers are off. */
  reset(cpu: number): void {
    this.#cpus[cpu] = newTimers();
    this.update();
  }

  readRegister(cpu: number, name: string): bigint {
    const timers = this.#cpus[cpu];
    if (name === 'CNTPCT_EL0') return this.#count();
    if (name === 'CNTVCT_EL0') return u64(this.#count() - timers.offset);
    if (name === 'CNTVOFF_EL2') return timers.offset;
    const [timer, field] = nameParts(name);
    const { control, compare } = timers[timer];
    switch (field) {
      case 'CTL':
        return BigInt(this.#condition(timers, timer) ? control | ISTATUS : control);
      case 'CVAL':
        return compare;
      default:
        return BigInt.asUintN(32, compare - this.#countFor(timers, timer));
    }
  }

  writeRegister(cpu: number, name: string, value: bigint): void {
    const timers = this.#cpus[cpu];
    if (name === 'CNTVOFF_EL2') {
      timers.offset = value;
    } else {
      const [timer, field] = nameParts(name);
      if (field === 'CTL') timers[timer].control = Number(value & 3n);
      else if (field === 'CVAL') timers[timer].compare = value;
      else timers[timer].compare = u64(this.#countFor(timers, timer) + BigInt.asIntN(32, value));
    }
    this.update();
    this.#onDeadlineChange();
  }

  /** Drives the lines as they are at this instant. */
  update(): void {
    this.#cpus.forEach((timers, cpu) => {
      for (const name of NAMES) {
        const asserted = (timers[name].control & IMASK) === 0 && this.#condition(timers, name);
        this.#line(cpu, TIMER_INTID[name])(asserted);
      }
    });
  }

  /** The first instant in the future at which a line rises by itself, in ns; Infinity without one. Masked timers have none. */
  nextDeadline(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const timers of this.#cpus)
      for (const name of NAMES) {
        if ((timers[name].control & (ENABLE | IMASK)) !== ENABLE || this.#condition(timers, name)) continue;
        next = Math.min(next, this.#deadline(timers, name));
      }
    return next;
  }

  save(): DeviceState {
    const cpus = this.#cpus.map((timers) => ({
      offset: timers.offset.toString(),
      ...Object.fromEntries(
        NAMES.map((name) => [
          name,
          { control: timers[name].control, compare: timers[name].compare.toString() },
        ]),
      ),
    }));
    return { cpus };
  }

  /** Restores what save() gave; the lines are the interrupt controller's own state. */
  restore(state: DeviceState): void {
    type Saved = { offset: string } & { [K in TimerName]: { control: number; compare: string } };
    const { cpus } = state as { cpus: readonly Saved[] };
    cpus.forEach((saved, cpu) => {
      const timers = newTimers();
      timers.offset = BigInt(saved.offset);
      for (const name of NAMES)
        timers[name] = { control: saved[name].control, compare: BigInt(saved[name].compare) };
      this.#cpus[cpu] = timers;
    });
    this.#onDeadlineChange();
  }

  /** CNTPCT, and CNTVCT too where it is not offset: exact, as the time in ns is. */
  ticks(): number {
    return Math.floor(this.#clock.now() / NS_PER_TICK);
  }
  /** CNTVOFF_EL2 of the CPU is not 0. */
  isOffset(cpu: number): boolean {
    return this.#cpus[cpu].offset !== 0n;
  }

  #count(): bigint {
    return BigInt(this.ticks());
  }

  #countFor(timers: CpuTimers, name: TimerName): bigint {
    return name === 'CNTV' ? u64(this.#count() - timers.offset) : this.#count();
  }

  /** TimerConditionMet: an unsigned comparison of the counter, offset included, with CVAL. */
  #condition(timers: CpuTimers, name: TimerName): boolean {
    const { control, compare } = timers[name];
    return (control & ENABLE) !== 0 && this.#countFor(timers, name) >= compare;
  }

  /** When the condition will hold: the counter minus the offset is below CVAL now, so it has as far to go as they differ. */
  #deadline(timers: CpuTimers, name: TimerName): number {
    const distance = timers[name].compare - this.#countFor(timers, name);
    const ticks = this.#count() + distance;
    // Beyond exact numbers of ns (over a hundred days) it is never.
    return ticks > BigInt(Number.MAX_SAFE_INTEGER) / 16n
      ? Number.POSITIVE_INFINITY
      : Number(ticks) * NS_PER_TICK;
  }
}

const newTimers = (): CpuTimers => ({
  offset: 0n,
  CNTP: { control: 0, compare: 0n },
  CNTV: { control: 0, compare: 0n },
  CNTHP: { control: 0, compare: 0n },
  CNTHV: { control: 0, compare: 0n },
});

/** CNTP_CTL_EL0 is timer CNTP, field CTL. */
function nameParts(name: string): [TimerName, string] {
  const [timer, field] = name.split('_');
  if (!NAMES.includes(timer as TimerName)) throw new Error(`no timer register ${name}`);
  return [timer as TimerName, field];
}
