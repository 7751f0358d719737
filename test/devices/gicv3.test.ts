import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { gicRegisters } from '../../src/cpu/sysregs/gic.ts';
import {
  enable,
  FRAMES,
  GICD,
  GICR,
  type Gic,
  gic,
  isActive,
  isPending,
  open,
  pend,
  ROUTED,
  raise,
  SPURIOUS,
  setGroup1,
  setPriority,
} from './gicv3_driver.ts';

describe('GICv3 against QEMU', () => {
  type Dump = { [offset: string]: number };
  const golden: {
    gicd: { reset: Dump; ones: Dump };
    gicr: { reset: Dump; ones: Dump };
    systemRegisters: { [name: string]: number };
  } = JSON.parse(readFileSync(new URL('gicv3-registers.qemu.json', import.meta.url), 'utf8'));

  const windows = [
    ['gicd', GICD, 0x1_0000],
    ['gicr', GICR, FRAMES],
  ] as const;
  const offsets = (window: string, size: number) =>
    Array.from({ length: size / 4 }, (_, i) => 4 * i).filter(
      (o) => window === 'gicr' || o < 0x1000 || (o >= 0x6000 && o < 0x6800) || o >= 0xffc0,
    );
  const dump = (g: Gic, window: string, base: number, size: number): Dump => {
    const found: Dump = {};
    for (const o of offsets(window, size)) {
      const value = g.read(base + o);
      if (value !== 0) found[`0x${o.toString(16)}`] = value;
    }
    return found;
  };

  for (const [window, base, size] of windows) {
    test(`every ${window} register reads what QEMU reads at reset`, () => {
      expect(dump(gic(2), window, base, size)).toEqual(golden[window].reset);
    });
    test(`every ${window} register, all written with ones, keeps what QEMU keeps, reserved bits excepted`, () => {
      const g = gic(2);
      const pendingBase = window === 'gicd' ? 0x200 : 0x1_0200;
      for (const o of offsets(window, size))
        if (o < pendingBase || o >= pendingBase + 0x100) g.write(base + o, 0xffffffff);
      // QEMU stores what the manual reserves: IROUTER's mode (No1N is 1), and the bits between PROPBASER's and PENDBASER's fields.
      const reserved = (offset: number): number => {
        if (window === 'gicd' && offset >= 0x6000 && offset < 0xff00)
          return offset % 8 === 0 ? 0x00ffffff : 0xff;
        if (window === 'gicr' && offset >= 0x70 && offset < 0x80)
          return [0xffffff9f, 0x070fffff, 0xffff0f80, 0x070fffff][(offset - 0x70) / 4];
        return 0xffffffff;
      };
      const expected = Object.entries(golden[window].ones).map(([o, v]) => [
        o,
        (v & reserved(Number(o))) >>> 0,
      ]);
      expect(dump(g, window, base, size)).toEqual(Object.fromEntries(expected));
    });
  }

  test('every system register reads what QEMU reads at reset', () => {
    const g = gic();
    const names = Object.keys(golden.systemRegisters);
    expect(Object.fromEntries(names.map((name) => [name, g.mrs(name)]))).toEqual(golden.systemRegisters);
  });

  test('random operations on frames and system registers, physical and virtual, read what QEMU reads', () => {
    const traces = readFileSync(new URL('gicv3-traces.qemu.txt', import.meta.url), 'utf8')
      .trim()
      .split('\n');
    expect(traces.length).toBe(4);
    for (const [number, trace] of traces.entries()) {
      const g = gic();
      const different: string[] = [];
      for (const [step, operation] of trace.split(' ').entries()) {
        const [where, hex] = operation.split(':');
        const value = BigInt(`0x${hex}`);
        const kind = where[0];
        const el = Number(where[1]);
        const name = where.slice(2);
        const address = Number.parseInt(where.slice(1), 16);
        const { irq, fiq, virq, vfiq } = g.outputs[0];
        let ours = value;
        if (kind === 'l') g.device.line(address)(value === 1n);
        else if (kind === 'w') g.write(address, Number(value));
        else if (kind === 'M') g.msr(name, value, el);
        else if (kind === 'r') ours = BigInt(g.read(address));
        else if (name === 'ISR_EL1')
          ours = BigInt((Number(el === 2 ? irq : virq) << 7) | (Number(el === 2 ? fiq : vfiq) << 6));
        else ours = g.device.readRegister(0, name, { el, hcr: ROUTED });
        if (ours !== value)
          different.push(`trace ${number} step ${step}: ${operation}, ours ${ours.toString(16)}`);
      }
      expect(different).toEqual([]);
    }
  });
});

