/**
 * Random programs against QEMU, for as long as you like.
 *
 *     npm run conformance:random -- [--minutes N] [--cpu NAMES] [--class NAMES] [--seed S] [--streams N] [--length UNITS]
 *       [--rounds N] [--only PATTERN] [--once] [--record FILE]
 *
 * Image after image, of each CPU model and each class of the encoding index in turn. Every stream runs in QEMU, the interpreter
 * and the evaluator; in every fourth image all streams run twice, and in regions too (--rounds 2 says so of all images). Without
 * --seed the first seed is drawn; what makes an image again is printed. --record adds what ran clean to a file of the folder
 * coverage, from which docs/coverage.md is made. Exit code 1 at the first difference.
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { UserError } from '../../../src/user-error.ts';
import { argumentsOf, type BatchResult, runBatch } from './campaign.ts';
import { recordCoverage } from './coverage_file.ts';
import { CLASS_NAMES, type EncodingClass } from './encoding_classes.ts';
import { classesOf, TESTED_CPUS } from './target.ts';

const option = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;

function options() {
  const { values } = parseArgs({
    options: {
      ...{ minutes: option, cpu: option, class: option, seed: option, streams: option, length: option },
      ...{ rounds: option, only: option, once: flag, record: option },
    },
  });
  const number = (name: 'minutes' | 'seed' | 'streams' | 'length' | 'rounds', otherwise: number) => {
    const value = Number(values[name] ?? otherwise);
    if (!(value > 0)) throw new UserError(`--${name} ${values[name]}: a positive number`);
    return value;
  };
  const among = <T extends string>(name: 'cpu' | 'class', all: readonly T[]): readonly T[] => {
    const given = values[name]?.split(',') as T[] | undefined;
    const wrong = given?.find((one) => !all.includes(one));
    if (wrong) throw new UserError(`--${name} ${wrong}: one of ${all.join(', ')}`);
    return given ?? all;
  };
  return {
    minutes: values.once ? 0 : number('minutes', 1),
    cpus: among('cpu', TESTED_CPUS),
    classes: values.class ? among<EncodingClass>('class', CLASS_NAMES) : undefined,
    seed: number('seed', randomInt(1, 2 ** 31)),
    streams: number('streams', 2000),
    length: number('length', 12),
    rounds: values.rounds === undefined ? undefined : number('rounds', 1),
    only: values.only === undefined ? undefined : new RegExp(values.only),
    record: values.record,
  };
}

/** Every so many images of a class one is executed in regions. */
const REGIONS_EVERY = 4;

/** CPU, class, seed and rounds of one image after the other. */
function* turns(cpus: readonly string[], classes: readonly EncodingClass[] | undefined, seed: number) {
  const all = cpus.flatMap((cpu) =>
    classesOf(cpu)
      .filter((name) => !classes || classes.includes(name))
      .map((focus) => ({ cpu, focus })),
  );
  if (all.length === 0) throw new UserError(`${cpus.join(', ')}: no instruction of class ${classes}`);
  for (let n = 0; ; n++)
    for (const one of all) yield { ...one, seed: seed + n, rounds: n % REGIONS_EVERY === 0 ? 2 : 1 };
}

try {
  const { minutes, cpus, classes, seed, rounds, record, ...shape } = options();
  const end = Date.now() + minutes * 60_000;
  const results: BatchResult[] = [];
  const turn = turns(cpus, classes, seed);
  do {
    const result = await runBatch({
      ...shape,
      ...turn.next().value!,
      ...(rounds === undefined ? {} : { rounds }),
    });
    results.push(result);
    const verdict = result.failures.length ? 'DIFFERENT' : 'same';
    console.log(
      `${argumentsOf(result.options)}: ${result.instructions} instructions, ${result.exceptions} exceptions, ${verdict}`,
    );
    for (const failure of result.failures) console.log(failure);
    if (result.failures.length) process.exitCode = 1;
    else if (record) recordCoverage(result, record);
  } while (Date.now() < end && !process.exitCode);
  const total = results.reduce((sum, { instructions }) => sum + instructions, 0);
  console.log(`${total} instructions`);
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(`conformance:random: ${error.message}`);
  process.exitCode = 2;
}
