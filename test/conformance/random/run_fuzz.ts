/**
 * Random words in the interpreter and in regions, for as long as you like.
 *
 *     npm run conformance:fuzz -- [--words N] [--cpu NAME] [--seed S]
 *
 * Half a million words after half a million, each with the next seed; the back ends must agree. Exit code 1 where they do not.
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { modelNamed } from '../../../src/cpu/models/models.ts';
import { UserError } from '../../../src/user-error.ts';
import { fuzz } from './fuzz.ts';

const AT_ONCE = 500_000;

try {
  const option = { type: 'string' } as const;
  const { values } = parseArgs({ options: { words: option, cpu: option, seed: option } });
  const number = (name: 'words' | 'seed', otherwise: number) => {
    const value = Number(values[name] ?? otherwise);
    if (!(value > 0)) throw new UserError(`--${name} ${values[name]}: a positive number`);
    return value;
  };
  const cpu = modelNamed(values.cpu ?? 'max').name;
  const words = number('words', 10_000_000);
  const first = number('seed', randomInt(1, 2 ** 31));
  for (let done = 0, seed = first; done < words && !process.exitCode; done += AT_ONCE, seed++) {
    const options = { cpu, seed, words: Math.min(AT_ONCE, words - done) };
    const [a, b] = (['interpreter', 'regions'] as const).map((engine) => fuzz({ ...options, engine }));
    const same = a.digest === b.digest;
    if (!same) process.exitCode = 1;
    const mebibytes = Math.round(process.memoryUsage().rss / 2 ** 20);
    console.log(
      `--cpu ${cpu} --seed ${seed} --words ${options.words}: ${a.words} words, ${a.episodes} episodes, ${same ? 'same' : 'DIFFERENT'}, ${mebibytes} MiB`,
    );
  }
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(`conformance:fuzz: ${error.message}`);
  process.exitCode = 2;
}
