import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { CELL, VECTOR_BASE } from '../../src/cpu/state.ts';
import { slotOf } from '../../src/cpu/sysregs/table.ts';
import type { InterpreterEngine } from '../../src/machine/engines.ts';
import { Machine } from '../../src/machine/machine.ts';
import { DEFAULT_RECIPE } from '../../src/machine/recipe.ts';
import { RunLoop } from '../../src/machine/run_loop.ts';

const image = fileURLToPath(new URL('../../traces/bench/float-simd/float-simd.elf', import.meta.url));
/** The last thousand compute with vectors. */
const INSTRUCTIONS = 52_000;

function start() {
  const machine = new Machine({
    recipe: { ...DEFAULT_RECIPE, image },
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

test('the digest is what its definition says, however the instructions are cut into slices', () => {
  const stepped = start();
  let lanes: readonly bigint[] = [1n, 2n, 3n, 4n];
  let withVectors = 0;
  for (let n = 0; n < INSTRUCTIONS; n++) {
    const { machine, loop } = stepped;
    machine.enter();
    const vectors = ((machine.engine.currentWord() >>> 26) & 3) === 3;
    if (vectors) withVectors++;
    lanes = folded(machine, lanes, vectors);
    loop.stepOnce();
    loop.settle();
  }
  expect(withVectors).toBeGreaterThan(100);
  expect([...stepped.digest.lanes]).toEqual(lanes);

  const whole = start();
  while (whole.machine.time.icount < INSTRUCTIONS)
    whole.loop.runPacket(whole.loop.beginPacket(), INSTRUCTIONS);
  expect([...whole.digest.lanes]).toEqual(lanes);
});
