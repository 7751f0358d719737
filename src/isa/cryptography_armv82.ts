/**
 * Cryptographic extensions of Armv8.2: SHA-512 (FIPS 180-4), Keccak (FIPS 202), SM3 (GB/T 32905), SM4 (GB/T 32907). Arm ARM C4.1.90,
 * C7.2.
 */
import {
  choose,
  different,
  fromWords,
  type Mixing,
  majority,
  parity,
  rotatedLeft,
  substitute,
  total,
  words,
} from './cryptography.ts';
import type { Emitter, Value } from './emitter.ts';
import { row } from './row.ts';
import type { Vector, VectorRegister } from './vector_emitter.ts';

interface One {
  readonly vn: VectorRegister;
  readonly vd: VectorRegister;
}
interface Two extends One {
  readonly vm: VectorRegister;
}
interface Three extends Two {
  readonly va: VectorRegister;
}

// SHA-512, on doublewords: the lower one first.

type Doublewords = readonly [low: Value<64>, high: Value<64>];
const doublewords = (e: Emitter, register: VectorRegister): Doublewords => {
  const of = e.vector.read(register);
  return [e.vector.lane(64, of, 0), e.vector.lane(64, of, 1)];
};
const writeDoublewords = (e: Emitter, vd: VectorRegister, low: Value<64>, high: Value<64>) =>
  e.vector.write(vd, e.vector.withLane(64, e.vector.fromLow(low), 1, high), 16);
const rotated = (e: Emitter, a: Value<64>, by: number) => e.rotateRight(a, e.constant(64, by));
const sum = (e: Emitter, ...of: Value<64>[]) => e.keep(of.reduce((a, b) => e.add(a, b)));
const xor = (e: Emitter, ...of: Value<64>[]) => of.reduce((a, b) => e.xor(a, b));
const rotations = (e: Emitter, a: Value<64>, ...by: number[]) => xor(e, ...by.map((n) => rotated(e, a, n)));
const chosen = (e: Emitter, x: Value<64>, y: Value<64>, z: Value<64>) => e.xor(e.and(e.xor(y, z), x), z);
const mostOf = (e: Emitter, x: Value<64>, y: Value<64>, z: Value<64>) =>
  e.or(e.and(x, y), e.and(e.or(x, y), z));

/** Two rounds: Vn is g:f, Vm is e:d, Vd is h:g with the round constants and the message added (the first round's above). */
const sha512First = ({ vn, vm, vd }: Two, e: Emitter) => {
  const [x, y, w] = [vn, vm, vd].map((register) => doublewords(e, register));
  const high = sum(e, chosen(e, y[1], x[0], x[1]), rotations(e, y[1], 14, 18, 41), w[1]);
  const next = sum(e, high, y[0]);
  const low = sum(e, chosen(e, next, y[1], x[0]), rotations(e, next, 14, 18, 41), w[0]);
  writeDoublewords(e, vd, low, high);
};
/** Vn has c below, Vm is b:a. */
const sha512Second = ({ vn, vm, vd }: Two, e: Emitter) => {
  const [x, y, w] = [vn, vm, vd].map((register) => doublewords(e, register));
  const high = sum(e, mostOf(e, x[0], y[1], y[0]), rotations(e, y[0], 28, 34, 39), w[1]);
  const low = sum(e, mostOf(e, high, y[0], y[1]), rotations(e, high, 28, 34, 39), w[0]);
  writeDoublewords(e, vd, low, high);
};
const sha512Schedule0 = ({ vn, vd }: One, e: Emitter) => {
  const [[x], w] = [vn, vd].map((register) => doublewords(e, register));
  const sigma = (a: Value<64>) => xor(e, rotations(e, a, 1, 8), e.shiftRight(a, e.constant(64, 7)));
  writeDoublewords(e, vd, sum(e, w[0], sigma(w[1])), sum(e, w[1], sigma(x)));
};
const sha512Schedule1 = ({ vn, vm, vd }: Two, e: Emitter) => {
  const [x, y, w] = [vn, vm, vd].map((register) => doublewords(e, register));
  const sigma = (a: Value<64>) => xor(e, rotations(e, a, 19, 61), e.shiftRight(a, e.constant(64, 6)));
  const [low, high] = [0, 1].map((i) => sum(e, w[i], sigma(x[i]), y[i]));
  writeDoublewords(e, vd, low, high);
};

// SHA-3: what Keccak's theta, chi, rho and pi need.

