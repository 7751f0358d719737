/** Loads and stores of the SIMD and floating-point registers. Arm ARM C4.1.88. */
import type { Emitter, Register, Value } from './emitter.ts';
import type { Fields } from './pattern.ts';
import { type Extension, extendRegister, extensionForm, signed } from './pseudocode.ts';
import { row } from './row.ts';
import type { VectorAccess, VectorRegister } from './vector_emitter.ts';

interface Transfer {
  readonly bytes: 1 | 2 | 4 | 8 | 16;
  readonly store: boolean;
}
const load = (bytes: Transfer['bytes']): Transfer => ({ bytes, store: false });
const store = (bytes: Transfer['bytes']): Transfer => ({ bytes, store: true });
const [LDR_8, LDR_16, LDR_32, LDR_64, LDR_128] = ([1, 2, 4, 8, 16] as const).map(load);
const [STR_8, STR_16, STR_32, STR_64, STR_128] = ([1, 2, 4, 8, 16] as const).map(store);

/** A register of 16 bytes is one access. What a load does not fill is zero. */
function transferVector(
  e: Emitter,
  { bytes, store: isStore }: Transfer,
  vt: VectorRegister,
  address: Value<64>,
  how: VectorAccess,
): void {
  const { vector } = e;
  if (bytes === 16) {
    if (isStore) vector.store(how, address, vector.read(vt));
    else vector.write(vt, vector.load(how, address), 16);
  } else if (isStore) {
    e.store({ bytes, ...how }, address, vector.lane(64, vector.read(vt), 0));
  } else {
    vector.write(vt, vector.fromLow(e.load({ bytes, ...how }, address)), 16);
  }
}

interface BaseAndOffset {
  imm: Value<64>;
  rn: Register;
  vt: VectorRegister;
}
const FP = { feature: 'FP' };
const unscaled = { ...FP, imm: ({ imm9 }: Fields<'imm9'>) => signed(imm9, 9) };
const scaled = ({ bytes }: Transfer) => ({ ...FP, imm: ({ imm12 }: Fields<'imm12'>) => imm12 * bytes });
const offset =
  (transfer: Transfer) =>
  ({ imm, rn, vt }: BaseAndOffset, e: Emitter) =>
    transferVector(e, transfer, vt, e.add(e.xOrSp(rn, 64), imm), { stack: rn });
const preIndex =
  (transfer: Transfer) =>
  ({ imm, rn, vt }: BaseAndOffset, e: Emitter) => {
    const address = e.keep(e.add(e.xOrSp(rn, 64), imm));
    transferVector(e, transfer, vt, address, { stack: rn });
    e.setXOrSp(rn, address);
  };
const postIndex =
  (transfer: Transfer) =>
  ({ imm, rn, vt }: BaseAndOffset, e: Emitter) => {
    const address = e.keep(e.xOrSp(rn, 64));
    transferVector(e, transfer, vt, address, { stack: rn });
    e.setXOrSp(rn, e.add(address, imm));
  };

const indexed = ({ bytes }: Transfer) => ({
  ...FP,
  shape: ({ option }: Fields<'option'>) => ({ extension: extensionForm(option, 64) }),
  bytes: { amount: ({ s }: Fields<'s'>) => (s ? Math.log2(bytes) : 0) },
  unallocated: ({ option }: Fields<'option'>) => (option & 2) === 0,
});
interface IndexedOperands {
  extension: Extension;
  amount: Value<32>;
  rm: Register;
  rn: Register;
  vt: VectorRegister;
}
const indexing =
  (transfer: Transfer) =>
  ({ extension, amount, rm, rn, vt }: IndexedOperands, e: Emitter) => {
    const index = e.shiftLeft(extendRegister(e, 64, rm, extension), e.zeroExtend(64, amount, 32));
    transferVector(e, transfer, vt, e.add(e.xOrSp(rn, 64), index), { stack: rn });
  };

