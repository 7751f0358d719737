/** Units of SIMD and floating-point loads and stores. Arm ARM C4.1.88. */
import { moveImmediate } from './assembler.ts';
import { indexOf, setBase } from './memory_units.ts';
import type { Choices } from './randomness.ts';
import { type Surroundings, type Unit, unit } from './units.ts';

export const isVectorLoadStore = (word: number): boolean =>
  ((word >>> 25) & 5) === 4 && ((word >>> 26) & 1) === 1;

const signed = (value: number, bits: number) => (value << (32 - bits)) >> (32 - bits);
const field = (word: number, low: number, width: number) => (word >>> low) & (2 ** width - 1);

/** Bytes from the lowest address on, and of what an access must be a multiple where alignment counts; the immediate offset. */
interface Form {
  readonly total: number;
  readonly element: number;
  readonly offset: number;
  readonly store: boolean;
  /** Its effects up to a fault in a later page are QEMU's own, so it stays in one page. */
  readonly onePage: boolean;
}

function structureForm(word: number): Form {
  const q = field(word, 30, 1);
  const store = field(word, 22, 1) === 0;
  if (field(word, 24, 1) === 0) {
    const registers = { 0: 4, 2: 4, 4: 3, 6: 3, 7: 1, 8: 2, 10: 2 }[field(word, 12, 4)] ?? 1;
    return {
      total: registers * (q ? 16 : 8),
      element: 1 << field(word, 10, 2),
      offset: 0,
      store,
      onePage: true,
    };
  }
  const scale = field(word, 14, 2);
  const size = scale === 3 ? field(word, 10, 2) : scale === 2 && field(word, 10, 1) ? 3 : scale;
  const count = 1 + field(word, 21, 1) + 2 * field(word, 13, 1);
  return { total: count << size, element: 1 << size, offset: 0, store, onePage: true };
}

function registerForm(word: number): Form {
  const opc = field(word, 22, 2);
  const size = opc & 2 ? 4 : word >>> 30;
  const bytes = 1 << size;
  const store = (opc & 1) === 0;
  const form = { total: bytes, element: bytes, store, onePage: store && bytes === 16 };
  if (field(word, 24, 1)) return { ...form, offset: field(word, 10, 12) << size };
  if (field(word, 21, 1)) return { ...form, offset: 0 };
  return { ...form, offset: field(word, 10, 2) === 1 ? 0 : signed(field(word, 12, 9), 9) };
}

function pairForm(word: number): Form {
  const bytes = 4 << (word >>> 30);
  const offset = field(word, 23, 2) === 1 ? 0 : signed(field(word, 15, 7), 7) * bytes;
  const store = field(word, 22, 1) === 0;
  return { total: 2 * bytes, element: bytes, offset, store, onePage: store && bytes === 16 };
}

/** A base register with an address in the scratch area, and the instruction. */
export function vectorMemoryUnit(random: number, choices: Choices, surroundings: Surroundings): Unit {
  let word = random;
  const kind = field(word, 27, 3);
  if (kind === 3) {
    const offset = choices.below(64) - 16;
    const words = [((word & ~(0x7ffff << 5)) | ((offset & 0x7ffff) << 5)) >>> 0];
    // 16 bytes may be a multiple of 8 only.
    if (!surroundings.alignedOnly) return unit(words);
    return word >>> 30 === 2 ? unit([]) : unit(words, [{ word: 0, kind: 'literal', unitsAhead: 0 }]);
  }
  // A pair into one register is CONSTRAINED UNPREDICTABLE.
  if (kind === 5 && field(word, 0, 5) === field(word, 10, 5)) word = (word ^ 1) >>> 0;
  const form = kind === 1 ? structureForm(word) : kind === 5 ? pairForm(word) : registerForm(word);
  // SP is kept aligned, so that the address is not exactly what was asked for.
  if (field(word, 5, 5) === 31 && (surroundings.alignedOnly || form.onePage))
    word = ((word & ~(31 << 5)) | (choices.below(31) << 5)) >>> 0;
  const { scratch } = surroundings;
  const page = scratch.base + 4096 * choices.below(scratch.size / 4096 - 1);
  const within = choices.oneIn(2) ? choices.below(96) - 48 : choices.below(4096);
  let address = Math.max(scratch.base, page + within);
  if (surroundings.alignedOnly || choices.oneIn(2)) address -= address % form.element;
  if (form.onePage && Math.floor(address / 4096) !== Math.floor((address + form.total - 1) / 4096))
    address += 64 - (address % 64);
  const words: number[] = [];
  let offset = BigInt(form.offset);
  const rn = field(word, 5, 5);
  const rm = field(word, 16, 5);
  const byRegister = kind === 7 && field(word, 24, 1) === 0 && field(word, 21, 1) === 1;
  if (byRegister) {
    if (rm === rn) word = ((word & ~(31 << 16)) | (((rm + 1) % 31) << 16)) >>> 0;
    const index = field(word, 16, 5);
    const chosen = indexOf(word, { bytes: form.element }, choices, surroundings);
    if (index !== 31) {
      words.push(...moveImmediate(index, chosen.index));
      offset = chosen.offset;
    }
  }
  let through = choices.below(31);
  while (through === rn || through === field(word, 16, 5)) through = choices.below(31);
  words.push(...setBase(rn, BigInt(address) - offset, through, surroundings), word);
  return unit(words);
}
