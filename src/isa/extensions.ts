/** Extensions from Armv8.1 on that no CPU here has, so that the gap can be read off the table. Arm ARM C4.1, A2. */
import { row } from './row.ts';

// biome-ignore format: a table
export const extensions = [
  // Memory tagging (FEAT_MTE)
  row('ADDG',         '1 0 0 100011 0 imm6:6 00 imm4:4 rn:5 rd:5', { feature: 'MTE' }),
  row('SUBG',         '1 1 0 100011 0 imm6:6 00 imm4:4 rn:5 rd:5', { feature: 'MTE' }),
  row('SUBP',         '1 0 0 11010110 rm:5 000000 rn:5 rd:5', { feature: 'MTE' }),
  row('SUBPS',        '1 0 1 11010110 rm:5 000000 rn:5 rd:5', { feature: 'MTE' }),
  row('IRG',          '1 0 0 11010110 rm:5 000100 rn:5 rd:5', { feature: 'MTE' }),
  row('GMI',          '1 0 0 11010110 rm:5 000101 rn:5 rd:5', { feature: 'MTE' }),
  row('STG_post',     '11011001 00 1 imm9:9 01 rn:5 rt:5', { feature: 'MTE' }),
  row('STG',          '11011001 00 1 imm9:9 10 rn:5 rt:5', { feature: 'MTE' }),
  row('STG_pre',      '11011001 00 1 imm9:9 11 rn:5 rt:5', { feature: 'MTE' }),
  row('STZG_post',    '11011001 01 1 imm9:9 01 rn:5 rt:5', { feature: 'MTE' }),
  row('STZG',         '11011001 01 1 imm9:9 10 rn:5 rt:5', { feature: 'MTE' }),
  row('STZG_pre',     '11011001 01 1 imm9:9 11 rn:5 rt:5', { feature: 'MTE' }),
  row('ST2G_post',    '11011001 10 1 imm9:9 01 rn:5 rt:5', { feature: 'MTE' }),
  row('ST2G',         '11011001 10 1 imm9:9 10 rn:5 rt:5', { feature: 'MTE' }),
  row('ST2G_pre',     '11011001 10 1 imm9:9 11 rn:5 rt:5', { feature: 'MTE' }),
  row('STZ2G_post',   '11011001 11 1 imm9:9 01 rn:5 rt:5', { feature: 'MTE' }),
  row('STZ2G',        '11011001 11 1 imm9:9 10 rn:5 rt:5', { feature: 'MTE' }),
  row('STZ2G_pre',    '11011001 11 1 imm9:9 11 rn:5 rt:5', { feature: 'MTE' }),
  row('LDG',          '11011001 01 1 imm9:9 00 rn:5 rt:5', { feature: 'MTE' }),
  row('STZGM',        '11011001 00 1 000000000 00 rn:5 rt:5', { feature: 'MTE' }),
  row('STGM',         '11011001 10 1 000000000 00 rn:5 rt:5', { feature: 'MTE' }),
  row('LDGM',         '11011001 11 1 000000000 00 rn:5 rt:5', { feature: 'MTE' }),
  row('STGP_post',    '01 101 0 001 0 imm7:7 rt2:5 rn:5 rt:5', { feature: 'MTE' }),
  row('STGP',         '01 101 0 010 0 imm7:7 rt2:5 rn:5 rt:5', { feature: 'MTE' }),
  row('STGP_pre',     '01 101 0 011 0 imm7:7 rt2:5 rn:5 rt:5', { feature: 'MTE' }),

  // 64-byte accesses, memory copy and set, waits with timeout, transactions
  row('ST64B',        '11 111000 00 1 11111 1 001 00 rn:5 rt:5', { feature: 'LS64' }),
  row('LD64B',        '11 111000 00 1 11111 1 101 00 rn:5 rt:5', { feature: 'LS64' }),
  row('ST64BV',       '11 111000 00 1 rs:5 1 011 00 rn:5 rt:5', { feature: 'LS64' }),
  row('ST64BV0',      '11 111000 00 1 rs:5 1 010 00 rn:5 rt:5', { feature: 'LS64' }),
  row('WFET',         '1101010100 0 00 011 0001 0000 000 rt:5', { feature: 'WFxT' }),
  row('WFIT',         '1101010100 0 00 011 0001 0000 001 rt:5', { feature: 'WFxT' }),
  row('TSTART',       '1101010100 1 00 011 0011 0000 011 rt:5', { feature: 'TME' }),
  row('TTEST',        '1101010100 1 00 011 0011 0001 011 rt:5', { feature: 'TME' }),
  row('TCOMMIT',      '1101010100 0 00 011 0011 0000 011 11111', { feature: 'TME' }),
  row('TCANCEL',      '11010100 011 imm16:16 000 00', { feature: 'TME' }),
  row('DSB_nXS',      '1101010100 0 00 011 0011 imm2:2 10 001 11111', { feature: 'XS' }),
  row('BC_cond',      '0101010 0 imm19:19 1 cond:4', { feature: 'HBC' }),

  // Common short sequence compression (FEAT_CSSC)
  row('SMAX_imm',     'sf:1 00 1000111 0000 imm8:8 rn:5 rd:5', { feature: 'CSSC' }),
  row('UMAX_imm',     'sf:1 00 1000111 0001 imm8:8 rn:5 rd:5', { feature: 'CSSC' }),
  row('SMIN_imm',     'sf:1 00 1000111 0010 imm8:8 rn:5 rd:5', { feature: 'CSSC' }),
  row('UMIN_imm',     'sf:1 00 1000111 0011 imm8:8 rn:5 rd:5', { feature: 'CSSC' }),
  row('SMAX_reg',     'sf:1 00 11010110 rm:5 011000 rn:5 rd:5', { feature: 'CSSC' }),
  row('UMAX_reg',     'sf:1 00 11010110 rm:5 011001 rn:5 rd:5', { feature: 'CSSC' }),
  row('SMIN_reg',     'sf:1 00 11010110 rm:5 011010 rn:5 rd:5', { feature: 'CSSC' }),
  row('UMIN_reg',     'sf:1 00 11010110 rm:5 011011 rn:5 rd:5', { feature: 'CSSC' }),
  row('CTZ',          'sf:1 10 11010110 00000 000110 rn:5 rd:5', { feature: 'CSSC' }),
  row('CNT',          'sf:1 10 11010110 00000 000111 rn:5 rd:5', { feature: 'CSSC' }),
  row('ABS',          'sf:1 10 11010110 00000 001000 rn:5 rd:5', { feature: 'CSSC' }),

  // Whole classes: memory copy and set (FEAT_MOPS), SVE, SME
  row('CPY',          'size:2 011 o0:1 01 op1:2 0 rs:5 op2:4 01 rn:5 rd:5', { feature: 'MOPS' }),
  row('SVE',          'op0:3 0010 rest:25', { feature: 'SVE' }),
  row('SME',          '1 op0:2 0000 rest:25', { feature: 'SME' }),
];
