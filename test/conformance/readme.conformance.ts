/** README.md's examples are run as they stand, in their order, and must print what it shows; … stands for lines left out. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const INDENT = '    ';

interface Example {
  command: string;
  readonly shown: string[];
}

/** Every `$ command` of an indented block, with its continuation (indented further), and the lines shown under it. */
function examplesOf(markdown: string): Example[] {
  const examples: Example[] = [];
  let current: Example | undefined;
  for (const line of markdown.split('\n')) {
    if (line.startsWith(`${INDENT}$ `)) {
      current = { command: line.slice(INDENT.length + 2), shown: [] };
      examples.push(current);
    } else if (line !== '' && !line.startsWith(INDENT)) {
      current = undefined;
    } else if (
      current &&
      line.startsWith(INDENT.repeat(2)) &&
      (current.command.match(/"/g)?.length ?? 0) % 2 === 1
    ) {
      current.command += `\n${line}`;
    } else if (line.trim() !== '') {
      current?.shown.push(line.slice(INDENT.length));
    }
  }
  return examples;
}

// The checkout seen from a folder of its own, which the recordings go to.
const directory = mkdtempSync(join(tmpdir(), 'hindsight-readme-'));
for (const name of ['bin', 'traces']) symlinkSync(join(ROOT, name), join(directory, name));
afterAll(() => rmSync(directory, { recursive: true }));

const examples = examplesOf(readFileSync(join(ROOT, 'README.md'), 'utf8'));

test('README.md has examples of most commands', () => {
  const verbs = examples.map(({ command }) => command.split(' ')[1]);
  expect([...new Set(verbs)].sort()).toEqual(['diff', 'exits', 'explain', 'query', 'record', 'replay']);
});

test.each(examples)('$command', ({ command, shown }) => {
  const { stdout, stderr, status } = spawnSync('sh', ['-c', command], { cwd: directory, encoding: 'utf8' });
  expect(status, stderr).toBeLessThan(2);
  const printed = stdout.split('\n').map((line) => line.trimEnd());
  let from = 0;
  let gap = true;
  for (const line of shown) {
    if (line.trim() === '…') {
      gap = true;
      continue;
    }
    const at = printed.indexOf(line, from);
    expect(at, `this line is not printed, or not there:\n${line}\n\n${stdout}`).toBeGreaterThanOrEqual(0);
    if (!gap)
      expect(
        printed.slice(from, at).filter((other) => other !== ''),
        `left out before: ${line}`,
      ).toEqual([]);
    from = at + 1;
    gap = false;
  }
});
