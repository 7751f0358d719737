/** Advanced SIMD: one vector operand, and reductions across its lanes. Arm ARM C4.1.90. */

import {
  binary,
  floatAbsolute,
  floatNegate,
  fromInteger,
  relationToZero,
  roundInt,
  roundIntN,
  toInteger,
} from './float_forms.ts';
import {
  acrossLanes,
  convertLong,
  convertNarrow,
  convertNarrowBF,
  eachLane,
  floats,
  floatUnary,
  fourWords,
  halfFloats,
  halfFloatsByQ,
  halves,
  halvesOfDoubles,
  halvesOfSingles,
  words,
} from './float_vectors.ts';
import type { Fields } from './pattern.ts';
import { row } from './row.ts';
import { arrangedByQ, longForm, narrowing, shiftingLong, twoRegister } from './simd_forms.ts';
import {
  absolute,
  againstZero,
  atLeast,
  countBits,
  countLeadingSigns,
  countLeadingZeroBits,
  invert,
  lanes,
  negate,
  pairwiseLong,
  reverseBitsOfBytes,
  reversed,
  saturatingAbsolute,
  saturatingMixed,
  saturatingNarrow,
  saturatingNegate,
} from './simd_lanes.ts';
import { bytesByQ, reduce, sumLong } from './simd_moves.ts';
import type { LaneBits } from './vector_emitter.ts';
import { arranged, narrowed } from './vectors.ts';

const ADVSIMD = { feature: 'AdvSIMD' };
/** A doubleword element needs a 128-bit vector. */
const full = { ...ADVSIMD, unallocated: ({ q, size }: Fields<'q' | 'size'>) => !q && size === 3 };
const floatSizes = { ...ADVSIMD, unallocated: ({ q, sz }: Fields<'q' | 'sz'>) => !q && sz === 1 };
const narrow = { ...ADVSIMD, unallocated: ({ size }: Fields<'size'>) => size === 3 };
const bytes8 = { ...ADVSIMD, unallocated: ({ size }: Fields<'size'>) => size !== 0 };
const bytesOrHalfwords = { ...ADVSIMD, unallocated: ({ size }: Fields<'size'>) => size > 1 };
/** At least four elements. */
const fourOrMore = {
  ...ADVSIMD,
  unallocated: ({ q, size }: Fields<'q' | 'size'>) => size === 3 || (!q && size === 2),
};

/** SHLL shifts by the lane's size. */
const wholeLane = { amount: ({ size }: Fields<'size'>) => 8 << size };

