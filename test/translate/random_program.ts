/**
 * Random programs with loops, calls and self-modification, for comparing back ends: straight code is random instructions of every
 * row that a region can hold, over X0 to X15 and all vector registers; X16 to X30 and SP belong to the program's frame.
 */
import { assemble } from '../../src/isa/pattern.ts';
import { REGISTER_NAMES, type Row } from '../../src/isa/row.ts';
import { match, ROWS } from '../../src/isa/table.ts';
import { instructionOf } from '../../src/translate/region/instruction.ts';

export const PROGRAM_BASE = 0x4020_0000;
const BUFFER = 0x4030_0000;
export const SCRATCH_REGISTERS = 16;
/** Base and index of accesses, loop counters, and where the program is modified. */
export const BASE = 20;
export const INDEX = 21;
export const OUTER = 19;
export const INNER = 22;
const PATCHED = 23;
const FIRST_LINK = 25;
const TEMPORARY = 29;
const VECTORS = 0x8000;
const SYNCHRONOUS = 0x200;

const byName = new Map(ROWS.map((row) => [row.name, row]));
const op = (name: string, fields: { readonly [name: string]: number }): number => {
  const row = byName.get(name);
  if (!row) throw new Error(`no row ${name}`);
  return assemble(row.pattern, fields);
};

/** MOVZ and MOVKs. */
const load = (rd: number, value: number): number[] => [
  op('MOVZ', { sf: 1, hw: 0, imm16: value & 0xffff, rd }),
  op('MOVK', { sf: 1, hw: 1, imm16: value >>> 16, rd }),
];
const branch = (words: number) => op('B', { imm26: words & 0x3ff_ffff });

/** The gibibyte from 0x4000_0000 on, normal memory at its own address: unaligned accesses are allowed then. */
function enableMmu(): number[] {
  const table = 0x4040_0000;
  const msr = (crn: number, crm: number, op2: number) =>
    op('MSR_reg', { o0: 1, op1: 0, crn, crm, op2, rt: 0 });
  // A block with AF and SH inner; MAIR attribute 0 is write-back; 39 bits of address; SCTLR_EL1.M beside the bits that are 1.
  return [
    ...[...load(0, table), ...load(1, 0x4000_0701), op('STR_64_imm', { imm12: 1, rn: 0, rt: 1 })],
    ...[msr(2, 0, 0), ...load(0, 0xff), msr(10, 2, 0), ...load(0, 0x0080_3519), msr(2, 0, 2)],
    ...[...load(0, 0x30d0_0801), msr(1, 0, 0), op('ISB', { crm: 15 })],
  ];
}

