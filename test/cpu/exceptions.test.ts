import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Fault } from '../../src/cpu/fault.ts';
import { CpuMachine, PC } from './cpu_machine.ts';

const RW = 1n << 31n;
const TGE = 1n << 27n;
const FMO = 1n << 3n;
const IMO = 1n << 4n;
const AMO = 1n << 5n;
const VBAR1 = 0xffff_0000_1111_0800n;
const VBAR2 = 0x0000_4444_2222_0000n;

/** A CPU at (el, spsel) with HCR_EL2 = RW + `hcr`, both vector bases, and marked stack pointers. */
function machineAt(el: number, spsel = el === 0 ? 0 : 1, hcr = 0n): CpuMachine {
  const machine = new CpuMachine();
  const { registers, state } = machine;
  registers.set('HCR_EL2', RW | hcr);
  registers.set('VBAR_EL1', VBAR1);
  registers.set('VBAR_EL2', VBAR2);
  machine.enter(0);
  state.set('sp', 0x5000n);
  state.set('spEl1', 0x5001n);
  state.set('spEl2', 0x5002n);
  state.set('spEl0', 0x5000n);
  machine.enter(el, spsel);
  state.set('sp', spsel === 0 ? 0x5000n : BigInt(0x5000 + el));
  state.setSmall('daif', 0);
  state.nzcv = 0x6000_0000;
  return machine;
}
const fault = (over: Partial<Fault>): Fault => ({
  type: 'translation',
  stage: 1,
  level: 3,
  s1ptw: false,
  ipa: 0,
  ...over,
});

describe('exception entry', () => {
  const kinds = [
    ['synchronous', 0x000],
    ['irq', 0x080],
    ['fiq', 0x100],
  ] as const;
  const from = [
    // el, spsel, HCR, target, block
    [0, 0, 0n, 1, 0x400],
    [1, 0, 0n, 1, 0x000],
    [1, 1, 0n, 1, 0x200],
    [0, 0, TGE, 2, 0x400],
    [2, 0, IMO | FMO, 2, 0x000],
    [2, 1, IMO | FMO, 2, 0x200],
    [1, 1, IMO | FMO, 2, 0x400],
  ] as const;

  it.each(from)(
    'from EL%i with SPSel %i and HCR %s goes to EL%i, block %i, for every kind',
    (el, spsel, hcr, target, block) => {
      for (const [kind, offset] of kinds) {
        const machine = machineAt(el, spsel, hcr);
        const { exceptions, registers, state } = machine;
        if (kind === 'synchronous') exceptions.synchronous(0x15, 1, { target, returnOffset: 4 });
        else exceptions.takeInterrupt(kind);
        const base = target === 1 ? VBAR1 : VBAR2;
        expect(state.get('pc'), kind).toBe(base + BigInt(block + offset));
        expect([state.small('el'), state.small('spsel'), state.small('daif')]).toEqual([target, 1, 15]);
        expect(state.get('sp'), 'the stack pointer of the new level').toBe(BigInt(0x5000 + target));
        expect(state.get('spEl0')).toBe(0x5000n);
        expect(registers.get(`ELR_EL${target}`)).toBe(kind === 'synchronous' ? PC + 4n : PC);
        expect(registers.get(`SPSR_EL${target}`)).toBe(BigInt(0x6000_0000 | (el << 2) | spsel));
        expect(exceptions.redirected).toBe(true);
        expect(machine.rows('exceptions')).toMatchObject([
          {
            kind,
            from_el: el,
            to_el: target,
            pc: PC,
            target: state.get('pc'),
            ec: kind === 'synchronous' ? 0x15 : 0,
          },
        ]);
      }
    },
  );

  it('an SError of HCR_EL2.VSE enters EL1 at offset 0x180 with EC 0x2f and clears VSE', () => {
    const machine = machineAt(1, 1, AMO | (1n << 8n));
    expect(machine.exceptions.pendingInterrupt()).toBe('virtual serror');
    machine.exceptions.takeInterrupt('virtual serror');
    expect(machine.state.get('pc')).toBe(VBAR1 + 0x380n);
    expect(machine.registers.get('ESR_EL1')).toBe(0xbe00_0000n);
    expect(machine.registers.get('HCR_EL2') & (1n << 8n)).toBe(0n);
  });

  it('saves and clears PSTATE.IL and SS', () => {
    const machine = machineAt(1);
    machine.state.setSmall('il', 1);
    machine.state.setSmall('ss', 1);
    machine.exceptions.illegalState();
    expect(machine.registers.get('SPSR_EL1')).toBe(0x6030_0005n);
    expect(machine.registers.get('ESR_EL1')).toBe(0x3a00_0000n);
    expect([machine.state.small('il'), machine.state.small('ss')]).toEqual([0, 0]);
  });

  it('an interrupt leaves ESR, FAR and HPFAR as they were', () => {
    const machine = machineAt(1, 1, IMO);
    machine.registers.set('ESR_EL2', 7n);
    machine.registers.set('FAR_EL2', 8n);
    machine.exceptions.takeInterrupt('irq');
    expect([machine.registers.get('ESR_EL2'), machine.registers.get('FAR_EL2')]).toEqual([7n, 8n]);
  });
});

