/**
 * Every notebook runs from its first cell to its last in the Deno kernel, executed by Debian's nbconvert, and prints what is
 * committed. HINDSIGHT_BLESS=1 npm run conformance:notebooks accepts the new output.
 */
import { execFileSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

interface Cell {
  readonly cell_type: 'code' | 'markdown';
  readonly source: readonly string[];
  metadata: object;
  readonly outputs?: readonly object[];
}

interface Notebook {
  readonly cells: readonly Cell[];
  readonly metadata: { readonly [name: string]: unknown };
}

const ROOT = join(import.meta.dirname, '../..');
const notebooks = globSync('notebooks/*.ipynb', { cwd: ROOT }).map((path) => join(ROOT, path));
const read = (path: string): Notebook => JSON.parse(readFileSync(path, 'utf8'));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hindsight-notebooks-'));
  // Where Jupyter looks for kernels: what `deno jupyter --install` would write into the user's own folder.
  const kernel = join(folder, 'kernels/deno');
  mkdirSync(kernel, { recursive: true });
  const argv = [join(ROOT, 'node_modules/.bin/deno'), 'jupyter', '--kernel', '--conn', '{connection_file}'];
  writeFileSync(
    join(kernel, 'kernel.json'),
    JSON.stringify({ argv, display_name: 'Deno', language: 'typescript' }),
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The notebook with what its cells print now; throws with nbconvert's message when a cell fails. */
function executed(path: string): Notebook {
  const command = [
    '--to',
    'notebook',
    '--execute',
    '--ExecutePreprocessor.timeout=240',
    '--output-dir',
    folder,
    path,
  ];
  execFileSync('jupyter-nbconvert', command, {
    env: { ...process.env, JUPYTER_PATH: folder },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const notebook = read(join(folder, basename(path)));
  // The times at which cells ran, and the kernel's version, are no part of the page.
  for (const cell of notebook.cells) cell.metadata = {};
  return { ...notebook, metadata: read(path).metadata };
}

describe('notebooks', () => {
  test.each(notebooks.map((path) => [basename(path), path]))(
    '%s runs and prints what is committed',
    (_, path) => {
      const now = executed(path);
      if (process.env['HINDSIGHT_BLESS']) writeFileSync(path, `${JSON.stringify(now, null, 1)}\n`);
      const printed = ({ cells }: Notebook) => cells.map(({ source, outputs }) => ({ source, outputs }));
      expect(printed(now), 'HINDSIGHT_BLESS=1 npm run conformance:notebooks accepts the new output').toEqual(
        printed(read(path)),
      );
    },
  );

  test('there is one', () => expect(notebooks.length).toBeGreaterThan(0));
});