const xorThree = ({ vn, vm, va, vd }: Three, e: Emitter) => {
  const [n, m, a] = [vn, vm, va].map((register) => e.vector.read(register));
  e.vector.write(vd, e.vector.bitwise('xor', e.vector.bitwise('xor', n, m), a), 16);
};
const clearAndXor = ({ vn, vm, va, vd }: Three, e: Emitter) => {
  const [n, m, a] = [vn, vm, va].map((register) => e.vector.read(register));
  e.vector.write(vd, e.vector.bitwise('xor', n, e.vector.bitwise('andNot', m, a)), 16);
};
/** Each doubleword, right by 0 to 63. */
const rotatedVector = (e: Emitter, a: Vector, by: Value<32>) =>
  e.vector.bitwise(
    'or',
    e.vector.shift('right', 64, a, by),
    e.vector.shift('left', 64, a, e.sub(e.constant(32, 64), by)),
  );
const rotateAndXor = ({ vn, vm, vd }: Two, e: Emitter) => {
  const [n, m] = [vn, vm].map((register) => e.vector.read(register));
  e.vector.write(vd, e.vector.bitwise('xor', n, rotatedVector(e, m, e.constant(32, 63))), 16);
};
const xorAndRotate = ({ vn, vm, vd, by }: Two & { by: Value<32> }, e: Emitter) => {
  const [n, m] = [vn, vm].map((register) => e.vector.read(register));
  e.vector.write(vd, rotatedVector(e, e.vector.bitwise('xor', n, m), by), 16);
};

// SM3, on words.

const permuted = (e: Emitter, a: Value<32>, first: number, second: number) =>
  different(e, a, rotatedLeft(e, a, first), rotatedLeft(e, a, second));
const sm3Schedule1 = ({ vn, vm, vd }: Two, e: Emitter) => {
  const [n, m, d] = [vn, vm, vd].map((register) => words(e, e.vector.read(register)));
  const result: Value<32>[] = [];
  for (let i = 0; i < 4; i++) {
    const t = e.keep(different(e, d[i], n[i], rotatedLeft(e, i < 3 ? m[i + 1] : result[0], 15)));
    result.push(e.keep(permuted(e, t, 15, 23)));
  }
  e.vector.write(vd, fromWords(e, result), 16);
};
const sm3Schedule2 = ({ vn, vm, vd }: Two, e: Emitter) => {
  const [n, m, d] = [vn, vm, vd].map((register) => words(e, e.vector.read(register)));
  const t = n.map((word, i) => e.keep(e.xor(word, rotatedLeft(e, m[i], 7))));
  const first = e.keep(rotatedLeft(e, t[0], 15));
  const result = d.map((word, i) => e.xor(word, t[i]));
  e.vector.write(vd, fromWords(e, [...result.slice(0, 3), e.xor(result[3], permuted(e, first, 15, 23))]), 16);
};
const sm3Sum = ({ vn, vm, va, vd }: Three, e: Emitter) => {
  const [n, m, a] = [vn, vm, va].map((register) => words(e, e.vector.read(register))[3]);
  const zero = e.constant(32, 0);
  const last = rotatedLeft(e, e.keep(total(e, rotatedLeft(e, n, 12), m, a)), 7);
  e.vector.write(vd, fromWords(e, [zero, zero, zero, last]), 16);
};
interface Indexed extends Two {
  /** Of the word of Vm. */
  readonly index: number;
}
const sm3First =
  (mixing: Mixing) =>
  ({ index, vn, vm, vd }: Indexed, e: Emitter) => {
    const [n, m, d] = [vn, vm, vd].map((register) => words(e, e.vector.read(register)));
    const ss2 = e.xor(n[3], rotatedLeft(e, d[3], 12));
    const tt1 = total(e, mixing(e, d[3], d[1], d[2]), d[0], ss2, m[index]);
    e.vector.write(vd, fromWords(e, [d[1], rotatedLeft(e, d[2], 9), d[3], tt1]), 16);
  };
const sm3Second =
  (mixing: Mixing) =>
  ({ index, vn, vm, vd }: Indexed, e: Emitter) => {
    const [n, m, d] = [vn, vm, vd].map((register) => words(e, e.vector.read(register)));
    const tt2 = e.keep(total(e, mixing(e, d[3], d[2], d[1]), d[0], n[3], m[index]));
    e.vector.write(vd, fromWords(e, [d[1], rotatedLeft(e, d[2], 19), d[3], permuted(e, tt2, 9, 17)]), 16);
  };

// SM4

/** The product in GF(2^8) modulo x^8 + x^7 + x^6 + x^5 + x^4 + x^2 + 1. */
function product(a: number, b: number): number {
  let result = 0;
  for (let i = 7; i >= 0; i--) {
    result = (result << 1) ^ (result & 0x80 ? 0x1f5 : 0);
    if ((b >> i) & 1) result ^= a;
  }
  return result;
}
/** Bit i of the result is the parity of the bits of `a` that 0xa7, rotated left by i, has; plus 0xd3. */
function affine(a: number): number {
  let result = 0;
  for (let i = 0; i < 8; i++) {
    let bits = a & ((0xa7 << i) | (0xa7 >> (8 - i)));
    for (const by of [4, 2, 1]) bits ^= bits >> by;
    result |= (bits & 1) << i;
  }
  return result ^ 0xd3;
}
let box: Uint8Array | undefined;
/** An affine map, the inverse, the map again. Made when first needed: it costs milliseconds. */
function substitutionBox(): Uint8Array {
  box ??= Uint8Array.from({ length: 256 }, (_, x) => {
    const a = affine(x);
    let inverse = 0;
    while (a !== 0 && product(a, inverse) !== 1) inverse += 1;
    return affine(inverse);
  });
  return box;
}

