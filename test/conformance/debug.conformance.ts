import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { compareImage } from './qemu/compare.ts';
import { assembleImage } from './qemu/reference.ts';
import { reportComparison } from './qemu/report.ts';

const probes = ['debug', 'pmu'] as const;
const engines = ['interpreter', 'evaluator', 'regions'] as const;
const cases = probes.flatMap((probe) => [
  ...engines.map((engine) => ({ probe, engine, cpu: 'cortex-a57' })),
  // FEAT_PMUv3p1 and FEAT_VHE; FEAT_PMUv3p5.
  ...['neoverse-n1', 'max'].map((cpu) => ({ probe, engine: engines[0], cpu })),
]);

describe('debug exceptions and performance monitors in QEMU and here', () => {
  it.each(cases)(
    'probe $probe on $cpu, $engine: the same state before every instruction',
    async ({ probe, engine, cpu }) => {
      const image = assembleImage(fileURLToPath(new URL(`./probes/${probe}.S`, import.meta.url)), []);
      const comparison = await compareImage({
        ...{ image, gic: 3, ramMiB: 64, deviceTree: 'min-gicv3', deadline: 60, engine, cpu },
      });
      expect(comparison.identical, reportComparison(comparison)).toBe(true);
      expect(comparison.commonPrefix).toBeGreaterThan(1500);
    },
  );
});
