/** The operands of one instruction whose fields are known: registers by number, immediates as constants. */
import type { Register, Value } from '../../isa/emitter.ts';
import { REGISTER_NAMES, VECTOR_REGISTER_NAMES } from '../../isa/row.ts';
import type { Decoded } from '../../isa/table.ts';

interface KnownRegister {
  readonly number: number;
}

export const knownRegister = (number: number): Register => ({ number }) as unknown as Register;
export const numberOf = (register: Register): number => (register as unknown as KnownRegister).number;

const isVectorRegister = (name: string): boolean =>
  (VECTOR_REGISTER_NAMES as readonly string[]).includes(name);
const isRegister = (name: string): boolean => (REGISTER_NAMES as readonly string[]).includes(name);

/** What the row's semantics receive; `constant` makes the back end's constants. */
export function operandsOf(
  { row, fields }: Decoded,
  constant: (width: 32 | 64, n: number | bigint) => Value,
): never {
  const operands: { [name: string]: unknown } = { ...row.shape(fields) };
  for (const name of Object.keys(fields)) {
    if (isRegister(name)) operands[name] = knownRegister(fields[name]);
    // As WasmVectorEmitter has a register whose number is a value.
    if (isVectorRegister(name)) operands[name] = { number: constant(32, fields[name]) };
  }
  for (const [name, of] of Object.entries(row.bytes)) operands[name] = constant(32, of(fields));
  if (row.imm) operands['imm'] = constant(64, row.imm(fields));
  return operands as never;
}
