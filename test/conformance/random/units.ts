/**
 * Random instructions as units: one instruction of a row with what must stand before it so that it does something worth
 * comparing (an address in the scratch area in its base register, a branch target in its register). Branches only go to
 * the start of a later unit, so no unit ever runs without its preparation.
 */
import { assemble } from '../../../src/isa/pattern.ts';
import type { Row } from '../../../src/isa/row.ts';
import { decode, ROWS } from '../../../src/isa/table.ts';
import { instruction, moveImmediate, SYSTEM_REGISTERS, type SystemRegisterName } from './assembler.ts';
import type { Choices } from './randomness.ts';
import { isVectorLoadStore, vectorMemoryUnit } from './vectors.ts';

/** What a stream may do. */
export interface Surroundings {
  readonly el: 0 | 1 | 2;
  /** MMU off: QEMU does not know that unaligned Device accesses fault. */
  readonly alignedOnly: boolean;
  /** Virtual address and size in bytes of the scratch area. */
  readonly scratch: { readonly base: number; readonly size: number };
}

/** An instruction of a unit whose target is the start of a later unit. */
export interface Target {
  /** Word within the unit. */
  readonly word: number;
  /** `literal`: no branch; its offset is made to give a multiple of 8. */
  readonly kind: 'imm26' | 'imm19' | 'imm14' | 'adr' | 'literal';
  /** 1 is the next unit. */
  readonly unitsAhead: number;
}

export interface Unit {
  readonly row: string;
  readonly words: number[];
  readonly targets: readonly Target[];
}

export const unit = (row: string, words: number[], targets: Target[] = []): Unit => ({ row, words, targets });

/** Rows that a unit can be made of. WFI ends a stream; WFE comes behind SEVL only. */
export const TESTED_ROWS = ROWS.filter(
  ({ feature, name, execute }) => (feature === 'base' || execute !== undefined) && name !== 'WFI',
);

const isLoadStore = (word: number) => ((word >>> 25) & 5) === 4;
const isBranchOrSystem = (word: number) => ((word >>> 26) & 7) === 5;

/** Random fields; the result belongs to `row`. */
function randomWord(row: Row, choices: Choices): number {
  for (let tries = 0; tries < 1000; tries++) {
    const fields: Record<string, number> = {};
    for (const { name, width } of row.pattern.fields)
      fields[name] = /^r[a-z]\d?$/.test(name) ? choices.register() : choices.field(width);
    const word = assemble(row.pattern, fields);
    const decoded = decode(word);
    if (decoded?.row === row) return word;
    // Neither this row's nor another's: UNDEFINED, which is worth a comparison now and then.
    if (!decoded && choices.oneIn(16)) return word;
  }
  throw new Error(`${row.name}: no allocated encoding found`);
}

export function randomUnit(row: Row, choices: Choices, surroundings: Surroundings): Unit {
  if (row.name === 'UDF') return unit('UDF', [instruction('UDF', { imm16: choices.field(16) })]);
  const word = randomWord(row, choices);
  if (isVectorLoadStore(word)) return vectorMemoryUnit(row, word, choices, surroundings);
  if (isLoadStore(word)) return memoryUnit(row, word, choices, surroundings);
  if (isBranchOrSystem(word)) return controlUnit(row, word, choices, surroundings);
  return choices.oneIn(24) ? loopUnit(row, word, choices) : unit(row.name, [word]);
}

/** A few data-processing instructions three times around. */
function loopUnit(row: Row, first: number, choices: Choices): Unit {
  const counter = choices.below(31);
  const keepsCounter = (word: number) => (word & 31) !== counter;
  const body = [first];
  for (let i = choices.below(3); i > 0; i--) {
    const other = choices.of(TESTED_ROWS);
    const word = other.name === 'UDF' ? 0 : randomWord(other, choices);
    if (word && !isLoadStore(word) && !isBranchOrSystem(word)) body.push(word);
  }
  const kept = body.filter(keepsCounter);
  const words = [
    ...moveImmediate(counter, 3n),
    ...kept,
    instruction('SUB_imm', { sf: 1, rd: counter, rn: counter, imm12: 1 }),
    instruction('CBNZ', { sf: 1, rt: counter, imm19: -(kept.length + 1) }),
  ];
  return unit(row.name, words);
}

