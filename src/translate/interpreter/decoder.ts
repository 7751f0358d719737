/** Fills decoded records from instruction words. */
import { SLOT_SP } from '../../cpu/state.ts';
import type { Row } from '../../isa/row.ts';
import { decode } from '../../isa/table.ts';
import { RECORD_IMMEDIATE, RECORD_OPERANDS, RECORD_SIZE } from '../layout.ts';
import { HANDLER_UNDEFINED, type Handler, type HandlerFamily, type InterpreterModule } from './handlers.ts';
import { shapeKey } from './shapes.ts';

export class RecordDecoder {
  readonly #view: DataView;
  readonly #families: InterpreterModule['families'];

  constructor(state: ArrayBufferLike, module: InterpreterModule) {
    this.#view = new DataView(state);
    this.#families = module.families;
  }

  /**
   * Writes the record at `address` (memory 0) for the instruction `word` at byte offset `pageOffset` of its page. Returns
   * the row, or undefined for an unallocated encoding, or one that is not implemented.
   */
  write(address: number, word: number, pageOffset: number): Row | undefined {
    const decoded = decode(word);
    const byShape = decoded && this.#families.get(decoded.row);
    if (!decoded || !byShape) {
      this.#view.setUint16(address, HANDLER_UNDEFINED, true);
      return undefined;
    }
    const { row, fields } = decoded;
    const family = byShape.get(shapeKey(row.shape(fields)));
    if (!family) throw new Error(`${row.name} ${word.toString(16)}: no handler for its shape`);
    const distance = family.near ? Number(row.imm!(fields)) : 0;
    const landing = pageOffset + distance;
    const near = family.near !== undefined && landing >= 0 && landing < 4096;
    const handler = chooseVariant(family, near, fields.rn === 31);
    handler.operands.forEach(({ kind, name, slotOf31 }, i) => {
      const field = kind === 'register' ? fields[name] : row.bytes[name](fields);
      const operand = kind === 'register' && field === 31 ? slotOf31 : field;
      this.#view.setUint8(address + RECORD_OPERANDS + i, operand);
    });
    if (handler.immediate) {
      const immediate = near ? distance * (RECORD_SIZE / 4) : row.imm!(fields);
      this.#view.setBigInt64(address + RECORD_IMMEDIATE, BigInt.asIntN(64, BigInt(immediate)), true);
    }
    // The handler last: a record is either whole or still to be decoded.
    this.#view.setUint16(address, handler.index, true);
    return row;
  }
}

function chooseVariant(family: HandlerFamily, near: boolean, stack: boolean): Handler {
  if (near) return family.near!;
  if (stack && family.stack) return family.stack;
  return family.plain;
}

if (SLOT_SP !== 31) throw new Error('the stack pointer stands in slot 31');
