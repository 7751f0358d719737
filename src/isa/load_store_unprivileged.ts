/** Loads and stores with EL0's permissions. Arm ARM C4.1.88 (Load/store register (unprivileged)). */
import {
  LDR_32,
  LDR_64,
  LDRB,
  LDRH,
  LDRSB_32,
  LDRSB_64,
  LDRSH_32,
  LDRSH_64,
  LDRSW,
  offset,
  type SingleTransfer,
  STR_32,
  STR_64,
  STRB,
  STRH,
  signedOffset9,
  transferOf,
} from './load_store.ts';
import { row } from './row.ts';

// Whether EL0's permissions apply (not at EL2 without the EL2&0 regime, not with PSTATE.UAO) is the MMU's to know.
const unscaled = (transfer: SingleTransfer) => ({ ...signedOffset9, transfer: transferOf(transfer) });
const unprivileged = (transfer: SingleTransfer) => offset(transfer, { unprivileged: true });

// biome-ignore format: a table
export const loadStoreUnprivileged = [
  row('STTRB',              '00 111 0 00 00 0 imm9:9 10 rn:5 rt:5', unscaled(STRB), unprivileged(STRB)),
  row('LDTRB',              '00 111 0 00 01 0 imm9:9 10 rn:5 rt:5', unscaled(LDRB), unprivileged(LDRB)),
  row('LDTRSB_64',          '00 111 0 00 10 0 imm9:9 10 rn:5 rt:5', unscaled(LDRSB_64), unprivileged(LDRSB_64)),
  row('LDTRSB_32',          '00 111 0 00 11 0 imm9:9 10 rn:5 rt:5', unscaled(LDRSB_32), unprivileged(LDRSB_32)),
  row('STTRH',              '01 111 0 00 00 0 imm9:9 10 rn:5 rt:5', unscaled(STRH), unprivileged(STRH)),
  row('LDTRH',              '01 111 0 00 01 0 imm9:9 10 rn:5 rt:5', unscaled(LDRH), unprivileged(LDRH)),
  row('LDTRSH_64',          '01 111 0 00 10 0 imm9:9 10 rn:5 rt:5', unscaled(LDRSH_64), unprivileged(LDRSH_64)),
  row('LDTRSH_32',          '01 111 0 00 11 0 imm9:9 10 rn:5 rt:5', unscaled(LDRSH_32), unprivileged(LDRSH_32)),
  row('STTR_32',            '10 111 0 00 00 0 imm9:9 10 rn:5 rt:5', unscaled(STR_32), unprivileged(STR_32)),
  row('LDTR_32',            '10 111 0 00 01 0 imm9:9 10 rn:5 rt:5', unscaled(LDR_32), unprivileged(LDR_32)),
  row('LDTRSW',             '10 111 0 00 10 0 imm9:9 10 rn:5 rt:5', unscaled(LDRSW), unprivileged(LDRSW)),
  row('STTR_64',            '11 111 0 00 00 0 imm9:9 10 rn:5 rt:5', unscaled(STR_64), unprivileged(STR_64)),
  row('LDTR_64',            '11 111 0 00 01 0 imm9:9 10 rn:5 rt:5', unscaled(LDR_64), unprivileged(LDR_64)),
];
