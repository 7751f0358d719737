/** The documents are true where a program can tell: links lead somewhere, commands exist, and queries are answered. */
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { verbs } from '../src/cli.ts';
import { DEFAULT_RECIPE, open, record, type Session } from '../src/index.ts';

const ROOT = join(import.meta.dirname, '..');
const documents = globSync('**/*.md', {
  cwd: ROOT,
  exclude: (path) => /node_modules|^\.|\.hs$|^dist$/.test(path),
});
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** Text of a notebook's cells is Markdown too. */
const notebooks = globSync('notebooks/*.ipynb', { cwd: ROOT });

/** The anchor that a heading gets: lower case, words joined by hyphens, everything else left out. */
const anchors = (text: string): string[] =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

describe('links', () => {
  test.each(documents)(
    '%s: every relative link leads to a file, and to a heading where it names one',
    (document) => {
      const broken: string[] = [];
      for (const [, target] of read(document).matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        const [path, anchor] = target.split('#');
        const file = path === '' ? document : join(dirname(document), path);
        if (!existsSync(join(ROOT, file))) broken.push(target);
        else if (anchor !== undefined && !anchors(read(file)).includes(anchor)) broken.push(target);
      }
      expect(broken).toEqual([]);
    },
  );
});

describe('README.md', () => {
  const readme = read('README.md');
  const program = new Command();
  beforeAll(async () => {
    for (const verb of await verbs()) verb(program);
  });

  test('its table of commands has every command of the program, and no other', () => {
    const inTable = [...readme.matchAll(/^\| `hindsight (\w+)/gm)].map(([, name]) => name);
    expect(inTable.sort()).toEqual(program.commands.map((command) => command.name()).sort());
  });

  test('the options that it uses exist', () => {
    const unknown: string[] = [];
    // A command goes on to the next line while it is indented further.
    for (const [, name, rest] of readme.matchAll(/\$ bin\/hindsight\.js (\w+)(.*(?:\n {8}.*)*)/g)) {
      const command = program.commands.find((candidate) => candidate.name() === name);
      const known = command?.options.flatMap(({ short, long }) => [short, long]) ?? [];
      for (const [, option] of rest.matchAll(/ (--?[a-z][a-z-]*)/g))
        if (!known.includes(option)) unknown.push(`${name} ${option}`);
    }
    expect(unknown).toEqual([]);
  });

  test('the scripts that it and HACKING.md name exist', () => {
    const { scripts } = JSON.parse(read('package.json'));
    const named = [...(readme + read('HACKING.md')).matchAll(/npm (?:run ([\w:-]+)|(test))/g)];
    expect(named.length).toBeGreaterThan(5);
    for (const [, script, tests] of named) expect(Object.keys(scripts)).toContain(script ?? tests);
  });
});

test('no document names a place of one machine', () => {
  for (const path of [...documents, ...notebooks])
    expect(read(path), path).not.toMatch(/\/(?:home|root|work|tmp)\/|localhost|registry\./);
});

describe('queries of the pages in docs', () => {
  const pages = documents.filter((path) => path.startsWith('docs/'));
  const queries = pages.flatMap((page) =>
    [...read(page).matchAll(/hindsight query REC "([^"]+)"/g)].map(([, sql]) => [page, sql] as const),
  );
  let scratch: string;
  let session: Session;
  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'hindsight-docs-'));
    const directory = join(scratch, 'hello.hs');
    const image = join(ROOT, 'traces/hello/hello.elf');
    await record({ recipe: { ...DEFAULT_RECIPE, image }, directory, detail: 'memory' });
    session = await open(directory);
  });
  afterAll(() => {
    session.close();
    rmSync(scratch, { recursive: true });
  });

  test.each(queries)('%s: %s is SQL that a recording answers', async (_, sql) => {
    await expect(session.sql(sql)).resolves.toBeInstanceOf(Array);
  });
});
