/** Advanced SIMD: vectors of different shapes, elements, immediates. Arm ARM C4.1.90. */

import {
  fixedLanes,
  floatBinary,
  floatElement,
  floatMulAdd,
  halfElement,
  halfFixedLanes,
  lanesFromFixed,
  lanesToFixed,
} from './float_vectors.ts';
import type { Fields } from './pattern.ts';
import { row } from './row.ts';
import {
  arrangedByQ,
  byElement,
  byElementLong,
  longForm,
  plainNarrow,
  shiftImmediate,
  shiftImmediateHalf,
  shifting,
  shiftingLong,
  shiftingNarrow,
  threeLong,
  threeLongLanes,
  threeNarrow,
  threeWide,
  withElement,
  withElementLong,
  withElementLongLanes,
} from './simd_forms.ts';
import {
  accumulated,
  distance,
  doublingMultiplyHigh,
  doublingMultiplyLong,
  lanes,
  saturatingNarrow,
  saturatingShiftLeft,
  shiftInsert,
  shiftLeft,
  shiftRight,
} from './simd_lanes.ts';
import {
  bytesOfBits,
  duplicate,
  duplicateGeneral,
  elementByQ,
  elementOf,
  elementToElement,
  extract,
  floatImmediate16,
  floatImmediate32,
  floatImmediate64,
  insertElement,
  insertGeneral,
  moveImmediate,
  moveSigned,
  moveUnsigned,
  polynomialDoubleword,
  polynomialHalf,
  polynomialLong,
  replicatedByte,
  shiftedHalfword,
  shiftedOnes,
  shiftedWord,
  tableLookup,
  transpose,
  unzip,
  withImmediate,
  zip,
} from './simd_moves.ts';
import {
  bfDotProductElement,
  bfMultiplyAddLongElement,
  complexElementHalf,
  complexElementSingle,
  complexMultiplyAddElement,
  dotProductElement,
  halfMultiplyAddLongElement,
  halfwordElement,
  roundingMultiplyAccumulate,
  shapeByQ,
  wordElement,
} from './simd_products.ts';
import { byQ, laneBits } from './vectors.ts';

const ADVSIMD = { feature: 'AdvSIMD' };
type Sized = Fields<'q' | 'size'>;
const full = { ...ADVSIMD, unallocated: ({ q, size }: Sized) => !q && size === 3 };
const narrow = { ...ADVSIMD, unallocated: ({ size }: Sized) => size === 3 };
const saturating = { ...ADVSIMD, unallocated: ({ size }: Sized) => size === 0 || size === 3 };

/**
 * The lowest bit set of imm5 gives the element's size. What is unallocated by that alone is said before Q is looked at: the
 * shape depends on no more (translate/interpreter/shapes.ts).
 */
type Element = Fields<'imm5'>;
const sizeOf = (imm5: number) => (imm5 === 0 ? 5 : 31 - Math.clz32(imm5 & -imm5));
const inserted = { ...ADVSIMD, unallocated: ({ imm5 }: Element) => sizeOf(imm5) > 3 };
const element = {
  ...ADVSIMD,
  unallocated: (f: Element & Fields<'q'>) => sizeOf(f.imm5) > 3 || sizeOf(f.imm5) > (f.q ? 3 : 2),
};
const signedMove = {
  ...ADVSIMD,
  unallocated: (f: Element & Fields<'q'>) => sizeOf(f.imm5) > 2 || sizeOf(f.imm5) > (f.q ? 2 : 1),
};
const unsignedMove = {
  ...ADVSIMD,
  unallocated: (f: Element & Fields<'q'>) =>
    sizeOf(f.imm5) > 3 || (f.q ? sizeOf(f.imm5) !== 3 : sizeOf(f.imm5) > 2),
};
const extracted = { ...ADVSIMD, unallocated: ({ q, imm4 }: Fields<'q' | 'imm4'>) => !q && imm4 > 7 };

