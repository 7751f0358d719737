import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { InterpreterEngine } from '../../src/machine/engines.ts';
import type { Machine } from '../../src/machine/machine.ts';
import { DEFAULT_RECIPE } from '../../src/machine/recipe.ts';
import type { RegionOptions } from '../../src/translate/region/regions.ts';
import { randomNumbers } from '../random.ts';
import { executionTrace, firstDifference } from './execution_trace.ts';
import {
  alternatingProgram,
  flagsProgram,
  PROGRAM_BASE,
  patchingProgram,
  pointerProgram,
  randomProgram,
  recursiveProgram,
} from './random_program.ts';

const TRACES = fileURLToPath(new URL('../../traces/', import.meta.url));

const OPTIONS: { readonly [name: string]: Partial<RegionOptions> } = {
  'as early as possible': { threshold: 2, batch: 1, leastInstructions: 1 },
  'of hot code': { threshold: 20, batch: 1 },
  'of one instruction a block': {
    threshold: 3,
    batch: 1,
    leastInstructions: 1,
    blockLength: 1,
    mostUnchecked: 1,
  },
  'in slices of fifty instructions': { threshold: 10, batch: 1, slice: 50 },
  'in a cache of three': { threshold: 5, batch: 2, leastInstructions: 1, mostRegions: 3 },
  'without calls, made late': { threshold: 30, patience: 2, calls: 0, mostInstructions: 20 },
};

const recipeAtEl1 = {
  ...DEFAULT_RECIPE,
  ram: 2 ** 26,
  el: 1 as const,
  load: [`program@0x${PROGRAM_BASE.toString(16)}`],
};

/** A program at EL1 that powers off is the same interpreted and in regions. */
function expectSame(program: Uint8Array, regions: Partial<RegionOptions>): Machine {
  const options = { recipe: recipeAtEl1, readFile: () => program };
  const interpreted = executionTrace({ ...options, engine: 'interpreter' });
  const translated = executionTrace({ ...options, engine: 'regions', regions });
  expect(interpreted.stopped).toBe('power off');
  expect(firstDifference(interpreted, translated)).toBeUndefined();
  return translated.machine;
}

describe('regions do exactly what the interpreter does', () => {
  for (const [name, regions] of Object.entries(OPTIONS))
    test.each([1, 2])(`in random programs, ${name} (seed %i)`, (seed) => {
      expectSame(randomProgram(randomNumbers(seed), { iterations: 150, mmu: seed % 2 === 1 }), regions);
    });

  /** As the evaluator does too. */
  function expectAsEvaluated(program: Uint8Array) {
    const options = { recipe: recipeAtEl1, readFile: () => program, regions: { threshold: 20, batch: 1 } };
    const evaluated = executionTrace({ ...options, engine: 'evaluator' });
    expect(evaluated.stopped).toBe('power off');
    for (const engine of ['interpreter', 'regions'] as const)
      expect(firstDifference(evaluated, executionTrace({ ...options, engine })), engine).toBeUndefined();
  }

  test('where a changed word of another page is met behind a jump', () => {
    expectAsEvaluated(patchingProgram({ calls: 9, stores: 1 }));
  });

  test('where pages of code are stored to until they count as data, and execute on, with other code', () => {
    expectAsEvaluated(patchingProgram({ calls: 20, stores: 100 }));
  });

  test('for every condition on every kind of flags', () => {
    expectSame(flagsProgram(), { threshold: 2, batch: 1 });
  });

  test('where the guess fails which page of the pool a pointer leads to', () => {
    expectSame(pointerProgram(), { threshold: 2, batch: 1 });
  });

  test('with one region for the blocks of a loop, which are heads as well', () => {
    const machine = expectSame(alternatingProgram(), { threshold: 50, patience: 1, slice: 1000 });
    expect((machine.engine as InterpreterEngine).regions!.statistics.regions).toBe(1);
  });

  test.each(Object.entries(OPTIONS))(
    'where functions call themselves, and return elsewhere, %s',
    (_name, regions) => {
      expectSame(recursiveProgram(), regions);
    },
  );

  test('without a copy of a function that calls itself for each depth of its calls', () => {
    const machine = expectSame(recursiveProgram(), { threshold: 50, patience: 1, slice: 1000 });
    const { instructions } = (machine.engine as InterpreterEngine).regions!.statistics;
    expect(instructions).toBeLessThan(5 * (recursiveProgram().length / 4));
  });

  for (const [name, regions] of Object.entries(OPTIONS))
    test.each(['hello', 'vectors'])(`in %s, ${name}`, (guest) => {
      const image = `${TRACES}${guest}/${guest}.elf`;
      const recipe = { ...DEFAULT_RECIPE, ram: 2 ** 26, image };
      const interpreted = executionTrace({ recipe, engine: 'interpreter' });
      const translated = executionTrace({ recipe, engine: 'regions', regions });
      expect(firstDifference(interpreted, translated)).toBeUndefined();
    });
});
