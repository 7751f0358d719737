/** RNDR and RNDRRS (FEAT_RNG), and ESB, which need a CPU with the registers. */
import { expect, test } from 'vitest';
import { modelNamed } from '../../src/cpu/models/models.ts';
import { CpuMachine, mrs } from './cpu_machine.ts';

// 3 3 C2 C4 0 and 1.
const RNDR = 0xd920;
const RNDRRS = 0xd921;

const drawn = (count: number) => {
  const machine = new CpuMachine({ model: modelNamed('max') });
  machine.enter(1);
  return Array.from({ length: count }, (_, i) => {
    machine.state.nzcv = 0xf000_0000;
    const { target, value } = machine.execute(mrs(i % 2 ? RNDRRS : RNDR));
    return { target, value, nzcv: machine.state.nzcv };
  });
};

test('RNDR and RNDRRS draw from one sequence, which every run repeats, and say by NZCV 0000 that they succeeded', () => {
  const first = drawn(64);
  expect(first).toEqual(drawn(64));
  expect(new Set(first.map(({ value }) => value)).size).toBe(64);
  for (const { target, nzcv } of first) expect([target, nzcv]).toEqual([-1, 0]);
  // SHA-256 of " RNDR 0 0", its first eight bytes.
  expect(first[0].value.toString(16)).toBe('372e5d44a653187');
});

test('a debugger that lists the registers draws none, and what is drawn is part of the state', () => {
  const machine = new CpuMachine({ model: modelNamed('max') });
  machine.registers.entries();
  expect(machine.registers.get('RNDR')).toBe(0n);
  expect(machine.state.get('randomNumbers')).toBe(0n);
  machine.enter(0);
  machine.execute(mrs(RNDR));
  expect(machine.state.get('randomNumbers')).toBe(1n);
});

test('a CPU without FEAT_RNG has no RNDR', () => {
  const machine = new CpuMachine({ model: modelNamed('neoverse-n1') });
  machine.enter(1);
  expect(machine.execute(mrs(RNDR)).target).toBe(1);
});

test('ESB defers a virtual SError that is pending and masked, and no other', () => {
  const AMO_VSE = (1n << 31n) | (1n << 5n) | (1n << 8n);
  for (const [el, daif, deferred] of [
    [1, 4, true],
    [0, 4, true],
    [1, 0, false],
    [2, 4, false],
  ] as const) {
    const machine = new CpuMachine({ model: modelNamed('neoverse-n1') });
    machine.registers.set('HCR_EL2', AMO_VSE);
    machine.registers.set('VSESR_EL2', 0x123n);
    machine.enter(el);
    machine.state.setSmall('daif', daif);
    machine.runtime.errorSynchronizationBarrier();
    expect(machine.registers.get('VDISR_EL2')).toBe(deferred ? 0x8000_0123n : 0n);
    expect((machine.registers.get('HCR_EL2') & (1n << 8n)) === 0n).toBe(deferred);
  }
});
