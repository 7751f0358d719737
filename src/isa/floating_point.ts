/** Scalar floating point. Arm ARM C4.1.90. */

import {
  binary,
  compare,
  compareZero,
  conditional,
  conditionalCompare,
  conditionalCompared,
  conditionalSelect,
  convert,
  convertBF,
  converted,
  fixedPoint,
  floatAbsolute,
  floatImmediate,
  floatNegate,
  fromGeneral,
  move,
  moved,
  moveFloatImmediate,
  moveFromGeneral,
  moveToGeneral,
  moveTopFromGeneral,
  moveTopToGeneral,
  mulAdd,
  negatedProduct,
  precision,
  precisionBit,
  roundInt,
  roundIntN,
  scalar1,
  scalar2,
  scalar3,
  toGeneral,
  toJavaScript,
  unary,
  withGeneral,
} from './float_forms.ts';
import { type Fields, parsePattern } from './pattern.ts';
import { type Row, row } from './row.ts';

const FP = { feature: 'FP' };

// biome-ignore format: a table
const singleAndDouble = [
  // Conversion between floating-point and fixed-point
  row('SCVTF_fix',         'sf:1 0 0 11110 ptype:2 0 00 010 scale:6 rn:5 vd:5', fixedPoint, fromGeneral(false)),
  row('UCVTF_fix',         'sf:1 0 0 11110 ptype:2 0 00 011 scale:6 rn:5 vd:5', fixedPoint, fromGeneral(true)),
  row('FCVTZS_fix',        'sf:1 0 0 11110 ptype:2 0 11 000 scale:6 vn:5 rd:5', fixedPoint, toGeneral('zero', false)),
  row('FCVTZU_fix',        'sf:1 0 0 11110 ptype:2 0 11 001 scale:6 vn:5 rd:5', fixedPoint, toGeneral('zero', true)),

  // Conversion between floating-point and integer
  row('FCVTNS_int',        'sf:1 0 0 11110 ptype:2 1 00 000 000000 vn:5 rd:5', withGeneral, toGeneral('tieEven', false)),
  row('FCVTNU_int',        'sf:1 0 0 11110 ptype:2 1 00 001 000000 vn:5 rd:5', withGeneral, toGeneral('tieEven', true)),
  row('SCVTF_int',         'sf:1 0 0 11110 ptype:2 1 00 010 000000 rn:5 vd:5', withGeneral, fromGeneral(false)),
  row('UCVTF_int',         'sf:1 0 0 11110 ptype:2 1 00 011 000000 rn:5 vd:5', withGeneral, fromGeneral(true)),
  row('FCVTAS_int',        'sf:1 0 0 11110 ptype:2 1 00 100 000000 vn:5 rd:5', withGeneral, toGeneral('tieAway', false)),
  row('FCVTAU_int',        'sf:1 0 0 11110 ptype:2 1 00 101 000000 vn:5 rd:5', withGeneral, toGeneral('tieAway', true)),
  row('FCVTPS_int',        'sf:1 0 0 11110 ptype:2 1 01 000 000000 vn:5 rd:5', withGeneral, toGeneral('positiveInfinity', false)),
  row('FCVTPU_int',        'sf:1 0 0 11110 ptype:2 1 01 001 000000 vn:5 rd:5', withGeneral, toGeneral('positiveInfinity', true)),
  row('FCVTMS_int',        'sf:1 0 0 11110 ptype:2 1 10 000 000000 vn:5 rd:5', withGeneral, toGeneral('negativeInfinity', false)),
  row('FCVTMU_int',        'sf:1 0 0 11110 ptype:2 1 10 001 000000 vn:5 rd:5', withGeneral, toGeneral('negativeInfinity', true)),
  row('FCVTZS_int',        'sf:1 0 0 11110 ptype:2 1 11 000 000000 vn:5 rd:5', withGeneral, toGeneral('zero', false)),
  row('FCVTZU_int',        'sf:1 0 0 11110 ptype:2 1 11 001 000000 vn:5 rd:5', withGeneral, toGeneral('zero', true)),
  row('FMOV_to_gen',       'sf:1 0 0 11110 ptype:2 1 00 110 000000 vn:5 rd:5', moved, moveToGeneral),
  row('FMOV_from_gen',     'sf:1 0 0 11110 ptype:2 1 00 111 000000 rn:5 vd:5', moved, moveFromGeneral),
  row('FMOV_top_to_gen',   '1    0 0 11110 10      1 01 110 000000 vn:5 rd:5', FP, moveTopToGeneral),
  row('FMOV_top_from_gen', '1    0 0 11110 10      1 01 111 000000 rn:5 vd:5', FP, moveTopFromGeneral),
  row('FJCVTZS',           '0    0 0 11110 01      1 11 110 000000 vn:5 rd:5', { feature: 'JSCVT' }, toJavaScript),

  // Floating-point data-processing (1 source)
  row('FMOV_float',        '0 0 0 11110 ptype:2 1 000000 10000 vn:5 vd:5', precision, scalar1(move)),
  row('FABS_float',        '0 0 0 11110 ptype:2 1 000001 10000 vn:5 vd:5', precision, scalar1(floatAbsolute)),
  row('FNEG_float',        '0 0 0 11110 ptype:2 1 000010 10000 vn:5 vd:5', precision, scalar1(floatNegate)),
  row('FSQRT_float',       '0 0 0 11110 ptype:2 1 000011 10000 vn:5 vd:5', precision, scalar1(unary('sqrt'))),
  row('FRINTN_float',      '0 0 0 11110 ptype:2 1 001000 10000 vn:5 vd:5', precision, scalar1(roundInt('tieEven'))),
  row('FRINTP_float',      '0 0 0 11110 ptype:2 1 001001 10000 vn:5 vd:5', precision, scalar1(roundInt('positiveInfinity'))),
  row('FRINTM_float',      '0 0 0 11110 ptype:2 1 001010 10000 vn:5 vd:5', precision, scalar1(roundInt('negativeInfinity'))),
  row('FRINTZ_float',      '0 0 0 11110 ptype:2 1 001011 10000 vn:5 vd:5', precision, scalar1(roundInt('zero'))),
  row('FRINTA_float',      '0 0 0 11110 ptype:2 1 001100 10000 vn:5 vd:5', precision, scalar1(roundInt('tieAway'))),
  row('FRINTX_float',      '0 0 0 11110 ptype:2 1 001110 10000 vn:5 vd:5', precision, scalar1(roundInt('current', true))),
  row('FRINTI_float',      '0 0 0 11110 ptype:2 1 001111 10000 vn:5 vd:5', precision, scalar1(roundInt('current'))),
  row('FCVT',              '0 0 0 11110 ptype:2 1 0001 opc:2 10000 vn:5 vd:5', converted, convert),
  row('BFCVT',             '0 0 0 11110 01 1 000110 10000 vn:5 vd:5', { feature: 'BF16', before: ['FCVT'] }, convertBF),
  row('FRINT32Z_float',    '0 0 0 11110 0 ptype:1 1 0100 00 10000 vn:5 vd:5', precisionBit, scalar1(roundIntN('zero', 32))),
  row('FRINT32X_float',    '0 0 0 11110 0 ptype:1 1 0100 01 10000 vn:5 vd:5', precisionBit, scalar1(roundIntN('current', 32))),
  row('FRINT64Z_float',    '0 0 0 11110 0 ptype:1 1 0100 10 10000 vn:5 vd:5', precisionBit, scalar1(roundIntN('zero', 64))),
  row('FRINT64X_float',    '0 0 0 11110 0 ptype:1 1 0100 11 10000 vn:5 vd:5', precisionBit, scalar1(roundIntN('current', 64))),

  // Floating-point compare
  row('FCMP',              '0 0 0 11110 ptype:2 1 vm:5 00 1000 vn:5 00000', precision, compare(false)),
  row('FCMP_zero',         '0 0 0 11110 ptype:2 1 vm:5 00 1000 vn:5 01000', precision, compareZero(false)),
  row('FCMPE',             '0 0 0 11110 ptype:2 1 vm:5 00 1000 vn:5 10000', precision, compare(true)),
  row('FCMPE_zero',        '0 0 0 11110 ptype:2 1 vm:5 00 1000 vn:5 11000', precision, compareZero(true)),

  // Floating-point immediate, conditional compare, conditional select
  row('FMOV_float_imm',    '0 0 0 11110 ptype:2 1 imm8:8 100 00000 vd:5', floatImmediate, moveFloatImmediate),
  row('FCCMP',             '0 0 0 11110 ptype:2 1 vm:5 cond:4 01 vn:5 0 nzcv:4', conditionalCompared, conditionalCompare(false)),
  row('FCCMPE',            '0 0 0 11110 ptype:2 1 vm:5 cond:4 01 vn:5 1 nzcv:4', conditionalCompared, conditionalCompare(true)),
  row('FCSEL',             '0 0 0 11110 ptype:2 1 vm:5 cond:4 11 vn:5 vd:5', conditional, conditionalSelect),

  // Floating-point data-processing (2 source)
  row('FMUL_float',        '0 0 0 11110 ptype:2 1 vm:5 0000 10 vn:5 vd:5', precision, scalar2(binary('mul'))),
  row('FDIV_float',        '0 0 0 11110 ptype:2 1 vm:5 0001 10 vn:5 vd:5', precision, scalar2(binary('div'))),
  row('FADD_float',        '0 0 0 11110 ptype:2 1 vm:5 0010 10 vn:5 vd:5', precision, scalar2(binary('add'))),
  row('FSUB_float',        '0 0 0 11110 ptype:2 1 vm:5 0011 10 vn:5 vd:5', precision, scalar2(binary('sub'))),
  row('FMAX_float',        '0 0 0 11110 ptype:2 1 vm:5 0100 10 vn:5 vd:5', precision, scalar2(binary('max'))),
  row('FMIN_float',        '0 0 0 11110 ptype:2 1 vm:5 0101 10 vn:5 vd:5', precision, scalar2(binary('min'))),
  row('FMAXNM_float',      '0 0 0 11110 ptype:2 1 vm:5 0110 10 vn:5 vd:5', precision, scalar2(binary('maxNumber'))),
  row('FMINNM_float',      '0 0 0 11110 ptype:2 1 vm:5 0111 10 vn:5 vd:5', precision, scalar2(binary('minNumber'))),
  row('FNMUL_float',       '0 0 0 11110 ptype:2 1 vm:5 1000 10 vn:5 vd:5', precision, scalar2(negatedProduct)),

  // Floating-point data-processing (3 source)
  row('FMADD',             '0 0 0 11111 ptype:2 0 vm:5 0 va:5 vn:5 vd:5', precision, scalar3(mulAdd(false, false))),
  row('FMSUB',             '0 0 0 11111 ptype:2 0 vm:5 1 va:5 vn:5 vd:5', precision, scalar3(mulAdd(false, true))),
  row('FNMADD',            '0 0 0 11111 ptype:2 1 vm:5 0 va:5 vn:5 vd:5', precision, scalar3(mulAdd(true, true))),
  row('FNMSUB',            '0 0 0 11111 ptype:2 1 vm:5 1 va:5 vn:5 vd:5', precision, scalar3(mulAdd(true, false))),
];

/** The same of half precision, where ptype is 11. */
const asHalf = <F extends Fields>(fields: F): F => Object.create(fields, { ptype: { value: 3 } });
const half = singleAndDouble
  .filter(({ name, pattern }) => name !== 'FCVT' && pattern.text.includes('ptype:2'))
  .map(
    (of): Row => ({
      ...of,
      name: `${of.name}_h`,
      pattern: parsePattern(of.pattern.text.replace('ptype:2', '11')),
      feature: 'FP16',
      shape: (fields) => of.shape(asHalf(fields)),
      imm: of.imm && ((fields) => of.imm!(asHalf(fields))),
      unallocated: ({ sf, scale }) => sf === 0 && scale < 32,
    }),
  );

export const floatingPoint: readonly Row[] = [...singleAndDouble, ...half];