const literal = { ...FP, imm: ({ imm19 }: Fields<'imm19'>) => signed(imm19, 19) * 4 };
const pcRelative =
  (transfer: Transfer) =>
  ({ imm, vt }: { imm: Value<64>; vt: VectorRegister }, e: Emitter) =>
    transferVector(e, transfer, vt, e.add(e.pc(), imm), {});

interface PairOperands extends BaseAndOffset {
  vt2: VectorRegister;
}
const pair = ({ bytes }: Transfer) => ({ ...FP, imm: ({ imm7 }: Fields<'imm7'>) => signed(imm7, 7) * bytes });
/** Lower address first. A load whose second access faults has filled the first register, as in QEMU 7.2. */
function transferPair(
  e: Emitter,
  transfer: Transfer,
  { rn, vt, vt2 }: PairOperands,
  address: Value<64>,
): void {
  transferVector(e, transfer, vt, address, { stack: rn });
  transferVector(e, transfer, vt2, e.add(address, e.constant(64, transfer.bytes)), {});
}
const offsetPair = (transfer: Transfer) => (operands: PairOperands, e: Emitter) =>
  transferPair(e, transfer, operands, e.keep(e.add(e.xOrSp(operands.rn, 64), operands.imm)));
const preIndexPair = (transfer: Transfer) => (operands: PairOperands, e: Emitter) => {
  const address = e.keep(e.add(e.xOrSp(operands.rn, 64), operands.imm));
  transferPair(e, transfer, operands, address);
  e.setXOrSp(operands.rn, address);
};
const postIndexPair = (transfer: Transfer) => (operands: PairOperands, e: Emitter) => {
  const address = e.keep(e.xOrSp(operands.rn, 64));
  transferPair(e, transfer, operands, address);
  e.setXOrSp(operands.rn, e.add(address, operands.imm));
};

