import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ROWS } from '../../src/isa/table.ts';
import { addToCoverage, allCoverage, writtenCoverage } from '../conformance/random/coverage_file.ts';
import { coverageDocument, DOCUMENT, neverCompared } from '../conformance/random/document_coverage.ts';
import { CLASS_NAMES } from '../conformance/random/encoding_classes.ts';

describe('docs/coverage.md', () => {
  const page = readFileSync(DOCUMENT, 'utf8');

  test('says what table and campaigns say; node test/conformance/random/document_coverage.ts writes it anew', () => {
    expect(page === coverageDocument()).toBe(true);
  });

  test('has every row of the table once', () => {
    const named = page
      .split('\n')
      .flatMap((line) => /^\| (\w+) \| \w+ \| (?:yes|no|UNDEFINED) \|/.exec(line)?.[1] ?? []);
    expect(named.sort()).toEqual(ROWS.map(({ name }) => name).sort());
  });

  test('names no implemented row of a tested CPU that no clean campaign has executed', () => {
    expect(neverCompared()).toEqual([]);
  });

  test('has a hundred thousand clean streams of every class of the encoding index', () => {
    const streams = (name: string) =>
      allCoverage().reduce(
        (sum, { classes }) => sum + Object.values(classes).reduce((n, of) => n + (of[name]?.streams ?? 0), 0),
        0,
      );
    expect(CLASS_NAMES.filter((name) => streams(name) < 100_000)).toEqual([]);
  });
});

describe('the record of campaigns', () => {
  const result = (seed: number) => ({
    options: {
      cpu: 'max',
      focus: 'system' as const,
      seed,
      streams: 10,
      length: 3,
      rounds: seed === 7 ? 2 : 1,
    },
    executed: new Map([['NOP', [2, 1] as const]]),
    ...{ instructions: 3, exceptions: 1, failures: [] },
  });
  const nothing = { classes: {}, rows: {} };

  test('adds streams, those in regions, seeds and executions', () => {
    const once = addToCoverage(nothing, result(7), 'abc');
    const both = addToCoverage(once, result(8), 'abd');
    expect(both.classes['max']['system']).toEqual({
      ...{ streams: 20, inRegions: 10, length: 3, image: 10, seeds: [[7, 8]], commits: ['abc', 'abd'] },
    });
    expect(both.rows['max']['NOP']).toEqual([4, 2]);
    expect(JSON.parse(writtenCoverage(both))).toEqual(both);
  });

  test('does not count a seed twice', () => {
    const once = addToCoverage(nothing, result(7), 'abc');
    expect(() => addToCoverage(once, result(7), 'abc')).toThrow('seed 7 was run before');
  });
});
