import { describe, expect, it } from 'vitest';
import { compute } from '../../src/cpu/floating_point/floating_point.ts';
import { controlOf } from '../../src/cpu/floating_point/format.ts';
import type { FloatOperation } from '../../src/isa/float_operation.ts';
import { randomNumbers } from '../random.ts';

// This computer's own conversion between halves and doubles.
const view = new DataView(new ArrayBuffer(8));
const halfOf = (number: number): bigint => {
  view.setFloat16(0, number);
  return BigInt(view.getUint16(0));
};
const numberOf = (half: number): number => {
  view.setUint16(0, half);
  return view.getFloat16(0);
};
const singleOf = (number: number): bigint => {
  view.setFloat32(0, number);
  return BigInt(view.getUint32(0));
};
const doubleOf = (number: number): bigint => {
  view.setFloat64(0, number);
  return view.getBigUint64(0);
};

const [IOC, OFC, UFC, IXC, IDC] = [1, 4, 8, 16, 128];
const [RP, RM, RZ, FZ16, FZ, DN, AHP] = [1 << 22, 2 << 22, 3 << 22, 1 << 19, 1 << 24, 1 << 25, 1 << 26];

function evaluate(operation: FloatOperation, fpcr: number, ...operands: bigint[]) {
  const env = { control: controlOf(fpcr), flags: 0 };
  const [a, b = 0n, c = 0n] = operands;
  return { result: compute(env, operation, a, b, c), flags: env.flags };
}
const text = (what: string, half: bigint) => `${what}: ${half.toString(16)}`;

