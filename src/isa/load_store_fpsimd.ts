/** Loads and stores of the SIMD and floating-point registers. Arm ARM C4.1.88. */
import type { Fields } from './pattern.ts';
import { row } from './row.ts';

const FP = { feature: 'FP' };
const indexed = { ...FP, unallocated: ({ option }: Fields<'option'>) => (option & 2) === 0 };

// biome-ignore format: a table
export const loadStoreFpSimd = [
  // Load/store register (unscaled immediate)
  row('STUR_8_fpsimd',           '00 111 1 00 00 0 imm9:9 00 rn:5 vt:5', FP),
  row('LDUR_8_fpsimd',           '00 111 1 00 01 0 imm9:9 00 rn:5 vt:5', FP),
  row('STUR_16_fpsimd',          '01 111 1 00 00 0 imm9:9 00 rn:5 vt:5', FP),
  row('LDUR_16_fpsimd',          '01 111 1 00 01 0 imm9:9 00 rn:5 vt:5', FP),
  row('STUR_32_fpsimd',          '10 111 1 00 00 0 imm9:9 00 rn:5 vt:5', FP),
  row('LDUR_32_fpsimd',          '10 111 1 00 01 0 imm9:9 00 rn:5 vt:5', FP),
  row('STUR_64_fpsimd',          '11 111 1 00 00 0 imm9:9 00 rn:5 vt:5', FP),
  row('LDUR_64_fpsimd',          '11 111 1 00 01 0 imm9:9 00 rn:5 vt:5', FP),
  row('STUR_128_fpsimd',         '00 111 1 00 10 0 imm9:9 00 rn:5 vt:5', FP),
  row('LDUR_128_fpsimd',         '00 111 1 00 11 0 imm9:9 00 rn:5 vt:5', FP),

  // Load/store register (immediate post-indexed)
  row('STR_8_fpsimd_imm_post',   '00 111 1 00 00 0 imm9:9 01 rn:5 vt:5', FP),
  row('LDR_8_fpsimd_imm_post',   '00 111 1 00 01 0 imm9:9 01 rn:5 vt:5', FP),
  row('STR_16_fpsimd_imm_post',  '01 111 1 00 00 0 imm9:9 01 rn:5 vt:5', FP),
  row('LDR_16_fpsimd_imm_post',  '01 111 1 00 01 0 imm9:9 01 rn:5 vt:5', FP),
  row('STR_32_fpsimd_imm_post',  '10 111 1 00 00 0 imm9:9 01 rn:5 vt:5', FP),
  row('LDR_32_fpsimd_imm_post',  '10 111 1 00 01 0 imm9:9 01 rn:5 vt:5', FP),
  row('STR_64_fpsimd_imm_post',  '11 111 1 00 00 0 imm9:9 01 rn:5 vt:5', FP),
  row('LDR_64_fpsimd_imm_post',  '11 111 1 00 01 0 imm9:9 01 rn:5 vt:5', FP),
  row('STR_128_fpsimd_imm_post', '00 111 1 00 10 0 imm9:9 01 rn:5 vt:5', FP),
  row('LDR_128_fpsimd_imm_post', '00 111 1 00 11 0 imm9:9 01 rn:5 vt:5', FP),

  // Load/store register (immediate pre-indexed)
  row('STR_8_fpsimd_imm_pre',    '00 111 1 00 00 0 imm9:9 11 rn:5 vt:5', FP),
  row('LDR_8_fpsimd_imm_pre',    '00 111 1 00 01 0 imm9:9 11 rn:5 vt:5', FP),
  row('STR_16_fpsimd_imm_pre',   '01 111 1 00 00 0 imm9:9 11 rn:5 vt:5', FP),
  row('LDR_16_fpsimd_imm_pre',   '01 111 1 00 01 0 imm9:9 11 rn:5 vt:5', FP),
  row('STR_32_fpsimd_imm_pre',   '10 111 1 00 00 0 imm9:9 11 rn:5 vt:5', FP),
  row('LDR_32_fpsimd_imm_pre',   '10 111 1 00 01 0 imm9:9 11 rn:5 vt:5', FP),
  row('STR_64_fpsimd_imm_pre',   '11 111 1 00 00 0 imm9:9 11 rn:5 vt:5', FP),
  row('LDR_64_fpsimd_imm_pre',   '11 111 1 00 01 0 imm9:9 11 rn:5 vt:5', FP),
  row('STR_128_fpsimd_imm_pre',  '00 111 1 00 10 0 imm9:9 11 rn:5 vt:5', FP),
  row('LDR_128_fpsimd_imm_pre',  '00 111 1 00 11 0 imm9:9 11 rn:5 vt:5', FP),

  // Load/store register (register offset)
  row('STR_8_fpsimd_reg',        '00 111 1 00 00 1 rm:5 option:3 s:1 10 rn:5 vt:5', indexed),
  row('LDR_8_fpsimd_reg',        '00 111 1 00 01 1 rm:5 option:3 s:1 10 rn:5 vt:5', indexed),
  row('STR_16_fpsimd_reg',       '01 111 1 00 00 1 rm:5 option:3 s:1 10 rn:5 vt:5', indexed),
  row('LDR_16_fpsimd_reg',       '01 111 1 00 01 1 rm:5 option:3 s:1 10 rn:5 vt:5', indexed),
  row('STR_32_fpsimd_reg',       '10 111 1 00 00 1 rm:5 option:3 s:1 10 rn:5 vt:5', indexed),
  row('LDR_32_fpsimd_reg',       '10 111 1 00 01 1 rm:5 option:3 s:1 10 rn:5 vt:5', indexed),
  row('STR_64_fpsimd_reg',       '11 111 1 00 00 1 rm:5 option:3 s:1 10 rn:5 vt:5', indexed),
  row('LDR_64_fpsimd_reg',       '11 111 1 00 01 1 rm:5 option:3 s:1 10 rn:5 vt:5', indexed),
  row('STR_128_fpsimd_reg',      '00 111 1 00 10 1 rm:5 option:3 s:1 10 rn:5 vt:5', indexed),
  row('LDR_128_fpsimd_reg',      '00 111 1 00 11 1 rm:5 option:3 s:1 10 rn:5 vt:5', indexed),

  // Load/store register (unsigned immediate)
  row('STR_8_fpsimd_imm',        '00 111 1 01 00 imm12:12 rn:5 vt:5', FP),
  row('LDR_8_fpsimd_imm',        '00 111 1 01 01 imm12:12 rn:5 vt:5', FP),
  row('STR_16_fpsimd_imm',       '01 111 1 01 00 imm12:12 rn:5 vt:5', FP),
  row('LDR_16_fpsimd_imm',       '01 111 1 01 01 imm12:12 rn:5 vt:5', FP),
  row('STR_32_fpsimd_imm',       '10 111 1 01 00 imm12:12 rn:5 vt:5', FP),
  row('LDR_32_fpsimd_imm',       '10 111 1 01 01 imm12:12 rn:5 vt:5', FP),
  row('STR_64_fpsimd_imm',       '11 111 1 01 00 imm12:12 rn:5 vt:5', FP),
  row('LDR_64_fpsimd_imm',       '11 111 1 01 01 imm12:12 rn:5 vt:5', FP),
  row('STR_128_fpsimd_imm',      '00 111 1 01 10 imm12:12 rn:5 vt:5', FP),
  row('LDR_128_fpsimd_imm',      '00 111 1 01 11 imm12:12 rn:5 vt:5', FP),

  // Load register (literal)
  row('LDR_32_fpsimd_lit',       '00 011 1 00 imm19:19 vt:5', FP),
  row('LDR_64_fpsimd_lit',       '01 011 1 00 imm19:19 vt:5', FP),
  row('LDR_128_fpsimd_lit',      '10 011 1 00 imm19:19 vt:5', FP),

  // Load/store no-allocate pair (offset)
  row('STNP_32_fpsimd',          '00 101 1 000 0 imm7:7 vt2:5 rn:5 vt:5', FP),
  row('LDNP_32_fpsimd',          '00 101 1 000 1 imm7:7 vt2:5 rn:5 vt:5', FP),
  row('STNP_64_fpsimd',          '01 101 1 000 0 imm7:7 vt2:5 rn:5 vt:5', FP),
  row('LDNP_64_fpsimd',          '01 101 1 000 1 imm7:7 vt2:5 rn:5 vt:5', FP),
  row('STNP_128_fpsimd',         '10 101 1 000 0 imm7:7 vt2:5 rn:5 vt:5', FP),
  row('LDNP_128_fpsimd',         '10 101 1 000 1 imm7:7 vt2:5 rn:5 vt:5', FP),

  // Load/store register pair (post-indexed)
  row('STP_32_fpsimd_post',      '00 101 1 001 0 imm7:7 vt2:5 rn:5 vt:5', FP),
  row('LDP_32_fpsimd_post',      '00 101 1 001 1 imm7:7 vt2:5 rn:5 vt:5', FP),
  row('STP_64_fpsimd_post',      '01 101 1 001 0 imm7:7 vt2:5 rn:5 vt:5', FP),
  row('LDP_64_fpsimd_post',      '01 101 1 001 1 imm7:7 vt2:5 rn:5 vt:5', FP),
  row('STP_128_fpsimd_post',     '10 101 1 001 0 imm7:7 vt2:5 rn:5 vt:5', FP),
  row('LDP_128_fpsimd_post',     '10 101 1 001 1 imm7:7 vt2:5 rn:5 vt:5', FP),

  // Load/store register pair (offset)
  row('STP_32_fpsimd',           '00 101 1 010 0 imm7:7 vt2:5 rn:5 vt:5', FP),
  row('LDP_32_fpsimd',           '00 101 1 010 1 imm7:7 vt2:5 rn:5 vt:5', FP),
  row('STP_64_fpsimd',           '01 101 1 010 0 imm7:7 vt2:5 rn:5 vt:5', FP),
  row('LDP_64_fpsimd',           '01 101 1 010 1 imm7:7 vt2:5 rn:5 vt:5', FP),
  row('STP_128_fpsimd',          '10 101 1 010 0 imm7:7 vt2:5 rn:5 vt:5', FP),
  row('LDP_128_fpsimd',          '10 101 1 010 1 imm7:7 vt2:5 rn:5 vt:5', FP),

  // Load/store register pair (pre-indexed)
  row('STP_32_fpsimd_pre',       '00 101 1 011 0 imm7:7 vt2:5 rn:5 vt:5', FP),
  row('LDP_32_fpsimd_pre',       '00 101 1 011 1 imm7:7 vt2:5 rn:5 vt:5', FP),
  row('STP_64_fpsimd_pre',       '01 101 1 011 0 imm7:7 vt2:5 rn:5 vt:5', FP),
  row('LDP_64_fpsimd_pre',       '01 101 1 011 1 imm7:7 vt2:5 rn:5 vt:5', FP),
  row('STP_128_fpsimd_pre',      '10 101 1 011 0 imm7:7 vt2:5 rn:5 vt:5', FP),
  row('LDP_128_fpsimd_pre',      '10 101 1 011 1 imm7:7 vt2:5 rn:5 vt:5', FP),
];
