/**
 * Bitfield moves. Arm ARM C4.1.86. The general definition (C6.2.41: rotate, then two masks) hides plain shifts and
 * extensions, so the encoding's fields choose among forms of one to three operations.
 */
import type { Emitter, Register, Value, Width } from './emitter.ts';
import type { Fields } from './pattern.ts';
import { immediate, shiftValue, widen, widthOf } from './pseudocode.ts';
import { row } from './row.ts';

type BitfieldFields = Fields<'sf' | 'n' | 'immr' | 'imms'>;

const unallocated = ({ sf, n, immr, imms }: BitfieldFields) =>
  n !== sf || (!sf && (immr >= 32 || imms >= 32));

/** How far to the left the field goes: where imms < immr it is inserted there, else extracted to bit 0. */
const position = ({ sf, immr, imms }: BitfieldFields) => (imms < immr ? widthOf(sf) - immr : 0);

/** Ones where the result has the source's bits. */
function fieldMask(fields: BitfieldFields): bigint {
  const { immr, imms } = fields;
  const length = imms < immr ? imms + 1 : imms - immr + 1;
  return ((1n << BigInt(length)) - 1n) << BigInt(position(fields));
}

interface FormOperands<Form> {
  width: Width;
  form: Form;
  first: Value<32>;
  imm: Value<64>;
  rn: Register;
  rd: Register;
}

type UnsignedForm = 'lsl' | 'lsr' | 'mask' | 'extract' | 'insert';
function unsignedForm({ sf, immr, imms }: BitfieldFields): UnsignedForm {
  if (imms === widthOf(sf) - 1) return 'lsr';
  if (imms + 1 === immr) return 'lsl';
  if (immr === 0) return 'mask';
  return imms < immr ? 'insert' : 'extract';
}
const unsigned = {
  shape: (fields: BitfieldFields) => ({ width: widthOf(fields.sf), form: unsignedForm(fields) }),
  imm: fieldMask,
  bytes: {
    first: (fields: BitfieldFields) => (fields.imms < fields.immr ? position(fields) : fields.immr),
  },
  unallocated,
};
// Operands are asked for only where the form uses them: a back end spends code on each.
const moveUnsigned = (operands: FormOperands<UnsignedForm>, e: Emitter) => {
  const { width, form, rn, rd } = operands;
  const left = form === 'lsl' || form === 'insert';
  let result = e.x(rn, width);
  if (form !== 'mask') result = shiftValue(e, left ? 'lsl' : 'lsr', result, widen(e, width, operands.first));
  if (form !== 'lsl' && form !== 'lsr') result = e.and(result, immediate(e, width, operands.imm));
  e.setX(rd, result);
};

type SignedForm = 'asr' | 8 | 16 | 32 | 'shifts';
function signedForm({ sf, immr, imms }: BitfieldFields): SignedForm {
  if (imms === widthOf(sf) - 1) return 'asr';
  if (immr === 0 && imms === 7) return 8;
  if (immr === 0 && imms === 15) return 16;
  if (immr === 0 && imms === 31) return 32;
  return 'shifts';
}
const signed = {
  shape: (fields: BitfieldFields) => ({ width: widthOf(fields.sf), form: signedForm(fields) }),
  bytes: {
    // The field's top bit goes to the top, then the field to its place.
    first: ({ sf, imms }: BitfieldFields) => widthOf(sf) - 1 - imms,
    second: (fields: BitfieldFields) =>
      fields.imms < fields.immr
        ? fields.immr - 1 - fields.imms
        : widthOf(fields.sf) - 1 - fields.imms + fields.immr,
  },
  unallocated,
};
interface SignedOperands extends Omit<FormOperands<SignedForm>, 'imm'> {
  second: Value<32>;
}
const moveSigned = (operands: SignedOperands, e: Emitter) => {
  const { width, form, rn, rd } = operands;
  const source = e.x(rn, width);
  if (typeof form === 'number') return e.setX(rd, e.signExtend(width, source, form));
  const top = form === 'shifts' ? e.shiftLeft(source, widen(e, width, operands.first)) : source;
  e.setX(rd, e.shiftRightSigned(top, widen(e, width, operands.second)));
};

const insert = {
  shape: ({ sf }: Fields<'sf'>) => ({ width: widthOf(sf) }),
  imm: fieldMask,
  bytes: { rotation: ({ immr }: Fields<'immr'>) => immr },
  unallocated,
};
interface InsertOperands {
  width: Width;
  rotation: Value<32>;
  imm: Value<64>;
  rn: Register;
  rd: Register;
}
const moveInto = ({ width, rotation, imm, rn, rd }: InsertOperands, e: Emitter) => {
  const old = e.keep(e.x(rd, width));
  const source = e.rotateRight(e.x(rn, width), widen(e, width, rotation));
  e.setX(rd, e.xor(old, e.and(e.xor(old, source), immediate(e, width, imm))));
};

// biome-ignore format: a table
export const bitfield = [
  row('SBFM', 'sf:1 00 100110 n:1 immr:6 imms:6 rn:5 rd:5', signed, moveSigned),
  row('BFM',  'sf:1 01 100110 n:1 immr:6 imms:6 rn:5 rd:5', insert, moveInto),
  row('UBFM', 'sf:1 10 100110 n:1 immr:6 imms:6 rn:5 rd:5', unsigned, moveUnsigned),
];
