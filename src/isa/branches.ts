/** Branches: immediate, compare, test, register. Arm ARM C4.1.87. */
import type { Emitter, IndirectBranch, Register, Value, Width } from './emitter.ts';
import type { Fields } from './pattern.ts';
import { signed, widthOf } from './pseudocode.ts';
import { row } from './row.ts';

const offset26 = { imm: ({ imm26 }: Fields<'imm26'>) => signed(imm26, 26) * 4 };
const offset19 = { imm: ({ imm19 }: Fields<'imm19'>) => signed(imm19, 19) * 4 };

const link = (e: Emitter) => e.setX(e.register(30), e.add(e.pc(), e.constant(64, 4)));

const conditional = { ...offset19, shape: ({ cond }: Fields<'cond'>) => ({ cond }) };

const compare = { ...offset19, shape: ({ sf }: Fields<'sf'>) => ({ width: widthOf(sf) }) };
interface CompareOperands {
  width: Width;
  imm: Value<64>;
  rt: Register;
}
const whenZero = ({ width, imm, rt }: CompareOperands, e: Emitter) =>
  e.branchIf(e.isZero(e.x(rt, width)), imm);
const whenNonzero = ({ width, imm, rt }: CompareOperands, e: Emitter) =>
  e.branchIf(e.isZero(e.isZero(e.x(rt, width))), imm);

const test = {
  imm: ({ imm14 }: Fields<'imm14'>) => signed(imm14, 14) * 4,
  bytes: { bit: ({ b5, b40 }: Fields<'b5' | 'b40'>) => (b5 << 5) | b40 },
};
interface TestOperands {
  bit: Value<32>;
  imm: Value<64>;
  rt: Register;
}
const bitOf = ({ bit, rt }: TestOperands, e: Emitter) =>
  e.and(e.low(e.shiftRight(e.x(rt, 64), e.zeroExtend(64, bit, 32))), e.constant(32, 1));
const whenClear = (operands: TestOperands, e: Emitter) =>
  e.branchIf(e.isZero(bitOf(operands, e)), operands.imm);
const whenSet = (operands: TestOperands, e: Emitter) => e.branchIf(bitOf(operands, e), operands.imm);

// DRPS is UNDEFINED outside Debug state, which this machine never enters.
const undefinedHere = (_operands: object, e: Emitter) => e.call('undefinedInstruction');

export const jump = {
  shape: ({ rn }: Fields<'rn'>): { kind: IndirectBranch } => ({
    kind: rn === 16 || rn === 17 ? 'veneer' : 'jump',
  }),
};

// biome-ignore format: a table
export const branches = [
  // Unconditional branch (immediate)
  row('B',      '000101 imm26:26', offset26, ({ imm }, e) => e.branch(imm)),
  row('BL',     '100101 imm26:26', offset26, ({ imm }, e) => { link(e); e.branch(imm); }),
  // Conditional branch (immediate)
  row('B_cond', '0101010 0 imm19:19 0 cond:4', conditional, ({ cond, imm }, e) => e.branchIf(e.condition(cond), imm)),
  // Compare and branch (immediate)
  row('CBZ',    'sf:1 011010 0 imm19:19 rt:5', compare, whenZero),
  row('CBNZ',   'sf:1 011010 1 imm19:19 rt:5', compare, whenNonzero),
  // Test and branch (immediate)
  row('TBZ',    'b5:1 011011 0 b40:5 imm14:14 rt:5', test, whenClear),
  row('TBNZ',   'b5:1 011011 1 b40:5 imm14:14 rt:5', test, whenSet),
  // Unconditional branch (register)
  row('BR',     '1101011 0000 11111 000000 rn:5 00000', jump, ({ rn, kind }, e) => e.branchIndirect(e.x(rn, 64), kind)),
  row('BLR',    '1101011 0001 11111 000000 rn:5 00000', {}, ({ rn }, e) => {
    const target = e.keep(e.x(rn, 64)); // BLR X30 jumps to the old X30.
    link(e);
    e.branchIndirect(target, 'call');
  }),
  row('RET',    '1101011 0010 11111 000000 rn:5 00000', {}, ({ rn }, e) => e.branchIndirect(e.x(rn, 64), 'return')),
  row('ERET',   '1101011 0100 11111 000000 11111 00000', {}, (_, e) => e.call('exceptionReturn')),
  row('DRPS',   '1101011 0101 11111 000000 11111 00000', {}, undefinedHere),
];
