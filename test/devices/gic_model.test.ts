import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GicV2 } from '../../src/devices/gicv2.ts';
import { GicV3 } from '../../src/devices/gicv3.ts';
import type { CpuInterruptInputs, InterruptLine } from '../../src/machine/device.ts';
import { GicModel, type ModelInterrupt } from './gic_model.ts';
import { NO_DMA, testContext } from './support.ts';

const CPUS = 2;

/** What a run does to a GIC of either version, as `cpu`. */
interface Driver {
  readonly outputs: readonly CpuInterruptInputs[];
  line(intid: number, cpu: number): InterruptLine;
  setFlag(cpu: number, intid: number, offset: number): void;
  setEdge(cpu: number, intid: number, on: boolean): void;
  setGroup(cpu: number, intid: number, group: 0 | 1): void;
  setPriority(cpu: number, intid: number, priority: number): void;
  setTarget(intid: number, cpu: number): void;
  setMask(cpu: number, mask: number): void;
  setBinaryPoint(cpu: number, point: number): void;
  acknowledge(cpu: number, group: 0 | 1): number;
  end(cpu: number, intid: number, group: 0 | 1): void;
  running(cpu: number): number;
}

const ISENABLER = 0x100;
const ICENABLER = 0x180;
const ISPENDR = 0x200;
const ICPENDR = 0x280;

function merge(read: () => number, write: (value: number) => void, bits: number, on: boolean): void {
  write(((read() & ~bits) | (on ? bits : 0)) >>> 0);
}

function gicV2(): Driver {
  let current = 0;
  const { context } = testContext();
  const gic = new GicV2({ context, cpuCount: CPUS, currentCpu: () => current, onOutputsChanged: () => {} });
  const { gicd, gicc } = gic;
  const as = <T>(cpu: number, access: () => T): T => {
    current = cpu;
    return access();
  };
  gicd.write(0, 4, 3);
  for (let cpu = 0; cpu < CPUS; cpu++) as(cpu, () => gicc.write(0, 4, 0xf));
  const change = (cpu: number, offset: number, bits: number, on: boolean) =>
    as(cpu, () =>
      merge(
        () => gicd.read(offset, 4),
        (value) => gicd.write(offset, 4, value),
        bits,
        on,
      ),
    );
  return {
    outputs: gic.outputs,
    line: (intid, cpu) => gic.line(intid, cpu),
    setFlag: (cpu, intid, offset) =>
      as(cpu, () => gicd.write(offset + 4 * (intid >>> 5), 4, 2 ** (intid & 31))),
    setEdge: (cpu, intid, on) => change(cpu, 0xc00 + 4 * (intid >>> 4), 2 << (2 * (intid & 15)), on),
    setGroup: (cpu, intid, group) => change(cpu, 0x80 + 4 * (intid >>> 5), 1 << (intid & 31), group === 1),
    setPriority: (cpu, intid, priority) => as(cpu, () => gicd.write(0x400 + intid, 1, priority)),
    setTarget: (intid, cpu) => gicd.write(0x800 + intid, 1, 1 << cpu),
    setMask: (cpu, mask) => as(cpu, () => gicc.write(4, 4, mask)),
    setBinaryPoint: (cpu, point) =>
      as(cpu, () => {
        gicc.write(0x8, 4, point);
        gicc.write(0x1c, 4, point + 1);
      }),
    acknowledge: (cpu) => as(cpu, () => gicc.read(0xc, 4)),
    end: (cpu, intid) => as(cpu, () => gicc.write(0x10, 4, intid)),
    running: (cpu) => as(cpu, () => gicc.read(0x14, 4)),
  };
}

function gicV3(): Driver {
  const { context } = testContext();
  const gic = new GicV3({
    context,
    cpuCount: CPUS,
    currentCpu: () => 0,
    dma: NO_DMA,
    onOutputsChanged: () => {},
  });
  const view = { el: 1, hcr: 0n };
  const msr = (cpu: number, name: string, value: number) => gic.writeRegister(cpu, name, BigInt(value), view);
  gic.gicd.write(0, 4, 3);
  for (let cpu = 0; cpu < CPUS; cpu++) {
    msr(cpu, 'ICC_IGRPEN0_EL1', 1);
    msr(cpu, 'ICC_IGRPEN1_EL1', 1);
  }
  const frame = (cpu: number, intid: number) =>
    intid < 32 ? ([gic.gicrs[cpu], 0x1_0000] as const) : ([gic.gicd, 0] as const);
  const change = (cpu: number, intid: number, offset: number, bits: number, on: boolean) => {
    const [device, base] = frame(cpu, intid);
    merge(
      () => device.read(base + offset, 4),
      (value) => device.write(base + offset, 4, value),
      bits,
      on,
    );
  };
  return {
    outputs: gic.outputs,
    line: (intid, cpu) => gic.line(intid, cpu),
    setFlag: (cpu, intid, offset) => {
      const [device, base] = frame(cpu, intid);
      device.write(base + offset + 4 * (intid >>> 5), 4, 2 ** (intid & 31));
    },
    setEdge: (cpu, intid, on) => change(cpu, intid, 0xc00 + 4 * (intid >>> 4), 2 << (2 * (intid & 15)), on),
    setGroup: (cpu, intid, group) =>
      change(cpu, intid, 0x80 + 4 * (intid >>> 5), 1 << (intid & 31), group === 1),
    setPriority: (cpu, intid, priority) => {
      const [device, base] = frame(cpu, intid);
      device.write(base + 0x400 + intid, 1, priority);
    },
    setTarget: (intid, cpu) => gic.gicd.write(0x6000 + 8 * intid, 4, cpu),
    setMask: (cpu, mask) => msr(cpu, 'ICC_PMR_EL1', mask),
    setBinaryPoint: (cpu, point) => {
      msr(cpu, 'ICC_BPR0_EL1', point);
      msr(cpu, 'ICC_BPR1_EL1', point + 1);
    },
    acknowledge: (cpu, group) => Number(gic.readRegister(cpu, `ICC_IAR${group}_EL1`, view)),
    end: (cpu, intid, group) => msr(cpu, `ICC_EOIR${group}_EL1`, intid),
    running: (cpu) => Number(gic.readRegister(cpu, 'ICC_RPR_EL1', view)),
  };
}

