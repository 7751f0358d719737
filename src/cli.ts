/** The command line: finds the verbs, runs one, turns a user's mistake into one line and exit code 2. */
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { UserError } from './user-error.ts';

/**
 * A verb of the command line. Every file in src/commands and every folder in analyzers has one as its default export. It adds
 * its command, with its options and its action, to the program. An action may set `process.exitCode` to 1: the answer is no.
 */
export type Verb = (program: Command) => void;

const ROOT = import.meta.dirname;

/** The verb called `name`; all of them where there is none of that name. Importing one costs a tenth of importing all. */
export async function verbs(name?: string): Promise<Verb[]> {
  const extension = import.meta.filename.slice(-3);
  const files = new Map<string, string>();
  for (const file of readdirSync(join(ROOT, 'commands')))
    if (file.endsWith(extension) && !file.endsWith('.d.ts'))
      files.set(basename(file, extension), join(ROOT, 'commands', file));
  for (const folder of readdirSync(join(ROOT, '../analyzers'))) {
    const file = join(ROOT, '../analyzers', folder, `command${extension}`);
    if (folder !== 'skeleton' && existsSync(file)) files.set(folder, file);
  }
  const named = name === undefined ? undefined : files.get(name);
  const wanted = named ? [named] : [...files.values()];
  const modules = await Promise.all(wanted.map((file) => import(file) as Promise<{ default: Verb }>));
  return modules.map((module) => module.default);
}

/** Runs the command line and returns the exit code: 0 success, 1 the answer is no, 2 the user's mistake. */
export async function main(argv: readonly string[]): Promise<number> {
  const program = new Command('hindsight')
    .description('A flight recorder for AArch64 hypervisors and their guests')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'hindsight: ')) });
  try {
    for (const verb of await verbs(argv[2])) verb(program);
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
