/**
 * The Performance Monitors of all CPUs. Arm ARM D8; registers D17.5.
 *
 * Events: SW_INCR, INST_RETIRED, CPU_CYCLES, and the stall events of FEAT_PMUv3p1, which never happen here. A cycle is a nanosecond of
 * virtual time, waiting included; an instruction is retired when time counts it (docs/qemu-time.md). QEMU 7.2 under -icount does the
 * same. Nothing counts as the guest runs: a count is brought up to date when somebody looks, and whenever what is counted changes:
 * a register is written, the exception level changes, another CPU has its turn. An overflow that raises an interrupt is a deadline.
 */
import type { Clock, DeviceState, InterruptLine } from '../machine/device.ts';
import type { EventSink } from '../trace/schema.ts';
import { CELL, type CpuState } from './state.ts';
import { EVENT_COUNTERS } from './sysregs/performance_monitors.ts';
import { slotOf } from './sysregs/table.ts';

export interface PerformanceMonitorsOptions {
  readonly cpus: number;
  readonly clock: Clock;
  /** Instructions that time has counted, on all CPUs. */
  readonly instructions: () => number;
  /** State of the current CPU. */
  readonly state: CpuState;
  readonly currentCpu: () => number;
  readonly el2: boolean;
  /** ID_AA64DFR0_EL1.PMUVer: 1 is PMUv3, 4 FEAT_PMUv3p1, 6 FEAT_PMUv3p5. */
  readonly version: number;
  /** PMCR_EL0 at reset: implementer and IDCODE; N is EVENT_COUNTERS. */
  readonly control: bigint;
  /** PMUIRQ of a CPU. */
  readonly line: (cpu: number) => InterruptLine;
  readonly onDeadlineChange: () => void;
  readonly events: EventSink;
}

const EL = CELL.el >>> 2;
const SELECTED = 2 * slotOf('PMSELR_EL0');
const MDCR = 2 * slotOf('MDCR_EL2');

const PMUV3P1 = 4;
const PMUV3P5 = 6;

/** PMCR_EL0: E, D, X, DP, LC and LP keep what is written. */
const CONTROL_STICKY = 0xf9;
const E = 1;
const P = 2;
const C = 4;
const D = 8;
const DP = 0x20;
const LC = 0x40;
const LP = 0x80;

/** MDCR_EL2. */
const HPMN = 0x1f;
const HPME = 1 << 7;
const HPMD = 1 << 17;
const HCCD = 1 << 23;
const HLP = 1 << 26;

/** PMEVTYPER and PMCCFILTR; without EL3 NSK and NSU do nothing. */
const FILTER_EL1 = 0x8000_0000;
const FILTER_EL0 = 0x4000_0000;
const COUNT_EL2 = 0x0800_0000;
const TYPE_WRITABLE = 0xfe00_ffff;
const FILTER_WRITABLE = 0xfc00_0000;

const CYCLE = 31;
const CYCLE_BIT = 0x8000_0000;
/** Bit 31 is the cycle counter. */
const ALL_COUNTERS = (CYCLE_BIT | (2 ** EVENT_COUNTERS - 1)) >>> 0;

const SW_INCR = 0;
const INST_RETIRED = 0x08;
const CPU_CYCLES = 0x11;
/** STALL_FRONTEND, STALL_BACKEND; STALL is of PMUv3p4. */
const NEVER = new Set([0x23, 0x24, 0x3c]);

const u64 = (value: bigint) => BigInt.asUintN(64, value);

/** One CPU's. */
interface Monitors {
  control: number;
  /** Masks, by counter. */
  enabled: number;
  overflow: number;
  interrupts: number;
  cycleFilter: number;
  types: number[];
  /** The cycle counter, and the event counters: as they were at `since`. */
  cycles: bigint;
  counts: bigint[];
  /** Time in ns and the number of instructions up to which everything is counted. */
  since: number;
  sinceInstructions: number;
  /** The counters that count where this CPU executes. */
  counting: number;
  /** MDCR_EL2[31:0]: other CPUs' registers are out of reach while one executes. */
  mdcr: number;
}

