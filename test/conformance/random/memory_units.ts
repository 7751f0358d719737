/** Units of loads and stores of general registers. Arm ARM C4.1.88. */
import { assemble } from '../../../src/isa/pattern.ts';
import type { Row } from '../../../src/isa/row.ts';
import { ROWS } from '../../../src/isa/table.ts';
import { instruction, moveImmediate } from './assembler.ts';
import type { Choices } from './randomness.ts';
import { type Surroundings, type Unit, unit } from './units.ts';

/** What a load or store does with its registers. Arm ARM C4.1.88. */
interface MemoryForm {
  readonly kind:
    | 'exclusive'
    | 'compareAndSwap'
    | 'ordered'
    | 'atomic'
    | 'rcpc'
    | 'literal'
    | 'pair'
    | 'immediate'
    | 'authenticated'
    | 'register';
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
  if (((word >>> 24) & 0x3f) === 0b001000) {
    if (bit(23)) return { ...form, kind: bit(21) ? 'compareAndSwap' : 'ordered' };
    if (bit(21) && !bit(31)) return { ...form, kind: 'compareAndSwap', pair: true, bytes: 4 << bit(30) };
    return { ...form, kind: 'exclusive', pair: bit(21) === 1 };
  }
  // Release consistency with an unscaled offset is where literals have bit 24 clear.
  if (((word >>> 24) & 0x3f) === 0b011001)
    return { ...form, kind: 'ordered', offset: signed((word >>> 12) & 0x1ff, 9) };
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
  if (bit(21)) {
    const variant = (word >>> 10) & 3;
    if (variant === 2) return { ...common, kind: 'register' };
    if (variant === 0) return { ...form, kind: ((word >>> 12) & 15) === 12 ? 'rcpc' : 'atomic' };
    const offset = signed((bit(22) << 9) | ((word >>> 12) & 0x1ff), 10) * 8;
    return { ...form, kind: 'authenticated', load: true, writeback: bit(11) === 1, offset };
  }
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
    (['ordered', 'atomic', 'compareAndSwap'].includes(form.kind) && !choices.oneIn(4)) ||
    // QEMU 7.2 does not see that LDAPR is unaligned (docs/qemu-differences.md).
    form.kind === 'rcpc';
  return align || choices.oneIn(2) ? address - (address % total) : address;
}

export function memoryUnit(row: Row, random: number, choices: Choices, surroundings: Surroundings): Unit {
  let word = random;
  const form = memoryForm(word);
  if (form.kind === 'literal') return literalUnit(word, choices, surroundings);
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
  if (form.kind === 'compareAndSwap') return compareAndSwapUnit(word, form, choices, surroundings);
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
  if (form.kind === 'authenticated') return authenticatedUnit(row, word, base, choices);
  const others = [...transferred, ...(form.kind === 'register' ? [get(word, 'rm')] : [])];
  words.push(...setBase(get(word, 'rn'), base, different(31, ...others), surroundings), word);
  return unit(words);
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
function literalUnit(word: number, choices: Choices, { alignedOnly }: Surroundings): Unit {
  const imm19 = choices.below(64) - 16;
  const words = [((word & ~(0x7ffff << 5)) | ((imm19 & 0x7ffff) << 5)) >>> 0];
  return unit(words, alignedOnly ? [{ word: 0, kind: 'literal', unitsAhead: 0 }] : []);
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
  if (form.load) return unit([...base, word]);
  const status = get(word, 'rs');
  if (status === rn || status === rt || (form.pair && status === rt2))
    word = put(word, 'rs', pick(rn, rt, rt2));
  if (choices.oneIn(4)) return unit([instruction('CLREX', { crm: 15 }), ...base, word]);
  const load = ROWS.find(({ name }) => name === row.name.replace(/^STL?X/, 'LDX'));
  if (!load) throw new Error(`no load-exclusive for ${row.name}`);
  const a = pick(rn, 31);
  const loadWord = assemble(load.pattern, { rs: 31, rt2: form.pair ? pick(rn, a, 31) : 31, rn, rt: a });
  const between = choices.oneIn(8) ? [instruction('CLREX', { crm: choices.below(16) })] : [];
  return unit([...base, loadWord, ...between, word]);
}

/** Often behind a load of what is compared, so that the comparison holds. */
function compareAndSwapUnit(
  word: number,
  form: MemoryForm,
  choices: Choices,
  surroundings: Surroundings,
): Unit {
  const rn = get(word, 'rn');
  const rs = get(word, 'rs');
  let through = choices.below(31);
  while (through === rn) through = choices.below(31);
  const base = setBase(rn, BigInt(scratchAddress(form, choices, surroundings)), through, surroundings);
  if (choices.oneIn(3) || rs === rn || (form.pair && (rs | 1) === rn)) return unit([...base, word]);
  const size = 8 * form.bytes;
  const load = form.pair
    ? instruction(`LDP_${size}`, { rt: rs, rt2: rs | 1, rn })
    : instruction(size < 32 ? { 8: 'LDRB_imm', 16: 'LDRH_imm' }[size as 8 | 16] : `LDR_${size}_imm`, {
        rt: rs,
        rn,
      });
  return unit([...base, load, word]);
}

/** The base is mostly signed with the key of LDRAA or LDRAB and modifier 0. */
function authenticatedUnit(row: Row, random: number, base: bigint, choices: Choices): Unit {
  let word = random;
  let rn = get(word, 'rn');
  while (rn === 31 || rn === get(word, 'rt')) rn = choices.below(31);
  word = put(word, 'rn', rn);
  const sign = instruction(row.name.startsWith('LDRAA') ? 'PACDZA' : 'PACDZB', { rd: rn });
  return unit([...moveImmediate(rn, base), ...(choices.oneIn(8) ? [] : [sign]), word]);
}
