import { describe, expect, it } from 'vitest';
import { CodeBuffer, constant } from '../../src/translate/wasm/expression.ts';
import { ModuleBuilder, type Signature } from '../../src/translate/wasm/module.ts';
import { I32, I64 } from '../../src/translate/wasm/opcodes.ts';

/** Around every power of two, with both signs. */
const EDGES = Array.from({ length: 65 }, (_, bit) => [-1n, 0n, 1n].map((by) => (1n << BigInt(bit)) + by))
  .flat()
  .flatMap((value) => [value, -value]);

/** What WebAssembly says that the constants are. */
function computed(width: 32 | 64, values: readonly (number | bigint)[]): bigint[] {
  const module = new ModuleBuilder();
  const signature: Signature = { parameters: [], results: [width === 32 ? I32 : I64] };
  values.forEach((value, n) => {
    const code = new CodeBuffer({ i32: 0, i64: 0, v128: 0, f32: 0, f64: 0 }, 0);
    code.emit(constant(width, value));
    module.addFunction({ signature, locals: {}, body: code.toBytes(), exportName: `f${n}` });
  });
  const bytes = module.build() as Uint8Array<ArrayBuffer>;
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  return values.map((_, n) => BigInt((exports[`f${n}`] as () => number | bigint)()));
}

describe.each([32, 64] as const)('constants of %i bits', (width) => {
  const expected = EDGES.map((value) => BigInt.asIntN(width, value));

  it('mean in WebAssembly what they say', () => {
    expect(computed(width, EDGES)).toEqual(expected);
  });
  it('mean the same as numbers, and are equal where they mean the same', () => {
    const safe = EDGES.filter((value) => Number.isSafeInteger(Number(value)));
    expect(computed(width, safe.map(Number))).toEqual(safe.map((value) => BigInt.asIntN(width, value)));
    for (const value of safe)
      expect(constant(width, Number(value))).toEqual(constant(width, BigInt.asUintN(width, value)));
  });
});
