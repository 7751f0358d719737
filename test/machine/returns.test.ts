/** ERET again and again, with a change of controls between: the table of returns (translate/returns.ts) against the evaluator. */
import { describe, expect, test } from 'vitest';
import { type EngineName, Machine } from '../../src/machine/machine.ts';
import { DEFAULT_RECIPE } from '../../src/machine/recipe.ts';
import { RunLoop } from '../../src/machine/run_loop.ts';
import { Code, type SystemRegisterName } from '../conformance/random/assembler.ts';

const CODE = 0x4008_0000;
const LOWER = 0x4008_1000;
const VECTORS_EL1 = 0x4008_2000;
const RW = 1n << 31n;

interface Guest {
  /** SPSR_EL2 of the first return. */
  readonly spsr: bigint;
  /** The register that is written before the sixth of twelve returns; else ELR_EL2 and SPSR_EL2 stay. */
  readonly change?: readonly [register: SystemRegisterName, value: bigint];
}

/**
 * EL2 returns to LOWER twelve times, which counts, executes a vector instruction, moves SP, and comes back by HVC. Each entry's syndrome,
 * SPSR and return address are folded into X4.
 */
function run({ spsr, change }: Guest, engine: EngineName) {
  const code = new Code(CODE);
  code.mov(0, CODE).msr('VBAR_EL2', 0).mov(0, VECTORS_EL1).msr('VBAR_EL1', 0);
  code
    .mov(0, 3n << 20n)
    .msr('CPACR_EL1', 0)
    .mov(0, RW)
    .msr('HCR_EL2', 0)
    .mov(0, 0x1000)
    .msr('SP_EL1', 0);
  code.mov(4, 0).mov(5, 12).mov(0, spsr).msr('SPSR_EL2', 0).mov(0, LOWER).msr('ELR_EL2', 0).isb();
  code.emit('ERET');
  const fold = (register: SystemRegisterName) =>
    code
      .mrs(0, register)
      .emit('ADD_shift', { sf: 1, rm: 4, imm6: 1, rn: 4, rd: 4 })
      .emit('ADD_shift', { sf: 1, rm: 0, rn: 4, rd: 4 });
  // From the same level, and from a lower one.
  for (const vector of [0x200, 0x400]) code.padTo(CODE + vector).b('entered');
  code.padTo(CODE + 0x800).label('entered');
  for (const register of ['ESR_EL2', 'SPSR_EL2', 'ELR_EL2', 'SP_EL1', 'SP_EL0'] as const) fold(register);
  code.emit('SUB_imm', { sf: 1, imm12: 1, rn: 5, rd: 5 }).label('spin').cbz(5, 'spin');
  code.emit('SUB_imm', { sf: 1, imm12: 6, rn: 5, rd: 6 }).cbz(6, 'change').b('leave').label('change');
  if (change) code.mov(0, change[1]).msr(change[0], 0).isb();
  code.label('leave').mov(0, LOWER).msr('ELR_EL2', 0);
  code.emit('ERET');
  code.padTo(LOWER);
  code.emit('CSINC', { sf: 1, rm: 3, rn: 3, cond: 0, rd: 3 }).emit('ADD_vec', { q: 1, size: 3 });
  code
    .emit('ADD_imm', { sf: 1, imm12: 16, rn: 31, rd: 31 })
    .emit('HVC', { imm16: 5 })
    .emit('SVC', { imm16: 6 });
  // Of EL1: everything goes on to EL2.
  for (const vector of [0x000, 0x080, 0x200, 0x280, 0x400, 0x480])
    code.padTo(VECTORS_EL1 + vector).emit('HVC', { imm16: vector });
  const bytes = new Uint8Array(code.finish().buffer);
  const machine = new Machine({
    recipe: { ...DEFAULT_RECIPE, cpu: 'max', ram: 2 ** 24, load: [`code@${CODE}`] },
    readFile: () => bytes,
    engine,
    regions: { threshold: 1, batch: 1, leastInstructions: 1 },
  });
  machine.state.set('pc', BigInt(CODE));
  const loop = new RunLoop(machine);
  let stopped = loop.settle();
  while (!stopped && machine.time.icount < 2000) stopped = loop.runPacket(loop.beginPacket(), 2000);
  const { state } = machine;
  const contents = [...Array.from({ length: 7 }, (_, n) => state.x(n)), state.get('sp'), state.get('spEl1')];
  return { contents: contents.map((value) => value.toString(16)), time: machine.time.now() };
}

const EL1H = 0x3c5n;
const EL1T = 0x3c4n;
const EL0 = 0x3c0n;
const OPEN = 0x005n;
const ZERO_AND_CARRY = 6n << 28n;

describe.each(['interpreter', 'regions'] as const)('in the %s', (engine) => {
  test.each<[string, Guest]>([
    ['the same return', { spsr: EL1H }],
    ['flags', { spsr: EL1H | ZERO_AND_CARRY }],
    ['flags that change', { spsr: EL1H, change: ['SPSR_EL2', EL1H | ZERO_AND_CARRY] }],
    ['another stack pointer', { spsr: EL1T, change: ['SPSR_EL2', EL1H] }],
    ['another exception level', { spsr: EL1H, change: ['SPSR_EL2', EL0] }],
    ['another level and back', { spsr: EL0, change: ['SPSR_EL2', EL1H] }],
    ['vectors trapped by EL2', { spsr: EL1H, change: ['CPTR_EL2', 1n << 10n] }],
    ['vectors trapped by EL1', { spsr: EL1H, change: ['CPACR_EL1', 0n] }],
    ['a level that TGE closes', { spsr: EL1H, change: ['HCR_EL2', RW | (1n << 27n)] }],
    ['a level without AArch64', { spsr: EL1H, change: ['HCR_EL2', 0n] }],
    ['a virtual interrupt that waits', { spsr: OPEN, change: ['HCR_EL2', RW | (1n << 4n) | (1n << 7n)] }],
    ['an illegal state', { spsr: EL1H, change: ['SPSR_EL2', EL1H | (1n << 20n)] }],
    ['BTYPE', { spsr: EL1H, change: ['SPSR_EL2', EL1H | (1n << 10n)] }],
    ['PAN and SSBS', { spsr: EL1H, change: ['SPSR_EL2', EL1H | (1n << 22n) | (1n << 12n)] }],
  ])('%s does what it does in the evaluator', (_, guest) => {
    expect(run(guest, engine)).toEqual(run(guest, 'evaluator'));
  });
});

test('the guests of these tests are told apart', () => {
  const spsrs = [EL1H, EL1T, EL0, EL1H | ZERO_AND_CARRY];
  expect(new Set(spsrs.map((spsr) => run({ spsr }, 'regions').contents.join())).size).toBe(spsrs.length);
});