export function randomProgram(
  random: () => number,
  options: { readonly iterations: number; readonly mmu: boolean },
): Uint8Array {
  const below = (n: number) => Math.floor(random() * n);
  const words: number[] = [];
  const emit = (...more: number[]) => words.push(...more);

  const functions: number[] = [];
  const straight = (count: number) => {
    for (let n = 0; n < count; n++) emit(randomInstruction(below));
  };
  /** Branches forward over a few instructions, with a condition of every kind. */
  const skip = () => {
    const distance = 2 + below(4);
    const rt = below(SCRATCH_REGISTERS);
    const kind = below(4);
    if (kind === 0) emit(op('B_cond', { imm19: distance, cond: below(16) }));
    else if (kind === 1) emit(op('CBZ', { sf: below(2), imm19: distance, rt }));
    else if (kind === 2) emit(op('CBNZ', { sf: below(2), imm19: distance, rt }));
    else emit(op('TBZ', { b5: below(2), b40: below(32), imm14: distance, rt }));
    straight(distance - 1);
  };
  const loop = () => {
    emit(op('MOVZ', { sf: 1, hw: 0, imm16: 1 + below(40), rd: INNER }));
    const head = words.length;
    straight(1 + below(6));
    if (below(2)) skip();
    emit(op('SUBS_imm', { sf: 1, sh: 0, imm12: 1, rn: INNER, rd: INNER }));
    emit(op('B_cond', { imm19: (head - words.length) & 0x7_ffff, cond: 1 }));
  };
  const call = () => {
    if (functions.length === 0) return;
    const callee = functions[below(functions.length)];
    if (below(3)) emit(op('BL', { imm26: (callee - words.length) & 0x3ff_ffff }));
    else {
      emit(op('ADR', { immlo: 0, immhi: (callee - words.length) & 0x7_ffff, rd: 24 }));
      emit(op('BLR', { rn: 24 }));
    }
  };
  const anything = () => [() => straight(1 + below(8)), skip, loop, call][below(4)]();

  // The entry jumps over the functions.
  const entry = words.length;
  emit(0);
  for (let n = 0; n < 3; n++) {
    const start = words.length;
    // A function calls those before it only.
    const link = FIRST_LINK + n;
    emit(op('ORR_shift', { sf: 1, shift: 0, rm: 30, imm6: 0, rn: 31, rd: link }));
    for (let part = 0; part < 3; part++) anything();
    emit(op('RET', { rn: link }));
    functions.push(start);
  }
  words[entry] = branch(words.length);
  // CPACR_EL1.FPEN, and CPTR_EL2 as it is: the program runs at EL1.
  emit(...load(0, 3 << 20), op('MSR_reg', { o0: 1, op1: 0, crn: 1, crm: 0, op2: 2, rt: 0 }));
  emit(
    ...load(0, below(4) ? 0 : below(4) << 22),
    op('MSR_reg', { o0: 1, op1: 3, crn: 4, crm: 4, op2: 0, rt: 0 }),
  );
  emit(...load(0, PROGRAM_BASE + VECTORS), op('MSR_reg', { o0: 1, op1: 0, crn: 12, crm: 0, op2: 0, rt: 0 }));
  if (options.mmu) emit(...enableMmu());
  for (let rd = 0; rd < SCRATCH_REGISTERS; rd++)
    emit(op('MOVZ', { sf: 1, hw: below(4), imm16: below(65536), rd }));
  emit(...load(OUTER, options.iterations));
  emit(op('ADR', { immlo: 0, immhi: 0, rd: PATCHED }));
  const patchedFrom = words.length - 1;
  const head = words.length;
  emit(...load(BASE, BUFFER + 8 * below(512)), op('ADD_imm', { sf: 1, sh: 1, imm12: 8, rn: BASE, rd: 31 }));
  emit(op('MOVZ', { sf: 1, hw: 0, imm16: below(64), rd: INDEX }));
  for (let part = 0; part < 12; part++) anything();
  // Every 32nd time round the program changes the immediate of an instruction of its own.
  const patched = words.length;
  words[patchedFrom] = op('ADR', { immlo: 0, immhi: patched - patchedFrom, rd: PATCHED });
  emit(op('ADD_imm', { sf: 1, sh: 0, imm12: 1, rn: 1, rd: 1 }));
  emit(
    op('ANDS_imm', { sf: 1, n: 1, immr: 0, imms: 4, rn: OUTER, rd: 31 }),
    op('B_cond', { imm19: 4, cond: 1 }),
  );
  emit(op('LDR_32_imm', { imm12: 0, rn: PATCHED, rt: 24 }));
  emit(op('EOR_imm', { sf: 0, n: 0, immr: 22, imms: 1, rn: 24, rd: 24 }));
  emit(op('STR_32_imm', { imm12: 0, rn: PATCHED, rt: 24 }));
  emit(op('SUBS_imm', { sf: 1, sh: 0, imm12: 1, rn: OUTER, rd: OUTER }));
  emit(op('B_cond', { imm19: (head - words.length) & 0x7_ffff, cond: 1 }));
  // PSCI SYSTEM_OFF.
  emit(...load(0, 0x8400_0008), op('HVC', { imm16: 0 }));
  // An instruction that takes an exception is skipped.
  while (words.length < (VECTORS + SYNCHRONOUS) / 4) emit(0);
  const elr = { o0: 1, op1: 0, crn: 4, crm: 0, op2: 1, rt: TEMPORARY };
  emit(op('MRS', elr), op('ADD_imm', { sf: 1, sh: 0, imm12: 4, rn: TEMPORARY, rd: TEMPORARY }));
  emit(op('MSR_reg', elr), op('ERET', {}));
  return new Uint8Array(Uint32Array.from(words).buffer);
}

