/** Two instructions in one handler: the records that have it, and that what they do is what each does alone. */
import { describe, expect, test } from 'vitest';
import { ROWS } from '../../src/isa/table.ts';
import { DEFAULT_RECIPE } from '../../src/machine/recipe.ts';
import { buildInterpreter } from '../../src/translate/interpreter/handlers.ts';
import { FREQUENT_PAIRS, Pairs } from '../../src/translate/interpreter/pairs.ts';
import {
  DECODED_BASE,
  FIRST_SLOT_HANDLER,
  RECORD_SIZE,
  SLOT_BASE,
  SLOT_SIZE,
} from '../../src/translate/layout.ts';
import { Code } from '../conformance/random/assembler.ts';
import { executionTrace, firstDifference } from './execution_trace.ts';
import { PROGRAM_BASE, patchedLoopProgram } from './random_program.ts';

describe('records', () => {
  const [FIRST, SECOND, OTHER, BOTH, TWICE] = [10, 11, 12, 100, 101];
  const memory = new ArrayBuffer(SLOT_BASE + 16 * SLOT_SIZE);
  const recordOf = (n: number) => DECODED_BASE + n * RECORD_SIZE;
  const pairs = new Pairs(memory, [
    [FIRST, SECOND, BOTH],
    [FIRST, FIRST, TWICE],
  ]);
  const u16 = new Uint16Array(memory);
  const set = (...handlers: number[]) => {
    for (const [n, handler] of handlers.entries()) u16[recordOf(n) / 2] = handler;
  };
  const get = (count: number) => Array.from({ length: count }, (_, n) => u16[recordOf(n) / 2]);

  test('of two that are a pair: the first has the handler of both, the second its own', () => {
    set(OTHER, FIRST, SECOND, FIRST, OTHER);
    pairs.join(recordOf(0), recordOf(4));
    expect(get(5)).toEqual([OTHER, BOTH, SECOND, FIRST, OTHER]);
  });

  test('each belong to one pair, and the last to none with what is behind it', () => {
    set(FIRST, FIRST, FIRST, FIRST, SECOND);
    pairs.join(recordOf(0), recordOf(3));
    expect(get(5)).toEqual([TWICE, FIRST, TWICE, FIRST, SECOND]);
    set(FIRST, SECOND);
    pairs.join(recordOf(0), recordOf(0));
    expect(get(2)).toEqual([FIRST, SECOND]);
  });

  test('part again, also where the first is the head of a region', () => {
    set(BOTH, SECOND, OTHER);
    pairs.part(recordOf(2));
    expect(get(3)).toEqual([BOTH, SECOND, OTHER]);
    pairs.part(recordOf(1));
    expect(get(3)).toEqual([FIRST, SECOND, OTHER]);
    set(FIRST_SLOT_HANDLER + 3, SECOND);
    u16[(SLOT_BASE + 3 * SLOT_SIZE) / 2] = BOTH;
    pairs.part(recordOf(1));
    expect(u16[(SLOT_BASE + 3 * SLOT_SIZE) / 2]).toBe(FIRST);
    expect(get(1)).toEqual([FIRST_SLOT_HANDLER + 3]);
  });
});

test('every frequent pair has a handler of its own, but for interpreters that keep a digest', () => {
  const { pairs } = buildInterpreter(ROWS, 'none');
  expect(new Set(pairs.map(([, , both]) => both)).size).toBe(FREQUENT_PAIRS.length);
  expect(buildInterpreter(ROWS, 'none', true).pairs).toEqual([]);
});

describe('pairs do what their instructions do', () => {
  const options = (program: Uint8Array) => ({
    recipe: {
      ...DEFAULT_RECIPE,
      ram: 2 ** 26,
      el: 1 as const,
      load: [`program@0x${PROGRAM_BASE.toString(16)}`],
    },
    readFile: () => program,
  });
  const expectAsEvaluated = (program: Uint8Array, limit?: number) =>
    expect(
      firstDifference(
        executionTrace({ ...options(program), engine: 'evaluator' }, limit),
        executionTrace({ ...options(program), engine: 'interpreter' }, limit),
      ),
      `to instruction ${limit}`,
    ).toBeUndefined();

  test('where a run ends between two', () => {
    const code = new Code(PROGRAM_BASE)
      .mov(1, PROGRAM_BASE + 0x1000)
      .emit('ADD_imm', { sf: 1, imm12: 16, rn: 1, rd: 31 });
    for (let n = 0; n < 4; n++) code.movRegister(2, 1).movRegister(3, 2);
    code
      .emit('LDP_64', { imm7: 0, rt2: 4, rn: 31, rt: 5 })
      .emit('LDP_64', { imm7: 2, rt2: 6, rn: 31, rt: 7 });
    code.emit('MOVZ', { sf: 1, imm16: 1, rd: 8 }).emit('MOVZ', { sf: 1, imm16: 2, rd: 9 });
    code.emit('SUBS_shift', { sf: 1, rm: 8, rn: 9, rd: 10 }).bCond(1, 'end').mov(11, 1).label('end');
    const program = new Uint8Array(Uint32Array.from([...code.words, 0]).buffer);
    for (let limit = 1; limit < code.words.length; limit++) expectAsEvaluated(program, limit);
  });

  test('where the second faults', () => {
    const code = new Code(PROGRAM_BASE)
      .mov(1, PROGRAM_BASE + 0x1000)
      .emit('LDR_64_imm', { imm12: 0, rn: 1, rt: 3 })
      .emit('LDR_64_imm', { imm12: 0, rn: 2, rt: 4 });
    expectAsEvaluated(new Uint8Array(Uint32Array.from(code.words).buffer), code.words.length + 1);
  });

  test('where the second is written between two times, again and again', () => {
    expectAsEvaluated(patchedLoopProgram());
  });
});
