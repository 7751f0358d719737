/**
 * The way of a floating-point operation through WebAssembly's own arithmetic (wasm_float.ts): operands in locals, and the checks by
 * which it leaves for the exact path.
 */
import { slotOf } from '../cpu/sysregs/table.ts';
import { type CodeBuffer, constant, convert, intOp, local, type Node } from './wasm/expression.ts';
import { float, op, type WasmFloatOp } from './wasm/opcodes.ts';

export const FPCR = 8 * slotOf('FPCR');
export const FPSR = 8 * slotOf('FPSR');
const IOC = 1;
export const IXC = 16;
export const RMODE = 3 << 22;
export const FZ = 1 << 24;

export type Size = 32 | 64;

/** Code that leaves for the exact path whenever something is not provably the same. */
export class FastPath {
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
    const result = local(this.#result, 64);
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