/** Every way to set flags, of all pairs of limit values, and every condition on them; several times round. */
export function flagsProgram(): Uint8Array {
  const words: number[] = [];
  const limits = [[], [0], [1], [0x8000], [0xffff, 0xffff, 0xffff, 0x7fff], [0, 0x8000], [0xffff, 0x7fff]];
  const registers = limits.map((halves, rd) => {
    words.push(op('MOVZ', { sf: 1, hw: 0, imm16: 0, rd }));
    const places = halves.length === 1 && halves[0] === 0x8000 ? [3] : halves.keys();
    for (const [n, hw] of [...places].entries()) words.push(op('MOVK', { sf: 1, hw, imm16: halves[n], rd }));
    return rd;
  });
  const minusOne = registers.length;
  words.push(
    op('MOVN', { sf: 1, hw: 0, imm16: 0, rd: minusOne }),
    op('MOVZ', { sf: 1, hw: 0, imm16: 5, rd: OUTER }),
  );
  const head = words.length;
  const shifted = { shift: 0, imm6: 0, rd: 31 };
  for (const sf of [0, 1])
    for (const rn of [...registers, minusOne])
      for (const rm of [...registers, minusOne]) {
        const setters = [
          [op('SUBS_shift', { sf, rm, rn, ...shifted })],
          [op('ADDS_shift', { sf, rm, rn, ...shifted })],
          [op('ANDS_shift', { sf, rm, rn, ...shifted })],
          [op('SUBS_shift', { sf, rm, rn, ...shifted }), op('ADCS', { sf, rm, rn, rd: 31 })],
          [op('SUBS_shift', { sf, rm, rn, ...shifted }), op('SBCS', { sf, rm: rn, rn: rm, rd: 31 })],
          [
            op('SUBS_shift', { sf, rm, rn, ...shifted }),
            op('CCMP_reg', { sf, rm: rn, cond: 11, rn: rm, nzcv: 2 }),
          ],
          [
            op('ADDS_shift', { sf, rm, rn, ...shifted }),
            op('CCMN_reg', { sf, rm: rn, cond: 6, rn: rm, nzcv: 13 }),
          ],
        ];
        for (const setter of setters) {
          words.push(...setter);
          for (let cond = 0; cond < 16; cond++)
            words.push(op('CSINC', { sf: 0, rm: 31, cond, rn: 31, rd: 10 }));
        }
      }
  words.push(op('SUB_imm', { sf: 1, sh: 0, imm12: 1, rn: OUTER, rd: OUTER }));
  words.push(op('CBNZ', { sf: 1, imm19: (head - words.length) & 0x7_ffff, rt: OUTER }));
  words.push(...load(0, 0x8400_0008), op('HVC', { imm16: 0 }));
  return new Uint8Array(Uint32Array.from(words).buffer);
}

/**
 * Calls a function in another page, and changes it before each call. Between two calls it stores `stores` times to that page and to
 * its own, where no code is.
 */