describe('syndromes, by hand from D17.2.37', () => {
  const va = 0xffff_8000_1234_5678n;
  it('a translation fault at level 3 of a store at EL1 is 0x96000047 with FAR', () => {
    const machine = machineAt(1);
    machine.exceptions.dataAbort(fault({}), va, { write: true });
    expect(machine.registers.get('ESR_EL1')).toBe(0x9600_0047n);
    expect(machine.registers.get('FAR_EL1')).toBe(va);
    expect(machine.rows('exceptions')).toMatchObject([{ far: va, hpfar: null, ec: 0x25, iss: 0x47 }]);
  });

  it('from EL0 it is EC 0x24, a permission fault at level 2 has FSC 0x0e', () => {
    const machine = machineAt(0);
    machine.exceptions.dataAbort(fault({ type: 'permission', level: 2 }), va, { write: false });
    expect(machine.registers.get('ESR_EL1')).toBe(0x9200_000en);
  });

  it('a stage 2 fault goes to EL2 with ISV, SAS, SSE, SRT, SF, AR and HPFAR', () => {
    const machine = machineAt(1);
    const transfer = { sas: 2, sse: true, srt: 19, sf: true, ar: false };
    machine.exceptions.dataAbort(fault({ stage: 2, ipa: 0x1234_5678 }), va, { write: false, transfer });
    // EC 0x24, IL, ISV, SAS 10, SSE, SRT 10011, SF, FSC 0x07.
    expect(machine.registers.get('ESR_EL2')).toBe(0x93b3_8007n);
    expect(machine.registers.get('HPFAR_EL2')).toBe(0x12_3450n);
    expect(machine.registers.get('FAR_EL2')).toBe(va);
  });

  it.each([
    // SAS, SRT, what the register has, what the store would have stored
    [0, 7, 0x1234_5678_9abc_de41n, 0x41n],
    [1, 7, 0x1234_5678_9abc_de41n, 0xde41n],
    [2, 7, 0x1234_5678_9abc_de41n, 0x9abc_de41n],
    [3, 7, 0x1234_5678_9abc_de41n, 0x1234_5678_9abc_de41n],
    [2, 31, 0n, 0n],
  ])(
    'of a store of size %i from register %i that EL2 may emulate the row has the value',
    (sas, srt, held, stored) => {
      const machine = machineAt(1);
      if (srt < 31) machine.state.setX(srt, held);
      const transfer = { sas, sse: false, srt, sf: sas === 3, ar: false };
      machine.exceptions.dataAbort(fault({ stage: 2, ipa: 0x900_0000 }), va, { write: true, transfer });
      expect(machine.rows('exceptions')).toMatchObject([{ to_el: 2, data: stored, call: null }]);
    },
  );

  it('a load, a store without a valid syndrome and one that EL1 gets have no value in the row', () => {
    const transfer = { sas: 2, sse: false, srt: 7, sf: false, ar: false };
    const aborts = [
      [{ stage: 2 }, { write: false, transfer }],
      [{ stage: 2 }, { write: true }],
      [
        { stage: 2, s1ptw: true },
        { write: true, transfer },
      ],
      [{ stage: 1 }, { write: true, transfer }],
    ] as const;
    for (const [over, access] of aborts) {
      const machine = machineAt(0);
      machine.exceptions.dataAbort(fault(over), va, access);
      expect(machine.rows('exceptions')).toMatchObject([{ data: null }]);
    }
  });

  it('what an HVC or SMC calls is X0, and X16 where it calls Xen', () => {
    const calls = [
      [0x16, 0, 0xc600_0001n],
      [0x16, 0xea1, 18n],
      [0x17, 0xea1, 0xc600_0001n],
      [0x15, 0, null],
    ] as const;
    for (const [ec, immediate, call] of calls) {
      const machine = machineAt(1);
      machine.state.setX(0, 0xc600_0001n);
      machine.state.setX(16, 18n);
      machine.exceptions.synchronous(ec, immediate, { target: 2, returnOffset: 4 });
      expect(machine.rows('exceptions')).toMatchObject([{ call, data: null }]);
    }
  });

  it('HPFAR_EL2 has all bits of an intermediate physical address beyond 4 GiB, and the row too', () => {
    const machine = machineAt(1);
    machine.exceptions.dataAbort(fault({ stage: 2, ipa: 0xfedc_1234_5678 }), va, { write: false });
    expect(machine.registers.get('HPFAR_EL2')).toBe(0xfe_dc12_3450n);
    expect(machine.rows('exceptions')).toMatchObject([{ hpfar: 0xfe_dc12_3450n }]);
  });

  it('the return address of the last instruction below 4 GiB is above it', () => {
    const machine = machineAt(1);
    machine.state.set('pc', 0x7_ffff_fffcn);
    machine.exceptions.synchronous(0x15, 1, { target: 1, returnOffset: 4 });
    expect(machine.registers.get('ELR_EL1')).toBe(0x8_0000_0000n);
    expect(machine.rows('exceptions')).toMatchObject([{ pc: 0x7_ffff_fffcn }]);
  });

  it('an alignment fault of stage 2 leaves HPFAR_EL2 alone', () => {
    const machine = machineAt(1);
    machine.registers.set('HPFAR_EL2', 0x70n);
    machine.exceptions.dataAbort(fault({ type: 'alignment', stage: 2 }), va, { write: false });
    expect(machine.registers.get('HPFAR_EL2')).toBe(0x70n);
    expect(machine.rows('exceptions')).toMatchObject([{ to_el: 2, hpfar: null, far: va }]);
  });

  it('a stage 2 fault on the walk of stage 1 has S1PTW and no ISV', () => {
    const machine = machineAt(1);
    const transfer = { sas: 3, sse: false, srt: 0, sf: true, ar: false };
    machine.exceptions.dataAbort(fault({ stage: 2, s1ptw: true, level: 1 }), va, { write: false, transfer });
    expect(machine.registers.get('ESR_EL2')).toBe(0x9200_0085n);
  });

  it('a stage 1 fault gives no ISV, at EL2 too', () => {
    const machine = machineAt(2);
    machine.exceptions.dataAbort(fault({}), va, {
      write: false,
      transfer: { sas: 3, sse: false, srt: 0, sf: true, ar: false },
    });
    expect(machine.registers.get('ESR_EL2')).toBe(0x9600_0007n);
  });

  it('an instruction abort has EC 0x20 from below and 0x21 at the same level, with FAR = pc', () => {
    const below = machineAt(1);
    below.exceptions.instructionAbort(fault({ stage: 2, level: 2, ipa: 0x4000_1000 }));
    expect(below.registers.get('ESR_EL2')).toBe(0x8200_0006n);
    expect(below.registers.get('HPFAR_EL2')).toBe(0x40_0010n);
    const same = machineAt(1);
    same.exceptions.instructionAbort(fault({ type: 'permission', level: 3 }));
    expect(same.registers.get('ESR_EL1')).toBe(0x8600_000fn);
    expect(same.registers.get('FAR_EL1')).toBe(PC);
  });

  it('PC and SP alignment faults, external and alignment faults have their codes', () => {
    const pc = machineAt(1);
    pc.state.set('pc', 0x4000_1002n);
    pc.exceptions.pcAlignmentFault();
    expect([pc.registers.get('ESR_EL1'), pc.registers.get('FAR_EL1')]).toEqual([0x8a00_0000n, 0x4000_1002n]);
    const sp = machineAt(1);
    sp.exceptions.spAlignmentFault();
    expect(sp.registers.get('ESR_EL1')).toBe(0x9a00_0000n);
    const external = machineAt(1);
    external.exceptions.dataAbort(fault({ type: 'external' }), va, { write: false });
    expect(external.registers.get('ESR_EL1')).toBe(0x9600_0010n);
    const alignment = machineAt(1);
    alignment.exceptions.dataAbort(fault({ type: 'alignment' }), va, { write: false });
    expect(alignment.registers.get('ESR_EL1')).toBe(0x9600_0021n);
  });

  it('a maintenance instruction has CM and WnR', () => {
    const machine = machineAt(0);
    machine.exceptions.dataAbort(fault({ level: 0 }), va, { write: false, maintenance: true });
    expect(machine.registers.get('ESR_EL1')).toBe(0x9200_0144n);
  });
});