/** The next word of state from four, with a key or constant; `by` are the rotations of the linear map. */
function sm4Round(
  e: Emitter,
  state: readonly Value<32>[],
  key: Value<32>,
  by: readonly number[],
): Value<32>[] {
  const mixed = e.zeroExtend(64, different(e, ...state.slice(1), key), 32);
  const bytes = substitute(e, substitutionBox(), e.vector.fromLow(mixed));
  const t = e.keep(e.low(e.vector.lane(32, bytes, 0)));
  const next = e.keep(different(e, t, ...by.map((n) => rotatedLeft(e, t, n)), state[0]));
  return [...state.slice(1), next];
}
const sm4Rounds = ({ vn, vd }: One, e: Emitter) => {
  let state = words(e, e.vector.read(vd));
  for (const key of words(e, e.vector.read(vn))) state = sm4Round(e, state, key, [2, 10, 18, 24]);
  e.vector.write(vd, fromWords(e, state), 16);
};
const sm4Keys = ({ vn, vm, vd }: Two, e: Emitter) => {
  let keys = words(e, e.vector.read(vn));
  for (const constant of words(e, e.vector.read(vm))) keys = sm4Round(e, keys, constant, [13, 23]);
  e.vector.write(vd, fromWords(e, keys), 16);
};

// biome-ignore format: a table
export const cryptographyArmv82 = [
  row('SHA512H',   '11001110 011 vm:5 1 0 00 00 vn:5 vd:5', { feature: 'SHA512' }, sha512First),
  row('SHA512H2',  '11001110 011 vm:5 1 0 00 01 vn:5 vd:5', { feature: 'SHA512' }, sha512Second),
  row('SHA512SU1', '11001110 011 vm:5 1 0 00 10 vn:5 vd:5', { feature: 'SHA512' }, sha512Schedule1),
  row('RAX1',      '11001110 011 vm:5 1 0 00 11 vn:5 vd:5', { feature: 'SHA3' }, rotateAndXor),
  row('SM3PARTW1', '11001110 011 vm:5 1 1 00 00 vn:5 vd:5', { feature: 'SM3' }, sm3Schedule1),
  row('SM3PARTW2', '11001110 011 vm:5 1 1 00 01 vn:5 vd:5', { feature: 'SM3' }, sm3Schedule2),
  row('SM4EKEY',   '11001110 011 vm:5 1 1 00 10 vn:5 vd:5', { feature: 'SM4' }, sm4Keys),
  row('SHA512SU0', '11001110 110 00000 1000 00 vn:5 vd:5', { feature: 'SHA512' }, sha512Schedule0),
  row('SM4E',      '11001110 110 00000 1000 01 vn:5 vd:5', { feature: 'SM4' }, sm4Rounds),
  row('EOR3',      '11001110 0 00 vm:5 0 va:5 vn:5 vd:5', { feature: 'SHA3' }, xorThree),
  row('BCAX',      '11001110 0 01 vm:5 0 va:5 vn:5 vd:5', { feature: 'SHA3' }, clearAndXor),
  row('SM3SS1',    '11001110 0 10 vm:5 0 va:5 vn:5 vd:5', { feature: 'SM3' }, sm3Sum),
  row('XAR',       '11001110 100 vm:5 imm6:6 vn:5 vd:5', { feature: 'SHA3', bytes: { by: ({ imm6 }) => imm6 } }, xorAndRotate),
  row('SM3TT1A',   '11001110 010 vm:5 10 imm2:2 00 vn:5 vd:5', { feature: 'SM3', shape: ({ imm2 }) => ({ index: imm2 }) }, sm3First(parity)),
  row('SM3TT1B',   '11001110 010 vm:5 10 imm2:2 01 vn:5 vd:5', { feature: 'SM3', shape: ({ imm2 }) => ({ index: imm2 }) }, sm3First(majority)),
  row('SM3TT2A',   '11001110 010 vm:5 10 imm2:2 10 vn:5 vd:5', { feature: 'SM3', shape: ({ imm2 }) => ({ index: imm2 }) }, sm3Second(parity)),
  row('SM3TT2B',   '11001110 010 vm:5 10 imm2:2 11 vn:5 vd:5', { feature: 'SM3', shape: ({ imm2 }) => ({ index: imm2 }) }, sm3Second(choose)),
];
