/** The command line: finds the verbs, runs one, turns a user's mistake into one line and exit code 2. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { UserError } from './user-error.ts';

/**
 * A verb of the command line. Every file in src/commands and every folder in analyzers has one as its default export. It adds
 * its command, with its options and its action, to the program. An action may set `process.exitCode` to 1: the answer is no.
 */
export type Verb = (program: Command) => void;

const ROOT = import.meta.dirname;

async function verbs(): Promise<Verb[]> {
  const isCode = (name: string) => /\.[jt]s$/.test(name) && !name.endsWith('.d.ts');
  const commands = readdirSync(join(ROOT, 'commands')).filter(isCode);
  const analyzers = readdirSync(join(ROOT, '../analyzers'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'skeleton')
    .map(({ name }) => join(ROOT, '../analyzers', name, `command${import.meta.filename.slice(-3)}`))
    .filter((file) => existsSync(file));
  const files = [...commands.map((name) => join(ROOT, 'commands', name)), ...analyzers];
  const modules = await Promise.all(files.map((file) => import(file) as Promise<{ default: Verb }>));
  return modules.map((module) => module.default);
}

/** Runs the command line and returns the exit code: 0 success, 1 the answer is no, 2 the user's mistake. */
export async function main(argv: readonly string[]): Promise<number> {
  const program = new Command('hindsight')
    .description('A flight recorder for AArch64 hypervisors and their guests')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'hindsight: ')) });
  try {
    for (const verb of await verbs()) verb(program);
    for (const command of program.commands) command.exitOverride().copyInheritedSettings(program);
    await program.parseAsync(argv);
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof UserError) {
      process.stderr.write(`hindsight: ${error.message}\n`);
      return 2;
    }
    throw error;
  }
}
