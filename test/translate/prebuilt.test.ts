/** The interpreters that a build leaves beside the program are those that it would generate, or they are not used. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROWS } from '../../src/isa/table.ts';
import { DETAILS } from '../../src/translate/detail.ts';
import { buildInterpreter } from '../../src/translate/interpreter/handlers.ts';
import { prebuild, prebuiltFile, prebuiltInterpreter } from '../../src/translate/interpreter/prebuilt.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'prebuilt-'));
  prebuild(directory);
});
afterAll(() => rmSync(directory, { recursive: true }));

test.each(DETAILS)('that of level %s has the bytes and the handlers of a generated one', (detail) => {
  const read = prebuiltInterpreter(detail, directory)!;
  const made = buildInterpreter(ROWS, detail);
  expect(Buffer.compare(read.bytes, made.bytes)).toBe(0);
  expect(read.families).toEqual(made.families);
  expect([...read.families.keys()].every((row) => ROWS.includes(row))).toBe(true);
  expect(read.firstFunction).toBe(made.firstFunction);
});

test.each([
  ['that ends early', (file: Buffer) => file.subarray(0, file.length - 1)],
  ['that has nothing in it', () => Buffer.alloc(0)],
  ['with one bit of its checksum flipped', (file: Buffer) => flipped(file, 0)],
  ['with one bit of its module flipped', (file: Buffer) => flipped(file, file.length - 100)],
])('a file %s is as good as none', (_, damage) => {
  const file = prebuiltFile(directory, 'flow');
  const whole = readFileSync(file);
  writeFileSync(file, damage(whole));
  expect(prebuiltInterpreter('flow', directory)).toBeUndefined();
  writeFileSync(file, whole);
  expect(prebuiltInterpreter('flow', directory)).toBeDefined();
});

function flipped(file: Buffer, at: number): Buffer {
  const copy = Buffer.from(file);
  copy[at] ^= 1;
  return copy;
}

test('where no build left any, none is used', () => {
  expect(prebuiltInterpreter('flow')).toBeUndefined();
});
