/** Cryptographic extensions. Arm ARM C4.1.90, J1.3.3 (AESSubBytes, SHA256hash and their like); FIPS 180-4, FIPS 197. */
import type { Emitter, Value } from './emitter.ts';
import { row } from './row.ts';
import type { Vector, VectorRegister } from './vector_emitter.ts';
import { byteIndices } from './vectors.ts';

interface One {
  readonly vn: VectorRegister;
  readonly vd: VectorRegister;
}
interface Two extends One {
  readonly vm: VectorRegister;
}

// AES

const times2 = (a: number) => ((a << 1) ^ (a & 0x80 ? 0x11b : 0)) & 0xff;
/** The S-box: the inverse in GF(2^8), then an affine map. */
function substitutionBox(): Uint8Array {
  const box = new Uint8Array(256);
  box[0] = 0x63;
  // p runs through the powers of 3, q through those of its inverse.
  let [p, q] = [1, 1];
  do {
    p ^= times2(p);
    for (const by of [1, 2, 4]) q ^= q << by;
    q = (q ^ (q & 0x80 ? 0x09 : 0)) & 0xff;
    const rotated = [1, 2, 3, 4].map((by) => (q << by) | (q >> (8 - by)));
    box[p] = rotated.reduce((sum, r) => sum ^ r, q) ^ 0x63;
  } while (p !== 1);
  return box;
}
const SBOX = substitutionBox();
const INVERSE_SBOX = new Uint8Array(256);
SBOX.forEach((to, from) => {
  INVERSE_SBOX[to] = from;
});

const asNumber = (bytes: Uint8Array): bigint => bytes.reduceRight((n, byte) => (n << 8n) | BigInt(byte), 0n);
/** Each byte's entry in the table. */
export function substitute(e: Emitter, box: Uint8Array, a: Vector): Vector {
  const { vector } = e;
  let result = vector.constant(0n);
  for (let start = 0; start < 256; start += 16) {
    const indices = vector.lanes('sub', 8, a, vector.splat(8, e.constant(64, start)));
    const found = vector.lookUp(vector.constant(asNumber(box.subarray(start, start + 16))), indices);
    result = vector.bitwise('or', result, found);
  }
  return result;
}

/** Row r is rotated by r columns; byte i is row i % 4, column i / 4. */
const shiftRows = (direction: 1 | -1) =>
  Array.from({ length: 16 }, (_, i) => (i + direction * 4 * (i % 4) + 16) % 16);
const round =
  (box: Uint8Array, direction: 1 | -1) =>
  ({ vn, vd }: One, e: Emitter) => {
    const { vector } = e;
    const mixed = vector.bitwise('xor', vector.read(vd), vector.read(vn));
    vector.write(vd, substitute(e, box, vector.shuffle(mixed, mixed, shiftRows(direction))), 16);
  };
const encrypt = round(SBOX, 1);
const decrypt = round(INVERSE_SBOX, -1);

/** Twice each byte, in GF(2^8). */
function doubled(e: Emitter, a: Vector): Vector {
  const { vector } = e;
  const carry = vector.shift('rightSigned', 8, a, e.constant(32, 7));
  const reduction = vector.bitwise('and', carry, vector.splat(8, e.constant(64, 0x1b)));
  return vector.bitwise('xor', vector.lanes('add', 8, a, a), reduction);
}
/** Bytes of a column moved up by `by`. */
const rotatedColumns = (e: Emitter, a: Vector, by: number) =>
  e.vector.shuffle(
    a,
    a,
    Array.from({ length: 16 }, (_, i) => (i & ~3) | ((i + by) & 3)),
  );
