/** Imports go one way through the layers that ARCHITECTURE.md lists. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');

/** From the bottom up; layers in one line may use each other. */
const LAYERS: readonly (readonly string[])[] = [
  ['user-error.ts', 'quantities.ts'],
  ['isa'],
  ['cpu', 'mmu'],
  ['translate'],
  ['devices'],
  ['machine'],
  ['trace'],
  ['replay', 'symbols'],
  ['sql'],
  ['analysis'],
  ['index.ts'],
  ['commands', 'analyzers'],
  ['cli.ts'],
];
/** The declarations of what is recorded belong to all. */
const CONTRACTS = ['src/trace/schema.ts'];

const layerOf = (path: string): string => (path.startsWith('analyzers/') ? 'analyzers' : path.split('/')[1]);
const heightOf = (path: string): number => {
  const height = LAYERS.findIndex((layer) => layer.includes(layerOf(path)));
  if (height < 0) throw new Error(`${path} belongs to no layer`);
  return height;
};

test('no file imports anything but types from a layer above its own', () => {
  const wrong: string[] = [];
  for (const file of globSync(['src/**/*.ts', 'analyzers/**/*.ts'], { cwd: ROOT })) {
    if (/\.(test|d)\.ts$/.test(file)) continue;
    const text = readFileSync(join(ROOT, file), 'utf8');
    for (const [statement, imported, path] of text.matchAll(
      /^(?:import|export) (?!type )([^;']*?)from '(\.[^']+)';$/gm,
    )) {
      // Nothing is left at run time of an import whose names are all types.
      const names = imported
        .replace(/[{}]/g, '')
        .split(',')
        .map((name) => name.trim());
      if (names.every((name) => name === '' || name.startsWith('type '))) continue;
      const target = normalize(join(dirname(file), path));
      if (!CONTRACTS.includes(target) && heightOf(target) > heightOf(file))
        wrong.push(`${file}: ${statement.split('\n').at(-1)}`);
    }
  }
  expect(wrong).toEqual([]);
});
