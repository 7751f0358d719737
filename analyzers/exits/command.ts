/** hindsight exits REC: exits of virtual machines by kind, count and exact cost. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { parseCount } from '../../src/quantities.ts';
import type { Session } from '../../src/sql/session.ts';
import { UserError } from '../../src/user-error.ts';
import { budgetOf, exceeded, readBudget, type Spent } from './budget.ts';

interface Options {
  readonly timeline?: string | true;
  readonly histogram?: true;
  readonly format: string;
  readonly budget?: string;
  readonly writeBudget?: string;
}

const statement = (name: string): string => readFileSync(join(import.meta.dirname, `${name}.sql`), 'utf8');

export default function addExits(program: Command): void {
  program
    .command('exits')
    .summary('VM exits by kind, count and exact cost')
    .description(
      'The ledger of VM exits: how often each kind occurred and what it cost, in instructions of the hypervisor.',
    )
    .argument('<recording>')
    .option('--timeline [slices]', 'exits over time, in so many slices (default: 20)')
    .option('--histogram', 'cost by reason, in powers of two')
    .option('--format <format>', 'table, csv, json, arrow or parquet', 'table')
    .option('--budget <file>', 'exit code 1 when a count or a cost is above the budget')
    .option('--write-budget <file>', 'write the budget that this recording just meets')
    .action(run);
}

async function run(path: string, options: Options): Promise<void> {
  const { FORMATS, writeQuery } = await import('../../src/sql/formats.ts');
  const { open } = await import('../../src/sql/open.ts');
  const format = FORMATS.find((candidate) => candidate === options.format);
  if (!format) throw new UserError(`--format ${options.format}: must be one of ${FORMATS.join(', ')}`);
  const session = await open(path);
  try {
    if (options.budget !== undefined || options.writeBudget !== undefined) {
      await checkBudget(session, path, options);
      return;
    }
    const slices = typeof options.timeline === 'string' ? sliceCount(options.timeline) : 20;
    const sql = options.timeline
      ? statement('timeline').replaceAll('$slices', String(slices))
      : statement(options.histogram ? 'histogram' : 'ledger');
    await writeQuery(
      session,
      sql,
      format,
      process.stdout,
      process.stdout.isTTY ? { width: process.stdout.columns || 80 } : {},
    );
  } finally {
    session.close();
  }
}

function sliceCount(text: string): number {
  const slices = parseCount('--timeline', text, '20');
  if (slices === 0) throw new UserError('--timeline 0: at least one slice');
  return slices;
}

async function checkBudget(session: Session, path: string, { budget, writeBudget }: Options): Promise<void> {
  const rows = await session.sql(statement('ledger'));
  const spent = rows.map(
    ({ reason, sub_reason, exits, cost }): Spent => ({
      reason: String(reason),
      sub_reason: String(sub_reason),
      exits: Number(exits),
      cost: Number(cost),
    }),
  );
  if (writeBudget !== undefined) write(writeBudget, `${JSON.stringify(budgetOf(spent), null, 2)}\n`);
  if (budget === undefined) return;
  const lines = exceeded(readBudget(budget), spent);
  for (const line of lines) process.stdout.write(`${line}\n`);
  if (lines.length > 0) process.exitCode = 1;
  else process.stdout.write(`${path}: within the budget of ${budget}\n`);
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new UserError(`--write-budget ${path}: ${(error as Error).message}`);
  }
}
