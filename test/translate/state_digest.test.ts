import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { CELL, VECTOR_BASE } from '../../src/cpu/state.ts';
import { slotOf } from '../../src/cpu/sysregs/table.ts';
import { usesVectors } from '../../src/isa/row.ts';
import { ROWS } from '../../src/isa/table.ts';
import type { InterpreterEngine } from '../../src/machine/engines.ts';
import type { FileReader } from '../../src/machine/input_file.ts';
import { Machine } from '../../src/machine/machine.ts';
import { DEFAULT_RECIPE, type Recipe } from '../../src/machine/recipe.ts';
import { RunLoop } from '../../src/machine/run_loop.ts';
import { isOnVectors } from '../../src/translate/interpreter/state_digest.ts';

interface Program {
  readonly name: string;
  readonly recipe: Partial<Recipe>;
  readonly readFile?: FileReader;
  readonly instructions: number;
}

/** FADD of half-precision numbers, which the CPU has not, and an unallocated encoding; then from the vectors UDF for ever. */
const undefinedWords = new Uint8Array(Uint32Array.of(0x1ee2_2820, 0x0e20_ffff, 0).buffer);
const programs: readonly Program[] = [
  {
    name: 'floating point',
    recipe: {
      image: fileURLToPath(new URL('../../traces/bench/float-simd/float-simd.elf', import.meta.url)),
    },
    // The last thousand compute with vectors.
    instructions: 52_000,
  },
  {
    name: 'UNDEFINED instructions',
    recipe: { load: ['0@0x40100000'], ram: 2 ** 26 },
    readFile: () => undefinedWords,
    instructions: 100,
  },
];

function start({ recipe, readFile }: Program) {
  const machine = new Machine({
    recipe: { ...DEFAULT_RECIPE, ...recipe },
    readFile,
    engine: 'interpreter',
    digest: true,
  });
  const loop = new RunLoop(machine);
  loop.settle();
  return { machine, loop, digest: (machine.engine as InterpreterEngine).digest! };
}

/** As the head of state_digest.ts says, in BigInts. */
function folded({ state }: Machine, lanes: readonly bigint[], vectors: boolean): bigint[] {
  const next = [...lanes];
  const fold = (lane: number, word: bigint) => {
    const mixed = next[lane] ^ word;
    const turned = BigInt.asUintN(64, mixed << 31n) | (mixed >> 33n);
    next[lane] = BigInt.asUintN(64, turned * 0x9e3779b185ebca87n);
  };
  if (vectors) {
    for (let n = 0; n < 64; n++) fold(n % 4, state.u64[VECTOR_BASE / 8 + n]);
    fold(0, state.u64[slotOf('FPCR')]);
    fold(1, state.u64[slotOf('FPSR')]);
  }
  for (let n = 0; n < 32; n++) fold(n % 4, state.u64[CELL.x0 / 8 + n]);
  fold(0, state.get('pc'));
  const small = state.nzcv + state.small('il') * 2 ** 20 + state.small('daif') * 2 ** 6;
  fold(1, BigInt(small + state.small('el') * 4 + state.small('spsel')));
  return next;
}

test('the instructions on vector registers are those with bits 27 and 26 set', () => {
  for (const row of ROWS)
    expect(isOnVectors(row.pattern.value & row.pattern.mask), row.name).toBe(usesVectors(row));
});

test.each(programs)(
  'of $name: the digest is what its definition says, however they are cut into slices',
  (program) => {
    const { instructions } = program;
    const stepped = start(program);
    let lanes: readonly bigint[] = [1n, 2n, 3n, 4n];
    let withVectors = 0;
    for (let n = 0; n < instructions; n++) {
      const { machine, loop } = stepped;
      machine.enter();
      const vectors = isOnVectors(machine.engine.currentWord());
      if (vectors) withVectors++;
      lanes = folded(machine, lanes, vectors);
      loop.stepOnce();
      loop.settle();
    }
    expect(withVectors).toBeGreaterThan(0);
    expect([...stepped.digest.lanes]).toEqual(lanes);

    const whole = start(program);
    while (whole.machine.time.icount < instructions)
      whole.loop.runPacket(whole.loop.beginPacket(), instructions);
    expect([...whole.digest.lanes]).toEqual(lanes);
  },
);
