/** Values worked out by hand from the Arm ARM's pseudocode, for the instructions that are easy to get wrong. */
import { expect, test } from 'vitest';
import { LittleMachine } from './evaluator_machine.ts';

const MAX64 = 2n ** 64n - 1n;
const MIN64 = 2n ** 63n;
const MAX32 = 2n ** 32n - 1n;
const MIN32 = 2n ** 31n;

const R = { rd: 0, rn: 1, rm: 2 };
const X = { ...R, sf: 1 };
const W = { ...R, sf: 0 };

/** NZCV before, or what it is after. */
const N = 8;
const Z = 4;
const C = 2;
const V = 1;

function evaluate(name: string, fields: object, x1: bigint, x2 = 0n, before = 0, x0 = 0n) {
  const machine = new LittleMachine().setRegisters({ 0: x0, 1: x1, 2: x2 });
  machine.state.nzcv = (before << 28) >>> 0;
  expect(machine.run(name, fields as { [name: string]: number })).toBe(true);
  return { x0: machine.state.x(0), nzcv: machine.state.nzcv >>> 28, machine };
}

test.each([
  ['ADDS_shift', X, MAX64, 1n, 0, 0n, Z | C],
  ['ADDS_shift', X, MIN64 - 1n, 1n, 0, MIN64, N | V],
  ['ADDS_shift', W, MAX32 | (5n << 32n), 1n, 0, 0n, Z | C],
  ['ADDS_shift', W, MIN32, MIN32, 0, 0n, Z | C | V],
  ['SUBS_shift', X, 5n, 5n, 0, 0n, Z | C],
  ['SUBS_shift', X, 0n, 1n, 0, MAX64, N],
  ['SUBS_shift', X, MIN64, 1n, 0, MIN64 - 1n, C | V],
  ['SUBS_shift', X, 7n, 0n, 0, 7n, C],
  ['SUBS_shift', W, 0n, MIN32, 0, MIN32, N | V],
  ['ADCS', X, MAX64, 0n, C, 0n, Z | C],
  ['ADCS', X, MAX64, MAX64, C, MAX64, N | C],
  ['ADCS', X, MIN64 - 1n, 0n, C, MIN64, N | V],
  ['ADCS', W, MAX32, MAX32, 0, MAX32 - 1n, N | C],
  ['SBCS', X, 5n, 5n, 0, MAX64, N],
  ['SBCS', X, 5n, 5n, C, 0n, Z | C],
  ['SBCS', X, 0n, MAX64, 0, 0n, Z],
  ['SBCS', X, MIN64, 0n, 0, MIN64 - 1n, C | V],
  ['SBCS', W, 0n, 0n, 0, MAX32, N],
  ['ANDS_shift', X, MIN64, MAX64, C | V, MIN64, N],
  ['BICS_shift', W, MAX32, MAX32, N | C | V, 0n, Z],
])('%s %o of %x and %x with NZCV %i sets result and flags', (name, fields, x1, x2, before, x0, nzcv) => {
  const after = evaluate(name, fields, x1, x2, before);
  expect([after.x0, after.nzcv]).toEqual([x0, nzcv]);
});