/** What a load or store does with its registers. Arm ARM C4.1.88. */
interface MemoryForm {
  readonly kind: 'exclusive' | 'ordered' | 'literal' | 'pair' | 'immediate' | 'register';
  /** Bytes of each element. */
  readonly bytes: number;
  readonly pair: boolean;
  readonly load: boolean;
  readonly writeback: boolean;
  /** Added to the base for the access. */
  readonly offset: number;
  readonly prefetch: boolean;
}

const signed = (value: number, bits: number) => (value << (32 - bits)) >> (32 - bits);

function memoryForm(word: number): MemoryForm {
  const bit = (n: number) => (word >>> n) & 1;
  const size = word >>> 30;
  const form = {
    pair: false,
    load: bit(22) === 1,
    writeback: false,
    offset: 0,
    prefetch: false,
    bytes: 1 << size,
  };
  if (((word >>> 24) & 0x3f) === 0b001000)
    return { ...form, kind: bit(23) ? 'ordered' : 'exclusive', pair: bit(23) === 0 && bit(21) === 1 };
  if (((word >>> 27) & 7) === 0b011) return { ...form, kind: 'literal', load: true };
  if (((word >>> 27) & 7) === 0b101) {
    const bytes = size === 2 ? 8 : 4;
    const mode = (word >>> 23) & 3;
    const offset = mode === 1 ? 0 : signed((word >>> 15) & 0x7f, 7) * bytes;
    return { ...form, kind: 'pair', pair: true, bytes, writeback: (mode & 1) === 1, offset };
  }
  const opc = (word >>> 22) & 3;
  const common = { ...form, load: opc !== 0, prefetch: size === 3 && opc === 2 };
  if (bit(24)) return { ...common, kind: 'immediate', offset: ((word >>> 10) & 0xfff) << size };
  if (bit(21)) return { ...common, kind: 'register' };
  const mode = (word >>> 10) & 3;
  const offset = mode === 1 ? 0 : signed((word >>> 12) & 0x1ff, 9);
  return { ...common, kind: 'immediate', writeback: (mode & 1) === 1, offset };
}

const FIELD = { rt: 0, rn: 5, rt2: 10, rm: 16, rs: 16 } as const;
const get = (word: number, field: keyof typeof FIELD) => (word >>> FIELD[field]) & 31;
const put = (word: number, field: keyof typeof FIELD, value: number) =>
  ((word & ~(31 << FIELD[field])) | (value << FIELD[field])) >>> 0;

/** Where an access goes: around the borders of the scratch area's pages, or anywhere in it. */
function scratchAddress(form: MemoryForm, choices: Choices, { scratch, alignedOnly }: Surroundings): number {
  const total = form.bytes * (form.pair ? 2 : 1);
  const page = scratch.base + 4096 * choices.below(scratch.size / 4096);
  const near = choices.oneIn(2) ? page + choices.below(80) - 40 : page + choices.below(4096);
  const address = Math.max(scratch.base, Math.min(near, scratch.base + scratch.size - 32));
  // Exclusive and ordered accesses must be aligned; that they fault otherwise is seen often enough.
  const align =
    alignedOnly ||
    (form.kind === 'exclusive' && !choices.oneIn(8)) ||
    (form.kind === 'ordered' && !choices.oneIn(4));
  return align || choices.oneIn(2) ? address - (address % total) : address;
}

