/** The interpreters that a build leaves beside the program are those that it would generate, or they are not used. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROWS } from '../../src/isa/table.ts';
import { DETAILS } from '../../src/translate/detail.ts';
import { COMMON_FUNCTIONS } from '../../src/translate/interpreter/common_functions.ts';
import { HandlerFunctions } from '../../src/translate/interpreter/handler_functions.ts';
import { buildInterpreter } from '../../src/translate/interpreter/handlers.ts';
import {
  prebuild,
  prebuiltFile,
  prebuiltFunctions,
  prebuiltInterpreter,
} from '../../src/translate/interpreter/prebuilt.ts';
import { shapesOf } from '../../src/translate/interpreter/shapes.ts';

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

test.each(DETAILS)('the functions of level %s are those that would be generated one by one', (detail) => {
  const { firstFunction } = prebuiltInterpreter(detail, directory)!;
  const read = prebuiltFunctions(detail, directory)!;
  expect([...read.families.keys()].map(({ name }) => name).sort()).toEqual([...COMMON_FUNCTIONS].sort());
  const beforehand = new HandlerFunctions(detail, firstFunction, 32, () => read);
  const oneByOne = new HandlerFunctions(detail, firstFunction);
  const places = new Set(placesOf(new WebAssembly.Module(read.bytes as Uint8Array<ArrayBuffer>)));
  for (const [row, byShape] of read.families)
    for (const [key, shape] of shapesOf(row)) {
      expect(beforehand.familyOf(row, shape), `${row.name} ${key}`).toBe(byShape.get(key));
      const { index, ...use } = byShape.get(key)!.plain;
      const { index: _, ...made } = oneByOne.familyOf(row, shape).plain;
      expect(use).toEqual(made);
      expect(places).toContain(index - firstFunction);
    }
  expect(beforehand.modules).toHaveLength(1);
});

test('a function beyond those made beforehand has a place of its own', () => {
  const { firstFunction } = prebuiltInterpreter('none', directory)!;
  const functions = new HandlerFunctions('none', firstFunction, 32, () =>
    prebuiltFunctions('none', directory),
  );
  for (const row of ROWS.filter(({ name }) => ['ADCS', 'FMUL_float', 'FADD_float'].includes(name)))
    for (const shape of shapesOf(row).values()) functions.familyOf(row, shape);
  const places = functions.modules.flatMap(placesOf);
  expect(functions.modules.length).toBeGreaterThan(1);
  expect(new Set(places).size).toBe(places.length);
});

/** Node has it, its types here do not. */
const { exports } = WebAssembly.Module as unknown as {
  exports(module: WebAssembly.Module): { readonly name: string }[];
};
const placesOf = (module: WebAssembly.Module) => exports(module).map(({ name }) => Number(name));

test.each([
  ['that ends early', (file: Buffer) => file.subarray(0, file.length - 1)],
  ['that has nothing in it', () => Buffer.alloc(0)],
  ['with one bit of its checksum flipped', (file: Buffer) => flipped(file, 0)],
  ['with one bit of its module flipped', (file: Buffer) => flipped(file, file.length - 100)],
])('a file %s is as good as none', (_, damage) => {
  const file = prebuiltFile(directory, 'interpreter', 'flow');
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
