/**
 * The Arm ARM's shared pseudocode functions that the base instruction set needs, over `Emitter` (J1.3.3), and the few
 * functions over instruction fields that several classes share.
 */
import type { Emitter, Register, Value, Width } from './emitter.ts';
import type { Fields } from './pattern.ts';

export const widthOf = (sf: number): Width => (sf ? 64 : 32);

/** Shape of every instruction whose only choice is 32 or 64 bits. */
export const eitherWidth = { shape: ({ sf }: Fields<'sf'>) => ({ width: widthOf(sf) }) };

/** SignExtend() of a field. */
export const signed = (field: number, bits: number): number => (field << (32 - bits)) >> (32 - bits);

/** The row's `imm` at the operation's width. */
export const immediate = (e: Emitter, width: Width, imm: Value<64>): Value =>
  width === 32 ? e.low(imm) : imm;

/** A small constant or a boolean at the operation's width. */
export const widen = (e: Emitter, width: Width, small: Value<32>): Value =>
  width === 32 ? small : e.zeroExtend(64, small, 32);

/** log2 of the element's size, for DecodeBitMasks(). */
const elementLength = (n: number, imms: number): number => 31 - Math.clz32((n << 6) | (~imms & 0x3f));

/** Whether the encoding of a logical immediate is reserved, which its rotation does not matter to. */
export function isReservedBitMask(n: number, imms: number, width: Width): boolean {
  const length = elementLength(n, imms);
  const levels = (1 << length) - 1;
  return length < 1 || (width === 32 && n === 1) || (imms & levels) === levels;
}

/** DecodeBitMasks() for a logical immediate: undefined where the encoding is reserved. */
export function decodeBitMasks(n: number, imms: number, immr: number, width: Width): bigint | undefined {
  if (isReservedBitMask(n, imms, width)) return undefined;
  const length = elementLength(n, imms);
  const levels = (1 << length) - 1;
  const size = BigInt(1 << length);
  const ones = (1n << BigInt((imms & levels) + 1)) - 1n;
  const rotation = BigInt(immr & levels);
  const element = ((ones >> rotation) | (ones << (size - rotation))) & ((1n << size) - 1n);
  let mask = 0n;
  for (let low = 0n; low < BigInt(width); low += size) mask |= element << low;
  return mask;
}

/** DecodeShift(), with a form of its own for a shift by nothing, which is what most instructions say. */
export type Shift = 'none' | 'lsl' | 'lsr' | 'asr' | 'ror';
const shifts = ['lsl', 'lsr', 'asr', 'ror'] as const;
export const shiftForm = (type: number, amount: number): Shift => (amount === 0 ? 'none' : shifts[type]);

export interface ShiftedRegister {
  readonly width: Width;
  readonly shift: Shift;
  readonly amount: Value<32>;
  readonly rm: Register;
}
/** ShiftReg(). Takes the operands whole: asking for the amount costs a back end code, which a shift by nothing saves. */
export function shiftRegister(e: Emitter, operands: ShiftedRegister): Value {
  const value = e.x(operands.rm, operands.width);
  if (operands.shift === 'none') return value;
  return shiftValue(e, operands.shift, value, widen(e, operands.width, operands.amount));
}

export function shiftValue(e: Emitter, shift: Exclude<Shift, 'none'>, value: Value, count: Value): Value {
  switch (shift) {
    case 'lsl':
      return e.shiftLeft(value, count);
    case 'lsr':
      return e.shiftRight(value, count);
    case 'asr':
      return e.shiftRightSigned(value, count);
    case 'ror':
      return e.rotateRight(value, count);
  }
}

/** DecodeRegExtend(): `x` extends nothing, as UXTX, SXTX, and in 32 bits UXTW and SXTW. */
export type Extension = 'uxtb' | 'uxth' | 'uxtw' | 'sxtb' | 'sxth' | 'sxtw' | 'x';
const extensions = ['uxtb', 'uxth', 'uxtw', 'x', 'sxtb', 'sxth', 'sxtw', 'x'] as const;
export const extensionForm = (option: number, width: Width): Extension =>
  width === 32 && (option & 2) !== 0 ? 'x' : extensions[option];

/** ExtendReg() without its shift. */
export function extendRegister<W extends Width>(
  e: Emitter,
  width: W,
  rm: Register,
  extension: Extension,
): Value<W> {
  if (extension === 'x') return e.x(rm, width);
  const bits = { b: 8, h: 16, w: 32 }[extension[3] as 'b' | 'h' | 'w'] as 8 | 16 | 32;
  const value = e.x(rm, 32);
  return extension[0] === 's' ? e.signExtend(width, value, bits) : e.zeroExtend(width, value, bits);
}

/** Swaps neighbouring groups of `count` bits; `lower` selects the lower group of each pair. */
function swapGroups(e: Emitter, width: Width, value: Value, count: number, lower: bigint): Value {
  const kept = e.keep(value);
  const mask = e.constant<Width>(width, BigInt.asUintN(width, lower));
  const by = e.constant<Width>(width, count);
  return e.or(e.shiftLeft(e.and(kept, mask), by), e.and(e.shiftRight(kept, by), mask));
}

const LOWER = {
  1: 0x5555_5555_5555_5555n,
  2: 0x3333_3333_3333_3333n,
  4: 0x0f0f_0f0f_0f0f_0f0fn,
  8: 0x00ff_00ff_00ff_00ffn,
  16: 0x0000_ffff_0000_ffffn,
};

/** Reverses the bytes of each container of `container` bits. */
export function reverseBytes(e: Emitter, width: Width, value: Value, container: 16 | 32 | 64): Value {
  let result = swapGroups(e, width, value, 8, LOWER[8]);
  if (container >= 32) result = swapGroups(e, width, result, 16, LOWER[16]);
  if (container === 64) result = e.rotateRight(result, e.constant<Width>(64, 32));
  return result;
}

/** BitReverse(). */
export function reverseBits(e: Emitter, width: Width, value: Value): Value {
  let result = value;
  for (const count of [1, 2, 4] as const) result = swapGroups(e, width, result, count, LOWER[count]);
  return reverseBytes(e, width, result, width);
}

/** CountLeadingSignBits(): bits below the sign bit that equal it. */
export function countLeadingSignBits(e: Emitter, width: Width, value: Value): Value {
  const kept = e.keep(value);
  const one = e.constant<Width>(width, 1);
  return e.sub(e.countLeadingZeros(e.xor(kept, e.shiftRightSigned(kept, one))), one);
}
