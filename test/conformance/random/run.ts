/**
 * Random programs against QEMU, for as long as you like.
 *
 *     npm run conformance:random -- [--minutes N] [--seed S] [--streams N] [--length UNITS] [--once]
 *
 * Without --seed the first seed is drawn; each image's seed is printed. Exit code 1 at the first difference.
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { UserError } from '../../../src/user-error.ts';
import { type BatchResult, runBatch, uncovered } from './campaign.ts';

function options() {
  const option = { type: 'string' } as const;
  const { values } = parseArgs({
    options: { minutes: option, seed: option, streams: option, length: option, once: { type: 'boolean' } },
  });
  const number = (name: 'minutes' | 'seed' | 'streams' | 'length', otherwise: number) => {
    const value = Number(values[name] ?? otherwise);
    if (!(value > 0)) throw new UserError(`--${name} ${values[name]}: a positive number`);
    return value;
  };
  return {
    minutes: values.once ? 0 : number('minutes', 1),
    seed: number('seed', randomInt(1, 2 ** 31)),
    streams: number('streams', 2000),
    length: number('length', 40),
  };
}

try {
  const { minutes, seed, streams, length } = options();
  const end = Date.now() + minutes * 60_000;
  const results: BatchResult[] = [];
  do {
    const result = await runBatch({ seed: seed + results.length, streams, length });
    results.push(result);
    console.log(
      `seed ${result.seed}: ${result.instructions} instructions, ${result.exceptions} exceptions, ${result.failures.length ? 'DIFFERENT' : 'same'}`,
    );
    for (const failure of result.failures) console.log(failure);
    if (result.failures.length) process.exitCode = 1;
  } while (Date.now() < end && !process.exitCode);
  const total = results.reduce((sum, { instructions }) => sum + instructions, 0);
  const missing = uncovered(results);
  console.log(
    `${total} instructions; ${missing.length ? `rows not executed: ${missing.join(' ')}` : 'every row was executed'}`,
  );
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(`conformance:random: ${error.message}`);
  process.exitCode = 2;
}
