import { describe, expect, it } from 'vitest';
import { compute } from '../../src/cpu/floating_point/floating_point.ts';
import { controlOf } from '../../src/cpu/floating_point/format.ts';
import type { FloatOperation } from '../../src/isa/float_operation.ts';
import { randomNumbers } from '../random.ts';

const number = new Float64Array(1);
const pattern = new BigUint64Array(number.buffer);
const bits64 = (n: number): bigint => {
  number[0] = n;
  return pattern[0];
};
const double = (bits: bigint): number => {
  pattern[0] = bits;
  return number[0];
};
const single = new Float32Array(1);
const bits32 = (n: number): bigint => {
  single[0] = n;
  return BigInt(new Uint32Array(single.buffer)[0]);
};

function evaluate(operation: FloatOperation, fpcr: number, ...operands: bigint[]) {
  const env = { control: controlOf(fpcr), flags: 0 };
  const [a, b = 0n, c = 0n] = operands;
  return { result: compute(env, operation, a, b, c), flags: env.flags };
}

const random = randomNumbers(7);
for (let i = 0; i < 16; i++) random();
/** Any pattern but NaNs. */
function anyDouble(): number {
  for (;;) {
    const high = BigInt(Math.floor(random() * 2 ** 32));
    const n = double((high << 32n) | BigInt(Math.floor(random() * 2 ** 32)));
    if (!Number.isNaN(n)) return random() < 0.5 ? n : (random() - 0.5) * 2 ** (random() * 60);
  }
}

describe('exact floating point', () => {
  it("adds, subtracts, multiplies, divides and takes roots of doubles as this computer's own arithmetic", () => {
    const native: { [name: string]: (a: number, b: number) => number } = {
      add: (a, b) => a + b,
      sub: (a, b) => a - b,
      mul: (a, b) => a * b,
      div: (a, b) => a / b,
      sqrt: (a) => Math.sqrt(a),
    };
    for (let i = 0; i < 4000; i++) {
      const [a, b] = [anyDouble(), anyDouble()];
      for (const [name, of] of Object.entries(native)) {
        const wanted = of(a, b);
        if (Number.isNaN(wanted)) continue;
        const { result } = evaluate({ name, size: 64 } as FloatOperation, 0, bits64(a), bits64(b));
        expect(`${name} ${a} ${b}: ${double(result)}`).toBe(`${name} ${a} ${b}: ${wanted}`);
      }
    }
  });

  it("narrows doubles to singles and rounds to integers as this computer's own arithmetic", () => {
    for (let i = 0; i < 4000; i++) {
      const a = anyDouble();
      expect(evaluate({ name: 'convert', size: 64, to: 32 }, 0, bits64(a)).result).toBe(bits32(a));
      const floor = evaluate({ name: 'roundInt', size: 64, rounding: 'negativeInfinity' }, 0, bits64(a));
      expect(floor.result).toBe(bits64(Math.floor(a)));
    }
  });

  const [RP, RM, RZ, FZ, DN, AHP] = [1 << 22, 2 << 22, 3 << 22, 1 << 24, 1 << 25, 1 << 26];
  const [IOC, DZC, OFC, UFC, IXC, IDC] = [1, 2, 4, 8, 16, 128];
  const third = { name: 'div', size: 64 } as const;
  // biome-ignore format: a table
  it.each([
    ['1/3 rounds down to nearest',            third, 0,  [bits64(1), bits64(3)], 0x3fd5555555555555n, IXC],
    ['1/3 towards plus infinity',             third, RP, [bits64(1), bits64(3)], 0x3fd5555555555556n, IXC],
    ['-1/3 towards minus infinity',           third, RM, [bits64(-1), bits64(3)], 0xbfd5555555555556n, IXC],
    ['1/0',                                   third, 0,  [bits64(1), bits64(-0)], bits64(-Infinity), DZC],
    ['0/0 is the default NaN',                third, 0,  [0n, 0n], 0x7ff8000000000000n, IOC],
    ['a signalling NaN keeps its payload',    third, 0,  [bits64(1), 0xfff0000000000123n], 0xfff8000000000123n, IOC],
    ['a NaN under DN',                        third, DN, [0xfff8000000000123n, 0n], 0x7ff8000000000000n, 0],
    ['overflow towards zero',                 { name: 'mul', size: 32 }, RZ, [0x7f000000n, 0x7f000000n], 0x7f7fffffn, OFC | IXC],
    ['tininess is detected before rounding',  { name: 'mul', size: 32 }, 0, [0x00ffffffn, 0x3f000000n], 0x00800000n, UFC | IXC],
    ['a flushed result',                      { name: 'mul', size: 32 }, FZ, [0x00800000n, 0xbf000000n], 0x80000000n, UFC],
    ['a flushed operand',                     { name: 'add', size: 32 }, FZ, [1n, 0x3f800000n], 0x3f800000n, IDC],
    ['x - x towards minus infinity',          { name: 'sub', size: 64 }, RM, [bits64(1), bits64(1)], 1n << 63n, 0],
    ['a fused sum rounds once',               { name: 'mulAdd', size: 64 }, 0, [bits64(-1), bits64(1 + 2 ** -30), bits64(1 - 2 ** -30)], bits64(-(2 ** -60)), 0],
    ['infinity times zero plus a quiet NaN',  { name: 'mulAdd', size: 64 }, 0, [0xfff8000000000001n, bits64(Infinity), 0n], 0x7ff8000000000000n, IOC],
    ['FMULX of infinity and zero',            { name: 'mulExtended', size: 32 }, 0, [0xff800000n, 0n], 0xc0000000n, 0],
    ['a number is larger than a quiet NaN',   { name: 'maxNumber', size: 32 }, 0, [0x7fc00000n, 0xbf800000n], 0xbf800000n, 0],
    ['2^31 to a signed word',                 { name: 'toFixed', size: 64, to: 32, rounding: 'zero' }, 0, [bits64(2 ** 31)], 0x7fffffffn, IOC],
    ['2.5 to the nearest, ties away',         { name: 'toFixed', size: 64, to: 32, rounding: 'tieAway' }, 0, [bits64(2.5)], 3n, IXC],
    ['65536 as half precision',               { name: 'convert', size: 32, to: 16 }, 0, [bits32(65536)], 0x7c00n, OFC | IXC],
    ['65536 as alternative half precision',   { name: 'convert', size: 32, to: 16 }, AHP, [bits32(65536)], 0x7c00n, 0],
    ['an infinity as alternative half',       { name: 'convert', size: 32, to: 16 }, AHP, [0xff800000n], 0xffffn, IOC],
    ['the estimate of 1/1',                   { name: 'recipEstimate', size: 32 }, 0, [0x3f800000n], 0x3f7f8000n, 0],
    ['the estimate of 1/sqrt(4)',             { name: 'rsqrtEstimate', size: 64 }, 0, [bits64(4)], 0x3fdff00000000000n, 0],
  ] as const)('%s', (_, operation, fpcr, operands, result, flags) => {
    const got = evaluate(operation as FloatOperation, fpcr, ...operands);
    expect(`${got.result.toString(16)} ${got.flags}`).toBe(`${result.toString(16)} ${flags}`);
  });
});
