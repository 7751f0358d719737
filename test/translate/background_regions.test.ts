import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { InterpreterEngine } from '../../src/machine/engines.ts';
import type { Machine } from '../../src/machine/machine.ts';
import { DEFAULT_RECIPE } from '../../src/machine/recipe.ts';
import type { RegionOptions } from '../../src/translate/region/regions.ts';
import {
  type RegionBatch,
  type RegionTarget,
  type Translation,
  translate,
} from '../../src/translate/region/translation.ts';
import type { BackgroundTranslator } from '../../src/translate/region/translator_thread.ts';
import { randomNumbers } from '../random.ts';
import { AwaitedThread } from './awaited_thread.ts';
import { executionTrace, firstDifference } from './execution_trace.ts';
import {
  PROGRAM_BASE,
  patchedLoopProgram,
  patchingProgram,
  randomProgram,
  recursiveProgram,
} from './random_program.ts';

const TRACES = fileURLToPath(new URL('../../traces/', import.meta.url));

/** Translates when it is sent a batch, and keeps the translation until it was asked for it so often. */
class HeldBackTranslator implements BackgroundTranslator {
  status: BackgroundTranslator['status'] = 'starting';
  /** Batches that it was sent. */
  batches = 0;
  readonly #asked: number;
  #target: RegionTarget | undefined;
  #made: { readonly translation: Translation; asked: number } | undefined;

  constructor(asked: number) {
    this.#asked = asked;
  }

  start(target: RegionTarget): void {
    if (this.#target) this.status = 'ready';
    this.#target = target;
  }
  send(batch: RegionBatch): void {
    if (this.status !== 'ready') throw new Error(`sent a batch while ${this.status}`);
    this.status = 'translating';
    this.batches += 1;
    this.#made = { translation: translate(batch, this.#target!), asked: 0 };
  }
  receive(): Translation | 'failed' | undefined {
    if (!this.#made) throw new Error('nothing was sent');
    if (this.#made.asked++ < this.#asked) return undefined;
    const { translation } = this.#made;
    this.#made = undefined;
    this.status = 'ready';
    return translation;
  }
}

const OPTIONS: Partial<RegionOptions> = {
  ...{ threshold: 10, batch: 4, patience: 1, leastInstructions: 1, background: 0, slice: 50 },
};
const atEl1 = (program: Uint8Array) => ({
  recipe: {
    ...DEFAULT_RECIPE,
    ...{ ram: 2 ** 26, el: 1 as const, load: [`program@0x${PROGRAM_BASE.toString(16)}`] },
  },
  readFile: () => program,
});
const statisticsOf = (machine: Machine) => (machine.engine as InterpreterEngine).regions!.statistics;

/** The program does what it does interpreted, in every packet. */
function expectSame(
  options: Parameters<typeof executionTrace>[0],
  translator: BackgroundTranslator,
  regions = OPTIONS,
): Machine {
  const interpreted = executionTrace({ ...options, engine: 'interpreter' });
  const translated = executionTrace({ ...options, engine: 'regions', regions, translator });
  expect(firstDifference(interpreted, translated)).toBeUndefined();
  return translated.machine;
}

describe('regions that are made in the background do exactly what the interpreter does', () => {
  for (const asked of [0, 10, 40])
    describe(`when they come ${asked} slices late`, () => {
      test.each([1, 2])('in random programs that modify themselves (seed %i)', (seed) => {
        const program = randomProgram(randomNumbers(seed), { iterations: 150, mmu: seed % 2 === 1 });
        const translator = new HeldBackTranslator(asked);
        const machine = expectSame(atEl1(program), translator);
        expect(translator.batches).toBeGreaterThan(0);
        expect(statisticsOf(machine).milliseconds).toBe(0);
      });

      test('where a word of a loop changes, whose translation may be under way', () => {
        const translator = new HeldBackTranslator(asked);
        expectSame(atEl1(patchedLoopProgram()), translator);
        expect(translator.batches).toBeGreaterThan(1);
      });

      test('where functions call themselves', () => {
        const machine = expectSame(atEl1(recursiveProgram()), new HeldBackTranslator(asked));
        expect(statisticsOf(machine).regions).toBeGreaterThan(0);
      });

      test('where pages of code are stored to until they count as data', () => {
        expectSame(atEl1(patchingProgram({ calls: 20, stores: 100 })), new HeldBackTranslator(asked));
      });

      test.each(['vectors', 'hypervisor'])('in %s', (guest) => {
        const recipe = { ...DEFAULT_RECIPE, ram: 2 ** 28, image: `${TRACES}${guest}/${guest}.elf` };
        expectSame({ recipe }, new HeldBackTranslator(asked));
      });
    });

  test('when a thread makes them, and then nothing is translated by the guest’s own', async () => {
    const thread = new AwaitedThread();
    const recipe = { ...DEFAULT_RECIPE, ram: 2 ** 26, image: `${TRACES}vectors/vectors.elf` };
    const machine = expectSame({ recipe }, thread);
    expect(statisticsOf(machine).regions).toBeGreaterThan(10);
    expect(statisticsOf(machine).milliseconds).toBe(0);
    await thread.close();
  });
});

describe('what a background translator cannot do, the guest’s own thread does', () => {
  test('when it fails before it was sent anything', () => {
    const translator = new HeldBackTranslator(0);
    translator.start = () => {
      translator.status = 'failed';
    };
    const machine = expectSame(atEl1(recursiveProgram()), translator);
    expect(translator.batches).toBe(0);
    expect(statisticsOf(machine).regions).toBeGreaterThan(0);
  });

  test('when it fails with a batch under way', () => {
    const translator = new HeldBackTranslator(0);
    translator.receive = () => {
      translator.status = 'failed';
      return 'failed';
    };
    const machine = expectSame(atEl1(recursiveProgram()), translator);
    expect(translator.batches).toBe(1);
    expect(statisticsOf(machine).regions).toBeGreaterThan(0);
  });

  test('when its thread has ended', async () => {
    const thread = new AwaitedThread();
    thread.start({
      ...{ detail: 'none', features: undefined, poolWidth: 32, mostUnchecked: 128, leastInstructions: 4 },
      plan: { instructions: 256, blockLength: 64, calls: 3 },
    });
    expect(thread.status).toBe('ready');
    await thread.close();
    expect(thread.status).toBe('failed');
  });

  test('as long as it has not translated much', () => {
    const translator = new HeldBackTranslator(0);
    expectSame(atEl1(recursiveProgram()), translator, { ...OPTIONS, background: 1500 });
    expect(translator.batches).toBe(0);
  });

  test('but where what is loaded is as large as a large system, all is translated in the background from the start', () => {
    const { background: _, ...options } = OPTIONS;
    const program = recursiveProgram();
    const small = new HeldBackTranslator(0);
    expectSame(atEl1(program), small, options);
    expect(small.batches).toBe(0);
    const padded = new Uint8Array(2 ** 23);
    padded.set(program);
    const large = new HeldBackTranslator(0);
    const machine = expectSame(atEl1(padded), large, options);
    expect(large.batches).toBeGreaterThan(0);
    expect(statisticsOf(machine).milliseconds).toBe(0);
  });
});
