import { describe, expect, it } from 'vitest';
import { Program } from './program.ts';

const fromHex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const hexWords = (words: readonly number[]) =>
  words.map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
/** "abc", padded to a block of big-endian words. */
const ABC = [0x61626380, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 24];
const quarters = (words: readonly number[]) => [0, 4, 8, 12].map((i) => words.slice(i, i + 4));
const sums = (a: readonly number[], b: readonly number[]) => a.map((word, i) => (word + b[i]) >>> 0);

describe('known answers', () => {
  it('AES: the cipher example of FIPS 197, Appendix B, one round', () => {
    const program = new Program();
    // The state after adding the round key is the argument of SubBytes; MixColumns follows (round 1).
    program.set(0, fromHex('3243f6a8 885a308d 313198a2 e0370734'));
    program.set(1, fromHex('2b7e1516 28aed2a6 abf71588 09cf4f3c'));
    program.run('AESE', { vn: 1, vd: 0 });
    expect(program.hex(0)).toBe('d4bf5d30e0b452aeb84111f11e2798e5');
    program.run('AESMC', { vn: 0, vd: 0 });
    expect(program.hex(0)).toBe('046681e5e0cb199a48f8d37a2806264c');
    program.run('AESIMC', { vn: 0, vd: 0 });
    program.set(1, new Uint8Array(16));
    program.run('AESD', { vn: 1, vd: 0 });
    expect(program.hex(0)).toBe('193de3bea0f4e22b9ac68d2ae9f84808');
  });

  it('SHA-256 of "abc", FIPS 180-4', () => {
    const primes = [2, 3, 5, 7, 11, 13, 17, 19];
    for (let n = 23; primes.length < 64; n += 2) if (primes.every((p) => n % p)) primes.push(n);
    const fraction = (n: number) => Math.floor((n - Math.floor(n)) * 2 ** 32);
    const initial = primes.slice(0, 8).map((p) => fraction(Math.sqrt(p)));
    const constants = primes.map((p) => fraction(Math.cbrt(p)));
    const program = new Program();
    const [A, E, OLD, W, M] = [0, 1, 2, 3, 4];
    program.setWords(A, initial.slice(0, 4));
    program.setWords(E, initial.slice(4));
    quarters(ABC).forEach((words, i) => {
      program.setWords(M + i, words);
    });
    for (let round = 0; round < 16; round++) {
      const at = M + (round % 4);
      program.setWords(W, sums(program.words(at), constants.slice(4 * round)));
      program.setWords(OLD, program.words(A));
      program.run('SHA256H', { vd: A, vn: E, vm: W });
      program.run('SHA256H2', { vd: E, vn: OLD, vm: W });
      program.run('SHA256SU0', { vd: at, vn: M + ((round + 1) % 4) });
      program.run('SHA256SU1', { vd: at, vn: M + ((round + 2) % 4), vm: M + ((round + 3) % 4) });
    }
    const digest = sums([...program.words(A), ...program.words(E)], initial);
    expect(hexWords(digest)).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });

  it('SHA-1 of "abc", FIPS 180-4', () => {
    const initial = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
    const constants = [0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6];
    const program = new Program();
    const [STATE, E, NEXT, W, M] = [0, 1, 2, 3, 4];
    program.setWords(STATE, initial.slice(0, 4));
    program.setWords(E, [initial[4], 0, 0, 0]);
    quarters(ABC).forEach((words, i) => {
      program.setWords(M + i, words);
    });
    for (let round = 0; round < 20; round++) {
      const at = M + (round % 4);
      const stage = Math.floor(round / 5);
      program.setWords(W, sums(program.words(at), Array(4).fill(constants[stage])));
      program.run('SHA1H', { vd: NEXT, vn: STATE });
      program.run(['SHA1C', 'SHA1P', 'SHA1M', 'SHA1P'][stage], { vd: STATE, vn: E, vm: W });
      program.setWords(E, program.words(NEXT));
      program.run('SHA1SU0', { vd: at, vn: M + ((round + 1) % 4), vm: M + ((round + 2) % 4) });
      program.run('SHA1SU1', { vd: at, vn: M + ((round + 3) % 4) });
    }
    const digest = sums([...program.words(STATE), program.words(E)[0]], initial);
    expect(hexWords(digest)).toBe('a9993e364706816aba3e25717850c26c9cd0d89d');
  });

  it.each([
    ['CRC32', 0xcbf43926n],
    ['CRC32C', 0xe3069283n],
  ])('%s of "123456789", bytes and doublewords', (name, checksum) => {
    const text = Buffer.from('123456789');
    const program = new Program();
    program.setX(0, 0xffff_ffffn);
    program.setX(1, text.readBigUInt64LE());
    program.run(`${name}X`, { rd: 0, rn: 0, rm: 1 });
    program.setX(1, BigInt(text[8]));
    program.run(`${name}B`, { rd: 0, rn: 0, rm: 1 });
    expect(program.x(0) ^ 0xffff_ffffn).toBe(checksum);
    program.setX(0, 0xffff_ffffn);
    for (const byte of text) {
      program.setX(1, BigInt(byte));
      program.run(`${name}B`, { rd: 0, rn: 0, rm: 1 });
    }
    expect(program.x(0) ^ 0xffff_ffffn).toBe(checksum);
  });

  it('PMULL of doublewords is the carry-less product', () => {
    const program = new Program();
    program.set(0, fromHex('0300000000000080 0000000000000000'));
    program.set(1, fromHex('0500000000000000 0000000000000000'));
    program.run('PMULL_vec_d', { vn: 0, vm: 1, vd: 2 });
    // (x^63 + x + 1) (x^2 + 1) = x^65 + x^63 + x^3 + x^2 + x + 1
    expect(program.hex(2)).toBe('0f00000000000080 0200000000000000'.replace(' ', ''));
  });
});
