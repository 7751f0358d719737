/** Programs of a few instructions that leave the processor in a state from which it cannot go on. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEFAULT_RECIPE } from '../../src/machine/recipe.ts';
import { record } from '../../src/trace/flight_recorder.ts';
import { openRecording } from '../../src/trace/recording.ts';
import { explain } from './explain.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'hindsight-explain-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** A vector table of branches to themselves, at VBAR_EL2 = the program + 0x800. */
const VECTORS = Array.from({ length: 16 * 32 }, () => 0x14000000);
/** ADR X1 to it, MSR VBAR_EL2. */
const SET_VECTORS = [0x10004001, 0xd51cc001];

async function verdictOf(program: readonly number[]) {
  const words = [...program, ...Array(512 - program.length).fill(0), ...VECTORS];
  const image = join(directory, 'program.bin');
  writeFileSync(image, Uint32Array.from(words));
  const path = join(directory, 'program.hs');
  await record({
    recipe: { ...DEFAULT_RECIPE, load: [`${image}@0x40000000`] },
    directory: path,
    detail: 'memory',
    until: { icount: 10_000 },
  });
  const recording = openRecording(path);
  try {
    const verdict = await explain(recording);
    return { kind: verdict.kind, cause: verdict.kind && verdict.cause?.icount };
  } finally {
    recording.close();
    rmSync(path, { recursive: true });
  }
}

test('a return to a mode that does not exist is blamed on what wrote SPSR', async () => {
  const program = [
    ...SET_VECTORS,
    0xd2807960, // mov x0, #0x3cb
    0xd51c4000, // msr spsr_el2, x0
    0x10000041, // adr x1, .+8
    0xd51c4021, // msr elr_el2, x1
    0xd69f03e0, // eret
  ];
  expect(await verdictOf(program)).toEqual({ kind: 'illegal-return', cause: 3 });
});

test('a misaligned stack is blamed on the move that made it so, not on the access', async () => {
  const program = [
    ...SET_VECTORS,
    0xd53c1000, // mrs x0, sctlr_el2
    0xb27d0000, // orr x0, x0, #8: SA
    0xd51c1000, // msr sctlr_el2, x0
    0x10007fe9, // adr x9, .+0xffc
    0x9100013f, // mov sp, x9
    0x91002129, // add x9, x9, #8
    0x9100013f, // mov sp, x9
    0xd5033fdf, // isb
    0xf81f0fe0, // str x0, [sp, #-16]!
  ];
  expect(await verdictOf(program)).toEqual({ kind: 'misaligned-stack', cause: 8 });
});

test('a vector where no instruction can be fetched is blamed on what wrote VBAR', async () => {
  const program = [
    0xd2e00203, // mov x3, #0x10000000000000
    0xd51cc003, // msr vbar_el2, x3
    0xd4000002, // hvc #0
  ];
  expect(await verdictOf(program)).toEqual({ kind: 'vector-fault', cause: 1 });
});

test('vectors that nobody set up are a vector fault without an instruction to blame', async () => {
  const farAway = [
    0xd2800200, // mov x0, #16
    0xd4000002, // hvc #0
  ];
  expect(await verdictOf(farAway)).toEqual({ kind: 'vector-fault', cause: undefined });
});