export class PerformanceMonitors {
  readonly #options: PerformanceMonitorsOptions;
  readonly #cpus: Monitors[];

  constructor(options: PerformanceMonitorsOptions) {
    this.#options = options;
    this.#cpus = Array.from({ length: options.cpus }, () => this.#new());
  }

  #new(): Monitors {
    return {
      control: Number(this.#options.control),
      enabled: 0,
      overflow: 0,
      interrupts: 0,
      cycleFilter: 0,
      types: Array(EVENT_COUNTERS).fill(0),
      cycles: 0n,
      counts: Array(EVENT_COUNTERS).fill(0n),
      since: 0,
      sinceInstructions: 0,
      counting: 0,
      mdcr: 0,
    };
  }

  /** Reset of the current CPU. */
  reset(): void {
    this.#cpus[this.#options.currentCpu()] = this.#new();
    this.controlsChanged();
  }

  /** A register of the current CPU. */
  read(name: string): bigint {
    // A copy: looking leaves no trace in a checkpoint.
    const monitors = { ...this.#current(), counts: [...this.#current().counts] };
    this.#settle(monitors);
    const accessible = this.#accessible();
    const counters = (CYCLE_BIT | (2 ** accessible - 1)) >>> 0;
    const masked = (mask: number) => BigInt((mask & counters) >>> 0);
    switch (name) {
      case 'PMCR_EL0':
        return BigInt(((monitors.control & ~(0x1f << 11)) | (accessible << 11)) >>> 0);
      case 'PMCNTENSET_EL0':
      case 'PMCNTENCLR_EL0':
        return masked(monitors.enabled);
      case 'PMOVSSET_EL0':
      case 'PMOVSCLR_EL0':
        return masked(monitors.overflow);
      case 'PMINTENSET_EL1':
      case 'PMINTENCLR_EL1':
        return masked(monitors.interrupts);
      case 'PMSWINC_EL0':
        return 0n;
      case 'PMCCNTR_EL0':
        return monitors.cycles;
      case 'PMCCFILTR_EL0':
        return BigInt(monitors.cycleFilter);
    }
    const [kind, n] = this.#numbered(name);
    if (kind === 'type' && n === CYCLE) return BigInt(monitors.cycleFilter);
    if (n >= accessible) return 0n;
    return kind === 'type' ? BigInt(monitors.types[n]) : this.#visible(monitors.counts[n]);
  }

  /** A register of the current CPU. */
  write(name: string, value: bigint): void {
    const monitors = this.#current();
    this.#settle(monitors);
    const word = Number(value & 0xffff_ffffn);
    const counters = (CYCLE_BIT | (2 ** this.#accessible() - 1)) >>> 0;
    const set = (mask: number) => (mask | (word & counters)) >>> 0;
    const clear = (mask: number) => (mask & ~(word & counters)) >>> 0;
    switch (name) {
      case 'PMCR_EL0':
        this.#writeControl(monitors, word);
        break;
      case 'PMCNTENSET_EL0':
        monitors.enabled = set(monitors.enabled);
        this.#report(monitors, word);
        break;
      case 'PMCNTENCLR_EL0':
        monitors.enabled = clear(monitors.enabled);
        break;
      case 'PMOVSSET_EL0':
        monitors.overflow = set(monitors.overflow);
        break;
      case 'PMOVSCLR_EL0':
        monitors.overflow = clear(monitors.overflow);
        break;
      case 'PMINTENSET_EL1':
        monitors.interrupts = set(monitors.interrupts);
        break;
      case 'PMINTENCLR_EL1':
        monitors.interrupts = clear(monitors.interrupts);
        break;
      case 'PMSWINC_EL0':
        this.#softwareIncrement(monitors, word & counters);
        break;
      case 'PMCCNTR_EL0':
        monitors.cycles = value;
        break;
      case 'PMCCFILTR_EL0':
        monitors.cycleFilter = (word & FILTER_WRITABLE) >>> 0;
        break;
      default:
        this.#writeNumbered(monitors, name, value);
    }
    this.#changed();
  }

  #writeControl(monitors: Monitors, word: number): void {
    monitors.control = ((monitors.control & ~CONTROL_STICKY) | (word & CONTROL_STICKY)) >>> 0;
    if (word & P) monitors.counts.fill(0n, 0, this.#accessible());
    if (word & C) monitors.cycles = 0n;
  }

  #writeNumbered(monitors: Monitors, name: string, value: bigint): void {
    const [kind, n] = this.#numbered(name);
    const word = Number(value & 0xffff_ffffn);
    if (kind === 'type' && n === CYCLE) monitors.cycleFilter = (word & FILTER_WRITABLE) >>> 0;
    if (n >= this.#accessible()) return;
    if (kind === 'type') monitors.types[n] = (word & TYPE_WRITABLE) >>> 0;
    else monitors.counts[n] = this.#visible(value);
  }

  /** PMEVCNTR3_EL0, or PMXEVCNTR_EL0 with PMSELR_EL0 3, is [count, 3]. */
  #numbered(name: string): ['count' | 'type', number] {
    const parts = /^PM(EV|XEV)(CNTR|TYPER)(\d*)_EL0$/.exec(name);
    if (parts === null) throw new Error(`no performance monitor register ${name}`);
    const n = parts[1] === 'XEV' ? this.#options.state.u32[SELECTED] : Number(parts[3]);
    return [parts[2] === 'CNTR' ? 'count' : 'type', n];
  }

  /** Counters of 64 bits came with FEAT_PMUv3p5. */
  #visible(count: bigint): bigint {
    return this.#options.version >= PMUV3P5 ? count : count & 0xffff_ffffn;
  }

  #current(): Monitors {
    return this.#cpus[this.#options.currentCpu()];
  }