function memoryUnit(row: Row, random: number, choices: Choices, surroundings: Surroundings): Unit {
  let word = random;
  const form = memoryForm(word);
  if (form.kind === 'literal') return literalUnit(row, word, choices, surroundings);
  const different = (...taken: number[]) => {
    let register = choices.below(31);
    while (taken.includes(register)) register = choices.below(31);
    return register;
  };
  // What the Arm ARM leaves CONSTRAINED UNPREDICTABLE: writeback to a transferred register, a pair into one register,
  // a status register that is also data or base.
  const transferred = [get(word, 'rt'), ...(form.pair ? [get(word, 'rt2')] : [])];
  if (form.pair && form.load && get(word, 'rt') === get(word, 'rt2')) {
    word = put(word, 'rt2', different(get(word, 'rt')));
    transferred[1] = get(word, 'rt2');
  }
  if (
    get(word, 'rn') !== 31 &&
    (form.writeback || form.kind === 'exclusive') &&
    transferred.includes(get(word, 'rn'))
  )
    word = put(word, 'rn', different(...transferred));
  if (form.kind === 'exclusive') return exclusiveUnit(row, word, form, choices, surroundings);
  const words: number[] = [];
  let offset = BigInt(form.offset);
  if (form.kind === 'register') {
    if (get(word, 'rm') === get(word, 'rn') && get(word, 'rm') !== 31)
      word = put(word, 'rm', different(get(word, 'rn')));
    const indexed = indexOf(word, form, choices, surroundings);
    if (get(word, 'rm') !== 31) {
      words.push(...moveImmediate(get(word, 'rm'), indexed.index));
      offset = indexed.offset;
    }
  }
  // SP stays a multiple of 16, so with an odd offset the access would be unaligned.
  if (get(word, 'rn') === 31 && surroundings.alignedOnly && offset % 16n !== 0n)
    word = put(word, 'rn', different(31, get(word, 'rm'), ...transferred));
  const base = BigInt(scratchAddress(form, choices, surroundings)) - offset;
  const others = [...transferred, ...(form.kind === 'register' ? [get(word, 'rm')] : [])];
  words.push(...setBase(get(word, 'rn'), base, different(31, ...others), surroundings), word);
  return unit(row.name, words);
}

/** Leaves `base` in Xn or SP; by way of another register for SP, which is kept aligned: QEMU does not check it. */
export function setBase(rn: number, base: bigint, through: number, _surroundings: Surroundings): number[] {
  if (rn !== 31) return moveImmediate(rn, base);
  return [
    ...moveImmediate(through, base & ~15n),
    instruction('ADD_imm', { sf: 1, rd: 31, rn: through, imm12: 0 }),
  ];
}

/** An index register's value and what it adds to the base. */
export function indexOf(
  word: number,
  form: Pick<MemoryForm, 'bytes'>,
  choices: Choices,
  { alignedOnly }: Surroundings,
) {
  const option = (word >>> 13) & 7;
  const shift = (word >>> 12) & 1 ? Math.log2(form.bytes) : 0;
  const small = BigInt(choices.below(512) - 256) * (alignedOnly ? 16n : 1n);
  // The upper half of a 32-bit index is ignored.
  const index = (option & 1) === 0 ? BigInt.asUintN(32, small) | (BigInt(choices.bits(31)) << 32n) : small;
  const low = BigInt(index) & 0xffff_ffffn;
  const extended = option === 2 ? low : option === 6 ? BigInt.asIntN(32, low) : BigInt.asIntN(64, index);
  return { index, offset: extended << BigInt(shift) };
}

/** From up to 256 KiB around: code and its tail of zeros; only loads, so what is there does not matter if it is mapped. */
function literalUnit(row: Row, word: number, choices: Choices, { alignedOnly }: Surroundings): Unit {
  const imm19 = choices.below(64) - 16;
  const words = [((word & ~(0x7ffff << 5)) | ((imm19 & 0x7ffff) << 5)) >>> 0];
  return unit(row.name, words, alignedOnly ? [{ word: 0, kind: 'literal', unitsAhead: 0 }] : []);
}

/**
 * A load-exclusive alone; or, for a store-exclusive, mostly behind the matching load of the same address, with something
 * harmless between, or behind CLREX.
 */
function exclusiveUnit(
  row: Row,
  random: number,
  form: MemoryForm,
  choices: Choices,
  surroundings: Surroundings,
): Unit {
  let word = random;
  const rn = get(word, 'rn');
  const rt = get(word, 'rt');
  const rt2 = get(word, 'rt2');
  const pick = (...taken: number[]) => {
    let register = choices.below(31);
    while (taken.includes(register)) register = choices.below(31);
    return register;
  };
  const through = pick(31, rt, rt2, rn);
  const base = setBase(rn, BigInt(scratchAddress(form, choices, surroundings)), through, surroundings);
  if (form.load) return unit(row.name, [...base, word]);
  const status = get(word, 'rs');
  if (status === rn || status === rt || (form.pair && status === rt2))
    word = put(word, 'rs', pick(rn, rt, rt2));
  if (choices.oneIn(4)) return unit(row.name, [instruction('CLREX', { crm: 15 }), ...base, word]);
  const load = ROWS.find(({ name }) => name === row.name.replace(/^STL?X/, 'LDX'));
  if (!load) throw new Error(`no load-exclusive for ${row.name}`);
  const a = pick(rn, 31);
  const loadWord = assemble(load.pattern, { rs: 31, rt2: form.pair ? pick(rn, a, 31) : 31, rn, rt: a });
  const between = choices.oneIn(8) ? [instruction('CLREX', { crm: choices.below(16) })] : [];
  return unit(row.name, [...base, loadWord, ...between, word]);
}

