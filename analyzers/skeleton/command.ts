/**
 * hindsight skeleton REC: exceptions by kind and exception level.
 *
 * The smallest whole analyzer, to be copied: `cp -r analyzers/skeleton analyzers/NAME`, then rename the command. This folder
 * alone is left out of the command line; any other is found by being there. HACKING.md has the recipe.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { parseCount } from '../../src/quantities.ts';
import { UserError } from '../../src/user-error.ts';

interface Options {
  readonly from: string;
  readonly format: string;
}

export default function addSkeleton(program: Command): void {
  program
    .command('skeleton')
    .summary('exceptions by kind and exception level')
    .description('Counts exceptions by kind and by the levels that they went from and to.')
    .argument('<recording>')
    .option('--from <icount>', 'only from this instruction on', '0')
    .option('--format <format>', 'table, csv, json, arrow or parquet', 'table')
    .action(run);
}

async function run(path: string, options: Options): Promise<void> {
  // Loaded here, so that other commands do not wait for DuckDB.
  const { FORMATS, writeQuery } = await import('../../src/sql/formats.ts');
  const { open } = await import('../../src/sql/open.ts');
  const format = FORMATS.find((candidate) => candidate === options.format);
  if (!format) throw new UserError(`--format ${options.format}: must be one of ${FORMATS.join(', ')}`);
  const from = parseCount('--from', options.from);
  const sql = readFileSync(join(import.meta.dirname, 'skeleton.sql'), 'utf8').replaceAll(
    '$from',
    String(from),
  );
  const session = await open(path);
  try {
    await writeQuery(session, sql, format, process.stdout, {});
  } finally {
    session.close();
  }
}
