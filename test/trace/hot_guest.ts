/** A guest that has more hot code than the guest's own thread translates: 72 functions with a loop each, twelve of which become hot at a time. */
import type { Recipe } from '../../src/machine/recipe.ts';
import { DEFAULT_RECIPE } from '../../src/machine/recipe.ts';
import { Code } from '../conformance/random/assembler.ts';
import { randomNumbers } from '../random.ts';

const CODE = 0x4008_0000;
const FUNCTIONS = CODE + 0x1000;
const FUNCTION_SIZE = 0x200;
const DATA = 0x4020_0000;
const STAGES = 6;
const FUNCTIONS_PER_STAGE = 12;
const CALLS = 1000;
const ROUNDS = 12;
/** They are the program's; functions compute in X0 to X15. */
const [CALL, FUNCTION, ROUND, BASE, COUNT, WORD, LINK] = [19, 20, 21, 22, 23, 24, 25];
const NOT_EQUAL = 1;

const functionAt = (n: number) => FUNCTIONS + n * FUNCTION_SIZE;

/** Calls functions `first` to `last`, `times` times round. */
function callAll(code: Code, name: string, first: number, last: number, times: number): void {
  code
    .mov(CALL, times)
    .label(`${name} again`)
    .mov(FUNCTION, functionAt(first))
    .mov(COUNT, last - first + 1);
  code.label(name).emit('BLR', { rn: FUNCTION }).addImmediate(FUNCTION, FUNCTION, FUNCTION_SIZE);
  code.emit('SUBS_imm', { sf: 1, rn: COUNT, rd: COUNT, imm12: 1 }).bCond(NOT_EQUAL, name);
  code.emit('SUBS_imm', { sf: 1, rn: CALL, rd: CALL, imm12: 1 }).bCond(NOT_EQUAL, `${name} again`);
}

/** Arithmetic, loads, stores and branches of a loop, which the function's argument-free calls repeat. */
function writeFunction(code: Code, n: number, below: (n: number) => number): void {
  const register = () => below(16);
  code.padTo(functionAt(n)).addImmediate(0, 0, n).mov(ROUND, ROUNDS).label(`function ${n}`);
  for (let part = 0; part < 12; part++) {
    code.emit('ADD_shift', { sf: 1, rn: register(), rm: register(), rd: register(), imm6: below(64) });
    code.emit('EOR_shift', { sf: below(2), rn: register(), rm: register(), rd: register() });
    if (below(2)) code.ldr(register(), BASE, 8 * below(256));
    else code.str(register(), BASE, 8 * below(256));
    if (below(3) === 0) code.cbz(register(), `skip ${n} ${part}`).addImmediate(register(), register(), 1);
    code.label(`skip ${n} ${part}`);
  }
  code.emit('SUBS_imm', { sf: 1, rn: ROUND, rd: ROUND, imm12: 1 }).bCond(NOT_EQUAL, `function ${n}`);
  code.emit('RET', { rn: 30 });
}

/** Makes the guest, which switches itself off after some 40 million instructions. */
export function hotGuest(): { readonly recipe: Recipe; readonly readFile: () => Uint8Array } {
  const random = randomNumbers(1);
  const below = (n: number) => Math.floor(random() * n);
  const code = new Code(CODE);
  code.mov(BASE, DATA);
  for (let stage = 0; stage < STAGES; stage++) {
    const first = stage * FUNCTIONS_PER_STAGE;
    callAll(code, `stage ${stage}`, first, first + FUNCTIONS_PER_STAGE - 1, CALLS);
    // The first instruction of the stage's last loop, which is translated, becomes that of its first one.
    code.mov(WORD, functionAt(first)).emit('LDR_32_imm', { rt: LINK, rn: WORD, imm12: 3 });
    code
      .mov(WORD, functionAt(first + FUNCTIONS_PER_STAGE - 1))
      .emit('STR_32_imm', { rt: LINK, rn: WORD, imm12: 3 });
    code.dsb().isb();
  }
  callAll(code, 'all', 0, STAGES * FUNCTIONS_PER_STAGE - 1, 100);
  code.mov(0, 0x8400_0008).emit('HVC', { imm16: 0 });
  for (let n = 0; n < STAGES * FUNCTIONS_PER_STAGE; n++) writeFunction(code, n, below);
  const bytes = new Uint8Array(code.finish().buffer);
  return {
    recipe: { ...DEFAULT_RECIPE, el: 1, ram: 2 ** 24, load: [`program@${CODE}`] },
    readFile: () => bytes,
  };
}
