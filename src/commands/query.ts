/** hindsight query REC "SQL": asks a recording in SQL; without SQL, a prompt. */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import type { Writable } from 'node:stream';
import type { Command } from 'commander';
import { UserError } from '../user-error.ts';

interface Options {
  readonly format?: string;
  readonly output?: string;
}

export default function addQuery(program: Command): void {
  program
    .command('query')
    .summary('ask a recording in SQL; without SQL, a prompt')
    .description('Ask a recording in SQL (DuckDB). docs/tables.md describes the tables and views.')
    .argument('<recording>')
    .argument('[sql]', '- reads it from standard input')
    .option('--format <format>', 'table, csv, json, arrow or parquet (default: table)')
    .option('-o, --output <file>', 'write the result here')
    .action(run);
}

async function run(
  path: string,
  sql: string | undefined,
  { format: name = 'table', output }: Options,
): Promise<void> {
  const { FORMATS, writeQuery } = await import('../sql/formats.ts');
  const { open } = await import('../sql/open.ts');
  const format = FORMATS.find((candidate) => candidate === name);
  if (!format) throw new UserError(`--format ${name}: must be one of ${FORMATS.join(', ')}`);
  const session = await open(path);
  try {
    const limits = process.stdout.isTTY ? { width: process.stdout.columns || 80, rows: 200 } : {};
    const ask = (text: string, out: Writable) => writeQuery(session, text, format, out, limits);
    if (sql === undefined && process.stdin.isTTY) await prompt(ask);
    else await answer(sql === undefined || sql === '-' ? await readAll(process.stdin) : sql, output, ask);
  } finally {
    session.close();
  }
}

async function answer(
  text: string,
  output: string | undefined,
  ask: (text: string, out: Writable) => Promise<void>,
) {
  if (text.trim() === '')
    throw new UserError('there is no statement: write one, as in "SELECT * FROM exits"');
  if (output === undefined || output === '-') {
    await ask(text, process.stdout);
    return;
  }
  const file = createWriteStream(output);
  const failed = new Promise<never>((_, reject) => {
    file.once('error', (error) => reject(new UserError(`${output}: ${error.message}`)));
  });
  // Before anything is asked: what reads a result may stumble over a file that is not there.
  await Promise.race([once(file, 'open'), failed]);
  await Promise.race([ask(text, file), failed]);
  file.end();
  await Promise.race([once(file, 'finish'), failed]);
}

async function readAll(stream: NodeJS.ReadStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

const HELP = `Statements end with ; — the tables are in docs/tables.md, or:
  show tables;   describe exits;   select * from exits limit 5;
.quit or Ctrl-D ends.
`;

/** Statements may span lines. A wrong one says why, and the prompt goes on. */
async function prompt(ask: (text: string, out: Writable) => Promise<void>): Promise<void> {
  process.stdout.write(HELP);
  const lines = createInterface({ input: process.stdin, output: process.stdout, prompt: 'hindsight> ' });
  let statement = '';
  lines.prompt();
  for await (const line of lines) {
    if (statement === '' && /^\s*\.?(quit|exit)\s*;?\s*$/.test(line)) break;
    statement += `${line}\n`;
    if (line.trimEnd().endsWith(';')) {
      const text = statement;
      statement = '';
      await ask(text, process.stdout).catch((error) => {
        if (!(error instanceof UserError)) throw error;
        process.stdout.write(`${error.message}\n`);
      });
    }
    lines.setPrompt(statement.trim() === '' ? 'hindsight> ' : '        -> ');
    lines.prompt();
  }
  lines.close();
}
