import { describe, expect, it } from 'vitest';
import { PerformanceMonitors } from '../../src/cpu/performance_monitors.ts';
import { CELL, CpuState } from '../../src/cpu/state.ts';
import { slotOf } from '../../src/cpu/sysregs/table.ts';

const CYCLE = 0x8000_0000n;
/** NSH: count at EL2 too. */
const EVERYWHERE = 0x0800_0000n;
const INST_RETIRED = 0x08n;
const CPU_CYCLES = 0x11n;
const PMUV3 = 1;
const PMUV3P1 = 4;
const PMUV3P5 = 6;

/** Two CPUs whose time and instructions the test moves. */
class Monitored {
  readonly state = new CpuState(new ArrayBuffer(65536));
  readonly lines = [false, false];
  readonly unimplemented: string[] = [];
  now = 0;
  instructions = 0;
  cpu = 0;
  readonly monitors: PerformanceMonitors;

  constructor(version = PMUV3, el = 1) {
    this.state.setSmall('el', el);
    this.state.u64[slotOf('MDCR_EL2')] = 6n;
    this.monitors = new PerformanceMonitors({
      cpus: 2,
      clock: { now: () => this.now },
      instructions: () => this.instructions,
      state: this.state,
      currentCpu: () => this.cpu,
      el2: true,
      version,
      control: 0x4101_3000n,
      line: (cpu) => (level) => {
        this.lines[cpu] = level;
      },
      onDeadlineChange: () => {},
      events: {
        recording: true,
        append: (_table, row) => this.unimplemented.push((row as unknown as { what: string }).what),
      },
    });
    this.monitors.reset();
  }

  /** `count` instructions execute. */
  execute(count: number): this {
    this.now += count;
    this.instructions += count;
    return this;
  }
  /** Time passes in a WFI. */
  wait(ns: number): this {
    this.now += ns;
    return this;
  }
  set(values: { readonly [name: string]: bigint }): this {
    for (const [name, value] of Object.entries(values)) this.monitors.write(name, value);
    return this;
  }
  mdcr(value: bigint): this {
    this.state.u64[slotOf('MDCR_EL2')] = value;
    this.monitors.controlsChanged();
    return this;
  }
  level(el: number): this {
    this.monitors.levelChanges(el);
    this.state.u32[CELL.el >>> 2] = el;
    return this;
  }
  switchTo(cpu: number): this {
    this.monitors.leaveCpu();
    this.cpu = cpu;
    this.monitors.enterCpu();
    return this;
  }
  get(name: string): bigint {
    return this.monitors.read(name);
  }
}

const counting = (version?: number, el?: number) =>
  new Monitored(version, el).set({
    PMCCFILTR_EL0: EVERYWHERE,
    PMEVTYPER0_EL0: EVERYWHERE | CPU_CYCLES,
    PMEVTYPER1_EL0: EVERYWHERE | INST_RETIRED,
    PMCNTENSET_EL0: CYCLE | 7n,
    PMCR_EL0: 1n,
  });

