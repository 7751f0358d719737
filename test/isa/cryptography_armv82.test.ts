import { describe, expect, it } from 'vitest';
import { Program } from './program.ts';

const hexWords = (words: readonly number[]) =>
  words.map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
const fromHexWords = (text: string) => text.match(/.{8}/g)!.map((word) => Number.parseInt(word, 16));
const rotateLeft = (word: number, by: number) => ((word << by) | (word >>> (32 - by))) >>> 0;
/** "abc", padded to a block of big-endian words. */
const ABC = [0x61626380, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 24];

/** The root of `power` (2 or 3) of n, rounded down. */
function integerRoot(n: bigint, power: bigint): bigint {
  let root = 0n;
  for (let bit = 1n << 80n; bit > 0n; bit >>= 1n) if ((root + bit) ** power <= n) root += bit;
  return root;
}
const doubleword = (n: bigint) => BigInt.asUintN(64, n);

describe('known answers', () => {
  it('SHA-512 of "abc", FIPS 180-4', () => {
    const primes = [2];
    for (let n = 3; primes.length < 80; n += 2) if (primes.every((p) => n % p)) primes.push(n);
    const fraction = (p: number, power: bigint) => doubleword(integerRoot(BigInt(p) << (64n * power), power));
    const constants = primes.map((p) => fraction(p, 3n));
    const initial = primes.slice(0, 8).map((p) => fraction(p, 2n));
    const program = new Program();
    const [AB, CD, EF, GH, FG, DE, T, W9, M] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
    [AB, CD, EF, GH].forEach((register, i) => {
      program.setDoublewords(register, [initial[2 * i], initial[2 * i + 1]]);
    });
    const block = [0x6162_6380_0000_0000n, ...Array<bigint>(14).fill(0n), 24n];
    for (let i = 0; i < 8; i++) program.setDoublewords(M + i, [block[2 * i], block[2 * i + 1]]);
    for (let round = 0; round < 80; round += 2) {
      const message = (n: number) => M + ((round / 2 + n) % 8);
      const [w0, w1] = program.doublewords(message(0));
      const [g, h] = program.doublewords(GH);
      program.run('EXT', { q: 1, imm4: 8, vd: FG, vn: EF, vm: GH });
      program.run('EXT', { q: 1, imm4: 8, vd: DE, vn: CD, vm: EF });
      program.setDoublewords(T, [
        doubleword(g + w1 + constants[round + 1]),
        doubleword(h + w0 + constants[round]),
      ]);
      program.run('SHA512H', { vd: T, vn: FG, vm: DE });
      const [cd, ef, t] = [CD, EF, T].map((register) => program.doublewords(register));
      program.run('SHA512H2', { vd: T, vn: CD, vm: AB });
      program.setDoublewords(GH, ef);
      program.setDoublewords(EF, [doubleword(cd[0] + t[0]), doubleword(cd[1] + t[1])]);
      program.setDoublewords(CD, program.doublewords(AB));
      program.setDoublewords(AB, program.doublewords(T));
      program.run('EXT', { q: 1, imm4: 8, vd: W9, vn: message(4), vm: message(5) });
      program.run('SHA512SU0', { vd: message(0), vn: message(1) });
      program.run('SHA512SU1', { vd: message(0), vn: message(7), vm: W9 });
    }
    const digest = [AB, CD, EF, GH].flatMap((register) => program.doublewords(register));
    const text = digest
      .map((n, i) =>
        doubleword(n + initial[i])
          .toString(16)
          .padStart(16, '0'),
      )
      .join('');
    expect(text).toBe(
      'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a' +
        '2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    );
  });

  it('SHA3-256 of nothing and, beside it, of "abc", FIPS 202', () => {
    const program = new Program();
    type Lanes = [bigint, bigint];
    const run = (
      name: string,
      fields: { readonly [field: string]: number },
      ...of: readonly Lanes[]
    ): Lanes => {
      of.forEach((lanes, register) => {
        program.setDoublewords(register, lanes);
      });
      program.run(name, { vd: 31, vn: 0, vm: 1, ...fields });
      return program.doublewords(31);
    };
    const rounds = 24;
    const keccak = (start: Lanes[]): Lanes[] => {
      let state = start;
      // iota's constants: a shift register of x^8 + x^6 + x^5 + x^4 + 1 (3.2.5).
      let register = 1;
      const nextBit = () => {
        const bit = register & 1;
        register = (register << 1) ^ (register & 0x80 ? 0x171 : 0);
        return bit;
      };
      for (let round = 0; round < rounds; round++) {
        const sums = [0, 1, 2, 3, 4].map((x) => {
          const three = run('EOR3', { va: 2 }, state[x], state[x + 5], state[x + 10]);
          return run('EOR3', { va: 2 }, three, state[x + 15], state[x + 20]);
        });
        const theta = sums.map((_, x) => run('RAX1', {}, sums[(x + 4) % 5], sums[(x + 1) % 5]));
        const moved: Lanes[] = [];
        moved[0] = run('XAR', { imm6: 0 }, state[0], theta[0]);
        let [x, y] = [1, 0];
        for (let t = 0; t < 24; t++) {
          const by = (((t + 1) * (t + 2)) / 2) % 64;
          const rotated = run('XAR', { imm6: (64 - by) % 64 }, state[x + 5 * y], theta[x]);
          [x, y] = [y, (2 * x + 3 * y) % 5];
          moved[x + 5 * y] = rotated;
        }
        state = moved.map((lanes, i) => {
          const row = i - (i % 5);
          return run('BCAX', { va: 2 }, lanes, moved[row + ((i + 2) % 5)], moved[row + ((i + 1) % 5)]);
        });
        let constant = 0n;
        for (let j = 0; j < 7; j++) if (nextBit()) constant |= 1n << BigInt(2 ** j - 1);
        state[0] = run('EOR3', { va: 2 }, state[0], [constant, constant], [0n, 0n]);
      }
      return state;
    };
    // Padding 01 1 0* 1 of FIPS 202 behind each message; a rate of 136 bytes.
    const block = Array.from({ length: 25 }, (): Lanes => [0n, 0n]);
    block[0] = [0x06n, 0x06636261n];
    block[16] = [1n << 63n, 1n << 63n];
    const state = keccak(block);
    const digest = (lane: 0 | 1) => {
      const bytes = Buffer.alloc(32);
      for (let i = 0; i < 4; i++) bytes.writeBigUInt64LE(state[i][lane], 8 * i);
      return bytes.toString('hex');
    };
    expect(digest(0)).toBe('a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a');
    expect(digest(1)).toBe('3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532');
  });

  it('SM3 of "abc", GB/T 32905 A.1', () => {
    const initial = fromHexWords('7380166f4914b2b9172442d7da8a0600a96f30bc163138aae38dee4db0fb0e4e');
    const program = new Program();
    const [AD, EH, SS1, WX, T, W3, W10, M] = [0, 1, 2, 3, 4, 5, 6, 7];
    program.setWords(AD, initial.slice(0, 4).reverse());
    program.setWords(EH, initial.slice(4).reverse());
    for (let i = 0; i < 4; i++) program.setWords(M + i, ABC.slice(4 * i, 4 * i + 4));
    for (let round = 0; round < 64; round += 4) {
      const message = (n: number) => M + ((round / 4 + n) % 5);
      // The next four words, from the last sixteen.
      program.run('EXT', { q: 1, imm4: 12, vd: message(4), vn: message(1), vm: message(2) });
      program.run('EXT', { q: 1, imm4: 12, vd: W3, vn: message(0), vm: message(1) });
      program.run('EXT', { q: 1, imm4: 8, vd: W10, vn: message(2), vm: message(3) });
      program.run('SM3PARTW1', { vd: message(4), vn: message(0), vm: message(3) });
      program.run('SM3PARTW2', { vd: message(4), vn: W10, vm: W3 });
      program.run('EOR_vec', { q: 1, vd: WX, vn: message(0), vm: message(1) });
      for (let i = 0; i < 4; i++) {
        const j = round + i;
        const constant = rotateLeft(j < 16 ? 0x79cc4519 : 0x7a879d8a, j % 32);
        program.setWords(T, [0, 0, 0, constant]);
        program.run('SM3SS1', { vd: SS1, vn: AD, vm: T, va: EH });
        program.run(j < 16 ? 'SM3TT1A' : 'SM3TT1B', { vd: AD, vn: SS1, vm: WX, imm2: i });
        program.run(j < 16 ? 'SM3TT2A' : 'SM3TT2B', { vd: EH, vn: SS1, vm: message(0), imm2: i });
      }
    }
    const end = [...program.words(AD).reverse(), ...program.words(EH).reverse()];
    expect(hexWords(end.map((word, i) => word ^ initial[i]))).toBe(
      '66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0',
    );
  });

  it('SM4 of a block with itself as the key, GB/T 32907 A.1', () => {
    const block = fromHexWords('0123456789abcdeffedcba9876543210');
    const family = fromHexWords('a3b1bac656aa3350677d9197b27022dc');
    const program = new Program();
    const [STATE, KEYS, CONSTANTS] = [0, 1, 2];
    program.setWords(STATE, block);
    program.setWords(
      KEYS,
      block.map((word, i) => word ^ family[i]),
    );
    for (let round = 0; round < 32; round += 4) {
      const constant = (i: number) =>
        [0, 1, 2, 3].reduce((word, j) => (word << 8) | (((4 * i + j) * 7) & 0xff), 0);
      program.setWords(
        CONSTANTS,
        [0, 1, 2, 3].map((i) => constant(round + i)),
      );
      program.run('SM4EKEY', { vd: KEYS, vn: KEYS, vm: CONSTANTS });
      if (round === 0) expect(hexWords(program.words(KEYS))).toBe('f12186f941662b615a6ab19a7ba92077');
      program.run('SM4E', { vd: STATE, vn: KEYS });
    }
    expect(hexWords(program.words(STATE).reverse())).toBe('681edf34d206965e86b3e94f536e4246');
  });
});