describe('GICv3 distributor and redistributors', () => {
  test('a shared interrupt goes to the CPU that IROUTER names, and nowhere when no CPU has that affinity', () => {
    const g = gic(18);
    open(g, 18);
    raise(g, 40);
    const signalled = () => g.outputs.flatMap((o, cpu) => (o.irq ? [cpu] : []));
    expect(signalled()).toEqual([0]);
    g.write(GICD + 0x6000 + 8 * 40, 3);
    expect(signalled()).toEqual([3]);
    g.write(GICD + 0x6000 + 8 * 40, 0x101);
    expect(signalled()).toEqual([17]);
    g.write(GICD + 0x6000 + 8 * 40, 0x11);
    expect(signalled()).toEqual([]);
    g.write(GICD + 0x6000 + 8 * 40, 0);
    g.write(GICD + 0x6000 + 8 * 40 + 4, 1);
    expect(signalled()).toEqual([]);
  });

  test('each redistributor tells its number, its affinity and whether it is the last', () => {
    const g = gic(18);
    const typer = (cpu: number) => [g.read(GICR + cpu * FRAMES + 8), g.read(GICR + cpu * FRAMES + 12)];
    expect([typer(0), typer(16), typer(17)]).toEqual([
      [0x0100_0001, 0],
      [0x0100_1001, 0x100],
      [0x0100_1111, 0x101],
    ]);
  });

  test('WAKER wakes and sleeps at once', () => {
    const g = gic();
    g.write(GICR + 0x14, 0);
    expect(g.read(GICR + 0x14)).toBe(0);
    g.write(GICR + 0x14, 2);
    expect(g.read(GICR + 0x14)).toBe(6);
  });

  test('a PPI belongs to one CPU: its line, its enable, its priority', () => {
    const g = gic(2);
    open(g, 2);
    setGroup1(g, 27, 1);
    enable(g, 27, 1);
    g.device.line(27, 1)(true);
    expect(g.outputs.map((o) => o.irq)).toEqual([false, true]);
    expect([isPending(g, 27, 0), isPending(g, 27, 1)]).toEqual([false, true]);
  });
});

describe('GICv3 software generated interrupts', () => {
  const pendingOn = (g: Gic, sgi: number) =>
    g.outputs.flatMap((_, cpu) => (isPending(g, sgi, cpu) ? [cpu] : []));

  test('SGI1R reaches the listed CPUs of one cluster whose SGI is of group 1', () => {
    const g = gic(18);
    for (const cpu of [0, 2, 17]) setGroup1(g, 5, cpu);
    g.msr('ICC_SGI1R_EL1', (5n << 24n) | 0b111n);
    expect(pendingOn(g, 5)).toEqual([0, 2]);
    g.msr('ICC_SGI1R_EL1', (5n << 24n) | (1n << 16n) | 0b10n);
    expect(pendingOn(g, 5)).toEqual([0, 2, 17]);
  });

  test('SGI0R and ASGI1R reach those of group 0', () => {
    const g = gic(2);
    setGroup1(g, 5, 1);
    g.msr('ICC_SGI0R_EL1', (5n << 24n) | 0b11n);
    expect(pendingOn(g, 5)).toEqual([0]);
    g.msr('ICC_ASGI1R_EL1', (6n << 24n) | 0b10n);
    expect(pendingOn(g, 6)).toEqual([1]);
  });

  test('with IRM an SGI reaches all but the sender', () => {
    const g = gic(3);
    for (const cpu of [0, 1, 2]) setGroup1(g, 5, cpu);
    g.msr('ICC_SGI1R_EL1', (5n << 24n) | (1n << 40n), 2, 1);
    expect(pendingOn(g, 5)).toEqual([0, 2]);
  });

  test('another Aff2, Aff3 or range selector reaches nobody', () => {
    const g = gic(2);
    for (const cpu of [0, 1]) setGroup1(g, 5, cpu);
    for (const shift of [32n, 44n, 48n]) g.msr('ICC_SGI1R_EL1', (5n << 24n) | (1n << shift) | 3n);
    expect(pendingOn(g, 5)).toEqual([]);
  });
});

