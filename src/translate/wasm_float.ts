/**
 * Floating-point operations in WebAssembly's own arithmetic, where that is provably the same; else they call the exact one.
 *
 * WebAssembly rounds to nearest even, keeps denormals, has no flags, and leaves NaNs open. So its arithmetic serves where FPCR
 * is 0, no operand and no result is a NaN, and no flag changes: a result that is neither infinite nor tiny raises neither
 * overflow nor underflow, invalid operation or division by zero; and inexact is cumulative, so that it need not be known once
 * FPSR.IXC is set. A program's first inexact operations take the exact path, until one sets IXC.
 */
import { CELL, type StateCell } from '../cpu/state.ts';
import { slotOf } from '../cpu/sysregs/table.ts';
import { type FloatOperation, packFloatOperation, type Rounding } from '../isa/float_operation.ts';
import { type CodeBuffer, constant, convert, intOp, type Node } from './wasm/expression.ts';
import { float, op, type WasmFloatOp } from './wasm/opcodes.ts';

const FPCR = 8 * slotOf('FPCR');
const FPSR = 8 * slotOf('FPSR');
const IXC = 16;

type Size = 32 | 64;
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

/** Code that leaves for the exact path whenever something is not provably the same. */
class FastPath {
  readonly code: CodeBuffer;
  readonly size: Size;
  readonly #operands: readonly Node[];
  readonly #result: number;
  readonly #exact: number;

  constructor(code: CodeBuffer, size: Size, operands: readonly Node[], result: number, exact: number) {
    this.code = code;
    this.size = size;
    this.#operands = operands;
    this.#result = result;
    this.#exact = exact;
  }

  /** To the exact path where the stack's top is not 0. */
  leaveIf(): void {
    this.code.branchIf(this.#exact);
  }
  leaveUnless(): void {
    this.code.int('eqz', 32);
    this.leaveIf();
  }
  defaultControl(): void {
    this.code.i32(0);
    this.code.memory(op.i32Load, FPCR);
    this.leaveIf();
  }
  /** Pushes whether IXC is set. */
  inexactIsSet(): void {
    this.code.i32(0);
    this.code.memory(op.i32Load, FPSR);
    this.code.i32(IXC);
    this.code.int('and', 32);
  }
  operation(name: WasmFloatOp, size: Size = this.size): void {
    this.code.byte(float[name][size === 32 ? 0 : 1]);
  }
  /** Operand n as a number in a local. */
  number(n: number): number {
    const { code } = this;
    if (this.size === 32) {
      code.emit(convert(32, op.i32WrapI64, this.#operands[n]));
      code.byte(op.f32ReinterpretI32);
    } else {
      code.emit(this.#operands[n]);
      code.byte(op.f64ReinterpretI64);
    }
    return this.keep(this.size);
  }
  /** Operand n as a double. */
  double(n: number): number {
    const local = this.number(n);
    if (this.size === 64) return local;
    this.code.get(local);
    this.code.byte(op.f64PromoteF32);
    return this.keep(64);
  }
  integer(n: number): Node {
    return this.#operands[n];
  }
  keep(size: Size): number {
    const local = this.code.local(size === 32 ? 'f32' : 'f64');
    this.code.set(local);
    return local;
  }
  notNaN(local: number): void {
    this.code.get(local);
    this.code.get(local);
    this.operation('eq');
    this.leaveUnless();
  }
  /** The integer on the stack, of this width, is the result. */
  finishInteger(width: 32 | 64): void {
    if (width === 32) this.code.byte(op.i64ExtendI32U);
    this.code.set(this.#result);
  }
  /** The number on the stack is the result. */
  finish(size: Size = this.size): void {
    this.code.byte(size === 32 ? op.i32ReinterpretF32 : op.i64ReinterpretF64);
    this.finishInteger(size);
  }
  /** Leaves unless the result is a number greater than the least normal one, or an exact zero where that can be. */
  checkNormal(size: Size = this.size, zeroIsExact = false): void {
    const { code } = this;
    const result: Node = { kind: 'local', width: 64, index: this.#result };
    const [least, infinity, sign] =
      size === 32 ? [0x0080_0000n, 0x7f80_0000n, 31n] : [1n << 52n, 0x7ffn << 52n, 63n];
    const magnitude = code.keep(intOp('and', result, constant(64, (1n << sign) - 1n)));
    const normal = intOp(
      'ltU',
      intOp('sub', magnitude, constant(64, least + 1n)),
      constant(64, infinity - least - 1n),
    );
    code.emit(zeroIsExact ? intOp('or', normal, intOp('eqz', magnitude)) : normal);
    this.leaveUnless();
  }
  doubleConstant(n: number): void {
    this.code.byte(op.f64Const);
    this.code.append(new Uint8Array(new Float64Array([n]).buffer));
  }
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
      return (f) => {
        f.defaultControl();
        f.inexactIsSet();
        f.leaveUnless();
        f.code.get(f.number(0));
        f.code.get(f.number(1));
        f.operation(name);
        f.finish();
        f.checkNormal(size, name === 'add' || name === 'sub');
      };
    case 'sqrt':
      return (f) => {
        f.defaultControl();
        f.inexactIsSet();
        f.leaveUnless();
        f.code.get(f.number(0));
        f.operation('sqrt');
        f.finish();
        f.checkNormal();
      };
    case 'max':
    case 'min':
    case 'maxNumber':
    case 'minNumber':
      return (f) => {
        f.defaultControl();
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
      return (f) => comparison(f, name);
    case 'roundInt': {
      const integral = TO_INTEGRAL[rounding];
      if (!integral) return undefined;
      return (f) => {
        f.defaultControl();
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
      return (f) => toInteger(f, integral, to, unsigned);
    }
    case 'fromFixed':
      if (operands > 1) return undefined;
      return (f) => {
        // 32 bits in a double are exact whatever FPCR says.
        if (to === 64 || size === 32) {
          f.defaultControl();
          f.inexactIsSet();
          f.leaveUnless();
        }
        f.code.emit(to === 64 ? f.integer(0) : convert(32, op.i32WrapI64, f.integer(0)));
        f.operation(`convertI${to}${unsigned ? 'U' : 'S'}` as WasmFloatOp);
        f.finish();
      };
    case 'convert':
      if (rounding !== 'current') return undefined;
      return (f) => {
        f.defaultControl();
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
): void {
  f.defaultControl();
  const [a, b] = [f.number(0), f.number(1)];
  f.notNaN(a);
  f.notNaN(b);
  const relation = (operation: WasmFloatOp) => {
    f.code.get(a);
    f.code.get(b);
    f.operation(operation);
  };
  if (name === 'compare') {
    // Less is 1000, equal 0110, greater 0010.
    f.code.i32(0b1000);
    f.code.i32(0b0010);
    relation('lt');
    f.code.byte(op.select);
    relation('eq');
    f.code.i32(2);
    f.code.int('shl', 32);
    f.code.int('or', 32);
  } else relation(({ compareEqual: 'eq', compareGreater: 'gt', compareGreaterEqual: 'ge' } as const)[name]);
  f.finishInteger(32);
}

function toInteger(f: FastPath, integral: WasmFloatOp, to: Size, unsigned: boolean): void {
  const { code } = f;
  f.defaultControl();
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
