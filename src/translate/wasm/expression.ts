/**
 * Pure integer expressions over WebAssembly locals, and the code buffer that emits them. A node has no effects and reads only
 * locals and constants, so when it is emitted does not matter.
 */
import { ByteBuffer } from './bytes.ts';
import { I32, I64, type IntOp, int, op, type ValueType } from './opcodes.ts';

export type Node =
  | { readonly kind: 'constant'; readonly width: 32 | 64; readonly value: bigint }
  | { readonly kind: 'local'; readonly width: 32 | 64; readonly index: number }
  | {
      readonly kind: 'int';
      readonly width: 32 | 64;
      readonly op: IntOp;
      readonly of: 32 | 64;
      readonly arguments: readonly Node[];
    }
  | { readonly kind: 'convert'; readonly width: 32 | 64; readonly opcode: number; readonly of: Node }
  | {
      readonly kind: 'select';
      readonly width: 32 | 64;
      readonly condition: Node;
      readonly ifTrue: Node;
      readonly ifFalse: Node;
    };

export const constant = (width: 32 | 64, value: number | bigint): Node => ({
  kind: 'constant',
  width,
  value: BigInt.asIntN(width, BigInt(value)),
});

const COMPARISONS = new Set<IntOp>(['eqz', 'eq', 'ne', 'ltS', 'ltU']);

export function intOp(name: IntOp, ...args: Node[]): Node {
  const of = args[0].width;
  if (args.some(({ width }) => width !== of)) throw new Error(`${name}: widths differ`);
  return { kind: 'int', width: COMPARISONS.has(name) ? 32 : of, op: name, of, arguments: args };
}

export function convert(width: 32 | 64, opcode: number, of: Node): Node {
  return { kind: 'convert', width, opcode, of };
}

/** Locals by type, in the order in which a function declares them. */
export interface LocalCounts {
  readonly i32: number;
  readonly i64: number;
  readonly v128: number;
  readonly f32: number;
  readonly f64: number;
}
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
    super();
    this.poolWidth = poolWidth;
    this.#base = base;
    this.#limit = limit;
  }

  /** Frees all temporaries: between pieces of code that share none. */
  releaseTemporaries(): void {
    this.#used = noLocals();
  }
  /** Temporaries in use. */
  get used(): LocalCounts {
    return { ...this.#used };
  }

  temporary(width: 32 | 64): Node & { kind: 'local' } {
    return { kind: 'local', width, index: this.local(width === 32 ? 'i32' : 'i64') };
  }
  /** Index of a new temporary of any type. */
  local(type: keyof LocalCounts): number {
    const n = this.#used[type];
    if (n >= this.#limit) throw new Error(`more than ${this.#limit} temporaries of type ${type}`);
    this.#used[type] = n + 1;
    return this.#base[type] + n;
  }

  emit(node: Node): void {
    switch (node.kind) {
      case 'constant':
        if (node.width === 32) {
          this.byte(op.i32Const);
          this.signed32(Number(node.value));
        } else {
          this.byte(op.i64Const);
          this.signed64(node.value);
        }
        return;
      case 'local':
        this.get(node.index);
        return;
      case 'int':
        for (const argument of node.arguments) this.emit(argument);
        this.byte(int[node.op][node.of === 32 ? 0 : 1]);
        return;
      case 'convert':
        this.emit(node.of);
        this.byte(node.opcode);
        return;
      case 'select':
        this.emit(node.ifTrue);
        this.emit(node.ifFalse);
        this.emit(node.condition);
        this.byte(op.select);
        return;
    }
  }

  /** Emits `node` into a new temporary, unless it is a constant or a local already. */
  keep(node: Node): Node {
    if (node.kind === 'constant' || node.kind === 'local') return node;
    this.emit(node);
    return this.keepTop(node.width);
  }

  /** Pops the stack's top into a new temporary. */
  keepTop(width: 32 | 64): Node & { kind: 'local' } {
    const local = this.temporary(width);
    this.set(local.index);
    return local;
  }

  get(local: number): void {
    this.byte(op.localGet);
    this.unsigned(local);
  }
  set(local: number): void {
    this.byte(op.localSet);
    this.unsigned(local);
  }
  tee(local: number): void {
    this.byte(op.localTee);
    this.unsigned(local);
  }
  i32(value: number): void {
    this.byte(op.i32Const);
    this.signed32(value);
  }
  i64(value: number | bigint): void {
    this.byte(op.i64Const);
    this.signed64(BigInt(value));
  }
  /** An operation of the given width on the stack. */
  int(name: IntOp, width: 32 | 64): void {
    this.byte(int[name][width === 32 ? 0 : 1]);
  }
  /** A load or store in memory 0. Alignment is only a hint and is left at 1 byte. */
  memory(opcode: number, offset: number): void {
    this.byte(opcode);
    this.byte(0);
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
    this.byte(op.call);
    this.unsigned(index);
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
    this.byte(op.br);
    this.unsigned(this.depth - label);
  }
  branchIf(label: number): void {
    this.byte(op.brIf);
    this.unsigned(this.depth - label);
  }
}

export const typeOf = (width: 32 | 64): ValueType => (width === 32 ? I32 : I64);