const REGISTERS: readonly SystemRegisterName[] = [
  ...([
    'FPCR',
    'FPSR',
    'FPSR',
    'TPIDR_EL0',
    'TPIDRRO_EL0',
    'NZCV',
    'DAIF',
    'CURRENTEL',
    'SPSEL',
    'CTR_EL0',
    'DCZID_EL0',
  ] as const),
  ...(['TPIDR_EL1', 'CONTEXTIDR_EL1', 'ELR_EL1', 'SP_EL0', 'VBAR_EL2', 'TPIDR_EL2', 'HCR_EL2'] as const),
];
const READ_ONLY: readonly SystemRegisterName[] = [
  'CTR_EL0',
  'DCZID_EL0',
  'CURRENTEL',
  'VBAR_EL2',
  'HCR_EL2',
  'SPSEL',
  'TPIDR_EL2',
];

/** op1, CRm, op2 of operations on C7 and C8 without an address; with one. */
const PLAIN_OPERATIONS = [
  { op1: 0, crn: 7, crm: 5, op2: 0 }, // IC IALLU
  { op1: 0, crn: 7, crm: 1, op2: 0 }, // IC IALLUIS
  { op1: 0, crn: 8, crm: 7, op2: 0 }, // TLBI VMALLE1
  { op1: 0, crn: 8, crm: 3, op2: 0 }, // TLBI VMALLE1IS
  { op1: 0, crn: 8, crm: 7, op2: 1 }, // TLBI VAE1
  { op1: 0, crn: 8, crm: 7, op2: 2 }, // TLBI ASIDE1
  { op1: 4, crn: 8, crm: 7, op2: 0 }, // TLBI ALLE2
  { op1: 4, crn: 8, crm: 7, op2: 6 }, // TLBI VMALLS12E1
  { op1: 1, crn: 7, crm: 9, op2: 3 }, // not allocated
];
const DC_ZVA = { op1: 3, crn: 7, crm: 4, op2: 1 };

function controlUnit(row: Row, word: number, choices: Choices, surroundings: Surroundings): Unit {
  const { name } = row;
  const ahead = 1 + choices.below(3);
  const only = (words: number[], targets: Target[] = []) => unit(name, words, targets);
  const field = (low: number, width: number) => (word >>> low) & (2 ** width - 1);
  switch (name) {
    case 'B':
    case 'BL':
      return only([instruction(name)], [{ word: 0, kind: 'imm26', unitsAhead: ahead }]);
    case 'B_cond':
    case 'CBZ':
    case 'CBNZ':
      return only([(word & ~(0x7ffff << 5)) >>> 0], [{ word: 0, kind: 'imm19', unitsAhead: ahead }]);
    case 'TBZ':
    case 'TBNZ':
      return only([(word & ~(0x3fff << 5)) >>> 0], [{ word: 0, kind: 'imm14', unitsAhead: ahead }]);
    case 'BR':
    case 'BLR':
    case 'RET':
      return indirectBranch(name, choices, ahead);
    case 'ERET':
      return exceptionReturn(choices, surroundings, ahead);
    case 'SVC':
    case 'HVC':
    case 'SMC':
    case 'BRK':
      // #0xffff ends a stream at EL2.
      return only([instruction(name, { imm16: choices.field(16) & 0x7fff })]);
    case 'HLT':
      return only([instruction(name, { imm16: choices.below(0xf000) })]);
    case 'WFE':
      return only([instruction('SEVL'), word]);
    case 'HINT':
      return only([instruction('HINT', { crm: 1 + choices.below(15), op2: choices.below(8) })]);
    case 'MSR_imm':
      return only([instruction('MSR_imm', choices.of(PSTATE_FIELDS)(choices.below(16)))]);
    case 'SYS':
      return systemOperation(choices, surroundings);
    case 'SYSL':
      return only([
        instruction('SYSL', { op1: 3, crn: 7, crm: field(8, 4), op2: field(5, 3), rt: get(word, 'rt') }),
      ]);
    case 'MRS':
    case 'MSR_reg':
      return registerMove(name, choices);
    default:
      return only([word]);
  }
}

