/** FEAT_BTI in the machine: indirect branches into a guarded page, in every back end. */
import { describe, expect, test } from 'vitest';
import { type EngineName, Machine } from '../../src/machine/machine.ts';
import { DEFAULT_RECIPE } from '../../src/machine/recipe.ts';
import { RunLoop } from '../../src/machine/run_loop.ts';
import { Code, instruction } from '../conformance/random/assembler.ts';

const CODE = 0x4008_0000;
const TABLE = 0x4009_0000;
const VECTORS = 0x4008_0800;
const LANDING = 0x4008_0400;
/** A block of 1 GiB at level 1: Normal write-back, accessed, one to one. */
const BLOCK = 0x4000_0000n | (3n << 8n) | (1n << 10n) | 1n;
const GUARDED = 1n << 50n;
const BTI = (targets: number) => instruction('BTI', { targets });

interface Landing {
  /** The branch, to X9 or X16, and the word that it lands on. */
  readonly branch: readonly [name: string, rn: number];
  readonly word: number;
  readonly guarded?: boolean;
  readonly cpu?: string;
  /** Of SCTLR_EL2.BT. */
  readonly strict?: boolean;
}

/** Runs at EL2 until it spins: ESR_EL2 and SPSR_EL2 of the exception that ended it, and whether the word behind the landing ran. */
function land({ branch, word, guarded = true, cpu = 'max', strict = false }: Landing, engine: EngineName) {
  const [name, rn] = branch;
  const code = new Code(CODE);
  code.mov(0, 0xff).msr('MAIR_EL2', 0).mov(0, 0x8082_3519).msr('TCR_EL2', 0);
  code.mov(0, TABLE).msr('TTBR0_EL2', 0).mov(0, VECTORS).msr('VBAR_EL2', 0);
  code
    .mov(0, 0x30c5_0831n | (strict ? 1n << 36n : 0n))
    .msr('SCTLR_EL2', 0)
    .isb();
  // Twice, so that the second time the fetch TLB has the page.
  code.mov(rn, CODE + 0x300).emit('BR', { rn });
  code.padTo(CODE + 0x300);
  code.words.push(BTI(3));
  code.mov(rn, LANDING).emit(name, { rn, rm: 31 });
  code.padTo(LANDING);
  code.words.push(word);
  code.mov(1, 1).emit('SVC', { imm16: 7 });
  code.padTo(VECTORS + 0x200);
  code.label('end').mrs(2, 'ESR_EL2').mrs(3, 'SPSR_EL2').mrs(4, 'ELR_EL2').label('spin').b('spin');
  const table = new BigUint64Array(512);
  table[1] = BLOCK | (guarded ? GUARDED : 0n);
  const pieces = new Map([
    [String(CODE), new Uint8Array(code.finish().buffer)],
    [String(TABLE), new Uint8Array(table.buffer)],
  ]);
  const machine = new Machine({
    recipe: { ...DEFAULT_RECIPE, cpu, ram: 2 ** 24, load: [...pieces.keys()].map((at) => `${at}@${at}`) },
    readFile: (path) => pieces.get(path)!,
    engine,
    regions: { threshold: 1, batch: 1, leastInstructions: 1 },
  });
  machine.state.set('pc', BigInt(CODE));
  const loop = new RunLoop(machine);
  let stopped = loop.settle();
  while (!stopped && machine.time.icount < 1000) stopped = loop.runPacket(loop.beginPacket(), 1000);
  const { state } = machine;
  return {
    esr: Number(state.x(2)),
    btype: Number(state.x(3) >> 10n) & 3,
    elr: Number(state.x(4)),
    ran: state.x(1) === 1n,
  };
}

const NOP = instruction('HINT');
const CALL = ['BLR', 9] as const;
const JUMP = ['BR', 9] as const;
const VENEER = ['BR', 16] as const;
const COMPLETES = { esr: 0x5600_0007, btype: 0, elr: LANDING + 12, ran: true };
const refuses = (btype: number) => ({ esr: 0x3600_0000 | btype, btype, elr: LANDING, ran: false });

describe.each(['interpreter', 'evaluator', 'regions'] as const)('in the %s', (engine) => {
  test.each([
    ['a call', CALL, NOP, refuses(2)],
    ['a call', CALL, BTI(0), refuses(2)],
    ['a call', CALL, BTI(1), COMPLETES],
    ['a call', CALL, BTI(2), refuses(2)],
    ['a jump', JUMP, BTI(1), refuses(3)],
    ['a jump', JUMP, BTI(2), COMPLETES],
    ['a jump by X16', VENEER, NOP, refuses(1)],
    ['a jump by X16', VENEER, BTI(1), COMPLETES],
    ['a jump by X16', VENEER, BTI(2), COMPLETES],
    ['an authenticated call', ['BLRAA', 9] as const, NOP, refuses(2)],
    ['a call', CALL, instruction('PACIASP'), COMPLETES],
    ['a jump', JUMP, instruction('PACIBSP'), COMPLETES],
    ['a return', ['RET', 9] as const, NOP, COMPLETES],
  ])('%s (%o) into a guarded page meets %i', (_what, branch, word, outcome) => {
    expect(land({ branch, word }, engine)).toEqual(outcome);
  });

  test('PACIASP is no landing pad for a jump where SCTLR_ELx.BT says so', () => {
    const word = instruction('PACIASP');
    expect(land({ branch: JUMP, word, strict: true }, engine)).toEqual(refuses(3));
    expect(land({ branch: CALL, word, strict: true }, engine)).toEqual(COMPLETES);
  });

  test('BRK is reached, with BTYPE in its SPSR', () => {
    expect(land({ branch: CALL, word: instruction('BRK', { imm16: 5 }) }, engine)).toEqual({
      ...{ esr: 0xf200_0005, btype: 2, elr: LANDING, ran: false },
    });
  });

  test('a page that is not guarded takes any, but an exception of the first instruction shows BTYPE: 1 of every jump', () => {
    expect(land({ branch: CALL, word: NOP, guarded: false }, engine)).toEqual(COMPLETES);
    const word = instruction('UDF');
    expect(land({ branch: JUMP, word, guarded: false }, engine)).toMatchObject({ esr: 0x200_0000, btype: 1 });
    expect(land({ branch: CALL, word, guarded: false }, engine)).toMatchObject({ esr: 0x200_0000, btype: 2 });
  });

  test('a CPU without FEAT_BTI has no guarded pages and no BTYPE', () => {
    expect(land({ branch: CALL, word: NOP, cpu: 'neoverse-n1' }, engine)).toEqual(COMPLETES);
    expect(land({ branch: CALL, word: instruction('UDF'), cpu: 'neoverse-n1' }, engine)).toMatchObject({
      btype: 0,
    });
  });
});
