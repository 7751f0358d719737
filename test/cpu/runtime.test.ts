import { describe, expect, it } from 'vitest';
import type { PowerControl } from '../../src/machine/psci.ts';
import { CpuMachine, mrs, msr, PC } from './cpu_machine.ts';

const RW = 1n << 31n;
const WFI = 0xd503_207f;
const WFE = 0xd503_205f;
const HVC = 0xd400_0002 | (0x44 << 5);
const SMC = 0xd400_0003 | (0x55 << 5);
const SVC = 0xd400_0001 | (0x66 << 5);

function machineAt(
  el: number,
  hcr = 0n,
  options: ConstructorParameters<typeof CpuMachine>[0] = {},
): CpuMachine {
  const machine = new CpuMachine(options);
  machine.registers.set('HCR_EL2', RW | hcr);
  machine.enter(el);
  return machine;
}

describe('exception-generating instructions', () => {
  it.each([
    // word, el, HCR, target, ESR, offset of the return address
    [SVC, 0, 0n, 1, 0x5600_0066, 4],
    [SVC, 0, 1n << 27n, 2, 0x5600_0066, 4],
    [SVC, 2, 0n, 2, 0x5600_0066, 4],
    [HVC, 1, 0n, 2, 0x5a00_0044, 4],
    [HVC, 2, 0n, 2, 0x5a00_0044, 4],
    [HVC, 0, 0n, 1, 0x0200_0000, 0],
    [HVC, 1, 1n << 29n, 1, 0x0200_0000, 0],
    [SMC, 1, 1n << 19n, 2, 0x5e00_0055, 0],
    [SMC, 0, 0n, 1, 0x0200_0000, 0],
  ])('%i at EL%i with HCR %s goes to EL%i with ESR %i', (word, el, hcr, target, esr, offset) => {
    const machine = machineAt(el, hcr);
    expect(machine.execute(word)).toMatchObject({ target, esr });
    expect(machine.registers.get(`ELR_EL${target}`)).toBe(PC + BigInt(offset));
  });

  it('BRK goes to EL2 where MDCR_EL2.TDE says so', () => {
    const machine = machineAt(1);
    machine.runtime.breakpoint(0xf000n);
    expect(machine.registers.get('ESR_EL1')).toBe(0xf200_f000n);
    const debugged = machineAt(1);
    debugged.registers.set('MDCR_EL2', 1n << 8n);
    debugged.runtime.breakpoint(1n);
    expect(debugged.registers.get('ESR_EL2')).toBe(0xf200_0001n);
  });

  it('without EL2, PSCI answers HVC, SMC is UNDEFINED, and ERET to EL0 works', () => {
    const machine = new CpuMachine({ el2: false });
    machine.state.setX(0, 0x8400_0000n);
    expect(machine.execute(HVC).target).toBe(-1);
    expect(machine.state.x(0)).toBe(0x1_0001n);
    expect(machine.execute(SMC)).toMatchObject({ target: 1, esr: 0x0200_0000 });
    machine.registers.set('SPSR_EL1', 0n);
    machine.runtime.exceptionReturn();
    expect([machine.state.small('el'), machine.state.small('il')]).toEqual([0, 0]);
    machine.enter(1);
    expect(machine.execute(mrs(0xc020)).value & 0xf00n, 'ID_AA64PFR0_EL1.EL2').toBe(0n);
  });
});

