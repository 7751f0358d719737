/** Move wide (immediate). Arm ARM C4.1.86. */
import type { Emitter, Register, Value, Width } from './emitter.ts';
import type { Fields } from './pattern.ts';
import { immediate, widthOf } from './pseudocode.ts';
import { row } from './row.ts';

type WideFields = Fields<'sf' | 'hw' | 'imm16'>;
/** A number where it is exact: most words are. */
const placed = ({ hw, imm16 }: Fields<'hw' | 'imm16'>) =>
  hw < 3 ? imm16 * 2 ** (16 * hw) : BigInt(imm16) << 48n;
const unallocated = ({ sf, hw }: Fields<'sf' | 'hw'>) => !sf && hw >= 2;

const zero = { imm: placed, unallocated };
/** The 32-bit form clears the upper half, so the constant has both widths' results in it. */
const negated = {
  imm: (fields: WideFields) => BigInt.asUintN(widthOf(fields.sf), ~BigInt(placed(fields))),
  unallocated,
};
const keep = {
  shape: ({ sf, hw }: Fields<'sf' | 'hw'>) => ({ width: widthOf(sf), hw }),
  imm: placed,
  unallocated,
};

const moveConstant = ({ imm, rd }: { imm: Value<64>; rd: Register }, e: Emitter) => e.setX(rd, imm);

const insertConstant = (
  { width, hw, imm, rd }: { width: Width; hw: number; imm: Value<64>; rd: Register },
  e: Emitter,
) => {
  const others = e.constant<Width>(width, BigInt.asUintN(width, ~(0xffffn << BigInt(16 * hw))));
  e.setX(rd, e.or(e.and(e.x(rd, width), others), immediate(e, width, imm)));
};

// biome-ignore format: a table
export const moveWide = [
  row('MOVN', 'sf:1 00 100101 hw:2 imm16:16 rd:5', negated, moveConstant),
  row('MOVZ', 'sf:1 10 100101 hw:2 imm16:16 rd:5', zero, moveConstant),
  row('MOVK', 'sf:1 11 100101 hw:2 imm16:16 rd:5', keep, insertConstant),
];
