/**
 * Floating-point operations on all lanes at once in WebAssembly's vector arithmetic, under the conditions of wasm_float.ts, which
 * every lane must meet; but IXC must be set already. Where a lane does not meet them, all lanes are done one by one.
 */
import type { FloatFunction, FloatOperation } from '../isa/float_operation.ts';
import { EXTENT_MASKS } from './layout.ts';
import { type CodeBuffer, constant, intOp, type Node } from './wasm/expression.ts';
import { floatLanes, lanes, op, simd } from './wasm/opcodes.ts';
import { BRACKET } from './wasm_float_error.ts';
import { FPCR, FPSR, FZ, IXC, RMODE } from './wasm_float_path.ts';

type Size = 32 | 64;
/** Pushes a vector: each time that it is called. */
type Lanes = () => void;

const doubleBits = (n: number): bigint => new BigUint64Array(new Float64Array([n]).buffer)[0];

/** Code that computes the lanes of its operands and leaves for `exact` where one of them is not provably right. */
class LanesPath {
  readonly code: CodeBuffer;
  readonly size: Size;
  readonly operands: readonly Lanes[];
  readonly #extent: Node;
  readonly #exact: number;

  constructor(code: CodeBuffer, size: Size, operands: readonly Lanes[], extent: Node, exact: number) {
    this.code = code;
    this.size = size;
    this.operands = operands;
    this.#extent = extent;
    this.#exact = exact;
  }

  apply(opcode: number, ...of: Lanes[]): Lanes {
    return () => {
      for (const push of of) push();
      this.code.simd(opcode);
    };
  }
  /** Computed here and once. */
  keep(of: Lanes): Lanes {
    const local = this.code.local('v128');
    of();
    this.code.set(local);
    return () => this.code.get(local);
  }
  shuffle(a: Lanes, b: Lanes, bytes: readonly number[]): Lanes {
    return () => {
      a();
      b();
      this.code.simd(simd.shuffle);
      this.code.append(bytes);
    };
  }
  float(name: keyof typeof floatLanes, ...of: Lanes[]): Lanes {
    return this.apply(floatLanes[name][this.size === 32 ? 0 : 1], ...of);
  }
  integer(name: 'eq' | 'gtS', a: Lanes, b: Lanes): Lanes {
    return this.apply(lanes[name][this.size === 32 ? 2 : 3], a, b);
  }
  /** The same pattern in every lane. */
  splat(pattern: bigint): Lanes {
    return () => {
      this.code.simd(simd.const);
      for (let i = 0; i < 128; i += 8) this.code.byte(Number((pattern >> BigInt(i % this.size)) & 0xffn));
    };
  }
  get least(): bigint {
    return 1n << (this.size === 32 ? 23n : 52n);
  }
  magnitude(of: Lanes): Lanes {
    return this.apply(simd.and, of, this.splat((1n << BigInt(this.size - 1)) - 1n));
  }
  isZero(of: Lanes): Lanes {
    return this.integer('eq', this.magnitude(of), this.splat(0n));
  }
  /** Whether the magnitude, as an integer, is above `low` and below `high`. */
  between(of: Lanes, low: bigint, high: bigint): Lanes {
    const above = this.integer('gtS', this.magnitude(of), this.splat(low));
    return this.and(above, this.integer('gtS', this.splat(high), this.magnitude(of)));
  }
  /** Greater than the least normal number, and none of the specials. */
  normal(of: Lanes): Lanes {
    return this.between(of, this.least, (this.size === 32 ? 0xffn : 0x7ffn) * this.least);
  }
  or(...of: Lanes[]): Lanes {
    return of.reduce((a, b) => this.apply(simd.or, a, b));
  }
  and(...of: Lanes[]): Lanes {
    return of.reduce((a, b) => this.apply(simd.and, a, b));
  }
  andNot(a: Lanes, b: Lanes): Lanes {
    return this.apply(simd.andNot, a, b);
  }

