/** The instruction table: every row, the decoder, and the check that no row shadows another. */
import { atomics } from './atomics.ts';
import { bitfield } from './bitfield.ts';
import { branches } from './branches.ts';
import { conditional } from './conditional.ts';
import { crc32 } from './crc32.ts';
import { cryptography } from './cryptography.ts';
import { cryptographyArmv82 } from './cryptography_armv82.ts';
import { dataProcessingAddSub } from './data_processing_addsub.ts';
import { dataProcessingLogical } from './data_processing_logical.ts';
import { dataProcessingRegister } from './data_processing_register.ts';
import { exceptionGeneration } from './exception_generation.ts';
import { extensions } from './extensions.ts';
import { extract } from './extract.ts';
import { flagManipulation } from './flag_manipulation.ts';
import { floatingPoint } from './floating_point.ts';
import { loadAcquire } from './load_acquire.ts';
import { loadStoreExclusive } from './load_store_exclusive.ts';
import { loadStoreFpSimd } from './load_store_fpsimd.ts';
import { loadStoreImmediate } from './load_store_immediate.ts';
import { loadStoreLiteral } from './load_store_literal.ts';
import { loadStorePair } from './load_store_pair.ts';
import { loadStoreRegisterOffset } from './load_store_register_offset.ts';
import { loadStoreStructures } from './load_store_structures.ts';
import { loadStoreUnprivileged } from './load_store_unprivileged.ts';
import { moveWide } from './move_wide.ts';
import { extractFields, type Fields } from './pattern.ts';
import { pcRelative } from './pc_relative.ts';
import { pointerAuthentication } from './pointer_authentication.ts';
import type { Feature, Row } from './row.ts';
import { RowTree } from './row_tree.ts';
import { simdScalar } from './simd_scalar.ts';
import { simdThreeSame } from './simd_three_same.ts';
import { simdTwoRegister } from './simd_two_register.ts';
import { simdVector } from './simd_vector.ts';
import { system } from './system.ts';

/** In the order of the Arm ARM's encoding index. */
export const ROWS: readonly Row[] = [
  ...pcRelative,
  ...dataProcessingAddSub,
  ...dataProcessingLogical,
  ...moveWide,
  ...bitfield,
  ...extract,
  ...branches,
  ...exceptionGeneration,
  ...system,
  ...flagManipulation,
  ...loadStoreExclusive,
  ...loadStoreLiteral,
  ...loadStorePair,
  ...loadStoreImmediate,
  ...loadStoreUnprivileged,
  ...loadStoreRegisterOffset,
  ...dataProcessingRegister,
  ...conditional,
  ...loadStoreFpSimd,
  ...loadStoreStructures,
  ...floatingPoint,
  ...simdThreeSame,
  ...simdTwoRegister,
  ...simdVector,
  ...simdScalar,
  ...cryptography,
  ...cryptographyArmv82,
  ...crc32,
  ...atomics,
  ...loadAcquire,
  ...pointerAuthentication,
  ...extensions,
];

export interface Decoded {
  readonly row: Row;
  readonly fields: Fields;
}

const byName = new Map(ROWS.map((row) => [row.name, row]));
/** Rows that take encodings from others come before them, and those before the rows that they take from. */
const rank = (row: Row): number =>
  row.before.reduce((highest, name) => {
    const other = byName.get(name);
    if (!other) throw new Error(`${row.name} is before ${name}, which is no row`);
    return Math.max(highest, 1 + rank(other));
  }, 0);
/** All rows, each in front of those that it takes encodings from. */
export const ORDERED_ROWS: readonly Row[] = [...ROWS].sort((a, b) => rank(b) - rank(a));

const tree = new RowTree(ORDERED_ROWS, (rows) => rows);

/** For those who read instructions rather than execute them. */
export const EVERY_FEATURE: ReadonlySet<Feature> = new Set(ROWS.map(({ feature }) => feature));

/**
 * The row that the instruction word belongs to on a CPU with `features`, implemented or not, and its fields; undefined if it is
 * unallocated there. Rows of other features do not exist: a hint among them is HINT.
 */
export function decode(word: number, features: ReadonlySet<Feature> = EVERY_FEATURE): Decoded | undefined {
  for (const row of tree.leafOf(word)) {
    if (!features.has(row.feature)) continue;
    const fields = match(row, word);
    if (fields) return { row, fields };
  }
  return undefined;
}

/** The word's fields if the row's encoding includes it. */
export function match(row: Row, word: number): Fields | undefined {
  if (((word ^ row.pattern.value) & row.pattern.mask) !== 0) return undefined;
  const fields = extractFields(row.pattern, word);
  return row.unallocated?.(fields) ? undefined : fields;
}