describe('exception return', () => {
  const golden = readFileSync(new URL('returns.qemu.txt', import.meta.url), 'utf8')
    .trim()
    .split('\n');

  it.each(golden)('HCR, level, M, outcome: %s, as in QEMU', (line) => {
    const [hcr, from, mode, target, esr, spsr] = line.trim().split(' ');
    const machine = machineAt(Number(from));
    const { registers, state, exceptions, runtime } = machine;
    registers.set('HCR_EL2', BigInt(`0x${hcr}`));
    registers.set(`SPSR_EL${from}`, BigInt(0xa000_0240 | Number.parseInt(mode, 16)) & 0xffff_ffffn);
    registers.set(`ELR_EL${from}`, 0x4000_2000n);
    runtime.exceptionReturn();
    expect(state.get('pc')).toBe(0x4000_2000n);
    // The next instruction is SVC #0x77, if it may execute at all.
    if (state.small('il')) exceptions.illegalState();
    else runtime.supervisorCall(0x77n);
    const level = state.small('el');
    expect([
      `${level}`,
      registers.get(`ESR_EL${level}`).toString(16),
      registers.get(`SPSR_EL${level}`).toString(16),
    ]).toEqual([target, esr, spsr]);
  });

  it('to EL0 below an EL1 that HCR_EL2.RW says is AArch32, and to AArch32, is illegal', () => {
    const noRw = machineAt(2);
    noRw.registers.set('HCR_EL2', 0n);
    noRw.registers.set('SPSR_EL2', 0n);
    noRw.runtime.exceptionReturn();
    expect([noRw.state.small('il'), noRw.state.small('el')]).toEqual([1, 2]);
    expect(noRw.attention).toContain('illegal state');
    const aarch32 = machineAt(2);
    aarch32.registers.set('SPSR_EL2', 0x10n);
    aarch32.runtime.exceptionReturn();
    expect(aarch32.state.small('il')).toBe(1);
    expect(aarch32.rows('unimplemented')).toHaveLength(1);
  });

  it('opens the exclusive monitor, sets the event register, changes stacks, and writes a row', () => {
    const machine = machineAt(2);
    const { state, registers } = machine;
    state.set('exclusiveAddress', 0x1000n);
    registers.set('SPSR_EL2', 0x3c5n);
    registers.set('ELR_EL2', 0x8000n);
    machine.runtime.exceptionReturn();
    expect(state.get('exclusiveAddress')).toBe(0xffff_ffff_ffff_ffffn);
    expect([
      state.small('eventRegister'),
      state.small('el'),
      state.small('spsel'),
      state.small('daif'),
    ]).toEqual([1, 1, 1, 15]);
    expect([state.get('sp'), state.get('spEl2')]).toEqual([0x5001n, 0x5002n]);
    expect(machine.rows('exceptions')).toMatchObject([
      { kind: 'return', from_el: 2, to_el: 1, pc: PC, target: 0x8000n, spsr: 0x3c5 },
    ]);
  });

  it('drops the tag of an address where TCR_ELx.TBI says so', () => {
    const machine = machineAt(2);
    machine.registers.set('TCR_EL1', 1n << 38n);
    machine.registers.set('SPSR_EL2', 0x3c5n);
    machine.registers.set('ELR_EL2', 0x12ff_8000_0000_1000n);
    machine.runtime.exceptionReturn();
    expect(machine.state.get('pc')).toBe(0xffff_8000_0000_1000n);
  });
});

