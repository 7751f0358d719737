/**
 * Random instructions as units: one instruction of a row with what must stand before it so that it does something worth
 * comparing (an address in the scratch area in its base register, a branch target in its register). Branches only go to
 * the start of a later unit, so no unit ever runs without its preparation.
 */
import { assemble } from '../../../src/isa/pattern.ts';
import type { Row } from '../../../src/isa/row.ts';
import { decode } from '../../../src/isa/table.ts';
import { instruction, moveImmediate, systemRegisterFields } from './assembler.ts';
import { controlUnit } from './control_units.ts';
import { classOf } from './encoding_classes.ts';
import { memoryUnit } from './memory_units.ts';
import type { Choices } from './randomness.ts';
import type { Target } from './target.ts';
import { isVectorLoadStore, vectorMemoryUnit } from './vector_memory_units.ts';

/** What a stream may do. */
export interface Surroundings {
  readonly target: Target;
  readonly el: 0 | 1 | 2;
  /** MMU off: QEMU does not know that unaligned Device accesses fault. */
  readonly alignedOnly: boolean;
  /** Virtual address and size in bytes of the scratch area. */
  readonly scratch: { readonly base: number; readonly size: number };
}

/** An instruction of a unit whose target is the start of a later unit. */
export interface BranchTarget {
  /** Word within the unit. */
  readonly word: number;
  /** `literal`: no branch; its offset is made to give a multiple of 8. */
  readonly kind: 'imm26' | 'imm19' | 'imm14' | 'adr' | 'literal';
  /** 1 is the next unit. */
  readonly unitsAhead: number;
}

export interface Unit {
  readonly words: readonly number[];
  readonly targets: readonly BranchTarget[];
}

export const unit = (words: readonly number[], targets: readonly BranchTarget[] = []): Unit => ({
  words,
  targets,
});

const isLoadStore = (word: number) => ((word >>> 25) & 5) === 4;
const isBranchOrSystem = (word: number) => ((word >>> 26) & 7) === 5;
const isVector = (word: number) => ((word >>> 25) & 7) === 7;

/** FMOV (vector, immediate) of half precision with op = 1 is unallocated, and QEMU 7.2 executes it (docs/qemu-differences.md). */
const acceptedByQemu = (word: number) => (word & 0xbff8_fc00) >>> 0 === 0x2f00_fc00;

/** Random fields; the result belongs to `row`. */
function randomWord(row: Row, choices: Choices): number {
  for (let tries = 0; tries < 1000; tries++) {
    const fields: Record<string, number> = {};
    for (const { name, width } of row.pattern.fields)
      fields[name] = /^[rv][a-z]\d?$/.test(name) ? choices.register() : choices.field(width);
    const word = assemble(row.pattern, fields);
    const decoded = decode(word);
    if (decoded?.row === row) return word;
    // Neither this row's nor another's: UNDEFINED, which is worth a comparison now and then.
    if (!decoded && !acceptedByQemu(word) && choices.oneIn(16)) return word;
  }
  throw new Error(`${row.name}: no allocated encoding found`);
}

export function randomUnit(row: Row, choices: Choices, surroundings: Surroundings): Unit {
  const { target } = surroundings;
  // What only other CPUs have is UNDEFINED, or a hint that does nothing.
  if (target.absentRows.length > 0 && choices.oneIn(100)) {
    const word = randomWord(choices.of(target.absentRows), choices);
    if (!isBranchOrSystem(word)) return unit([word]);
  }
  if (row.name === 'UDF') return unit([instruction('UDF', { imm16: choices.field(16) })]);
  const word = randomWord(row, choices);
  if (isVectorLoadStore(word)) return vectorMemoryUnit(word, choices, surroundings);
  if (isLoadStore(word)) return memoryUnit(row, word, choices, surroundings);
  if (isBranchOrSystem(word)) return controlUnit(row, word, choices, surroundings);
  if (row.name === 'FJCVTZS') return withoutFlush(word, choices);
  if (SIGN_EXTENDED_BY_QEMU.test(row.name)) return unit([word, moveHalf(word & 31)]);
  if (choices.oneIn(24)) return loopUnit(word, choices, surroundings);
  if (/^AUT(I|D)[AB]$/.test(row.name) && choices.oneIn(2)) return authenticationUnit(row, word);
  if (isVector(word) && choices.oneIn(3)) return unit([word, ...takeExceptionFlags(choices)]);
  return unit([word]);
}

/** QEMU 7.2 leaves 32 bits of the result of a scalar conversion to 16 bits (docs/qemu-differences.md). */
const SIGN_EXTENDED_BY_QEMU = /^FCVT.S_scalar(_imm)?_h$/;
/** Keeps the lowest 16 bits. */
const moveHalf = (register: number) => instruction('FMOV_float_h', { vn: register, vd: register });

/** With FPCR 0: QEMU 7.2 calls the conversion of a flushed denormal exact (docs/qemu-differences.md). */
function withoutFlush(word: number, choices: Choices): Unit {
  const saved = (word + 1 + choices.below(29)) & 31;
  if (saved === 31) return unit([]);
  return unit([
    instruction('MRS', systemRegisterFields('FPCR', saved)),
    instruction('MSR_reg', systemRegisterFields('FPCR', 31)),
    word,
    instruction('MSR_reg', systemRegisterFields('FPCR', saved)),
  ]);
}

/** FPSR is cumulative: what one instruction set would hide that another one did not. */
function takeExceptionFlags(choices: Choices): number[] {
  const rt = choices.below(31);
  return [
    instruction('MRS', systemRegisterFields('FPSR', rt)),
    instruction('MSR_reg', systemRegisterFields('FPSR', 31)),
  ];
}

/** A pointer that was signed before it is authenticated. */
function authenticationUnit(row: Row, word: number): Unit {
  const sign = instruction(row.name.replace('AUT', 'PAC'), { rn: (word >>> 5) & 31, rd: word & 31 });
  return unit([sign, word]);
}

/** A few data-processing instructions three times around. */
function loopUnit(first: number, choices: Choices, { target }: Surroundings): Unit {
  const counter = choices.below(31);
  const keepsCounter = (word: number) => (word & 31) !== counter;
  const body = [first];
  for (let i = choices.below(3); i > 0; i--) {
    const other = choices.of(target.rows);
    // Loads, stores and branches are left out below; some rows are for units of their own.
    if (classOf(other) === 'system' || other.name === 'FJCVTZS') continue;
    if (SIGN_EXTENDED_BY_QEMU.test(other.name)) continue;
    const word = randomWord(other, choices);
    if (!isLoadStore(word) && !isBranchOrSystem(word)) body.push(word);
  }
  const kept = body.filter(keepsCounter);
  return unit([
    ...moveImmediate(counter, 3n),
    ...kept,
    instruction('SUB_imm', { sf: 1, rd: counter, rn: counter, imm12: 1 }),
    instruction('CBNZ', { sf: 1, rt: counter, imm19: -(kept.length + 1) }),
  ]);
}
