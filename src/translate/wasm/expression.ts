/**
 * Pure integer expressions over WebAssembly locals, and the code buffer that emits them. A node has no effects and reads only
 * locals and constants, so when it is emitted does not matter.
 */
import { ByteBuffer } from './bytes.ts';
import { I32, I64, type IntOp, int, op, type ValueType } from './opcodes.ts';

export interface Constant {
  readonly kind: 'constant';
  readonly width: 32 | 64;
  /** Signed; a number where a safe integer has it, so that equal constants have equal values. */
  readonly value: number | bigint;
}
export interface Local {
  readonly kind: 'local';
  readonly width: 32 | 64;
  readonly index: number;
}
interface Operation {
  readonly kind: 'operation';
  readonly width: 32 | 64;
  readonly opcode: number;
  /** Its operands, in the order in which they are pushed. */
  readonly first: Node;
  readonly second: Node | undefined;
  readonly third: Node | undefined;
}
export type Node = Constant | Local | Operation;

export function constant(width: 32 | 64, value: number | bigint): Constant {
  return { kind: 'constant', width, value: signedValue(width, value) };
}
function signedValue(width: 32 | 64, value: number | bigint): number | bigint {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return width === 32 ? value | 0 : value;
  const signed = BigInt.asIntN(width, BigInt(value));
  const number = Number(signed);
  return Number.isSafeInteger(number) ? number : signed;
}

export const local = (index: number, width: 32 | 64 = 32): Local => ({ kind: 'local', width, index });

/** Comparisons stand before all other operations, and give 32 bits. */
const AFTER_COMPARISONS = int.clz[0];

export function intOp(name: IntOp, a: Node, b?: Node): Node {
  const of = a.width;
  if (b && b.width !== of) throw new Error(`${name}: widths differ`);
  const opcode = int[name][of === 32 ? 0 : 1];
  const width = opcode < AFTER_COMPARISONS ? 32 : of;
  return { kind: 'operation', width, opcode, first: a, second: b, third: undefined };
}

export function convert(width: 32 | 64, opcode: number, of: Node): Node {
  return { kind: 'operation', width, opcode, first: of, second: undefined, third: undefined };
}

/** Both values are computed. */
export function select(condition: Node, ifTrue: Node, ifFalse: Node): Node {
  const { width } = ifTrue;
  return { kind: 'operation', width, opcode: op.select, first: ifTrue, second: ifFalse, third: condition };
}

/** Locals by type, in the order in which a function declares them. */
export interface LocalCounts {
  readonly i32: number;
  readonly i64: number;
  readonly v128: number;
  readonly f32: number;
  readonly f64: number;
}
/** Most functions are smaller. */
const CAPACITY = 16 * 1024;

const noLocals = () => ({ i32: 0, i64: 0, v128: 0, f32: 0, f64: 0 });

/** A function body under construction, with temporaries that are numbered from `firstLocal` on. */
export class CodeBuffer extends ByteBuffer {
  /** Temporaries in use now, by type. */
  #used: { -readonly [K in keyof LocalCounts]: number } = noLocals();
  readonly #base: LocalCounts;
  readonly #limit: number;
  /** Bits of an address in memory 1. */
  readonly poolWidth: 32 | 64;
  /** Nesting depth of blocks, loops and ifs that are open. */
  depth = 0;

  /**
   * `base` are the indices of the first temporary of each type; there are at most `limit` of each.
   */
  constructor(base: LocalCounts, limit: number, poolWidth: 32 | 64 = 32) {
    super(CAPACITY);
    this.poolWidth = poolWidth;
    this.#base = base;
    this.#limit = limit;
  }

  /** Begins anew: what was written is forgotten, but for copies. */
  clear(): void {
    this.length = 0;
    this.depth = 0;
    this.releaseTemporaries();
  }
  /** Frees all temporaries: between pieces of code that share none. */
  releaseTemporaries(): void {
    this.#used = noLocals();
  }
  /** Temporaries in use. */
  get used(): LocalCounts {
    return { ...this.#used };
  }

  temporary(width: 32 | 64): Local {
    return local(this.local(width === 32 ? 'i32' : 'i64'), width);
  }
  /** Index of a new temporary of any type. */
  local(type: keyof LocalCounts): number {
    const n = this.#used[type];
    if (n >= this.#limit) throw new Error(`more than ${this.#limit} temporaries of type ${type}`);
    this.#used[type] = n + 1;
    return this.#base[type] + n;
  }

  emit(node: Node): void {
    if (node.kind === 'local') this.get(node.index);
    else if (node.kind === 'operation') {
      this.emit(node.first);
      if (node.second) this.emit(node.second);
      if (node.third) this.emit(node.third);
      this.byte(node.opcode);
    } else {
      this.byte(node.width === 32 ? op.i32Const : op.i64Const);
      this.signed64(node.value);
    }
  }

  /** Emits `node` into a new temporary, unless it is a constant or a local already. */
  keep(node: Node): Node {
    if (node.kind !== 'operation') return node;
    this.emit(node);
    return this.keepTop(node.width);
  }

  /** Pops the stack's top into a new temporary. */
  keepTop(width: 32 | 64): Local {
    const top = this.temporary(width);
    this.set(top.index);
    return top;
  }

  get(local: number): void {
    this.withUnsigned(op.localGet, local);
  }
  set(local: number): void {
    this.withUnsigned(op.localSet, local);
  }
  tee(local: number): void {
    this.withUnsigned(op.localTee, local);
  }
  i32(value: number): void {
    this.byte(op.i32Const);
    this.signed32(value);
  }
  i64(value: number | bigint): void {
    this.byte(op.i64Const);
    this.signed64(value);
  }
  /** An operation of the given width on the stack. */
  int(name: IntOp, width: 32 | 64): void {
    this.byte(int[name][width === 32 ? 0 : 1]);
  }
  /** A load or store in memory 0. Alignment is only a hint and is left at 1 byte. */
  memory(opcode: number, offset: number): void {
    this.withUnsigned(opcode, 0);
    this.unsigned(offset);
  }
  /** A vector operation; its immediates follow. */
  simd(opcode: number): void {
    this.byte(0xfd);
    this.unsigned(opcode);
  }
  /** A 16-byte load or store in memory 0, or in the pool. */
  simdMemory(opcode: number, offset: number, pool = false): void {
    this.simd(opcode);
    this.byte(pool ? 0x40 : 0);
    if (pool) this.byte(1);
    this.unsigned(offset);
  }
  /** A load or store in the pool, memory 1. */
  pool(opcode: number, offset = 0): void {
    this.byte(opcode);
    this.byte(0x40);
    this.byte(1);
    this.unsigned(offset);
  }
  call(index: number): void {
    this.withUnsigned(op.call, index);
  }

  /** Opens a block, loop or if; the result is its label for `branch`. */
  open(opcode: typeof op.block | typeof op.loop | typeof op.if, result: ValueType | 0x40 = 0x40): number {
    this.byte(opcode);
    this.byte(result);
    this.depth += 1;
    return this.depth;
  }
  else(): void {
    this.byte(op.else);
  }
  close(): void {
    this.byte(op.end);
    this.depth -= 1;
  }
  branch(label: number): void {
    this.withUnsigned(op.br, this.depth - label);
  }
  branchIf(label: number): void {
    this.withUnsigned(op.brIf, this.depth - label);
  }
}

export const typeOf = (width: 32 | 64): ValueType => (width === 32 ? I32 : I64);