export function patchingProgram({ calls, stores }: { calls: number; stores: number }): Uint8Array {
  const page = 1024;
  const own = 25;
  const inner = 26;
  const words = [
    ...load(PATCHED, PROGRAM_BASE + 4 * (page + 1)),
    ...load(own, PROGRAM_BASE + 4 * (page - 8)),
    op('MOVZ', { sf: 1, hw: 0, imm16: calls, rd: OUTER }),
  ];
  const head = words.length;
  words.push(op('LDR_32_imm', { imm12: 0, rn: PATCHED, rt: 24 }));
  words.push(op('EOR_imm', { sf: 0, n: 0, immr: 22, imms: 1, rn: 24, rd: 24 }));
  words.push(op('STR_32_imm', { imm12: 0, rn: PATCHED, rt: 24 }));
  words.push(op('MOVZ', { sf: 1, hw: 0, imm16: stores, rd: inner }));
  const loop = words.length;
  words.push(op('STR_32_imm', { imm12: 16, rn: PATCHED, rt: inner }));
  words.push(op('STR_32_imm', { imm12: 0, rn: own, rt: inner }));
  words.push(op('SUBS_imm', { sf: 1, sh: 0, imm12: 1, rn: inner, rd: inner }));
  words.push(op('B_cond', { imm19: (loop - words.length) & 0x7_ffff, cond: 1 }));
  // The jump finds the page in the fetch TLB, and the changed word is met behind the NOP that it leads to.
  words.push(op('SUB_imm', { sf: 1, sh: 0, imm12: 4, rn: PATCHED, rd: 24 }), op('BLR', { rn: 24 }));
  words.push(op('SUBS_imm', { sf: 1, sh: 0, imm12: 1, rn: OUTER, rd: OUTER }));
  words.push(op('B_cond', { imm19: (head - words.length) & 0x7_ffff, cond: 1 }));
  words.push(...load(0, 0x8400_0008), op('HVC', { imm16: 0 }));
  while (words.length < page) words.push(op('HINT', { crm: 0, op2: 0 }));
  words.push(op('HINT', { crm: 0, op2: 0 }), op('ADD_imm', { sf: 1, sh: 0, imm12: 1, rn: 1, rd: 1 }));
  words.push(op('RET', { rn: 30 }));
  return new Uint8Array(Uint32Array.from(words).buffer);
}

/** Goes a hundred times around a loop, changes a word in the middle of it, and does that again: twenty times. */
export function patchedLoopProgram(): Uint8Array {
  const count = { sf: 1, sh: 0, imm12: 1 };
  const again = (head: number) => op('B_cond', { imm19: (head - words.length) & 0x7_ffff, cond: 1 });
  const words: number[] = [];
  words.push(op('MOVZ', { sf: 1, hw: 0, imm16: 20, rd: OUTER }));
  const outer = words.length;
  words.push(op('MOVZ', { sf: 1, hw: 0, imm16: 100, rd: INNER }));
  const inner = words.length;
  words.push(op('ADD_imm', { ...count, rn: 2, rd: 2 }), op('ADD_imm', { ...count, rn: 1, rd: 1 }));
  words.push(op('SUBS_imm', { ...count, rn: INNER, rd: INNER }));
  words.push(again(inner));
  words.push(...load(PATCHED, PROGRAM_BASE + 4 * (inner + 1)));
  words.push(op('LDR_32_imm', { imm12: 0, rn: PATCHED, rt: 24 }));
  words.push(op('EOR_imm', { sf: 0, n: 0, immr: 22, imms: 1, rn: 24, rd: 24 }));
  words.push(op('STR_32_imm', { imm12: 0, rn: PATCHED, rt: 24 }));
  words.push(op('SUBS_imm', { ...count, rn: OUTER, rd: OUTER }));
  words.push(again(outer));
  words.push(...load(0, 0x8400_0008), op('HVC', { imm16: 0 }));
  return new Uint8Array(Uint32Array.from(words).buffer);
}

/**
 * Thirty-two nodes in twenty pages, which were touched upwards and, from the seventeenth on, downwards: neighbours in the pool but for
 * the last. Two thousand steps lead from node to node.
 */
