import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CORTEX_A57 } from '../../src/cpu/models/armv8_0.ts';
import { genericName, type SystemRegister } from '../../src/cpu/sysregs/row.ts';
import { registerAt, SYSTEM_REGISTERS } from '../../src/cpu/sysregs/table.ts';
import { CpuMachine, mrs, msr } from './cpu_machine.ts';

const golden = (name: string) =>
  readFileSync(new URL(name, import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.trim().split(' '));

const nameOf = (encoding: number) => registerAt(encoding)?.name ?? genericName(encoding);
const masked = new Set(CORTEX_A57.masks.map(({ register }) => register));
/** What the probe changes, what counts, and what the GIC owns. */
const differsByDesign = (name: string) =>
  /^(ICC_|ICH_)/.test(name) ||
  /^(CNT\w*CT_EL0|CNT\w+_TVAL_\w+)$/.test(name) ||
  /^(CurrentEL|DAIF|NZCV|SP_EL[01]|SPSR_EL\d|ELR_EL\d|ESR_EL\d|VBAR_EL\d|TPIDR_EL2|HCR_EL2)$/.test(name);

describe.each([2, 3])('MRS of every encoding with GICv%i', (version) => {
  const machine = new CpuMachine({ gicv3: version === 3 });
  machine.registers.set('HCR_EL2', 1n << 31n);
  const expected = new Map<string, string[]>();
  for (const [kind, encoding, el, ...result] of golden(`registers-gicv${version}.qemu.txt`))
    if (kind === 'r') expected.set(`${Number.parseInt(encoding, 16)}:${el}`, result);

  const differences: string[] = [];
  for (let encoding = 0x8000; encoding < 0x1_0000; encoding++)
    for (const el of [2, 1, 0]) {
      machine.enter(el);
      const { target, esr, value } = machine.execute(mrs(encoding));
      const undefinedHere = target >= 0 && esr === 0x0200_0000;
      const ours = undefinedHere
        ? ''
        : target < 0
          ? `= ${value.toString(16)}`
          : `T${target} ${esr.toString(16)}`;
      const theirs = (expected.get(`${encoding}:${el}`) ?? []).join(' ');
      const name = nameOf(encoding);
      if (ours.slice(0, 1) !== theirs.slice(0, 1))
        differences.push(`${name} EL${el}: ${ours || 'UNDEFINED'}, QEMU ${theirs}`);
      else if (ours !== theirs && !differsByDesign(name))
        differences.push(`${name} EL${el}: ${ours}, QEMU ${theirs}`);
    }

  it('is defined at the same exception levels and has the same reset value as in QEMU, but for masked features', () => {
    const others = differences.filter((line) => !masked.has(line.split(' ')[0]));
    expect(others).toEqual([]);
  });

  it('shows exactly the masked identification fields as other than QEMU', () => {
    const changed = differences.filter((line) => masked.has(line.split(' ')[0]) && line.includes('EL2:'));
    const gic = version === 3 ? '1000' : '';
    expect(changed).toEqual([
      `ID_AA64PFR0_EL1 EL2: = ${gic}111, QEMU = ${gic}222`,
      'ID_AA64MMFR0_EL1 EL2: = 1024, QEMU = 1124',
    ]);
  });
});

describe('MSR', () => {
  it('changes the bits that QEMU lets software change, from EL2 and from EL1', () => {
    const differences: string[] = [];
    for (const [kind, encoding, el, before, after] of golden('writable.qemu.txt')) {
      const row = registerAt(Number.parseInt(encoding, 16));
      if (!row || kind === 'wo' || before.startsWith('T')) continue;
      if (row.storage === 'gic' || /_TVAL_/.test(row.name)) continue;
      // Registers where ones and zeros set and clear: their order in the probe matters, so tested by name below.
      if (/^PM(CNTEN|OVS|INTEN)/.test(row.name)) continue;
      const machine = new CpuMachine();
      machine.enter(Number(el));
      machine.registers.set(row.name, BigInt(`0x${before}`));
      machine.execute(msr(row.encoding), kind === 'w' ? 0xffff_ffff_ffff_ffffn : 0n);
      const { value } = machine.execute(mrs(row.encoding));
      if (value.toString(16) !== after)
        differences.push(`${row.name} EL${el} ${kind}: ${value.toString(16)}, QEMU ${after}`);
    }
    expect(differences).toEqual([]);
  });

  it('is defined exactly where QEMU has a register that can only be written', () => {
    const ours = (el: number) =>
      SYSTEM_REGISTERS.filter((row: SystemRegister) => row.access[el] === 'wo').map(({ name }) => name);
    const theirs = (el: number) =>
      golden('writable.qemu.txt')
        .filter(([kind, , at, trapped]) => kind === 'wo' && Number(at) === el && trapped === undefined)
        .map(([, encoding]) => nameOf(Number.parseInt(encoding, 16)));
    for (const el of [1, 2]) expect(ours(el).sort()).toEqual(theirs(el).sort());
  });

  it('writes a row with name, value and level, and tells who must look again', () => {
    const machine = new CpuMachine();
    machine.enter(1);
    machine.execute(msr(0xc100), 0x4100_0000n); // TTBR0_EL1
    expect(machine.rows('sysregs')).toEqual([
      { pc: 0x4000_1000n, register: 'TTBR0_EL1', write: true, value: 0x4100_0000n, el: 1, trapped_to: null },
    ]);
    expect(machine.attention).toEqual(['translation']);
  });

  it('names an encoding that nothing implements in table unimplemented, and is UNDEFINED', () => {
    const machine = new CpuMachine();
    const { target, esr } = machine.execute(msr(0xc3c0)); // S3_0_C7_C8_0
    expect([target, esr]).toEqual([2, 0x0200_0000]);
    expect(machine.rows('unimplemented')).toEqual([{ pc: 0x4000_1000n, what: 'S3_0_C7_C8_0' }]);
  });
});

describe('registers that are computed', () => {
  it('MIDR_EL1 and MPIDR_EL1 at EL1 are what the hypervisor put into VPIDR_EL2 and VMPIDR_EL2', () => {
    const machine = new CpuMachine();
    machine.registers.set('VPIDR_EL2', 0x1234n);
    machine.registers.set('VMPIDR_EL2', 0x8000_0007n);
    machine.enter(1);
    expect(machine.execute(mrs(0xc000)).value).toBe(0x1234n);
    expect(machine.execute(mrs(0xc005)).value).toBe(0x8000_0007n);
    machine.enter(2);
    expect(machine.execute(mrs(0xc000)).value).toBe(0x411f_d070n);
    expect(machine.execute(mrs(0xc005)).value).toBe(0x8000_0000n);
  });

  it('CCSIDR_EL1 follows CSSELR_EL1 as in QEMU', () => {
    const machine = new CpuMachine();
    for (const [selected, value] of golden('psci.qemu.txt').slice(0, 16)) {
      machine.execute(msr(0xd000), BigInt(`0x${selected}`));
      expect(machine.execute(mrs(0xc800)).value.toString(16)).toBe(value);
    }
  });

  it('SPSel and SP_EL0 choose between the banked stack pointers', () => {
    const machine = new CpuMachine();
    const { state } = machine;
    machine.enter(1);
    state.set('sp', 0x1111n);
    machine.execute(msr(0xc208), 0x2222n); // SP_EL0
    machine.execute(0xd500_40bf); // MSR SPSel, #0
    expect(state.get('sp')).toBe(0x2222n);
    expect(machine.execute(mrs(0xc208)).esr, 'SP_EL0 is UNDEFINED while it is current').toBe(0x0200_0000);
    machine.enter(1, 0);
    machine.execute(0xd500_41bf); // MSR SPSel, #1
    expect(state.get('sp')).toBe(0x1111n);
  });

  it('ISR_EL1 shows the virtual interrupt where HCR_EL2.IMO routes the physical one away', () => {
    const machine = new CpuMachine();
    machine.inputs.irq = true;
    machine.enter(1);
    expect(machine.execute(mrs(0xc608)).value).toBe(0x80n);
    machine.registers.set('HCR_EL2', (1n << 31n) | (1n << 4n));
    expect(machine.execute(mrs(0xc608)).value).toBe(0n);
    machine.inputs.virq = true;
    expect(machine.execute(mrs(0xc608)).value).toBe(0x80n);
  });

  it('the cycle counter counts nanoseconds while PMCR_EL0.E and its enable bit are set, and PMCR_EL0.C clears it', () => {
    const machine = new CpuMachine();
    machine.state.setSmall('el', 1); // PMCCFILTR_EL0.NSH is 0: not at EL2
    machine.now = 1000;
    machine.execute(msr(0xdce1), 0x8000_0000n); // PMCNTENSET_EL0
    machine.execute(msr(0xdce0), 1n); // PMCR_EL0.E
    machine.now = 1500;
    expect(machine.execute(mrs(0xdce8)).value).toBe(500n);
    machine.execute(msr(0xdce0), 5n);
    machine.now = 1507;
    expect(machine.execute(mrs(0xdce8)).value).toBe(7n);
    machine.execute(msr(0xdce2), 0x8000_0000n); // PMCNTENCLR_EL0
    machine.now = 2000;
    expect(machine.execute(mrs(0xdce8)).value).toBe(7n);
    expect(machine.execute(mrs(0xdce1)).value).toBe(0n);
  });
});
