/**
 * The part of the Emitter that is the same for every WebAssembly back end: arithmetic and flags. A Value is an expression
 * node over locals (wasm/expression.ts). What is read from state is put into a local at once, so that a later write does
 * not change it.
 */
import { CELL, type StateCell } from '../cpu/state.ts';
import type {
  Access,
  Cell,
  Emitter,
  IndirectBranch,
  Register,
  RuntimeCall,
  Value,
  Width,
} from '../isa/emitter.ts';
import type { VectorEmitter } from '../isa/vector_emitter.ts';
import { CONDITION_TABLE } from './layout.ts';
import { type CodeBuffer, constant, convert, intOp, type Node, select } from './wasm/expression.ts';
import { op } from './wasm/opcodes.ts';

export const node = (value: Value): Node => value as unknown as Node;
export const value = <W extends Width>(of: Node): Value<W> => of as unknown as Value<W>;

export abstract class WasmEmitter implements Emitter {
  readonly code: CodeBuffer;
  abstract readonly vector: VectorEmitter;

  constructor(code: CodeBuffer) {
    this.code = code;
  }

  constant<W extends Width>(width: W, n: number | bigint): Value<W> {
    return value(constant(width, n));
  }
  #binary<W extends Width>(name: Parameters<typeof intOp>[0], a: Value<W>, b: Value<W>): Value<W> {
    return value(intOp(name, node(a), node(b)));
  }
  add<W extends Width>(a: Value<W>, b: Value<W>): Value<W> {
    return this.#binary('add', a, b);
  }
  sub<W extends Width>(a: Value<W>, b: Value<W>): Value<W> {
    return this.#binary('sub', a, b);
  }
  mul<W extends Width>(a: Value<W>, b: Value<W>): Value<W> {
    return this.#binary('mul', a, b);
  }
  and<W extends Width>(a: Value<W>, b: Value<W>): Value<W> {
    return this.#binary('and', a, b);
  }
  or<W extends Width>(a: Value<W>, b: Value<W>): Value<W> {
    return this.#binary('or', a, b);
  }
  xor<W extends Width>(a: Value<W>, b: Value<W>): Value<W> {
    return this.#binary('xor', a, b);
  }
  not<W extends Width>(a: Value<W>): Value<W> {
    return value(intOp('xor', node(a), constant(node(a).width, -1)));
  }
  shiftLeft<W extends Width>(a: Value<W>, count: Value<W>): Value<W> {
    return this.#binary('shl', a, count);
  }
  shiftRight<W extends Width>(a: Value<W>, count: Value<W>): Value<W> {
    return this.#binary('shrU', a, count);
  }
  shiftRightSigned<W extends Width>(a: Value<W>, count: Value<W>): Value<W> {
    return this.#binary('shrS', a, count);
  }
  rotateRight<W extends Width>(a: Value<W>, count: Value<W>): Value<W> {
    return this.#binary('rotr', a, count);
  }
  countLeadingZeros<W extends Width>(a: Value<W>): Value<W> {
    return value(intOp('clz', node(a)));
  }
  equal<W extends Width>(a: Value<W>, b: Value<W>): Value<32> {
    return value(intOp('eq', node(a), node(b)));
  }
  lessUnsigned<W extends Width>(a: Value<W>, b: Value<W>): Value<32> {
    return value(intOp('ltU', node(a), node(b)));
  }
  lessSigned<W extends Width>(a: Value<W>, b: Value<W>): Value<32> {
    return value(intOp('ltS', node(a), node(b)));
  }
  isZero(a: Value): Value<32> {
    return value(intOp('eqz', node(a)));
  }
  select<W extends Width>(condition: Value<32>, ifTrue: Value<W>, ifFalse: Value<W>): Value<W> {
    return value(select(node(condition), node(ifTrue), node(ifFalse)));
  }
  keep<W extends Width>(a: Value<W>): Value<W> {
    return value(this.code.keep(node(a)));
  }
  low(a: Value<64>): Value<32> {
    return value(convert(32, op.i32WrapI64, node(a)));
  }

  /** One bit at a time: 32 ns for 32 bits. The checksum meets the data's lowest bits first. */
  crc32(polynomial: number, bits: 8 | 16 | 32 | 64, crc: Value<32>, data: Value<64>): Value<32> {
    const { code } = this;
    const rest = code.temporary(64);
    const count = code.temporary(32);
    const set = (local: { readonly index: number }, of: Node) => {
      code.emit(of);
      code.set(local.index);
    };
    const cut = bits === 64 ? data : this.and(data, this.constant(64, (1n << BigInt(bits)) - 1n));
    set(rest, node(this.xor(cut, this.zeroExtend(64, crc, 32))));
    set(count, constant(32, bits));
    const loop = code.open(op.loop);
    const lowest = intOp('and', rest, constant(64, 1));
    const feedback = intOp('mul', lowest, constant(64, polynomial));
    set(rest, intOp('xor', intOp('shrU', rest, constant(64, 1)), feedback));
    code.emit(intOp('sub', count, constant(32, 1)));
    code.tee(count.index);
    code.branchIf(loop);
    code.close();
    return value(code.keep(convert(32, op.i32WrapI64, rest)));
  }

  signExtend<W extends Width>(width: W, a: Value, bits: 8 | 16 | 32): Value<W> {
    const from = node(a);
    if (width === 32) {
      const narrow = from.width === 64 ? convert(32, op.i32WrapI64, from) : from;
      if (bits === 32) return value(narrow);
      return value(convert(32, bits === 8 ? op.i32Extend8S : op.i32Extend16S, narrow));
    }
    if (from.width === 32 && bits === 32) return value(convert(64, op.i64ExtendI32S, from));
    const wide = from.width === 32 ? convert(64, op.i64ExtendI32U, from) : from;
    const extend = { 8: op.i64Extend8S, 16: op.i64Extend16S, 32: op.i64Extend32S }[bits];
    return value(convert(64, extend, wide));
  }

  zeroExtend<W extends Width>(width: W, a: Value, bits: 8 | 16 | 32): Value<W> {
    const from = node(a);
    if (bits === 32) {
      const narrow = from.width === 64 ? convert(32, op.i32WrapI64, from) : from;
      return value(width === 32 ? narrow : convert(64, op.i64ExtendI32U, narrow));
    }
    const sized =
      from.width === width ? from : convert(width, width === 32 ? op.i32WrapI64 : op.i64ExtendI32U, from);
    return value(intOp('and', sized, constant(width, bits === 8 ? 0xff : 0xffff)));
  }

  mulHighUnsigned(a: Value<64>, b: Value<64>): Value<64> {
    const mask = this.constant(64, 0xffff_ffff);
    const half = this.constant(64, 32);
    const split = (v: Value<64>) =>
      [this.keep(this.and(v, mask)), this.keep(this.shiftRight(v, half))] as const;
    const [a0, a1] = split(this.keep(a));
    const [b0, b1] = split(this.keep(b));
    const middle = this.keep(this.add(this.mul(a1, b0), this.shiftRight(this.mul(a0, b0), half)));
    const other = this.keep(this.add(this.mul(a0, b1), this.and(middle, mask)));
    return this.add(this.mul(a1, b1), this.add(this.shiftRight(middle, half), this.shiftRight(other, half)));
  }
  mulHighSigned(a: Value<64>, b: Value<64>): Value<64> {
    const [x, y] = [this.keep(a), this.keep(b)];
    const sign = this.constant(64, 63);
    const correction = this.add(
      this.and(this.shiftRightSigned(x, sign), y),
      this.and(this.shiftRightSigned(y, sign), x),
    );
    return this.sub(this.mulHighUnsigned(x, y), correction);
  }

  divUnsigned<W extends Width>(a: Value<W>, b: Value<W>): Value<W> {
    const divisor = this.keep(b);
    const width = node(a).width as W;
    const safe = this.select(this.isZero(divisor), this.constant(width, 1), divisor);
    return this.select(
      this.isZero(divisor),
      this.constant(width, 0),
      value(intOp('divU', node(a), node(safe))),
    );
  }
  divSigned<W extends Width>(a: Value<W>, b: Value<W>): Value<W> {
    const [dividend, divisor] = [this.keep(a), this.keep(b)];
    const width = node(a).width as W;
    const overflows = this.and(
      this.equal(dividend, this.constant(width, 1n << BigInt(width - 1))),
      this.equal(divisor, this.constant(width, -1)),
    );
    const one = this.constant(width, 1);
    const safe = this.select(this.or(overflows, this.isZero(divisor)), one, divisor);
    return this.select(
      this.isZero(divisor),
      this.constant(width, 0),
      value(intOp('divS', node(dividend), node(safe))),
    );
  }

  /** Flags live in four cells: N as a sign, Z as a value compared with zero, C as 0 or 1, V as a sign. */
  #storeFlags(n: Node, z: Node, c: Node, v: Node): void {
    this.#storeCell('flagN', n);
    this.#storeCell('flagZ', z);
    this.#storeCell('flagC', c);
    this.#storeCell('flagV', v);
  }
  #storeCell(cell: StateCell, of: Node): void {
    this.code.i32(0);
    this.code.emit(of.width === 64 ? of : convert(64, op.i64ExtendI32S, of));
    this.code.memory(op.i64Store, CELL[cell]);
  }
  protected readCell(cell: StateCell): Node {
    this.code.i32(0);
    this.code.memory(op.i64Load, CELL[cell]);
    return this.code.keepTop(64);
  }
  protected readSmallCell(cell: StateCell): Node {
    this.code.i32(0);
    this.code.memory(op.i32Load, CELL[cell]);
    return this.code.keepTop(32);
  }

  /** What an indirect branch makes of PSTATE.BTYPE; undefined for a return, which leaves it 0. */
  protected branchType(kind: IndirectBranch): Node | undefined {
    if (kind === 'return') return undefined;
    if (kind !== 'jump') return constant(32, kind === 'call' ? 2 : 1);
    const guarded = intOp('eq', this.readCell('guardedBase'), this.readCell('pcBase'));
    return this.code.keep(select(guarded, constant(32, 3), constant(32, 1)));
  }

  setFlagsAdd<W extends Width>(a: Value<W>, b: Value<W>, result: Value<W>, carry?: Value<32>): void {
    const [x, y, r] = [this.keep(a), this.keep(b), this.keep(result)];
    const wrapped = this.lessUnsigned(r, x);
    const c = carry ? this.or(wrapped, this.and(carry, this.equal(r, x))) : wrapped;
    const v = this.and(this.xor(x, r), this.xor(y, r));
    this.#storeFlags(node(r), node(r), node(c), node(v));
  }
  setFlagsSubtract<W extends Width>(a: Value<W>, b: Value<W>, result: Value<W>): void {
    const [x, y, r] = [this.keep(a), this.keep(b), this.keep(result)];
    const c = this.isZero(this.lessUnsigned(x, y));
    const v = this.and(this.xor(x, y), this.xor(x, r));
    this.#storeFlags(node(r), node(r), node(c), node(v));
  }
  setFlagsLogical(result: Value): void {
    const r = this.code.keep(node(result));
    this.#storeFlags(r, r, constant(64, 0), constant(64, 0));
  }
  setNzcv(nzcv: Value<32>): void {
    const bits = this.keep(nzcv);
    const bit = (n: number) => this.and(this.shiftRight(bits, this.constant(32, n)), this.constant(32, 1));
    const sign = (n: number) => this.shiftLeft(bits, this.constant(32, 31 - n));
    this.#storeFlags(node(sign(3)), node(this.isZero(bit(2))), node(bit(1)), node(sign(0)));
  }
  nzcv(): Value<32> {
    const bit = (of: Node, position: number) => this.shiftLeft(value<32>(of), this.constant(32, position));
    const n = intOp('ltS', this.readCell('flagN'), constant(64, 0));
    const z = intOp('eqz', this.readCell('flagZ'));
    const c = this.readSmallCell('flagC');
    const v = intOp('ltS', this.readCell('flagV'), constant(64, 0));
    return this.or(this.or(bit(n, 3), bit(z, 2)), this.or(bit(c, 1), value(v)));
  }
  carry(): Value<32> {
    return value(this.readSmallCell('flagC'));
  }

  condition(code: number | Value<32>): Value<32> {
    if (typeof code !== 'number') {
      const index = this.or(this.shiftLeft(code, this.constant(32, 4)), this.nzcv());
      this.code.emit(node(index));
      this.code.memory(op.i32Load8U, CONDITION_TABLE);
      return value(this.code.keepTop(32));
    }
    const holds = this.#evenCondition(code >> 1);
    return code & 1 && code >> 1 !== 7 ? this.isZero(value(holds)) : value(holds);
  }
  /** Condition codes come in pairs: EQ, CS, MI, VS, HI, GE, GT, AL; odd codes are the negation. */
  #evenCondition(pair: number): Node {
    const negative = (cell: StateCell) => intOp('ltS', this.readCell(cell), constant(64, 0));
    switch (pair) {
      case 0:
        return intOp('eqz', this.readCell('flagZ'));
      case 1:
        return this.readSmallCell('flagC');
      case 2:
        return negative('flagN');
      case 3:
        return negative('flagV');
      case 4:
        return intOp(
          'and',
          this.readSmallCell('flagC'),
          intOp('ne', this.readCell('flagZ'), constant(64, 0)),
        );
      case 5:
        return intOp('eq', negative('flagN'), negative('flagV'));
      case 6:
        return intOp(
          'and',
          intOp('eq', negative('flagN'), negative('flagV')),
          intOp('ne', this.readCell('flagZ'), constant(64, 0)),
        );
      default:
        return constant(32, 1);
    }
  }

  cell(cell: Cell): Value<64> {
    return value(this.readCell(cell));
  }
  setCell(cell: Cell, of: Value<64>): void {
    this.#storeCell(cell, node(of));
  }

  when(condition: Value<32>, then: () => void, otherwise?: () => void): void {
    this.code.emit(node(condition));
    this.code.open(op.if);
    then();
    if (otherwise) {
      this.code.else();
      otherwise();
    }
    this.code.close();
  }

  abstract register(number: number): Register;
  abstract following(register: Register): Register;
  abstract x<W extends Width>(register: Register, width: W): Value<W>;
  abstract xOrSp<W extends Width>(register: Register, width: W): Value<W>;
  abstract setX(register: Register, of: Value): void;
  abstract setXOrSp(register: Register, of: Value): void;
  abstract pc(): Value<64>;
  abstract load(access: Access, address: Value<64>): Value<64>;
  abstract store(access: Access, address: Value<64>, of: Value): void;
  abstract probeStore(access: Access, address: Value<64>): void;
  abstract branch(offset: Value<64>): void;
  abstract decided(yes: Value<32>): void;
  abstract branchIf(condition: Value<32>, offset: Value<64>): void;
  abstract branchIndirect(target: Value<64>, kind: IndirectBranch): void;
  abstract call(name: RuntimeCall, ...args: Value<64>[]): Value<64>;
}

/** The bytes of CONDITION_TABLE. Arm ARM C1.2.4. */
export function conditionTable(): Uint8Array {
  const table = new Uint8Array(256);
  for (let code = 0; code < 16; code++)
    for (let flags = 0; flags < 16; flags++) {
      const [n, z, c, v] = [flags & 8, flags & 4, flags & 2, flags & 1].map(Boolean);
      const holds = [z, c, n, v, c && !z, n === v, n === v && !z, true][code >> 1];
      table[16 * code + flags] = Number(code & 1 && code < 14 ? !holds : holds);
    }
  return table;
}