describe('GICv3 CPU interface', () => {
  test('group 1 is an IRQ acknowledged by IAR1, group 0 a FIQ acknowledged by IAR0', () => {
    const g = gic();
    open(g);
    raise(g, 40, 0x40);
    expect(g.outputs[0]).toMatchObject({ irq: true, fiq: false });
    expect([g.mrs('ICC_IAR0_EL1'), g.mrs('ICC_HPPIR0_EL1'), g.mrs('ICC_HPPIR1_EL1')]).toEqual([
      SPURIOUS,
      SPURIOUS,
      40,
    ]);
    enable(g, 41);
    setPriority(g, 41, 0x20);
    pend(g, 41);
    expect(g.outputs[0]).toMatchObject({ irq: false, fiq: true });
    expect([g.mrs('ICC_IAR1_EL1'), g.mrs('ICC_IAR0_EL1')]).toEqual([SPURIOUS, 41]);
  });

  test('the interrupt of a group that is off at the CPU interface does not hide one of the other', () => {
    const g = gic();
    open(g);
    raise(g, 40, 0x40);
    enable(g, 41);
    pend(g, 41);
    g.msr('ICC_IGRPEN0_EL1', 0);
    expect(g.outputs[0]).toMatchObject({ irq: true, fiq: false });
    expect(g.mrs('ICC_IAR1_EL1')).toBe(40);
  });

  test('interrupts nest by group priority and end in order', () => {
    const g = gic();
    open(g);
    raise(g, 40, 0x80);
    expect(g.mrs('ICC_IAR1_EL1')).toBe(40);
    raise(g, 41, 0x80);
    expect(g.mrs('ICC_IAR1_EL1')).toBe(SPURIOUS);
    raise(g, 42, 0x40);
    expect(g.mrs('ICC_IAR1_EL1')).toBe(42);
    expect([g.mrs('ICC_RPR_EL1'), g.mrs('ICC_AP1R0_EL1')]).toEqual([0x40, (1 << 8) | (1 << 16)]);
    g.msr('ICC_EOIR1_EL1', 42);
    expect(g.mrs('ICC_RPR_EL1')).toBe(0x80);
    g.msr('ICC_EOIR1_EL1', 40);
    expect([g.mrs('ICC_RPR_EL1'), g.mrs('ICC_IAR1_EL1')]).toEqual([0xff, 41]);
  });

  test('with EOImode 1 EOIR1 drops the priority and DIR deactivates', () => {
    const g = gic();
    open(g);
    g.msr('ICC_CTLR_EL1', 2);
    raise(g, 40);
    g.mrs('ICC_IAR1_EL1');
    g.msr('ICC_EOIR1_EL1', 40);
    expect([g.mrs('ICC_RPR_EL1'), isActive(g, 40)]).toEqual([0xff, true]);
    g.msr('ICC_DIR_EL1', 40);
    expect(isActive(g, 40)).toBe(false);
  });

  test('the priority mask keeps 5 bits and lets only lower values through', () => {
    const g = gic();
    open(g);
    raise(g, 40, 0x80);
    g.msr('ICC_PMR_EL1', 0x87);
    expect([g.mrs('ICC_PMR_EL1'), g.outputs[0].irq]).toEqual([0x80, false]);
    g.msr('ICC_PMR_EL1', 0x88);
    expect(g.outputs[0].irq).toBe(true);
  });

  test('with CBPR BPR1 reads BPR0 plus one and ignores writes', () => {
    const g = gic();
    g.msr('ICC_BPR0_EL1', 5);
    g.msr('ICC_BPR1_EL1', 4);
    g.msr('ICC_CTLR_EL1', 1);
    g.msr('ICC_BPR1_EL1', 7);
    expect(g.mrs('ICC_BPR1_EL1')).toBe(6);
    g.msr('ICC_CTLR_EL1', 0);
    expect(g.mrs('ICC_BPR1_EL1')).toBe(4);
  });
});

