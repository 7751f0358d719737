/**
 * What campaigns have run clean, kept in the folder coverage, a file for each process that ran one: for each CPU and class of the encoding index the streams, their runs and
 * the seeds; for each CPU and row how often it was executed. `--record` of run.ts adds to it; docs/coverage.md is made from it.
 */
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runTool } from '../qemu/reference.ts';
import type { BatchResult, Executions } from './campaign.ts';

export const COVERAGE_FOLDER = fileURLToPath(new URL('coverage/', import.meta.url));

export interface ClassCoverage {
  /** Streams that were the same in QEMU and in all of our back ends. */
  readonly streams: number;
  /** Those of them that ran twice, from two states, and in regions too. */
  readonly inRegions: number;
  /** Units in a stream. */
  readonly length: number;
  /** Streams in an image. */
  readonly image: number;
  /** First and last of consecutive seeds of images. */
  readonly seeds: readonly (readonly [first: number, last: number])[];
  /** Commits that the machine was at. */
  readonly commits: readonly string[];
}

export interface Coverage {
  /** By CPU and class. */
  readonly classes: { readonly [cpu: string]: { readonly [name: string]: ClassCoverage } };
  /** By CPU and row. */
  readonly rows: { readonly [cpu: string]: { readonly [row: string]: Executions } };
}

const NOTHING: Coverage = { classes: {}, rows: {} };

export const readCoverage = (path: string): Coverage =>
  existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : NOTHING;

/** Of all files of the folder. */
export const allCoverage = (folder = COVERAGE_FOLDER): Coverage[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => readCoverage(join(folder, name)));

export function addToCoverage(coverage: Coverage, result: BatchResult, commit: string): Coverage {
  const { cpu, focus, streams, rounds, length, seed } = result.options;
  if (!focus) throw new Error('a campaign is of one class');
  const before = coverage.classes[cpu]?.[focus];
  const ofClass: ClassCoverage = {
    streams: (before?.streams ?? 0) + streams,
    inRegions: (before?.inRegions ?? 0) + (rounds > 1 ? streams : 0),
    ...{ length, image: streams },
    seeds: withSeed(before?.seeds ?? [], seed),
    commits: [...new Set([...(before?.commits ?? []), commit])].sort(),
  };
  const rows: { [row: string]: Executions } = { ...coverage.rows[cpu] };
  for (const [name, [completed, redirected]] of result.executed) {
    const [a, b] = rows[name] ?? [0, 0];
    rows[name] = [a + completed, b + redirected];
  }
  return {
    classes: { ...coverage.classes, [cpu]: { ...coverage.classes[cpu], [focus]: ofClass } },
    rows: { ...coverage.rows, [cpu]: rows },
  };
}

function withSeed(
  seeds: readonly (readonly [number, number])[],
  seed: number,
): readonly (readonly [number, number])[] {
  const all = [...seeds, [seed, seed] as const].sort(([a], [b]) => a - b);
  const merged: [number, number][] = [];
  for (const [first, last] of all) {
    const previous = merged.at(-1);
    if (previous && first === previous[1]) throw new Error(`seed ${first} was run before`);
    if (previous && first === previous[1] + 1) previous[1] = last;
    else merged.push([first, last]);
  }
  return merged;
}

/** Adds results to the file, with the checkout's commit. */
export function recordCoverage(result: BatchResult, path: string): void {
  const commit = runTool('git', ['rev-parse', '--short=10', 'HEAD'], 'git').toString().trim();
  const text = writtenCoverage(addToCoverage(readCoverage(path), result, commit));
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

/** One line a class and a row, in a fixed order: a diff shows what was added. */
export function writtenCoverage({ classes, rows }: Coverage): string {
  const table = (of: { readonly [cpu: string]: object }) =>
    Object.entries(of)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([cpu, lines]) => {
        const sorted = Object.entries(lines).sort(([a], [b]) => (a < b ? -1 : 1));
        const text = sorted.map(([name, value]) => `      ${JSON.stringify(name)}: ${JSON.stringify(value)}`);
        return `    ${JSON.stringify(cpu)}: {\n${text.join(',\n')}\n    }`;
      })
      .join(',\n');
  return `{\n  "classes": {\n${table(classes)}\n  },\n  "rows": {\n${table(rows)}\n  }\n}\n`;
}
