/**
 * Calls of a recording's translated code that are a row and nothing else (machine/recorded_calls.ts): MSR DAIF, DAIFSet and DAIFClr of
 * a guest that does each of them again and again, as the second time is the short one.
 */
import { describe, expect, test } from 'vitest';
import { type EngineName, Machine } from '../../src/machine/machine.ts';
import { DEFAULT_RECIPE } from '../../src/machine/recipe.ts';
import { RunLoop } from '../../src/machine/run_loop.ts';
import { Code } from '../conformance/random/assembler.ts';

const CODE = 0x4008_0000;
const VECTORS = 0x4008_1000;
const GICD = 0x0800_0000;
const GICC = 0x0801_0000;
const GICD_CTLR = 0x000;
const GICD_SGIR = 0xf00;
const GICC_CTLR = 0x000;
const GICC_PMR = 0x004;
const GICC_IAR = 0x00c;
const GICC_EOIR = 0x010;
/** GICD_SGIR.TargetListFilter: to the CPU that asks. */
const TO_ITSELF = 2 << 24;
const DAIF_MASKED = 0xf << 6;
const [OF_SET, OF_CLEAR] = [6, 7];
const POWER_OFF = 0x8400_0008;

/** Runs code of EL1 to its end in a recording; what it wrote to DAIF by MSR, by the rows of `sysregs`. */
function run(code: Code, engine: EngineName) {
  code.mov(0, POWER_OFF).emit('HVC', { imm16: 0 });
  interruptVector(code);
  const bytes = new Uint8Array(code.finish().buffer);
  const writes: [register: string, value: bigint][] = [];
  const machine = new Machine({
    recipe: { ...DEFAULT_RECIPE, el: 1, ram: 2 ** 24, load: [`code@${CODE}`] },
    readFile: () => bytes,
    engine,
    regions: { threshold: 1, batch: 1, leastInstructions: 1 },
    detail: 'flow',
    events: () => ({
      recording: true,
      append: (table: string, row: object) => {
        const { register, value } = row as { register: string; value: bigint };
        if (table === 'sysregs' && register.startsWith('DAIF')) writes.push([register, value]);
        return 0;
      },
    }),
  });
  machine.state.set('pc', BigInt(CODE));
  const loop = new RunLoop(machine);
  let stopped = loop.settle();
  while (!stopped && machine.time.icount < 5000) stopped = loop.runPacket(loop.beginPacket(), 5000);
  expect(stopped).toBe('power off');
  return { x: (n: number) => machine.state.x(n), writes };
}

/** Counts in X20, keeps in X21 where the interrupt was taken, and ends it. */
function interruptVector(code: Code): void {
  code.padTo(VECTORS + 0x280);
  code.addImmediate(20, 20, 1).emit('MRS', { o0: 1, op1: 0, crn: 4, crm: 0, op2: 1, rt: 21 });
  code.mov(22, GICC).emit('LDR_32_imm', { rt: 23, rn: 22, imm12: GICC_IAR / 4 });
  code.emit('STR_32_imm', { rt: 23, rn: 22, imm12: GICC_EOIR / 4 }).emit('ERET');
}

const REPEATED = 6;
/** Subtracts from X19 and goes back while it is not 0. */
const again = (code: Code, label: string): Code =>
  code.emit('SUBS_imm', { sf: 1, rn: 19, rd: 19, imm12: 1 }).bCond(1, label);

/** A guest that has nothing but `change` to unmask its interrupt, which is pending from the last of its rounds on. */
function interruptedBy(change: (code: Code) => void, mask: (code: Code) => void): Code {
  const store = (at: number, value: number) =>
    code.mov(1, at).mov(2, value).emit('STR_32_imm', { rt: 2, rn: 1, imm12: 0 });
  const code = new Code(CODE);
  code.mov(0, VECTORS).msr('VBAR_EL1', 0).isb();
  store(GICD + GICD_CTLR, 1);
  store(GICC + GICC_PMR, 0xff);
  store(GICC + GICC_CTLR, 1);
  code.mov(20, 0).mov(21, 0).mov(3, DAIF_MASKED).mov(4, 0);
  code
    .mov(1, GICD + GICD_SGIR)
    .mov(2, TO_ITSELF)
    .mov(19, REPEATED);
  code.label('round');
  mask(code);
  // In the last round only.
  code.emit('SUB_imm', { sf: 1, rn: 19, rd: 5, imm12: 1 }).cbz(5, 'raise').b('raised');
  code.label('raise').emit('STR_32_imm', { rt: 2, rn: 1, imm12: 0 });
  // The row of the change is made in a slice that began before it.
  code.label('raised').addImmediate(6, 6, 1).addImmediate(6, 6, 1).addImmediate(6, 6, 1);
  change(code);
  code.label('changed').addImmediate(6, 6, 1).addImmediate(6, 6, 1).addImmediate(6, 6, 1);
  return again(code, 'round');
}

describe.each(['evaluator', 'interpreter', 'regions'] as const)('recorded, in the %s,', (engine) => {
  test('MSR DAIF keeps the four mask bits of what it is given and nothing beside them', () => {
    const code = new Code(CODE);
    code.mov(1, -1n).mov(2, 0).mov(3, 0).mov(19, REPEATED).label('round');
    code.msr('DAIF', 1).mrs(4, 'DAIF').emit('ORR_shift', { sf: 1, rm: 4, rn: 2, rd: 2 });
    // Where no bit is a mask, none is set.
    code.mov(5, ~BigInt(DAIF_MASKED)).msr('DAIF', 5).mrs(4, 'DAIF');
    code.emit('ORR_shift', { sf: 1, rm: 4, rn: 3, rd: 3 });
    const { x, writes } = run(again(code, 'round'), engine);
    expect(x(2)).toBe(BigInt(DAIF_MASKED));
    expect(x(3)).toBe(0n);
    const masks = BigInt.asUintN(64, -1n);
    const written = [masks, masks ^ BigInt(DAIF_MASKED)].map((value) => ['DAIF', value]);
    expect(writes).toEqual(Array.from({ length: REPEATED }, () => written).flat());
  });

  test.each<[string, (code: Code) => void, (code: Code) => void]>([
    ['MSR DAIF', (code) => code.msr('DAIF', 4), (code) => code.msr('DAIF', 3)],
    [
      'MSR DAIFClr',
      (code) => code.emit('MSR_imm', { op1: 3, op2: OF_CLEAR, crm: 15 }),
      (code) => code.emit('MSR_imm', { op1: 3, op2: OF_SET, crm: 15 }),
    ],
  ])('%s that unmasks a pending interrupt is followed by the interrupt at once', (_, change, mask) => {
    const code = interruptedBy(change, mask);
    const { x, writes } = run(code, engine);
    expect(x(20)).toBe(1n);
    expect(x(21)).toBe(BigInt(code.addressOf('changed')));
    expect(writes.length).toBe(2 * REPEATED);
  });
});
