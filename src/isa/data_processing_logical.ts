/** Logical operations: immediate and shifted register. Arm ARM C4.1.86 (Logical (immediate)), C4.1.89. */
import type { Emitter, Register, Value, Width } from './emitter.ts';
import type { Fields } from './pattern.ts';
import {
  decodeBitMasks,
  immediate,
  isReservedBitMask,
  type ShiftedRegister,
  shiftForm,
  shiftRegister,
  widthOf,
} from './pseudocode.ts';
import { row } from './row.ts';

type Operation = (e: Emitter, a: Value, b: Value) => Value;

const and: Operation = (e, a, b) => e.and(a, b);
const orr: Operation = (e, a, b) => e.or(a, b);
const eor: Operation = (e, a, b) => e.xor(a, b);
const ands: Operation = (e, a, b) => {
  const result = e.keep(e.and(a, b));
  e.setFlagsLogical(result);
  return result;
};

type MaskFields = Fields<'sf' | 'n' | 'immr' | 'imms'>;
const maskOf = ({ sf, n, immr, imms }: MaskFields) => decodeBitMasks(n, imms, immr, widthOf(sf));
const byImmediate = {
  shape: ({ sf }: Fields<'sf'>) => ({ width: widthOf(sf) }),
  imm: (fields: MaskFields) => maskOf(fields) ?? 0n,
  unallocated: ({ sf, n, imms }: Fields<'sf' | 'n' | 'imms'>) => isReservedBitMask(n, imms, widthOf(sf)),
};
const immediateForm =
  (operation: Operation, set: 'setX' | 'setXOrSp') =>
  ({ width, imm, rn, rd }: { width: Width; imm: Value<64>; rn: Register; rd: Register }, e: Emitter) =>
    e[set](rd, operation(e, e.x(rn, width), immediate(e, width, imm)));

const byShiftedRegister = {
  shape: ({ sf, shift, imm6 }: Fields<'sf' | 'shift' | 'imm6'>) => ({
    width: widthOf(sf),
    shift: shiftForm(shift, imm6),
  }),
  bytes: { amount: ({ imm6 }: Fields<'imm6'>) => imm6 },
  unallocated: ({ sf, imm6 }: Fields<'sf' | 'imm6'>) => !sf && imm6 >= 32,
};
interface ShiftedOperands extends ShiftedRegister {
  rn: Register;
  rd: Register;
}
const shiftedForm = (operation: Operation) => (operands: ShiftedOperands, e: Emitter) =>
  e.setX(operands.rd, operation(e, e.x(operands.rn, operands.width), shiftRegister(e, operands)));
const invertedForm = (operation: Operation) => (operands: ShiftedOperands, e: Emitter) =>
  e.setX(operands.rd, operation(e, e.x(operands.rn, operands.width), e.not(shiftRegister(e, operands))));

/** ORR with the zero register and no shift is MOV, which is frequent enough to have a form of its own. */
const orByShiftedRegister = {
  ...byShiftedRegister,
  shape: (fields: Fields<'sf' | 'shift' | 'imm6' | 'rn'>) => {
    const { width, shift } = byShiftedRegister.shape(fields);
    return { width, shift, move: fields.rn === 31 && shift === 'none' };
  },
};
const orForm = (operands: ShiftedOperands & { move: boolean }, e: Emitter) => {
  if (operands.move) e.setX(operands.rd, e.x(operands.rm, operands.width));
  else shiftedForm(orr)(operands, e);
};

// biome-ignore format: a table
export const dataProcessingLogical = [
  // Logical (immediate)
  row('AND_imm',    'sf:1 00 100100 n:1 immr:6 imms:6 rn:5 rd:5', byImmediate, immediateForm(and, 'setXOrSp')),
  row('ORR_imm',    'sf:1 01 100100 n:1 immr:6 imms:6 rn:5 rd:5', byImmediate, immediateForm(orr, 'setXOrSp')),
  row('EOR_imm',    'sf:1 10 100100 n:1 immr:6 imms:6 rn:5 rd:5', byImmediate, immediateForm(eor, 'setXOrSp')),
  row('ANDS_imm',   'sf:1 11 100100 n:1 immr:6 imms:6 rn:5 rd:5', byImmediate, immediateForm(ands, 'setX')),

  // Logical (shifted register)
  row('AND_shift',  'sf:1 00 01010 shift:2 0 rm:5 imm6:6 rn:5 rd:5', byShiftedRegister, shiftedForm(and)),
  row('BIC_shift',  'sf:1 00 01010 shift:2 1 rm:5 imm6:6 rn:5 rd:5', byShiftedRegister, invertedForm(and)),
  row('ORR_shift',  'sf:1 01 01010 shift:2 0 rm:5 imm6:6 rn:5 rd:5', orByShiftedRegister, orForm),
  row('ORN_shift',  'sf:1 01 01010 shift:2 1 rm:5 imm6:6 rn:5 rd:5', byShiftedRegister, invertedForm(orr)),
  row('EOR_shift',  'sf:1 10 01010 shift:2 0 rm:5 imm6:6 rn:5 rd:5', byShiftedRegister, shiftedForm(eor)),
  row('EON_shift',  'sf:1 10 01010 shift:2 1 rm:5 imm6:6 rn:5 rd:5', byShiftedRegister, invertedForm(eor)),
  row('ANDS_shift', 'sf:1 11 01010 shift:2 0 rm:5 imm6:6 rn:5 rd:5', byShiftedRegister, shiftedForm(ands)),
  row('BICS_shift', 'sf:1 11 01010 shift:2 1 rm:5 imm6:6 rn:5 rd:5', byShiftedRegister, invertedForm(ands)),
];