// biome-ignore format: a listing
const POINTER_WALK = [
  0xd2a80614, // mov x20, #0x40300000
  0xaa1403e1, // mov x1, x20
  0x52800202, // mov w2, #0x10
  0xf900003f, // str xzr, [x1]
  0x91400421, // add x1, x1, #0x1, lsl #12
  0x71000442, // subs w2, w2, #0x1
  0x54ffffa1, // b.ne c
  0x52800082, // mov w2, #0x4
  0x91400c21, // add x1, x1, #0x3, lsl #12
  0xf900003f, // str xzr, [x1]
  0xd1400421, // sub x1, x1, #0x1, lsl #12
  0x71000442, // subs w2, w2, #0x1
  0x54ffffa1, // b.ne 24
  0x52800002, // mov w2, #0x0
  0x52800286, // mov w6, #0x14
  0xaa1403e9, // mov x9, x20
  0xaa0903e4, // mov x4, x9
  0x11000442, // add w2, w2, #0x1
  0x12001042, // and w2, w2, #0x1f
  0x528000e3, // mov w3, #0x7
  0x1b027c63, // mul w3, w3, w2
  0x1ac60865, // udiv w5, w3, w6
  0x1b068ca3, // msub w3, w5, w6, w3
  0xd374cc63, // lsl x3, x3, #12
  0x8b021063, // add x3, x3, x2, lsl #4
  0x8b030289, // add x9, x20, x3
  0xa9000889, // stp x9, x2, [x4]
  0x35fffea2, // cbnz w2, 40
  0x5280fa02, // mov w2, #0x7d0
  0xaa1403e1, // mov x1, x20
  0xa9401021, // ldp x1, x4, [x1]
  0x8b000400, // add x0, x0, x0, lsl #1
  0x8b040000, // add x0, x0, x4
  0x71000442, // subs w2, w2, #0x1
  0x54ffff81, // b.ne 78
];
export function pointerProgram(): Uint8Array {
  const end = [...load(0, 0x8400_0008), op('HVC', { imm16: 0 })];
  return new Uint8Array(Uint32Array.from([...POINTER_WALK, ...end]).buffer);
}

const candidates: readonly Row[] = ROWS.filter(({ execute }) => execute);

const flagRows = candidates.filter(({ name }) =>
  /^(ADDS|SUBS|ANDS|BICS|ADC|SBC|CCM|CSEL|CSIN|CSNE)/.test(name),
);

/** A register gets 0, 1, -1, or a limit of the signed numbers of 32 or 64 bits. */
function limitValue(below: (n: number) => number): number {
  const rd = below(SCRATCH_REGISTERS);
  const sf = below(2);
  const hw = below(2) * (sf ? 3 : 1);
  const imm16 = hw === 0 ? below(2) : 0x8000;
  return op(below(2) ? 'MOVZ' : 'MOVN', { sf, hw, imm16, rd });
}

/** Of a row that a region can hold and that does not branch; nearly every base is X20 or SP where memory is accessed. */
export function randomInstruction(below: (n: number) => number): number {
  const kind = below(6);
  if (kind === 0) return limitValue(below);
  for (;;) {
    const rows = kind < 3 ? flagRows : candidates;
    const row = rows[below(rows.length)];
    const fields: { [name: string]: number } = {};
    for (const { name, width } of row.pattern.fields) {
      const isRegister = (REGISTER_NAMES as readonly string[]).includes(name);
      fields[name] = below(isRegister ? SCRATCH_REGISTERS : 2 ** width);
    }
    // Equal operands are a case of their own for the flags.
    if (kind === 1 && 'rm' in fields) fields['rm'] = fields['rn'];
    const zero = REGISTER_NAMES.filter((name) => name in fields && below(12) === 0);
    const word = () => assemble(row.pattern, fields);
    const { accesses } = instructionOf(word());
    if (accesses > 0) {
      fields['rn'] = below(4) || /_(pre|post)$/.test(row.name) ? BASE : 31;
      if ('rm' in fields) fields['rm'] = INDEX;
    } else
      for (const name of zero) fields[name] = name === 'rd' && row.name.endsWith('_imm') ? fields[name] : 31;
    const { supported, control } = instructionOf(word());
    if (!match(row, word()) || !supported || control !== 'none') continue;
    // With X20 or SP as a destination the next access could go anywhere.
    if (accesses === 0 && fields['rd'] === 31 && row.name.includes('_ext')) continue;
    return word();
  }
}

