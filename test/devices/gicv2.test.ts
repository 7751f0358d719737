import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  AHPPIR,
  AIAR,
  BPR,
  bitOf,
  CTLR,
  DIR,
  EOIR,
  enable,
  GICC,
  GICD,
  GICH,
  GICV,
  type Gic,
  GROUP1_PENDING,
  gic,
  HPPIR,
  IAR,
  isActive,
  isPending,
  open,
  PMR,
  pend,
  RPR,
  SPURIOUS,
  setGroup1,
  setPriority,
} from './gicv2_driver.ts';

describe('GICv2 against QEMU', () => {
  interface Golden {
    [window: string]: { reset: { [offset: string]: number }; ones: { [offset: string]: number } };
  }
  const golden: Golden = JSON.parse(
    readFileSync(new URL('gicv2-registers.qemu.json', import.meta.url), 'utf8'),
  );
  const bases: { [window: string]: [number, number] } = {
    gicd: [GICD, 0x1000],
    gicc: [GICC, 0x1010],
    gich: [GICH, 0x200],
    gicv: [GICV, 0x1010],
  };
  /** Offsets compared: not the registers with side effects, nor the empty parts, nor the AHPPIRs, which QEMU 7.2 does not have. */
  const offsets = (window: string): number[] => {
    const all = Array.from({ length: bases[window][1] / 4 }, (_, i) => 4 * i);
    if (window !== 'gicc' && window !== 'gicv') return all;
    return all.filter((o) => ![0xc, 0x10, 0x20, 0x24, 0x28, 0x1000].includes(o) && (o < 0x100 || o > 0x1000));
  };
  const dump = (g: Gic, window: string) => {
    const found: { [offset: string]: number } = {};
    for (const o of offsets(window)) {
      const value = g.read(bases[window][0] + o);
      if (value !== 0) found[`0x${o.toString(16)}`] = value;
    }
    return found;
  };

  for (const window of Object.keys(bases)) {
    test(`every ${window} register reads what QEMU reads at reset`, () => {
      expect(dump(gic(), window)).toEqual(golden[window].reset);
    });
    test(`every ${window} register, all written with ones, keeps the bits that QEMU keeps`, () => {
      const g = gic();
      for (const o of offsets(window)) {
        // The golden run sends no SGI by SGIR and sets nothing pending by ISPENDR and ICPENDR.
        if (window === 'gicd' && (o === 0xf00 || (o >= 0x200 && o < 0x300))) continue;
        g.write(bases[window][0] + o, 0xffffffff);
      }
      const ours = dump(g, window);
      // QEMU keeps senders that do not exist: here there is one CPU.
      const qemu = Object.entries(golden[window].ones).map(([o, value]) =>
        window === 'gicd' && Number(o) >= 0xf10 && Number(o) < 0xf30 ? [o, value & 0x0101_0101] : [o, value],
      );
      expect(ours).toEqual(Object.fromEntries(qemu));
    });
  }

  test('random operations on all four windows read what QEMU reads', () => {
    const traces = readFileSync(new URL('gicv2-traces.qemu.txt', import.meta.url), 'utf8')
      .trim()
      .split('\n');
    expect(traces.length).toBe(4);
    for (const [number, trace] of traces.entries()) {
      const g = gic();
      const different: string[] = [];
      for (const [step, operation] of trace.split(' ').entries()) {
        const [address, value] = operation
          .slice(1)
          .split(':')
          .map((hex) => Number.parseInt(hex, 16));
        if (operation[0] === 'l') g.device.line(address)(value === 1);
        else if (operation[0] === 'w') g.write(address, value);
        else {
          const ours = g.read(address);
          if (ours !== value)
            different.push(`trace ${number} step ${step}: ${operation}, ours ${ours.toString(16)}`);
        }
      }
      expect(different).toEqual([]);
    }
  });
});

