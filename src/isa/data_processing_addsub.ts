/** Add and subtract: immediate, shifted register, extended register, with carry. Arm ARM C4.1.86, C4.1.89. */
import type { Emitter, Register, Value, Width } from './emitter.ts';
import type { Fields } from './pattern.ts';
import {
  type Extension,
  eitherWidth,
  extendRegister,
  extensionForm,
  immediate,
  type ShiftedRegister,
  shiftForm,
  shiftRegister,
  widen,
  widthOf,
} from './pseudocode.ts';
import { row } from './row.ts';

type Operation = (e: Emitter, a: Value, b: Value) => Value;

const add: Operation = (e, a, b) => e.add(a, b);
const sub: Operation = (e, a, b) => e.sub(a, b);

const adds: Operation = (e, a, b) => {
  const [left, right] = [e.keep(a), e.keep(b)];
  const result = e.keep(e.add(left, right));
  e.setFlagsAdd(left, right, result);
  return result;
};
const subs: Operation = (e, a, b) => {
  const [left, right] = [e.keep(a), e.keep(b)];
  const result = e.keep(e.sub(left, right));
  e.setFlagsSubtract(left, right, result);
  return result;
};

// The destination 31 is SP where flags are not set, else the zero register (CMP, CMN).
type Destination = 'setX' | 'setXOrSp';

const byImmediate = {
  ...eitherWidth,
  imm: ({ sh, imm12 }: Fields<'sh' | 'imm12'>) => imm12 << (12 * sh),
};
const immediateForm =
  (operation: Operation, set: Destination) =>
  ({ width, imm, rn, rd }: { width: Width; imm: Value<64>; rn: Register; rd: Register }, e: Emitter) =>
    e[set](rd, operation(e, e.xOrSp(rn, width), immediate(e, width, imm)));

const byShiftedRegister = {
  shape: ({ sf, shift, imm6 }: Fields<'sf' | 'shift' | 'imm6'>) => ({
    width: widthOf(sf),
    shift: shiftForm(shift, imm6),
  }),
  bytes: { amount: ({ imm6 }: Fields<'imm6'>) => imm6 },
  unallocated: ({ sf, shift, imm6 }: Fields<'sf' | 'shift' | 'imm6'>) => shift === 3 || (!sf && imm6 >= 32),
};
interface ShiftedOperands extends ShiftedRegister {
  rn: Register;
  rd: Register;
}
const shiftedForm = (operation: Operation) => (operands: ShiftedOperands, e: Emitter) =>
  e.setX(operands.rd, operation(e, e.x(operands.rn, operands.width), shiftRegister(e, operands)));

const byExtendedRegister = {
  shape: ({ sf, option }: Fields<'sf' | 'option'>) => ({
    width: widthOf(sf),
    extension: extensionForm(option, widthOf(sf)),
  }),
  bytes: { amount: ({ imm3 }: Fields<'imm3'>) => imm3 },
  unallocated: ({ imm3 }: Fields<'imm3'>) => imm3 > 4,
};
interface ExtendedOperands {
  width: Width;
  extension: Extension;
  amount: Value<32>;
  rm: Register;
  rn: Register;
  rd: Register;
}
const extendedForm =
  (operation: Operation, set: Destination) =>
  ({ width, extension, amount, rm, rn, rd }: ExtendedOperands, e: Emitter) => {
    const right = e.shiftLeft(extendRegister(e, width, rm, extension), widen(e, width, amount));
    e[set](rd, operation(e, e.xOrSp(rn, width), right));
  };

interface CarryOperands {
  width: Width;
  rm: Register;
  rn: Register;
  rd: Register;
}
/** AddWithCarry(): a subtraction adds the complement. */
const carryForm =
  (complement: boolean, setFlags: boolean) =>
  ({ width, rm, rn, rd }: CarryOperands, e: Emitter) => {
    const left = e.keep(e.x(rn, width));
    const right = e.keep(complement ? e.not(e.x(rm, width)) : e.x(rm, width));
    const carry = e.keep(e.carry());
    const result = e.keep(e.add(e.add(left, right), widen(e, width, carry)));
    if (setFlags) e.setFlagsAdd(left, right, result, carry);
    e.setX(rd, result);
  };

// biome-ignore format: a table
export const dataProcessingAddSub = [
  // Add/subtract (immediate)
  row('ADD_imm',    'sf:1 00 100010 sh:1 imm12:12 rn:5 rd:5', byImmediate, immediateForm(add, 'setXOrSp')),
  row('ADDS_imm',   'sf:1 01 100010 sh:1 imm12:12 rn:5 rd:5', byImmediate, immediateForm(adds, 'setX')),
  row('SUB_imm',    'sf:1 10 100010 sh:1 imm12:12 rn:5 rd:5', byImmediate, immediateForm(sub, 'setXOrSp')),
  row('SUBS_imm',   'sf:1 11 100010 sh:1 imm12:12 rn:5 rd:5', byImmediate, immediateForm(subs, 'setX')),

  // Add/subtract (shifted register)
  row('ADD_shift',  'sf:1 00 01011 shift:2 0 rm:5 imm6:6 rn:5 rd:5', byShiftedRegister, shiftedForm(add)),
  row('ADDS_shift', 'sf:1 01 01011 shift:2 0 rm:5 imm6:6 rn:5 rd:5', byShiftedRegister, shiftedForm(adds)),
  row('SUB_shift',  'sf:1 10 01011 shift:2 0 rm:5 imm6:6 rn:5 rd:5', byShiftedRegister, shiftedForm(sub)),
  row('SUBS_shift', 'sf:1 11 01011 shift:2 0 rm:5 imm6:6 rn:5 rd:5', byShiftedRegister, shiftedForm(subs)),

  // Add/subtract (extended register)
  row('ADD_ext',    'sf:1 00 01011 00 1 rm:5 option:3 imm3:3 rn:5 rd:5', byExtendedRegister, extendedForm(add, 'setXOrSp')),
  row('ADDS_ext',   'sf:1 01 01011 00 1 rm:5 option:3 imm3:3 rn:5 rd:5', byExtendedRegister, extendedForm(adds, 'setX')),
  row('SUB_ext',    'sf:1 10 01011 00 1 rm:5 option:3 imm3:3 rn:5 rd:5', byExtendedRegister, extendedForm(sub, 'setXOrSp')),
  row('SUBS_ext',   'sf:1 11 01011 00 1 rm:5 option:3 imm3:3 rn:5 rd:5', byExtendedRegister, extendedForm(subs, 'setX')),

  // Add/subtract (with carry)
  row('ADC',        'sf:1 00 11010000 rm:5 000000 rn:5 rd:5', eitherWidth, carryForm(false, false)),
  row('ADCS',       'sf:1 01 11010000 rm:5 000000 rn:5 rd:5', eitherWidth, carryForm(false, true)),
  row('SBC',        'sf:1 10 11010000 rm:5 000000 rn:5 rd:5', eitherWidth, carryForm(true, false)),
  row('SBCS',       'sf:1 11 11010000 rm:5 000000 rn:5 rd:5', eitherWidth, carryForm(true, true)),
];
