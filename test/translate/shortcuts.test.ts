/**
 * What translated code does with system registers, PSTATE.DAIF and cache operations without calling the machine is what the machine
 * does: random loops at EL0, EL1 and EL2 while the guest changes every trap control, in the evaluator, which has no shortcuts, and
 * in the others, which learn them. Nothing is recorded, as shortcuts of writes exist only then.
 */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { SYSTEM_REGISTERS as TABLE } from '../../src/cpu/sysregs/table.ts';
import { type EngineName, Machine } from '../../src/machine/machine.ts';
import { DEFAULT_RECIPE } from '../../src/machine/recipe.ts';
import { RunLoop } from '../../src/machine/run_loop.ts';
import type { Timekeeper } from '../../src/machine/timekeeper.ts';
import type { RegionOptions } from '../../src/translate/region/regions.ts';
import { Code } from '../conformance/random/assembler.ts';
import { randomNumbers } from '../random.ts';

const CODE = 0x4008_0000;
const VECTORS_EL1 = 0x4010_0000;
const VECTORS_EL2 = 0x4010_0800;
const TABLES = 0x4011_0000;
const DATA = 0x4020_0000;
const SIZE = 0x1000;
/** X28 to X30 are the handlers', X27 is an address, X26 counts the loop, X25 sums up what exceptions said. */
const [SUM, COUNT, BASE, T0, T1] = [25, 26, 27, 28, 29];
/** The interrupt handler's. */
const [I0, I1] = [13, 14];
/** Not 0 where an SVC is about to leave EL0 for good. */
const FROM_EL0 = 15;

const encodingOf = (name: string) => TABLE.find((row) => row.name === name)!.encoding;
/** Fields of MRS and MSR; op0 is 2 or 3. */
const moveFields = (name: string, rt: number) => {
  const encoding = encodingOf(name);
  return {
    ...{
      o0: (encoding >> 14) - 2,
      op1: (encoding >> 11) & 7,
      crn: (encoding >> 7) & 15,
      crm: (encoding >> 3) & 15,
    },
    ...{ op2: encoding & 7, rt },
  };
};
const READ = [
  ...[
    'SP_EL0',
    'TPIDR_EL0',
    'TPIDR_EL1',
    'TPIDRRO_EL0',
    'DAIF',
    'CurrentEL',
    'CTR_EL0',
    'DCZID_EL0',
    'MIDR_EL1',
  ],
  ...[
    'MPIDR_EL1',
    'ESR_EL1',
    'FAR_EL1',
    'CONTEXTIDR_EL1',
    'CNTFRQ_EL0',
    'SCTLR_EL1',
    'ID_AA64PFR0_EL1',
    'ACTLR_EL1',
  ],
  ...['NZCV', 'SPSel', 'FPCR', 'VBAR_EL1', 'TPIDR_EL2', 'CNTVCT_EL0', 'SP_EL1', 'MDSCR_EL1', 'CSSELR_EL1'],
  'CNTPCT_EL0',
];
const WRITTEN = [
  ...[
    'SP_EL0',
    'TPIDR_EL0',
    'TPIDR_EL1',
    'TPIDRRO_EL0',
    'DAIF',
    'FAR_EL1',
    'ESR_EL1',
    'CONTEXTIDR_EL1',
    'NZCV',
  ],
  ...['FPSR', 'TPIDR_EL2', 'AFSR0_EL1', 'CSSELR_EL1', 'CNTKCTL_EL1', 'CNTHCTL_EL2', 'CNTVOFF_EL2'],
];
/** op1, CRn, CRm, op2 of DC ZVA, CVAC, CVAU, CIVAC, IVAC; IC IVAU, IALLU; DC CISW. */
const OPERATIONS = [
  ...[
    [3, 7, 4, 1],
    [3, 7, 4, 1],
    [3, 7, 10, 1],
    [3, 7, 11, 1],
    [3, 7, 14, 1],
    [0, 7, 6, 1],
  ],
  ...[
    [3, 7, 5, 1],
    [0, 7, 5, 0],
    [0, 7, 14, 2],
  ],
];
/** HCR_EL2.{TID1, TID2, TID3, TACR, TSW, TPC, TPU, TVM, TDZ, TRVM}; IMO and VI come with them. */
const TRAPS = [16, 17, 18, 21, 22, 23, 24, 26, 28, 30];
const RW = 1n << 31n;
const VI = 1n << 7n;
/** SCTLR_EL1.{A, UMA, DZE, UCT, UCI}. */
const CONTROLS = [1, 9, 14, 15, 26];
const SCTLR = 0x30d0_0801n;