describe('GICv2 distributor', () => {
  test('an interrupt reaches the CPU when it is pending, enabled, forwarded, unmasked and its group is on', () => {
    const g = gic();
    open(g);
    enable(g, 40);
    g.device.line(40)(true);
    expect(g.outputs[0].irq).toBe(true);
    for (const [address, off, on] of [
      [GICD, 2, 3],
      [CTLR, 6, 7],
      [PMR, 0, 0xff],
    ]) {
      g.write(address, off);
      expect(g.outputs[0].irq).toBe(false);
      g.write(address, on);
      expect(g.outputs[0].irq).toBe(true);
    }
    g.write(...bitOf(GICD + 0x180, 40));
    expect(g.outputs[0].irq).toBe(false);
  });

  test('a level stays pending through acknowledge and comes again after EOI while the line is high', () => {
    const g = gic();
    open(g);
    enable(g, 33);
    const line = g.device.line(33);
    line(true);
    expect(g.read(IAR)).toBe(33);
    expect([isPending(g, 33), isActive(g, 33), g.outputs[0].irq]).toEqual([true, true, false]);
    g.write(EOIR, 33);
    expect(g.outputs[0].irq).toBe(true);
    line(false);
    expect([isPending(g, 33), g.outputs[0].irq]).toEqual([false, false]);
  });

  test('an edge is pending once: acknowledge uses it up, and a falling line does not take it back', () => {
    const g = gic();
    open(g);
    enable(g, 33);
    g.write(GICD + 0xc08, 2 << 2);
    const line = g.device.line(33);
    line(true);
    line(false);
    expect(isPending(g, 33)).toBe(true);
    expect(g.read(IAR)).toBe(33);
    expect(isPending(g, 33)).toBe(false);
    line(true);
    expect([isPending(g, 33), isActive(g, 33)]).toEqual([true, true]);
  });

  test('software cannot clear the pending state that a level holds, and can clear what it set itself', () => {
    const g = gic();
    open(g);
    g.device.line(33)(true);
    pend(g, 34);
    g.write(GICD + 0x284, 6);
    expect([isPending(g, 33), isPending(g, 34)]).toEqual([true, false]);
  });

  test('a shared interrupt goes to the CPUs of its target byte, and to nobody after one has acknowledged', () => {
    const g = gic(4);
    open(g);
    g.on(2);
    open(g);
    enable(g, 50);
    g.write(GICD + 0x800 + 50, 0x05, 1);
    pend(g, 50);
    expect(g.outputs.map((o) => o.irq)).toEqual([true, false, true, false]);
    expect(g.read(IAR)).toBe(50);
    expect(g.outputs.map((o) => o.irq)).toEqual([false, false, false, false]);
    g.on(0);
    expect(g.read(IAR)).toBe(SPURIOUS);
  });

  test('private interrupts and their registers are banked by CPU', () => {
    const g = gic(2);
    g.on(1);
    open(g);
    enable(g, 27);
    setPriority(g, 27, 0x40);
    g.device.line(27, 1)(true);
    expect([g.read(GICD + 0x800, 1), g.read(GICD + 0x400 + 27, 1), g.outputs[1].irq]).toEqual([
      2,
      0x40,
      true,
    ]);
    g.on(0);
    expect([g.read(GICD + 0x800, 1), g.read(GICD + 0x400 + 27, 1), isPending(g, 27)]).toEqual([1, 0, false]);
  });

  test('GICD_TYPER tells 288 interrupts and the number of CPUs', () => {
    expect(gic(4).read(GICD + 4)).toBe(0x68);
  });
});

describe('GICv2 software generated interrupts', () => {
  test('SGIR sends to a list, to all others, or to the sender itself', () => {
    const g = gic(3);
    const pendingOn = (sgi: number) =>
      [0, 1, 2].map((cpu) => {
        g.on(cpu);
        return isPending(g, sgi);
      });
    g.on(1);
    g.write(GICD + 0xf00, (0x5 << 16) | 3);
    g.on(1);
    g.write(GICD + 0xf00, (1 << 24) | 4);
    g.on(1);
    g.write(GICD + 0xf00, (2 << 24) | 5);
    expect([pendingOn(3), pendingOn(4), pendingOn(5)]).toEqual([
      [true, false, true],
      [true, false, true],
      [false, true, false],
    ]);
  });

  test('one SGI from two CPUs is acknowledged twice, the lower sender first, each with its sender', () => {
    const g = gic(3);
    open(g);
    for (const sender of [2, 1]) {
      g.on(sender);
      g.write(GICD + 0xf00, (1 << 16) | 7);
    }
    g.on(0);
    expect([g.read(GICD + 0xf24) >>> 24, g.read(HPPIR)]).toEqual([0x06, (1 << 10) | 7]);
    expect(g.read(IAR)).toBe((1 << 10) | 7);
    expect([isPending(g, 7), isActive(g, 7)]).toEqual([true, true]);
    g.write(EOIR, (1 << 10) | 7);
    expect(g.read(IAR)).toBe((2 << 10) | 7);
    g.write(EOIR, (2 << 10) | 7);
    expect([isPending(g, 7), g.read(IAR)]).toEqual([false, SPURIOUS]);
  });

  test('CPENDSGIR takes back one sender alone', () => {
    const g = gic(2);
    g.write(GICD + 0xf24, 0x03, 1);
    g.write(GICD + 0xf14, 0x01, 1);
    expect([g.read(GICD + 0xf24, 1), isPending(g, 4)]).toEqual([0x02, true]);
    g.write(GICD + 0xf14, 0x02, 1);
    expect([g.read(GICD + 0xf24, 1), isPending(g, 4)]).toEqual([0, false]);
  });
});