/** A loop of 20,000 turns whose two halves are executed in turn: four blocks that are reached from each other. */
export function alternatingProgram(): Uint8Array {
  const count = { sf: 1, sh: 0, imm12: 1 };
  const words = [
    op('MOVZ', { sf: 1, hw: 0, imm16: 20_000, rd: 0 }),
    op('TBZ', { b5: 0, b40: 0, imm14: 4, rt: 0 }),
    op('ADD_imm', { ...count, rn: 1, rd: 1 }),
    op('EOR_shift', { sf: 1, shift: 0, imm6: 0, rm: 0, rn: 1, rd: 1 }),
    op('B', { imm26: 3 }),
    op('ADD_imm', { ...count, rn: 2, rd: 2 }),
    op('EOR_shift', { sf: 1, shift: 0, imm6: 0, rm: 0, rn: 2, rd: 2 }),
    op('ADD_imm', { ...count, rn: 3, rd: 3 }),
    op('SUBS_imm', { ...count, rn: 0, rd: 0 }),
    op('B_cond', { cond: 1, imm19: 2 ** 19 - 8 }),
  ];
  return new Uint8Array(
    Uint32Array.from([...words, ...load(0, 0x8400_0008), op('HVC', { imm16: 0 })]).buffer,
  );
}

/**
 * A function that calls itself twice and then another, which returns to its caller half of the time, else to the end of the caller's
 * caller.
 */
// biome-ignore format: one instruction a line
const RECURSION = [
  0xd2a80800, // mov x0, #0x40400000
  0x9100001f, // mov sp, x0
  0x52800793, // mov w19, #0x3c
  0x52800140, // mov w0, #0xa
  0x94000005, // bl 24
  0xca0002d6, // eor x22, x22, x0
  0x71000673, // subs w19, w19, #0x1
  0x54ffff81, // b.ne c
  0x14000018, // b 80
  0x7100081f, // cmp w0, #0x2
  0x5400018b, // b.lt 58
  0xa9be7bfd, // stp x29, x30, [sp, #-32]!
  0xf9000bf4, // str x20, [sp, #16]
  0x2a0003f4, // mov w20, w0
  0x51000400, // sub w0, w0, #0x1
  0x97fffffa, // bl 24
  0x0b0006b5, // add w21, w21, w0, lsl #1
  0x51000a80, // sub w0, w20, #0x2
  0x97fffff7, // bl 24
  0x94000005, // bl 60
  0xf9400bf4, // ldr x20, [sp, #16]
  0xa8c27bfd, // ldp x29, x30, [sp], #32
  0x11000400, // add w0, w0, #0x1
  0xd65f03c0, // ret
  0x4a0002b5, // eor w21, w21, w0
  0x36180055, // tbz w21, #3, 6c
  0x1000005e, // adr x30, 70
  0xd65f03c0, // ret
  0xf9400bf4, // ldr x20, [sp, #16]
  0xa8c27bfd, // ldp x29, x30, [sp], #32
  0x4a140000, // eor w0, w0, w20
  0xd65f03c0, // ret
];
export function recursiveProgram(): Uint8Array {
  const end = [...load(0, 0x8400_0008), op('HVC', { imm16: 0 })];
  return new Uint8Array(Uint32Array.from([...RECURSION, ...end]).buffer);
}
