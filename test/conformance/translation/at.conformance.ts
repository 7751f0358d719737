import { describe, expect, it } from 'vitest';
import { atDifferences, describe as inWords, parsOfMmu, parsOfQemu, randomBatch } from './at.ts';
import { CORTEX_A57, MAX, NEOVERSE_N1 } from './configuration.ts';

const SEEDS = [11, 12, 13, 14];

describe('AT on random translation tables, against QEMU', () => {
  it.each([CORTEX_A57, NEOVERSE_N1, MAX])(
    'gives the same PAR_EL1 and the same exceptions on $name',
    async (cpu) => {
      const seen = new Set<string>();
      for (const seed of SEEDS) {
        const batch = randomBatch(cpu, seed, 60);
        const qemu = await parsOfQemu(cpu, batch);
        const mmu = parsOfMmu(cpu, batch);
        const differences = atDifferences(batch, qemu, mmu);
        expect(differences.slice(0, 3).map(inWords), `seed ${seed}`).toEqual([]);
        for (const par of qemu) seen.add(kindOf(par));
      }
      // The tables reach every way a translation can end: stage 1 at each level, stage 2, and stage 2 under a walk.
      const statuses = [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 13, 14, 15].map((status) => `stage 1, ${status}`);
      const second = [4, 5, 6, 7, 15].flatMap((status) => [`stage 2, ${status}`]);
      expect([...seen]).toEqual(expect.arrayContaining(['translated', ...statuses, ...second]));
    },
  );

  it('sees a single wrong bit in a result', async () => {
    const batch = randomBatch(CORTEX_A57, 11, 2);
    const mmu = parsOfMmu(CORTEX_A57, batch);
    const wrong = mmu.slice();
    // A bit of the output address, where there is one.
    const translated = mmu.findIndex((par) => kindOf(par) === 'translated');
    wrong[translated] ^= 1n << 20n;
    expect(atDifferences(batch, mmu, wrong)).toHaveLength(1);
  });
});

function kindOf(par: bigint): string {
  if ((par & 1n) === 0n) return 'translated';
  return `stage ${par & 0x200n ? 2 : 1}, ${(par >> 1n) & 0x3fn}`;
}
