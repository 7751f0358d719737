/** Guests that make code for ever: what is compiled of it stays bounded, and what was dropped is really freed. */
import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Machine } from '../../src/machine/machine.ts';
import { DEFAULT_RECIPE } from '../../src/machine/recipe.ts';
import { RunLoop } from '../../src/machine/run_loop.ts';
import type { RegionOptions } from '../../src/translate/region/regions.ts';
import { codeForever, PROGRAM } from '../code_forever.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Every module of regions that is made meanwhile, and its size; the interpreter, which stays, is larger. */
let modules: { readonly module: WeakRef<WebAssembly.Module>; readonly bytes: number }[];
const INTERPRETER_BYTES = 50_000;
const Original = WebAssembly.Module;
beforeEach(() => {
  modules = [];
  WebAssembly.Module = class extends Original {
    constructor(bytes: Uint8Array<ArrayBuffer>) {
      super(bytes);
      if (bytes.byteLength < INTERPRETER_BYTES)
        modules.push({ module: new WeakRef(this), bytes: bytes.byteLength });
    }
  };
});
afterEach(() => {
  WebAssembly.Module = Original;
});

/** Bytes of the modules that are not freed, once the collector had its chance. */
async function liveModules() {
  for (let turn = 0; turn < 3; turn++) {
    await pause(20);
    collect();
  }
  const live = modules.filter(({ module }) => module.deref() !== undefined);
  return { count: live.length, bytes: live.reduce((sum, { bytes }) => sum + bytes, 0) };
}

async function run(group: number, regions: Partial<RegionOptions>, instructions: number) {
  const machine = new Machine({
    recipe: { ...DEFAULT_RECIPE, ram: 2 ** 28, el: 1, load: [`forever@${PROGRAM}`] },
    // A hundred rounds are hot at the first call. No page comes again.
    readFile: () => codeForever({ group, pages: 2 ** 14, rounds: 100 }),
    regions: { threshold: 20, batch: 8, patience: Number.POSITIVE_INFINITY, ...regions },
  });
  const loop = new RunLoop(machine);
  loop.settle();
  while (machine.time.icount < instructions) {
    loop.runPacket(loop.beginPacket(), instructions);
    // References made in a turn hold what they refer to until its end.
    await pause(0);
  }
  return machine;
}

test('code in ever new pages: modules are freed when there are more regions than the limit says', async () => {
  const mostRegions = 64;
  const machine = await run(1, { mostRegions }, 2_000_000);
  // As many regions as modules can have at once, and one that is being made.
  expect(modules.length).toBeGreaterThan(4 * mostRegions);
  expect((await liveModules()).count).toBeLessThanOrEqual(mostRegions / 8 + 2);
  expect(machine.time.icount).toBe(2_000_000);
});

test('code that is written again, but for one region of a module: the module counts with all its bytes', async () => {
  const mostBytes = 100_000;
  const machine = await run(16, { mostBytes }, 2_000_000);
  const made = modules.reduce((sum, { bytes }) => sum + bytes, 0);
  expect(made).toBeGreaterThan(5 * mostBytes);
  expect((await liveModules()).bytes).toBeLessThanOrEqual(mostBytes);
  expect(machine.time.icount).toBe(2_000_000);
});

test('nothing of a machine is left when the machine is gone', async () => {
  await run(16, {}, 1_000_000);
  expect(modules.length).toBeGreaterThan(100);
  expect((await liveModules()).count).toBe(0);
});
