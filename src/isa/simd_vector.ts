/** Advanced SIMD: vectors of different shapes, elements, immediates. Arm ARM C4.1.90. */
import type { Fields } from './pattern.ts';
import { row } from './row.ts';

const ADVSIMD = { feature: 'AdvSIMD' };
type Sized = Fields<'q' | 'size'>;
const full = { ...ADVSIMD, unallocated: ({ q, size }: Sized) => !q && size === 3 };
const narrow = { ...ADVSIMD, unallocated: ({ size }: Sized) => size === 3 };
const saturating = { ...ADVSIMD, unallocated: ({ size }: Sized) => size === 0 || size === 3 };
/** Bytes; doublewords come with FEAT_PMULL. */
const polynomial = { ...ADVSIMD, unallocated: ({ size }: Sized) => size === 1 || size === 2 };

/** The lowest bit set of imm5 gives the element's size. */
type Element = Fields<'imm5'>;
const sizeOf = (imm5: number) => (imm5 === 0 ? 5 : 31 - Math.clz32(imm5 & -imm5));
const inserted = { ...ADVSIMD, unallocated: ({ imm5 }: Element) => sizeOf(imm5) > 3 };
const element = {
  ...ADVSIMD,
  unallocated: ({ q, imm5 }: Element & Fields<'q'>) => sizeOf(imm5) > (q ? 3 : 2),
};
const signedMove = {
  ...ADVSIMD,
  unallocated: ({ q, imm5 }: Element & Fields<'q'>) => sizeOf(imm5) > (q ? 2 : 1),
};
const unsignedMove = {
  ...ADVSIMD,
  unallocated: ({ q, imm5 }: Element & Fields<'q'>) => (q ? sizeOf(imm5) !== 3 : sizeOf(imm5) > 2),
};
const extracted = { ...ADVSIMD, unallocated: ({ q, imm4 }: Fields<'q' | 'imm4'>) => !q && imm4 > 7 };

/** immh of 0 is the modified immediates'. */
type Shifted = Fields<'q' | 'immh'>;
const shifted = { ...ADVSIMD, unallocated: ({ q, immh }: Shifted) => immh === 0 || (!q && immh > 7) };
const longShift = { ...ADVSIMD, unallocated: ({ immh }: Shifted) => immh === 0 || immh > 7 };
const fixedPoint = { ...ADVSIMD, unallocated: ({ q, immh }: Shifted) => immh < 2 || (!q && immh > 7) };

const multiplied = { ...ADVSIMD, unallocated: ({ size }: Sized) => size === 0 || size === 3 };
const floatElement = {
  ...ADVSIMD,
  unallocated: ({ q, sz, l }: Fields<'q' | 'sz' | 'l'>) => sz === 1 && (l === 1 || !q),
};

