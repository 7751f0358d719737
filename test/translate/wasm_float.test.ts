import { describe, expect, it } from 'vitest';
import { compute, floatOperation } from '../../src/cpu/floating_point/floating_point.ts';
import { controlOf } from '../../src/cpu/floating_point/format.ts';
import { CELL, CpuState, STATE_BASE, STATE_SIZE } from '../../src/cpu/state.ts';
import { slotOf } from '../../src/cpu/sysregs/table.ts';
import type { FloatOperation } from '../../src/isa/float_operation.ts';
import { unpackFloatOperation } from '../../src/isa/float_operation.ts';
import { CodeBuffer, type LocalCounts, type Node } from '../../src/translate/wasm/expression.ts';
import { ModuleBuilder } from '../../src/translate/wasm/module.ts';
import { I32, I64 } from '../../src/translate/wasm/opcodes.ts';
import { emitFloat } from '../../src/translate/wasm_float.ts';
import { randomNumbers } from '../random.ts';
import { cornerFloat, ordinaryFloat } from './random_floats.ts';

const FPCR = 2 * slotOf('FPCR');
const FPSR = 2 * slotOf('FPSR');
const PAGES = Math.ceil((STATE_BASE + STATE_SIZE) / 65536);

/** One operation compiled alone: its function of three bit patterns, and how often it went the exact way. */
function compiled(operation: FloatOperation, operands: number) {
  const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES, shared: true });
  const state = new CpuState(memory.buffer);
  const module = new ModuleBuilder();
  const pages = { initial: PAGES, maximum: PAGES, address: 'i32' } as const;
  module.importMemory({ module: 'memory', name: 'state', ...pages });
  const float = module.importFunction('host', 'float', { parameters: [I32], results: [] });
  const parameters: Node[] = [0, 1, 2]
    .slice(0, operands)
    .map((index) => ({ kind: 'local', width: 64, index }));
  const emit = (base: LocalCounts) => {
    const code = new CodeBuffer(base, 4096);
    const result = emitFloat(code, operation, parameters, (packed) => {
      code.i32(packed);
      code.call(float);
    });
    code.emit(result);
    return code;
  };
  const { used } = emit({ i32: 0, i64: 0, v128: 0, f32: 0, f64: 0 });
  const i64 = 3 + used.i32;
  const v128 = i64 + used.i64;
  const f32 = v128 + used.v128;
  const code = emit({ i32: 3, i64, v128, f32, f64: f32 + used.f32 });
  module.addFunction({
    signature: { parameters: [I64, I64, I64], results: [I64] },
    locals: used,
    body: code.toBytes(),
    exportName: 'run',
  });
  const count = { exact: 0 };
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.build()), {
    memory: { state: memory },
    host: {
      float: (packed: number) => {
        count.exact += 1;
        const [a, b, c] = [CELL.argument0, CELL.argument1, CELL.argument2].map((at) => state.u64[at >>> 3]);
        state.set('result', floatOperation(state, unpackFloatOperation(packed), a, b, c));
      },
    },
  });
  const run = exports.run as (a: bigint, b: bigint, c: bigint) => bigint;
  return { state, count, run: (...of: bigint[]) => BigInt.asUintN(64, run(of[0], of[1] ?? 0n, of[2] ?? 0n)) };
}

const integers = ['fromFixed'];
const operations: readonly (readonly [FloatOperation['name'], operands: number, Partial<FloatOperation>?])[] =
  [
    ['add', 2],
    ['sub', 2],
    ['mul', 2],
    ['div', 2],
    ['sqrt', 1],
    ['mulAdd', 3],
    ['max', 2],
    ['minNumber', 2],
    ['compare', 2],
    ['compareGreaterEqual', 2],
    ['roundInt', 1, { rounding: 'tieEven', exact: true }],
    ['roundInt', 1, { rounding: 'negativeInfinity' }],
    ['compare', 2, { exact: true }],
    ['compareEqual', 2],
    ['convert', 1, { to: 64 }],
    ['convert', 1, { to: 32 }],
    ['roundInt', 1],
    ['toFixed', 1, { rounding: 'zero', to: 32 }],
    ['toFixed', 1, { rounding: 'positiveInfinity', to: 64, unsigned: true }],
    ['fromFixed', 1, { to: 64 }],
    ['fromFixed', 1, { to: 64, unsigned: true }],
    ['fromFixed', 1, { to: 32, unsigned: true }],
  ];

