import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { type PowerControl, Psci } from '../../src/machine/psci.ts';

/** Two CPUs, the second off, as when the probe ran. */
function board() {
  const calls: string[] = [];
  const states: ('on' | 'off' | 'pending')[] = ['on', 'off'];
  const power: PowerControl = {
    cpuOf: (affinity) => (affinity < 2n ? Number(affinity) : undefined),
    power: (cpu) => states[cpu],
    switchOn: (cpu, entry, context) => {
      calls.push(`on ${cpu} ${entry.toString(16)} ${context}`);
      states[cpu] = 'pending';
    },
    switchOff: () => calls.push('off'),
    suspend: () => calls.push('suspend'),
    systemOff: () => calls.push('system off'),
    systemReset: () => calls.push('system reset'),
  };
  return { psci: new Psci(power), calls, states };
}
const golden = readFileSync(new URL('../cpu/psci.qemu.txt', import.meta.url), 'utf8')
  .trim()
  .split('\n');
const number = (text: string) => BigInt(`0x${text}`);

it('PSCI_FEATURES and every call that returns answer as QEMU does', () => {
  const { psci } = board();
  const line =
    /^feat (\w+) 0 (\w+) 64:(\w+)(?: call\(5,0\) 0 (\w+) call\(0,0\) (\w+) call\(0,1\) (\w+) high (\w+))?$/;
  const lines = golden.filter((text) => text.startsWith('feat')).map((text) => line.exec(text.trim()));
  expect(lines.length).toBeGreaterThan(30);
  for (const match of lines) {
    const [text, id, features, features64, five, zero, one, high] = match!;
    expect(psci.call(0x8400_000an, number(id), 0n, 0n), text).toBe(number(features));
    expect(psci.call(0xc400_000an, number(id), 0n, 0n), text).toBe(number(features64));
    if (five === undefined) continue;
    expect(psci.call(number(id), 5n, 0n, 0n), text).toBe(number(five));
    expect(psci.call(number(id), 0n, 0n, 0n), text).toBe(number(zero));
    expect(psci.call(number(id), 0n, 1n, 0n), text).toBe(number(one));
    expect(psci.call(number(id) | (1n << 32n), 0n, 1n, 0n), text).toBe(number(high));
  }
});

it('a sequence of calls about the second CPU answers as QEMU does, and starts it once', () => {
  const { psci, calls, states } = board();
  const lines = golden.filter((text) => text.startsWith('call'));
  expect(lines.length).toBe(11);
  for (const text of lines) {
    const [, id, a, b, c, , result] = text.trim().split(' ');
    expect(psci.call(number(id), number(a), number(b), number(c)), text).toBe(number(result));
    // By the next call the CPU has started.
    if (states[1] === 'pending') states[1] = 'on';
  }
  expect(calls).toEqual(['on 1 7ffff000 7']);
});

it('CPU_ON of a CPU that is on its way answers ON_PENDING', () => {
  const { psci } = board();
  psci.call(0xc400_0003n, 1n, 0x4000_0000n, 0n);
  expect(psci.call(0xc400_0003n, 1n, 0x4000_0000n, 0n)).toBe(BigInt.asUintN(64, -5n));
  expect(psci.call(0xc400_0004n, 1n, 0n, 0n)).toBe(2n);
});

it('CPU_OFF, SYSTEM_OFF and SYSTEM_RESET do not return; CPU_SUSPEND waits and succeeds', () => {
  const { psci, calls } = board();
  for (const id of [0x8400_0002n, 0x8400_0008n, 0x8400_0009n])
    expect(psci.call(id, 0n, 0n, 0n)).toBeUndefined();
  expect(psci.call(0xc400_0001n, 0n, 0n, 0n)).toBe(0n);
  expect(calls).toEqual(['off', 'system off', 'system reset', 'suspend']);
});