describe('GICv3 as a device', () => {
  test('every register that the CPU delegates can be read and written where its row says so, at EL1 and EL2', () => {
    const { device } = gic();
    const delegated = gicRegisters.filter((row) => row.storage === 'gic');
    expect(delegated.length).toBeGreaterThan(30);
    for (const { name, access } of delegated)
      for (const view of [
        { el: 1, hcr: 0n },
        { el: 1, hcr: ROUTED },
        { el: 2, hcr: ROUTED },
      ]) {
        const allowed = access[view.el];
        if (allowed.includes('r')) expect(device.readRegister(0, name, view)).toBeTypeOf('bigint');
        if (allowed.includes('w')) device.writeRegister(0, name, 0xffff_ffff_ffff_ffffn, view);
      }
  });

  test('no access of any size anywhere in a window throws', () => {
    const { device } = gic(2);
    for (const [window, size] of [
      [device.gicd, 0x1_0000],
      [device.gicrs[1], FRAMES],
    ] as const)
      for (let offset = 0; offset < size; offset++)
        for (const width of [1, 2, 4] as const) {
          if (offset % width !== 0) continue;
          window.write(offset, width, 0xffff_ffff);
          const value = window.read(offset, width);
          if (value < 0 || value > 2 ** (8 * width) - 1)
            expect.unreachable(`${window.registerName(offset)}: ${value}`);
        }
  });

  test('every step of a virtual interrupt is an event', () => {
    const g = gic();
    g.msr('ICH_HCR_EL2', 1);
    g.msr('ICH_VMCR_EL2', 0xf84c_0003);
    g.msr('ICH_LR1_EL2', (5n << 60n) | 77n);
    g.mrs('ICC_IAR1_EL1', 1);
    g.msr('ICC_EOIR1_EL1', 77, 1);
    g.msr('ICH_HCR_EL2', 3);
    expect(g.events.map((e) => [e['intid'], e['event'], e['detail']])).toEqual([
      [77, 'list register', 1],
      [77, 'virtual acknowledged', 1],
      [77, 'virtual eoi', 1],
      [25, 'maintenance', 2],
      [25, 'raised', 0],
    ]);
  });

  test('registers are named as in the manual', () => {
    const { device } = gic(2);
    expect([0, 0x104, 0x6108, 0x610c, 0xffe8].map((o) => device.gicd.registerName(o))).toEqual([
      'GICD_CTLR',
      'GICD_ISENABLER1',
      'GICD_IROUTER33',
      'GICD_IROUTER33_high',
      'GICD_PIDR2',
    ]);
    expect([
      device.gicrs[1].name,
      device.gicrs[1].registerName(0x14),
      device.gicrs[1].registerName(0x1_0100),
    ]).toEqual(['gicr1', 'GICR_WAKER', 'GICR_ISENABLER0']);
  });

  test('a restored GIC goes on where the saved one was', () => {
    const g = gic(2);
    open(g, 2);
    raise(g, 40, 0x80);
    g.mrs('ICC_IAR1_EL1');
    g.write(GICD + 0x6000 + 8 * 50, 1);
    raise(g, 50, 0x40);
    g.device.line(27, 1)(true);
    g.msr('ICH_HCR_EL2', 3);
    g.msr('ICH_LR3_EL2', (4n << 60n) | 5n, 2, 1);
    const windows = (x: Gic) => [x.device.gicd, ...x.device.gicrs];
    const saved = windows(g).map((window) => JSON.parse(JSON.stringify(window.save())));
    const other = gic(2);
    windows(other).forEach((window, i) => {
      window.restore(saved[i]);
    });
    expect(other.outputs).toEqual(g.outputs);
    expect(windows(other).map((window) => window.save())).toEqual(saved);
    expect(other.mrs('ICC_IAR1_EL1', 2, 1)).toBe(50);
    other.msr('ICC_EOIR1_EL1', 40);
    expect(isActive(other, 40)).toBe(false);
  });
});
