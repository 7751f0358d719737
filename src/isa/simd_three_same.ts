/** Advanced SIMD: three vectors of the same shape. Arm ARM C4.1.90. */

import { floatAbsolute, floatDifference, relation } from './float_forms.ts';
import {
  eachLane2,
  floatBinary,
  floatMulAdd,
  floats,
  floatsByQ,
  halfFloats,
  halfFloatsByQ,
} from './float_vectors.ts';
import type { Fields } from './pattern.ts';
import { row } from './row.ts';
import { arrangedByQ, pairwise, threeSame } from './simd_forms.ts';
import {
  absoluteDifference,
  accumulated,
  atLeast,
  bitInsert,
  bitSelect,
  bitwise,
  doublingMultiplyHigh,
  halving,
  lanes,
  orNot,
  polynomialMultiply,
  saturatingArithmetic,
  shiftByRegister,
  testBits,
} from './simd_lanes.ts';
import { bytesByQ } from './simd_moves.ts';
import {
  bfDotProduct,
  bfMatrixProduct,
  bfMultiplyAddLong,
  complexAdd,
  complexMultiplyAdd,
  dotProduct,
  extentByQ,
  halfMultiplyAddLong,
  matrixProduct,
  roundingMultiplyAccumulate,
  shapeByQ,
} from './simd_products.ts';
import { arranged, byQ, laneBits } from './vectors.ts';

const ADVSIMD = { feature: 'AdvSIMD' };
/** A doubleword element needs a 128-bit vector. */
const full = { ...ADVSIMD, unallocated: ({ q, size }: Fields<'q' | 'size'>) => !q && size === 3 };
const floatSizes = { ...ADVSIMD, unallocated: ({ q, sz }: Fields<'q' | 'sz'>) => !q && sz === 1 };
const narrow = { ...ADVSIMD, unallocated: ({ size }: Fields<'size'>) => size === 3 };
const halfwordOrWord = { ...ADVSIMD, unallocated: ({ size }: Fields<'size'>) => size === 0 || size === 3 };
const rounding = { ...halfwordOrWord, feature: 'RDM' };
const complex = {
  feature: 'FCMA',
  unallocated: ({ q, size }: Fields<'q' | 'size'>) => size === 0 || (!q && size === 3),
};
const turned = (rotation: (fields: Fields<'rot'>) => number) => ({
  shape: ({ size, rot }: Fields<'size' | 'rot'>) => ({ bits: laneBits(size), rotation: rotation({ rot }) }),
  bytes: { extent: byQ },
});
const widening = { ...shapeByQ, feature: 'FHM' };
const bytes8 = { ...ADVSIMD, unallocated: ({ size }: Fields<'size'>) => size !== 0 };