test.each([
  ['ADC leaves the flags alone', 'ADC', X, 1n, 1n, C, 3n],
  ['SBC without carry subtracts one more', 'SBC', X, 5n, 1n, 0, 3n],
  ['a 32-bit result clears the upper half', 'ADD_shift', W, MAX64, 0n, 0, MAX32],
  ['ADD shifts left', 'ADD_shift', { ...X, shift: 0, imm6: 63 }, 1n, 3n, 0, MIN64 + 1n],
  ['SUB shifts right, signed, in 32 bits', 'SUB_shift', { ...W, shift: 2, imm6: 31 }, 0n, MIN32, 0, 1n],
  ['ORN inverts what it shifted', 'ORN_shift', { ...W, shift: 1, imm6: 4 }, 0n, 0xf0n, 0, 0xffff_fff0n],
  ['EOR rotates', 'EOR_shift', { ...W, shift: 3, imm6: 4 }, 0n, 0x1234_5678n, 0, 0x8123_4567n],
  ['MOV does not shift', 'ORR_shift', { ...W, rn: 31 }, 9n, MAX64, 0, MAX32],

  ['extension UXTB, LSL 4', 'ADD_ext', { ...X, option: 0, imm3: 4 }, 1n, 0x1ffn, 0, 0xff1n],
  ['extension SXTB', 'ADD_ext', { ...X, option: 4, imm3: 0 }, 0n, 0x80n, 0, MAX64 - 127n],
  ['extension SXTH in 32 bits', 'ADD_ext', { ...W, option: 5, imm3: 1 }, 0n, 0x8000n, 0, 0xffff_0000n],
  ['extension SXTW', 'SUB_ext', { ...X, option: 6, imm3: 2 }, 0n, MAX32, 0, 4n],
  ['extension UXTW drops the upper half', 'ADD_ext', { ...X, option: 2, imm3: 0 }, 0n, MAX64, 0, MAX32],
  ['extension UXTX is all of it', 'ADD_ext', { ...X, option: 3, imm3: 1 }, 0n, MIN64 | 1n, 0, 2n],

  ['UBFM as LSL 60', 'UBFM', { ...X, n: 1, immr: 4, imms: 3 }, 0x1fn, 0n, 0, 0xf000_0000_0000_0000n],
  ['UBFM as LSR 28', 'UBFM', { ...W, immr: 28, imms: 31 }, 0xf1234567n, 0n, 0, 0xfn],
  ['UBFM as UXTB', 'UBFM', { ...W, immr: 0, imms: 7 }, 0x1ffn, 0n, 0, 0xffn],
  ['UBFM as UBFX', 'UBFM', { ...X, n: 1, immr: 8, imms: 15 }, 0x123456n, 0n, 0, 0x34n],
  ['UBFM as UBFIZ', 'UBFM', { ...W, immr: 24, imms: 3 }, 0x123456n, 0n, 0, 0x600n],
  ['SBFM as ASR', 'SBFM', { ...W, immr: 4, imms: 31 }, MIN32, 0n, 0, 0xf800_0000n],
  ['SBFM as SXTH', 'SBFM', { ...X, n: 1, immr: 0, imms: 15 }, 0x18000n, 0n, 0, MAX64 - 0x7fffn],
  ['SBFM as SXTW', 'SBFM', { ...X, n: 1, immr: 0, imms: 31 }, MIN32, 0n, 0, MAX64 - MIN32 + 1n],
  ['SBFM as SBFX', 'SBFM', { ...X, n: 1, immr: 4, imms: 7 }, 0x180n, 0n, 0, MAX64 - 7n],
  ['SBFM as SBFIZ', 'SBFM', { ...W, immr: 28, imms: 3 }, 0x8n, 0n, 0, 0xffff_ff80n],
  ['BFM as BFI', 'BFM', { ...W, immr: 24, imms: 3 }, 0x12345n, 0n, 0, 0xffff_f5ffn],
  ['BFM as BFXIL', 'BFM', { ...X, n: 1, immr: 4, imms: 11 }, 0x12345n, 0n, 0, MAX64 - 0xffn + 0x34n],
  ['EXTR', 'EXTR', { ...W, imms: 8 }, 0x1234_5678n, 0x9abc_def0n, 0, 0x789a_bcden],
  ['EXTR at bit 0 is the second operand', 'EXTR', { ...X, n: 1, imms: 0 }, 1n, MAX64, 0, MAX64],
  ['EXTR as ROR', 'EXTR', { ...X, rm: 1, n: 1, imms: 4 }, 0x1fn, 0n, 0, (15n << 60n) | 1n],

  ['MOVN in 32 bits', 'MOVN', { rd: 0, hw: 1, imm16: 1 }, 0n, 0n, 0, 0xfffe_ffffn],
  ['MOVN in 64 bits', 'MOVN', { rd: 0, sf: 1, hw: 3, imm16: 0xffff }, 0n, 0n, 0, 2n ** 48n - 1n],
  ['MOVZ', 'MOVZ', { rd: 0, sf: 1, hw: 3, imm16: 0x8000 }, 0n, 0n, 0, MIN64],
  ['MOVK keeps the rest', 'MOVK', { rd: 0, sf: 1, hw: 1, imm16: 0 }, 0n, 0n, 0, MAX64 - 0xffff_0000n],
  ['ORR of a bitmask', 'ORR_imm', { ...X, n: 0, immr: 1, imms: 0b110000 }, 0n, 0n, 0, 0x8080_8080_8080_8080n],
  [
    'AND of a wrapped bitmask',
    'AND_imm',
    { ...X, n: 1, immr: 4, imms: 7 },
    MAX64,
    0n,
    0,
    0xf000_0000_0000_000fn,
  ],

  ['SMULH', 'SMULH', R, MAX64, 2n, 0, MAX64],
  ['SMULH of the least number', 'SMULH', R, MIN64, MIN64, 0, 2n ** 62n],
  ['UMULH', 'UMULH', R, MAX64, MAX64, 0, MAX64 - 1n],
  ['MADD', 'MADD', { ...W, ra: 0 }, MAX32, 2n, 0, MAX32 - 2n],
  ['MSUB from zero is MNEG', 'MSUB', { ...X, ra: 31 }, 3n, 5n, 0, MAX64 - 14n],
  ['SMADDL', 'SMADDL', { ...R, ra: 31 }, MAX32, 5n, 0, MAX64 - 4n],
  ['UMSUBL', 'UMSUBL', { ...R, ra: 0 }, MAX32, 1n, 0, MAX64 - MAX32],
  ['UDIV by zero', 'UDIV', X, 5n, 0n, 0, 0n],
  ['SDIV by zero', 'SDIV', X, 5n, 0n, 0, 0n],
  ['SDIV that overflows', 'SDIV', W, MIN32, MAX32, 0, MIN32],
  ['SDIV rounds towards zero', 'SDIV', X, MAX64 - 6n, 2n, 0, MAX64 - 2n],
  ['LSLV counts modulo the width', 'LSLV', W, 1n, 33n, 0, 2n],
  ['ASRV', 'ASRV', X, MIN64, 127n, 0, MAX64],
  ['RORV by nothing', 'RORV', X, 5n, 64n, 0, 5n],
  ['RBIT', 'RBIT', X, 0x1000_0000_0000_0003n, 0n, 0, 0xc000_0000_0000_0008n],
  ['RBIT in 32 bits', 'RBIT', W, 0x8000_0001n | (1n << 40n), 0n, 0, 0x8000_0001n],
  ['REV16', 'REV16', X, 0x0102_0304_0506_0708n, 0n, 0, 0x0201_0403_0605_0807n],
  ['REV32', 'REV32', R, 0x0102_0304_0506_0708n, 0n, 0, 0x0403_0201_0807_0605n],
  ['REV', 'REV_64', R, 0x0102_0304_0506_0708n, 0n, 0, 0x0807_0605_0403_0201n],
  ['REV in 32 bits', 'REV_32', R, 0x0102_0304_0506_0708n, 0n, 0, 0x0807_0605n],
  ['CLZ of nothing', 'CLZ', W, 1n << 32n, 0n, 0, 32n],
  ['CLS of all ones', 'CLS', X, MAX64, 0n, 0, 63n],
  ['CLS', 'CLS', W, 0x0fff_ffffn, 0n, 0, 3n],

  ['CSINC takes the second plus one', 'CSINC', { ...W, cond: 0 }, 1n, MAX32, 0, 0n],
  ['CSINV inverts', 'CSINV', { ...W, cond: 1 }, 1n, 0xfn, Z, 0xffff_fff0n],
  ['CSNEG negates', 'CSNEG', { ...X, cond: 11 }, 1n, 1n, 0, MAX64],
  ['CSEL takes the first where NV is given, which always holds', 'CSEL', { ...X, cond: 15 }, 1n, 2n, 0, 1n],
])('%s', (_what, name, fields, x1, x2, before, x0) => {
  const after = evaluate(name, fields, x1, x2, before, MAX64);
  expect(after.x0).toBe(x0);
  expect(after.nzcv).toBe(before);
});

