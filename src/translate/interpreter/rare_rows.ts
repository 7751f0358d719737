/**
 * Base instructions that kernels and hypervisors hardly execute. A loop of all handlers costs every start: V8 spends as long on its
 * least used third as on any other, and no guest waits for these. They are functions, made when an instruction first needs them.
 *
 * Half of them no instruction of a Linux boot to its shell decodes, the others a handful each.
 */
const SIGNED = ['SB_32', 'SB_64', 'SH_32', 'SH_64', 'SW'].map((name) => `LDR${name}`);
const WRITE_BACK = ['pre', 'post'] as const;

export const RARE_ROWS: ReadonlySet<string> = new Set([
  ...[
    'ADC',
    'ADCS',
    'SBC',
    'SBCS',
    'EON_shift',
    'ADDS_ext',
    'RORV',
    'CLS',
    'REV32',
    'SMSUBL',
    'UMSUBL',
    'CCMN_reg',
  ],
  // Exclusive loads of bytes, halfwords and pairs, and release and acquire of halfwords. Exclusive stores decide, as branches do.
  ...['B', 'H'].flatMap((size) => [`LDXR${size}`, `LDAXR${size}`]),
  ...['32', '64'].flatMap((size) => ['LDXP', 'LDAXP'].map((name) => `${name}_${size}`)),
  ...['STLRH', 'LDARH'],
  // Signed loads but for those at an unsigned offset.
  ...SIGNED.flatMap((name) => [`${name}_reg`, ...WRITE_BACK.map((mode) => `${name}_imm_${mode}`)]),
  ...SIGNED.flatMap((name) => [name.replace('LDR', 'LDUR'), name.replace('LDR', 'LDTR')]),
  // Write-back of halves, words and pairs of words, which compilers seldom choose.
  ...['STRH', 'LDRH'].flatMap((name) => WRITE_BACK.map((mode) => `${name}_imm_${mode}`)),
  ...['STRB', 'STR_32', 'LDR_32'].map((name) => `${name}_imm_pre`),
  ...['STP_32', 'LDP_32', 'LDPSW'].flatMap((name) => WRITE_BACK.map((mode) => `${name}_${mode}`)),
  ...['LDPSW', 'STNP_32', 'LDNP_32', 'STNP_64', 'LDNP_64', 'LDR_32_lit', 'LDRSW_lit', 'LDURH', 'STURH'],
  ...['STRH_reg', 'LDTRH', 'STTRH'],
]);