  /** MDCR_EL2.HPMN: event counters from here on are for EL2. Without EL2, and for values beyond (UNPREDICTABLE), all are alike. */
  #lower({ mdcr }: Monitors): number {
    return this.#options.el2 ? Math.min(mdcr & HPMN, EVENT_COUNTERS) : EVENT_COUNTERS;
  }

  /** Event counters that the current exception level reaches. Those beyond are RAZ/WI (CONSTRAINED UNPREDICTABLE). */
  #accessible(): number {
    return this.#options.state.u32[EL] === 2 ? EVENT_COUNTERS : this.#lower(this.#current());
  }

  /** Some counter is enabled, so that what counts may depend on the exception level. */
  get countByLevel(): boolean {
    return this.#current().enabled !== 0;
  }

  /** The current CPU is about to execute at exception level `el`. */
  levelChanges(el: number): void {
    const monitors = this.#current();
    if (monitors.enabled === 0) return;
    this.#settle(monitors);
    const counting = this.#countingAt(monitors, el);
    if (counting === monitors.counting) return;
    monitors.counting = counting;
    this.#drive(this.#options.currentCpu());
    this.#options.onDeadlineChange();
  }

  /** MDCR_EL2 was written. */
  controlsChanged(): void {
    this.#settle(this.#current());
    this.#current().mdcr = this.#options.state.u32[MDCR];
    this.#changed();
  }

  /** The current CPU hands over: what other CPUs execute are not its instructions. */
  leaveCpu(): void {
    const monitors = this.#current();
    if (monitors.enabled !== 0) this.#settle(monitors);
  }
  /** A CPU has its turn. */
  enterCpu(): void {
    this.#current().sinceInstructions = this.#options.instructions();
    if (this.#cpus.some(({ enabled }) => enabled !== 0)) this.#options.onDeadlineChange();
  }

  /** The counters that count at an exception level. */
  #countingAt(monitors: Monitors, el: number): number {
    if (monitors.enabled === 0) return 0;
    const { mdcr } = monitors;
    const { version } = this.#options;
    const lower = this.#lower(monitors);
    let counting = 0;
    for (let n = 0; n < EVENT_COUNTERS; n++) {
      if (((monitors.enabled >>> n) & 1) === 0) continue;
      const on = n < lower ? monitors.control & E : mdcr & HPME;
      const prohibited = version >= PMUV3P1 && el === 2 && n < lower && mdcr & HPMD;
      if (on && !prohibited && counts(monitors.types[n], el)) counting |= 1 << n;
    }
    const stopped =
      el === 2 &&
      ((version >= PMUV3P1 && mdcr & HPMD && monitors.control & DP) || (version >= PMUV3P5 && mdcr & HCCD));
    const on = monitors.enabled & CYCLE_BIT && monitors.control & E;
    if (on && !stopped && counts(monitors.cycleFilter, el)) counting |= CYCLE_BIT;
    return counting >>> 0;
  }

  /** Counts what has happened since the last time. `own`: they are those of the current CPU. */
  #settle(monitors: Monitors, own = true): void {
    const { clock, instructions } = this.#options;
    const now = clock.now();
    const executed = instructions();
    if (monitors.counting !== 0) {
      if (monitors.counting & CYCLE_BIT) {
        const passed =
          divides(monitors.control) === 64
            ? Math.floor(now / 64) - Math.floor(monitors.since / 64)
            : now - monitors.since;
        const before = monitors.cycles;
        monitors.cycles = u64(before + BigInt(passed));
        if (overflows(before, BigInt(passed), monitors.control & LC ? 64 : 32))
          monitors.overflow = (monitors.overflow | CYCLE_BIT) >>> 0;
      }
      // While another CPU executes this one retires nothing.
      const retired = own ? executed - monitors.sinceInstructions : 0;
      for (let n = 0; n < EVENT_COUNTERS; n++) {
        if (((monitors.counting >>> n) & 1) === 0) continue;
        const event = monitors.types[n] & 0xffff;
        if (event === CPU_CYCLES) this.#add(monitors, n, now - monitors.since);
        else if (event === INST_RETIRED) this.#add(monitors, n, retired);
      }
    }
    monitors.since = now;
    monitors.sinceInstructions = executed;
  }

  #add(monitors: Monitors, n: number, happened: number): void {
    const before = monitors.counts[n];
    monitors.counts[n] = this.#visible(u64(before + BigInt(happened)));
    if (overflows(before, BigInt(happened), this.#width(monitors, n))) monitors.overflow |= 1 << n;
    monitors.overflow >>>= 0;
  }

  /** Bits after which an event counter overflows. */
  #width(monitors: Monitors, n: number): 32 | 64 {
    if (this.#options.version < PMUV3P5) return 32;
    const long = n < this.#lower(monitors) ? monitors.control & LP : monitors.mdcr & HLP;
    return long ? 64 : 32;
  }

  #softwareIncrement(monitors: Monitors, mask: number): void {
    for (let n = 0; n < EVENT_COUNTERS; n++)
      if ((mask & monitors.counting & (1 << n)) !== 0 && (monitors.types[n] & 0xffff) === SW_INCR)
        this.#add(monitors, n, 1);
  }

  /** What counts and what interrupts may be different from now on. */
  #changed(): void {
    const monitors = this.#current();
    monitors.counting = this.#countingAt(monitors, this.#options.state.u32[EL]);
    this.#drive(this.#options.currentCpu());
    this.#options.onDeadlineChange();
  }

  /** CheckForPMUOverflow(): D8.3. */
  #drive(cpu: number): void {
    const monitors = this.#cpus[cpu];
    const active = monitors.interrupts & monitors.overflow & this.#globallyEnabled(monitors);
    this.#options.line(cpu)(active !== 0);
  }

  /** Mask of the counters whose overflows may interrupt: PMCR_EL0.E, and MDCR_EL2.HPME for EL2's. */
  #globallyEnabled(monitors: Monitors): number {
    const below = (2 ** this.#lower(monitors) - 1) | CYCLE_BIT;
    const el2 = monitors.mdcr & HPME;
    return (monitors.control & E ? below : 0) | (el2 ? ALL_COUNTERS & ~below : 0);
  }

  /** Virtual time in ns at which the next overflow interrupts, if everything goes on as now. `waiting`: no CPU executes. */
  nextDeadline(waiting: boolean): number {
    let next = Number.POSITIVE_INFINITY;
    for (const monitors of this.#cpus)
      if ((monitors.interrupts & monitors.counting & ~monitors.overflow) !== 0)
        next = Math.min(next, this.#nextOverflow(monitors, waiting));
    return next;
  }

  #nextOverflow(monitors: Monitors, waiting: boolean): number {
    const relevant = monitors.interrupts & monitors.counting & ~monitors.overflow;
    const executes = monitors === this.#current() && !waiting;
    let next = Number.POSITIVE_INFINITY;
    if (relevant & CYCLE_BIT) {
      const left = remaining(monitors.cycles, monitors.control & LC ? 64 : 32);
      const unit = divides(monitors.control);
      next = (Math.floor(monitors.since / unit) + left) * unit;
    }
    for (let n = 0; n < EVENT_COUNTERS; n++) {
      if (((relevant >>> n) & 1) === 0) continue;
      const event = monitors.types[n] & 0xffff;
      const left = remaining(monitors.counts[n], this.#width(monitors, n));
      if (event === CPU_CYCLES) next = Math.min(next, monitors.since + left);
      else if (event === INST_RETIRED && executes) {
        const { clock, instructions } = this.#options;
        next = Math.min(next, clock.now() + left - (instructions() - monitors.sinceInstructions));
      }
    }
    return next <= Number.MAX_SAFE_INTEGER ? next : Number.POSITIVE_INFINITY;
  }

  /** Raises the interrupts that are due. */
  advance(): void {
    this.#cpus.forEach((monitors, cpu) => {
      if (monitors.enabled === 0) return;
      this.#settle(monitors, monitors === this.#current());
      this.#drive(cpu);
    });
  }

  save(): DeviceState {
    const cpus = this.#cpus.map((monitors) => ({
      ...monitors,
      cycles: monitors.cycles.toString(),
      counts: monitors.counts.map(String),
      types: [...monitors.types],
    }));
    return { cpus };
  }

  restore(state: DeviceState): void {
    type Saved = Omit<Monitors, 'cycles' | 'counts'> & { cycles: string; counts: string[] };
    (state as { cpus: readonly Saved[] }).cpus.forEach((saved, cpu) => {
      const { cycles, counts: counters, types } = saved;
      this.#cpus[cpu] = {
        ...saved,
        cycles: BigInt(cycles),
        counts: counters.map(BigInt),
        types: [...types],
      };
    });
    this.#options.onDeadlineChange();
  }

  #report({ types }: Monitors, enabled: number): void {
    const { events, state, version } = this.#options;
    for (let n = 0; n < EVENT_COUNTERS; n++) {
      const event = types[n] & 0xffff;
      const known = [SW_INCR, INST_RETIRED, CPU_CYCLES].includes(event);
      if (((enabled >>> n) & 1) === 0 || known || (version >= PMUV3P1 && NEVER.has(event))) continue;
      events.append('unimplemented', { pc: state.get('pc'), what: `PMU event 0x${event.toString(16)}` });
    }
  }
}

/** Whether a counter with this PMEVTYPER or PMCCFILTR counts at an exception level. */
function counts(filter: number, el: number): boolean {
  if (el === 2) return (filter & COUNT_EL2) !== 0;
  return (filter & (el === 1 ? FILTER_EL1 : FILTER_EL0)) === 0;
}

/** Cycles that the cycle counter counts as one: PMCR_EL0.D does nothing where LC is 1. */
const divides = (control: number) => ((control & (D | LC)) === D ? 64 : 1);

const overflows = (before: bigint, added: bigint, width: 32 | 64) =>
  BigInt.asUintN(width, before) + added >= 1n << BigInt(width);

/** Events up to the overflow; far beyond all that ever happens it is not exact. */
const remaining = (count: bigint, width: 32 | 64) =>
  Number((1n << BigInt(width)) - BigInt.asUintN(width, count));