describe('counters', () => {
  it('count cycles while waiting and instructions only while some execute', () => {
    const cpu = counting().execute(10).wait(100).execute(5);
    expect(cpu.get('PMCCNTR_EL0')).toBe(115n);
    expect(cpu.get('PMEVCNTR0_EL0')).toBe(115n);
    expect(cpu.get('PMEVCNTR1_EL0')).toBe(15n);
  });

  it('of instructions count those of their own CPU', () => {
    const cpu = counting().execute(10).switchTo(1).execute(7).switchTo(0).execute(2);
    expect(cpu.get('PMEVCNTR1_EL0')).toBe(12n);
    expect(cpu.get('PMCCNTR_EL0')).toBe(19n);
  });

  it('stop with PMCR_EL0.E, go back to zero with P and C, and count every 64th cycle with D unless LC is 1', () => {
    const cpu = counting().execute(100).set({ PMCR_EL0: 0n }).execute(50);
    expect(cpu.get('PMCCNTR_EL0')).toBe(100n);
    cpu.set({ PMCR_EL0: 0b1111n }).execute(64 * 3 - 150 + 1); // E, P, C, D at 150; the 64th, 128th … ns are counted
    expect(cpu.get('PMCCNTR_EL0')).toBe(1n);
    expect(cpu.get('PMEVCNTR0_EL0')).toBe(43n);
    cpu.set({ PMCR_EL0: 0x4fn }).execute(70);
    expect(cpu.get('PMCCNTR_EL0')).toBe(70n);
  });

  it.each([
    // P: not at EL1, U: not at EL0, NSH: at EL2.
    { filter: 0n, counted: [1n, 1n, 0n] },
    { filter: 0x8000_0000n, counted: [1n, 0n, 0n] },
    { filter: 0x4000_0000n, counted: [0n, 1n, 0n] },
    { filter: 0x0800_0000n, counted: [1n, 1n, 1n] },
    { filter: 0xc800_0000n, counted: [0n, 0n, 1n] },
  ])('with filter $filter count at EL0, EL1, EL2: $counted', ({ filter, counted }) => {
    for (const el of [0, 1, 2]) {
      const cpu = new Monitored(PMUV3, 2)
        .set({ PMCCFILTR_EL0: filter, PMEVTYPER0_EL0: filter | INST_RETIRED, PMCNTENSET_EL0: CYCLE | 1n })
        .set({ PMCR_EL0: 1n })
        .level(el);
      const before = cpu.get('PMCCNTR_EL0');
      cpu.execute(8).level(2);
      expect(cpu.get('PMCCNTR_EL0') - before).toBe(8n * counted[el]);
      expect(cpu.get('PMEVCNTR0_EL0')).toBe(8n * counted[el]);
    }
  });

  it('are incremented by software where they are enabled and count SW_INCR', () => {
    const cpu = counting().set({ PMSWINC_EL0: 0b1111n });
    expect([0, 1, 2, 3].map((n) => cpu.get(`PMEVCNTR${n}_EL0`))).toEqual([0n, 0n, 1n, 0n]);
  });

  it('of an event that is not there count nothing, and the recording says so', () => {
    const cpu = new Monitored().set({ PMEVTYPER0_EL0: 0x23n, PMCNTENSET_EL0: 1n, PMCR_EL0: 1n }).execute(9);
    expect(cpu.get('PMEVCNTR0_EL0')).toBe(0n);
    expect(cpu.unimplemented).toEqual(['PMU event 0x23']);
    // STALL_FRONTEND is there with FEAT_PMUv3p1: nothing stalls.
    expect(new Monitored(PMUV3P1).set({ PMEVTYPER0_EL0: 0x23n, PMCNTENSET_EL0: 1n }).unimplemented).toEqual(
      [],
    );
  });
});

describe('MDCR_EL2', () => {
  it('HPMN hides counters from EL1: PMCR_EL0.N, masks, RAZ/WI, and PMCR_EL0.P', () => {
    const cpu = counting().set({ PMEVCNTR3_EL0: 33n, PMEVCNTR1_EL0: 11n }).mdcr(2n);
    expect((cpu.get('PMCR_EL0') >> 11n) & 31n).toBe(2n);
    expect(cpu.get('PMCNTENSET_EL0')).toBe(CYCLE | 3n);
    expect(cpu.set({ PMEVCNTR3_EL0: 5n, PMCR_EL0: 3n }).get('PMEVCNTR3_EL0')).toBe(0n);
    expect(cpu.get('PMEVCNTR1_EL0')).toBe(0n);
    cpu.level(2);
    expect(cpu.get('PMEVCNTR3_EL0')).toBe(33n);
    expect((cpu.get('PMCR_EL0') >> 11n) & 31n).toBe(6n);
  });

  it('HPME, not PMCR_EL0.E, enables those counters and their interrupts', () => {
    const cpu = counting().mdcr(1n).level(2).set({ PMCR_EL0: 0n }).execute(10);
    expect(cpu.get('PMEVCNTR1_EL0')).toBe(0n);
    cpu.mdcr(0x81n).execute(10).set({ PMINTENSET_EL1: 3n, PMOVSSET_EL0: 1n });
    expect(cpu.get('PMEVCNTR1_EL0')).toBe(10n);
    expect(cpu.lines[0]).toBe(false);
    expect(cpu.set({ PMOVSSET_EL0: 2n }).lines[0]).toBe(true);
    expect(cpu.mdcr(1n).lines[0]).toBe(false);
  });

  it('HPMD stops EL1’s counters at EL2 from FEAT_PMUv3p1 on, the cycle counter with PMCR_EL0.DP; HCCD with FEAT_PMUv3p5', () => {
    const at2 = (version: number, mdcr: bigint, control: bigint) => {
      const cpu = counting(version, 2).mdcr(mdcr).set({ PMCR_EL0: control }).execute(8);
      return [cpu.get('PMCCNTR_EL0'), cpu.get('PMEVCNTR1_EL0')];
    };
    const HPMD = 1n << 17n;
    expect(at2(PMUV3, HPMD | 6n, 1n)).toEqual([8n, 8n]);
    expect(at2(PMUV3P1, HPMD | 6n, 1n)).toEqual([8n, 0n]);
    expect(at2(PMUV3P1, HPMD | 6n, 0x21n)).toEqual([0n, 0n]);
    expect(at2(PMUV3P1, (1n << 23n) | 6n, 1n)).toEqual([8n, 8n]);
    expect(at2(PMUV3P5, (1n << 23n) | 6n, 1n)).toEqual([0n, 8n]);
  });
});

