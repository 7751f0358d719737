import { describe, expect, test } from 'vitest';
import {
  enable,
  type Gic,
  gic,
  isActive,
  isPending,
  open,
  ROUTED,
  raise,
  SPURIOUS,
  setGroup1,
} from './gicv3_driver.ts';

describe('GICv3 virtualization', () => {
  const PENDING = 1n << 62n;
  const GROUP1 = 1n << 60n;
  const HW = 1n << 61n;
  const EOI = 1n << 41n;
  const priority = (value: number) => BigInt(value) << 48n;
  const openVirtual = (g: Gic) => {
    g.msr('ICH_HCR_EL2', 1);
    g.msr('ICH_VMCR_EL2', 0xf84c_0003);
  };
  const stateOf = (g: Gic, n: number) =>
    Number(g.device.readRegister(0, `ICH_LR${n}_EL2`, { el: 2, hcr: 0n }) >> 62n);

  test('with ICH_HCR_EL2.En clear IAR is spurious and no interrupt is signalled, but HPPIR tells', () => {
    const g = gic();
    openVirtual(g);
    g.msr('ICH_LR0_EL2', PENDING | GROUP1 | priority(0x20) | 50n);
    expect(g.outputs[0].virq).toBe(true);
    g.msr('ICH_HCR_EL2', 0);
    expect(g.outputs[0].virq).toBe(false);
    expect([g.mrs('ICC_IAR1_EL1', 1), g.mrs('ICC_HPPIR1_EL1', 1)]).toEqual([SPURIOUS, 50]);
    expect(stateOf(g, 0)).toBe(1);
  });

  test('at EL1, IMO makes group 1 registers virtual, FMO group 0 ones, either the common ones; at EL2 none is', () => {
    const g = gic();
    openVirtual(g);
    const isVirtual = (name: string, el: number, hcr: bigint) =>
      g.device.readRegister(0, name, { el, hcr }) !== g.device.readRegister(0, name, { el: 2, hcr: 0n });
    const table = ['ICC_IGRPEN0_EL1', 'ICC_IGRPEN1_EL1', 'ICC_PMR_EL1'].map((name) =>
      [0n, 8n, 16n, 24n].map((hcr) => isVirtual(name, 1, hcr)),
    );
    expect(table).toEqual([
      [false, true, false, true],
      [false, false, true, true],
      [false, true, true, true],
    ]);
    expect(isVirtual('ICC_PMR_EL1', 2, ROUTED)).toBe(false);
  });

  test('a virtual interrupt is signalled, acknowledged, active, ended', () => {
    const g = gic();
    openVirtual(g);
    g.msr('ICH_LR2_EL2', PENDING | GROUP1 | priority(0x40) | 77n);
    expect(g.outputs[0]).toMatchObject({ irq: false, virq: true, vfiq: false });
    expect([g.mrs('ICC_IAR0_EL1', 1), g.mrs('ICC_IAR1_EL1', 1)]).toEqual([SPURIOUS, 77]);
    expect([stateOf(g, 2), g.outputs[0].virq, g.mrs('ICC_RPR_EL1', 1), g.mrs('ICH_AP1R0_EL2')]).toEqual([
      2,
      false,
      0x40,
      1 << 8,
    ]);
    g.msr('ICC_EOIR1_EL1', 77, 1);
    expect([stateOf(g, 2), g.mrs('ICC_RPR_EL1', 1)]).toEqual([0, 0xff]);
    g.msr('ICH_LR0_EL2', PENDING | 78n);
    expect(g.outputs[0]).toMatchObject({ virq: false, vfiq: true });
  });

  test('a hardware list register deactivates its physical interrupt, at EOIR or with EOImode 1 at DIR', () => {
    for (const eoiMode of [0, 2]) {
      const g = gic();
      open(g);
      openVirtual(g);
      g.msr('ICC_CTLR_EL1', 2);
      raise(g, 40);
      g.mrs('ICC_IAR1_EL1');
      g.msr('ICC_EOIR1_EL1', 40);
      g.msr('ICC_CTLR_EL1', eoiMode, 1);
      g.msr('ICH_LR0_EL2', PENDING | GROUP1 | HW | (40n << 32n) | 90n);
      g.mrs('ICC_IAR1_EL1', 1);
      g.msr('ICC_EOIR1_EL1', 90, 1);
      expect([isActive(g, 40), stateOf(g, 0)]).toEqual(eoiMode === 0 ? [false, 0] : [true, 2]);
      g.msr('ICC_DIR_EL1', 90, 1);
      expect([isActive(g, 40), stateOf(g, 0)]).toEqual([false, 0]);
    }
  });

  test('with more interrupts than list registers, EOIs that find none are counted and LRENPIE calls the hypervisor', () => {
    const g = gic();
    open(g);
    openVirtual(g);
    setGroup1(g, 25);
    enable(g, 25);
    g.msr('ICH_AP1R0_EL2', 1 << 8);
    g.msr('ICC_EOIR1_EL1', 99, 1);
    expect(g.mrs('ICH_HCR_EL2') >>> 27).toBe(1);
    g.msr('ICH_HCR_EL2', (1n << 27n) | 5n);
    expect([g.mrs('ICH_MISR_EL2'), g.outputs[0].irq, g.mrs('ICC_IAR1_EL1')]).toEqual([4, true, 25]);
    g.msr('ICH_HCR_EL2', 5);
    expect(isPending(g, 25)).toBe(false);
  });

  test('an EOI that ends no active priority is not counted', () => {
    const g = gic();
    openVirtual(g);
    g.msr('ICC_EOIR1_EL1', 99, 1);
    expect(g.mrs('ICH_HCR_EL2')).toBe(1);
  });

  test('with EOImode 1 a DIR that finds no list register is counted, and the EOIR before it is not', () => {
    const g = gic();
    openVirtual(g);
    g.msr('ICC_CTLR_EL1', 2, 1);
    g.msr('ICH_AP1R0_EL2', 1 << 8);
    g.msr('ICC_EOIR1_EL1', 99, 1);
    expect(g.mrs('ICH_HCR_EL2') >>> 27).toBe(0);
    g.msr('ICC_DIR_EL1', 99, 1);
    expect(g.mrs('ICH_HCR_EL2') >>> 27).toBe(1);
  });

  test('every maintenance condition shows in MISR only when enabled', () => {
    const g = gic();
    openVirtual(g);
    const misr = (hcr: number) => {
      g.msr('ICH_HCR_EL2', hcr);
      return g.mrs('ICH_MISR_EL2');
    };
    expect([misr(0x03), misr(0x09), misr(0x11), misr(0x21), misr(0x41), misr(0x81)]).toEqual([
      0x02, 0x08, 0x10, 0, 0x40, 0,
    ]);
    g.msr('ICH_VMCR_EL2', 0xf84c_0000);
    expect([misr(0x11), misr(0x21), misr(0x41), misr(0x81)]).toEqual([0, 0x20, 0, 0x80]);
    g.msr('ICH_VMCR_EL2', 0xf84c_0001);
    expect([misr(0x21), misr(0x81)]).toEqual([0, 0x80]);
    g.msr('ICH_LR0_EL2', PENDING | 40n);
    expect([misr(0x03), misr(0x09)]).toEqual([0x02, 0]);
    g.msr('ICH_LR1_EL2', PENDING | EOI | 41n);
    expect(misr(0x03)).toBe(0);
    g.msr('ICH_LR1_EL2', EOI | 41n);
    expect([g.mrs('ICH_EISR_EL2'), g.mrs('ICH_ELRSR_EL2'), misr(0x01)]).toEqual([2, 0xc, 1]);
  });

  test('a virtual LPI becomes active, its EOI deactivates it in both modes, and one that has no list register is not counted', () => {
    for (const eoiMode of [0, 2]) {
      const g = gic();
      openVirtual(g);
      g.msr('ICC_CTLR_EL1', eoiMode, 1);
      g.msr('ICH_LR0_EL2', PENDING | GROUP1 | 8200n);
      expect([g.mrs('ICC_IAR1_EL1', 1), stateOf(g, 0), g.mrs('ICC_RPR_EL1', 1)]).toEqual([8200, 2, 0]);
      g.msr('ICC_EOIR1_EL1', 8200, 1);
      expect([stateOf(g, 0), g.mrs('ICC_RPR_EL1', 1)]).toEqual([0, 0xff]);
      g.msr('ICH_AP1R0_EL2', 1);
      g.msr('ICC_EOIR1_EL1', 8200, 1);
      expect([g.mrs('ICC_RPR_EL1', 1), g.mrs('ICH_HCR_EL2')]).toEqual([0xff, 1]);
    }
  });

  test('the virtual machine writes VMCR through its registers', () => {
    const g = gic();
    g.msr('ICC_PMR_EL1', 0x47, 1);
    g.msr('ICC_BPR0_EL1', 4, 1);
    g.msr('ICC_BPR1_EL1', 6, 1);
    g.msr('ICC_CTLR_EL1', 2, 1);
    g.msr('ICC_IGRPEN1_EL1', 1, 1);
    expect(g.mrs('ICH_VMCR_EL2')).toBe(0x4098_020a);
  });
});