describe('PSTATE fields', () => {
  it('DAIFSet and DAIFClr change their bits and ask for attention; a trapped one is not counted in time', () => {
    const machine = machineAt(1);
    machine.state.setSmall('daif', 0b1000);
    machine.execute(0xd503_43df); // DAIFSet, #3
    expect(machine.state.small('daif')).toBe(0b1011);
    machine.execute(0xd503_49ff); // DAIFClr, #9
    expect(machine.state.small('daif')).toBe(0b0010);
    expect(machine.attention).toEqual(['interrupts', 'interrupts']);
    expect(machine.rows('sysregs')).toMatchObject([
      { register: 'DAIFSet', value: 3n },
      { register: 'DAIFClr', value: 9n },
    ]);
    machine.registers.set('SCTLR_EL1', 0n);
    machine.enter(0);
    // EC 0x18, op1 3, op2 6, CRn 4, Rt 31, CRm 3.
    expect(machine.execute(0xd503_43df)).toMatchObject({ target: 1, esr: 0x620c_d3e6 });
    expect(machine.uncounted).toBe(1);
  });

  it('PAN is UNDEFINED on this CPU, which is no gap to be named', () => {
    const machine = machineAt(1);
    expect(machine.execute(0xd500_419f)).toMatchObject({ target: 1, esr: 0x0200_0000 });
    expect(machine.rows('unimplemented')).toEqual([]);
  });
});

describe('waiting', () => {
  it('WFI waits, and does not where an interrupt is pending, masked or not', () => {
    const machine = machineAt(2);
    machine.execute(WFI);
    expect([machine.state.small('waiting'), machine.attention]).toEqual([1, ['wait']]);
    const pending = machineAt(2);
    pending.inputs.irq = true;
    pending.execute(WFI);
    expect([pending.state.small('waiting'), pending.attention]).toEqual([0, []]);
  });

  it.each([
    [0, 0n, 0n, 1, 0x07e0_0000],
    [0, 1n << 13n, 1n << 16n, 2, 0x07e0_0000],
    [1, 1n << 13n, 0n, 2, 0x07e0_0000],
    [2, 1n << 13n, 0n, -1, 0],
    [1, 0n, 0n, -1, 0],
  ])('WFI at EL%i with HCR %s and SCTLR_EL1 %s traps to %i, ESR %i', (el, hcr, sctlr, target, esr) => {
    const machine = machineAt(el, hcr);
    machine.registers.set('SCTLR_EL1', sctlr);
    expect(machine.execute(WFI)).toMatchObject({ target, esr });
  });

  it('a WFI that would trap does not where an interrupt is pending', () => {
    const machine = machineAt(1, 1n << 13n);
    machine.inputs.fiq = true;
    expect(machine.execute(WFI).target).toBe(-1);
  });

  it('WFE takes the event that SEVL left, then gives the turn away, or traps by TWE', () => {
    const machine = machineAt(1, 1n << 14n);
    machine.runtime.sendEventLocal();
    expect(machine.execute(WFE).target).toBe(-1);
    expect(machine.execute(WFE)).toMatchObject({ target: 2, esr: 0x07e0_0001 });
    const free = machineAt(1);
    free.execute(WFE);
    expect(free.attention).toEqual(['yield']);
  });
});