// biome-ignore format: a table
export const simdThreeSame = [
  // Three same
  row('SHADD_vec',     '0 q:1 0 01110 size:2 1 vm:5 00000 1 vn:5 vd:5', { ...narrow, ...arranged }, threeSame(halving(true, 'add'))),
  row('SQADD_vec',     '0 q:1 0 01110 size:2 1 vm:5 00001 1 vn:5 vd:5', { ...full, ...arranged }, threeSame(saturatingArithmetic(true, 'add'))),
  row('SRHADD_vec',    '0 q:1 0 01110 size:2 1 vm:5 00010 1 vn:5 vd:5', { ...narrow, ...arranged }, threeSame(halving(true, 'add', true))),
  row('SHSUB_vec',     '0 q:1 0 01110 size:2 1 vm:5 00100 1 vn:5 vd:5', { ...narrow, ...arranged }, threeSame(halving(true, 'sub'))),
  row('SQSUB_vec',     '0 q:1 0 01110 size:2 1 vm:5 00101 1 vn:5 vd:5', { ...full, ...arranged }, threeSame(saturatingArithmetic(true, 'sub'))),
  row('CMGT_vec',      '0 q:1 0 01110 size:2 1 vm:5 00110 1 vn:5 vd:5', { ...full, ...arranged }, threeSame(lanes('greaterSigned'))),
  row('CMGE_vec',      '0 q:1 0 01110 size:2 1 vm:5 00111 1 vn:5 vd:5', { ...full, ...arranged }, threeSame(atLeast('greaterSigned'))),
  row('SSHL_vec',      '0 q:1 0 01110 size:2 1 vm:5 01000 1 vn:5 vd:5', { ...full, ...arranged }, threeSame(shiftByRegister(true))),
  row('SQSHL_vec',     '0 q:1 0 01110 size:2 1 vm:5 01001 1 vn:5 vd:5', { ...full, ...arranged }, threeSame(shiftByRegister(true, { saturates: true }))),
  row('SRSHL_vec',     '0 q:1 0 01110 size:2 1 vm:5 01010 1 vn:5 vd:5', { ...full, ...arranged }, threeSame(shiftByRegister(true, { rounding: true }))),
  row('SQRSHL_vec',    '0 q:1 0 01110 size:2 1 vm:5 01011 1 vn:5 vd:5', { ...full, ...arranged }, threeSame(shiftByRegister(true, { rounding: true, saturates: true }))),
  row('SMAX_vec',      '0 q:1 0 01110 size:2 1 vm:5 01100 1 vn:5 vd:5', { ...narrow, ...arranged }, threeSame(lanes('maxSigned'))),
  row('SMIN_vec',      '0 q:1 0 01110 size:2 1 vm:5 01101 1 vn:5 vd:5', { ...narrow, ...arranged }, threeSame(lanes('minSigned'))),
  row('SABD_vec',      '0 q:1 0 01110 size:2 1 vm:5 01110 1 vn:5 vd:5', { ...narrow, ...arranged }, threeSame(absoluteDifference(true))),
  row('SABA_vec',      '0 q:1 0 01110 size:2 1 vm:5 01111 1 vn:5 vd:5', { ...narrow, ...arranged }, threeSame(accumulated(absoluteDifference(true)))),
  row('ADD_vec',       '0 q:1 0 01110 size:2 1 vm:5 10000 1 vn:5 vd:5', { ...full, ...arranged }, threeSame(lanes('add'))),
  row('CMTST_vec',     '0 q:1 0 01110 size:2 1 vm:5 10001 1 vn:5 vd:5', { ...full, ...arranged }, threeSame(testBits)),
  row('MLA_vec',       '0 q:1 0 01110 size:2 1 vm:5 10010 1 vn:5 vd:5', { ...narrow, ...arranged }, threeSame(accumulated(lanes('mul')))),
  row('MUL_vec',       '0 q:1 0 01110 size:2 1 vm:5 10011 1 vn:5 vd:5', { ...narrow, ...arranged }, threeSame(lanes('mul'))),
  row('SMAXP_vec',     '0 q:1 0 01110 size:2 1 vm:5 10100 1 vn:5 vd:5', { ...narrow, ...arrangedByQ }, pairwise(lanes('maxSigned'))),
  row('SMINP_vec',     '0 q:1 0 01110 size:2 1 vm:5 10101 1 vn:5 vd:5', { ...narrow, ...arrangedByQ }, pairwise(lanes('minSigned'))),
  row('SQDMULH_vec',   '0 q:1 0 01110 size:2 1 vm:5 10110 1 vn:5 vd:5', { ...halfwordOrWord, ...arranged }, threeSame(doublingMultiplyHigh(false))),
  row('ADDP_vec',      '0 q:1 0 01110 size:2 1 vm:5 10111 1 vn:5 vd:5', { ...full, ...arrangedByQ }, pairwise(lanes('add'))),
  row('UHADD_vec',     '0 q:1 1 01110 size:2 1 vm:5 00000 1 vn:5 vd:5', { ...narrow, ...arranged }, threeSame(halving(false, 'add'))),
  row('UQADD_vec',     '0 q:1 1 01110 size:2 1 vm:5 00001 1 vn:5 vd:5', { ...full, ...arranged }, threeSame(saturatingArithmetic(false, 'add'))),
  row('URHADD_vec',    '0 q:1 1 01110 size:2 1 vm:5 00010 1 vn:5 vd:5', { ...narrow, ...arranged }, threeSame(halving(false, 'add', true))),
  row('UHSUB_vec',     '0 q:1 1 01110 size:2 1 vm:5 00100 1 vn:5 vd:5', { ...narrow, ...arranged }, threeSame(halving(false, 'sub'))),
  row('UQSUB_vec',     '0 q:1 1 01110 size:2 1 vm:5 00101 1 vn:5 vd:5', { ...full, ...arranged }, threeSame(saturatingArithmetic(false, 'sub'))),
  row('CMHI_vec',      '0 q:1 1 01110 size:2 1 vm:5 00110 1 vn:5 vd:5', { ...full, ...arranged }, threeSame(lanes('greaterUnsigned'))),
  row('CMHS_vec',      '0 q:1 1 01110 size:2 1 vm:5 00111 1 vn:5 vd:5', { ...full, ...arranged }, threeSame(atLeast('greaterUnsigned'))),
  row('USHL_vec',      '0 q:1 1 01110 size:2 1 vm:5 01000 1 vn:5 vd:5', { ...full, ...arranged }, threeSame(shiftByRegister(false))),
  row('UQSHL_vec',     '0 q:1 1 01110 size:2 1 vm:5 01001 1 vn:5 vd:5', { ...full, ...arranged }, threeSame(shiftByRegister(false, { saturates: true }))),
  row('URSHL_vec',     '0 q:1 1 01110 size:2 1 vm:5 01010 1 vn:5 vd:5', { ...full, ...arranged }, threeSame(shiftByRegister(false, { rounding: true }))),
  row('UQRSHL_vec',    '0 q:1 1 01110 size:2 1 vm:5 01011 1 vn:5 vd:5', { ...full, ...arranged }, threeSame(shiftByRegister(false, { rounding: true, saturates: true }))),
  row('UMAX_vec',      '0 q:1 1 01110 size:2 1 vm:5 01100 1 vn:5 vd:5', { ...narrow, ...arranged }, threeSame(lanes('maxUnsigned'))),
  row('UMIN_vec',      '0 q:1 1 01110 size:2 1 vm:5 01101 1 vn:5 vd:5', { ...narrow, ...arranged }, threeSame(lanes('minUnsigned'))),
  row('UABD_vec',      '0 q:1 1 01110 size:2 1 vm:5 01110 1 vn:5 vd:5', { ...narrow, ...arranged }, threeSame(absoluteDifference(false))),
  row('UABA_vec',      '0 q:1 1 01110 size:2 1 vm:5 01111 1 vn:5 vd:5', { ...narrow, ...arranged }, threeSame(accumulated(absoluteDifference(false)))),
  row('SUB_vec',       '0 q:1 1 01110 size:2 1 vm:5 10000 1 vn:5 vd:5', { ...full, ...arranged }, threeSame(lanes('sub'))),
  row('CMEQ_vec',      '0 q:1 1 01110 size:2 1 vm:5 10001 1 vn:5 vd:5', { ...full, ...arranged }, threeSame(lanes('equal'))),
  row('MLS_vec',       '0 q:1 1 01110 size:2 1 vm:5 10010 1 vn:5 vd:5', { ...narrow, ...arranged }, threeSame(accumulated(lanes('mul'), 'sub'))),
  row('PMUL_vec',      '0 q:1 1 01110 size:2 1 vm:5 10011 1 vn:5 vd:5', { ...bytes8, ...arranged }, threeSame(polynomialMultiply)),
  row('UMAXP_vec',     '0 q:1 1 01110 size:2 1 vm:5 10100 1 vn:5 vd:5', { ...narrow, ...arrangedByQ }, pairwise(lanes('maxUnsigned'))),
  row('UMINP_vec',     '0 q:1 1 01110 size:2 1 vm:5 10101 1 vn:5 vd:5', { ...narrow, ...arrangedByQ }, pairwise(lanes('minUnsigned'))),
  row('SQRDMULH_vec',  '0 q:1 1 01110 size:2 1 vm:5 10110 1 vn:5 vd:5', { ...halfwordOrWord, ...arranged }, threeSame(doublingMultiplyHigh(true))),
  row('AND_vec',       '0 q:1 0 01110 00 1 vm:5 00011 1 vn:5 vd:5', bytesByQ, threeSame(bitwise('and'))),
  row('BIC_vec',       '0 q:1 0 01110 01 1 vm:5 00011 1 vn:5 vd:5', bytesByQ, threeSame(bitwise('andNot'))),
  row('ORR_vec',       '0 q:1 0 01110 10 1 vm:5 00011 1 vn:5 vd:5', bytesByQ, threeSame(bitwise('or'))),
  row('ORN_vec',       '0 q:1 0 01110 11 1 vm:5 00011 1 vn:5 vd:5', bytesByQ, threeSame(orNot)),
  row('EOR_vec',       '0 q:1 1 01110 00 1 vm:5 00011 1 vn:5 vd:5', bytesByQ, threeSame(bitwise('xor'))),
  row('BSL',           '0 q:1 1 01110 01 1 vm:5 00011 1 vn:5 vd:5', bytesByQ, threeSame(bitSelect)),
  row('BIT',           '0 q:1 1 01110 10 1 vm:5 00011 1 vn:5 vd:5', bytesByQ, threeSame(bitInsert(true))),
  row('BIF',           '0 q:1 1 01110 11 1 vm:5 00011 1 vn:5 vd:5', bytesByQ, threeSame(bitInsert(false))),

  // Three same: floating point
  row('FMAXNM_vec',    '0 q:1 0 01110 0 sz:1 1 vm:5 11000 1 vn:5 vd:5', { ...floatSizes, ...floats }, threeSame(floatBinary('maxNumber'))),
  row('FMLA_vec',      '0 q:1 0 01110 0 sz:1 1 vm:5 11001 1 vn:5 vd:5', { ...floatSizes, ...floats }, threeSame(floatMulAdd('add'))),
  row('FADD_vec',      '0 q:1 0 01110 0 sz:1 1 vm:5 11010 1 vn:5 vd:5', { ...floatSizes, ...floats }, threeSame(floatBinary('add'))),
  row('FMULX_vec',     '0 q:1 0 01110 0 sz:1 1 vm:5 11011 1 vn:5 vd:5', { ...floatSizes, ...floats }, threeSame(floatBinary('mulExtended'))),
  row('FCMEQ_vec',     '0 q:1 0 01110 0 sz:1 1 vm:5 11100 1 vn:5 vd:5', { ...floatSizes, ...floats }, threeSame(eachLane2(relation('compareEqual')))),
  row('FMAX_vec',      '0 q:1 0 01110 0 sz:1 1 vm:5 11110 1 vn:5 vd:5', { ...floatSizes, ...floats }, threeSame(floatBinary('max'))),
  row('FRECPS_vec',    '0 q:1 0 01110 0 sz:1 1 vm:5 11111 1 vn:5 vd:5', { ...floatSizes, ...floats }, threeSame(floatBinary('recipStepFused'))),
  row('FMINNM_vec',    '0 q:1 0 01110 1 sz:1 1 vm:5 11000 1 vn:5 vd:5', { ...floatSizes, ...floats }, threeSame(floatBinary('minNumber'))),
  row('FMLS_vec',      '0 q:1 0 01110 1 sz:1 1 vm:5 11001 1 vn:5 vd:5', { ...floatSizes, ...floats }, threeSame(floatMulAdd('sub'))),
  row('FSUB_vec',      '0 q:1 0 01110 1 sz:1 1 vm:5 11010 1 vn:5 vd:5', { ...floatSizes, ...floats }, threeSame(floatBinary('sub'))),
  row('FMIN_vec',      '0 q:1 0 01110 1 sz:1 1 vm:5 11110 1 vn:5 vd:5', { ...floatSizes, ...floats }, threeSame(floatBinary('min'))),
  row('FRSQRTS_vec',   '0 q:1 0 01110 1 sz:1 1 vm:5 11111 1 vn:5 vd:5', { ...floatSizes, ...floats }, threeSame(floatBinary('rsqrtStepFused'))),
  row('FMAXNMP_vec',   '0 q:1 1 01110 0 sz:1 1 vm:5 11000 1 vn:5 vd:5', { ...floatSizes, ...floatsByQ }, pairwise(floatBinary('maxNumber'))),
  row('FADDP_vec',     '0 q:1 1 01110 0 sz:1 1 vm:5 11010 1 vn:5 vd:5', { ...floatSizes, ...floatsByQ }, pairwise(floatBinary('add'))),
  row('FMUL_vec',      '0 q:1 1 01110 0 sz:1 1 vm:5 11011 1 vn:5 vd:5', { ...floatSizes, ...floats }, threeSame(floatBinary('mul'))),
  row('FCMGE_vec',     '0 q:1 1 01110 0 sz:1 1 vm:5 11100 1 vn:5 vd:5', { ...floatSizes, ...floats }, threeSame(eachLane2(relation('compareGreaterEqual')))),
  row('FACGE_vec',     '0 q:1 1 01110 0 sz:1 1 vm:5 11101 1 vn:5 vd:5', { ...floatSizes, ...floats }, threeSame(eachLane2(relation('compareGreaterEqual', floatAbsolute)))),
  row('FMAXP_vec',     '0 q:1 1 01110 0 sz:1 1 vm:5 11110 1 vn:5 vd:5', { ...floatSizes, ...floatsByQ }, pairwise(floatBinary('max'))),
  row('FDIV_vec',      '0 q:1 1 01110 0 sz:1 1 vm:5 11111 1 vn:5 vd:5', { ...floatSizes, ...floats }, threeSame(floatBinary('div'))),
  row('FMINNMP_vec',   '0 q:1 1 01110 1 sz:1 1 vm:5 11000 1 vn:5 vd:5', { ...floatSizes, ...floatsByQ }, pairwise(floatBinary('minNumber'))),
  row('FABD_vec',      '0 q:1 1 01110 1 sz:1 1 vm:5 11010 1 vn:5 vd:5', { ...floatSizes, ...floats }, threeSame(eachLane2(floatDifference))),
  row('FCMGT_vec',     '0 q:1 1 01110 1 sz:1 1 vm:5 11100 1 vn:5 vd:5', { ...floatSizes, ...floats }, threeSame(eachLane2(relation('compareGreater')))),
  row('FACGT_vec',     '0 q:1 1 01110 1 sz:1 1 vm:5 11101 1 vn:5 vd:5', { ...floatSizes, ...floats }, threeSame(eachLane2(relation('compareGreater', floatAbsolute)))),
  row('FMINP_vec',     '0 q:1 1 01110 1 sz:1 1 vm:5 11110 1 vn:5 vd:5', { ...floatSizes, ...floatsByQ }, pairwise(floatBinary('min'))),

  // Three same (FP16)
  row('FMAXNM_vec_h',  '0 q:1 0 01110 0 10 vm:5 00 000 1 vn:5 vd:5', halfFloats, threeSame(floatBinary('maxNumber'))),
  row('FMLA_vec_h',    '0 q:1 0 01110 0 10 vm:5 00 001 1 vn:5 vd:5', halfFloats, threeSame(floatMulAdd('add'))),
  row('FADD_vec_h',    '0 q:1 0 01110 0 10 vm:5 00 010 1 vn:5 vd:5', halfFloats, threeSame(floatBinary('add'))),
  row('FMULX_vec_h',   '0 q:1 0 01110 0 10 vm:5 00 011 1 vn:5 vd:5', halfFloats, threeSame(floatBinary('mulExtended'))),
  row('FCMEQ_vec_h',   '0 q:1 0 01110 0 10 vm:5 00 100 1 vn:5 vd:5', halfFloats, threeSame(eachLane2(relation('compareEqual')))),
  row('FMAX_vec_h',    '0 q:1 0 01110 0 10 vm:5 00 110 1 vn:5 vd:5', halfFloats, threeSame(floatBinary('max'))),
  row('FRECPS_vec_h',  '0 q:1 0 01110 0 10 vm:5 00 111 1 vn:5 vd:5', halfFloats, threeSame(floatBinary('recipStepFused'))),
  row('FMINNM_vec_h',  '0 q:1 0 01110 1 10 vm:5 00 000 1 vn:5 vd:5', halfFloats, threeSame(floatBinary('minNumber'))),
  row('FMLS_vec_h',    '0 q:1 0 01110 1 10 vm:5 00 001 1 vn:5 vd:5', halfFloats, threeSame(floatMulAdd('sub'))),
  row('FSUB_vec_h',    '0 q:1 0 01110 1 10 vm:5 00 010 1 vn:5 vd:5', halfFloats, threeSame(floatBinary('sub'))),
  row('FMIN_vec_h',    '0 q:1 0 01110 1 10 vm:5 00 110 1 vn:5 vd:5', halfFloats, threeSame(floatBinary('min'))),
  row('FRSQRTS_vec_h', '0 q:1 0 01110 1 10 vm:5 00 111 1 vn:5 vd:5', halfFloats, threeSame(floatBinary('rsqrtStepFused'))),
  row('FMAXNMP_vec_h', '0 q:1 1 01110 0 10 vm:5 00 000 1 vn:5 vd:5', halfFloatsByQ, pairwise(floatBinary('maxNumber'))),
  row('FADDP_vec_h',   '0 q:1 1 01110 0 10 vm:5 00 010 1 vn:5 vd:5', halfFloatsByQ, pairwise(floatBinary('add'))),
  row('FMUL_vec_h',    '0 q:1 1 01110 0 10 vm:5 00 011 1 vn:5 vd:5', halfFloats, threeSame(floatBinary('mul'))),
  row('FCMGE_vec_h',   '0 q:1 1 01110 0 10 vm:5 00 100 1 vn:5 vd:5', halfFloats, threeSame(eachLane2(relation('compareGreaterEqual')))),
  row('FACGE_vec_h',   '0 q:1 1 01110 0 10 vm:5 00 101 1 vn:5 vd:5', halfFloats, threeSame(eachLane2(relation('compareGreaterEqual', floatAbsolute)))),
  row('FMAXP_vec_h',   '0 q:1 1 01110 0 10 vm:5 00 110 1 vn:5 vd:5', halfFloatsByQ, pairwise(floatBinary('max'))),
  row('FDIV_vec_h',    '0 q:1 1 01110 0 10 vm:5 00 111 1 vn:5 vd:5', halfFloats, threeSame(floatBinary('div'))),
  row('FMINNMP_vec_h', '0 q:1 1 01110 1 10 vm:5 00 000 1 vn:5 vd:5', halfFloatsByQ, pairwise(floatBinary('minNumber'))),
  row('FABD_vec_h',    '0 q:1 1 01110 1 10 vm:5 00 010 1 vn:5 vd:5', halfFloats, threeSame(eachLane2(floatDifference))),
  row('FCMGT_vec_h',   '0 q:1 1 01110 1 10 vm:5 00 100 1 vn:5 vd:5', halfFloats, threeSame(eachLane2(relation('compareGreater')))),
  row('FACGT_vec_h',   '0 q:1 1 01110 1 10 vm:5 00 101 1 vn:5 vd:5', halfFloats, threeSame(eachLane2(relation('compareGreater', floatAbsolute)))),
  row('FMINP_vec_h',   '0 q:1 1 01110 1 10 vm:5 00 110 1 vn:5 vd:5', halfFloatsByQ, pairwise(floatBinary('min'))),

  // Three same extra, and widening of half precision
  row('FMLAL_vec',     '0 q:1 0 01110 00 1 vm:5 11101 1 vn:5 vd:5', widening, halfMultiplyAddLong(0, false)),
  row('FMLSL_vec',     '0 q:1 0 01110 10 1 vm:5 11101 1 vn:5 vd:5', widening, halfMultiplyAddLong(0, true)),
  row('FMLAL2_vec',    '0 q:1 1 01110 00 1 vm:5 11001 1 vn:5 vd:5', widening, halfMultiplyAddLong(1, false)),
  row('FMLSL2_vec',    '0 q:1 1 01110 10 1 vm:5 11001 1 vn:5 vd:5', widening, halfMultiplyAddLong(1, true)),
  row('SQRDMLAH_vec',  '0 q:1 1 01110 size:2 0 vm:5 1 0000 1 vn:5 vd:5', { ...rounding, ...arranged }, threeSame(roundingMultiplyAccumulate('add'))),
  row('SQRDMLSH_vec',  '0 q:1 1 01110 size:2 0 vm:5 1 0001 1 vn:5 vd:5', { ...rounding, ...arranged }, threeSame(roundingMultiplyAccumulate('sub'))),
  row('SDOT_vec',      '0 q:1 0 01110 10 0 vm:5 1 0010 1 vn:5 vd:5', { ...extentByQ, feature: 'DotProd' }, dotProduct(true, true)),
  row('UDOT_vec',      '0 q:1 1 01110 10 0 vm:5 1 0010 1 vn:5 vd:5', { ...extentByQ, feature: 'DotProd' }, dotProduct(false, false)),
  row('USDOT_vec',     '0 q:1 0 01110 10 0 vm:5 1 0011 1 vn:5 vd:5', { ...extentByQ, feature: 'I8MM' }, dotProduct(false, true)),
  row('SMMLA_vec',     '0 1   0 01110 10 0 vm:5 1 0100 1 vn:5 vd:5', { feature: 'I8MM' }, matrixProduct(true, true)),
  row('UMMLA_vec',     '0 1   1 01110 10 0 vm:5 1 0100 1 vn:5 vd:5', { feature: 'I8MM' }, matrixProduct(false, false)),
  row('USMMLA_vec',    '0 1   0 01110 10 0 vm:5 1 0101 1 vn:5 vd:5', { feature: 'I8MM' }, matrixProduct(false, true)),
  row('FCMLA_vec',     '0 q:1 1 01110 size:2 0 vm:5 1 10 rot:2 1 vn:5 vd:5', { ...complex, ...turned(({ rot }) => rot) }, complexMultiplyAdd),
  row('FCADD_vec',     '0 q:1 1 01110 size:2 0 vm:5 1 11 rot:1 0 1 vn:5 vd:5', { ...complex, ...turned(({ rot }) => (rot ? 3 : 1)) }, complexAdd),
  row('BFDOT_vec',     '0 q:1 1 01110 01 0 vm:5 1 1111 1 vn:5 vd:5', { ...extentByQ, feature: 'BF16' }, bfDotProduct),
  row('BFMLALB_vec',   '0 0   1 01110 11 0 vm:5 1 1111 1 vn:5 vd:5', { feature: 'BF16' }, bfMultiplyAddLong(0)),
  row('BFMLALT_vec',   '0 1   1 01110 11 0 vm:5 1 1111 1 vn:5 vd:5', { feature: 'BF16' }, bfMultiplyAddLong(1)),
  row('BFMMLA_vec',    '0 1   1 01110 01 0 vm:5 1 1101 1 vn:5 vd:5', { feature: 'BF16' }, bfMatrixProduct),
];
