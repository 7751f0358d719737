/** The pool of guest pages (linear memory 1) as generated code sees it: addresses of 32 bits where it is small enough, else of 64. */
import { type CodeBuffer, convert, intOp, type Node } from './wasm/expression.ts';
import type { ModuleBuilder } from './wasm/module.ts';
import { op } from './wasm/opcodes.ts';

export type PoolWidth = 32 | 64;

const DELTA = 16;

export function importPool(module: ModuleBuilder, width: PoolWidth): void {
  const address = width === 32 ? 'i32' : 'i64';
  module.importMemory({
    module: 'memory',
    name: 'pool',
    initial: 0,
    maximum: 2 ** (width === 32 ? 16 : 18),
    address,
  });
}

/** Pushes `poolDelta` of the inline TLB's entry at `entry`, as wide as addresses in the pool are. */
export function pushPoolDelta(code: CodeBuffer, entry: Node): void {
  code.emit(entry);
  code.memory(code.poolWidth === 32 ? op.i32Load : op.i64Load, DELTA);
}

/** Where in the pool the virtual address `va` is. */
export function inPool(code: CodeBuffer, va: Node, delta: Node): Node {
  return intOp('add', delta, code.poolWidth === 32 ? convert(32, op.i32WrapI64, va) : va);
}