// biome-ignore format: a table
export const simdVector = [
  // Three different
  row('SADDL_vec',          '0 q:1 0 01110 size:2 1 vm:5 0000 00 vn:5 vd:5', narrow),
  row('SADDW_vec',          '0 q:1 0 01110 size:2 1 vm:5 0001 00 vn:5 vd:5', narrow),
  row('SSUBL_vec',          '0 q:1 0 01110 size:2 1 vm:5 0010 00 vn:5 vd:5', narrow),
  row('SSUBW_vec',          '0 q:1 0 01110 size:2 1 vm:5 0011 00 vn:5 vd:5', narrow),
  row('ADDHN_vec',          '0 q:1 0 01110 size:2 1 vm:5 0100 00 vn:5 vd:5', narrow),
  row('SABAL_vec',          '0 q:1 0 01110 size:2 1 vm:5 0101 00 vn:5 vd:5', narrow),
  row('SUBHN_vec',          '0 q:1 0 01110 size:2 1 vm:5 0110 00 vn:5 vd:5', narrow),
  row('SABDL_vec',          '0 q:1 0 01110 size:2 1 vm:5 0111 00 vn:5 vd:5', narrow),
  row('SMLAL_vec',          '0 q:1 0 01110 size:2 1 vm:5 1000 00 vn:5 vd:5', narrow),
  row('SQDMLAL_vec',        '0 q:1 0 01110 size:2 1 vm:5 1001 00 vn:5 vd:5', saturating),
  row('SMLSL_vec',          '0 q:1 0 01110 size:2 1 vm:5 1010 00 vn:5 vd:5', narrow),
  row('SQDMLSL_vec',        '0 q:1 0 01110 size:2 1 vm:5 1011 00 vn:5 vd:5', saturating),
  row('SMULL_vec',          '0 q:1 0 01110 size:2 1 vm:5 1100 00 vn:5 vd:5', narrow),
  row('SQDMULL_vec',        '0 q:1 0 01110 size:2 1 vm:5 1101 00 vn:5 vd:5', saturating),
  row('PMULL_vec',          '0 q:1 0 01110 size:2 1 vm:5 1110 00 vn:5 vd:5', polynomial),
  row('UADDL_vec',          '0 q:1 1 01110 size:2 1 vm:5 0000 00 vn:5 vd:5', narrow),
  row('UADDW_vec',          '0 q:1 1 01110 size:2 1 vm:5 0001 00 vn:5 vd:5', narrow),
  row('USUBL_vec',          '0 q:1 1 01110 size:2 1 vm:5 0010 00 vn:5 vd:5', narrow),
  row('USUBW_vec',          '0 q:1 1 01110 size:2 1 vm:5 0011 00 vn:5 vd:5', narrow),
  row('RADDHN_vec',         '0 q:1 1 01110 size:2 1 vm:5 0100 00 vn:5 vd:5', narrow),
  row('UABAL_vec',          '0 q:1 1 01110 size:2 1 vm:5 0101 00 vn:5 vd:5', narrow),
  row('RSUBHN_vec',         '0 q:1 1 01110 size:2 1 vm:5 0110 00 vn:5 vd:5', narrow),
  row('UABDL_vec',          '0 q:1 1 01110 size:2 1 vm:5 0111 00 vn:5 vd:5', narrow),
  row('UMLAL_vec',          '0 q:1 1 01110 size:2 1 vm:5 1000 00 vn:5 vd:5', narrow),
  row('UMLSL_vec',          '0 q:1 1 01110 size:2 1 vm:5 1010 00 vn:5 vd:5', narrow),
  row('UMULL_vec',          '0 q:1 1 01110 size:2 1 vm:5 1100 00 vn:5 vd:5', narrow),

  // Copy
  row('DUP_elt',            '0 q:1 0 01110000 imm5:5 0 0000 1 vn:5 vd:5', element),
  row('DUP_gen',            '0 q:1 0 01110000 imm5:5 0 0001 1 rn:5 vd:5', element),
  row('SMOV',               '0 q:1 0 01110000 imm5:5 0 0101 1 vn:5 rd:5', signedMove),
  row('UMOV',               '0 q:1 0 01110000 imm5:5 0 0111 1 vn:5 rd:5', unsignedMove),
  row('INS_gen',            '0 1   0 01110000 imm5:5 0 0011 1 rn:5 vd:5', inserted),
  row('INS_elt',            '0 1   1 01110000 imm5:5 0 imm4:4 1 vn:5 vd:5', inserted),

  // Permute, extract, table lookup
  row('UZP1',               '0 q:1 001110 size:2 0 vm:5 0 001 10 vn:5 vd:5', full),
  row('TRN1',               '0 q:1 001110 size:2 0 vm:5 0 010 10 vn:5 vd:5', full),
  row('ZIP1',               '0 q:1 001110 size:2 0 vm:5 0 011 10 vn:5 vd:5', full),
  row('UZP2',               '0 q:1 001110 size:2 0 vm:5 0 101 10 vn:5 vd:5', full),
  row('TRN2',               '0 q:1 001110 size:2 0 vm:5 0 110 10 vn:5 vd:5', full),
  row('ZIP2',               '0 q:1 001110 size:2 0 vm:5 0 111 10 vn:5 vd:5', full),
  row('EXT',                '0 q:1 101110 00 0 vm:5 0 imm4:4 0 vn:5 vd:5', extracted),
  row('TBL',                '0 q:1 001110 00 0 vm:5 0 len:2 0 00 vn:5 vd:5', ADVSIMD),
  row('TBX',                '0 q:1 001110 00 0 vm:5 0 len:2 1 00 vn:5 vd:5', ADVSIMD),

  // Modified immediate
  row('MOVI_shifted',       '0 q:1 0 0111100000 abc:3 0 x:2 0 0 1 defgh:5 vd:5', ADVSIMD),
  row('MOVI_shifted_h',     '0 q:1 0 0111100000 abc:3 10 x:1 0 0 1 defgh:5 vd:5', ADVSIMD),
  row('MOVI_ones',          '0 q:1 0 0111100000 abc:3 110 x:1 0 1 defgh:5 vd:5', ADVSIMD),
  row('MOVI_bytes',         '0 q:1 0 0111100000 abc:3 1110 0 1 defgh:5 vd:5', ADVSIMD),
  row('ORR_asimd_imm',      '0 q:1 0 0111100000 abc:3 0 x:2 1 0 1 defgh:5 vd:5', ADVSIMD),
  row('ORR_asimd_imm_h',    '0 q:1 0 0111100000 abc:3 10 x:1 1 0 1 defgh:5 vd:5', ADVSIMD),
  row('FMOV_asimd_imm',     '0 q:1 0 0111100000 abc:3 1111 0 1 defgh:5 vd:5', ADVSIMD),
  row('MVNI_shifted',       '0 q:1 1 0111100000 abc:3 0 x:2 0 0 1 defgh:5 vd:5', ADVSIMD),
  row('MVNI_shifted_h',     '0 q:1 1 0111100000 abc:3 10 x:1 0 0 1 defgh:5 vd:5', ADVSIMD),
  row('MVNI_ones',          '0 q:1 1 0111100000 abc:3 110 x:1 0 1 defgh:5 vd:5', ADVSIMD),
  row('BIC_asimd_imm',      '0 q:1 1 0111100000 abc:3 0 x:2 1 0 1 defgh:5 vd:5', ADVSIMD),
  row('BIC_asimd_imm_h',    '0 q:1 1 0111100000 abc:3 10 x:1 1 0 1 defgh:5 vd:5', ADVSIMD),
  row('MOVI_64',            '0 q:1 1 0111100000 abc:3 1110 0 1 defgh:5 vd:5', ADVSIMD),
  row('FMOV_asimd_imm_d',   '0 1   1 0111100000 abc:3 1111 0 1 defgh:5 vd:5', ADVSIMD),
  row('FMOV_asimd_imm_h',   '0 q:1 0 0111100000 abc:3 1111 1 1 defgh:5 vd:5', { feature: 'FP16' }),

  // Shift by immediate
  row('SSHR_asimd_imm',     '0 q:1 0 011110 immh:4 immb:3 00000 1 vn:5 vd:5', shifted),
  row('SSRA_asimd_imm',     '0 q:1 0 011110 immh:4 immb:3 00010 1 vn:5 vd:5', shifted),
  row('SRSHR_asimd_imm',    '0 q:1 0 011110 immh:4 immb:3 00100 1 vn:5 vd:5', shifted),
  row('SRSRA_asimd_imm',    '0 q:1 0 011110 immh:4 immb:3 00110 1 vn:5 vd:5', shifted),
  row('SHL_asimd_imm',      '0 q:1 0 011110 immh:4 immb:3 01010 1 vn:5 vd:5', shifted),
  row('SQSHL_asimd_imm',    '0 q:1 0 011110 immh:4 immb:3 01110 1 vn:5 vd:5', shifted),
  row('SHRN_asimd_imm',     '0 q:1 0 011110 immh:4 immb:3 10000 1 vn:5 vd:5', longShift),
  row('RSHRN_asimd_imm',    '0 q:1 0 011110 immh:4 immb:3 10001 1 vn:5 vd:5', longShift),
  row('SQSHRN_asimd_imm',   '0 q:1 0 011110 immh:4 immb:3 10010 1 vn:5 vd:5', longShift),
  row('SQRSHRN_asimd_imm',  '0 q:1 0 011110 immh:4 immb:3 10011 1 vn:5 vd:5', longShift),
  row('SSHLL_asimd_imm',    '0 q:1 0 011110 immh:4 immb:3 10100 1 vn:5 vd:5', longShift),
  row('SCVTF_asimd_imm',    '0 q:1 0 011110 immh:4 immb:3 11100 1 vn:5 vd:5', fixedPoint),
  row('FCVTZS_asimd_imm',   '0 q:1 0 011110 immh:4 immb:3 11111 1 vn:5 vd:5', fixedPoint),
  row('USHR_asimd_imm',     '0 q:1 1 011110 immh:4 immb:3 00000 1 vn:5 vd:5', shifted),
  row('USRA_asimd_imm',     '0 q:1 1 011110 immh:4 immb:3 00010 1 vn:5 vd:5', shifted),
  row('URSHR_asimd_imm',    '0 q:1 1 011110 immh:4 immb:3 00100 1 vn:5 vd:5', shifted),
  row('URSRA_asimd_imm',    '0 q:1 1 011110 immh:4 immb:3 00110 1 vn:5 vd:5', shifted),
  row('SRI_asimd_imm',      '0 q:1 1 011110 immh:4 immb:3 01000 1 vn:5 vd:5', shifted),
  row('SLI_asimd_imm',      '0 q:1 1 011110 immh:4 immb:3 01010 1 vn:5 vd:5', shifted),
  row('SQSHLU_asimd_imm',   '0 q:1 1 011110 immh:4 immb:3 01100 1 vn:5 vd:5', shifted),
  row('UQSHL_asimd_imm',    '0 q:1 1 011110 immh:4 immb:3 01110 1 vn:5 vd:5', shifted),
  row('SQSHRUN_asimd_imm',  '0 q:1 1 011110 immh:4 immb:3 10000 1 vn:5 vd:5', longShift),
  row('SQRSHRUN_asimd_imm', '0 q:1 1 011110 immh:4 immb:3 10001 1 vn:5 vd:5', longShift),
  row('UQSHRN_asimd_imm',   '0 q:1 1 011110 immh:4 immb:3 10010 1 vn:5 vd:5', longShift),
  row('UQRSHRN_asimd_imm',  '0 q:1 1 011110 immh:4 immb:3 10011 1 vn:5 vd:5', longShift),
  row('USHLL_asimd_imm',    '0 q:1 1 011110 immh:4 immb:3 10100 1 vn:5 vd:5', longShift),
  row('UCVTF_asimd_imm',    '0 q:1 1 011110 immh:4 immb:3 11100 1 vn:5 vd:5', fixedPoint),
  row('FCVTZU_asimd_imm',   '0 q:1 1 011110 immh:4 immb:3 11111 1 vn:5 vd:5', fixedPoint),

  // By element
  row('SMLAL_elt',          '0 q:1 0 01111 size:2 l:1 m:1 vm:4 0010 h:1 0 vn:5 vd:5', multiplied),
  row('SQDMLAL_elt',        '0 q:1 0 01111 size:2 l:1 m:1 vm:4 0011 h:1 0 vn:5 vd:5', multiplied),
  row('SMLSL_elt',          '0 q:1 0 01111 size:2 l:1 m:1 vm:4 0110 h:1 0 vn:5 vd:5', multiplied),
  row('SQDMLSL_elt',        '0 q:1 0 01111 size:2 l:1 m:1 vm:4 0111 h:1 0 vn:5 vd:5', multiplied),
  row('MUL_elt',            '0 q:1 0 01111 size:2 l:1 m:1 vm:4 1000 h:1 0 vn:5 vd:5', multiplied),
  row('SMULL_elt',          '0 q:1 0 01111 size:2 l:1 m:1 vm:4 1010 h:1 0 vn:5 vd:5', multiplied),
  row('SQDMULL_elt',        '0 q:1 0 01111 size:2 l:1 m:1 vm:4 1011 h:1 0 vn:5 vd:5', multiplied),
  row('SQDMULH_elt',        '0 q:1 0 01111 size:2 l:1 m:1 vm:4 1100 h:1 0 vn:5 vd:5', multiplied),
  row('SQRDMULH_elt',       '0 q:1 0 01111 size:2 l:1 m:1 vm:4 1101 h:1 0 vn:5 vd:5', multiplied),
  row('MLA_elt',            '0 q:1 1 01111 size:2 l:1 m:1 vm:4 0000 h:1 0 vn:5 vd:5', multiplied),
  row('UMLAL_elt',          '0 q:1 1 01111 size:2 l:1 m:1 vm:4 0010 h:1 0 vn:5 vd:5', multiplied),
  row('MLS_elt',            '0 q:1 1 01111 size:2 l:1 m:1 vm:4 0100 h:1 0 vn:5 vd:5', multiplied),
  row('UMLSL_elt',          '0 q:1 1 01111 size:2 l:1 m:1 vm:4 0110 h:1 0 vn:5 vd:5', multiplied),
  row('UMULL_elt',          '0 q:1 1 01111 size:2 l:1 m:1 vm:4 1010 h:1 0 vn:5 vd:5', multiplied),
  row('SQRDMLAH_elt',       '0 q:1 1 01111 size:2 l:1 m:1 vm:4 1101 h:1 0 vn:5 vd:5', { ...multiplied, feature: 'RDM' }),
  row('SQRDMLSH_elt',       '0 q:1 1 01111 size:2 l:1 m:1 vm:4 1111 h:1 0 vn:5 vd:5', { ...multiplied, feature: 'RDM' }),
  row('FMLA_elt',           '0 q:1 0 01111 1 sz:1 l:1 m:1 vm:4 0001 h:1 0 vn:5 vd:5', floatElement),
  row('FMLA_elt_h',         '0 q:1 0 01111 00 l:1 m:1 vm:4 0001 h:1 0 vn:5 vd:5', { feature: 'FP16' }),
  row('FMLS_elt',           '0 q:1 0 01111 1 sz:1 l:1 m:1 vm:4 0101 h:1 0 vn:5 vd:5', floatElement),
  row('FMLS_elt_h',         '0 q:1 0 01111 00 l:1 m:1 vm:4 0101 h:1 0 vn:5 vd:5', { feature: 'FP16' }),
  row('FMUL_elt',           '0 q:1 0 01111 1 sz:1 l:1 m:1 vm:4 1001 h:1 0 vn:5 vd:5', floatElement),
  row('FMUL_elt_h',         '0 q:1 0 01111 00 l:1 m:1 vm:4 1001 h:1 0 vn:5 vd:5', { feature: 'FP16' }),
  row('FMULX_elt',          '0 q:1 1 01111 1 sz:1 l:1 m:1 vm:4 1001 h:1 0 vn:5 vd:5', floatElement),
  row('FMULX_elt_h',        '0 q:1 1 01111 00 l:1 m:1 vm:4 1001 h:1 0 vn:5 vd:5', { feature: 'FP16' }),
  row('FMLAL_elt',          '0 q:1 0 01111 10 l:1 m:1 vm:4 0000 h:1 0 vn:5 vd:5', { feature: 'FHM' }),
  row('FMLSL_elt',          '0 q:1 0 01111 10 l:1 m:1 vm:4 0100 h:1 0 vn:5 vd:5', { feature: 'FHM' }),
  row('FMLAL2_elt',         '0 q:1 1 01111 10 l:1 m:1 vm:4 1000 h:1 0 vn:5 vd:5', { feature: 'FHM' }),
  row('FMLSL2_elt',         '0 q:1 1 01111 10 l:1 m:1 vm:4 1100 h:1 0 vn:5 vd:5', { feature: 'FHM' }),
  row('SDOT_elt',           '0 q:1 0 01111 10 l:1 m:1 vm:4 1110 h:1 0 vn:5 vd:5', { feature: 'DotProd' }),
  row('UDOT_elt',           '0 q:1 1 01111 10 l:1 m:1 vm:4 1110 h:1 0 vn:5 vd:5', { feature: 'DotProd' }),
  row('SUDOT_elt',          '0 q:1 0 01111 00 l:1 m:1 vm:4 1111 h:1 0 vn:5 vd:5', { feature: 'I8MM' }),
  row('USDOT_elt',          '0 q:1 0 01111 10 l:1 m:1 vm:4 1111 h:1 0 vn:5 vd:5', { feature: 'I8MM' }),
  row('BFDOT_elt',          '0 q:1 0 01111 01 l:1 m:1 vm:4 1111 h:1 0 vn:5 vd:5', { feature: 'BF16' }),
  row('BFMLALB_elt',      '0 0   0 01111 11 l:1 m:1 vm:4 1111 h:1 0 vn:5 vd:5', { feature: 'BF16' }),
  row('BFMLALT_elt',      '0 1   0 01111 11 l:1 m:1 vm:4 1111 h:1 0 vn:5 vd:5', { feature: 'BF16' }),
  row('FCMLA_elt_h',        '0 q:1 1 01111 01 l:1 m:1 vm:4 0 rot:2 1 h:1 0 vn:5 vd:5', { feature: 'FCMA', unallocated: ({ q, h }) => !q && h === 1 }),
  row('FCMLA_elt_s',      '0 1   1 01111 10 0   m:1 vm:4 0 rot:2 1 h:1 0 vn:5 vd:5', { feature: 'FCMA' }),
];