describe("floating point in WebAssembly's arithmetic", () => {
  const cases = ([32, 64] as const).flatMap((size) =>
    operations
      .filter(([name, , options]) => name !== 'convert' || options?.to !== size)
      .map(([name, operands, options]) => ({ size, name, operands, options })),
  );
  it.each(cases)(
    '$name of $size bits $options gives the exact result and flags, whether IXC is set or not',
    ({ size, name, operands, options }) => {
      const operation: FloatOperation = { name, size, ...options };
      const random = randomNumbers(size + operands);
      const { state, count, run } = compiled(operation, operands);
      const rounds = 1500;
      let inexact = 0;
      for (let i = 0; i < rounds; i++) {
        const values = Array.from({ length: operands }, () => {
          if (!integers.includes(name)) return ordinaryFloat(size, random);
          return BigInt.asUintN(64, BigInt(Math.floor((random() - 0.5) * 2 ** (random() * 62))));
        });
        const before = i % 2 ? 16 : 0;
        state.u32[FPCR] = 0;
        state.u32[FPSR] = before;
        const env = { control: controlOf(0), flags: 0 };
        const [a, b = 0n, c = 0n] = values;
        const wanted = compute(env, operation, a, b, c);
        const operandsText = values.map((v) => v.toString(16)).join(' ');
        expect(`${operandsText}: ${run(...values).toString(16)} ${state.u32[FPSR].toString(2)}`).toBe(
          `${operandsText}: ${wanted.toString(16)} ${(before | env.flags).toString(2)}`,
        );
        if (env.flags) inexact += 1;
      }
      // Everything else that went the exact way is a zero, a NaN, out of an integer's range: a small part.
      expect(count.exact).toBeLessThan(rounds / 3 + inexact);
    },
  );

  it.each(cases)(
    '$name of $size bits $options is exact for corner cases, whatever FPCR and FPSR say',
    ({ size, name, operands, options }) => {
      const operation: FloatOperation = { name, size, ...options };
      const random = randomNumbers(size + operands + 7);
      const { state, run } = compiled(operation, operands);
      for (let i = 0; i < 4000; i++) {
        const values = Array.from({ length: operands }, () => cornerFloat(size, random));
        // Sums that nearly cancel.
        if (operands === 2 && random() < 0.2) values[1] = values[0] ^ BigInt(Math.floor(random() * 4));
        const fpcr = random() < 0.5 ? 0 : Math.floor(random() * 32) << 22;
        const before = random() < 0.5 ? 0 : Math.floor(random() * 32);
        state.u32[FPCR] = fpcr;
        state.u32[FPSR] = before;
        const env = { control: controlOf(fpcr), flags: 0 };
        const [a, b = 0n, c = 0n] = values;
        const wanted = compute(env, operation, a, b, c);
        const what = `${values.map((v) => v.toString(16)).join(' ')}, FPCR ${fpcr.toString(16)}`;
        expect(`${what}: ${run(...values).toString(16)} ${state.u32[FPSR].toString(2)}`).toBe(
          `${what}: ${wanted.toString(16)} ${(before | env.flags).toString(2)}`,
        );
      }
    },
  );

  it('is used for normal numbers under FZ and DN, for zeros, and for comparisons with quiet NaNs', () => {
    const single = (n: number) => BigInt(new Uint32Array(new Float32Array([n]).buffer)[0]);
    const nan = 0x7fc0_0000n;
    // biome-ignore format: a table
    const uses = [
      ['add', [single(1.25), single(0.1)], single(1.25 + Math.fround(0.1))],
      ['mul', [single(3), single(0)], 0n],
      ['div', [single(-0), single(3)], single(-0)],
      ['mulAdd', [single(0), single(7), single(0)], 0n],
      ['compare', [nan, single(1)], 0b0011n],
      ['compareEqual', [single(1), nan], 0n],
    ] as const;
    for (const [name, operands, result] of uses) {
      const { state, count, run } = compiled({ name, size: 32 }, operands.length);
      state.u32[FPCR] = 3 << 24;
      state.u32[FPSR] = 16;
      expect([name, run(...operands), count.exact]).toEqual([name, result, 0]);
    }
  });

  it('is not used where FPCR asks for another rounding', () => {
    const { state, count, run } = compiled({ name: 'div', size: 64 }, 2);
    const bits = (n: number) => new BigUint64Array(new Float64Array([n]).buffer)[0];
    state.u32[FPSR] = 16;
    expect(run(bits(1), bits(3))).toBe(0x3fd5_5555_5555_5555n);
    expect(count.exact).toBe(0);
    state.u32[FPCR] = 1 << 22;
    expect(run(bits(1), bits(3))).toBe(0x3fd5_5555_5555_5556n);
    expect(count.exact).toBe(1);
  });
});
