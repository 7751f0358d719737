/** Cryptographic extensions. Arm ARM C4.1.90. */
import { row } from './row.ts';

// biome-ignore format: a table
export const cryptography = [
  // AES
  row('AESE',      '01001110 00 10100 00100 10 vn:5 vd:5', { feature: 'AES' }),
  row('AESD',      '01001110 00 10100 00101 10 vn:5 vd:5', { feature: 'AES' }),
  row('AESMC',     '01001110 00 10100 00110 10 vn:5 vd:5', { feature: 'AES' }),
  row('AESIMC',    '01001110 00 10100 00111 10 vn:5 vd:5', { feature: 'AES' }),

  // SHA-1 and SHA-256
  row('SHA1C',     '01011110 00 0 vm:5 0 000 00 vn:5 vd:5', { feature: 'SHA1' }),
  row('SHA1P',     '01011110 00 0 vm:5 0 001 00 vn:5 vd:5', { feature: 'SHA1' }),
  row('SHA1M',     '01011110 00 0 vm:5 0 010 00 vn:5 vd:5', { feature: 'SHA1' }),
  row('SHA1SU0',   '01011110 00 0 vm:5 0 011 00 vn:5 vd:5', { feature: 'SHA1' }),
  row('SHA256H',   '01011110 00 0 vm:5 0 100 00 vn:5 vd:5', { feature: 'SHA256' }),
  row('SHA256H2',  '01011110 00 0 vm:5 0 101 00 vn:5 vd:5', { feature: 'SHA256' }),
  row('SHA256SU1', '01011110 00 0 vm:5 0 110 00 vn:5 vd:5', { feature: 'SHA256' }),
  row('SHA1H',     '01011110 00 10100 00000 10 vn:5 vd:5', { feature: 'SHA1' }),
  row('SHA1SU1',   '01011110 00 10100 00001 10 vn:5 vd:5', { feature: 'SHA1' }),
  row('SHA256SU0', '01011110 00 10100 00010 10 vn:5 vd:5', { feature: 'SHA256' }),

  // SHA-512, SHA-3, SM3, SM4
  row('SHA512H',   '11001110 011 vm:5 1 0 00 00 vn:5 vd:5', { feature: 'SHA512' }),
  row('SHA512H2',  '11001110 011 vm:5 1 0 00 01 vn:5 vd:5', { feature: 'SHA512' }),
  row('SHA512SU1', '11001110 011 vm:5 1 0 00 10 vn:5 vd:5', { feature: 'SHA512' }),
  row('RAX1',      '11001110 011 vm:5 1 0 00 11 vn:5 vd:5', { feature: 'SHA3' }),
  row('SM3PARTW1', '11001110 011 vm:5 1 1 00 00 vn:5 vd:5', { feature: 'SM3' }),
  row('SM3PARTW2', '11001110 011 vm:5 1 1 00 01 vn:5 vd:5', { feature: 'SM3' }),
  row('SM4EKEY',   '11001110 011 vm:5 1 1 00 10 vn:5 vd:5', { feature: 'SM4' }),
  row('SHA512SU0', '11001110 110 00000 1000 00 vn:5 vd:5', { feature: 'SHA512' }),
  row('SM4E',      '11001110 110 00000 1000 01 vn:5 vd:5', { feature: 'SM4' }),
  row('EOR3',      '11001110 0 00 vm:5 0 va:5 vn:5 vd:5', { feature: 'SHA3' }),
  row('BCAX',      '11001110 0 01 vm:5 0 va:5 vn:5 vd:5', { feature: 'SHA3' }),
  row('SM3SS1',    '11001110 0 10 vm:5 0 va:5 vn:5 vd:5', { feature: 'SM3' }),
  row('XAR',       '11001110 100 vm:5 imm6:6 vn:5 vd:5', { feature: 'SHA3' }),
  row('SM3TT1A',   '11001110 010 vm:5 10 imm2:2 00 vn:5 vd:5', { feature: 'SM3' }),
  row('SM3TT1B',   '11001110 010 vm:5 10 imm2:2 01 vn:5 vd:5', { feature: 'SM3' }),
  row('SM3TT2A',   '11001110 010 vm:5 10 imm2:2 10 vn:5 vd:5', { feature: 'SM3' }),
  row('SM3TT2B',   '11001110 010 vm:5 10 imm2:2 11 vn:5 vd:5', { feature: 'SM3' }),
];