describe('overflow', () => {
  it.each([
    { name: 'cycles, 32 bits', counter: 'PMCCNTR_EL0', bit: CYCLE, control: 1n, start: 0xffff_fff0n },
    { name: 'cycles, LC', counter: 'PMCCNTR_EL0', bit: CYCLE, control: 0x41n, start: 0xffff_ffff_ffff_fff0n },
    { name: 'an event', counter: 'PMEVCNTR0_EL0', bit: 1n, control: 1n, start: 0xffff_fff0n },
    { name: 'instructions', counter: 'PMEVCNTR1_EL0', bit: 2n, control: 1n, start: 0xffff_fff0n },
  ])('of $name is a deadline, exactly: then the flag is set and the line rises', (overflow) => {
    const cpu = counting().execute(100);
    cpu.set({ PMCR_EL0: overflow.control, [overflow.counter]: overflow.start });
    expect(cpu.monitors.nextDeadline(false)).toBe(Number.POSITIVE_INFINITY);
    cpu.set({ PMINTENSET_EL1: overflow.bit });
    expect(cpu.monitors.nextDeadline(false)).toBe(116);
    cpu.execute(15);
    cpu.monitors.advance();
    expect([cpu.get('PMOVSSET_EL0'), cpu.lines[0]]).toEqual([0n, false]);
    cpu.execute(1);
    cpu.monitors.advance();
    expect([cpu.get('PMOVSSET_EL0'), cpu.lines[0]]).toEqual([overflow.bit, true]);
    expect(cpu.monitors.nextDeadline(false)).toBe(Number.POSITIVE_INFINITY);
    cpu.set({ PMOVSCLR_EL0: overflow.bit });
    expect(cpu.lines[0]).toBe(false);
  });

  it('of the low word of the long cycle counter does not count, and that of the divided one is at a multiple of 64', () => {
    const cpu = counting().set({ PMINTENSET_EL1: CYCLE, PMCR_EL0: 0x41n, PMCCNTR_EL0: 0xffff_fff0n });
    expect(cpu.execute(32).get('PMOVSSET_EL0')).toBe(0n);
    cpu.set({ PMCR_EL0: 9n, PMCCNTR_EL0: 0xffff_ffffn });
    expect(cpu.monitors.nextDeadline(false)).toBe(64);
  });

  it('of instructions is no deadline while none executes, and moves with what another CPU executes', () => {
    const cpu = counting().set({ PMINTENSET_EL1: 2n, PMEVCNTR1_EL0: 0xffff_fff0n });
    expect(cpu.monitors.nextDeadline(true)).toBe(Number.POSITIVE_INFINITY);
    expect(cpu.wait(1000).monitors.nextDeadline(false)).toBe(1016);
    cpu.execute(6).switchTo(1);
    expect(cpu.monitors.nextDeadline(false)).toBe(Number.POSITIVE_INFINITY);
    expect(cpu.execute(50).switchTo(0).monitors.nextDeadline(false)).toBe(1066);
  });

  it('of cycles interrupts the CPU that it belongs to, while another executes', () => {
    const cpu = counting().set({ PMINTENSET_EL1: CYCLE, PMCCNTR_EL0: 0xffff_fff0n }).switchTo(1).execute(16);
    cpu.monitors.advance();
    expect(cpu.lines).toEqual([true, false]);
  });

  it('with PMCR_EL0.LP and FEAT_PMUv3p5 is that of 64 bits', () => {
    const cpu = counting(PMUV3P5).set({ PMCR_EL0: 0x81n, PMEVCNTR0_EL0: 0xffff_ffffn }).execute(4);
    expect([cpu.get('PMEVCNTR0_EL0'), cpu.get('PMOVSSET_EL0')]).toEqual([0x1_0000_0003n, 0n]);
    cpu.set({ PMEVCNTR0_EL0: 0xffff_ffff_ffff_fffen }).execute(4);
    expect([cpu.get('PMEVCNTR0_EL0'), cpu.get('PMOVSSET_EL0')]).toEqual([2n, 1n]);
  });

  it('is where it was after save and restore', () => {
    const cpu = counting().execute(7).set({ PMINTENSET_EL1: 2n, PMEVCNTR1_EL0: 0xffff_fff0n });
    const saved = JSON.parse(JSON.stringify(cpu.monitors.save()));
    const deadline = cpu.monitors.nextDeadline(false);
    cpu.set({ PMCR_EL0: 6n }).execute(3);
    cpu.now = cpu.instructions = 7;
    cpu.monitors.restore(saved);
    expect(cpu.monitors.nextDeadline(false)).toBe(deadline);
    expect(cpu.get('PMCCNTR_EL0')).toBe(7n);
  });
});
