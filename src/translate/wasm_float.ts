/**
 * Floating-point operations in WebAssembly's own arithmetic, where that is provably the same; else they call the exact one.
 *
 * WebAssembly rounds to nearest even, keeps denormals, has no flags, and leaves NaNs open. So its arithmetic serves where
 * FPCR.RMode is 0 (or does not matter), no operand is a denormal that FPCR.FZ flushes, no result is a NaN, and no flag changes: a
 * result that is neither infinite nor tiny raises neither overflow nor underflow, invalid operation or division by zero, and a
 * result of zero raises none where it is exact. Inexact is cumulative, so that it need not be known once FPSR.IXC is set; before,
 * the operation's error is computed (error-free transformations: Knuth's sum, Dekker's product), and what is not exact takes the
 * exact path, which sets IXC. DN, AHP and FZ16 do not matter to singles and doubles without NaNs.
 */
import { CELL, type StateCell } from '../cpu/state.ts';
import { type FloatOperation, packFloatOperation, type Rounding } from '../isa/float_operation.ts';
import { type CodeBuffer, constant, convert, type Node } from './wasm/expression.ts';
import { op, type WasmFloatOp } from './wasm/opcodes.ts';
import { fusedDouble, fusedSingle, pushExactness } from './wasm_float_error.ts';
import { FastPath, type Size } from './wasm_float_path.ts';

const ARGUMENTS: readonly StateCell[] = ['argument0', 'argument1', 'argument2'];

/** Emits the operation on `operands` (constants or locals, 64 bits wide) and gives its result, 64 bits wide. */
export function emitFloat(
  code: CodeBuffer,
  operation: FloatOperation,
  operands: readonly Node[],
  call: (code: number) => void,
): Node {
  const result = code.temporary(64);
  const slow = () => {
    // Integers have no fraction bits.
    [...operands, constant(64, 0)].slice(0, ARGUMENTS.length).forEach((operand, i) => {
      code.i32(0);
      code.emit(operand);
      code.memory(op.i64Store, CELL[ARGUMENTS[i]]);
    });
    call(packFloatOperation(operation));
    code.i32(0);
    code.memory(op.i64Load, CELL.result);
    code.set(result.index);
  };
  const fast = fastPath(operation, operands.length);
  if (!fast) {
    slow();
    return result;
  }
  const done = code.open(op.block);
  const exact = code.open(op.block);
  fast(new FastPath(code, operation.size as Size, operands, result.index, exact));
  code.branch(done);
  code.close();
  slow();
  code.close();
  return result;
}
const TO_INTEGRAL: { readonly [K in Rounding]?: WasmFloatOp } = {
  tieEven: 'nearest',
  current: 'nearest',
  positiveInfinity: 'ceil',
  negativeInfinity: 'floor',
  zero: 'trunc',
};