describe('system operations', () => {
  it('an inner-shareable TLBI is for every CPU, a local one only under HCR_EL2.FB', () => {
    const machine = machineAt(1);
    machine.execute(msr(0x4439)); // TLBI VAE1, S1_0_C8_C7_1
    machine.execute(msr(0x4419), 0x77n); // TLBI VAE1IS
    expect([machine.local.length, machine.broadcasts.length]).toEqual([1, 1]);
    machine.registers.set('HCR_EL2', RW | (1n << 9n));
    machine.execute(msr(0x4439));
    expect([machine.local.length, machine.broadcasts.length]).toEqual([1, 2]);
    expect(machine.rows('tlbi')[1]).toEqual({
      pc: PC,
      op: 'TLBI VAE1IS',
      argument: 0x77n,
      vmid: 3,
      asid: 5,
      el: 1,
    });
  });

  it('an operation for EL2 is UNDEFINED at EL1, and what is unallocated is named', () => {
    const machine = machineAt(1);
    expect(machine.execute(msr(0x6438))).toMatchObject({ target: 1, esr: 0x0200_0000 }); // TLBI ALLE2
    expect(machine.rows('unimplemented')).toHaveLength(0);
    machine.enter(2);
    expect(machine.execute(msr(0x7f80))).toMatchObject({ target: 2, esr: 0x0200_0000 });
    expect(machine.rows('unimplemented')).toHaveLength(1);
  });

  it('AT leaves its result in PAR_EL1', () => {
    const machine = machineAt(2);
    machine.execute(msr(0x63c0), 0x4000_0000n); // AT S1E2R
    expect(machine.registers.get('PAR_EL1')).toBe(0x4000_0a00n);
  });

  it('DC ZVA zeroes its aligned block of 64 bytes and writes a row of writes', () => {
    const machine = machineAt(1);
    machine.execute(msr(0x5ba1), 0x4000_0fffn);
    expect(machine.zeroed).toEqual([0x4000_0fc0]);
    expect(machine.rows('writes')).toEqual([{ pa: 0x4000_0fc0, length: 64, who: 'dc zva' }]);
    expect(machine.translations).toMatchObject([{ va: 0x4000_0fff, kind: 'write', el: 1, unaligned: true }]);
  });

  it('DC ZVA that faults aborts with FAR as given, WnR and not CM, and time does not count it', () => {
    const machine = machineAt(1);
    machine.answer = () => ({
      ok: false,
      fault: { type: 'translation', stage: 1, level: 2, s1ptw: false, ipa: 0 },
    });
    expect(machine.execute(msr(0x5ba1), 0x7777n)).toMatchObject({ target: 1, esr: 0x9600_0046 });
    expect(machine.registers.get('FAR_EL1')).toBe(0x7777n);
    expect([machine.zeroed, machine.uncounted]).toEqual([[], 1]);
  });

  it('DC CIVAC that faults has CM; DC IVAC needs write permission', () => {
    const machine = machineAt(1);
    machine.execute(msr(0x43b1), 0n); // DC IVAC
    machine.execute(msr(0x5bf1), 0n); // DC CIVAC
    expect(machine.translations).toMatchObject([
      { kind: 'write', cacheMaintenance: false },
      { kind: 'read', cacheMaintenance: true },
    ]);
    machine.answer = () => ({
      ok: false,
      fault: { type: 'translation', stage: 1, level: 0, s1ptw: false, ipa: 0 },
    });
    expect(machine.execute(msr(0x5bf1), 0n)).toMatchObject({ target: 1, esr: 0x9600_0144 });
  });
});

describe('semihosting', () => {
  const withMemory = (content: Record<number, number>) => {
    const machine = machineAt(1);
    machine.bytes = (va) => content[Number(va)];
    return machine;
  };
  it('writes a string up to its zero', () => {
    const machine = withMemory({ 16: 72, 17: 105, 18: 0 });
    machine.state.setX(0, 4n);
    machine.state.setX(1, 16n);
    machine.runtime.halt(0xf000n);
    expect(machine.output).toEqual([72, 105]);
  });
  it('exits with the status of the parameter block', () => {
    const bytes = [0x26, 0, 2, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0];
    const machine = withMemory({ ...bytes });
    machine.state.setX(0, 0x18n);
    machine.runtime.halt(0xf000n);
    expect(machine.exitStatus).toBe(3);
  });
  it('any other HLT is UNDEFINED', () => {
    const machine = machineAt(1);
    machine.runtime.halt(1n);
    expect(machine.registers.get('ESR_EL1')).toBe(0x0200_0000n);
  });
});

describe('firmware', () => {
  it('a PSCI call of EL1 by SMC answers in X0; an unknown function is -1', () => {
    const off: number[] = [];
    const power: Partial<PowerControl> = { systemOff: () => off.push(1) };
    const machine = machineAt(1, 0n, { power });
    machine.state.setX(0, 0x1234n);
    machine.execute(SMC);
    expect(machine.state.x(0)).toBe(0xffff_ffff_ffff_ffffn);
    machine.state.setX(0, 0x8400_0008n);
    machine.execute(SMC);
    expect([off, machine.state.x(0)]).toEqual([[1], 0x8400_0008n]);
  });
});
