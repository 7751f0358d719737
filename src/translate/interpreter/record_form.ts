/** How the bytes of a record follow from an instruction word, for one handler. */
import type { Row } from '../../isa/row.ts';
import type { WordFields } from '../../isa/word_fields.ts';
import { RECORD_IMMEDIATE, RECORD_OPERANDS, RECORD_SIZE, RECORDS_PER_PAGE } from '../layout.ts';
import type { OperandPlan } from './frame.ts';
import type { Handler, HandlerFamily } from './handlers.ts';

// An operand that is a register as a number: where its field stands, how wide that is, what is added, and the slot of register 31.
const LOW = 0;
const PLUS = 5;
const SLOT_OF_31 = 6;
const FIELD_MASK = 12;

const scratch = new BigInt64Array(1);
const scratchWords = new Int32Array(scratch.buffer);

class RecordForm {
  readonly handler: number;
  readonly immediate: boolean;
  /** Of each operand byte; negative: the complement of an index into `#bytes`. */
  readonly #operands: readonly number[];
  readonly #bytes: Row['bytes'][string][] = [];

  constructor({ index, immediate, operands }: Handler, row: Row) {
    this.handler = index;
    this.immediate = immediate;
    this.#operands = operands.map(({ kind, name, slotOf31, plus }: OperandPlan) => {
      if (kind === 'byte') return ~(this.#bytes.push(row.bytes[name]) - 1);
      const { low, width } = row.pattern.fields.find((field) => field.name === name)!;
      return (low << LOW) | (plus << PLUS) | (slotOf31 << SLOT_OF_31) | ((2 ** width - 1) << FIELD_MASK);
    });
  }

  writeOperands(bytes: Uint8Array, to: number, source: WordFields): void {
    const { word, fields } = source;
    for (let i = 0; i < this.#operands.length; i++) {
      const operand = this.#operands[i];
      let value: number;
      if (operand < 0) value = this.#bytes[~operand](fields);
      else {
        value = ((word >>> (operand & 31)) & (operand >>> FIELD_MASK)) + ((operand >>> PLUS) & 1);
        if (value === 31) value = (operand >>> SLOT_OF_31) & 63;
      }
      bytes[to + i] = value;
    }
  }
}

/** The records of one row and shape. */
export class FamilyForm {
  readonly #source: WordFields;
  readonly #imm: Row['imm'];
  readonly #plain: RecordForm;
  readonly #near: RecordForm | undefined;
  readonly #stack: RecordForm | undefined;
  /** Where the field of the base register stands. */
  readonly #base: number;

  constructor(row: Row, source: WordFields, { plain, near, stack }: HandlerFamily) {
    this.#source = source;
    this.#imm = row.imm;
    this.#plain = new RecordForm(plain, row);
    this.#near = near && new RecordForm(near, row);
    this.#stack = stack && new RecordForm(stack, row);
    this.#base = row.pattern.fields.find(({ name }) => name === 'rn')?.low ?? 0;
  }

  /** Writes the record at `address`, but for its handler, whose number it returns. The word is at byte `pageOffset` of its page. */
  write(u8: Uint8Array, i32: Int32Array, address: number, word: number, pageOffset: number): number {
    const source = this.#source;
    source.word = word;
    let form = this.#plain;
    let immediate: number | bigint = 0;
    if (this.#near) {
      immediate = this.#imm!(source.fields) as number;
      const landing = pageOffset + immediate;
      if (landing >= 0 && landing < 4 * RECORDS_PER_PAGE) {
        form = this.#near;
        immediate *= RECORD_SIZE / 4;
      }
    } else {
      if (this.#stack && ((word >>> this.#base) & 31) === 31) form = this.#stack;
      if (form.immediate) immediate = this.#imm!(source.fields);
    }
    form.writeOperands(u8, address + RECORD_OPERANDS, source);
    if (form.immediate) {
      const at = (address + RECORD_IMMEDIATE) >>> 2;
      if (typeof immediate === 'number') {
        i32[at] = immediate;
        i32[at + 1] = Math.floor(immediate / 2 ** 32);
      } else {
        scratch[0] = immediate;
        i32[at] = scratchWords[0];
        i32[at + 1] = scratchWords[1];
      }
    }
    return form.handler;
  }
}