function fastPath(operation: FloatOperation, operands: number): ((f: FastPath) => void) | undefined {
  const { name, size, to = size, rounding = 'current', unsigned = false, exact = false } = operation;
  if (size === 16 || to === 16) return undefined;
  switch (name) {
    case 'add':
    case 'sub':
    case 'mul':
    case 'div':
    case 'sqrt':
      return (f) => {
        f.checkControl();
        const numbers = name === 'sqrt' ? [f.number(0)] : [f.number(0), f.number(1)];
        for (const local of numbers) f.code.get(local);
        f.operation(name);
        const rounded = f.keep(f.size);
        f.unlessInexactIsSet(() => pushExactness(f, name, numbers, rounded));
        f.code.get(rounded);
        f.finish();
        f.checkNormal(size, () => {
          if (name === 'add' || name === 'sub') f.code.i32(1);
          else if (name === 'mul') f.anyIsZero(0, 1);
          else f.anyIsZero(0);
        });
      };
    case 'mulAdd':
      return size === 32 ? fusedSingle : fusedDouble;
    case 'max':
    case 'min':
    case 'maxNumber':
    case 'minNumber':
      return (f) => {
        f.checkControl(false);
        const numbers = [f.number(0), f.number(1)];
        for (const local of numbers) f.notNaN(local);
        for (const local of numbers) f.code.get(local);
        f.operation(name.startsWith('max') ? 'max' : 'min');
        f.finish();
      };
    case 'compare':
    case 'compareEqual':
    case 'compareGreater':
    case 'compareGreaterEqual':
      return (f) => comparison(f, name, exact || name.includes('Greater'));
    case 'roundInt': {
      const integral = TO_INTEGRAL[rounding];
      if (!integral) return undefined;
      return (f) => {
        f.checkControl(rounding === 'current');
        const x = f.number(0);
        f.notNaN(x);
        f.code.get(x);
        f.operation(integral);
        const rounded = f.keep(f.size);
        if (exact) {
          f.inexactIsSet();
          f.code.get(rounded);
          f.code.get(x);
          f.operation('eq');
          f.code.int('or', 32);
          f.leaveUnless();
        }
        f.code.get(rounded);
        f.finish();
      };
    }
    case 'toFixed': {
      const integral = TO_INTEGRAL[rounding];
      if (operands > 1 || !integral) return undefined;
      return (f) => toInteger(f, integral, to, unsigned, rounding === 'current');
    }
    case 'fromFixed':
      if (operands > 1) return undefined;
      return (f) => {
        // 32 bits in a double are exact whatever FPCR says.
        if (to === 64 || size === 32) {
          f.checkControl(true, false);
          f.unlessInexactIsSet(() => f.integerFits(size === 32 ? 24 : 53, to, unsigned));
        }
        f.code.emit(to === 64 ? f.integer(0) : convert(32, op.i32WrapI64, f.integer(0)));
        f.operation(`convertI${to}${unsigned ? 'U' : 'S'}` as WasmFloatOp);
        f.finish();
      };
    case 'convert':
      if (rounding !== 'current') return undefined;
      return (f) => {
        f.checkControl(to === 32);
        const x = f.number(0);
        if (to === 64) {
          f.notNaN(x);
          f.code.get(x);
          f.code.byte(op.f64PromoteF32);
          f.finish(64);
          return;
        }
        f.inexactIsSet();
        f.leaveUnless();
        f.code.get(x);
        f.code.byte(op.f32DemoteF64);
        f.finish(32);
        f.checkNormal(32);
      };
    default:
      return undefined;
  }
}

function comparison(
  f: FastPath,
  name: 'compare' | 'compareEqual' | 'compareGreater' | 'compareGreaterEqual',
  signalling: boolean,
): void {
  f.checkControl(false);
  const [a, b] = [f.number(0), f.number(1)];
  f.checkOrdered([a, b], signalling);
  const relation = (operation: WasmFloatOp) => {
    f.code.get(a);
    f.code.get(b);
    f.operation(operation);
  };
  if (name === 'compare') {
    // Less is 1000, equal 0110, greater 0010, unordered 0011.
    f.code.i32(0b1000);
    f.code.i32(0b0011);
    relation('lt');
    f.code.byte(op.select);
    relation('eq');
    f.code.i32(2);
    f.code.int('shl', 32);
    f.code.int('or', 32);
    relation('ge');
    f.code.int('xor', 32);
  } else relation(({ compareEqual: 'eq', compareGreater: 'gt', compareGreaterEqual: 'ge' } as const)[name]);
  f.finishInteger(32);
}

function toInteger(
  f: FastPath,
  integral: WasmFloatOp,
  to: Size,
  unsigned: boolean,
  roundingMatters: boolean,
): void {
  const { code } = f;
  f.checkControl(roundingMatters);
  const x = f.double(0);
  code.get(x);
  f.operation(integral, 64);
  const rounded = f.keep(64);
  // Not so for a NaN.
  code.get(rounded);
  f.doubleConstant(unsigned ? 0 : -(2 ** (to - 1)));
  f.operation('ge', 64);
  code.get(rounded);
  f.doubleConstant(2 ** (unsigned ? to : to - 1));
  f.operation('lt', 64);
  code.int('and', 32);
  f.leaveUnless();
  f.inexactIsSet();
  code.get(rounded);
  code.get(x);
  f.operation('eq', 64);
  code.int('or', 32);
  f.leaveUnless();
  code.get(rounded);
  const opcodes = { 32: [op.i32TruncF64S, op.i32TruncF64U], 64: [op.i64TruncF64S, op.i64TruncF64U] } as const;
  code.byte(opcodes[to][unsigned ? 1 : 0]);
  f.finishInteger(to);
}