describe('interrupts', () => {
  /** el, HCR, DAIF, irq lines → what is taken. D1.3.5, table of routing and masking. */
  const cases = [
    [1, 0n, 0, 'irq', 'irq'],
    [1, 0n, 2, 'irq', undefined],
    [0, 0n, 2, 'irq', undefined],
    [1, IMO, 2, 'irq', 'irq'],
    [1, FMO, 2, 'irq', undefined],
    [2, 0n, 0, 'irq', undefined],
    [2, IMO, 0, 'irq', 'irq'],
    [2, IMO, 2, 'irq', undefined],
    [2, TGE, 0, 'irq', 'irq'],
    [0, TGE, 2, 'irq', 'irq'],
    [1, FMO, 1, 'fiq', 'fiq'],
    [1, 0n, 1, 'fiq', undefined],
    [1, IMO, 0, 'virq', 'virtual irq'],
    [1, IMO, 2, 'virq', undefined],
    [1, 0n, 0, 'virq', undefined],
    [2, IMO, 0, 'virq', undefined],
    [0, IMO | TGE, 0, 'virq', undefined],
    [1, FMO, 0, 'vfiq', 'virtual fiq'],
    [1, IMO | (1n << 7n), 0, 'none', 'virtual irq'],
    [1, FMO | (1n << 6n), 0, 'none', 'virtual fiq'],
    [1, 1n << 7n, 0, 'none', undefined],
  ] as const;
  it.each(cases)('EL%i, HCR %s, DAIF %i, %s asserted: takes %s', (el, hcr, daif, line, taken) => {
    const machine = machineAt(el, el === 0 ? 0 : 1, hcr);
    machine.state.setSmall('daif', daif);
    if (line !== 'none') machine.inputs[line] = true;
    expect(machine.exceptions.pendingInterrupt()).toBe(taken);
  });

  it('a physical interrupt goes before a virtual one, FIQ before IRQ', () => {
    const machine = machineAt(1, 1, IMO | FMO);
    Object.assign(machine.inputs, { irq: true, fiq: true, virq: true, vfiq: true });
    expect(machine.exceptions.pendingInterrupt()).toBe('fiq');
    machine.inputs.fiq = false;
    expect(machine.exceptions.pendingInterrupt()).toBe('irq');
  });

  it('ends a WFI although it is masked, a virtual one only below EL2', () => {
    const machine = machineAt(1, 1, IMO);
    machine.state.setSmall('daif', 15);
    expect(machine.exceptions.wakesUp()).toBe(false);
    machine.inputs.virq = true;
    expect(machine.exceptions.wakesUp()).toBe(true);
    machine.enter(2);
    expect(machine.exceptions.wakesUp()).toBe(false);
    machine.inputs.irq = true;
    expect(machine.exceptions.wakesUp()).toBe(true);
  });
});
