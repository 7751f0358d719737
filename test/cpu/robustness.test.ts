import { expect, it } from 'vitest';
import { SYSTEM_OPERATIONS } from '../../src/cpu/sysregs/operations.ts';
import { SYSTEM_REGISTERS } from '../../src/cpu/sysregs/table.ts';
import { CpuMachine, mrs, msr } from './cpu_machine.ts';

/** xorshift32: the same sequence on every run. */
function generator(seed: number): () => number {
  let x = seed;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
}
const SEED = 0x1234_5678;

it(`no system instruction with any value, at any level, makes the program throw (seed ${SEED})`, () => {
  const random = generator(SEED);
  const values = [0n, 0xffff_ffff_ffff_ffffn, 1n];
  const next64 = () => (random() & 3 ? values[random() % 3] : (BigInt(random()) << 32n) | BigInt(random()));
  const machine = new CpuMachine();
  let exceptions = 0;
  let completed = 0;
  /** Every encoding once (bits 21 to 5: L, op0, op1, CRn, CRm, op2), and those that mean something many times. */
  const everything = Array.from({ length: 0x2_0000 }, (_, n) => n << 5).filter((bits) => (bits >>> 19) & 3);
  const meaningful = [...SYSTEM_REGISTERS, ...SYSTEM_OPERATIONS].flatMap(({ encoding }) => [
    mrs(encoding),
    msr(encoding),
  ]);
  const words = everything
    .map((bits) => msr(0) | bits)
    .concat(...Array.from({ length: 50 }, () => meaningful));
  for (const word of words) {
    machine.now += random() & 0xfff;
    Object.assign(machine.inputs, { irq: (random() & 1) === 1, virq: (random() & 1) === 1 });
    const { target } = machine.execute((word | (random() & 31)) >>> 0, next64());
    if (target >= 0) exceptions += 1;
    else completed += 1;
    const pending = machine.exceptions.pendingInterrupt();
    if (pending) machine.exceptions.takeInterrupt(pending);
    if ((random() & 15) === 0 && machine.state.small('el') > 0) machine.runtime.exceptionReturn();
    if (machine.state.small('el') > 2 || machine.state.small('daif') > 15)
      throw new Error('PSTATE is out of range');
    // Where it goes on is as random as the rest.
    const el = random() % 3;
    machine.enter(el, el === 0 ? 0 : random() & 1);
    machine.events.length = 0;
    machine.attention.length = 0;
    machine.translations.length = 0;
    machine.timer.nextDeadline();
  }
  expect(Math.min(exceptions, completed)).toBeGreaterThan(5000);
});

it('what a debugger lists covers every register of the CPU, and each CPU has its own reset values', () => {
  const machine = new CpuMachine({ cpus: 2 });
  const names = machine.registers.entries().map(([name]) => name);
  for (const name of ['SCTLR_EL1', 'HCR_EL2', 'CNTV_CVAL_EL0', 'PMCCNTR_EL0', 'SP_EL1'])
    expect(names).toContain(name);
  expect(names).toContain('FPCR');
  const first = machine.state.bytes.slice();
  machine.registers.reload(1);
  machine.registers.reset();
  expect(machine.registers.get('VMPIDR_EL2')).toBe(0x8000_0001n);
  machine.state.bytes.set(first);
  machine.registers.reload(0);
  expect(machine.registers.get('VMPIDR_EL2')).toBe(0x8000_0000n);
});
