/**
 * Error-free transformations in WebAssembly's arithmetic: whether a result is exact, and fused multiply-add, which WebAssembly
 * has not. Sums after Knuth, products after Dekker.
 */
import { constant, intOp } from './wasm/expression.ts';
import { op, type WasmFloatOp } from './wasm/opcodes.ts';
import type { FastPath, Size } from './wasm_float_path.ts';

/** Sums and products with their errors, of doubles in locals. */
export class ErrorFree {
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
export function fusedSingle(f: FastPath): void {
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
export function fusedDouble(f: FastPath): void {
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
export function pushExactness(
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