const sum = (e: Emitter, ...of: Vector[]) => of.reduce((a, b) => e.vector.bitwise('xor', a, b));
const mix = ({ vn, vd }: One, e: Emitter) => {
  const a = e.vector.read(vn);
  const twice = doubled(e, a);
  const next = rotatedColumns(e, sum(e, a, twice), 1);
  e.vector.write(vd, sum(e, twice, next, rotatedColumns(e, a, 2), rotatedColumns(e, a, 3)), 16);
};
const mixInverse = ({ vn, vd }: One, e: Emitter) => {
  const a = e.vector.read(vn);
  const two = doubled(e, a);
  const four = doubled(e, two);
  const eight = doubled(e, four);
  const nine = sum(e, eight, a);
  const rows = [sum(e, eight, four, two), sum(e, nine, two), sum(e, nine, four), nine];
  const rotated = rows.map((of, i) => rotatedColumns(e, of, i));
  e.vector.write(vd, sum(e, ...rotated), 16);
};

// SHA-1 and SHA-256, on words.

/** The four words, the lowest first. */
export const words = (e: Emitter, a: Vector): Value<32>[] =>
  [0, 1, 2, 3].map((i) => e.keep(e.low(e.vector.lane(32, a, i))));
export const fromWords = (e: Emitter, of: readonly Value<32>[]): Vector =>
  of.reduce(
    (vector, word, i) => e.vector.withLane(32, vector, i, e.zeroExtend(64, word, 32)),
    e.vector.constant(0n),
  );
const rotated = (e: Emitter, a: Value<32>, by: number) => e.rotateRight(a, e.constant(32, by));
export const rotatedLeft = (e: Emitter, a: Value<32>, by: number) => rotated(e, a, 32 - by);
export const total = (e: Emitter, ...of: Value<32>[]) => of.reduce((a, b) => e.add(a, b));
export const different = (e: Emitter, ...of: Value<32>[]) => of.reduce((a, b) => e.xor(a, b));

export type Mixing = (e: Emitter, x: Value<32>, y: Value<32>, z: Value<32>) => Value<32>;
export const choose: Mixing = (e, x, y, z) => e.xor(e.and(e.xor(y, z), x), z);
export const parity: Mixing = (e, x, y, z) => different(e, x, y, z);
export const majority: Mixing = (e, x, y, z) => e.or(e.and(x, y), e.and(e.or(x, y), z));

const sha1Rounds =
  (mixing: Mixing) =>
  ({ vn, vm, vd }: Two, e: Emitter) => {
    let x = words(e, e.vector.read(vd));
    let y = words(e, e.vector.read(vn))[0];
    for (const w of words(e, e.vector.read(vm))) {
      const added = e.keep(total(e, y, rotatedLeft(e, x[0], 5), mixing(e, x[1], x[2], x[3]), w));
      y = x[3];
      x = [added, x[0], e.keep(rotatedLeft(e, x[1], 30)), x[2]];
    }
    e.vector.write(vd, fromWords(e, x), 16);
  };
const sha1Rotate = ({ vn, vd }: One, e: Emitter) => {
  const a = e.low(e.vector.lane(32, e.vector.read(vn), 0));
  e.vector.write(vd, e.vector.fromLow(e.zeroExtend(64, rotatedLeft(e, a, 30), 32)), 16);
};
const sha1Schedule0 = ({ vn, vm, vd }: Two, e: Emitter) => {
  const [d, n, m] = [vd, vn, vm].map((register) => e.vector.read(register));
  e.vector.write(vd, sum(e, e.vector.shuffle(d, n, byteIndices(64, [1, 2])), d, m), 16);
};
const sha1Schedule1 = ({ vn, vd }: One, e: Emitter) => {
  const shifted = e.vector.shuffle(e.vector.read(vn), e.vector.constant(0n), byteIndices(32, [1, 2, 3, 4]));
  const t = words(e, sum(e, e.vector.read(vd), shifted));
  const last = e.xor(rotatedLeft(e, t[3], 1), rotatedLeft(e, t[0], 2));
  const first = t.slice(0, 3).map((word) => rotatedLeft(e, word, 1));
  e.vector.write(vd, fromWords(e, [...first, last]), 16);
};

