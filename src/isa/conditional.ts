/** Conditional compare and conditional select. Arm ARM C4.1.89. */
import type { Emitter, Register, Value, Width } from './emitter.ts';
import type { Fields } from './pattern.ts';
import { eitherWidth, widen, widthOf } from './pseudocode.ts';
import { row } from './row.ts';

const byRegister = {
  ...eitherWidth,
  bytes: { cond: ({ cond }: Fields<'cond'>) => cond, nzcv: ({ nzcv }: Fields<'nzcv'>) => nzcv },
};
const byImmediate = {
  ...eitherWidth,
  bytes: { ...byRegister.bytes, imm5: ({ imm5 }: Fields<'imm5'>) => imm5 },
};
interface CompareOperands {
  width: Width;
  cond: Value<32>;
  nzcv: Value<32>;
  rn: Register;
}
function compare(
  e: Emitter,
  { width, cond, nzcv, rn }: CompareOperands,
  negative: boolean,
  right: () => Value,
) {
  e.when(
    e.condition(cond),
    () => {
      const a = e.keep(e.x(rn, width));
      const b = e.keep(right());
      if (negative) e.setFlagsAdd(a, b, e.keep(e.add(a, b)));
      else e.setFlagsSubtract(a, b, e.keep(e.sub(a, b)));
    },
    () => e.setNzcv(nzcv),
  );
}
const compareRegister = (negative: boolean) => (operands: CompareOperands & { rm: Register }, e: Emitter) =>
  compare(e, operands, negative, () => e.x(operands.rm, operands.width));
const compareImmediate =
  (negative: boolean) => (operands: CompareOperands & { imm5: Value<32> }, e: Emitter) =>
    compare(e, operands, negative, () => widen(e, operands.width, operands.imm5));

/** The condition is in the shape: testing a known one takes one or two operations, an unknown one about ten. */
const select = {
  shape: ({ sf, cond }: Fields<'sf' | 'cond'>) => ({ width: widthOf(sf), cond }),
};
interface SelectOperands {
  width: Width;
  cond: number;
  rm: Register;
  rn: Register;
  rd: Register;
}
const selectForm =
  (otherwise: (e: Emitter, value: Value, width: Width) => Value) =>
  ({ width, cond, rm, rn, rd }: SelectOperands, e: Emitter) =>
    e.setX(rd, e.select(e.condition(cond), e.x(rn, width), otherwise(e, e.x(rm, width), width)));

const unchanged = selectForm((_e, value) => value);
const increment = selectForm((e, value, width) => e.add(value, e.constant<Width>(width, 1)));
const invert = selectForm((e, value) => e.not(value));
const negate = selectForm((e, value, width) => e.sub(e.constant<Width>(width, 0), value));

// biome-ignore format: a table
export const conditional = [
  // Conditional compare (register)
  row('CCMN_reg', 'sf:1 0 1 11010010 rm:5   cond:4 00 rn:5 0 nzcv:4', byRegister, compareRegister(true)),
  row('CCMP_reg', 'sf:1 1 1 11010010 rm:5   cond:4 00 rn:5 0 nzcv:4', byRegister, compareRegister(false)),
  // Conditional compare (immediate)
  row('CCMN_imm', 'sf:1 0 1 11010010 imm5:5 cond:4 10 rn:5 0 nzcv:4', byImmediate, compareImmediate(true)),
  row('CCMP_imm', 'sf:1 1 1 11010010 imm5:5 cond:4 10 rn:5 0 nzcv:4', byImmediate, compareImmediate(false)),
  // Conditional select
  row('CSEL',     'sf:1 0 0 11010100 rm:5   cond:4 00 rn:5 rd:5', select, unchanged),
  row('CSINC',    'sf:1 0 0 11010100 rm:5   cond:4 01 rn:5 rd:5', select, increment),
  row('CSINV',    'sf:1 1 0 11010100 rm:5   cond:4 00 rn:5 rd:5', select, invert),
  row('CSNEG',    'sf:1 1 0 11010100 rm:5   cond:4 01 rn:5 rd:5', select, negate),
];
