import { describe, expect, test } from 'vitest';
import {
  CTLR,
  EOIR,
  enable,
  GICH,
  GICV,
  type Gic,
  gic,
  IAR,
  isActive,
  isPending,
  open,
} from './gicv2_driver.ts';

describe('GICv2 virtualization', () => {
  const LR = GICH + 0x100;
  const PENDING = 1 << 28;
  const GROUP1 = 1 << 30;
  const HW = 2 ** 31;
  const EOI = 1 << 19;
  const openVirtual = (g: Gic) => {
    g.write(GICH, 1);
    g.write(GICV, 7);
    g.write(GICV + 4, 0xf8);
  };

  test('a pending list register raises the virtual IRQ, is acknowledged, and is empty after EOI', () => {
    const g = gic();
    openVirtual(g);
    g.write(LR + 4, PENDING | GROUP1 | (4 << 23) | 77);
    expect(g.outputs[0]).toMatchObject({ irq: false, virq: true });
    expect(g.read(GICV + 0xc)).toBe(77);
    expect([g.outputs[0].virq, g.read(GICV + 0x14), g.read(GICH + 0xf0)]).toEqual([false, 0x20, 1 << 4]);
    expect((g.read(LR + 4) >>> 28) & 3).toBe(2);
    g.write(GICV + 0x10, 77);
    expect([(g.read(LR + 4) >>> 28) & 3, g.read(GICH + 0x30)]).toEqual([0, 0xf]);
  });

  test('EOI of a hardware list register deactivates the physical interrupt', () => {
    const g = gic();
    open(g);
    openVirtual(g);
    enable(g, 27);
    g.device.line(27)(true);
    g.write(CTLR, 0x207);
    g.read(IAR);
    g.write(EOIR, 27);
    g.write(LR, HW + PENDING + (27 << 10) + 27);
    expect(isActive(g, 27)).toBe(true);
    g.read(GICV + 0xc);
    g.write(GICV + 0x10, 27);
    expect(isActive(g, 27)).toBe(false);
  });

  test('the sender of a virtual SGI is read back from IAR', () => {
    const g = gic();
    openVirtual(g);
    g.write(LR, PENDING | (5 << 10) | 3);
    expect(g.read(GICV + 0xc)).toBe((5 << 10) | 3);
    g.write(GICV + 0x10, (5 << 10) | 3);
    expect((g.read(LR) >>> 28) & 3).toBe(0);
  });

  test('an EOI that no list register answers is counted, and LRENPIE makes a maintenance interrupt of it', () => {
    const g = gic();
    open(g);
    openVirtual(g);
    enable(g, 25);
    g.write(LR, PENDING | 40);
    g.read(GICV + 0xc);
    g.write(LR, 0);
    g.write(GICV + 0x10, 40);
    expect(g.read(GICH) >>> 27).toBe(1);
    expect(g.outputs[0].irq).toBe(false);
    g.write(GICH, (1 << 27) | 5);
    expect([g.read(GICH + 0x10), g.outputs[0].irq, g.read(IAR)]).toEqual([4, true, 25]);
  });

  test('underflow, no-pending, EOI and group conditions show in MISR and drive PPI 25 as a level', () => {
    const g = gic();
    openVirtual(g);
    g.write(GICH, 0b1010_1011);
    // U and NP: no list register is used; VGrp0D and VGrp1D: both groups are on, so neither.
    expect([g.read(GICH + 0x10), isPending(g, 25)]).toEqual([0b1010, true]);
    g.write(LR, PENDING | 40);
    g.write(LR + 4, PENDING | EOI | 41);
    expect([g.read(GICH + 0x10), isPending(g, 25)]).toEqual([0, false]);
    g.write(GICV, 0);
    expect([g.read(GICH + 0x10), isPending(g, 25)]).toEqual([0b1010_0000, true]);
    g.write(GICV, 7);
    g.read(GICV + 0xc);
    g.write(GICV + 0x10, 40);
    g.read(GICV + 0xc);
    g.write(GICV + 0x10, 41);
    expect([g.read(GICH + 0x20), g.read(GICH + 0x30), g.read(GICH + 0x10) & 1]).toEqual([2, 0xd, 1]);
    g.write(GICH, 0);
    expect(isPending(g, 25)).toBe(false);
  });

  test('the hypervisor sees the guest-visible controls in VMCR and writes them there', () => {
    const g = gic();
    g.write(GICH + 8, 0xf8_0000_00 + (4 << 21) + (5 << 18) + 0x20b);
    expect([g.read(GICV), g.read(GICV + 4), g.read(GICV + 8), g.read(GICV + 0x1c)]).toEqual([
      0x20b, 0xf8, 4, 5,
    ]);
    g.write(GICV + 4, 0x47);
    expect(g.read(GICH + 8) >>> 27).toBe(8);
  });

  test('each CPU has its own list registers', () => {
    const g = gic(2);
    g.on(1);
    openVirtual(g);
    g.write(LR, PENDING | 40);
    expect(g.outputs.map((o) => o.virq)).toEqual([false, true]);
    g.on(0);
    expect(g.read(LR)).toBe(0);
  });
});