const sha256Rounds =
  (first: boolean) =>
  ({ vn, vm, vd }: Two, e: Emitter) => {
    let [x, y] = (first ? [vd, vn] : [vn, vd]).map((register) => words(e, e.vector.read(register)));
    const sigma = (a: Value<32>, ...by: number[]) => different(e, ...by.map((n) => rotated(e, a, n)));
    for (const w of words(e, e.vector.read(vm))) {
      const t = e.keep(total(e, y[3], sigma(y[0], 6, 11, 25), choose(e, y[0], y[1], y[2]), w));
      const high = e.keep(e.add(t, x[3]));
      const low = e.keep(total(e, t, sigma(x[0], 2, 13, 22), majority(e, x[0], x[1], x[2])));
      [x, y] = [
        [low, ...x.slice(0, 3)],
        [high, ...y.slice(0, 3)],
      ];
    }
    e.vector.write(vd, fromWords(e, first ? x : y), 16);
  };
const sha256Schedule0 = ({ vn, vd }: One, e: Emitter) => {
  const d = e.vector.read(vd);
  const next = words(e, e.vector.shuffle(d, e.vector.read(vn), byteIndices(32, [1, 2, 3, 4])));
  const old = words(e, d);
  const results = next.map((t, i) =>
    e.add(old[i], different(e, rotated(e, t, 7), rotated(e, t, 18), e.shiftRight(t, e.constant(32, 3)))),
  );
  e.vector.write(vd, fromWords(e, results), 16);
};
const sha256Schedule1 = ({ vn, vm, vd }: Two, e: Emitter) => {
  const m = e.vector.read(vm);
  const old = words(e, e.vector.read(vd));
  const next = words(e, e.vector.shuffle(e.vector.read(vn), m, byteIndices(32, [1, 2, 3, 4])));
  const last = words(e, m);
  const results: Value<32>[] = [];
  for (let i = 0; i < 4; i++) {
    const t = i < 2 ? last[i + 2] : results[i - 2];
    const mixed = different(e, rotated(e, t, 17), rotated(e, t, 19), e.shiftRight(t, e.constant(32, 10)));
    results.push(e.keep(total(e, mixed, old[i], next[i])));
  }
  e.vector.write(vd, fromWords(e, results), 16);
};

// biome-ignore format: a table
export const cryptography = [
  // AES
  row('AESE',      '01001110 00 10100 00100 10 vn:5 vd:5', { feature: 'AES' }, encrypt),
  row('AESD',      '01001110 00 10100 00101 10 vn:5 vd:5', { feature: 'AES' }, decrypt),
  row('AESMC',     '01001110 00 10100 00110 10 vn:5 vd:5', { feature: 'AES' }, mix),
  row('AESIMC',    '01001110 00 10100 00111 10 vn:5 vd:5', { feature: 'AES' }, mixInverse),

  // SHA-1 and SHA-256
  row('SHA1C',     '01011110 00 0 vm:5 0 000 00 vn:5 vd:5', { feature: 'SHA1' }, sha1Rounds(choose)),
  row('SHA1P',     '01011110 00 0 vm:5 0 001 00 vn:5 vd:5', { feature: 'SHA1' }, sha1Rounds(parity)),
  row('SHA1M',     '01011110 00 0 vm:5 0 010 00 vn:5 vd:5', { feature: 'SHA1' }, sha1Rounds(majority)),
  row('SHA1SU0',   '01011110 00 0 vm:5 0 011 00 vn:5 vd:5', { feature: 'SHA1' }, sha1Schedule0),
  row('SHA256H',   '01011110 00 0 vm:5 0 100 00 vn:5 vd:5', { feature: 'SHA256' }, sha256Rounds(true)),
  row('SHA256H2',  '01011110 00 0 vm:5 0 101 00 vn:5 vd:5', { feature: 'SHA256' }, sha256Rounds(false)),
  row('SHA256SU1', '01011110 00 0 vm:5 0 110 00 vn:5 vd:5', { feature: 'SHA256' }, sha256Schedule1),
  row('SHA1H',     '01011110 00 10100 00000 10 vn:5 vd:5', { feature: 'SHA1' }, sha1Rotate),
  row('SHA1SU1',   '01011110 00 10100 00001 10 vn:5 vd:5', { feature: 'SHA1' }, sha1Schedule1),
  row('SHA256SU0', '01011110 00 10100 00010 10 vn:5 vd:5', { feature: 'SHA256' }, sha256Schedule0),
];
