/**
 * Each crash of the corpus is recorded, and explain has to find what expected.json says. `BLESS=1` writes the icounts that
 * it finds into expected.json: look at each before you commit it.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEFAULT_RECIPE } from '../../src/machine/recipe.ts';
import { record } from '../../src/trace/flight_recorder.ts';
import { openRecording } from '../../src/trace/recording.ts';
import { images } from '../../traces/images.ts';
import { explain } from './explain.ts';
import { reportText } from './report.ts';

interface Expected {
  readonly kind: string;
  readonly cause: { readonly symbol: string; readonly writer?: string; icount: number | null };
  readonly fault: { readonly symbol: string; icount: number | null };
  readonly until?: number;
}

const traces = join(import.meta.dirname, '../../traces');
/** Compilers mark the specialised copies of a function. */
const source = (symbol: string | undefined) => symbol?.replace(/\.(constprop|isra|part|cold)\b.*/, '');

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'hindsight-explain-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

async function explained(folder: string, file: string, until?: number) {
  const path = join(directory, `${file}.hs`);
  await record({
    recipe: { ...DEFAULT_RECIPE, image: join(traces, folder, file) },
    directory: path,
    detail: 'memory',
    ...(until === undefined ? {} : { until: { icount: until } }),
  });
  const recording = openRecording(path);
  try {
    return await explain(recording);
  } finally {
    recording.close();
    rmSync(path, { recursive: true });
  }
}

const crashes = images.filter(({ folder }) => folder.startsWith('crashes/'));

test.each(crashes.map(({ folder, file }) => [folder, file] as const))(
  '%s: the planted cause is named, with its kind, instruction and function',
  async (folder, file) => {
    const path = join(traces, folder, 'expected.json');
    const expected: Expected = JSON.parse(readFileSync(path, 'utf8'));
    const verdict = await explained(folder, file, expected.until);
    if (verdict.kind === undefined) throw new Error(`no fault was found in ${folder}`);
    const { cause, symptom } = verdict;
    if (process.env['BLESS'] !== undefined) {
      expected.cause.icount = cause?.icount ?? null;
      expected.fault.icount = symptom.icount;
      writeFileSync(path, `${JSON.stringify(expected, null, 2)}\n`);
    }
    expect({
      kind: verdict.kind,
      cause: source(cause?.owner ?? cause?.symbol),
      writer: expected.cause.writer && source(cause?.symbol),
      causeIcount: cause?.icount,
      fault: source(symptom.symbol),
      faultIcount: symptom.icount,
    }).toEqual({
      kind: expected.kind,
      cause: expected.cause.symbol,
      writer: expected.cause.writer,
      causeIcount: expected.cause.icount,
      fault: expected.fault.symbol,
      faultIcount: expected.fault.icount,
    });
    expect(reportText(verdict).split('\n').length, 'the report fits a screen').toBeLessThan(60);
  },
);

test('a hypervisor that ends well has no fault', async () => {
  const verdict = await explained('hypervisor', 'hypervisor.elf');
  expect(verdict.kind).toBeUndefined();
});