function guest(random: () => number, cpu: string): Map<string, Uint8Array> {
  const below = (n: number) => Math.floor(random() * n);
  const subset = (bits: readonly number[]) =>
    bits.reduce((sum, bit) => (below(5) === 0 ? sum | (1n << BigInt(bit)) : sum), 0n);
  const code = new Code(CODE);
  const scratch = () => below(12);
  code
    .mov(0, 0xff)
    .msr('MAIR_EL1', 0)
    .msr('MAIR_EL2', 0)
    .mov(0, TABLES)
    .msr('TTBR0_EL1', 0)
    .msr('TTBR0_EL2', 0);
  code.mov(0, 0x8082_3519).msr('TCR_EL2', 0).mov(0, 0x2_0082_3519n).msr('TCR_EL1', 0);
  code.mov(0, VECTORS_EL1).msr('VBAR_EL1', 0).mov(0, VECTORS_EL2).msr('VBAR_EL2', 0);
  code.mov(0, SCTLR).msr('SCTLR_EL1', 0).mov(0, 0x30c5_0831).msr('SCTLR_EL2', 0).isb();
  code
    .mov(0, RW)
    .msr('HCR_EL2', 0)
    .mov(0, 3 << 20)
    .msr('CPACR_EL1', 0)
    .mov(0, 0x33ff)
    .msr('CPTR_EL2', 0);
  for (let rd = 0; rd < 12; rd++) code.mov(rd, BigInt(below(2 ** 30)) << BigInt(below(20)));
  code.mov(SUM, 0).mov(FROM_EL0, 0);

  const operation = () => {
    switch (below(7)) {
      case 0:
      case 1:
        return code.emit('MRS', moveFields(READ[below(READ.length)], scratch()));
      case 2:
        return code.emit('MSR_reg', moveFields(WRITTEN[below(WRITTEN.length)], scratch()));
      case 3:
        return code.emit('MSR_imm', { op1: 3, op2: 6 + below(2), crm: below(16) });
      case 4: {
        const [op1, crn, crm, op2] = OPERATIONS[below(OPERATIONS.length)];
        return code.emit('SYS', { op1, crn, crm, op2, rt: BASE });
      }
      case 5:
        if (below(6) === 0) return code.emit('MSR_imm', { op1: 0, op2: 5, crm: below(2) });
        return code.addImmediate(BASE, BASE, below(100));
      default:
        if (below(2)) return code.emit('LDR_64_imm', { rt: scratch(), rn: BASE, imm12: below(8) });
        return code.emit('STR_64_imm', { rt: scratch(), rn: BASE, imm12: below(8) });
    }
  };
  let loops = 0;
  const loop = () => {
    const head = `loop${loops++}`;
    code
      .mov(BASE, DATA + below(SIZE) * 8)
      .mov(COUNT, 4 + below(12))
      .label(head);
    const length = 3 + below(10);
    for (let n = 0; n < length; n++) operation();
    code.emit('SUBS_imm', { sf: 1, rn: COUNT, rd: COUNT, imm12: 1 }).bCond(1, head);
  };
  const leave = (register: 'SPSR_EL1' | 'SPSR_EL2', state: number) => {
    const next = `after${loops++}`;
    // An interrupt would write SPSR and ELR too.
    code.emit('MSR_imm', { op1: 3, op2: 6, crm: 15 });
    code
      .mov(T0, state)
      .msr(register, T0)
      .adr(T0, next)
      .msr(register === 'SPSR_EL1' ? 'ELR_EL1' : 'ELR_EL2', T0);
    code.emit('ERET').label(next);
  };
  const el2 = cpu === 'max' ? [0n, 1n << 34n] : [0n];
  loop();
  for (let phase = 0; phase < 4; phase++) {
    // A host's registers at EL2 mean others: with E2H, which the loops at EL1 do not notice.
    code
      .mov(T0, RW | el2[below(el2.length)])
      .msr('HCR_EL2', T0)
      .isb();
    loop();
    code.mov(T0, RW).msr('HCR_EL2', T0).isb();
    leave('SPSR_EL2', below(2) ? 0x3c5 : 0x005);
    for (let n = 0; n < 3; n++) {
      const traps = RW | subset(TRAPS) | (below(3) === 0 ? VI | (1n << 4n) : 0n);
      code.mov(T1, traps).emit('HVC', { imm16: 1 });
      loop();
      code.mov(T0, SCTLR | subset(CONTROLS)).emit('HVC', { imm16: 3 });
      loop();
      leave('SPSR_EL1', 0x000);
      loop();
      code.mov(FROM_EL0, 1).emit('SVC', { imm16: 7 });
    }
    code.emit('HVC', { imm16: 4 });
  }
  code.mov(0, 0x8400_0008).emit('SMC', { imm16: 0 });

  handlers(code);
  const tables = new BigUint64Array(0x2000 / 8);
  // EL0 may write what EL1 may, so that EL1 could not execute it: EL1's code is in another block.
  tables[1] = BigInt(TABLES + 0x1000) | 3n;
  tables[512] = 0x4000_0000n | 0x701n | (1n << 6n) | (1n << 7n);
  tables[513] = 0x4020_0000n | 0x701n | (1n << 6n);
  return new Map([
    [String(CODE), new Uint8Array(code.finish().buffer)],
    [String(TABLES), new Uint8Array(tables.buffer)],
  ]);
}

