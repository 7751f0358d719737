/** The instruction table: every row, the decoder, and the check that no row shadows another. */
import { bitfield } from './bitfield.ts';
import { branches } from './branches.ts';
import { conditional } from './conditional.ts';
import { dataProcessingAddSub } from './data_processing_addsub.ts';
import { dataProcessingLogical } from './data_processing_logical.ts';
import { dataProcessingRegister } from './data_processing_register.ts';
import { exceptionGeneration } from './exception_generation.ts';
import { extract } from './extract.ts';
import { loadStoreExclusive } from './load_store_exclusive.ts';
import { loadStoreImmediate } from './load_store_immediate.ts';
import { loadStoreLiteral } from './load_store_literal.ts';
import { loadStorePair } from './load_store_pair.ts';
import { loadStoreRegisterOffset } from './load_store_register_offset.ts';
import { loadStoreUnprivileged } from './load_store_unprivileged.ts';
import { moveWide } from './move_wide.ts';
import { extractFields, type Fields } from './pattern.ts';
import { pcRelative } from './pc_relative.ts';
import type { Row } from './row.ts';
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
  ...loadStoreExclusive,
  ...loadStoreLiteral,
  ...loadStorePair,
  ...loadStoreImmediate,
  ...loadStoreUnprivileged,
  ...loadStoreRegisterOffset,
  ...dataProcessingRegister,
  ...conditional,
];

export interface Decoded {
  readonly row: Row;
  readonly fields: Fields;
}

// Two levels: bits 31..21 tell most classes apart, bits 15..10 the opcodes below them.
const CLASS_MASK = 0xffe0_0000;
const OPCODE_MASK = 0x0000_fc00;
/** A class with so few rows is searched without its second level. */
const FEW = 3;

const couldMatch = (rows: readonly Row[], word: number, mask: number) =>
  rows.filter(({ pattern }) => ((word ^ pattern.value) & pattern.mask & mask) === 0);

const byName = new Map(ROWS.map((row) => [row.name, row]));
/** Rows that take encodings from others come before them, and those before the rows that they take from. */
const rank = (row: Row): number =>
  row.before.reduce((highest, name) => {
    const other = byName.get(name);
    if (!other) throw new Error(`${row.name} is before ${name}, which is no row`);
    return Math.max(highest, 1 + rank(other));
  }, 0);
const ordered = [...ROWS].sort((a, b) => rank(b) - rank(a));

const classes: (readonly Row[])[] = Array.from({ length: 2048 }, (_, i) =>
  couldMatch(ordered, i << 21, CLASS_MASK),
);
const opcodes: ((readonly Row[])[] | undefined)[] = classes.map((rows) =>
  rows.length <= FEW
    ? undefined
    : Array.from({ length: 64 }, (_, i) => couldMatch(rows, i << 10, OPCODE_MASK)),
);

/** The row that the instruction word belongs to, implemented or not, and its fields; undefined if it is unallocated. */
export function decode(word: number): Decoded | undefined {
  const rows = opcodes[word >>> 21]?.[(word >>> 10) & 63] ?? classes[word >>> 21];
  for (const row of rows) {
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
