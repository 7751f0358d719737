/** Instructions on the condition flags alone (FEAT_FlagM, FEAT_FlagM2). Arm ARM C4.1.87, C4.1.89. */
import type { Emitter, Register, Value } from './emitter.ts';
import type { Fields } from './pattern.ts';
import { row } from './row.ts';

const beforeMsr = { before: ['MSR_imm'] };
/** Where a flag stands in NZCV. */
const N = 3;
const Z = 2;
const C = 1;
const V = 0;

const flag = (e: Emitter, nzcv: Value<32>, position: number): Value<32> =>
  e.and(e.shiftRight(nzcv, e.constant(32, position)), e.constant(32, 1));
const at = (e: Emitter, set: Value<32>, position: number): Value<32> =>
  e.shiftLeft(set, e.constant(32, position));

const invertCarry = (_operands: object, e: Emitter) => e.setNzcv(e.xor(e.nzcv(), e.constant(32, 1 << C)));

/** To the form that other architectures' comparisons of floating-point numbers give: C6.2.20. */
function toExternal(_operands: object, e: Emitter): void {
  const nzcv = e.keep(e.nzcv());
  const v = e.keep(flag(e, nzcv, V));
  const z = e.or(flag(e, nzcv, Z), v);
  const c = e.and(flag(e, nzcv, C), e.isZero(v));
  e.setNzcv(e.or(at(e, z, Z), at(e, c, C)));
}
/** And back: C6.2.396. */
function fromExternal(_operands: object, e: Emitter): void {
  const nzcv = e.keep(e.nzcv());
  const c = e.keep(flag(e, nzcv, C));
  const z = e.keep(flag(e, nzcv, Z));
  const noCarry = e.keep(e.isZero(c));
  const n = e.and(noCarry, e.isZero(z));
  const v = e.and(noCarry, z);
  e.setNzcv(e.or(e.or(at(e, n, N), at(e, e.and(z, c), Z)), e.or(at(e, e.or(c, z), C), at(e, v, V))));
}

const rotation = {
  bytes: { amount: ({ imm6 }: Fields<'imm6'>) => imm6, mask: ({ mask }: Fields<'mask'>) => mask },
};
function insertRotated(
  { rn, amount, mask }: { rn: Register; amount: Value<32>; mask: Value<32> },
  e: Emitter,
): void {
  const rotated = e.low(e.rotateRight(e.x(rn, 64), e.zeroExtend(64, amount, 32)));
  const chosen = e.keep(mask);
  e.setNzcv(e.or(e.and(e.nzcv(), e.not(chosen)), e.and(rotated, chosen)));
}

/** N and Z of the lowest bits, V where the next bit differs from their sign; C stays. */
const evaluate =
  (bits: 8 | 16) =>
  ({ rn }: { rn: Register }, e: Emitter): void => {
    const value = e.keep(e.x(rn, 32));
    const n = e.keep(flag(e, value, bits - 1));
    const v = e.xor(flag(e, value, bits), n);
    const z = e.isZero(e.zeroExtend(32, value, bits));
    const c = e.and(e.nzcv(), e.constant(32, 1 << C));
    e.setNzcv(e.or(e.or(at(e, n, N), at(e, z, Z)), e.or(c, v)));
  };

// biome-ignore format: a table
export const flagManipulation = [
  // PSTATE
  row('CFINV',  '1101010100 0 00 000 0100 0000 000 11111', { feature: 'FlagM', ...beforeMsr }, invertCarry),
  row('XAFLAG', '1101010100 0 00 000 0100 0000 001 11111', { feature: 'FlagM2', ...beforeMsr }, fromExternal),
  row('AXFLAG', '1101010100 0 00 000 0100 0000 010 11111', { feature: 'FlagM2', ...beforeMsr }, toExternal),
  // Rotate right into flags
  row('RMIF',   '1 01 11010000 imm6:6 00001 rn:5 0 mask:4', { feature: 'FlagM', ...rotation }, insertRotated),
  // Evaluate into flags
  row('SETF8',  '0 01 11010000 000000 0 0010 rn:5 0 1101', { feature: 'FlagM' }, evaluate(8)),
  row('SETF16', '0 01 11010000 000000 1 0010 rn:5 0 1101', { feature: 'FlagM' }, evaluate(16)),
];