describe('half precision, exact', () => {
  it('takes the root of every half, rounds it and widens it as doubles do', () => {
    for (let half = 0; half < 0x1_0000; half++) {
      const number = numberOf(half);
      if (Number.isNaN(number)) continue;
      const of = (operation: FloatOperation) => evaluate(operation, 0, BigInt(half)).result;
      if (!(number < 0))
        expect(text(`root of ${number}`, of({ name: 'sqrt', size: 16 }))).toBe(
          text(`root of ${number}`, halfOf(Math.sqrt(number))),
        );
      const floor = of({ name: 'roundInt', size: 16, rounding: 'negativeInfinity' });
      expect(text(`floor of ${number}`, floor)).toBe(text(`floor of ${number}`, halfOf(Math.floor(number))));
      expect(of({ name: 'convert', size: 16, to: 64 })).toBe(doubleOf(number));
    }
  });

  it('adds, subtracts, multiplies and divides as doubles that are rounded again, which changes nothing', () => {
    const random = randomNumbers(16);
    const native: { [name: string]: (a: number, b: number) => number } = {
      add: (a, b) => a + b,
      sub: (a, b) => a - b,
      mul: (a, b) => a * b,
      div: (a, b) => a / b,
    };
    for (let i = 0; i < 10_000; i++) {
      const [a, b] = [0, 0].map(() => Math.floor(random() * 0x1_0000));
      for (const [name, of] of Object.entries(native)) {
        const wanted = of(numberOf(a), numberOf(b));
        if (Number.isNaN(wanted)) continue;
        const { result } = evaluate({ name, size: 16 } as FloatOperation, 0, BigInt(a), BigInt(b));
        const what = `${name} ${numberOf(a)} ${numberOf(b)}`;
        expect(text(what, result)).toBe(text(what, halfOf(wanted)));
      }
    }
  });

  const add = { name: 'add', size: 16 } as const;
  const mul = { name: 'mul', size: 16 } as const;
  const toSingle = { name: 'convert', size: 16, to: 32 } as const;
  const toHalf = { name: 'convert', size: 32, to: 16 } as const;
  // biome-ignore format: a table
  it.each([
    ['FZ does not flush operands',             add,      FZ,    [1n, 0n], 1n, 0],
    ['FZ16 flushes operands, without a flag',  add,      FZ16,  [1n, halfOf(1)], halfOf(1), 0],
    ['FZ16 flushes results, with one',         mul,      FZ16,  [0x0400n, 0xb800n], 0x8000n, UFC],
    ['FZ16 does not flush what is converted',  toSingle, FZ16,  [1n], singleOf(2 ** -24), 0],
    ['nor the result of a conversion',         toHalf,   FZ16,  [singleOf(2 ** -24)], 1n, 0],
    ['FZ flushes the single that is converted', toHalf,  FZ,    [1n], 0n, IDC],
    ['AHP is not for arithmetic: infinity',    add,      AHP,   [0x7c00n, 0n], 0x7c00n, 0],
    ['but for conversions: a number',          toSingle, AHP,   [0x7c00n], singleOf(65536), 0],
    ['overflow, rounding to nearest',          add,      0,     [0x7bffn, 0x7bffn], 0x7c00n, OFC | IXC],
    ['overflow towards minus infinity',        add,      RM,    [0x7bffn, 0x7bffn], 0x7bffn, OFC | IXC],
    ['a third, up',       { name: 'div', size: 16 },     RP,    [halfOf(1), halfOf(3)], 0x3556n, IXC],
    ['a NaN keeps its payload',                add,      0,     [0xfd23n, halfOf(1)], 0xff23n, IOC],
    ['a NaN under DN',                         add,      DN,    [0xfe23n, halfOf(1)], 0x7e00n, 0],
    ['65520 from an integer is infinite', { name: 'fromFixed', size: 16, to: 32 }, 0, [65520n], 0x7c00n, OFC | IXC],
    ['65536 towards zero the largest',      { name: 'fromFixed', size: 16, to: 32 }, RZ, [65536n], 0x7bffn, OFC | IXC],
    ['-1.5 to a halfword',  { name: 'toFixed', size: 16, to: 16, rounding: 'zero' }, 0, [halfOf(-1.5)], 0xffffn, IXC],
    ['40000 to a halfword', { name: 'toFixed', size: 16, to: 16, rounding: 'zero' }, 0, [halfOf(40000)], 0x7fffn, IOC],
    ['a product of halves, fused with a single', { name: 'mulAddHalf', size: 32 }, 0, [singleOf(2 ** -30), halfOf(1), halfOf(1)], singleOf(1), IXC],
    ['a signalling half becomes a quiet single', { name: 'mulAddHalf', size: 32 }, 0, [0x7fc0_0001n, 0x7c01n, 0n], 0x7fc0_2000n, IOC],
    ['a flushed half times infinity',            { name: 'mulAddHalf', size: 32 }, FZ16, [0n, 1n, 0x7c00n], 0x7fc0_0000n, IOC],
  ] as const satisfies (readonly [string, FloatOperation, number, readonly bigint[], bigint, number])[])('%s', (_, operation, fpcr, operands, result, flags) => {
    expect(evaluate(operation, fpcr, ...operands)).toEqual({ result, flags });
  });
});

