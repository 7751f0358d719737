/** A host at EL2 (FEAT_VHE), and what PSTATE keeps across exceptions on CPUs with PAN, UAO and SSBS. */
import { describe, expect, it } from 'vitest';
import { NEOVERSE_N1 } from '../../src/cpu/models/armv8_2.ts';
import { MAX } from '../../src/cpu/models/max.ts';
import { registerNamed } from '../../src/cpu/sysregs/table.ts';
import { CpuMachine, mrs, msr } from './cpu_machine.ts';

const RW = 1n << 31n;
const TGE = 1n << 27n;
const E2H = 1n << 34n;
const UNDEFINED = 0x0200_0000;
const encodingOf = (name: string) => registerNamed(name)!.encoding;
/** The names with EL12 and EL02 have op1 5. */
const alias = (name: string) => (encodingOf(name) & ~(7 << 11)) | (5 << 11);

function hostAt(el: number, hcr = RW | E2H | TGE, model = NEOVERSE_N1): CpuMachine {
  const machine = new CpuMachine({ model });
  machine.registers.set('HCR_EL2', hcr);
  machine.enter(el);
  return machine;
}

describe('names of registers at EL2 with HCR_EL2.E2H', () => {
  it.each([
    ['SCTLR_EL1', 'SCTLR_EL2'],
    ['CPACR_EL1', 'CPTR_EL2'],
    ['TTBR1_EL1', 'TTBR1_EL2'],
    ['CONTEXTIDR_EL1', 'CONTEXTIDR_EL2'],
    ['CNTKCTL_EL1', 'CNTHCTL_EL2'],
    ['ELR_EL1', 'ELR_EL2'],
  ])('%s is %s, and its EL12 name is EL1’s', (el1, el2) => {
    const machine = hostAt(2, RW | E2H);
    machine.registers.set(el1, 0x1000n);
    machine.registers.set(el2, 0x2000n);
    expect(machine.execute(mrs(encodingOf(el1))).value).toBe(0x2000n);
    expect(machine.execute(mrs(alias(el1))).value).toBe(0x1000n);
    machine.execute(msr(encodingOf(el1)), 0x4000n);
    machine.execute(msr(alias(el1)), 0x8000n);
    expect([machine.registers.get(el1), machine.registers.get(el2)]).toEqual([0x8000n, 0x4000n]);
    expect(machine.rows('sysregs').map(({ register }) => register)).toEqual([el2, el1]);
  });

  it('EL12 and EL02 names are UNDEFINED without E2H, at EL1, and on a CPU without VHE', () => {
    for (const name of ['SCTLR_EL1', 'CNTV_CTL_EL0']) {
      expect(hostAt(2, RW).execute(mrs(alias(name)))).toMatchObject({ target: 2, esr: UNDEFINED });
      expect(hostAt(1, RW | E2H).execute(mrs(alias(name)))).toMatchObject({ target: 1, esr: UNDEFINED });
      const old = new CpuMachine();
      expect(old.execute(mrs(alias(name)))).toMatchObject({ target: 2, esr: UNDEFINED });
      expect(old.rows('unimplemented')).toEqual([]);
    }
  });

  it('EL1 names are EL1’s at EL1', () => {
    const machine = hostAt(1, RW | E2H);
    machine.registers.set('TTBR0_EL1', 0x1000n);
    machine.registers.set('TTBR0_EL2', 0x2000n);
    expect(machine.execute(mrs(encodingOf('TTBR0_EL1'))).value).toBe(0x1000n);
  });
});

describe('timers of a host', () => {
  it('at EL2 and at its EL0 are EL2’s, and CNTVCT_EL0 has no offset', () => {
    for (const el of [2, 0]) {
      const machine = hostAt(el);
      machine.registers.set('CNTHCTL_EL2', 0xf03n);
      machine.now = 16_000;
      machine.timer.writeRegister(0, 'CNTVOFF_EL2', 400n);
      machine.execute(msr(encodingOf('CNTV_CVAL_EL0')), 77n);
      machine.execute(msr(encodingOf('CNTP_CVAL_EL0')), 78n);
      const read = (name: string) => machine.timer.readRegister(0, name);
      expect([read('CNTHV_CVAL_EL2'), read('CNTV_CVAL_EL0')]).toEqual([77n, 0n]);
      expect([read('CNTHP_CVAL_EL2'), read('CNTP_CVAL_EL0')]).toEqual([78n, 0n]);
      expect(machine.execute(mrs(encodingOf('CNTVCT_EL0'))).value).toBe(1000n);
    }
  });

  it('CNTHV drives PPI 28 when its counter, which has no offset, reaches CVAL', () => {
    const machine = hostAt(2);
    machine.timer.writeRegister(0, 'CNTVOFF_EL2', 999_999n);
    machine.timer.writeRegister(0, 'CNTHV_CVAL_EL2', 10n);
    machine.timer.writeRegister(0, 'CNTHV_CTL_EL2', 1n);
    expect(machine.lines.get('0:28')).toBe(false);
    expect(machine.timer.nextDeadline()).toBe(160);
    machine.now = 160;
    machine.timer.update();
    expect(machine.lines.get('0:28')).toBe(true);
  });
});