/** One PPI for each CPU, and shared interrupts in two words of the registers. */
const INTERRUPTS: [intid: number, cpu: number][] = [
  [27, 0],
  [27, 1],
  ...[33, 34, 35, 63, 64, 287].map((intid): [number, number] => [intid, 0]),
];
const ACTIONS = [
  'acknowledge',
  'acknowledge',
  'end',
  'pend',
  'pend',
  'unpend',
  'line',
  'priority',
  'enable',
  'disable',
  'edge',
  'group',
  'target',
  'mask',
  'point',
] as const;

const operation = fc.record({
  action: fc.constantFrom(...ACTIONS),
  cpu: fc.nat(CPUS - 1),
  which: fc.nat(INTERRUPTS.length - 1),
  value: fc.nat(0xff),
});
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

function apply({ action, cpu, which, value }: Operation, gic: Driver, model: GicModel): void {
  const i = model.interrupts[which];
  const [intid, owner] = INTERRUPTS[which];
  switch (action) {
    case 'acknowledge': {
      const expected = model.signalled(cpu);
      const got = gic.acknowledge(cpu, expected?.group ?? 1);
      expect(got).toBe(expected?.intid ?? 1023);
      model.acknowledge(cpu);
      return;
    }
    case 'end': {
      const ended = model.endLast(cpu);
      if (ended !== undefined) gic.end(cpu, ended.intid, ended.group);
      return;
    }
    case 'pend':
      i.latched = true;
      gic.setFlag(owner, intid, ISPENDR);
      return;
    case 'unpend':
      i.latched = false;
      gic.setFlag(owner, intid, ICPENDR);
      return;
    case 'line': {
      const level = value < 128;
      if (i.edge && level && !i.asserted) i.latched = true;
      i.asserted = level;
      gic.line(intid, owner)(level);
      return;
    }
    case 'priority':
      i.priority = value;
      gic.setPriority(owner, intid, value);
      return;
    case 'enable':
    case 'disable':
      i.enabled = action === 'enable';
      gic.setFlag(owner, intid, i.enabled ? ISENABLER : ICENABLER);
      return;
    case 'edge':
      i.edge = value < 128;
      gic.setEdge(owner, intid, i.edge);
      return;
    case 'group':
      // Software does not change the group of an interrupt that it handles.
      if (i.active) return;
      i.group = value < 128 ? 0 : 1;
      gic.setGroup(owner, intid, i.group);
      return;
    case 'target':
      if (intid < 32) return;
      i.targets = [cpu];
      gic.setTarget(intid, cpu);
      return;
    case 'mask':
      model.cpus[cpu].mask = value & 0xf8;
      gic.setMask(cpu, value & 0xf8);
      return;
    case 'point': {
      const point = 2 + (value % 5);
      model.cpus[cpu].binaryPoint = point;
      gic.setBinaryPoint(cpu, point);
      return;
    }
  }
}

describe.each([
  ['GICv2', gicV2],
  ['GICv3', gicV3],
])('%s against a plain model', (_, create) => {
  test('after any operations it acknowledges, runs and signals what the model says, on both CPUs', () => {
    fc.assert(
      fc.property(fc.array(operation, { minLength: 20, maxLength: 150 }), (operations) => {
        const gic = create();
        const interrupts = INTERRUPTS.map(
          ([intid, cpu]): ModelInterrupt => ({
            intid,
            targets: [cpu],
            enabled: true,
            latched: false,
            asserted: false,
            edge: false,
            active: false,
            priority: 0,
            group: 0,
          }),
        );
        const model = new GicModel(interrupts, CPUS, 2);
        for (const [intid, cpu] of INTERRUPTS) {
          gic.setFlag(cpu, intid, ISENABLER);
          if (intid >= 32) gic.setTarget(intid, 0);
        }
        for (let cpu = 0; cpu < CPUS; cpu++) {
          gic.setBinaryPoint(cpu, 2);
          gic.setMask(cpu, 0xf8);
          model.cpus[cpu].mask = 0xf8;
        }
        for (const step of operations) {
          apply(step, gic, model);
          for (let cpu = 0; cpu < CPUS; cpu++) {
            const signalled = model.signalled(cpu);
            expect(gic.outputs[cpu]).toEqual({
              irq: signalled?.group === 1,
              fiq: signalled?.group === 0,
              virq: false,
              vfiq: false,
            });
            expect(gic.running(cpu)).toBe(Math.min(model.running(cpu), 0xff));
          }
        }
      }),
      { numRuns: 150 },
    );
  });
});
