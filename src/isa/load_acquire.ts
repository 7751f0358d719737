/**
 * Loads and stores with the weaker release consistency (FEAT_LRCPC, FEAT_LRCPC2). Arm ARM C4.1.88. Nothing is reordered here, so
 * that they are ordered loads and stores; like those they must be aligned. Rs of LDAPR should be ones; other values are UNDEFINED
 * here, as in QEMU 7.2.
 */
import type { Emitter, Register } from './emitter.ts';
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
  transferRegister,
} from './load_store.ts';
import { row } from './row.ts';

const ORDERED = { aligned: true, ordered: true };

const plain = (transfer: SingleTransfer) => ({ feature: 'LRCPC', transfer: transferOf(transfer, true) });
const load =
  (transfer: SingleTransfer) =>
  ({ rn, rt }: { rn: Register; rt: Register }, e: Emitter) =>
    transferRegister(e, transfer, rt, e.xOrSp(rn, 64), { ...ORDERED, stack: rn });

const unscaled = (transfer: SingleTransfer) => ({
  feature: 'LRCPC2',
  transfer: transferOf(transfer, true),
  ...signedOffset9,
});
const at = (transfer: SingleTransfer) => offset(transfer, ORDERED);

// biome-ignore format: a table
export const loadAcquire = [
  // Atomic memory operations
  row('LDAPRB',      '00 111000 101 11111 1 100 00 rn:5 rt:5', plain(LDRB),   load(LDRB)),
  row('LDAPRH',      '01 111000 101 11111 1 100 00 rn:5 rt:5', plain(LDRH),   load(LDRH)),
  row('LDAPR_32',    '10 111000 101 11111 1 100 00 rn:5 rt:5', plain(LDR_32), load(LDR_32)),
  row('LDAPR_64',    '11 111000 101 11111 1 100 00 rn:5 rt:5', plain(LDR_64), load(LDR_64)),

  // LDAPR/STLR (unscaled immediate)
  row('STLURB',      '00 011001 00 0 imm9:9 00 rn:5 rt:5', unscaled(STRB),     at(STRB)),
  row('LDAPURB',     '00 011001 01 0 imm9:9 00 rn:5 rt:5', unscaled(LDRB),     at(LDRB)),
  row('LDAPURSB_64', '00 011001 10 0 imm9:9 00 rn:5 rt:5', unscaled(LDRSB_64), at(LDRSB_64)),
  row('LDAPURSB_32', '00 011001 11 0 imm9:9 00 rn:5 rt:5', unscaled(LDRSB_32), at(LDRSB_32)),
  row('STLURH',      '01 011001 00 0 imm9:9 00 rn:5 rt:5', unscaled(STRH),     at(STRH)),
  row('LDAPURH',     '01 011001 01 0 imm9:9 00 rn:5 rt:5', unscaled(LDRH),     at(LDRH)),
  row('LDAPURSH_64', '01 011001 10 0 imm9:9 00 rn:5 rt:5', unscaled(LDRSH_64), at(LDRSH_64)),
  row('LDAPURSH_32', '01 011001 11 0 imm9:9 00 rn:5 rt:5', unscaled(LDRSH_32), at(LDRSH_32)),
  row('STLUR_32',    '10 011001 00 0 imm9:9 00 rn:5 rt:5', unscaled(STR_32),   at(STR_32)),
  row('LDAPUR_32',   '10 011001 01 0 imm9:9 00 rn:5 rt:5', unscaled(LDR_32),   at(LDR_32)),
  row('LDAPURSW',    '10 011001 10 0 imm9:9 00 rn:5 rt:5', unscaled(LDRSW),    at(LDRSW)),
  row('STLUR_64',    '11 011001 00 0 imm9:9 00 rn:5 rt:5', unscaled(STR_64),   at(STR_64)),
  row('LDAPUR_64',   '11 011001 01 0 imm9:9 00 rn:5 rt:5', unscaled(LDR_64),   at(LDR_64)),
];