describe('GICv2 CPU interface', () => {
  test('the lowest priority value comes first, and of equals the lowest INTID', () => {
    const g = gic();
    open(g);
    for (const [intid, priority] of [
      [60, 0x80],
      [50, 0x80],
      [70, 0x40],
    ]) {
      enable(g, intid);
      setPriority(g, intid, priority);
      pend(g, intid);
    }
    const order = [70, 50, 60].map(() => {
      const intid = g.read(IAR);
      g.write(EOIR, intid);
      return intid;
    });
    expect(order).toEqual([70, 50, 60]);
  });

  test('only a higher group priority preempts; the binary point says what the group is', () => {
    for (const [point, preempts] of [
      [3, true],
      [4, false],
    ] as const) {
      const g = gic();
      open(g);
      g.write(BPR, point);
      for (const [intid, priority] of [
        [40, 0x50],
        [41, 0x40],
      ]) {
        enable(g, intid);
        setPriority(g, intid, priority);
      }
      pend(g, 40);
      expect(g.read(IAR)).toBe(40);
      pend(g, 41);
      expect(g.outputs[0].irq).toBe(preempts);
      expect(g.read(IAR)).toBe(preempts ? 41 : SPURIOUS);
      expect(g.read(RPR)).toBe(0x40);
    }
  });

  test('after the inner EOI the outer priority runs again, after the outer one nothing does', () => {
    const g = gic();
    open(g);
    for (const [intid, priority] of [
      [40, 0x80],
      [41, 0x20],
    ]) {
      enable(g, intid);
      setPriority(g, intid, priority);
      pend(g, intid);
      expect(g.read(IAR)).toBe(intid);
    }
    g.write(EOIR, 41);
    expect(g.read(RPR)).toBe(0x80);
    g.write(EOIR, 40);
    expect(g.read(RPR)).toBe(0xff);
  });

  test('with EOImode 1 EOIR drops the priority and DIR deactivates', () => {
    const g = gic();
    open(g);
    g.write(CTLR, 0x207);
    enable(g, 40);
    pend(g, 40);
    g.read(IAR);
    g.write(EOIR, 40);
    expect([g.read(RPR), isActive(g, 40)]).toEqual([0xff, true]);
    pend(g, 40);
    expect(g.read(IAR)).toBe(SPURIOUS);
    g.write(DIR, 40);
    expect([isActive(g, 40), g.read(IAR)]).toEqual([false, 40]);
  });

  test('with FIQEn group 0 is a FIQ and group 1 an IRQ', () => {
    const g = gic();
    open(g);
    g.write(CTLR, 0xf);
    enable(g, 40);
    pend(g, 40);
    expect(g.outputs[0]).toMatchObject({ irq: false, fiq: true });
    setGroup1(g, 40);
    expect(g.outputs[0]).toMatchObject({ irq: true, fiq: false });
  });

  test('without AckCtl IAR and HPPIR say 1022 for group 1 and acknowledge nothing; the aliases do', () => {
    const g = gic();
    open(g);
    g.write(CTLR, 3);
    setGroup1(g, 40);
    enable(g, 40);
    pend(g, 40);
    expect([g.read(IAR), g.read(HPPIR), isActive(g, 40)]).toEqual([GROUP1_PENDING, GROUP1_PENDING, false]);
    expect([g.read(AHPPIR), g.read(AIAR), isActive(g, 40)]).toEqual([40, 40, true]);
    g.write(GICC + 0x24, 40);
    expect(isActive(g, 40)).toBe(false);
  });

  test('the aliases do not see group 0', () => {
    const g = gic();
    open(g);
    enable(g, 40);
    pend(g, 40);
    expect([g.read(AHPPIR), g.read(AIAR), isActive(g, 40)]).toEqual([SPURIOUS, SPURIOUS, false]);
  });

  test('an interrupt of a group that the CPU interface has off is not acknowledged', () => {
    const g = gic();
    open(g);
    setGroup1(g, 40);
    enable(g, 40);
    pend(g, 40);
    g.write(CTLR, 5);
    expect([g.outputs[0].irq, g.read(IAR), g.read(HPPIR)]).toEqual([false, SPURIOUS, SPURIOUS]);
  });
});

