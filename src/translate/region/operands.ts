/** The operands of one instruction whose fields are known: registers by number, immediates as constants. */
import type { Register } from '../../isa/emitter.ts';
import type { Fields } from '../../isa/pattern.ts';
import { REGISTER_NAMES, type Row, VECTOR_REGISTER_NAMES } from '../../isa/row.ts';
import type { Decoded } from '../../isa/table.ts';
import { constant } from '../wasm/expression.ts';

interface KnownRegister {
  readonly number: number;
}

const REGISTERS = Array.from({ length: 32 }, (_, number): KnownRegister => ({ number }));

export const knownRegister = (number: number): Register => REGISTERS[number & 31] as unknown as Register;
export const numberOf = (register: Register): number => (register as unknown as KnownRegister).number;

/** The names of a row's fields that are registers, and its small constants. */
interface RowFields {
  readonly registers: readonly string[];
  readonly vectorRegisters: readonly string[];
  readonly bytes: readonly (readonly [name: string, of: (fields: Fields) => number])[];
}
const known = new Map<Row, RowFields>();

function fieldsOf(row: Row): RowFields {
  let fields = known.get(row);
  if (!fields) {
    const names = row.pattern.fields.map(({ name }) => name);
    fields = {
      registers: names.filter((name) => (REGISTER_NAMES as readonly string[]).includes(name)),
      vectorRegisters: names.filter((name) => (VECTOR_REGISTER_NAMES as readonly string[]).includes(name)),
      bytes: Object.entries(row.bytes),
    };
    known.set(row, fields);
  }
  return fields;
}

/** What the row's semantics receive. */
export function operandsOf({ row, fields }: Decoded): never {
  const { registers, vectorRegisters, bytes } = fieldsOf(row);
  const operands: { [name: string]: unknown } = { ...row.shape(fields) };
  for (const name of registers) operands[name] = knownRegister(fields[name]);
  // As WasmVectorEmitter has a register whose number is a value.
  for (const name of vectorRegisters) operands[name] = { number: constant(32, fields[name]) };
  for (const [name, of] of bytes) operands[name] = constant(32, of(fields));
  if (row.imm) operands['imm'] = constant(64, row.imm(fields));
  return operands as never;
}
