/** Fills decoded records from instruction words. */
import { SLOT_SP } from '../../cpu/state.ts';
import type { Feature, Row } from '../../isa/row.ts';
import { type Decoded, decode } from '../../isa/table.ts';
import { RECORD_IMMEDIATE, RECORD_OPERANDS, RECORD_SIZE } from '../layout.ts';
import type { HandlerFunctions } from './handler_functions.ts';
import {
  HANDLER_UNDEFINED,
  type Handler,
  type HandlerFamily,
  type InterpreterModule,
  inLoop,
} from './handlers.ts';
import { shapeFields, shapeKey } from './shapes.ts';
import { isOnVectors } from './state_digest.ts';

/** Instructions remembered: code repeats itself, and half of a kernel's are found again. A power of two. */
const REMEMBERED = 65_536;
const RECORD_WORDS = RECORD_SIZE / 4;

/** The families of a row by the bits of the word that its shape looks at, so that no shape is made twice. */
interface RowFamilies {
  readonly byShape: Map<string, HandlerFamily>;
  /** Bits that the shape was seen to look at: equal there, it looks at no others. */
  mask: number;
  readonly byBits: Map<number, HandlerFamily>;
}

export class RecordDecoder {
  readonly #view: DataView;
  readonly #records: Uint32Array;
  readonly #families: Map<Row, RowFamilies>;
  readonly #functions: HandlerFunctions;
  readonly #features: ReadonlySet<Feature> | undefined;
  /** Instruction words by their hash, and their records. No record of a word: handler 0. */
  readonly #words = new Uint32Array(REMEMBERED);
  readonly #remembered = new Uint32Array(REMEMBERED * RECORD_WORDS);

  /** `features` of the CPU; absent: every row exists. */
  constructor(
    state: ArrayBufferLike,
    module: InterpreterModule,
    functions: HandlerFunctions,
    features?: ReadonlySet<Feature>,
  ) {
    this.#features = features;
    this.#view = new DataView(state);
    this.#records = new Uint32Array(state);
    this.#functions = functions;
    this.#families = new Map(
      [...module.families].map(([row, byShape]) => [
        row,
        { byShape: new Map(byShape), mask: 0, byBits: new Map() },
      ]),
    );
  }

  /** Those of a row; undefined while it is not implemented. */
  #familiesOf(row: Row): RowFamilies | undefined {
    let families = this.#families.get(row);
    if (!families && row.execute) {
      families = { byShape: new Map(), mask: 0, byBits: new Map() };
      this.#families.set(row, families);
    }
    return families;
  }

  /**
   * Writes the record at `address` (memory 0) for the instruction `word` at byte offset `pageOffset` of its page. An
   * unallocated encoding, or one that is not implemented, gets the handler for UNDEFINED.
   */
  write(address: number, word: number, pageOffset: number): void {
    const slot = (Math.imul(word, 0x9e37_79b1) >>> 8) & (REMEMBERED - 1);
    const remembered = this.#remembered;
    const from = slot * RECORD_WORDS;
    const to = address >>> 2;
    if (this.#words[slot] === word >>> 0 && remembered[from] !== 0) {
      // The handler last: a record is either whole or still to be decoded.
      for (let i = RECORD_WORDS - 1; i >= 0; i--) this.#records[to + i] = remembered[from + i];
      return;
    }
    if (!this.#decode(address, word, pageOffset)) return;
    this.#words[slot] = word;
    for (let i = 0; i < RECORD_WORDS; i++) remembered[from + i] = this.#records[to + i];
  }

  /** Whether the record is the same wherever in a page the instruction stands. */
  #decode(address: number, word: number, pageOffset: number): boolean {
    const decoded = decode(word, this.#features);
    const families = decoded && this.#familiesOf(decoded.row);
    if (!decoded || !families) {
      // Asked for by the digest.
      this.#view.setUint8(address + RECORD_OPERANDS, isOnVectors(word) ? 1 : 0);
      this.#view.setUint16(address, HANDLER_UNDEFINED, true);
      return true;
    }
    const { row, fields } = decoded;
    const family = this.#familyOf(families, decoded, word);
    const distance = family.near ? Number(row.imm!(fields)) : 0;
    const landing = pageOffset + distance;
    const near = family.near !== undefined && landing >= 0 && landing < 4096;
    const handler = chooseVariant(family, near, fields.rn === 31);
    handler.operands.forEach(({ kind, name, slotOf31, plus }, i) => {
      const field = kind === 'register' ? fields[name] + plus : row.bytes[name](fields);
      const operand = kind === 'register' && field === 31 ? slotOf31 : field;
      this.#view.setUint8(address + RECORD_OPERANDS + i, operand);
    });
    if (handler.immediate) {
      const immediate = near ? distance * (RECORD_SIZE / 4) : row.imm!(fields);
      this.#view.setBigInt64(address + RECORD_IMMEDIATE, BigInt.asIntN(64, BigInt(immediate)), true);
    }
    // The handler last: a record is either whole or still to be decoded.
    this.#view.setUint16(address, handler.index, true);
    return family.near === undefined;
  }

  #familyOf(families: RowFamilies, { row, fields }: Decoded, word: number): HandlerFamily {
    const known = families.byBits.get(word & families.mask);
    if (known) return known;
    for (const name of shapeFields(row, fields)) {
      const { low, width } = row.pattern.fields.find((field) => field.name === name)!;
      families.mask |= (2 ** width - 1) << low;
    }
    const shape = row.shape(fields);
    const key = shapeKey(shape);
    let family = families.byShape.get(key);
    if (!family) {
      if (inLoop(row)) throw new Error(`${row.name} ${word.toString(16)}: no handler for its shape`);
      family = this.#functions.familyOf(row, shape);
      families.byShape.set(key, family);
    }
    families.byBits.set(word & families.mask, family);
    return family;
  }
}

function chooseVariant(family: HandlerFamily, near: boolean, stack: boolean): Handler {
  if (near) return family.near!;
  if (stack && family.stack) return family.stack;
  return family.plain;
}

if (SLOT_SP !== 31) throw new Error('the stack pointer stands in slot 31');