test.each([
  ['compares where the condition holds', { ...X, cond: 0, nzcv: V }, 5n, 5n, Z, Z | C],
  ['sets the given flags where it does not', { ...X, cond: 0, nzcv: V | N }, 5n, 5n, 0, V | N],
])('CCMP %s', (_what, fields, x1, x2, before, nzcv) => {
  expect(evaluate('CCMP_reg', fields, x1, x2, before).nzcv).toBe(nzcv);
});
test('CCMN (immediate) adds: -1 and 1 carry out', () => {
  expect(evaluate('CCMN_imm', { ...W, cond: 14, imm5: 1 }, MAX32).nzcv).toBe(Z | C);
});

test('each condition code holds for exactly the flags of C1.2.4', () => {
  const holds: ((n: number, z: number, c: number, v: number) => boolean)[] = [
    (_n, z) => z === 1,
    (_n, z) => z === 0,
    (_n, _z, c) => c === 1,
    (_n, _z, c) => c === 0,
    (n) => n === 1,
    (n) => n === 0,
    (_n, _z, _c, v) => v === 1,
    (_n, _z, _c, v) => v === 0,
    (_n, z, c) => c === 1 && z === 0,
    (_n, z, c) => !(c === 1 && z === 0),
    (n, _z, _c, v) => n === v,
    (n, _z, _c, v) => n !== v,
    (n, z, _c, v) => z === 0 && n === v,
    (n, z, _c, v) => !(z === 0 && n === v),
    () => true,
    () => true,
  ];
  for (let cond = 0; cond < 16; cond++) {
    for (let nzcv = 0; nzcv < 16; nzcv++) {
      const expected = holds[cond](nzcv >> 3, (nzcv >> 2) & 1, (nzcv >> 1) & 1, nzcv & 1);
      expect(evaluate('CSEL', { ...X, cond }, 1n, 0n, nzcv).x0, `${cond} ${nzcv}`).toBe(expected ? 1n : 0n);
    }
  }
});

test('register 31 is SP for ADD (immediate) and the zero register for ADDS', () => {
  const machine = new LittleMachine().setRegisters({ 31: 0x8000n });
  machine.run('ADD_imm', { sf: 1, rd: 31, rn: 31, sh: 1, imm12: 1 });
  machine.run('ADDS_imm', { sf: 1, rd: 31, rn: 31, imm12: 1 });
  machine.run('ADD_shift', { sf: 1, rd: 0, rn: 31, rm: 31 });
  expect([machine.state.get('sp'), machine.state.x(0)]).toEqual([0x9000n, 0n]);
  expect(machine.log).toEqual(['r31 = 9000', 'r0 = 0']);
});

test('ADR and ADRP start from this instruction, ADRP from its page', () => {
  const machine = new LittleMachine();
  machine.state.set('pc', 0x1ff8n);
  machine.run('ADR', { rd: 0, immhi: 2 ** 19 - 1, immlo: 3 });
  machine.run('ADRP', { rd: 1, immhi: 0, immlo: 2 });
  expect([machine.state.x(0), machine.state.x(1)]).toEqual([0x1ff7n, 0x3000n]);
});
