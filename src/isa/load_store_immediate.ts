/** Loads and stores of one register with an immediate offset: unscaled, post-indexed, pre-indexed, unsigned. Arm ARM C4.1.88. */
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
  postIndex,
  prefetch,
  preIndex,
  type SingleTransfer,
  STR_32,
  STR_64,
  STRB,
  STRH,
  signedOffset9,
  transferOf,
} from './load_store.ts';
import type { Fields } from './pattern.ts';
import { row } from './row.ts';

const unscaled = (transfer: SingleTransfer) => ({ ...signedOffset9, transfer: transferOf(transfer) });
const scaled = (transfer: SingleTransfer) => ({
  imm: ({ imm12 }: Fields<'imm12'>) => imm12 * transfer.bytes,
  transfer: transferOf(transfer),
});

// biome-ignore format: a table
export const loadStoreImmediate = [
  // Load/store register (unscaled immediate)
  row('STURB',              '00 111 0 00 00 0 imm9:9 00 rn:5 rt:5', unscaled(STRB), offset(STRB)),
  row('LDURB',              '00 111 0 00 01 0 imm9:9 00 rn:5 rt:5', unscaled(LDRB), offset(LDRB)),
  row('LDURSB_64',          '00 111 0 00 10 0 imm9:9 00 rn:5 rt:5', unscaled(LDRSB_64), offset(LDRSB_64)),
  row('LDURSB_32',          '00 111 0 00 11 0 imm9:9 00 rn:5 rt:5', unscaled(LDRSB_32), offset(LDRSB_32)),
  row('STURH',              '01 111 0 00 00 0 imm9:9 00 rn:5 rt:5', unscaled(STRH), offset(STRH)),
  row('LDURH',              '01 111 0 00 01 0 imm9:9 00 rn:5 rt:5', unscaled(LDRH), offset(LDRH)),
  row('LDURSH_64',          '01 111 0 00 10 0 imm9:9 00 rn:5 rt:5', unscaled(LDRSH_64), offset(LDRSH_64)),
  row('LDURSH_32',          '01 111 0 00 11 0 imm9:9 00 rn:5 rt:5', unscaled(LDRSH_32), offset(LDRSH_32)),
  row('STUR_32',            '10 111 0 00 00 0 imm9:9 00 rn:5 rt:5', unscaled(STR_32), offset(STR_32)),
  row('LDUR_32',            '10 111 0 00 01 0 imm9:9 00 rn:5 rt:5', unscaled(LDR_32), offset(LDR_32)),
  row('LDURSW',             '10 111 0 00 10 0 imm9:9 00 rn:5 rt:5', unscaled(LDRSW), offset(LDRSW)),
  row('STUR_64',            '11 111 0 00 00 0 imm9:9 00 rn:5 rt:5', unscaled(STR_64), offset(STR_64)),
  row('LDUR_64',            '11 111 0 00 01 0 imm9:9 00 rn:5 rt:5', unscaled(LDR_64), offset(LDR_64)),
  row('PRFUM',             '11 111 0 00 10 0 imm9:9 00 rn:5 prfop:5', {}, prefetch),

  // Load/store register (immediate post-indexed)
  row('STRB_imm_post',      '00 111 0 00 00 0 imm9:9 01 rn:5 rt:5', signedOffset9, postIndex(STRB)),
  row('LDRB_imm_post',      '00 111 0 00 01 0 imm9:9 01 rn:5 rt:5', signedOffset9, postIndex(LDRB)),
  row('LDRSB_64_imm_post',  '00 111 0 00 10 0 imm9:9 01 rn:5 rt:5', signedOffset9, postIndex(LDRSB_64)),
  row('LDRSB_32_imm_post',  '00 111 0 00 11 0 imm9:9 01 rn:5 rt:5', signedOffset9, postIndex(LDRSB_32)),
  row('STRH_imm_post',      '01 111 0 00 00 0 imm9:9 01 rn:5 rt:5', signedOffset9, postIndex(STRH)),
  row('LDRH_imm_post',      '01 111 0 00 01 0 imm9:9 01 rn:5 rt:5', signedOffset9, postIndex(LDRH)),
  row('LDRSH_64_imm_post',  '01 111 0 00 10 0 imm9:9 01 rn:5 rt:5', signedOffset9, postIndex(LDRSH_64)),
  row('LDRSH_32_imm_post',  '01 111 0 00 11 0 imm9:9 01 rn:5 rt:5', signedOffset9, postIndex(LDRSH_32)),
  row('STR_32_imm_post',    '10 111 0 00 00 0 imm9:9 01 rn:5 rt:5', signedOffset9, postIndex(STR_32)),
  row('LDR_32_imm_post',    '10 111 0 00 01 0 imm9:9 01 rn:5 rt:5', signedOffset9, postIndex(LDR_32)),
  row('LDRSW_imm_post',     '10 111 0 00 10 0 imm9:9 01 rn:5 rt:5', signedOffset9, postIndex(LDRSW)),
  row('STR_64_imm_post',    '11 111 0 00 00 0 imm9:9 01 rn:5 rt:5', signedOffset9, postIndex(STR_64)),
  row('LDR_64_imm_post',    '11 111 0 00 01 0 imm9:9 01 rn:5 rt:5', signedOffset9, postIndex(LDR_64)),

  // Load/store register (immediate pre-indexed)
  row('STRB_imm_pre',       '00 111 0 00 00 0 imm9:9 11 rn:5 rt:5', signedOffset9, preIndex(STRB)),
  row('LDRB_imm_pre',       '00 111 0 00 01 0 imm9:9 11 rn:5 rt:5', signedOffset9, preIndex(LDRB)),
  row('LDRSB_64_imm_pre',   '00 111 0 00 10 0 imm9:9 11 rn:5 rt:5', signedOffset9, preIndex(LDRSB_64)),
  row('LDRSB_32_imm_pre',   '00 111 0 00 11 0 imm9:9 11 rn:5 rt:5', signedOffset9, preIndex(LDRSB_32)),
  row('STRH_imm_pre',       '01 111 0 00 00 0 imm9:9 11 rn:5 rt:5', signedOffset9, preIndex(STRH)),
  row('LDRH_imm_pre',       '01 111 0 00 01 0 imm9:9 11 rn:5 rt:5', signedOffset9, preIndex(LDRH)),
  row('LDRSH_64_imm_pre',   '01 111 0 00 10 0 imm9:9 11 rn:5 rt:5', signedOffset9, preIndex(LDRSH_64)),
  row('LDRSH_32_imm_pre',   '01 111 0 00 11 0 imm9:9 11 rn:5 rt:5', signedOffset9, preIndex(LDRSH_32)),
  row('STR_32_imm_pre',     '10 111 0 00 00 0 imm9:9 11 rn:5 rt:5', signedOffset9, preIndex(STR_32)),
  row('LDR_32_imm_pre',     '10 111 0 00 01 0 imm9:9 11 rn:5 rt:5', signedOffset9, preIndex(LDR_32)),
  row('LDRSW_imm_pre',      '10 111 0 00 10 0 imm9:9 11 rn:5 rt:5', signedOffset9, preIndex(LDRSW)),
  row('STR_64_imm_pre',     '11 111 0 00 00 0 imm9:9 11 rn:5 rt:5', signedOffset9, preIndex(STR_64)),
  row('LDR_64_imm_pre',     '11 111 0 00 01 0 imm9:9 11 rn:5 rt:5', signedOffset9, preIndex(LDR_64)),

  // Load/store register (unsigned immediate)
  row('STRB_imm',           '00 111 0 01 00 imm12:12 rn:5 rt:5', scaled(STRB), offset(STRB)),
  row('LDRB_imm',           '00 111 0 01 01 imm12:12 rn:5 rt:5', scaled(LDRB), offset(LDRB)),
  row('LDRSB_64_imm',       '00 111 0 01 10 imm12:12 rn:5 rt:5', scaled(LDRSB_64), offset(LDRSB_64)),
  row('LDRSB_32_imm',       '00 111 0 01 11 imm12:12 rn:5 rt:5', scaled(LDRSB_32), offset(LDRSB_32)),
  row('STRH_imm',           '01 111 0 01 00 imm12:12 rn:5 rt:5', scaled(STRH), offset(STRH)),
  row('LDRH_imm',           '01 111 0 01 01 imm12:12 rn:5 rt:5', scaled(LDRH), offset(LDRH)),
  row('LDRSH_64_imm',       '01 111 0 01 10 imm12:12 rn:5 rt:5', scaled(LDRSH_64), offset(LDRSH_64)),
  row('LDRSH_32_imm',       '01 111 0 01 11 imm12:12 rn:5 rt:5', scaled(LDRSH_32), offset(LDRSH_32)),
  row('STR_32_imm',         '10 111 0 01 00 imm12:12 rn:5 rt:5', scaled(STR_32), offset(STR_32)),
  row('LDR_32_imm',         '10 111 0 01 01 imm12:12 rn:5 rt:5', scaled(LDR_32), offset(LDR_32)),
  row('LDRSW_imm',          '10 111 0 01 10 imm12:12 rn:5 rt:5', scaled(LDRSW), offset(LDRSW)),
  row('STR_64_imm',         '11 111 0 01 00 imm12:12 rn:5 rt:5', scaled(STR_64), offset(STR_64)),
  row('LDR_64_imm',         '11 111 0 01 01 imm12:12 rn:5 rt:5', scaled(LDR_64), offset(LDR_64)),
  row('PRFM_imm',          '11 111 0 01 10 imm12:12 rn:5 prfop:5', {}, prefetch),
];
