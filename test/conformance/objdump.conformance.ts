/**
 * The instruction table against Debian's objdump: for every row that is implemented, random fields are assembled, and
 * objdump must read the same mnemonic, registers, width and constant, or agree that the word is unallocated.
 */
import { expect, test } from 'vitest';
import { assemble, type Fields } from '../../src/isa/pattern.ts';
import type { REGISTER_NAMES, Row } from '../../src/isa/row.ts';
import { decode, ROWS } from '../../src/isa/table.ts';
import { randomNumbers } from '../random.ts';
import { type Disassembled, disassemble } from './objdump.ts';

const SEED = Number(process.env.SEED ?? 1);
const WORDS_PER_ROW = 400;

const IMPLEMENTED = ROWS.filter(({ execute }) => execute);

/** Fields called sbo should be ones: objdump refuses some of them otherwise, the architecture ignores them. */
function* randomWords(row: Row, random: () => number): Generator<number> {
  for (let i = 0; i < WORDS_PER_ROW; i++) {
    const fields = row.pattern.fields.map(({ name, width }) => [
      name,
      name.startsWith('sbo') ? 2 ** width - 1 : Math.floor(random() * 2 ** width),
    ]);
    yield assemble(row.pattern, Object.fromEntries(fields));
  }
}

/** What objdump calls by another name than the row's own head. */
function acceptedMnemonics(name: string, fields: Fields): string[] {
  const conditions = [
    'eq',
    'ne',
    'cs',
    'cc',
    'mi',
    'pl',
    'vs',
    'vc',
    'hi',
    'ls',
    'ge',
    'lt',
    'gt',
    'le',
    'al',
    'nv',
  ];
  if (name === 'B_cond') return [`b.${conditions[fields.cond]}`];
  if (['YIELD', 'WFE', 'WFI', 'SEV', 'SEVL'].includes(name)) return ['hint'];
  // Armv9's streaming mode is an MSR (immediate) to objdump under these names even without aliases.
  if (name === 'MSR_imm') return ['msr', 'smstart', 'smstop'];
  return [name.split('_')[0].toLowerCase()];
}

/** LDPSW with overlapping registers is CONSTRAINED UNPREDICTABLE, and objdump alone among the loads refuses it. */
const refusedByObjdump = (name: string, { rt, rt2, rn }: Fields) =>
  name.startsWith('LDPSW') && (rt === rt2 || (name !== 'LDPSW' && rn !== 31 && (rn === rt || rn === rt2)));

/** Registers of the operands in their printed order, 31 for SP and the zero register, with the letter before them. */
function printedRegisters(operands: string): { letter: string; number: number }[] {
  return [...operands.matchAll(/\b(?:([wx])(\d+|zr)|(w?)sp)\b/g)].map(([, letter, number, wsp]) => ({
    letter: letter ?? (wsp || 'x'),
    number: number === undefined || number === 'zr' ? 31 : Number(number),
  }));
}
const PRINTED_ORDER = [
  'rd',
  'rs',
  'rt',
  'rt2',
  'rn',
  'rm',
  'ra',
] as const satisfies (typeof REGISTER_NAMES)[number][];
/** objdump leaves out X30 of RET and XZR of SYS. */
const omitted = { RET: 30, SYS: 31 } as { [name: string]: number | undefined };

/** Constants as printed, shifted where `lsl` says so, and complemented for MOVN, in 64 bits. */
function printedConstants(operands: string): Set<bigint> {
  const constants = new Set<bigint>();
  for (const [, minus, digits, shift] of operands.matchAll(/(-?)(0x[0-9a-f]+|\d+)(?:, lsl #(\d+))?/g)) {
    const n = BigInt.asUintN(64, BigInt(digits) * (minus ? -1n : 1n)) << BigInt(shift ?? 0);
    for (const value of [n, ~n]) {
      constants.add(BigInt.asUintN(64, value));
      constants.add(BigInt.asUintN(32, value));
    }
  }
  return constants;
}
/** Their `imm` is a mask, or a system register's encoding, which objdump prints as a name. */
const constantIsNotPrinted = ['UBFM', 'BFM', 'MRS', 'MSR_reg', 'SYS', 'SYSL'];

function compare(row: Row, fields: Fields, seen: Disassembled): string | undefined {
  const { mnemonic, operands, address } = seen;
  if (mnemonic === undefined) return refusedByObjdump(row.name, fields) ? undefined : 'objdump: unallocated';
  if (!acceptedMnemonics(row.name, fields).includes(mnemonic)) return `objdump: ${mnemonic}`;

  const registers = PRINTED_ORDER.filter((name) => name in fields).map((name) => fields[name]);
  // An MSR (immediate) that objdump does not know is an MSR of XZR to it.
  const printed = row.name === 'MSR_imm' ? [] : printedRegisters(operands);
  if (!(printed.length === 0 && registers.length === 1 && omitted[row.name] === registers[0]))
    if (registers.join() !== printed.map(({ number }) => number).join())
      return `registers ${registers}; objdump: ${operands}`;

  const { width } = row.shape(fields);
  if (width && printed.length > 0 && printed[0].letter !== (width === 32 ? 'w' : 'x'))
    return `width ${width}; objdump: ${operands}`;

  if (row.imm && !constantIsNotPrinted.includes(row.name)) {
    const imm = BigInt(row.imm(fields));
    const page = row.name === 'ADRP' ? 0xfff : 0;
    const expected = [imm, BigInt(address & ~page) + imm].map((n) => BigInt.asUintN(64, n));
    const constants = printedConstants(operands);
    if (imm !== 0n && !expected.some((n) => constants.has(n))) return `constant ${imm}; objdump: ${operands}`;
  }
  return undefined;
}

test(`every implemented row reads as objdump reads it (SEED=${SEED})`, () => {
  const random = randomNumbers(SEED);
  const words = IMPLEMENTED.flatMap((row) => [...randomWords(row, random)]);
  const differences: string[] = [];
  const compared = new Set<string>();
  for (const seen of disassemble(words)) {
    const decoded = decode(seen.word);
    if (!decoded && seen.mnemonic === undefined) continue;
    const difference = decoded ? compare(decoded.row, decoded.fields, seen) : `objdump: ${seen.mnemonic}`;
    if (decoded) compared.add(decoded.row.name);
    if (difference)
      differences.push(`${decoded?.row.name ?? 'unallocated'} ${seen.word.toString(16)}: ${difference}`);
  }
  expect(differences.slice(0, 40)).toEqual([]);
  expect(IMPLEMENTED.map(({ name }) => name).filter((name) => !compared.has(name))).toEqual([]);
});
