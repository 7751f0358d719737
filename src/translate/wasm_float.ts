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
import { slotOf } from '../cpu/sysregs/table.ts';
import { type FloatOperation, packFloatOperation, type Rounding } from '../isa/float_operation.ts';
import { type CodeBuffer, constant, convert, intOp, type Node } from './wasm/expression.ts';
import { float, op, type WasmFloatOp } from './wasm/opcodes.ts';

export const FPCR = 8 * slotOf('FPCR');
export const FPSR = 8 * slotOf('FPSR');
const IOC = 1;
export const IXC = 16;
export const RMODE = 3 << 22;
export const FZ = 1 << 24;

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
  /** Leaves for another rounding than to nearest, where that matters, and for operands that FZ flushes. */
  checkControl(roundingMatters = true, flushMatters = true): void {
    const { code } = this;
    code.i32(0);
    code.memory(op.i32Load, FPCR);
    const control = code.keepTop(32);
    code.emit(control);
    code.open(op.if);
    if (roundingMatters) {
      code.emit(intOp('and', control, constant(32, RMODE)));
      this.leaveIf();
    }
    if (flushMatters) {
      code.emit(intOp('and', control, constant(32, FZ)));
      code.open(op.if);
      for (const operand of this.#operands) {
        code.emit(this.#magnitudeWithin(operand, 1n, this.#least));
        this.leaveIf();
      }
      code.close();
    }
    code.close();
  }
  get #fraction(): bigint {
    return this.size === 32 ? 23n : 52n;
  }
  /** The least normal number, and infinity. */
  get #least(): bigint {
    return 1n << this.#fraction;
  }
  get #infinity(): bigint {
    return (this.size === 32 ? 0xffn : 0x7ffn) << this.#fraction;
  }
  /** Whether the bits but for the sign are from `from` to below `to`. */
  #magnitudeWithin(operand: Node, from: bigint, to: bigint): Node {
    const magnitude = intOp('and', operand, constant(64, (1n << BigInt(this.size - 1)) - 1n));
    return intOp('ltU', intOp('sub', magnitude, constant(64, from)), constant(64, to - from));
  }
  #isZero(operand: Node): Node {
    return intOp('eqz', intOp('and', operand, constant(64, (1n << BigInt(this.size - 1)) - 1n)));
  }
  /** Pushes whether IXC is set. */
  inexactIsSet(): void {
    this.code.i32(0);
    this.code.memory(op.i32Load, FPSR);
    this.code.i32(IXC);
    this.code.int('and', 32);
  }
  /** Leaves unless IXC is set, or what `exact` pushes. */
  unlessInexactIsSet(exact: () => void): void {
    this.inexactIsSet();
    this.code.int('eqz', 32);
    this.code.open(op.if);
    exact();
    this.leaveUnless();
    this.code.close();
  }
  /** Pushes whether operand 0, an integer of `width` bits, has no more than `bits` (and a sign). */
  integerFits(bits: number, width: Size, unsigned: boolean): void {
    const integer = this.#operands[0];
    const wide =
      width === 64
        ? integer
        : convert(64, unsigned ? op.i64ExtendI32U : op.i64ExtendI32S, convert(32, op.i32WrapI64, integer));
    const up = constant(64, (unsigned ? 64 : 63) - bits);
    const back = intOp(unsigned ? 'shrU' : 'shrS', intOp('shl', wide, up), up);
    this.code.emit(intOp('eq', back, wide));
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
  /** Leaves where operands are unordered and that sets IOC: always, or for signalling NaNs. */
  checkOrdered(numbers: readonly number[], signalling: boolean): void {
    const { code } = this;
    for (const local of numbers) {
      code.get(local);
      code.get(local);
      this.operation('eq');
    }
    for (const _ of numbers.slice(1)) code.int('and', 32);
    code.int('eqz', 32);
    code.open(op.if);
    code.i32(0);
    code.memory(op.i32Load, FPSR);
    code.i32(IOC);
    code.int('and', 32);
    code.int('eqz', 32);
    if (!signalling) {
      const quiet = this.#infinity | (this.#least >> 1n);
      for (const operand of this.#operands)
        code.emit(this.#magnitudeWithin(operand, this.#infinity + 1n, quiet));
      for (const _ of this.#operands.slice(1)) code.int('or', 32);
      code.int('and', 32);
    }
    this.leaveIf();
    code.close();
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
  /** Leaves unless the result is a number greater than the least normal one, or zero where `zeroIsExact` pushes that it is. */
  checkNormal(size: Size = this.size, zeroIsExact?: () => void): void {
    const { code } = this;
    const result: Node = { kind: 'local', width: 64, index: this.#result };
    const [least, infinity, sign] =
      size === 32 ? [0x0080_0000n, 0x7f80_0000n, 31n] : [1n << 52n, 0x7ffn << 52n, 63n];
    const magnitude = code.keep(intOp('and', result, constant(64, (1n << sign) - 1n)));
    const tooSmall = constant(64, least + 1n);
    code.emit(intOp('ltU', intOp('sub', magnitude, tooSmall), constant(64, infinity - least - 1n)));
    code.int('eqz', 32);
    if (!zeroIsExact) {
      this.leaveIf();
      return;
    }
    code.open(op.if);
    code.emit(intOp('eqz', magnitude));
    zeroIsExact();
    code.int('and', 32);
    this.leaveUnless();
    code.close();
  }
  /** Pushes whether one of these operands is zero. */
  anyIsZero(...numbers: number[]): void {
    const zeros = numbers.map((n) => this.#isZero(this.#operands[n]));
    this.code.emit(zeros.reduce((a, b) => intOp('or', a, b)));
  }
  doubleConstant(n: number): void {
    this.code.byte(op.f64Const);
    this.code.append(new Uint8Array(new Float64Array([n]).buffer));
  }
}

/** Sums and products with their errors, of doubles in locals. */
class ErrorFree {
  readonly #f: FastPath;
  readonly #size: Size;

  constructor(f: FastPath, size: Size = 64) {
    this.#f = f;
    this.#size = size;
  }
  apply(name: WasmFloatOp, ...operands: number[]): number {
    for (const local of operands) this.#f.code.get(local);
    this.#f.operation(name, this.#size);
    return this.#f.keep(this.#size);
  }
  /** Exact whatever the operands. */
  sumError(a: number, b: number, sum: number): number {
    const second = this.apply('sub', sum, a);
    const first = this.apply('sub', a, this.apply('sub', sum, second));
    return this.apply('add', first, this.apply('sub', b, second));
  }
  sum(a: number, b: number): readonly [sum: number, error: number] {
    const sum = this.apply('add', a, b);
    return [sum, this.sumError(a, b, sum)];
  }
  /** Exact where the product's magnitude is at least 2^-960, or a factor is zero; NaNs where a factor is nearly too large. */
  product(a: number, b: number): readonly [product: number, error: number] {
    const product = this.apply('mul', a, b);
    const [ah, al] = this.#split(a);
    const [bh, bl] = this.#split(b);
    let error = this.apply('sub', this.apply('mul', ah, bh), product);
    error = this.apply('add', error, this.apply('mul', ah, bl));
    error = this.apply('add', error, this.apply('mul', al, bh));
    return [product, this.apply('add', error, this.apply('mul', al, bl))];
  }
  #split(a: number): readonly [high: number, low: number] {
    this.#f.doubleConstant(2 ** 27 + 1);
    const scaled = this.apply('mul', this.#f.keep(64), a);
    const high = this.apply('sub', scaled, this.apply('sub', scaled, a));
    return [high, this.apply('sub', a, high)];
  }
  /** Pushes whether the magnitude is within 2^-exponent to 2^exponent. */
  pushMiddle(a: number, exponent: number): void {
    const { code } = this.#f;
    code.get(a);
    code.byte(op.i64ReinterpretF64);
    const biased = intOp('and', intOp('shrU', code.keepTop(64), constant(64, 52)), constant(64, 0x7ff));
    code.emit(intOp('ltU', intOp('sub', biased, constant(64, 1023 - exponent)), constant(64, 2 * exponent)));
  }
  /** Leaves unless the magnitude is within 2^-400 to 2^400, or zero. */
  checkMiddle(a: number): void {
    this.pushMiddle(a, 400);
    this.isZero(a);
    this.#f.code.int('or', 32);
    this.#f.leaveUnless();
  }
  /** Pushes whether the number is zero. */
  isZero(a: number): void {
    this.#f.code.get(a);
    this.#f.code.get(this.apply('sub', a, a));
    this.#f.operation('eq', this.#size);
  }
}

/**
 * Addend plus product. Singles have an exact product among doubles, and the sum's rounding to double changes nothing unless it ends
 * halfway between two singles.
 */
function fusedSingle(f: FastPath): void {
  f.checkControl();
  const { code } = f;
  const [c, a, b] = [f.double(0), f.double(1), f.double(2)];
  const x = new ErrorFree(f);
  const product = x.apply('mul', a, b);
  const sum = x.apply('add', product, c);
  code.get(sum);
  code.byte(op.i64ReinterpretF64);
  const bits = code.keepTop(64);
  const pushExact = () => x.isZero(x.sumError(product, c, sum));
  code.emit(intOp('eq', intOp('and', bits, constant(64, 0x1fff_ffff)), constant(64, 0x1000_0000)));
  code.open(op.if);
  pushExact();
  f.leaveUnless();
  code.close();
  code.get(sum);
  code.byte(op.f32DemoteF64);
  const result = f.keep(32);
  f.unlessInexactIsSet(() => {
    pushExact();
    code.get(result);
    code.byte(op.f64PromoteF32);
    code.get(sum);
    f.operation('eq', 64);
    code.int('and', 32);
  });
  code.get(result);
  f.finish();
  // Products of singles are no tiny doubles: their sum is zero where it is exactly zero, with the sign that it should have.
  f.checkNormal(32, () => code.emit(intOp('eqz', intOp('shl', bits, constant(64, 1)))));
}

/** What is far below the error that it brackets, and above that error's own rounding: 2^-53 of it. */
export const BRACKET = 2 ** -50;

/**
 * The same of doubles: product and its error, their sum with the addend and its error. Both errors together round once more; the
 * result is right if rounding is the same for a little more and a little less of them, or if they are one number.
 */
function fusedDouble(f: FastPath): void {
  f.checkControl();
  const { code } = f;
  const [c, a, b] = [f.number(0), f.number(1), f.number(2)];
  const x = new ErrorFree(f);
  const [product, productError] = x.product(a, b);
  // The error is a number if the product is none of the smallest; too large factors give a NaN in the end.
  x.pushMiddle(product, 960);
  f.anyIsZero(1, 2);
  code.int('or', 32);
  f.leaveUnless();
  const [sum, sumError] = x.sum(product, c);
  const error = x.apply('add', productError, sumError);
  const result = x.apply('add', sum, error);
  f.doubleConstant(BRACKET);
  const margin = x.apply('mul', f.keep(64), error);
  const less = x.apply('add', sum, x.apply('sub', error, margin));
  const more = x.apply('add', sum, x.apply('add', error, margin));
  code.get(less);
  code.get(more);
  f.operation('eq', 64);
  code.int('eqz', 32);
  code.open(op.if);
  x.isZero(productError);
  x.isZero(sumError);
  code.int('or', 32);
  f.leaveUnless();
  code.close();
  f.unlessInexactIsSet(() => x.isZero(error));
  code.get(result);
  f.finish();
  // Negative zeros have lost their sign on the way.
  f.checkNormal(64, () => code.emit(intOp('ne', f.integer(0), constant(64, 1n << 63n))));
}

/** Pushes whether `result` is exactly the operation's. */
function pushExactness(
  f: FastPath,
  name: 'add' | 'sub' | 'mul' | 'div' | 'sqrt',
  operands: number[],
  result: number,
): void {
  const [a, b = result] = operands;
  if (name === 'add' || name === 'sub') {
    const same = new ErrorFree(f, f.size);
    same.isZero(same.sumError(a, name === 'add' ? b : same.apply('neg', b), result));
    return;
  }
  // a = b * r, r = sqrt(a): a = r * r.
  const [x, y, product] = name === 'mul' ? [a, b, result] : [result, b, a];
  const doubles = new ErrorFree(f);
  const double = (local: number) => {
    if (f.size === 64) return local;
    f.code.get(local);
    f.code.byte(op.f64PromoteF32);
    return f.keep(64);
  };
  const [dx, dy] = [double(x), double(y)];
  if (f.size === 64) for (const local of [dx, dy]) doubles.checkMiddle(local);
  const [rounded, error] = f.size === 64 ? doubles.product(dx, dy) : [doubles.apply('mul', dx, dy)];
  f.code.get(rounded);
  f.code.get(double(product));
  f.operation('eq', 64);
  if (error !== undefined) {
    doubles.isZero(error);
    f.code.int('and', 32);
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