describe('BFloat16', () => {
  it('is a single rounded to its upper half, for every upper half with four lower ones', () => {
    for (let upper = 0; upper < 0x1_0000; upper++)
      for (const lower of [0, 0x7fff, 0x8000, 0x8001]) {
        const single = upper * 0x1_0000 + lower;
        if ((upper & 0x7fff) > 0x7f80 || ((upper & 0x7fff) === 0x7f80 && lower)) continue;
        const up = lower > 0x8000 || (lower === 0x8000 && upper & 1) ? 1 : 0;
        const { result } = evaluate({ name: 'convertBF', size: 32 }, 0, BigInt(single));
        expect(text(single.toString(16), result)).toBe(text(single.toString(16), BigInt(upper + up)));
      }
  });

  const [one, infinite] = [0x3f80n, 0x7f80n];
  const mul = { name: 'mulBF', size: 16 } as const;
  const add = { name: 'addBF', size: 32 } as const;
  // biome-ignore format: a table
  it.each([
    ['a product is exact',                    mul, [0x3f81n, 0x3f81n], singleOf((1 + 2 ** -7) ** 2)],
    ['denormals are zeros',                   mul, [0x8001n, one], 0x8000_0000n],
    ['what becomes one, too',                 mul, [0x0080n, 0x3f00n], 0n],
    ['what is too large is infinite',         mul, [0x7f7fn, 0xff7fn], 0xff80_0000n],
    ['infinity times zero',                   mul, [infinite, 0n], 0x7fc0_0000n],
    ['a NaN has no payload',                  mul, [0xff81n, one], 0x7fc0_0000n],
    ['a sum is rounded to odd: down',         add, [singleOf(1 + 2 ** -23), singleOf(2 ** -24)], singleOf(1 + 2 ** -23)],
    ['and up',                                add, [singleOf(1), singleOf(2 ** -60)], singleOf(1 + 2 ** -23)],
    ['x - x is positive',                     add, [singleOf(-1), singleOf(1)], 0n],
    ['-0 - 0',                                add, [0x8000_0000n, 0x8000_0000n], 0x8000_0000n],
  ] as const satisfies (readonly [string, FloatOperation, readonly bigint[], bigint])[])('in dot products %s, whatever FPCR says, without flags', (_, operation, operands, result) => {
    for (const fpcr of [0, RP | FZ, RM | DN, RZ | AHP])
      expect(evaluate(operation, fpcr, ...operands)).toEqual({ result, flags: 0 });
  });
});

describe('conversions to integers of 32 bits', () => {
  const Z = 1n << 32n;
  // biome-ignore format: a table
  it.each([
    ['an integer is exact',                   0,  -5, 0xffff_fffbn | Z, 0],
    ['zero too',                              0,  0, Z, 0],
    ['minus zero is not',                     0,  -0, 0n, 0],
    ['a fraction is cut',                     0,  -1.5, 0xffff_ffffn, IXC],
    ['modulo 2^32',                           0,  2 ** 32 + 7, 7n, IOC],
    ['modulo 2^32, from below',               0,  -(2 ** 33) - 1, 0xffff_ffffn, IOC],
    ['2^31 does not fit',                     0,  2 ** 31, 0x8000_0000n, IOC],
    ['-2^31 does',                            0,  -(2 ** 31), 0x8000_0000n | Z, 0],
    ['far away',                              0,  2 ** 200, 0n, IOC],
    ['infinity',                              0,  Infinity, 0n, IOC],
    ['not a number',                          0,  Number.NaN, 0n, IOC],
    ['a denormal is inexact',                 0,  5e-324, 0n, IXC],
    ['and flushed it still is not exact',     FZ, 5e-324, 0n, IDC],
  ] as const)('FJCVTZS: %s', (_, fpcr, number, result, flags) => {
    expect(evaluate({ name: 'toFixedJS', size: 64 }, fpcr, doubleOf(number))).toEqual({ result, flags });
  });

  const toWord = { name: 'roundIntN', size: 64, to: 32, rounding: 'current' } as const;
  const least = doubleOf(-(2 ** 31));
  // biome-ignore format: a table
  it.each([
    ['2.5 is rounded to even',                0,  2.5, doubleOf(2), IXC],
    ['or up, as FPCR says',                   RP, 2.5, doubleOf(3), IXC],
    ['-0.5 keeps its sign',                   0,  -0.5, doubleOf(-0), IXC],
    ['the largest word',                      0,  2 ** 31 - 1, doubleOf(2 ** 31 - 1), 0],
    ['what rounds to more has no place',      0,  2 ** 31 - 0.5, least, IOC],
    ['the smallest word',                     0,  -(2 ** 31) - 0.5, least, IXC],
    ['infinity',                              0,  Infinity, least, IOC],
    ['not a number',                          0,  Number.NaN, least, IOC],
  ] as const)('FRINT32X: %s', (_, fpcr, number, result, flags) => {
    expect(evaluate(toWord, fpcr, doubleOf(number))).toEqual({ result, flags });
  });
});