/** SUM takes up the syndrome; what faulted or was trapped is skipped; SVC 7 and HVC 4 stay at the level that they come to. */
function handlers(code: Code): void {
  code.padTo(VECTORS_EL1);
  for (let entry = 0; entry < 32; entry++) {
    const el = entry < 16 ? 1 : 2;
    code.padTo(VECTORS_EL1 + 0x80 * entry).b(entry % 4 === 0 ? `synchronous${el}` : 'interrupt');
  }
  const sum = () => code.emit('ADD_shift', { sf: 1, rn: SUM, rm: T0, rd: SUM, imm6: 3, shift: 0 });
  const nextInstruction = (el: 1 | 2) =>
    code.mrs(T0, `ELR_EL${el}`).addImmediate(T0, T0, 4).msr(`ELR_EL${el}`, T0).emit('ERET');
  const isClass = (imm12: number) => code.emit('SUBS_imm', { sf: 1, rn: 30, rd: 31, imm12 });

  // ESR_EL1 may be trapped to EL2: then it is skipped.
  code
    .padTo(VECTORS_EL1 + 0x1000)
    .label('synchronous1')
    .mov(T0, 0)
    .mrs(T0, 'ESR_EL1');
  sum();
  code.cbz(FROM_EL0, 'skip1').mov(FROM_EL0, 0).mov(T0, 0x005).msr('SPSR_EL1', T0).emit('ERET');
  code.label('skip1');
  nextInstruction(1);
  // Virtual interrupts: EL2 takes them back.
  code.label('interrupt').addImmediate(SUM, SUM, 1).emit('HVC', { imm16: 2 }).emit('ERET');

  code.label('synchronous2').mrs(30, 'ESR_EL2');
  code.emit('ADD_shift', { sf: 1, rn: SUM, rm: 30, rd: SUM, imm6: 3, shift: 0 });
  code.emit('UBFM', { sf: 1, n: 1, immr: 26, imms: 63, rn: 30, rd: 30 });
  isClass(0x16);
  code.bCond(0, 'call2');
  nextInstruction(2);
  code.label('call2').mrs(30, 'ESR_EL2').emit('UBFM', { sf: 1, n: 1, immr: 0, imms: 15, rn: 30, rd: 30 });
  isClass(1);
  code.bCond(1, 'not1').msr('HCR_EL2', T1).emit('ERET');
  code.label('not1');
  isClass(2);
  code.bCond(1, 'not2').mrs(I0, 'HCR_EL2').mov(I1, ~VI);
  code.emit('AND_shift', { sf: 1, rn: I0, rm: I1, rd: I0 }).msr('HCR_EL2', I0).emit('ERET');
  code.label('not2');
  isClass(3);
  code.bCond(1, 'not3').msr('SCTLR_EL1', T0).emit('ERET');
  // Back at EL2, behind the HVC.
  code.label('not3').mov(T0, 0x3c9).msr('SPSR_EL2', T0).emit('ERET');
}

