/** Scalar floating point. Arm ARM C4.1.90. Half precision (ptype 11) needs FEAT_FP16. */
import type { Fields } from './pattern.ts';
import { row } from './row.ts';

const FP = { feature: 'FP' };
const reserved = (ptype: number) => ptype === 2;
const typed = { ...FP, unallocated: ({ ptype }: Fields<'ptype'>) => reserved(ptype) };
const fixed = {
  ...FP,
  unallocated: ({ sf, ptype, scale }: Fields<'sf' | 'ptype' | 'scale'>) =>
    reserved(ptype) || (!sf && scale < 32),
};
/** A register and its general counterpart are of one size, but half precision goes to either. */
const moved = {
  ...FP,
  unallocated: ({ sf, ptype }: Fields<'sf' | 'ptype'>) => reserved(ptype) || (ptype !== 3 && ptype !== sf),
};
const converted = {
  ...FP,
  unallocated: ({ ptype, opc }: Fields<'ptype' | 'opc'>) => reserved(ptype) || reserved(opc) || ptype === opc,
};

// biome-ignore format: a table
export const floatingPoint = [
  // Conversion between floating-point and fixed-point
  row('SCVTF_fix',         'sf:1 0 0 11110 ptype:2 0 00 010 scale:6 rn:5 vd:5', fixed),
  row('UCVTF_fix',         'sf:1 0 0 11110 ptype:2 0 00 011 scale:6 rn:5 vd:5', fixed),
  row('FCVTZS_fix',        'sf:1 0 0 11110 ptype:2 0 11 000 scale:6 rn:5 vd:5', fixed),
  row('FCVTZU_fix',        'sf:1 0 0 11110 ptype:2 0 11 001 scale:6 rn:5 vd:5', fixed),

  // Conversion between floating-point and integer
  row('FCVTNS_int',        'sf:1 0 0 11110 ptype:2 1 00 000 000000 vn:5 rd:5', typed),
  row('FCVTNU_int',        'sf:1 0 0 11110 ptype:2 1 00 001 000000 vn:5 rd:5', typed),
  row('SCVTF_int',         'sf:1 0 0 11110 ptype:2 1 00 010 000000 rn:5 vd:5', typed),
  row('UCVTF_int',         'sf:1 0 0 11110 ptype:2 1 00 011 000000 rn:5 vd:5', typed),
  row('FCVTAS_int',        'sf:1 0 0 11110 ptype:2 1 00 100 000000 vn:5 rd:5', typed),
  row('FCVTAU_int',        'sf:1 0 0 11110 ptype:2 1 00 101 000000 vn:5 rd:5', typed),
  row('FCVTPS_int',        'sf:1 0 0 11110 ptype:2 1 01 000 000000 vn:5 rd:5', typed),
  row('FCVTPU_int',        'sf:1 0 0 11110 ptype:2 1 01 001 000000 vn:5 rd:5', typed),
  row('FCVTMS_int',        'sf:1 0 0 11110 ptype:2 1 10 000 000000 vn:5 rd:5', typed),
  row('FCVTMU_int',        'sf:1 0 0 11110 ptype:2 1 10 001 000000 vn:5 rd:5', typed),
  row('FCVTZS_int',        'sf:1 0 0 11110 ptype:2 1 11 000 000000 vn:5 rd:5', typed),
  row('FCVTZU_int',        'sf:1 0 0 11110 ptype:2 1 11 001 000000 vn:5 rd:5', typed),
  row('FMOV_to_gen',       'sf:1 0 0 11110 ptype:2 1 00 110 000000 vn:5 rd:5', moved),
  row('FMOV_from_gen',     'sf:1 0 0 11110 ptype:2 1 00 111 000000 rn:5 vd:5', moved),
  row('FMOV_top_to_gen',   '1    0 0 11110 10      1 01 110 000000 vn:5 rd:5', FP),
  row('FMOV_top_from_gen', '1    0 0 11110 10      1 01 111 000000 rn:5 vd:5', FP),
  row('FJCVTZS',           '0    0 0 11110 01      1 11 110 000000 vn:5 rd:5', { feature: 'JSCVT' }),

  // Floating-point data-processing (1 source)
  row('FMOV_float',        '0 0 0 11110 ptype:2 1 000000 10000 vn:5 vd:5', typed),
  row('FABS_float',        '0 0 0 11110 ptype:2 1 000001 10000 vn:5 vd:5', typed),
  row('FNEG_float',        '0 0 0 11110 ptype:2 1 000010 10000 vn:5 vd:5', typed),
  row('FSQRT_float',       '0 0 0 11110 ptype:2 1 000011 10000 vn:5 vd:5', typed),
  row('FRINTN_float',      '0 0 0 11110 ptype:2 1 001000 10000 vn:5 vd:5', typed),
  row('FRINTP_float',      '0 0 0 11110 ptype:2 1 001001 10000 vn:5 vd:5', typed),
  row('FRINTM_float',      '0 0 0 11110 ptype:2 1 001010 10000 vn:5 vd:5', typed),
  row('FRINTZ_float',      '0 0 0 11110 ptype:2 1 001011 10000 vn:5 vd:5', typed),
  row('FRINTA_float',      '0 0 0 11110 ptype:2 1 001100 10000 vn:5 vd:5', typed),
  row('FRINTX_float',      '0 0 0 11110 ptype:2 1 001110 10000 vn:5 vd:5', typed),
  row('FRINTI_float',      '0 0 0 11110 ptype:2 1 001111 10000 vn:5 vd:5', typed),
  row('FCVT',              '0 0 0 11110 ptype:2 1 0001 opc:2 10000 vn:5 vd:5', converted),
  row('BFCVT',             '0 0 0 11110 01 1 000110 10000 vn:5 vd:5', { feature: 'BF16', before: ['FCVT'] }),
  row('FRINT32Z_float',    '0 0 0 11110 0 ptype:1 1 0100 00 10000 vn:5 vd:5', { feature: 'FRINTTS' }),
  row('FRINT32X_float',    '0 0 0 11110 0 ptype:1 1 0100 01 10000 vn:5 vd:5', { feature: 'FRINTTS' }),
  row('FRINT64Z_float',    '0 0 0 11110 0 ptype:1 1 0100 10 10000 vn:5 vd:5', { feature: 'FRINTTS' }),
  row('FRINT64X_float',    '0 0 0 11110 0 ptype:1 1 0100 11 10000 vn:5 vd:5', { feature: 'FRINTTS' }),

  // Floating-point compare
  row('FCMP',              '0 0 0 11110 ptype:2 1 vm:5 00 1000 vn:5 00000', typed),
  row('FCMP_zero',         '0 0 0 11110 ptype:2 1 vm:5 00 1000 vn:5 01000', typed),
  row('FCMPE',             '0 0 0 11110 ptype:2 1 vm:5 00 1000 vn:5 10000', typed),
  row('FCMPE_zero',        '0 0 0 11110 ptype:2 1 vm:5 00 1000 vn:5 11000', typed),

  // Floating-point immediate, conditional compare, conditional select
  row('FMOV_float_imm',    '0 0 0 11110 ptype:2 1 imm8:8 100 00000 vd:5', typed),
  row('FCCMP',             '0 0 0 11110 ptype:2 1 vm:5 cond:4 01 vn:5 0 nzcv:4', typed),
  row('FCCMPE',            '0 0 0 11110 ptype:2 1 vm:5 cond:4 01 vn:5 1 nzcv:4', typed),
  row('FCSEL',             '0 0 0 11110 ptype:2 1 vm:5 cond:4 11 vn:5 vd:5', typed),

  // Floating-point data-processing (2 source)
  row('FMUL_float',        '0 0 0 11110 ptype:2 1 vm:5 0000 10 vn:5 vd:5', typed),
  row('FDIV_float',        '0 0 0 11110 ptype:2 1 vm:5 0001 10 vn:5 vd:5', typed),
  row('FADD_float',        '0 0 0 11110 ptype:2 1 vm:5 0010 10 vn:5 vd:5', typed),
  row('FSUB_float',        '0 0 0 11110 ptype:2 1 vm:5 0011 10 vn:5 vd:5', typed),
  row('FMAX_float',        '0 0 0 11110 ptype:2 1 vm:5 0100 10 vn:5 vd:5', typed),
  row('FMIN_float',        '0 0 0 11110 ptype:2 1 vm:5 0101 10 vn:5 vd:5', typed),
  row('FMAXNM_float',      '0 0 0 11110 ptype:2 1 vm:5 0110 10 vn:5 vd:5', typed),
  row('FMINNM_float',      '0 0 0 11110 ptype:2 1 vm:5 0111 10 vn:5 vd:5', typed),
  row('FNMUL_float',       '0 0 0 11110 ptype:2 1 vm:5 1000 10 vn:5 vd:5', typed),

  // Floating-point data-processing (3 source)
  row('FMADD',             '0 0 0 11111 ptype:2 0 vm:5 0 va:5 vn:5 vd:5', typed),
  row('FMSUB',             '0 0 0 11111 ptype:2 0 vm:5 1 va:5 vn:5 vd:5', typed),
  row('FNMADD',            '0 0 0 11111 ptype:2 1 vm:5 0 va:5 vn:5 vd:5', typed),
  row('FNMSUB',            '0 0 0 11111 ptype:2 1 vm:5 1 va:5 vn:5 vd:5', typed),
];