/** immh of 0 is the modified immediates'. */
type Shifted = Fields<'q' | 'immh'>;
const shifted = { ...ADVSIMD, unallocated: (f: Shifted) => f.immh === 0 || (!f.q && f.immh > 7) };
const longShift = { ...ADVSIMD, unallocated: ({ immh }: Shifted) => immh === 0 || immh > 7 };
const fixedPointSizes = { ...ADVSIMD, unallocated: (f: Shifted) => f.immh < 4 || (!f.q && f.immh > 7) };

const widening = { ...shapeByQ, ...halfwordElement, feature: 'FHM' };
const multiplied = { ...ADVSIMD, unallocated: ({ size }: Sized) => size === 0 || size === 3 };
const elementSizes = {
  ...ADVSIMD,
  unallocated: ({ q, sz, l }: Fields<'q' | 'sz' | 'l'>) => sz === 1 && (l === 1 || !q),
};

// biome-ignore format: a table
export const simdVector = [
  // Three different
  row('SADDL_vec',          '0 q:1 0 01110 size:2 1 vm:5 0000 00 vn:5 vd:5', { ...narrow, ...longForm }, threeLong(true, lanes('add'))),
  row('SADDW_vec',          '0 q:1 0 01110 size:2 1 vm:5 0001 00 vn:5 vd:5', { ...narrow, ...longForm }, threeWide(true, lanes('add'))),
  row('SSUBL_vec',          '0 q:1 0 01110 size:2 1 vm:5 0010 00 vn:5 vd:5', { ...narrow, ...longForm }, threeLong(true, lanes('sub'))),
  row('SSUBW_vec',          '0 q:1 0 01110 size:2 1 vm:5 0011 00 vn:5 vd:5', { ...narrow, ...longForm }, threeWide(true, lanes('sub'))),
  row('ADDHN_vec',          '0 q:1 0 01110 size:2 1 vm:5 0100 00 vn:5 vd:5', { ...narrow, ...longForm }, threeNarrow('add', false)),
  row('SABAL_vec',          '0 q:1 0 01110 size:2 1 vm:5 0101 00 vn:5 vd:5', { ...narrow, ...longForm }, threeLong(true, accumulated(distance))),
  row('SUBHN_vec',          '0 q:1 0 01110 size:2 1 vm:5 0110 00 vn:5 vd:5', { ...narrow, ...longForm }, threeNarrow('sub', false)),
  row('SABDL_vec',          '0 q:1 0 01110 size:2 1 vm:5 0111 00 vn:5 vd:5', { ...narrow, ...longForm }, threeLong(true, distance)),
  row('SMLAL_vec',          '0 q:1 0 01110 size:2 1 vm:5 1000 00 vn:5 vd:5', { ...narrow, ...longForm }, threeLong(true, accumulated(lanes('mul')))),
  row('SQDMLAL_vec',        '0 q:1 0 01110 size:2 1 vm:5 1001 00 vn:5 vd:5', { ...saturating, ...longForm }, threeLongLanes(doublingMultiplyLong('add'))),
  row('SMLSL_vec',          '0 q:1 0 01110 size:2 1 vm:5 1010 00 vn:5 vd:5', { ...narrow, ...longForm }, threeLong(true, accumulated(lanes('mul'), 'sub'))),
  row('SQDMLSL_vec',        '0 q:1 0 01110 size:2 1 vm:5 1011 00 vn:5 vd:5', { ...saturating, ...longForm }, threeLongLanes(doublingMultiplyLong('sub'))),
  row('SMULL_vec',          '0 q:1 0 01110 size:2 1 vm:5 1100 00 vn:5 vd:5', { ...narrow, ...longForm }, threeLong(true, lanes('mul'))),
  row('SQDMULL_vec',        '0 q:1 0 01110 size:2 1 vm:5 1101 00 vn:5 vd:5', { ...saturating, ...longForm }, threeLongLanes(doublingMultiplyLong())),
  row('PMULL_vec',          '0 q:1 0 01110 00 1 vm:5 1110 00 vn:5 vd:5', { ...ADVSIMD, ...polynomialHalf }, polynomialLong),
  row('PMULL_vec_d',        '0 q:1 0 01110 11 1 vm:5 1110 00 vn:5 vd:5', { ...polynomialHalf, feature: 'PMULL' }, polynomialDoubleword),
  row('UADDL_vec',          '0 q:1 1 01110 size:2 1 vm:5 0000 00 vn:5 vd:5', { ...narrow, ...longForm }, threeLong(false, lanes('add'))),
  row('UADDW_vec',          '0 q:1 1 01110 size:2 1 vm:5 0001 00 vn:5 vd:5', { ...narrow, ...longForm }, threeWide(false, lanes('add'))),
  row('USUBL_vec',          '0 q:1 1 01110 size:2 1 vm:5 0010 00 vn:5 vd:5', { ...narrow, ...longForm }, threeLong(false, lanes('sub'))),
  row('USUBW_vec',          '0 q:1 1 01110 size:2 1 vm:5 0011 00 vn:5 vd:5', { ...narrow, ...longForm }, threeWide(false, lanes('sub'))),
  row('RADDHN_vec',         '0 q:1 1 01110 size:2 1 vm:5 0100 00 vn:5 vd:5', { ...narrow, ...longForm }, threeNarrow('add', true)),
  row('UABAL_vec',          '0 q:1 1 01110 size:2 1 vm:5 0101 00 vn:5 vd:5', { ...narrow, ...longForm }, threeLong(false, accumulated(distance))),
  row('RSUBHN_vec',         '0 q:1 1 01110 size:2 1 vm:5 0110 00 vn:5 vd:5', { ...narrow, ...longForm }, threeNarrow('sub', true)),
  row('UABDL_vec',          '0 q:1 1 01110 size:2 1 vm:5 0111 00 vn:5 vd:5', { ...narrow, ...longForm }, threeLong(false, distance)),
  row('UMLAL_vec',          '0 q:1 1 01110 size:2 1 vm:5 1000 00 vn:5 vd:5', { ...narrow, ...longForm }, threeLong(false, accumulated(lanes('mul')))),
  row('UMLSL_vec',          '0 q:1 1 01110 size:2 1 vm:5 1010 00 vn:5 vd:5', { ...narrow, ...longForm }, threeLong(false, accumulated(lanes('mul'), 'sub'))),
  row('UMULL_vec',          '0 q:1 1 01110 size:2 1 vm:5 1100 00 vn:5 vd:5', { ...narrow, ...longForm }, threeLong(false, lanes('mul'))),

  // Copy
  row('DUP_elt',            '0 q:1 0 01110000 imm5:5 0 0000 1 vn:5 vd:5', { ...element, ...elementByQ }, duplicate),
  row('DUP_gen',            '0 q:1 0 01110000 imm5:5 0 0001 1 rn:5 vd:5', { ...element, ...elementByQ }, duplicateGeneral),
  row('SMOV',               '0 q:1 0 01110000 imm5:5 0 0101 1 vn:5 rd:5', { ...signedMove, ...elementOf, shape: ({ q, imm5 }) => ({ bits: laneBits(sizeOf(imm5)), q }) }, moveSigned),
  row('UMOV',               '0 q:1 0 01110000 imm5:5 0 0111 1 vn:5 rd:5', { ...unsignedMove, ...elementOf }, moveUnsigned),
  row('INS_gen',            '0 1   0 01110000 imm5:5 0 0011 1 rn:5 vd:5', { ...inserted, ...elementOf }, insertGeneral),
  row('INS_elt',            '0 1   1 01110000 imm5:5 0 imm4:4 1 vn:5 vd:5', { ...inserted, ...elementToElement }, insertElement),

  // Permute, extract, table lookup
  row('UZP1',               '0 q:1 001110 size:2 0 vm:5 0 001 10 vn:5 vd:5', { ...full, ...arrangedByQ }, unzip(0)),
  row('TRN1',               '0 q:1 001110 size:2 0 vm:5 0 010 10 vn:5 vd:5', { ...full, ...arrangedByQ }, transpose(0)),
  row('ZIP1',               '0 q:1 001110 size:2 0 vm:5 0 011 10 vn:5 vd:5', { ...full, ...arrangedByQ }, zip(0)),
  row('UZP2',               '0 q:1 001110 size:2 0 vm:5 0 101 10 vn:5 vd:5', { ...full, ...arrangedByQ }, unzip(1)),
  row('TRN2',               '0 q:1 001110 size:2 0 vm:5 0 110 10 vn:5 vd:5', { ...full, ...arrangedByQ }, transpose(1)),
  row('ZIP2',               '0 q:1 001110 size:2 0 vm:5 0 111 10 vn:5 vd:5', { ...full, ...arrangedByQ }, zip(1)),
  row('EXT',                '0 q:1 101110 00 0 vm:5 0 imm4:4 0 vn:5 vd:5', { ...extracted, shape: ({ q }) => ({ q }), bytes: { position: ({ imm4 }) => imm4 } }, extract),
  row('TBL',                '0 q:1 001110 00 0 vm:5 0 len:2 0 00 vn:5 vd:5', { ...ADVSIMD, shape: ({ len }) => ({ len }), bytes: { extent: byQ } }, tableLookup(false)),
  row('TBX',                '0 q:1 001110 00 0 vm:5 0 len:2 1 00 vn:5 vd:5', { ...ADVSIMD, shape: ({ len }) => ({ len }), bytes: { extent: byQ } }, tableLookup(true)),

  // Modified immediate
  row('MOVI_shifted',       '0 q:1 0 0111100000 abc:3 0 x:2 0 0 1 defgh:5 vd:5', shiftedWord(false), moveImmediate),
  row('MOVI_shifted_h',     '0 q:1 0 0111100000 abc:3 10 x:1 0 0 1 defgh:5 vd:5', shiftedHalfword(false), moveImmediate),
  row('MOVI_ones',          '0 q:1 0 0111100000 abc:3 110 x:1 0 1 defgh:5 vd:5', shiftedOnes(false), moveImmediate),
  row('MOVI_bytes',         '0 q:1 0 0111100000 abc:3 1110 0 1 defgh:5 vd:5', replicatedByte, moveImmediate),
  row('ORR_asimd_imm',      '0 q:1 0 0111100000 abc:3 0 x:2 1 0 1 defgh:5 vd:5', shiftedWord(false), withImmediate('or')),
  row('ORR_asimd_imm_h',    '0 q:1 0 0111100000 abc:3 10 x:1 1 0 1 defgh:5 vd:5', shiftedHalfword(false), withImmediate('or')),
  row('FMOV_asimd_imm',     '0 q:1 0 0111100000 abc:3 1111 0 1 defgh:5 vd:5', floatImmediate32, moveImmediate),
  row('MVNI_shifted',       '0 q:1 1 0111100000 abc:3 0 x:2 0 0 1 defgh:5 vd:5', shiftedWord(true), moveImmediate),
  row('MVNI_shifted_h',     '0 q:1 1 0111100000 abc:3 10 x:1 0 0 1 defgh:5 vd:5', shiftedHalfword(true), moveImmediate),
  row('MVNI_ones',          '0 q:1 1 0111100000 abc:3 110 x:1 0 1 defgh:5 vd:5', shiftedOnes(true), moveImmediate),
  row('BIC_asimd_imm',      '0 q:1 1 0111100000 abc:3 0 x:2 1 0 1 defgh:5 vd:5', shiftedWord(false), withImmediate('andNot')),
  row('BIC_asimd_imm_h',    '0 q:1 1 0111100000 abc:3 10 x:1 1 0 1 defgh:5 vd:5', shiftedHalfword(false), withImmediate('andNot')),
  row('MOVI_64',            '0 q:1 1 0111100000 abc:3 1110 0 1 defgh:5 vd:5', bytesOfBits, moveImmediate),
  row('FMOV_asimd_imm_d',   '0 1   1 0111100000 abc:3 1111 0 1 defgh:5 vd:5', floatImmediate64, moveImmediate),
  row('FMOV_asimd_imm_h',   '0 q:1 0 0111100000 abc:3 1111 1 1 defgh:5 vd:5', floatImmediate16, moveImmediate),

  // Shift by immediate
  row('SSHR_asimd_imm',     '0 q:1 0 011110 immh:4 immb:3 00000 1 vn:5 vd:5', { ...shifted, ...shiftImmediate('right') }, shifting(shiftRight(true))),
  row('SSRA_asimd_imm',     '0 q:1 0 011110 immh:4 immb:3 00010 1 vn:5 vd:5', { ...shifted, ...shiftImmediate('right') }, shifting(shiftRight(true, { accumulate: true }))),
  row('SRSHR_asimd_imm',    '0 q:1 0 011110 immh:4 immb:3 00100 1 vn:5 vd:5', { ...shifted, ...shiftImmediate('right') }, shifting(shiftRight(true, { rounding: true }))),
  row('SRSRA_asimd_imm',    '0 q:1 0 011110 immh:4 immb:3 00110 1 vn:5 vd:5', { ...shifted, ...shiftImmediate('right') }, shifting(shiftRight(true, { rounding: true, accumulate: true }))),
  row('SHL_asimd_imm',      '0 q:1 0 011110 immh:4 immb:3 01010 1 vn:5 vd:5', { ...shifted, ...shiftImmediate('left') }, shifting(shiftLeft)),
  row('SQSHL_asimd_imm',    '0 q:1 0 011110 immh:4 immb:3 01110 1 vn:5 vd:5', { ...shifted, ...shiftImmediate('left') }, shifting(saturatingShiftLeft(true, true))),
  row('SHRN_asimd_imm',     '0 q:1 0 011110 immh:4 immb:3 10000 1 vn:5 vd:5', { ...longShift, ...shiftImmediateHalf('right') }, shiftingNarrow(plainNarrow(shiftRight(false)))),
  row('RSHRN_asimd_imm',    '0 q:1 0 011110 immh:4 immb:3 10001 1 vn:5 vd:5', { ...longShift, ...shiftImmediateHalf('right') }, shiftingNarrow(plainNarrow(shiftRight(false, { rounding: true })))),
  row('SQSHRN_asimd_imm',   '0 q:1 0 011110 immh:4 immb:3 10010 1 vn:5 vd:5', { ...longShift, ...shiftImmediateHalf('right') }, shiftingNarrow(saturatingNarrow(true, true))),
  row('SQRSHRN_asimd_imm',  '0 q:1 0 011110 immh:4 immb:3 10011 1 vn:5 vd:5', { ...longShift, ...shiftImmediateHalf('right') }, shiftingNarrow(saturatingNarrow(true, true, true))),
  row('SSHLL_asimd_imm',    '0 q:1 0 011110 immh:4 immb:3 10100 1 vn:5 vd:5', { ...longShift, ...shiftImmediateHalf('left') }, shiftingLong(true)),
  row('SCVTF_asimd_imm',    '0 q:1 0 011110 immh:4 immb:3 11100 1 vn:5 vd:5', { ...fixedPointSizes, ...fixedLanes }, lanesFromFixed(false)),
  row('SCVTF_asimd_imm_h', '0 q:1 0 011110 001 low:1 immb:3 11100 1 vn:5 vd:5', halfFixedLanes, lanesFromFixed(false)),
  row('FCVTZS_asimd_imm',   '0 q:1 0 011110 immh:4 immb:3 11111 1 vn:5 vd:5', { ...fixedPointSizes, ...fixedLanes }, lanesToFixed(false)),
  row('FCVTZS_asimd_imm_h', '0 q:1 0 011110 001 low:1 immb:3 11111 1 vn:5 vd:5', halfFixedLanes, lanesToFixed(false)),
  row('USHR_asimd_imm',     '0 q:1 1 011110 immh:4 immb:3 00000 1 vn:5 vd:5', { ...shifted, ...shiftImmediate('right') }, shifting(shiftRight(false))),
  row('USRA_asimd_imm',     '0 q:1 1 011110 immh:4 immb:3 00010 1 vn:5 vd:5', { ...shifted, ...shiftImmediate('right') }, shifting(shiftRight(false, { accumulate: true }))),
  row('URSHR_asimd_imm',    '0 q:1 1 011110 immh:4 immb:3 00100 1 vn:5 vd:5', { ...shifted, ...shiftImmediate('right') }, shifting(shiftRight(false, { rounding: true }))),
  row('URSRA_asimd_imm',    '0 q:1 1 011110 immh:4 immb:3 00110 1 vn:5 vd:5', { ...shifted, ...shiftImmediate('right') }, shifting(shiftRight(false, { rounding: true, accumulate: true }))),
  row('SRI_asimd_imm',      '0 q:1 1 011110 immh:4 immb:3 01000 1 vn:5 vd:5', { ...shifted, ...shiftImmediate('right') }, shifting(shiftInsert('right'))),
  row('SLI_asimd_imm',      '0 q:1 1 011110 immh:4 immb:3 01010 1 vn:5 vd:5', { ...shifted, ...shiftImmediate('left') }, shifting(shiftInsert('left'))),
  row('SQSHLU_asimd_imm',   '0 q:1 1 011110 immh:4 immb:3 01100 1 vn:5 vd:5', { ...shifted, ...shiftImmediate('left') }, shifting(saturatingShiftLeft(true, false))),
  row('UQSHL_asimd_imm',    '0 q:1 1 011110 immh:4 immb:3 01110 1 vn:5 vd:5', { ...shifted, ...shiftImmediate('left') }, shifting(saturatingShiftLeft(false, false))),
  row('SQSHRUN_asimd_imm',  '0 q:1 1 011110 immh:4 immb:3 10000 1 vn:5 vd:5', { ...longShift, ...shiftImmediateHalf('right') }, shiftingNarrow(saturatingNarrow(true, false))),
  row('SQRSHRUN_asimd_imm', '0 q:1 1 011110 immh:4 immb:3 10001 1 vn:5 vd:5', { ...longShift, ...shiftImmediateHalf('right') }, shiftingNarrow(saturatingNarrow(true, false, true))),
  row('UQSHRN_asimd_imm',   '0 q:1 1 011110 immh:4 immb:3 10010 1 vn:5 vd:5', { ...longShift, ...shiftImmediateHalf('right') }, shiftingNarrow(saturatingNarrow(false, false))),
  row('UQRSHRN_asimd_imm',  '0 q:1 1 011110 immh:4 immb:3 10011 1 vn:5 vd:5', { ...longShift, ...shiftImmediateHalf('right') }, shiftingNarrow(saturatingNarrow(false, false, true))),
  row('USHLL_asimd_imm',    '0 q:1 1 011110 immh:4 immb:3 10100 1 vn:5 vd:5', { ...longShift, ...shiftImmediateHalf('left') }, shiftingLong(false)),
  row('UCVTF_asimd_imm',    '0 q:1 1 011110 immh:4 immb:3 11100 1 vn:5 vd:5', { ...fixedPointSizes, ...fixedLanes }, lanesFromFixed(true)),
  row('UCVTF_asimd_imm_h', '0 q:1 1 011110 001 low:1 immb:3 11100 1 vn:5 vd:5', halfFixedLanes, lanesFromFixed(true)),
  row('FCVTZU_asimd_imm',   '0 q:1 1 011110 immh:4 immb:3 11111 1 vn:5 vd:5', { ...fixedPointSizes, ...fixedLanes }, lanesToFixed(true)),
  row('FCVTZU_asimd_imm_h', '0 q:1 1 011110 001 low:1 immb:3 11111 1 vn:5 vd:5', halfFixedLanes, lanesToFixed(true)),

  // By element
  row('SMLAL_elt',          '0 q:1 0 01111 size:2 l:1 m:1 vm:4 0010 h:1 0 vn:5 vd:5', { ...multiplied, ...byElementLong }, withElementLong(true, accumulated(lanes('mul')))),
  row('SQDMLAL_elt',        '0 q:1 0 01111 size:2 l:1 m:1 vm:4 0011 h:1 0 vn:5 vd:5', { ...multiplied, ...byElementLong }, withElementLongLanes(doublingMultiplyLong('add'))),
  row('SMLSL_elt',          '0 q:1 0 01111 size:2 l:1 m:1 vm:4 0110 h:1 0 vn:5 vd:5', { ...multiplied, ...byElementLong }, withElementLong(true, accumulated(lanes('mul'), 'sub'))),
  row('SQDMLSL_elt',        '0 q:1 0 01111 size:2 l:1 m:1 vm:4 0111 h:1 0 vn:5 vd:5', { ...multiplied, ...byElementLong }, withElementLongLanes(doublingMultiplyLong('sub'))),
  row('MUL_elt',            '0 q:1 0 01111 size:2 l:1 m:1 vm:4 1000 h:1 0 vn:5 vd:5', { ...multiplied, ...byElement }, withElement(lanes('mul'))),
  row('SMULL_elt',          '0 q:1 0 01111 size:2 l:1 m:1 vm:4 1010 h:1 0 vn:5 vd:5', { ...multiplied, ...byElementLong }, withElementLong(true, lanes('mul'))),
  row('SQDMULL_elt',        '0 q:1 0 01111 size:2 l:1 m:1 vm:4 1011 h:1 0 vn:5 vd:5', { ...multiplied, ...byElementLong }, withElementLongLanes(doublingMultiplyLong())),
  row('SQDMULH_elt',        '0 q:1 0 01111 size:2 l:1 m:1 vm:4 1100 h:1 0 vn:5 vd:5', { ...multiplied, ...byElement }, withElement(doublingMultiplyHigh(false))),
  row('SQRDMULH_elt',       '0 q:1 0 01111 size:2 l:1 m:1 vm:4 1101 h:1 0 vn:5 vd:5', { ...multiplied, ...byElement }, withElement(doublingMultiplyHigh(true))),
  row('MLA_elt',            '0 q:1 1 01111 size:2 l:1 m:1 vm:4 0000 h:1 0 vn:5 vd:5', { ...multiplied, ...byElement }, withElement(accumulated(lanes('mul')))),
  row('UMLAL_elt',          '0 q:1 1 01111 size:2 l:1 m:1 vm:4 0010 h:1 0 vn:5 vd:5', { ...multiplied, ...byElementLong }, withElementLong(false, accumulated(lanes('mul')))),
  row('MLS_elt',            '0 q:1 1 01111 size:2 l:1 m:1 vm:4 0100 h:1 0 vn:5 vd:5', { ...multiplied, ...byElement }, withElement(accumulated(lanes('mul'), 'sub'))),
  row('UMLSL_elt',          '0 q:1 1 01111 size:2 l:1 m:1 vm:4 0110 h:1 0 vn:5 vd:5', { ...multiplied, ...byElementLong }, withElementLong(false, accumulated(lanes('mul'), 'sub'))),
  row('UMULL_elt',          '0 q:1 1 01111 size:2 l:1 m:1 vm:4 1010 h:1 0 vn:5 vd:5', { ...multiplied, ...byElementLong }, withElementLong(false, lanes('mul'))),
  row('SQRDMLAH_elt',       '0 q:1 1 01111 size:2 l:1 m:1 vm:4 1101 h:1 0 vn:5 vd:5', { ...multiplied, ...byElement, feature: 'RDM' }, withElement(roundingMultiplyAccumulate('add'))),
  row('SQRDMLSH_elt',       '0 q:1 1 01111 size:2 l:1 m:1 vm:4 1111 h:1 0 vn:5 vd:5', { ...multiplied, ...byElement, feature: 'RDM' }, withElement(roundingMultiplyAccumulate('sub'))),
  row('FMLA_elt',           '0 q:1 0 01111 1 sz:1 l:1 m:1 vm:4 0001 h:1 0 vn:5 vd:5', { ...elementSizes, ...floatElement }, withElement(floatMulAdd('add'))),
  row('FMLA_elt_h',         '0 q:1 0 01111 00 l:1 m:1 vm:4 0001 h:1 0 vn:5 vd:5', halfElement, withElement(floatMulAdd('add'))),
  row('FMLS_elt',           '0 q:1 0 01111 1 sz:1 l:1 m:1 vm:4 0101 h:1 0 vn:5 vd:5', { ...elementSizes, ...floatElement }, withElement(floatMulAdd('sub'))),
  row('FMLS_elt_h',         '0 q:1 0 01111 00 l:1 m:1 vm:4 0101 h:1 0 vn:5 vd:5', halfElement, withElement(floatMulAdd('sub'))),
  row('FMUL_elt',           '0 q:1 0 01111 1 sz:1 l:1 m:1 vm:4 1001 h:1 0 vn:5 vd:5', { ...elementSizes, ...floatElement }, withElement(floatBinary('mul'))),
  row('FMUL_elt_h',         '0 q:1 0 01111 00 l:1 m:1 vm:4 1001 h:1 0 vn:5 vd:5', halfElement, withElement(floatBinary('mul'))),
  row('FMULX_elt',          '0 q:1 1 01111 1 sz:1 l:1 m:1 vm:4 1001 h:1 0 vn:5 vd:5', { ...elementSizes, ...floatElement }, withElement(floatBinary('mulExtended'))),
  row('FMULX_elt_h',        '0 q:1 1 01111 00 l:1 m:1 vm:4 1001 h:1 0 vn:5 vd:5', halfElement, withElement(floatBinary('mulExtended'))),
  row('FMLAL_elt',          '0 q:1 0 01111 10 l:1 m:1 vm:4 0000 h:1 0 vn:5 vd:5', widening, halfMultiplyAddLongElement(0, false)),
  row('FMLSL_elt',          '0 q:1 0 01111 10 l:1 m:1 vm:4 0100 h:1 0 vn:5 vd:5', widening, halfMultiplyAddLongElement(0, true)),
  row('FMLAL2_elt',         '0 q:1 1 01111 10 l:1 m:1 vm:4 1000 h:1 0 vn:5 vd:5', widening, halfMultiplyAddLongElement(1, false)),
  row('FMLSL2_elt',         '0 q:1 1 01111 10 l:1 m:1 vm:4 1100 h:1 0 vn:5 vd:5', widening, halfMultiplyAddLongElement(1, true)),
  row('SDOT_elt',           '0 q:1 0 01111 10 l:1 m:1 vm:4 1110 h:1 0 vn:5 vd:5', { ...wordElement, feature: 'DotProd' }, dotProductElement(true, true)),
  row('UDOT_elt',           '0 q:1 1 01111 10 l:1 m:1 vm:4 1110 h:1 0 vn:5 vd:5', { ...wordElement, feature: 'DotProd' }, dotProductElement(false, false)),
  row('SUDOT_elt',          '0 q:1 0 01111 00 l:1 m:1 vm:4 1111 h:1 0 vn:5 vd:5', { ...wordElement, feature: 'I8MM' }, dotProductElement(true, false)),
  row('USDOT_elt',          '0 q:1 0 01111 10 l:1 m:1 vm:4 1111 h:1 0 vn:5 vd:5', { ...wordElement, feature: 'I8MM' }, dotProductElement(false, true)),
  row('BFDOT_elt',          '0 q:1 0 01111 01 l:1 m:1 vm:4 1111 h:1 0 vn:5 vd:5', { ...wordElement, feature: 'BF16' }, bfDotProductElement),
  row('BFMLALB_elt',      '0 0   0 01111 11 l:1 m:1 vm:4 1111 h:1 0 vn:5 vd:5', { ...halfwordElement, feature: 'BF16' }, bfMultiplyAddLongElement(0)),
  row('BFMLALT_elt',      '0 1   0 01111 11 l:1 m:1 vm:4 1111 h:1 0 vn:5 vd:5', { ...halfwordElement, feature: 'BF16' }, bfMultiplyAddLongElement(1)),
  row('FCMLA_elt_h',        '0 q:1 1 01111 01 l:1 m:1 vm:4 0 rot:2 1 h:1 0 vn:5 vd:5', { ...complexElementHalf, feature: 'FCMA', unallocated: ({ q, h }) => !q && h === 1 }, complexMultiplyAddElement),
  row('FCMLA_elt_s',      '0 1   1 01111 10 0   m:1 vm:4 0 rot:2 1 h:1 0 vn:5 vd:5', { ...complexElementSingle, feature: 'FCMA' }, complexMultiplyAddElement),
];