  #leaveIf(condition: Node): void {
    this.code.emit(condition);
    this.code.branchIf(this.#exact);
  }
  /** Leaves unless every lane within the extent is all ones. */
  leaveUnless(of: Lanes): void {
    this.code.emit(intOp('shl', this.#extent, constant(32, 4)));
    this.code.simdMemory(simd.load, EXTENT_MASKS);
    of();
    this.code.simd(simd.andNot);
    this.code.simd(simd.anyTrue);
    this.code.branchIf(this.#exact);
  }
  #load(address: number): Node {
    this.code.i32(0);
    this.code.memory(op.i32Load, address);
    return this.code.keepTop(32);
  }
  checkControl(rounds: boolean): void {
    const { code } = this;
    if (rounds) this.#leaveIf(intOp('eqz', intOp('and', this.#load(FPSR), constant(32, IXC))));
    const control = this.#load(FPCR);
    code.emit(control);
    code.open(op.if);
    if (rounds) this.#leaveIf(intOp('and', control, constant(32, RMODE)));
    code.emit(intOp('and', control, constant(32, FZ)));
    code.open(op.if);
    for (const operand of this.operands)
      this.leaveUnless(this.apply(simd.not, this.between(operand, 0n, this.least)));
    code.close();
    code.close();
  }
}

function rounded(f: LanesPath, name: 'add' | 'sub' | 'mul' | 'div' | 'sqrt'): Lanes {
  f.checkControl(true);
  const result = f.keep(f.float(name, ...f.operands));
  const zero = f.isZero(result);
  // Sums are zero where they are exactly; products and quotients where a factor is.
  const from = name === 'mul' ? f.operands : f.operands.slice(0, 1);
  const exactZero =
    name === 'add' || name === 'sub' ? zero : f.and(zero, f.or(...from.map((of) => f.isZero(of))));
  f.leaveUnless(f.or(f.normal(result), exactZero));
  return result;
}

function extreme(f: LanesPath, name: 'min' | 'max'): Lanes {
  f.checkControl(false);
  const result = f.keep(f.float(name, ...f.operands));
  f.leaveUnless(f.float('eq', result, result));
  return result;
}

const UPPER_HALF = Array.from({ length: 16 }, (_, i) => (i + 8) % 16);
const LOWER_HALVES = Array.from({ length: 16 }, (_, i) => (i < 8 ? i : i + 8));
/** The lower words of four doublewords. */
const LOWER_WORDS = [0, 8, 16, 24].flatMap((at) => [at, at + 1, at + 2, at + 3]);

/** fusedSingle() of wasm_float.ts: two at a time, as doubles. */
function fusedSingles(f: LanesPath): Lanes {
  f.checkControl(true);
  const doubles = new LanesPath(f.code, 64, [], constant(32, 16), 0);
  const [low, high] = [f.operands, f.operands.map((of) => f.shuffle(of, of, UPPER_HALF))].map((operands) => {
    const [c, a, b] = operands.map((of) => f.apply(simd.f64x2PromoteLow, of));
    return f.keep(doubles.float('add', doubles.float('mul', a, b), c));
  });
  // Halfway between two singles it matters what the sum has lost.
  const halfway = (sum: Lanes) => {
    const below = f.apply(simd.and, sum, doubles.splat(0x1fff_ffffn));
    return doubles.integer('eq', below, doubles.splat(0x1000_0000n));
  };
  const narrow = (sum: Lanes) => f.apply(simd.f32x4DemoteZero, sum);
  const result = f.keep(f.shuffle(narrow(low), narrow(high), LOWER_HALVES));
  const [c, a, b] = f.operands;
  const positiveZero = f.integer('eq', c, f.splat(0n));
  const exactZero = f.and(f.isZero(result), positiveZero, f.or(f.isZero(a), f.isZero(b)));
  const unsure = f.shuffle(halfway(low), halfway(high), LOWER_WORDS);
  f.leaveUnless(f.andNot(f.or(f.normal(result), exactZero), unsure));
  return result;
}

/** fusedDouble() of wasm_float.ts. */
function fusedDoubles(f: LanesPath): Lanes {
  f.checkControl(true);
  const [c, a, b] = f.operands;
  const add = (x: Lanes, y: Lanes) => f.float('add', x, y);
  const sub = (x: Lanes, y: Lanes) => f.float('sub', x, y);
  const mul = (x: Lanes, y: Lanes) => f.float('mul', x, y);
  const split = (of: Lanes) => {
    const scaled = f.keep(mul(f.splat(doubleBits(2 ** 27 + 1)), of));
    const high = f.keep(sub(scaled, sub(scaled, of)));
    return [high, f.keep(sub(of, high))];
  };
  const product = f.keep(mul(a, b));
  const [ah, al] = split(a);
  const [bh, bl] = split(b);
  const upper = add(add(sub(mul(ah, bh), product), mul(ah, bl)), mul(al, bh));
  const productError = f.keep(add(upper, mul(al, bl)));
  const sum = f.keep(add(product, c));
  const second = f.keep(sub(sum, product));
  const sumError = f.keep(add(sub(product, sub(sum, second)), sub(c, second)));
  const error = f.keep(add(productError, sumError));
  const result = f.keep(add(sum, error));
  const margin = f.keep(mul(f.splat(doubleBits(BRACKET)), error));
  const same = f.float('eq', add(sum, sub(error, margin)), add(sum, add(error, margin)));
  const sure = f.or(same, f.isZero(productError), f.isZero(sumError));
  const biased = (exponent: number) => BigInt(1023 + exponent) << 52n;
  const knownError = f.or(f.between(product, biased(-960), biased(960)), f.isZero(a), f.isZero(b));
  const negativeZero = f.integer('eq', c, f.splat(1n << 63n));
  const exactZero = f.andNot(f.isZero(result), negativeZero);
  f.leaveUnless(f.and(sure, knownError, f.or(f.normal(result), exactZero)));
  return result;
}

function lanesOf(name: FloatFunction, size: Size): ((f: LanesPath) => Lanes) | undefined {
  switch (name) {
    case 'add':
    case 'sub':
    case 'mul':
    case 'div':
    case 'sqrt':
      return (f) => rounded(f, name);
    case 'max':
    case 'min':
      return (f) => extreme(f, name);
    case 'mulAdd':
      return size === 32 ? fusedSingles : fusedDoubles;
    default:
      return undefined;
  }
}

/**
 * Emits the operation on lanes of `operation.size` bits in v128 locals and gives the result's local: lanes behind `extent` bytes
 * (16 at most) are of no use. `oneByOne` emits it lane by lane and gives that result.
 */
export function emitFloatLanes(
  code: CodeBuffer,
  { name, size }: FloatOperation,
  operands: readonly number[],
  extent: Node,
  oneByOne: () => number,
): number {
  const fast = size === 16 ? undefined : lanesOf(name, size);
  if (!fast) return oneByOne();
  const result = code.local('v128');
  const done = code.open(op.block);
  const exact = code.open(op.block);
  const pushed = operands.map((local) => () => code.get(local));
  fast(new LanesPath(code, size as Size, pushed, extent, exact))();
  code.set(result);
  code.branch(done);
  code.close();
  code.get(oneByOne());
  code.set(result);
  code.close();
  return result;
}
