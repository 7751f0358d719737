import { describe, expect, it } from 'vitest';
import { floatOperation } from '../../src/cpu/floating_point/floating_point.ts';
import { CpuState, STATE_BASE, STATE_SIZE, VECTOR_BASE } from '../../src/cpu/state.ts';
import { slotOf } from '../../src/cpu/sysregs/table.ts';
import type { FloatOperation } from '../../src/isa/float_operation.ts';
import { EXTENT_MASKS } from '../../src/translate/layout.ts';
import { CodeBuffer, constant, type LocalCounts } from '../../src/translate/wasm/expression.ts';
import { ModuleBuilder } from '../../src/translate/wasm/module.ts';
import { simd } from '../../src/translate/wasm/opcodes.ts';
import { emitFloatLanes } from '../../src/translate/wasm_float_lanes.ts';
import { extentMasks } from '../../src/translate/wasm_vector.ts';
import { randomNumbers } from '../random.ts';
import { cornerFloat, ordinaryFloat } from './random_floats.ts';

const FPCR = 2 * slotOf('FPCR');
const FPSR = 2 * slotOf('FPSR');
const PAGES = Math.ceil((STATE_BASE + STATE_SIZE) / 65536);
const IXC = 16;
const RESULT = 3;
type Size = 32 | 64;

/** V3 = the operation on V0, V1, V2: compiled, and lane by lane in exact arithmetic. */
function compiled(operation: FloatOperation, operands: number, extent: number) {
  const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES, shared: true });
  const state = new CpuState(memory.buffer);
  state.bytes.set(extentMasks(), EXTENT_MASKS);
  const size = operation.size as Size;
  const view = new DataView(memory.buffer);
  const at = (register: number, lane: number) => VECTOR_BASE + 16 * register + (lane * size) / 8;
  const lane = (register: number, n: number): bigint =>
    size === 32 ? BigInt(view.getUint32(at(register, n), true)) : view.getBigUint64(at(register, n), true);
  const setLane = (register: number, n: number, bits: bigint) =>
    size === 32
      ? view.setUint32(at(register, n), Number(bits), true)
      : view.setBigUint64(at(register, n), bits, true);
  const lanes = (8 * extent) / size;
  const exact = (): bigint[] =>
    Array.from({ length: lanes }, (_, n) => {
      const [a, b, c] = [0, 1, 2].map((register) => lane(register, n));
      return floatOperation(state, operation, a, b, c);
    });
  const module = new ModuleBuilder();
  module.importMemory({ module: 'memory', name: 'state', initial: PAGES, maximum: PAGES, address: 'i32' });
  const oneByOne = module.importFunction('host', 'oneByOne', { parameters: [], results: [] });
  const emit = (base: LocalCounts) => {
    const code = new CodeBuffer(base, 4096);
    const load = (register: number) => {
      code.i32(0);
      code.simdMemory(simd.load, VECTOR_BASE + 16 * register);
      const local = code.local('v128');
      code.set(local);
      return local;
    };
    const inputs = Array.from({ length: operands }, (_, n) => load(n));
    const result = emitFloatLanes(code, operation, inputs, constant(32, extent), () => {
      code.call(oneByOne);
      return load(RESULT);
    });
    code.i32(0);
    code.get(result);
    code.simdMemory(simd.store, VECTOR_BASE + 16 * RESULT);
    return code;
  };
  const { used } = emit({ i32: 0, i64: 0, v128: 0, f32: 0, f64: 0 });
  const v128 = used.i32 + used.i64;
  const code = emit({ i32: 0, i64: used.i32, v128, f32: v128, f64: v128 });
  module.addFunction({
    signature: { parameters: [], results: [] },
    locals: used,
    body: code.toBytes(),
    exportName: 'run',
  });
  const count = { exact: 0 };
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.build()), {
    memory: { state: memory },
    host: {
      oneByOne: () => {
        count.exact += 1;
        exact().forEach((bits, n) => {
          setLane(RESULT, n, bits);
        });
      },
    },
  });
  const run = exports.run as () => void;
  return { state, count, lanes, setLane, lane, exact, run };
}

const operations = [
  ['add', 2],
  ['sub', 2],
  ['mul', 2],
  ['div', 2],
  ['sqrt', 1],
  ['max', 2],
  ['min', 2],
  ['mulAdd', 3],
] as const;
const cases = operations.flatMap(([name, operands]) =>
  ([32, 64] as const).flatMap((size) => [8, 16].map((extent) => ({ name, operands, size, extent }))),
);

describe('floating point on all lanes at once', () => {
  it.each(cases)(
    '$name of $size bits in $extent bytes gives the exact results and flags, under every FPCR',
    ({ name, operands, size, extent }) => {
      const random = randomNumbers(size + operands);
      const { state, count, lanes, setLane, lane, exact, run } = compiled({ name, size }, operands, extent);
      const rounds = 2500;
      let used = 0;
      for (let i = 0; i < rounds; i++) {
        // One odd lane among ordinary ones, or all of a kind.
        const odd = random() < 0.5 ? -1 : Math.floor(random() * 4);
        const float = random() < 0.7 ? ordinaryFloat : cornerFloat;
        for (let register = 0; register < 3; register++)
          for (let n = 0; n < 128 / size; n++) {
            const number = n === odd ? cornerFloat(size, random) : float(size, random);
            setLane(register, n, name === 'sqrt' ? number & ~(1n << BigInt(size - 1)) : number);
          }
        const fpcr = random() < 0.5 ? 0 : Math.floor(random() * 32) << 22;
        const before = random() < 0.9 ? IXC : 0;
        state.u32[FPCR] = fpcr;
        state.u32[FPSR] = before;
        const wanted = exact();
        const flags = state.u32[FPSR];
        state.u32[FPSR] = before;
        const calls = count.exact;
        run();
        if (count.exact === calls) used += 1;
        const got = Array.from({ length: lanes }, (_, n) => lane(RESULT, n));
        const text = (of: readonly bigint[], fpsr: number) =>
          [...of.map((n) => n.toString(16)), `FPSR ${fpsr.toString(2)}`].join(' ');
        const operandText = [0, 1, 2]
          .map((r) => got.map((_, n) => lane(r, n).toString(16)).join(' '))
          .join('; ');
        expect(`${operandText}: ${text(got, state.u32[FPSR])}`).toBe(
          `${operandText}: ${text(wanted, flags)}`,
        );
      }
      expect(used).toBeGreaterThan(rounds / 8);
    },
  );
});
