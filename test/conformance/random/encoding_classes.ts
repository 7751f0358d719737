/**
 * The classes of the Arm ARM's encoding index (C4.1), with those extensions apart that would drown in a larger class. A
 * campaign is of one class: most instructions of its streams belong to it.
 */
import type { Row } from '../../../src/isa/row.ts';
import { ROWS } from '../../../src/isa/table.ts';

/** In the order of the index. */
export const ENCODING_CLASSES = {
  immediate: 'Data processing (immediate)',
  system: 'Branches, exception generation and system',
  loadStore: 'Loads and stores, general registers',
  atomics: 'Loads and stores, atomics and release consistency (LSE, LRCPC, LOR)',
  vectorLoadStore: 'Loads and stores, SIMD and floating-point',
  register: 'Data processing (register)',
  pointerAuthentication: 'Pointer authentication',
  scalarFloat: 'Scalar floating-point',
  simdScalar: 'Advanced SIMD, scalar',
  simdVector: 'Advanced SIMD, vector',
  cryptography: 'Cryptography',
} as const;
export type EncodingClass = keyof typeof ENCODING_CLASSES;
export const CLASS_NAMES = Object.keys(ENCODING_CLASSES) as EncodingClass[];

const CRYPTOGRAPHY = /^(AES|SHA1|SHA256|SHA512|SHA3|SM3|SM4)$/;
const ATOMICS = /^(LSE|LRCPC|LRCPC2|LOR)$/;

/** Bits 28:25 of the encoding choose the class (table C4-1); what is reserved there (UDF, SVE, SME) counts as system. */
export function classOf({ pattern: { value }, feature }: Row): EncodingClass {
  if (feature === 'PAuth') return 'pointerAuthentication';
  if (CRYPTOGRAPHY.test(feature)) return 'cryptography';
  if (ATOMICS.test(feature)) return 'atomics';
  const op = (value >>> 25) & 15;
  if ((op & 0b1110) === 0b1000) return 'immediate';
  if ((op & 0b0101) === 0b0100) return (value >>> 26) & 1 ? 'vectorLoadStore' : 'loadStore';
  if ((op & 0b0111) === 0b0101) return 'register';
  if ((op & 0b0111) === 0b0111) {
    if (((value >>> 28) & 1) === 0) return 'simdVector';
    return (value >>> 30) & 1 ? 'simdScalar' : 'scalarFloat';
  }
  return 'system';
}

export const rowsOfClass = (name: EncodingClass): readonly Row[] =>
  ROWS.filter((row) => classOf(row) === name);