// biome-ignore format: a table
export const loadStoreFpSimd = [
  // Load/store register (unscaled immediate)
  row('STUR_8_fpsimd',           '00 111 1 00 00 0 imm9:9 00 rn:5 vt:5', unscaled, offset(STR_8)),
  row('LDUR_8_fpsimd',           '00 111 1 00 01 0 imm9:9 00 rn:5 vt:5', unscaled, offset(LDR_8)),
  row('STUR_16_fpsimd',          '01 111 1 00 00 0 imm9:9 00 rn:5 vt:5', unscaled, offset(STR_16)),
  row('LDUR_16_fpsimd',          '01 111 1 00 01 0 imm9:9 00 rn:5 vt:5', unscaled, offset(LDR_16)),
  row('STUR_32_fpsimd',          '10 111 1 00 00 0 imm9:9 00 rn:5 vt:5', unscaled, offset(STR_32)),
  row('LDUR_32_fpsimd',          '10 111 1 00 01 0 imm9:9 00 rn:5 vt:5', unscaled, offset(LDR_32)),
  row('STUR_64_fpsimd',          '11 111 1 00 00 0 imm9:9 00 rn:5 vt:5', unscaled, offset(STR_64)),
  row('LDUR_64_fpsimd',          '11 111 1 00 01 0 imm9:9 00 rn:5 vt:5', unscaled, offset(LDR_64)),
  row('STUR_128_fpsimd',         '00 111 1 00 10 0 imm9:9 00 rn:5 vt:5', unscaled, offset(STR_128)),
  row('LDUR_128_fpsimd',         '00 111 1 00 11 0 imm9:9 00 rn:5 vt:5', unscaled, offset(LDR_128)),

  // Load/store register (immediate post-indexed)
  row('STR_8_fpsimd_imm_post',   '00 111 1 00 00 0 imm9:9 01 rn:5 vt:5', unscaled, postIndex(STR_8)),
  row('LDR_8_fpsimd_imm_post',   '00 111 1 00 01 0 imm9:9 01 rn:5 vt:5', unscaled, postIndex(LDR_8)),
  row('STR_16_fpsimd_imm_post',  '01 111 1 00 00 0 imm9:9 01 rn:5 vt:5', unscaled, postIndex(STR_16)),
  row('LDR_16_fpsimd_imm_post',  '01 111 1 00 01 0 imm9:9 01 rn:5 vt:5', unscaled, postIndex(LDR_16)),
  row('STR_32_fpsimd_imm_post',  '10 111 1 00 00 0 imm9:9 01 rn:5 vt:5', unscaled, postIndex(STR_32)),
  row('LDR_32_fpsimd_imm_post',  '10 111 1 00 01 0 imm9:9 01 rn:5 vt:5', unscaled, postIndex(LDR_32)),
  row('STR_64_fpsimd_imm_post',  '11 111 1 00 00 0 imm9:9 01 rn:5 vt:5', unscaled, postIndex(STR_64)),
  row('LDR_64_fpsimd_imm_post',  '11 111 1 00 01 0 imm9:9 01 rn:5 vt:5', unscaled, postIndex(LDR_64)),
  row('STR_128_fpsimd_imm_post', '00 111 1 00 10 0 imm9:9 01 rn:5 vt:5', unscaled, postIndex(STR_128)),
  row('LDR_128_fpsimd_imm_post', '00 111 1 00 11 0 imm9:9 01 rn:5 vt:5', unscaled, postIndex(LDR_128)),

  // Load/store register (immediate pre-indexed)
  row('STR_8_fpsimd_imm_pre',    '00 111 1 00 00 0 imm9:9 11 rn:5 vt:5', unscaled, preIndex(STR_8)),
  row('LDR_8_fpsimd_imm_pre',    '00 111 1 00 01 0 imm9:9 11 rn:5 vt:5', unscaled, preIndex(LDR_8)),
  row('STR_16_fpsimd_imm_pre',   '01 111 1 00 00 0 imm9:9 11 rn:5 vt:5', unscaled, preIndex(STR_16)),
  row('LDR_16_fpsimd_imm_pre',   '01 111 1 00 01 0 imm9:9 11 rn:5 vt:5', unscaled, preIndex(LDR_16)),
  row('STR_32_fpsimd_imm_pre',   '10 111 1 00 00 0 imm9:9 11 rn:5 vt:5', unscaled, preIndex(STR_32)),
  row('LDR_32_fpsimd_imm_pre',   '10 111 1 00 01 0 imm9:9 11 rn:5 vt:5', unscaled, preIndex(LDR_32)),
  row('STR_64_fpsimd_imm_pre',   '11 111 1 00 00 0 imm9:9 11 rn:5 vt:5', unscaled, preIndex(STR_64)),
  row('LDR_64_fpsimd_imm_pre',   '11 111 1 00 01 0 imm9:9 11 rn:5 vt:5', unscaled, preIndex(LDR_64)),
  row('STR_128_fpsimd_imm_pre',  '00 111 1 00 10 0 imm9:9 11 rn:5 vt:5', unscaled, preIndex(STR_128)),
  row('LDR_128_fpsimd_imm_pre',  '00 111 1 00 11 0 imm9:9 11 rn:5 vt:5', unscaled, preIndex(LDR_128)),

  // Load/store register (register offset)
  row('STR_8_fpsimd_reg',        '00 111 1 00 00 1 rm:5 option:3 s:1 10 rn:5 vt:5', indexed(STR_8), indexing(STR_8)),
  row('LDR_8_fpsimd_reg',        '00 111 1 00 01 1 rm:5 option:3 s:1 10 rn:5 vt:5', indexed(LDR_8), indexing(LDR_8)),
  row('STR_16_fpsimd_reg',       '01 111 1 00 00 1 rm:5 option:3 s:1 10 rn:5 vt:5', indexed(STR_16), indexing(STR_16)),
  row('LDR_16_fpsimd_reg',       '01 111 1 00 01 1 rm:5 option:3 s:1 10 rn:5 vt:5', indexed(LDR_16), indexing(LDR_16)),
  row('STR_32_fpsimd_reg',       '10 111 1 00 00 1 rm:5 option:3 s:1 10 rn:5 vt:5', indexed(STR_32), indexing(STR_32)),
  row('LDR_32_fpsimd_reg',       '10 111 1 00 01 1 rm:5 option:3 s:1 10 rn:5 vt:5', indexed(LDR_32), indexing(LDR_32)),
  row('STR_64_fpsimd_reg',       '11 111 1 00 00 1 rm:5 option:3 s:1 10 rn:5 vt:5', indexed(STR_64), indexing(STR_64)),
  row('LDR_64_fpsimd_reg',       '11 111 1 00 01 1 rm:5 option:3 s:1 10 rn:5 vt:5', indexed(LDR_64), indexing(LDR_64)),
  row('STR_128_fpsimd_reg',      '00 111 1 00 10 1 rm:5 option:3 s:1 10 rn:5 vt:5', indexed(STR_128), indexing(STR_128)),
  row('LDR_128_fpsimd_reg',      '00 111 1 00 11 1 rm:5 option:3 s:1 10 rn:5 vt:5', indexed(LDR_128), indexing(LDR_128)),

  // Load/store register (unsigned immediate)
  row('STR_8_fpsimd_imm',        '00 111 1 01 00 imm12:12 rn:5 vt:5', scaled(STR_8), offset(STR_8)),
  row('LDR_8_fpsimd_imm',        '00 111 1 01 01 imm12:12 rn:5 vt:5', scaled(LDR_8), offset(LDR_8)),
  row('STR_16_fpsimd_imm',       '01 111 1 01 00 imm12:12 rn:5 vt:5', scaled(STR_16), offset(STR_16)),
  row('LDR_16_fpsimd_imm',       '01 111 1 01 01 imm12:12 rn:5 vt:5', scaled(LDR_16), offset(LDR_16)),
  row('STR_32_fpsimd_imm',       '10 111 1 01 00 imm12:12 rn:5 vt:5', scaled(STR_32), offset(STR_32)),
  row('LDR_32_fpsimd_imm',       '10 111 1 01 01 imm12:12 rn:5 vt:5', scaled(LDR_32), offset(LDR_32)),
  row('STR_64_fpsimd_imm',       '11 111 1 01 00 imm12:12 rn:5 vt:5', scaled(STR_64), offset(STR_64)),
  row('LDR_64_fpsimd_imm',       '11 111 1 01 01 imm12:12 rn:5 vt:5', scaled(LDR_64), offset(LDR_64)),
  row('STR_128_fpsimd_imm',      '00 111 1 01 10 imm12:12 rn:5 vt:5', scaled(STR_128), offset(STR_128)),
  row('LDR_128_fpsimd_imm',      '00 111 1 01 11 imm12:12 rn:5 vt:5', scaled(LDR_128), offset(LDR_128)),

  // Load register (literal)
  row('LDR_32_fpsimd_lit',       '00 011 1 00 imm19:19 vt:5', literal, pcRelative(LDR_32)),
  row('LDR_64_fpsimd_lit',       '01 011 1 00 imm19:19 vt:5', literal, pcRelative(LDR_64)),
  row('LDR_128_fpsimd_lit',      '10 011 1 00 imm19:19 vt:5', literal, pcRelative(LDR_128)),

  // Load/store no-allocate pair (offset)
  row('STNP_32_fpsimd',          '00 101 1 000 0 imm7:7 vt2:5 rn:5 vt:5', pair(STR_32), offsetPair(STR_32)),
  row('LDNP_32_fpsimd',          '00 101 1 000 1 imm7:7 vt2:5 rn:5 vt:5', pair(LDR_32), offsetPair(LDR_32)),
  row('STNP_64_fpsimd',          '01 101 1 000 0 imm7:7 vt2:5 rn:5 vt:5', pair(STR_64), offsetPair(STR_64)),
  row('LDNP_64_fpsimd',          '01 101 1 000 1 imm7:7 vt2:5 rn:5 vt:5', pair(LDR_64), offsetPair(LDR_64)),
  row('STNP_128_fpsimd',         '10 101 1 000 0 imm7:7 vt2:5 rn:5 vt:5', pair(STR_128), offsetPair(STR_128)),
  row('LDNP_128_fpsimd',         '10 101 1 000 1 imm7:7 vt2:5 rn:5 vt:5', pair(LDR_128), offsetPair(LDR_128)),

  // Load/store register pair (post-indexed)
  row('STP_32_fpsimd_post',      '00 101 1 001 0 imm7:7 vt2:5 rn:5 vt:5', pair(STR_32), postIndexPair(STR_32)),
  row('LDP_32_fpsimd_post',      '00 101 1 001 1 imm7:7 vt2:5 rn:5 vt:5', pair(LDR_32), postIndexPair(LDR_32)),
  row('STP_64_fpsimd_post',      '01 101 1 001 0 imm7:7 vt2:5 rn:5 vt:5', pair(STR_64), postIndexPair(STR_64)),
  row('LDP_64_fpsimd_post',      '01 101 1 001 1 imm7:7 vt2:5 rn:5 vt:5', pair(LDR_64), postIndexPair(LDR_64)),
  row('STP_128_fpsimd_post',     '10 101 1 001 0 imm7:7 vt2:5 rn:5 vt:5', pair(STR_128), postIndexPair(STR_128)),
  row('LDP_128_fpsimd_post',     '10 101 1 001 1 imm7:7 vt2:5 rn:5 vt:5', pair(LDR_128), postIndexPair(LDR_128)),

  // Load/store register pair (offset)
  row('STP_32_fpsimd',           '00 101 1 010 0 imm7:7 vt2:5 rn:5 vt:5', pair(STR_32), offsetPair(STR_32)),
  row('LDP_32_fpsimd',           '00 101 1 010 1 imm7:7 vt2:5 rn:5 vt:5', pair(LDR_32), offsetPair(LDR_32)),
  row('STP_64_fpsimd',           '01 101 1 010 0 imm7:7 vt2:5 rn:5 vt:5', pair(STR_64), offsetPair(STR_64)),
  row('LDP_64_fpsimd',           '01 101 1 010 1 imm7:7 vt2:5 rn:5 vt:5', pair(LDR_64), offsetPair(LDR_64)),
  row('STP_128_fpsimd',          '10 101 1 010 0 imm7:7 vt2:5 rn:5 vt:5', pair(STR_128), offsetPair(STR_128)),
  row('LDP_128_fpsimd',          '10 101 1 010 1 imm7:7 vt2:5 rn:5 vt:5', pair(LDR_128), offsetPair(LDR_128)),

  // Load/store register pair (pre-indexed)
  row('STP_32_fpsimd_pre',       '00 101 1 011 0 imm7:7 vt2:5 rn:5 vt:5', pair(STR_32), preIndexPair(STR_32)),
  row('LDP_32_fpsimd_pre',       '00 101 1 011 1 imm7:7 vt2:5 rn:5 vt:5', pair(LDR_32), preIndexPair(LDR_32)),
  row('STP_64_fpsimd_pre',       '01 101 1 011 0 imm7:7 vt2:5 rn:5 vt:5', pair(STR_64), preIndexPair(STR_64)),
  row('LDP_64_fpsimd_pre',       '01 101 1 011 1 imm7:7 vt2:5 rn:5 vt:5', pair(LDR_64), preIndexPair(LDR_64)),
  row('STP_128_fpsimd_pre',      '10 101 1 011 0 imm7:7 vt2:5 rn:5 vt:5', pair(STR_128), preIndexPair(STR_128)),
  row('LDP_128_fpsimd_pre',      '10 101 1 011 1 imm7:7 vt2:5 rn:5 vt:5', pair(LDR_128), preIndexPair(LDR_128)),
];