interface Outcome {
  readonly states: readonly string[];
  readonly stopped: string | undefined;
  readonly memory: string;
  /** Of MSR, system operations and what traps; none where nothing is recorded. */
  readonly rows: readonly string[];
}

interface RunOptions {
  readonly regions?: Partial<RegionOptions>;
  readonly records?: boolean;
}

const RECORDED: readonly string[] = ['sysregs', 'tlbi', 'exceptions'];

function run(seed: number, cpu: string, engine: EngineName, { regions, records }: RunOptions = {}): Outcome {
  const rows: string[] = [];
  const pieces = guest(randomNumbers(seed), cpu);
  const machine = new Machine({
    recipe: { ...DEFAULT_RECIPE, ram: 2 ** 24, cpu, load: [...pieces.keys()].map((at) => `${at}@${at}`) },
    readFile: (path) => pieces.get(path)!,
    engine,
    regions,
    ...(records && {
      detail: 'flow',
      events: (time: Timekeeper) => ({
        recording: true,
        append: (table: string, row: object) => {
          const cells = Object.entries(row).map(([name, cell]) => `${name}=${cell}`);
          if (RECORDED.includes(table)) rows.push([table, time.icount, time.now(), ...cells].join(' '));
          return 0;
        },
      }),
    }),
  });
  const { state, time } = machine;
  state.set('pc', BigInt(CODE));
  const loop = new RunLoop(machine);
  const states: string[] = [];
  let stopped = loop.settle();
  while (!stopped && time.icount < 500_000) {
    const limit = time.icount + 97;
    while (!stopped && time.icount < limit) stopped = loop.runPacket(loop.beginPacket(), limit);
    const cells = ['pc', 'sp', 'el', 'spsel', 'daif', 'spEl0', 'spEl1', 'spEl2'] as const;
    const registers = Array.from({ length: 31 }, (_, n) => state.x(n).toString(16));
    const system = machine.registers.entries().map(([name, value]) => `${name}=${value.toString(16)}`);
    states.push(
      [
        time.icount,
        time.now(),
        state.nzcv,
        ...cells.map((c) => state.get(c).toString(16)),
        ...registers,
        ...system,
      ].join(' '),
    );
  }
  const memory = createHash('sha1').update(machine.memory.readBytes(DATA, 0x2_0000)!).digest('hex');
  return { states, stopped, memory, rows };
}

describe.each(['cortex-a57', 'max'])('on %s', (cpu) => {
  test.each([
    [1, false],
    [2, false],
    [3, false],
    [1, true],
    [2, true],
  ])('engines agree (seed %i, recorded: %s)', (seed, records) => {
    const exact = run(seed, cpu, 'evaluator', { records });
    expect(exact.stopped).toBe('power off');
    expect(exact.states.length).toBeGreaterThan(50);
    expect(exact.rows.length > 1000).toBe(records);
    const early = { threshold: 2, batch: 1, leastInstructions: 1 };
    for (const [engine, regions] of [
      ['interpreter'],
      ['regions', early],
      ['regions', { ...early, slice: 7 }],
    ] as const) {
      const other = run(seed, cpu, engine, { regions, records });
      const at = exact.states.findIndex((state, n) => state !== other.states[n]);
      expect(other.states[at], `${engine}, after ${97 * at} instructions`).toEqual(exact.states[at]);
      expect(other.stopped).toBe(exact.stopped);
      expect(other.memory).toBe(exact.memory);
      const row = exact.rows.findIndex((text, n) => text !== other.rows[n]);
      expect(other.rows[row], `${engine}, row ${row}`).toEqual(exact.rows[row]);
      expect(other.rows.length).toBe(exact.rows.length);
    }
  });
});
