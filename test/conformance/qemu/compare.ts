/**
 * Runs an image in QEMU and here, and compares the state before every instruction from reset to the end.
 *
 *     npm run conformance:qemu -- IMAGE [--gic 2|3] [--ram MiB] [--dtb FILE|NAME] [--initrd F] [--append "…"]
 *                                 [--bios F] [--cpu NAME] [--load FILE@ADDRESS …] [--limit N] [--deadline SECONDS] [--engine NAME]
 *
 * NAME is one of test/conformance/qemu/devicetrees; without --dtb it is `min-gicvN`. The interpreter is compared by digests of all
 * states, and regions with the interpreter wherever there is a digest; that takes about as long as QEMU alone. `--engine` compares one
 * engine alone, `evaluator` and `regions` state by state: a hundred times slower. Exit code 0 when everything is the same, 1 when not,
 * 2 for a mistake in the command.
 */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { EngineName } from '../../../src/machine/machine.ts';
import { parseRawLoad } from '../../../src/machine/raw.ts';
import { DEFAULT_RECIPE } from '../../../src/machine/recipe.ts';
import { UserError } from '../../../src/user-error.ts';
import { MachineSubject } from '../machine_subject.ts';
import { TwoEngines } from '../two_engines.ts';
import { type Comparison, type ComparisonOptions, compareWithQemu } from './comparison.ts';
import { compileDeviceTree, deviceTreeSource } from './reference.ts';
import { reportComparison } from './report.ts';

export interface ImageComparison extends ComparisonOptions {
  /** Absent: the first of `load` is what runs. */
  readonly image?: string;
  readonly gic: 2 | 3;
  /** Default 1; the reference trace is of one CPU. */
  readonly smp?: number;
  readonly ramMiB: number;
  /** Default cortex-a57. */
  readonly cpu?: string;
  /** A blob or source, or the name of one of ours. */
  readonly deviceTree: string;
  readonly initrd?: string;
  readonly append?: string;
  readonly bios?: string;
  /** False: QEMU tells firmware of no ACPI tables, as our machine does. */
  readonly acpi?: boolean;
  /** FILE@ADDRESS each. */
  readonly load?: readonly string[];
  /** Absent: the interpreter, and regions beside it. */
  readonly engine?: EngineName;
}

export function compareImage(options: ImageComparison): Promise<Comparison> {
  const { image, gic, ramMiB, cpu = DEFAULT_RECIPE.cpu, initrd, append, bios, load = [], engine } = options;
  const given = existsSync(options.deviceTree) ? options.deviceTree : deviceTreeSource(options.deviceTree);
  const dtb = given.endsWith('.dts') ? compileDeviceTree(given) : given;
  const raw = load.map(parseRawLoad);
  const qemu = {
    // Without what our max has not.
    ...{ kernel: image, gic, ramMiB, cpu: cpu === 'max' ? 'max,sve=off,sme=off' : cpu },
    ...{ initrd, append, deviceTree: dtb, load: raw },
    ...(image || bios ? {} : { entry: raw[0]?.address }),
    more: [...(bios ? ['-bios', bios] : []), ...(options.acpi === false ? ['-machine', 'acpi=off'] : [])],
  };
  const recipe = {
    ...DEFAULT_RECIPE,
    image,
    gic,
    cpu,
    ram: ramMiB * 2 ** 20,
    initrd,
    append,
    dtb,
    bios,
    load,
  };
  return compareWithQemu(
    qemu,
    () => (engine ? new MachineSubject(recipe, engine) : new TwoEngines(recipe)),
    options,
  );
}

function fromCommandLine(): ImageComparison {
  const option = { type: 'string' } as const;
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      ...{
        gic: option,
        ram: option,
        dtb: option,
        initrd: option,
        append: option,
        bios: option,
        cpu: option,
        limit: option,
      },
      ...{ deadline: option, engine: option, load: { type: 'string', multiple: true } },
    },
  });
  const number = (name: 'gic' | 'ram' | 'limit' | 'deadline', otherwise: number) => {
    const value = Number(values[name] ?? otherwise);
    if (!(Number.isInteger(value) && value > 0))
      throw new UserError(`--${name} ${values[name]}: a positive integer`);
    return value;
  };
  const gic = number('gic', 3);
  if (gic !== 2 && gic !== 3) throw new UserError(`--gic ${gic}: 2 or 3`);
  const load = values.load ?? [];
  if (positionals.length > 1 || (positionals.length + load.length === 0 && !values.bios))
    throw new UserError('name one IMAGE, or files with --load FILE@ADDRESS');
  const engine = (['interpreter', 'evaluator', 'regions'] as const).find((name) => name === values.engine);
  if (values.engine !== undefined && !engine)
    throw new UserError(`--engine ${values.engine}: interpreter, evaluator or regions`);
  const { limit, dtb, initrd, append, bios, cpu } = values;
  return {
    ...{ image: positionals[0], gic, ramMiB: number('ram', 256), cpu, initrd, append, bios, load },
    deviceTree: dtb ?? `min-gicv${gic}`,
    limit: limit === undefined ? undefined : number('limit', 1),
    deadline: number('deadline', 600),
    engine,
    progress: process.stderr.isTTY ? (n) => process.stderr.write(`\r${n} instructions`) : undefined,
  };
}

if (import.meta.main) {
  try {
    const comparison = await compareImage(fromCommandLine());
    console.log(reportComparison(comparison));
    process.exitCode = comparison.identical ? 0 : 1;
  } catch (error) {
    const message =
      (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') || error instanceof UserError;
    if (!message) throw error;
    console.error(`conformance:qemu: ${(error as Error).message}`);
    process.exitCode = 2;
  }
}
