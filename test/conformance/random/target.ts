/** What is tested: a CPU model of ours, QEMU's name for the same, and the rows of the table that it has. */
import { modelFeatures } from '../../../src/cpu/models/model.ts';
import { modelNamed } from '../../../src/cpu/models/models.ts';
import type { Row } from '../../../src/isa/row.ts';
import { ROWS } from '../../../src/isa/table.ts';
import { CLASS_NAMES, classOf, type EncodingClass } from './encoding_classes.ts';

export interface Target {
  readonly cpu: string;
  /** As QEMU's -cpu takes it. */
  readonly qemuCpu: string;
  readonly has: (feature: string) => boolean;
  /** Rows that a unit can be made of. */
  readonly rows: readonly Row[];
  /** Implemented by the table but not by this model: UNDEFINED here. */
  readonly absentRows: readonly Row[];
}

/** QEMU's `max` has SVE and SME, which the table marks as not implemented. */
const QEMU_NAMES: { readonly [cpu: string]: string } = {
  max: 'max,sve=off,sme=off',
  'max,pauth-impdef=on': 'max,sve=off,sme=off,pauth-impdef=on',
};

const targets = new Map<string, Target>();

export function targetOf(cpu: string): Target {
  const known = targets.get(cpu);
  if (known) return known;
  const features = modelFeatures(modelNamed(cpu), false);
  const has = (feature: string) => features.has(feature);
  // WFI ends a stream.
  const implemented = ROWS.filter(({ name, execute }) => execute && !/^WFIT?$/.test(name));
  const target: Target = {
    ...{ cpu, qemuCpu: QEMU_NAMES[cpu] ?? cpu, has },
    rows: [
      ...implemented.filter(({ feature }) => has(feature)),
      ...ROWS.filter(({ name }) => name === 'UDF'),
    ],
    absentRows: implemented.filter(({ feature }) => !has(feature)),
  };
  targets.set(cpu, target);
  return target;
}

/** One of each generation: Armv8.0, Armv8.2, and everything. The others differ in identification registers only. */
export const TESTED_CPUS = ['cortex-a57', 'neoverse-n1', 'max'] as const;

/** Classes that the CPU has instructions of. */
export const classesOf = (cpu: string): EncodingClass[] => {
  const present = new Set(targetOf(cpu).rows.map(classOf));
  return CLASS_NAMES.filter((name) => present.has(name));
};
