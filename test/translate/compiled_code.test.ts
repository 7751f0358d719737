/** Guests that make code for ever: what is compiled of it stays bounded, and what was dropped is really freed. */
import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Machine } from '../../src/machine/machine.ts';
import { DEFAULT_RECIPE } from '../../src/machine/recipe.ts';
import { RunLoop } from '../../src/machine/run_loop.ts';
import type { RegionOptions } from '../../src/translate/region/regions.ts';
import { Code, instruction } from '../conformance/random/assembler.ts';

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

const PROGRAM = 0x4020_0000;
const PAGES = 0x4100_0000;
const PAGE = 4096;

/** A routine that is hot at its first call: a loop of a hundred rounds. */
const ROUTINE = [
  instruction('MOVZ', { sf: 1, imm16: 100, rd: 4 }),
  instruction('ADD_imm', { sf: 1, imm12: 3, rn: 5, rd: 5 }),
  instruction('EOR_shift', { sf: 1, rm: 5, rn: 6, rd: 6 }),
  instruction('ADD_imm', { sf: 1, imm12: 1, rn: 6, rd: 6 }),
  instruction('SUBS_imm', { sf: 1, imm12: 1, rn: 4, rd: 4 }),
  instruction('B_cond', { imm19: -4 & 0x7ffff, cond: 1 }),
  instruction('RET', { rn: 30 }),
];

/**
 * Writes the routine to page after page and calls it, for ever. Of every `group` pages all but one in the middle are written once more
 * afterwards, so that only the code of this one remains.
 */
function forever(group: number): Uint8Array {
  const code = new Code(PROGRAM);
  code.mov(0, PAGES).label('group').movRegister(2, 0).mov(1, group).label('page');
  for (const [n, word] of ROUTINE.entries()) code.mov(3, word).emit('STR_32_imm', { imm12: n, rn: 0, rt: 3 });
  code
    .isb()
    .emit('BLR', { rn: 0 })
    .mov(7, PAGE)
    .emit('ADD_shift', { sf: 1, rm: 7, rn: 0, rd: 0 })
    .emit('SUB_imm', { sf: 1, imm12: 1, rn: 1, rd: 1 })
    .cbz(1, 'written')
    .b('page')
    .label('written')
    .mov(1, group)
    .label('again')
    .emit('SUB_imm', { sf: 1, imm12: Math.ceil(group / 2), rn: 1, rd: 8 })
    .cbz(8, 'left alone')
    .emit('STR_32_imm', { imm12: 1, rn: 2, rt: 31 })
    .label('left alone')
    .emit('ADD_shift', { sf: 1, rm: 7, rn: 2, rd: 2 })
    .emit('SUB_imm', { sf: 1, imm12: 1, rn: 1, rd: 1 })
    .cbz(1, 'group')
    .b('again');
  return new Uint8Array(code.finish().buffer);
}

async function run(group: number, regions: Partial<RegionOptions>, instructions: number) {
  const machine = new Machine({
    recipe: { ...DEFAULT_RECIPE, ram: 2 ** 28, el: 1, load: [`forever@${PROGRAM}`] },
    readFile: () => forever(group),
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
