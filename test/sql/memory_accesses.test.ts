/** Instructions whose number of accesses depends on what happened to them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DEFAULT_RECIPE } from '../../src/machine/recipe.ts';
import { open } from '../../src/sql/open.ts';
import { record } from '../../src/trace/flight_recorder.ts';

const PROGRAM = [
  0x10004001, // adr x1, .+0x800
  0xd51cc001, // msr vbar_el2, x1
  0xd2afffe1, // mov x1, #0x7fff0000
  0xf29fff01, // movk x1, #0xfff8: eight bytes below the end of RAM
  0xd2800442, // mov x2, #0x22
  0x10007f65, // adr x5, .+0xfec: 0x40001000
  0xa9000822, // stp x2, x2, [x1]: the second half is outside of RAM
  0xd503201f, // nop
  0xf90000a2, // str x2, [x5]
  0xf94004a6, // ldr x6, [x5, #8]
  0xc8037ca2, // stxr w3, x2, [x5]: nothing is marked
  0xc85f7ca6, // ldxr x6, [x5]
  0xc8037ca2, // stxr w3, x2, [x5]
  0x390040a2, // strb w2, [x5, #16]
  0xd503207f, // wfi
];
const BACK = 0x17fffd88; // the vector: b to the str

test.each(['interpreter', 'evaluator', 'regions'] as const)(
  'the first half of a pair that faults is there, and so is a store-exclusive that stored, no other (%s)',
  async (engine) => {
    const directory = mkdtempSync(join(tmpdir(), 'hindsight-sql-'));
    try {
      const image = join(directory, 'program.bin');
      const words = new Uint32Array(0x400);
      words.set(PROGRAM);
      words[0xa00 / 4] = BACK;
      writeFileSync(image, words);
      const path = join(directory, 'program.hs');
      const recipe = { ...DEFAULT_RECIPE, load: [`${image}@0x40000000`] };
      await record({ recipe, directory: path, detail: 'memory', engine });
      const session = await open(path);
      const rows = await session.sql('SELECT icount, kind, address, size FROM memory_accesses');
      session.close();
      expect(rows.map(({ icount, kind, address, size }) => [Number(icount), kind, address, size])).toEqual([
        [6, 'store', 0x7fff_fff8n, 8],
        [8, 'store', 0x4000_1000n, 8],
        [9, 'load', 0x4000_1008n, 8],
        [11, 'load', 0x4000_1000n, 8],
        [12, 'store', 0x4000_1000n, 8],
        [13, 'store', 0x4000_1010n, 1],
      ]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
);
