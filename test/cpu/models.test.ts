import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FEATURES, featuresOf } from '../../src/cpu/models/features.ts';
import { identificationOf, modelFeatures } from '../../src/cpu/models/model.ts';
import { MODELS, modelNamed } from '../../src/cpu/models/models.ts';
import { operationAt, SYSTEM_OPERATIONS } from '../../src/cpu/sysregs/operations.ts';
import { registerAt, SYSTEM_REGISTERS } from '../../src/cpu/sysregs/table.ts';
import { decode, ROWS } from '../../src/isa/table.ts';
import { CpuMachine, mrs, msr } from './cpu_machine.ts';

/** Model, exception level or "ccsidr", encoding or CSSELR, and what MRS gave: a value, or "T2" and the syndrome. */
const golden = readFileSync(new URL('models.qemu.txt', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => line.split(' '));

/** What the option of a CPU model changes in QEMU 7.2, read by MRS. */
const VARIANTS = [
  { name: 'max,pauth-impdef=on', of: 'max', register: 'ID_AA64ISAR1_EL1', value: 0x0011_1111_1021_1102n },
];

it.each(VARIANTS)('$name differs from $of in $register alone', ({ name, of, register, value }) => {
  const [variant, model] = [modelNamed(name), modelNamed(of)];
  const identification = { ...model.identification, [register]: value };
  expect(variant).toEqual({ ...model, name, identification });
});

const VARIANT_NAMES = VARIANTS.map(({ name }) => name);
describe.each(MODELS.map(({ name }) => name).filter((name) => !VARIANT_NAMES.includes(name)))(
  '%s',
  (name) => {
    const model = modelNamed(name);
    const lines = golden.filter(([of]) => of === name);

    it('has the identification registers of QEMU, but for the masked fields', () => {
      const machine = new CpuMachine({ model });
      const differences: string[] = [];
      for (const [, el, id, ...expected] of lines) {
        if (el === 'ccsidr') continue;
        const encoding = Number.parseInt(id, 16);
        const register = registerAt(encoding)?.name ?? id;
        machine.enter(Number(el));
        const { target, esr, value } = machine.execute(mrs(encoding));
        const ours = target < 0 ? value.toString(16) : `T${target} ${esr.toString(16)}`;
        let theirs = expected.join(' ');
        for (const { lsb, width, value: masked } of model.masks.filter((one) => one.register === register)) {
          const field = ((1n << BigInt(width)) - 1n) << BigInt(lsb);
          theirs = ((BigInt(`0x${theirs}`) & ~field) | (masked << BigInt(lsb))).toString(16);
        }
        if (ours !== theirs) differences.push(`${register} EL${el}: ${ours}, QEMU ${theirs}`);
      }
      expect(differences).toEqual([]);
      expect(lines.length).toBeGreaterThan(100);
    });

    it('has the caches of QEMU', () => {
      const machine = new CpuMachine({ model });
      for (const [, , selected, value] of lines.filter(([, what]) => what === 'ccsidr')) {
        machine.execute(msr(0xd000), BigInt(`0x${selected}`));
        expect(machine.execute(mrs(0xc800)).value.toString(16)).toBe(value);
      }
    });

    it('masks no field that says the same anyway', () => {
      const unmasked = { ...model, masks: [] };
      for (const one of model.masks) {
        const without = identificationOf({ ...unmasked, masks: [one] }, false);
        const changed = without[one.register] !== identificationOf(unmasked, false)[one.register];
        const level = /^EL[012]:/.test(one.reason);
        expect(changed || level, one.reason).toBe(true);
      }
    });

    it('executes every instruction of every feature that it has', () => {
      const features = modelFeatures(model, true);
      const missing = ROWS.filter((row) => features.has(row.feature) && row.execute === undefined);
      expect(missing.map((row) => row.name)).toEqual([]);
    });
  },
);

describe('features', () => {
  it('of every row of every table are decided by an identification field, or belong to the Cortex-A57', () => {
    const known = (feature: string | undefined) =>
      feature === undefined || feature === 'CortexA57' || FEATURES.has(feature);
    const rows = [...ROWS, ...SYSTEM_REGISTERS, ...SYSTEM_OPERATIONS];
    expect(rows.filter(({ feature }) => !known(feature)).map(({ name }) => name)).toEqual([]);
  });

  it('follow the fields of ID_AA64ISAR0_EL1: one more in Atomic brings LSE, one less in AES takes PMULL away', () => {
    expect(featuresOf({ ID_AA64ISAR0_EL1: 0x0020_0020n })).toContain('LSE');
    expect(featuresOf({ ID_AA64ISAR0_EL1: 0x0010_0020n })).not.toContain('LSE');
    expect(featuresOf({ ID_AA64ISAR0_EL1: 0x20n })).toContain('PMULL');
    expect(featuresOf({ ID_AA64ISAR0_EL1: 0x10n })).not.toContain('PMULL');
  });

  it('say FP is absent with 0b1111, present with 0', () => {
    expect(featuresOf({ ID_AA64PFR0_EL1: 0xf_0000n })).not.toContain('FP');
    expect(featuresOf({ ID_AA64PFR0_EL1: 0n })).toContain('FP');
    expect(featuresOf({ ID_AA64PFR0_EL1: 0x1_0000n })).toContain('FP16');
  });

  it('decide what decodes: LDADD is unallocated on a Cortex-A57, and everywhere for an analyzer it is LDADD', () => {
    const ldadd = 0xf820_0041;
    expect(decode(ldadd, modelFeatures(modelNamed('cortex-a57'), true))).toBeUndefined();
    expect(decode(ldadd, modelFeatures(modelNamed('neoverse-n1'), true))).toBeDefined();
    expect(decode(ldadd)).toBeDefined();
  });

  it('decide which system operations there are: AT S1E1RP and TLBI VAE1OS are UNDEFINED on a Cortex-A57', () => {
    for (const name of ['AT S1E1RP', 'TLBI VAE1OS', 'TLBI RVAE1', 'DC CVAP', 'CFP RCTX']) {
      const { encoding } = SYSTEM_OPERATIONS.find((row) => row.name === name)!;
      expect(operationAt(encoding)?.feature).toBeDefined();
      const old = new CpuMachine();
      expect(old.execute(msr(encoding)), name).toMatchObject({ target: 2, esr: 0x0200_0000 });
      expect(old.rows('unimplemented')).toEqual([]);
      expect(new CpuMachine({ model: modelNamed('max') }).execute(msr(encoding)).target, name).toBe(-1);
    }
  });
});