describe('GICv2 as a device', () => {
  test('no access of any size anywhere in a window throws', () => {
    const g = gic(2);
    const { gicd, gicc, gich, gicv } = g.device;
    for (const window of [gicd, gicc, gich, gicv])
      for (let offset = 0; offset < 0x2000; offset++)
        for (const width of [1, 2, 4] as const) {
          if (offset % width !== 0) continue;
          window.write(offset, width, 0xffff_ffff);
          const value = window.read(offset, width);
          if (value < 0 || value > 2 ** (8 * width) - 1)
            expect.unreachable(`${window.registerName(offset)}: ${value}`);
        }
  });

  test('every step of an interrupt is an event', () => {
    const g = gic();
    open(g);
    enable(g, 33);
    setPriority(g, 33, 0x20);
    g.device.line(33)(true);
    g.read(IAR);
    g.device.line(33)(false);
    g.write(EOIR, 33);
    g.write(GICD + 0xf00, 2 << 24);
    expect(
      g.events.filter((e) => e.table === 'interrupts').map((e) => [e['intid'], e['event'], e['detail']]),
    ).toEqual([
      [33, 'raised', null],
      [33, 'acknowledged', 0x20],
      [33, 'lowered', null],
      [33, 'priority drop', 0x20],
      [33, 'deactivated', null],
      [0, 'pending', 0],
    ]);
  });

  test('onOutputsChanged is called when an input of a CPU changes and not otherwise', () => {
    const g = gic();
    open(g);
    enable(g, 40);
    pend(g, 40);
    const before = g.changes();
    expect(before).toBe(1);
    pend(g, 40);
    g.read(HPPIR);
    expect(g.changes()).toBe(before);
    g.read(IAR);
    expect(g.changes()).toBe(before + 1);
  });

  test('registers are named as in the manual, arrays by index', () => {
    const { device } = gic();
    expect([0, 4, 0x104, 0x421, 0xf24].map((o) => device.gicd.registerName(o))).toEqual([
      'GICD_CTLR',
      'GICD_TYPER',
      'GICD_ISENABLER1',
      'GICD_IPRIORITYR8',
      'GICD_SPENDSGIR1',
    ]);
    expect([
      device.gicc.registerName(0x1000),
      device.gich.registerName(0x10c),
      device.gicv.registerName(0xc),
    ]).toEqual(['GICC_DIR', 'GICH_LR3', 'GICV_IAR']);
  });

  test('a restored GIC goes on where the saved one was, in whichever order its windows are restored', () => {
    const g = gic(2);
    open(g);
    g.write(GICH, 9);
    g.write(GICH + 8, 0xf800_0003);
    g.write(GICH + 0x104, (1 << 28) | 40);
    enable(g, 40);
    g.device.line(40)(true);
    g.write(GICD + 0x800 + 40, 1, 1);
    g.read(IAR);
    pend(g, 25);
    enable(g, 25);
    const windows = (x: Gic) => [x.device.gicd, x.device.gicc, x.device.gich, x.device.gicv];
    const saved = windows(g).map((window) => JSON.parse(JSON.stringify(window.save())));
    for (const order of [
      [0, 1, 2, 3],
      [3, 2, 1, 0],
    ]) {
      const other = gic(2);
      for (const i of order) windows(other)[i].restore(saved[i]);
      expect(other.outputs).toEqual(g.outputs);
      expect(windows(other).map((window) => window.save())).toEqual(saved);
      other.write(EOIR, 40);
      expect(isActive(other, 40)).toBe(false);
    }
  });
});