describe('traps of a host', () => {
  it('a guest’s traps do not meet its EL0: HCR_EL2.TID2 on CTR_EL0', () => {
    const tid2 = 1n << 17n;
    const open = 1n << 15n;
    const host = hostAt(0, RW | E2H | TGE | tid2);
    host.registers.set('SCTLR_EL2', open);
    expect(host.execute(mrs(encodingOf('CTR_EL0'))).target).toBe(-1);
    const guest = hostAt(0, RW | tid2);
    guest.registers.set('SCTLR_EL1', open);
    expect(guest.execute(mrs(encodingOf('CTR_EL0'))).target).toBe(2);
  });

  it('CPTR_EL2.FPEN traps as CPACR_EL1.FPEN does, with E2H only', () => {
    const trapped = (el: number, hcr: bigint, fpen: bigint) => {
      const machine = hostAt(el, hcr);
      machine.registers.set('CPACR_EL1', 3n << 20n);
      machine.registers.set('CPTR_EL2', fpen << 20n);
      return machine.runtime.vectorsAreTrapped;
    };
    const host = RW | E2H | TGE;
    expect([0n, 1n, 2n, 3n].map((fpen) => trapped(2, host, fpen))).toEqual([true, false, true, false]);
    expect([0n, 1n, 2n, 3n].map((fpen) => trapped(0, host, fpen))).toEqual([true, true, true, false]);
    expect([0n, 1n, 2n, 3n].map((fpen) => trapped(1, RW | E2H, fpen))).toEqual([true, false, true, false]);
    expect(trapped(2, RW, 0n), 'without E2H these bits mean nothing').toBe(false);
  });
});

describe('PSTATE on a CPU with PAN, UAO and SSBS', () => {
  const PAN = 1n << 22n;
  const UAO = 1n << 23n;
  const SSBS = 1n << 12n;

  it.each([
    ['EL1', 1, RW, 'SCTLR_EL1', true],
    ['a host’s EL2', 2, RW | E2H | TGE, 'SCTLR_EL2', true],
    ['EL2 without TGE', 2, RW | E2H, 'SCTLR_EL2', false],
  ] as const)(
    'an exception to %s sets PAN where SPAN is 0, clears UAO, and takes SSBS from DSSBS',
    (_name, el, hcr, sctlr, sets) => {
      for (const span of [0n, 1n]) {
        const machine = hostAt(el, hcr);
        machine.registers.set(sctlr, (span << 23n) | (1n << 44n));
        machine.state.setSmall('uao', 1);
        machine.runtime.supervisorCall(0n);
        const { state } = machine;
        expect(state.small('pan')).toBe(sets && span === 0n ? 1 : 0);
        expect([state.small('uao'), state.small('ssbs')]).toEqual([0, 1]);
        expect(machine.registers.get(`SPSR_EL${el}`) & (UAO | PAN)).toBe(UAO);
      }
    },
  );

  it('ERET brings PAN, UAO and SSBS back, and on a Cortex-A57 leaves them 0', () => {
    for (const machine of [hostAt(2), new CpuMachine()]) {
      machine.registers.set('SPSR_EL2', PAN | UAO | SSBS | 0x3c9n);
      machine.runtime.exceptionReturn();
      const { state } = machine;
      const bits = [state.small('pan'), state.small('uao'), state.small('ssbs')];
      expect(bits).toEqual(machine.registers.features.has('PAN') ? [1, 1, 1] : [0, 0, 0]);
    }
  });

  it('MSR PAN and MRS PAN work above EL0', () => {
    const machine = hostAt(1, RW);
    machine.execute(0xd500_419f); // MSR PAN, #1
    expect(machine.execute(mrs(encodingOf('PAN'))).value).toBe(PAN);
    machine.execute(msr(encodingOf('PAN')), 0n);
    expect(machine.state.small('pan')).toBe(0);
    expect(hostAt(0, RW).execute(0xd500_419f)).toMatchObject({ target: 1, esr: UNDEFINED });
  });
});

describe('RAS and IDST', () => {
  it('a virtual SError has the syndrome of VSESR_EL2', () => {
    const machine = hostAt(1, RW | (1n << 5n) | (1n << 8n));
    machine.registers.set('VSESR_EL2', 0x123_4567n);
    machine.exceptions.takeInterrupt('virtual serror');
    expect(machine.registers.get('ESR_EL1')).toBe(0xbe00_0000n | 0x123_4567n);
  });

  it('external aborts go to EL2 with HCR_EL2.TEA', () => {
    const fault = { type: 'external', stage: 1, level: 0, s1ptw: false, ipa: 0 } as const;
    for (const tea of [0n, 1n]) {
      const machine = hostAt(1, RW | (tea << 37n));
      machine.exceptions.dataAbort(fault, 0x1234n, { write: false });
      expect(machine.state.small('el')).toBe(tea ? 2 : 1);
    }
  });

  it('DISR_EL1 is VDISR_EL2 at EL1 with HCR_EL2.AMO', () => {
    const machine = hostAt(1, RW | (1n << 5n));
    machine.registers.set('VDISR_EL2', 0x8000_0001n);
    expect(machine.execute(mrs(encodingOf('DISR_EL1'))).value).toBe(0x8000_0001n);
    machine.registers.set('HCR_EL2', RW);
    expect(machine.execute(mrs(encodingOf('DISR_EL1'))).value).toBe(0n);
  });

  it('identification registers at EL0 are reported as a trap by FEAT_IDST, and as UNDEFINED without', () => {
    const id = encodingOf('ID_AA64PFR0_EL1');
    expect(hostAt(0, RW).execute(mrs(id))).toMatchObject({ target: 1, esr: UNDEFINED });
    expect(hostAt(0, RW, MAX).execute(mrs(id))).toMatchObject({ target: 1, esr: 0x6230_0009 });
  });
});
