import { describe, expect, it } from 'vitest';
import { lpiSequence, v2mSequence } from './message_sequences.ts';
import { firstDifference } from './runs.ts';
import { randomSequence, type SequenceOptions } from './sequences.ts';

/** What a sequence may do, and how many there are. */
const kinds: readonly (Pick<SequenceOptions, 'gic' | 'side' | 'cpus'> & { readonly sequences: number })[] = [
  { gic: 2, side: 'physical', cpus: 1, sequences: 12 },
  { gic: 2, side: 'virtual', cpus: 1, sequences: 12 },
  { gic: 2, side: 'physical', cpus: 2, sequences: 8 },
  { gic: 3, side: 'physical', cpus: 1, sequences: 12 },
  { gic: 3, side: 'virtual', cpus: 1, sequences: 12 },
  { gic: 3, side: 'physical', cpus: 2, sequences: 8 },
  { gic: 3, side: 'virtual', cpus: 2, sequences: 4 },
];

describe('random sequences of accesses to the interrupt controller', () => {
  it.each(kinds)('GICv$gic, $side interface, CPUs: $cpus: QEMU reads the same', async (kind) => {
    for (let seed = 1; seed <= kind.sequences; seed++) {
      const difference = await firstDifference(randomSequence({ ...kind, seed, length: 500 }));
      expect(difference, `seed ${seed}`).toBeUndefined();
    }
  });
});

describe('random sequences of messages', () => {
  it.each([1, 2] as const)('the ITS and LPIs, CPUs: %i: QEMU reads the same', async (cpus) => {
    for (let seed = 1; seed <= 12; seed++) {
      const difference = await firstDifference(lpiSequence({ seed, cpus, length: 600 }));
      expect(difference, `seed ${seed}`).toBeUndefined();
    }
  });
  it('GICv2m: QEMU reads the same', async () => {
    for (let seed = 1; seed <= 6; seed++) {
      const difference = await firstDifference(v2mSequence({ seed, length: 400 }));
      expect(difference, `seed ${seed}`).toBeUndefined();
    }
  });
});