// biome-ignore format: a table
export const simdTwoRegister = [
  // Two-register miscellaneous
  row('REV64_vec',        '0 q:1 0 01110 size:2 10000 00000 10 vn:5 vd:5', { ...narrow, ...arranged }, twoRegister(reversed(64))),
  row('REV16_vec',        '0 q:1 0 01110 size:2 10000 00001 10 vn:5 vd:5', { ...bytes8, ...arranged }, twoRegister(reversed(16))),
  row('SADDLP_vec',       '0 q:1 0 01110 size:2 10000 00010 10 vn:5 vd:5', { ...narrow, ...arranged }, twoRegister(pairwiseLong(true))),
  row('SUQADD_vec',       '0 q:1 0 01110 size:2 10000 00011 10 vn:5 vd:5', { ...full, ...arranged }, twoRegister(saturatingMixed(true))),
  row('CLS_vec',          '0 q:1 0 01110 size:2 10000 00100 10 vn:5 vd:5', { ...narrow, ...arranged }, twoRegister(countLeadingSigns)),
  row('CNT_vec',          '0 q:1 0 01110 size:2 10000 00101 10 vn:5 vd:5', { ...bytes8, ...arranged }, twoRegister(countBits)),
  row('SADALP_vec',       '0 q:1 0 01110 size:2 10000 00110 10 vn:5 vd:5', { ...narrow, ...arranged }, twoRegister(pairwiseLong(true, true))),
  row('SQABS_vec',        '0 q:1 0 01110 size:2 10000 00111 10 vn:5 vd:5', { ...full, ...arranged }, twoRegister(saturatingAbsolute)),
  row('CMGT_zero_vec',    '0 q:1 0 01110 size:2 10000 01000 10 vn:5 vd:5', { ...full, ...arranged }, twoRegister(againstZero(lanes('greaterSigned')))),
  row('CMEQ_zero_vec',    '0 q:1 0 01110 size:2 10000 01001 10 vn:5 vd:5', { ...full, ...arranged }, twoRegister(againstZero(lanes('equal')))),
  row('CMLT_zero_vec',    '0 q:1 0 01110 size:2 10000 01010 10 vn:5 vd:5', { ...full, ...arranged }, twoRegister(againstZero(lanes('greaterSigned'), true))),
  row('ABS_vec',          '0 q:1 0 01110 size:2 10000 01011 10 vn:5 vd:5', { ...full, ...arranged }, twoRegister(absolute)),
  row('XTN_vec',          '0 q:1 0 01110 size:2 10000 10010 10 vn:5 vd:5', { ...narrow, ...longForm }, narrowing((e, bits, a) => narrowed(e, (2 * bits) as LaneBits, a))),
  row('SQXTN_vec',        '0 q:1 0 01110 size:2 10000 10100 10 vn:5 vd:5', { ...narrow, ...longForm }, narrowing(saturatingNarrow(true, true))),
  row('REV32_vec',        '0 q:1 1 01110 size:2 10000 00000 10 vn:5 vd:5', { ...bytesOrHalfwords, ...arranged }, twoRegister(reversed(32))),
  row('UADDLP_vec',       '0 q:1 1 01110 size:2 10000 00010 10 vn:5 vd:5', { ...narrow, ...arranged }, twoRegister(pairwiseLong(false))),
  row('USQADD_vec',       '0 q:1 1 01110 size:2 10000 00011 10 vn:5 vd:5', { ...full, ...arranged }, twoRegister(saturatingMixed(false))),
  row('CLZ_vec',          '0 q:1 1 01110 size:2 10000 00100 10 vn:5 vd:5', { ...narrow, ...arranged }, twoRegister(countLeadingZeroBits)),
  row('UADALP_vec',       '0 q:1 1 01110 size:2 10000 00110 10 vn:5 vd:5', { ...narrow, ...arranged }, twoRegister(pairwiseLong(false, true))),
  row('SQNEG_vec',        '0 q:1 1 01110 size:2 10000 00111 10 vn:5 vd:5', { ...full, ...arranged }, twoRegister(saturatingNegate)),
  row('CMGE_zero_vec',    '0 q:1 1 01110 size:2 10000 01000 10 vn:5 vd:5', { ...full, ...arranged }, twoRegister(againstZero(atLeast('greaterSigned')))),
  row('CMLE_zero_vec',    '0 q:1 1 01110 size:2 10000 01001 10 vn:5 vd:5', { ...full, ...arranged }, twoRegister(againstZero(atLeast('greaterSigned'), true))),
  row('NEG_vec',          '0 q:1 1 01110 size:2 10000 01011 10 vn:5 vd:5', { ...full, ...arranged }, twoRegister(negate)),
  row('SQXTUN_vec',       '0 q:1 1 01110 size:2 10000 10010 10 vn:5 vd:5', { ...narrow, ...longForm }, narrowing(saturatingNarrow(true, false))),
  row('SHLL_vec',         '0 q:1 1 01110 size:2 10000 10011 10 vn:5 vd:5', { ...narrow, ...longForm, bytes: wholeLane }, shiftingLong(false)),
  row('UQXTN_vec',        '0 q:1 1 01110 size:2 10000 10100 10 vn:5 vd:5', { ...narrow, ...longForm }, narrowing(saturatingNarrow(false, false))),
  row('NOT',              '0 q:1 1 01110 00 10000 00101 10 vn:5 vd:5', bytesByQ, twoRegister(invert)),
  row('RBIT_vec',         '0 q:1 1 01110 01 10000 00101 10 vn:5 vd:5', bytesByQ, twoRegister(reverseBitsOfBytes)),

  // Two-register miscellaneous: floating point
  row('FCVTN',            '0 q:1 0 01110 0 sz:1 10000 10110 10 vn:5 vd:5', { ...ADVSIMD, ...halves }, convertNarrow('current')),
  row('FCVTL',            '0 q:1 0 01110 0 sz:1 10000 10111 10 vn:5 vd:5', { ...ADVSIMD, ...halves }, convertLong),
  row('FCVTXN_vec',       '0 q:1 1 01110 01 10000 10110 10 vn:5 vd:5', { ...ADVSIMD, ...halvesOfDoubles }, convertNarrow('odd')),
  row('BFCVTN',           '0 q:1 0 01110 10 10000 10110 10 vn:5 vd:5', { ...halvesOfSingles, feature: 'BF16' }, convertNarrowBF),
  row('URECPE',           '0 q:1 0 01110 10 10000 11100 10 vn:5 vd:5', { ...ADVSIMD, ...words }, twoRegister(floatUnary('unsignedRecipEstimate'))),
  row('URSQRTE',          '0 q:1 1 01110 10 10000 11100 10 vn:5 vd:5', { ...ADVSIMD, ...words }, twoRegister(floatUnary('unsignedRsqrtEstimate'))),
  row('FRINTN_vec',       '0 q:1 0 01110 0 sz:1 10000 11000 10 vn:5 vd:5', { ...floatSizes, ...floats }, twoRegister(eachLane(roundInt('tieEven')))),
  row('FRINTM_vec',       '0 q:1 0 01110 0 sz:1 10000 11001 10 vn:5 vd:5', { ...floatSizes, ...floats }, twoRegister(eachLane(roundInt('negativeInfinity')))),
  row('FCVTNS_vec',       '0 q:1 0 01110 0 sz:1 10000 11010 10 vn:5 vd:5', { ...floatSizes, ...floats }, twoRegister(eachLane(toInteger('tieEven', false)))),
  row('FCVTMS_vec',       '0 q:1 0 01110 0 sz:1 10000 11011 10 vn:5 vd:5', { ...floatSizes, ...floats }, twoRegister(eachLane(toInteger('negativeInfinity', false)))),
  row('FCVTAS_vec',       '0 q:1 0 01110 0 sz:1 10000 11100 10 vn:5 vd:5', { ...floatSizes, ...floats }, twoRegister(eachLane(toInteger('tieAway', false)))),
  row('SCVTF_vec',        '0 q:1 0 01110 0 sz:1 10000 11101 10 vn:5 vd:5', { ...floatSizes, ...floats }, twoRegister(eachLane(fromInteger(false)))),
  row('FCMGT_zero_vec',   '0 q:1 0 01110 1 sz:1 10000 01100 10 vn:5 vd:5', { ...floatSizes, ...floats }, twoRegister(eachLane(relationToZero('compareGreater')))),
  row('FCMEQ_zero_vec',   '0 q:1 0 01110 1 sz:1 10000 01101 10 vn:5 vd:5', { ...floatSizes, ...floats }, twoRegister(eachLane(relationToZero('compareEqual')))),
  row('FCMLT_zero_vec',   '0 q:1 0 01110 1 sz:1 10000 01110 10 vn:5 vd:5', { ...floatSizes, ...floats }, twoRegister(eachLane(relationToZero('compareGreater', true)))),
  row('FABS_vec',         '0 q:1 0 01110 1 sz:1 10000 01111 10 vn:5 vd:5', { ...floatSizes, ...floats }, twoRegister(eachLane(floatAbsolute))),
  row('FRINTP_vec',       '0 q:1 0 01110 1 sz:1 10000 11000 10 vn:5 vd:5', { ...floatSizes, ...floats }, twoRegister(eachLane(roundInt('positiveInfinity')))),
  row('FRINTZ_vec',       '0 q:1 0 01110 1 sz:1 10000 11001 10 vn:5 vd:5', { ...floatSizes, ...floats }, twoRegister(eachLane(roundInt('zero')))),
  row('FCVTPS_vec',       '0 q:1 0 01110 1 sz:1 10000 11010 10 vn:5 vd:5', { ...floatSizes, ...floats }, twoRegister(eachLane(toInteger('positiveInfinity', false)))),
  row('FCVTZS_vec',       '0 q:1 0 01110 1 sz:1 10000 11011 10 vn:5 vd:5', { ...floatSizes, ...floats }, twoRegister(eachLane(toInteger('zero', false)))),
  row('FRECPE_vec',       '0 q:1 0 01110 1 sz:1 10000 11101 10 vn:5 vd:5', { ...floatSizes, ...floats }, twoRegister(floatUnary('recipEstimate'))),
  row('FRINTA_vec',       '0 q:1 1 01110 0 sz:1 10000 11000 10 vn:5 vd:5', { ...floatSizes, ...floats }, twoRegister(eachLane(roundInt('tieAway')))),
  row('FRINTX_vec',       '0 q:1 1 01110 0 sz:1 10000 11001 10 vn:5 vd:5', { ...floatSizes, ...floats }, twoRegister(eachLane(roundInt('current', true)))),
  row('FCVTNU_vec',       '0 q:1 1 01110 0 sz:1 10000 11010 10 vn:5 vd:5', { ...floatSizes, ...floats }, twoRegister(eachLane(toInteger('tieEven', true)))),
  row('FCVTMU_vec',       '0 q:1 1 01110 0 sz:1 10000 11011 10 vn:5 vd:5', { ...floatSizes, ...floats }, twoRegister(eachLane(toInteger('negativeInfinity', true)))),
  row('FCVTAU_vec',       '0 q:1 1 01110 0 sz:1 10000 11100 10 vn:5 vd:5', { ...floatSizes, ...floats }, twoRegister(eachLane(toInteger('tieAway', true)))),
  row('UCVTF_vec',        '0 q:1 1 01110 0 sz:1 10000 11101 10 vn:5 vd:5', { ...floatSizes, ...floats }, twoRegister(eachLane(fromInteger(true)))),
  row('FCMGE_zero_vec',   '0 q:1 1 01110 1 sz:1 10000 01100 10 vn:5 vd:5', { ...floatSizes, ...floats }, twoRegister(eachLane(relationToZero('compareGreaterEqual')))),
  row('FCMLE_zero_vec',   '0 q:1 1 01110 1 sz:1 10000 01101 10 vn:5 vd:5', { ...floatSizes, ...floats }, twoRegister(eachLane(relationToZero('compareGreaterEqual', true)))),
  row('FNEG_vec',         '0 q:1 1 01110 1 sz:1 10000 01111 10 vn:5 vd:5', { ...floatSizes, ...floats }, twoRegister(eachLane(floatNegate))),
  row('FRINTI_vec',       '0 q:1 1 01110 1 sz:1 10000 11001 10 vn:5 vd:5', { ...floatSizes, ...floats }, twoRegister(eachLane(roundInt('current')))),
  row('FCVTPU_vec',       '0 q:1 1 01110 1 sz:1 10000 11010 10 vn:5 vd:5', { ...floatSizes, ...floats }, twoRegister(eachLane(toInteger('positiveInfinity', true)))),
  row('FCVTZU_vec',       '0 q:1 1 01110 1 sz:1 10000 11011 10 vn:5 vd:5', { ...floatSizes, ...floats }, twoRegister(eachLane(toInteger('zero', true)))),
  row('FRSQRTE_vec',      '0 q:1 1 01110 1 sz:1 10000 11101 10 vn:5 vd:5', { ...floatSizes, ...floats }, twoRegister(floatUnary('rsqrtEstimate'))),
  row('FSQRT_vec',        '0 q:1 1 01110 1 sz:1 10000 11111 10 vn:5 vd:5', { ...floatSizes, ...floats }, twoRegister(floatUnary('sqrt'))),
  row('FRINT32Z_vec',     '0 q:1 0 01110 0 sz:1 10000 11110 10 vn:5 vd:5', { ...floatSizes, ...floats, feature: 'FRINTTS' }, twoRegister(eachLane(roundIntN('zero', 32)))),
  row('FRINT64Z_vec',     '0 q:1 0 01110 0 sz:1 10000 11111 10 vn:5 vd:5', { ...floatSizes, ...floats, feature: 'FRINTTS' }, twoRegister(eachLane(roundIntN('zero', 64)))),
  row('FRINT32X_vec',     '0 q:1 1 01110 0 sz:1 10000 11110 10 vn:5 vd:5', { ...floatSizes, ...floats, feature: 'FRINTTS' }, twoRegister(eachLane(roundIntN('current', 32)))),
  row('FRINT64X_vec',     '0 q:1 1 01110 0 sz:1 10000 11111 10 vn:5 vd:5', { ...floatSizes, ...floats, feature: 'FRINTTS' }, twoRegister(eachLane(roundIntN('current', 64)))),

  // Two-register miscellaneous (FP16)
  row('FRINTN_vec_h',     '0 q:1 0 01110 0 111100 11000 10 vn:5 vd:5', halfFloats, twoRegister(eachLane(roundInt('tieEven')))),
  row('FRINTM_vec_h',     '0 q:1 0 01110 0 111100 11001 10 vn:5 vd:5', halfFloats, twoRegister(eachLane(roundInt('negativeInfinity')))),
  row('FCVTNS_vec_h',     '0 q:1 0 01110 0 111100 11010 10 vn:5 vd:5', halfFloats, twoRegister(eachLane(toInteger('tieEven', false)))),
  row('FCVTMS_vec_h',     '0 q:1 0 01110 0 111100 11011 10 vn:5 vd:5', halfFloats, twoRegister(eachLane(toInteger('negativeInfinity', false)))),
  row('FCVTAS_vec_h',     '0 q:1 0 01110 0 111100 11100 10 vn:5 vd:5', halfFloats, twoRegister(eachLane(toInteger('tieAway', false)))),
  row('SCVTF_vec_h',      '0 q:1 0 01110 0 111100 11101 10 vn:5 vd:5', halfFloats, twoRegister(eachLane(fromInteger(false)))),
  row('FCMGT_zero_vec_h', '0 q:1 0 01110 1 111100 01100 10 vn:5 vd:5', halfFloats, twoRegister(eachLane(relationToZero('compareGreater')))),
  row('FCMEQ_zero_vec_h', '0 q:1 0 01110 1 111100 01101 10 vn:5 vd:5', halfFloats, twoRegister(eachLane(relationToZero('compareEqual')))),
  row('FCMLT_zero_vec_h', '0 q:1 0 01110 1 111100 01110 10 vn:5 vd:5', halfFloats, twoRegister(eachLane(relationToZero('compareGreater', true)))),
  row('FABS_vec_h',       '0 q:1 0 01110 1 111100 01111 10 vn:5 vd:5', halfFloats, twoRegister(eachLane(floatAbsolute))),
  row('FRINTP_vec_h',     '0 q:1 0 01110 1 111100 11000 10 vn:5 vd:5', halfFloats, twoRegister(eachLane(roundInt('positiveInfinity')))),
  row('FRINTZ_vec_h',     '0 q:1 0 01110 1 111100 11001 10 vn:5 vd:5', halfFloats, twoRegister(eachLane(roundInt('zero')))),
  row('FCVTPS_vec_h',     '0 q:1 0 01110 1 111100 11010 10 vn:5 vd:5', halfFloats, twoRegister(eachLane(toInteger('positiveInfinity', false)))),
  row('FCVTZS_vec_h',     '0 q:1 0 01110 1 111100 11011 10 vn:5 vd:5', halfFloats, twoRegister(eachLane(toInteger('zero', false)))),
  row('FRECPE_vec_h',     '0 q:1 0 01110 1 111100 11101 10 vn:5 vd:5', halfFloats, twoRegister(floatUnary('recipEstimate'))),
  row('FRINTA_vec_h',     '0 q:1 1 01110 0 111100 11000 10 vn:5 vd:5', halfFloats, twoRegister(eachLane(roundInt('tieAway')))),
  row('FRINTX_vec_h',     '0 q:1 1 01110 0 111100 11001 10 vn:5 vd:5', halfFloats, twoRegister(eachLane(roundInt('current', true)))),
  row('FCVTNU_vec_h',     '0 q:1 1 01110 0 111100 11010 10 vn:5 vd:5', halfFloats, twoRegister(eachLane(toInteger('tieEven', true)))),
  row('FCVTMU_vec_h',     '0 q:1 1 01110 0 111100 11011 10 vn:5 vd:5', halfFloats, twoRegister(eachLane(toInteger('negativeInfinity', true)))),
  row('FCVTAU_vec_h',     '0 q:1 1 01110 0 111100 11100 10 vn:5 vd:5', halfFloats, twoRegister(eachLane(toInteger('tieAway', true)))),
  row('UCVTF_vec_h',      '0 q:1 1 01110 0 111100 11101 10 vn:5 vd:5', halfFloats, twoRegister(eachLane(fromInteger(true)))),
  row('FCMGE_zero_vec_h', '0 q:1 1 01110 1 111100 01100 10 vn:5 vd:5', halfFloats, twoRegister(eachLane(relationToZero('compareGreaterEqual')))),
  row('FCMLE_zero_vec_h', '0 q:1 1 01110 1 111100 01101 10 vn:5 vd:5', halfFloats, twoRegister(eachLane(relationToZero('compareGreaterEqual', true)))),
  row('FNEG_vec_h',       '0 q:1 1 01110 1 111100 01111 10 vn:5 vd:5', halfFloats, twoRegister(eachLane(floatNegate))),
  row('FRINTI_vec_h',     '0 q:1 1 01110 1 111100 11001 10 vn:5 vd:5', halfFloats, twoRegister(eachLane(roundInt('current')))),
  row('FCVTPU_vec_h',     '0 q:1 1 01110 1 111100 11010 10 vn:5 vd:5', halfFloats, twoRegister(eachLane(toInteger('positiveInfinity', true)))),
  row('FCVTZU_vec_h',     '0 q:1 1 01110 1 111100 11011 10 vn:5 vd:5', halfFloats, twoRegister(eachLane(toInteger('zero', true)))),
  row('FRSQRTE_vec_h',    '0 q:1 1 01110 1 111100 11101 10 vn:5 vd:5', halfFloats, twoRegister(floatUnary('rsqrtEstimate'))),
  row('FSQRT_vec_h',      '0 q:1 1 01110 1 111100 11111 10 vn:5 vd:5', halfFloats, twoRegister(floatUnary('sqrt'))),

  // Across lanes
  row('SADDLV',           '0 q:1 0 01110 size:2 11000 00011 10 vn:5 vd:5', { ...fourOrMore, ...arrangedByQ }, sumLong(true)),
  row('SMAXV',            '0 q:1 0 01110 size:2 11000 01010 10 vn:5 vd:5', { ...fourOrMore, ...arrangedByQ }, reduce('maxSigned')),
  row('SMINV',            '0 q:1 0 01110 size:2 11000 11010 10 vn:5 vd:5', { ...fourOrMore, ...arrangedByQ }, reduce('minSigned')),
  row('ADDV',             '0 q:1 0 01110 size:2 11000 11011 10 vn:5 vd:5', { ...fourOrMore, ...arrangedByQ }, reduce('add')),
  row('UADDLV',           '0 q:1 1 01110 size:2 11000 00011 10 vn:5 vd:5', { ...fourOrMore, ...arrangedByQ }, sumLong(false)),
  row('UMAXV',            '0 q:1 1 01110 size:2 11000 01010 10 vn:5 vd:5', { ...fourOrMore, ...arrangedByQ }, reduce('maxUnsigned')),
  row('UMINV',            '0 q:1 1 01110 size:2 11000 11010 10 vn:5 vd:5', { ...fourOrMore, ...arrangedByQ }, reduce('minUnsigned')),
  row('FMAXNMV',          '0 1   1 01110 0 0 11000 01100 10 vn:5 vd:5', fourWords, acrossLanes(binary('maxNumber'))),
  row('FMAXNMV_h',        '0 q:1 0 01110 0 0 11000 01100 10 vn:5 vd:5', halfFloatsByQ, acrossLanes(binary('maxNumber'))),
  row('FMAXV',            '0 1   1 01110 0 0 11000 01111 10 vn:5 vd:5', fourWords, acrossLanes(binary('max'))),
  row('FMAXV_h',          '0 q:1 0 01110 0 0 11000 01111 10 vn:5 vd:5', halfFloatsByQ, acrossLanes(binary('max'))),
  row('FMINNMV',          '0 1   1 01110 1 0 11000 01100 10 vn:5 vd:5', fourWords, acrossLanes(binary('minNumber'))),
  row('FMINNMV_h',        '0 q:1 0 01110 1 0 11000 01100 10 vn:5 vd:5', halfFloatsByQ, acrossLanes(binary('minNumber'))),
  row('FMINV',            '0 1   1 01110 1 0 11000 01111 10 vn:5 vd:5', fourWords, acrossLanes(binary('min'))),
  row('FMINV_h',          '0 q:1 0 01110 1 0 11000 01111 10 vn:5 vd:5', halfFloatsByQ, acrossLanes(binary('min'))),
];
