/** hindsight cpus [NAME]: the CPU models, what each has, and what its identification registers hide. */
import type { Command } from 'commander';
import { type CpuModel, modelFeatures } from '../cpu/models/model.ts';
import { MODELS, modelNamed } from '../cpu/models/models.ts';
import { UserError } from '../user-error.ts';

const FORMATS = ['table', 'json'];
const WIDTH = 80;

export default function addCpus(program: Command): void {
  program
    .command('cpus')
    .summary('the CPU models that `record --cpu` takes')
    .description(
      'Lists the CPU models. With a name: the features that the model has, and the identification fields that say less than ' +
        'the real CPU, with the reason.',
    )
    .argument('[name]')
    .option('--format <format>', 'table or json', 'table')
    .action((name: string | undefined, { format }: { format: string }) => {
      if (!FORMATS.includes(format))
        throw new UserError(`--format ${format}: must be one of ${FORMATS.join(', ')}`);
      const facts = (name === undefined ? MODELS : [modelNamed(name, '')]).map(factsOf);
      const text = name === undefined ? list(facts) : describe(facts[0]);
      process.stdout.write(format === 'json' ? `${JSON.stringify(facts, null, 2)}\n` : text);
    });
}

function factsOf(model: CpuModel) {
  const { name, compatible, identification, masks } = model;
  return {
    name,
    compatible,
    midr: `0x${identification.MIDR_EL1.toString(16)}`,
    features: [...modelFeatures(model, true)].filter((feature) => feature !== 'base').sort(),
    masks: masks.map(({ register, lsb, width, value, reason }) => ({
      register,
      bits: `${lsb + width - 1}:${lsb}`,
      value: Number(value),
      reason,
    })),
  };
}
type Facts = ReturnType<typeof factsOf>;

function list(models: readonly Facts[]): string {
  const lines = models.map(
    ({ name, midr, features, masks }) =>
      `${name.padEnd(22)}${midr.padEnd(14)}${String(features.length).padStart(8)}${String(masks.length).padStart(8)}`,
  );
  return `${'name'.padEnd(22)}${'MIDR_EL1'.padEnd(14)}features  masked\n${lines.join('\n')}\n`;
}

function describe({ name, compatible, midr, features, masks }: Facts): string {
  const fields = masks.map(
    ({ register, bits, value, reason }) => `  ${`${register}[${bits}]`.padEnd(26)}${value}  ${reason}`,
  );
  return [
    `${name}: ${compatible}, MIDR_EL1 ${midr}`,
    '',
    'features beyond Armv8.0-A, with a GICv3:',
    ...wrapped(features),
    '',
    'fields that say something else than QEMU 7.2:',
    ...fields,
    '',
  ].join('\n');
}

function wrapped(words: readonly string[]): string[] {
  const lines = ['  '];
  for (const word of words) {
    if (lines.at(-1)!.length + word.length > WIDTH) lines.push('  ');
    lines[lines.length - 1] += `${word} `;
  }
  return lines.map((line) => line.trimEnd());
}
