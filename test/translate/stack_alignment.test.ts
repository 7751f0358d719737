import { expect, test } from 'vitest';
import { DEFAULT_RECIPE } from '../../src/machine/recipe.ts';
import { Code } from '../conformance/random/assembler.ts';
import { executionTrace, firstDifference } from './execution_trace.ts';

const BASE = 0x4020_0000;
const BUFFER = 0x4030_0008;

/** Loads by X0 and by SP, which is no multiple of 16; the handler leaves ESR_EL1 in X9 and ends. D1.8.2. */
function program(): Uint8Array {
  const code = new Code(BASE);
  code
    .mov(1, BASE + 0x800)
    .msr('VBAR_EL1', 1)
    .mov(1, 0x30d0_0818)
    .msr('SCTLR_EL1', 1)
    .isb();
  code.mov(0, BUFFER).emit('ADD_imm', { sf: 1, rn: 0, rd: 31 }).mov(9, 0);
  code.ldr(2, 0).emit('LDR_64_imm', { rn: 31, rt: 3 });
  code
    .padTo(BASE + 0xa00)
    .mrs(9, 'ESR_EL1')
    .mov(0, 0x8400_0008)
    .emit('HVC');
  return new Uint8Array(code.finish().buffer);
}

test('SP as a base is checked, X0 is not, in every back end', () => {
  const recipe = {
    ...DEFAULT_RECIPE,
    ram: 2 ** 26,
    el: 1 as const,
    load: [`program@0x${BASE.toString(16)}`],
  };
  const trace = (engine: 'interpreter' | 'evaluator' | 'regions') =>
    executionTrace({ recipe, readFile: program, engine });
  const interpreted = trace('interpreter');
  expect(interpreted.stopped).toBe('power off');
  expect(interpreted.machine.state.get('x9') >> 26n).toBe(0x26n);
  expect(firstDifference(interpreted, trace('evaluator'))).toBeUndefined();
  expect(firstDifference(interpreted, trace('regions'))).toBeUndefined();
});
