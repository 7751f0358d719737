import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { compareImage } from './qemu/compare.ts';
import { reportComparison } from './qemu/report.ts';

const traces = fileURLToPath(new URL('../../traces/', import.meta.url));
const machine = (gic: 2 | 3) => ({ gic, ramMiB: 256, deviceTree: `min-gicv${gic}`, deadline: 280 });

describe('our guests in QEMU and here', () => {
  const cases = ['hello', 'vectors', 'hypervisor'].flatMap((name) =>
    ([2, 3] as const).map((gic) => ({ name, gic })),
  );

  it.each(cases)(
    '$name on GICv$gic: the same state before every instruction, and the same console',
    async (guest) => {
      const image = `${traces}${guest.name}/${guest.name}.elf`;
      const comparison = await compareImage({ image, ...machine(guest.gic) });
      expect(comparison.identical, reportComparison(comparison)).toBe(true);
      expect(comparison.commonPrefix).toBeGreaterThan(300);
    },
  );

  const crashes = readdirSync(`${traces}crashes`).map((name, i) => ({
    name,
    gic: i % 2 ? (2 as const) : (3 as const),
  }));

  it.each(crashes)(
    '$name on GICv$gic: the same state before each of the first nine million instructions',
    async (guest) => {
      const image = `${traces}crashes/${guest.name}/${guest.name}.elf`;
      const comparison = await compareImage({ image, ...machine(guest.gic), limit: 9_000_000 });
      const { divergence, ending } = comparison;
      expect({ divergence, ending }, reportComparison(comparison)).toEqual({});
    },
  );

  const benchmarks = readdirSync(`${traces}bench`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);

  it.each(benchmarks)(
    'bench/%s: the same state before every instruction to the end, and the same console',
    async (name) => {
      const image = `${traces}bench/${name}/${name}.elf`;
      const comparison = await compareImage({ image, ...machine(3) });
      expect(comparison.identical, reportComparison(comparison)).toBe(true);
      expect(comparison.commonPrefix).toBeGreaterThan(50_000_000);
    },
  );
});