const PSTATE_FIELDS: readonly ((imm: number) => Record<string, number>)[] = [
  (imm) => ({ op1: 0, op2: 5, crm: imm & 1 }), // SPSel
  (imm) => ({ op1: 3, op2: 6, crm: imm }), // DAIFSet
  (imm) => ({ op1: 3, op2: 7, crm: imm }), // DAIFClr
  (imm) => ({ op1: 0, op2: 4, crm: imm }), // PAN: not on this CPU
  (imm) => ({ op1: 7, op2: 7, crm: imm }), // not allocated
];

function indirectBranch(name: string, choices: Choices, unitsAhead: number): Unit {
  const rn = choices.below(31);
  const adr = { word: 0, kind: 'adr', unitsAhead } as const;
  if (!choices.oneIn(6))
    return unit(name, [instruction('ADR', { rd: rn }), instruction(name, { rn })], [adr]);
  // To nowhere: the handler of the fetch's fault goes on where TPIDR_EL0 says. A misaligned target is in mapped memory: QEMU
  // takes the instruction abort first, the architecture the alignment fault.
  const nowhere = choices.of([
    0x7fff_0000n,
    0x0123_4567_89ab_cdecn,
    0xffff_0000_0000_0000n,
    0xffff_ffff_ffff_fffcn,
  ]);
  const spoil = choices.oneIn(3)
    ? [instruction('ADD_imm', { sf: 1, rd: rn, rn, imm12: 1 + choices.below(3) })]
    : moveImmediate(rn, nowhere);
  const words = [
    instruction('ADR', { rd: rn }),
    instruction('MSR_reg', systemRegisterFields('TPIDR_EL0', rn)),
    ...spoil,
    instruction(name, { rn }),
  ];
  return unit(name, words, [adr]);
}

/** To a later unit at the same level, with other flags; UNDEFINED at EL0. */
function exceptionReturn(choices: Choices, { el }: Surroundings, unitsAhead: number): Unit {
  const eret = instruction('ERET');
  if (el === 0) return unit('ERET', [eret]);
  const rd = choices.below(31);
  const spsr = (BigInt(choices.bits(4)) << 28n) | 0x3c0n | BigInt(el << 2) | BigInt(choices.below(2));
  const words = [
    instruction('ADR', { rd }),
    instruction('MSR_reg', systemRegisterFields(el === 1 ? 'ELR_EL1' : 'ELR_EL2', rd)),
    ...moveImmediate(rd, spsr),
    instruction('MSR_reg', systemRegisterFields(el === 1 ? 'SPSR_EL1' : 'SPSR_EL2', rd)),
    eret,
  ];
  return unit('ERET', words, [{ word: 0, kind: 'adr', unitsAhead }]);
}

function systemOperation(choices: Choices, surroundings: Surroundings): Unit {
  const rt = choices.below(31);
  // DC ZVA faults on Device memory, which is what everything is with the MMU off; QEMU does not know.
  if (surroundings.alignedOnly || choices.oneIn(2))
    return unit('SYS', [instruction('SYS', { ...choices.of(PLAIN_OPERATIONS), rt: choices.register() })]);
  const { scratch } = surroundings;
  const address = BigInt(scratch.base + choices.below(scratch.size));
  return unit('SYS', [...moveImmediate(rt, address), instruction('SYS', { ...DC_ZVA, rt })]);
}

function systemRegisterFields(name: SystemRegisterName, rt: number) {
  const [op0, op1, crn, crm, op2] = SYSTEM_REGISTERS[name];
  return { o0: op0 - 2, op1, crn, crm, op2, rt };
}

function registerMove(name: 'MRS' | 'MSR_reg', choices: Choices): Unit {
  const registers =
    name === 'MRS' ? REGISTERS : REGISTERS.filter((register) => !READ_ONLY.includes(register));
  return unit(name, [instruction(name, systemRegisterFields(choices.of(registers), choices.register()))]);
}
