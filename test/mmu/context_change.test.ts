/** Which exception levels a write to a translation register concerns. */
import { expect, test } from 'vitest';
import { GuestMemory } from '../../src/machine/memory.ts';
import { Mmu } from '../../src/mmu/mmu.ts';
import { NO_EVENTS } from '../../src/trace/schema.ts';
import { FEATURES, RAM } from './support.ts';

test.each([
  ['VTTBR_EL2', 2],
  ['TTBR0_EL1', 2],
  ['SCTLR_EL1', 2],
  ['TTBR0_EL2', 3],
  ['SCTLR_EL2', 3],
  ['HCR_EL2', 3],
  [undefined, 3],
] as const)('after a write to %s the levels below %i must look again', (register, level) => {
  const told: number[] = [];
  const mmu = new Mmu({
    registers: { get: () => 0n },
    memory: new GuestMemory([{ base: RAM, size: 4096 }], 2 ** 16),
    features: FEATURES,
    events: NO_EVENTS,
    writeDescriptor: () => {},
    pc: () => 0n,
    onContextChange: (unchanged) => told.push(unchanged),
  });
  expect(mmu.registersChanged(register)).toBe(level);
  expect(told).toEqual([level]);
});
