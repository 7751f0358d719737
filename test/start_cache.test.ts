/** bin/start_cache.js: what runs is the program that the sources say, whatever is in the cache. */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'start-'));
/** A checkout whose sources may be changed. */
const checkout = join(scratch, 'checkout');
const cache = join(checkout, '.cache/start');

for (const part of ['bin', 'src', 'analyzers', 'package.json'])
  cpSync(join(ROOT, part), join(checkout, part), { recursive: true });
symlinkSync(join(ROOT, 'node_modules'), join(checkout, 'node_modules'));
afterAll(() => rmSync(scratch, { recursive: true }));

function node(...args: string[]): string {
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect(stderr).toBe('');
  return stdout.trim();
}
/** The folder of the program that a start would use; 'none' where the sources would run as they are. */
const program = () =>
  node(
    '-e',
    `import('${checkout}/bin/start_cache.js').then(({ bundledProgram }) => console.log(bundledProgram('${checkout}') ?? 'none'))`,
  );
const cpus = () => node(join(checkout, 'bin/hindsight.js'), 'cpus');
const table = 'cortex-a57';

test('the same program is used until a source or the Node changes, and the new one says what the new sources say', () => {
  const first = program();
  expect(first).toContain(cache);
  expect(cpus()).toContain(table);
  expect(program()).toBe(first);

  const source = join(checkout, 'src/cpu/models/armv8_0.ts');
  writeFileSync(source, readFileSync(source, 'utf8').replaceAll(`'${table}'`, "'cortex-a58'"));
  expect(cpus()).toContain('cortex-a58');
  const second = program();
  expect(second).not.toBe(first);
  expect(program()).toBe(second);
});

test('a recording is the same with the machine code of the interpreters and without', () => {
  const folder = join(program(), 'src/translate/interpreter');
  const recorded = (name: string) => {
    const recording = join(scratch, name);
    node(
      join(checkout, 'bin/hindsight.js'),
      'record',
      '-q',
      '--cpu',
      'max',
      '-o',
      recording,
      join(ROOT, 'traces/hello/hello.elf'),
    );
    return JSON.parse(readFileSync(join(recording, 'recording.json'), 'utf8'));
  };
  const code = readdirSync(folder).filter((file) => file.startsWith('code-'));
  expect(code).toHaveLength(4);
  const withCode = recorded('with.hs');
  for (const file of code) renameSync(join(folder, file), join(folder, `no-${file}`));
  expect(recorded('without.hs')).toEqual(withCode);
  for (const file of code) renameSync(join(folder, `no-${file}`), join(folder, file));
});

/** Node's compile cache of the program: path and bytes of each entry. */
function entries(): Map<string, Buffer> {
  const found = readdirSync(join(program(), 'node'), { recursive: true, withFileTypes: true });
  const files = found.filter((entry) => entry.isFile());
  return new Map(
    files.map(({ parentPath, name }) => [join(parentPath, name), readFileSync(join(parentPath, name))]),
  );
}

test('all functions of a program are compiled before they are called, and V8 takes them', () => {
  // In a function that only a mistake calls.
  const message = 'no such CPU model';
  const before = entries();
  expect([...before.values()].filter((entry) => entry.includes(message))).toHaveLength(1);
  expect(cpus()).toContain('cortex-a53');
  // Node writes again what V8 refuses.
  expect(entries()).toEqual(before);
});

test.each([
  ['end early', (entry: Buffer) => entry.subarray(0, entry.length >> 1)],
  ['have nothing in them', () => Buffer.alloc(0)],
  [
    'have one bit flipped',
    (entry: Buffer) => entry.fill(entry[entry.length >> 1] ^ 1, entry.length >> 1, (entry.length >> 1) + 1),
  ],
])('entries that %s are not used', (_, damage) => {
  const whole = entries();
  for (const [path, entry] of whole) writeFileSync(path, damage(Buffer.from(entry)));
  expect(cpus()).toContain('cortex-a53');
  for (const [path, entry] of whole) writeFileSync(path, entry);
});

test('a copy of a checkout makes a program of its own', () => {
  const copy = join(scratch, 'copy');
  cpSync(checkout, copy, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  const source = join(copy, 'src/cpu/models/armv8_0.ts');
  writeFileSync(source, readFileSync(source, 'utf8').replaceAll("'cortex-a53'", "'cortex-a54'"));
  expect(node(join(copy, 'bin/hindsight.js'), 'cpus')).toContain('cortex-a54');
  expect(cpus()).toContain('cortex-a53');
});

test('a verb that is added is found', () => {
  mkdirSync(join(checkout, 'analyzers/greeting'));
  writeFileSync(
    join(checkout, 'analyzers/greeting/command.ts'),
    "export default (program: any) => program.command('greeting').action(() => console.log('good morning'));",
  );
  expect(node(join(checkout, 'bin/hindsight.js'), 'greeting')).toBe('good morning');
});

test.each([
  ['a module ends early', 'src/cli.js', (text: string) => text.slice(0, -100)],
  ['a module is another one', 'src/cli.js', () => 'export const main = () => 3;'],
  ['a module is gone', 'src/cli.js', () => undefined],
  ['its facts are no JSON', 'facts.json', () => '{'],
])('a program is not used where %s: it is made again', (_, name, damage) => {
  const damaged = program();
  const file = join(damaged, name);
  const text = damage(readFileSync(file, 'utf8'));
  if (text === undefined) rmSync(file);
  else writeFileSync(file, text);
  expect(cpus()).toContain('cortex-a53');
  expect(program()).not.toBe(damaged);
});

test('the stack of a bug names the source and its line', () => {
  const source = join(checkout, 'src/commands/cpus.ts');
  const text = readFileSync(source, 'utf8');
  const bug = "  throw new Error('a bug');\n";
  const at = text.indexOf('  const lines = models.map(');
  writeFileSync(source, text.slice(0, at) + bug + text.slice(at));
  const { stderr } = spawnSync(process.execPath, [join(checkout, 'bin/hindsight.js'), 'cpus'], {
    encoding: 'utf8',
  });
  writeFileSync(source, text);
  const line = text.slice(0, at).split('\n').length;
  expect(stderr).toContain('Error: a bug\n');
  expect(stderr).toContain(`at list (${source}:${line}:`);
});

test('a few programs are kept, however often the sources change', () => {
  program();
  expect(readdirSync(cache).filter((entry) => /^\d/.test(entry)).length).toBeLessThanOrEqual(3);
});

test('sources that cannot be bundled run as they are, and nobody tries again at once', () => {
  writeFileSync(join(checkout, 'src/commands/cpus.ts'), 'export default function ( {');
  expect(program()).toBe('none');
  expect(program()).toBe('none');
  expect(readdirSync(cache)).toContain('making');
  cpSync(join(ROOT, 'src/commands/cpus.ts'), join(checkout, 'src/commands/cpus.ts'));
  expect(cpus()).toContain('cortex-a53');
  expect(program()).toBe('none');
});

test('where the cache cannot be written the sources run as they are', () => {
  rmSync(join(checkout, '.cache'), { recursive: true });
  writeFileSync(join(checkout, '.cache'), '');
  expect(program()).toBe('none');
  expect(cpus()).toContain('cortex-a53');
});
