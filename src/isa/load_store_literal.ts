/** Loads from an address relative to the program counter. Arm ARM C4.1.88 (Load register (literal)). */
import type { Emitter, Register, Value } from './emitter.ts';
import {
  LDR_32,
  LDR_64,
  LDRSW,
  prefetch,
  type SingleTransfer,
  transferOf,
  transferRegister,
} from './load_store.ts';
import type { Fields } from './pattern.ts';
import { signed } from './pseudocode.ts';
import { row } from './row.ts';

const literal = (transfer: SingleTransfer) => ({
  imm: ({ imm19 }: Fields<'imm19'>) => signed(imm19, 19) * 4,
  transfer: transferOf(transfer),
});
const pcRelative =
  (transfer: SingleTransfer) =>
  ({ imm, rt }: { imm: Value<64>; rt: Register }, e: Emitter) =>
    transferRegister(e, transfer, rt, e.add(e.pc(), imm), {});

// biome-ignore format: a table
export const loadStoreLiteral = [
  row('LDR_32_lit', '00 011 0 00 imm19:19 rt:5', literal(LDR_32), pcRelative(LDR_32)),
  row('LDR_64_lit', '01 011 0 00 imm19:19 rt:5', literal(LDR_64), pcRelative(LDR_64)),
  row('LDRSW_lit',  '10 011 0 00 imm19:19 rt:5', literal(LDRSW), pcRelative(LDRSW)),
  row('PRFM_lit',   '11 011 0 00 imm19:19 prfop:5', {}, prefetch),
];
