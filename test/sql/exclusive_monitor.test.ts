import { describe, expect, test } from 'vitest';
import { ExclusiveMonitor, isLoadExclusive } from '../../src/sql/exclusive_monitor.ts';

const LDXR = 0xc85f7c20;
const LDAXP = 0xc87f8440;
const CASPA = 0x48607c82;
const CLREX = 0xd5033f5f;
const NOP = 0xd503201f;

describe('the exclusive monitor of a packet', () => {
  test('a store-exclusive stored if the next address is the one that was marked, and only once', () => {
    const monitor = new ExclusiveMonitor(false);
    monitor.loads(LDXR, 0x1000);
    monitor.passes(NOP, false);
    expect(monitor.stores(0x1000)).toBe(true);
    expect(monitor.stores(0x1000)).toBe(false);
    expect(monitor.guessed).toBe(false);
  });

  test.each([
    ['CLREX', CLREX, false],
    ['an exception or its return', 0, true],
  ])(
    '%s opens it: the next address, though the same, is that of the load that tries again',
    (_, opcode, excepted) => {
      const monitor = new ExclusiveMonitor(true);
      monitor.loads(LDXR, 0x1000);
      monitor.passes(opcode | 0, excepted);
      expect(monitor.stores(0x1000)).toBe(false);
    },
  );

  test('before the first load of a packet the outcome is what the caller tries, and it is told so', () => {
    for (const carried of [false, true]) {
      const monitor = new ExclusiveMonitor(carried);
      expect(monitor.stores(0x1000)).toBe(carried);
      expect(monitor.guessed).toBe(true);
    }
  });

  test('pairs mark as single registers do, and CASP does not', () => {
    expect([LDXR, LDAXP, CASPA].map((word) => isLoadExclusive(word | 0))).toEqual([true, true, false]);
  });
});
