/**
 * A rolling digest of the state before every instruction: two machines with the same digest were in the same states all the way
 * (test/conformance/qemu compares them with QEMU's). Made only by an interpreter that was asked for it, and then 15 ns an instruction.
 *
 * The digest is four lanes of 64 bits. A word is folded into a lane by lane = rotateLeft(lane ^ word, 31) * PRIME: one to one in the
 * lane and in the word, so that a single bit that is wrong is never lost. Words 4 n + i go to lane i. Before every instruction that is
 * attempted, except a fetch that faults:
 *   - if it is one of those on vector registers (isOnVectors): V0 to V31, two words each, then FPCR into lane 0 and FPSR into lane 1;
 *   - X0 to X30 and the current SP, then the PC into lane 0 and PSTATE (NZCV, IL, DAIF, EL, SPSel where SPSR has them) into lane 1.
 */
import { CELL, type CpuState, type StateCell, VECTOR_BASE } from '../../cpu/state.ts';
import { slotOf } from '../../cpu/sysregs/table.ts';
import { STATE_DIGEST } from '../layout.ts';
import { CodeBuffer, constant, convert, intOp, type Node } from '../wasm/expression.ts';
import type { ModuleBuilder } from '../wasm/module.ts';
import { I64, op } from '../wasm/opcodes.ts';

export const DIGEST_LANES = 4;
const PRIME = 0x9e37_79b1_85eb_ca87n;
const ROTATE_LEFT = 31;

/** SIMD and floating point, loads and stores too, allocated or not: C4.1. */
export const isOnVectors = (word: number): boolean => ((word >>> 26) & 3) === 3;

/** The functions in the interpreter's module, by index. */
export interface DigestFunctions {
  /** Parameter: the PC. */
  readonly state: number;
  readonly vectors: number;
}
const EXPORTS = { state: 'foldState', vectors: 'foldVectors' } as const;

export function addDigestFunctions(module: ModuleBuilder): DigestFunctions {
  const locals = { i64: DIGEST_LANES + 1 };
  return {
    state: module.addFunction({
      signature: { parameters: [I64], results: [] },
      locals,
      body: folding(1, (fold, load) => {
        for (let n = 0; n < 32; n++) fold(n, () => load(CELL.x0 + 8 * n));
        fold(0, (code) => code.get(0));
        fold(1, emitPstate);
      }),
      exportName: EXPORTS.state,
    }),
    vectors: module.addFunction({
      signature: { parameters: [], results: [] },
      locals,
      body: folding(0, (fold, load) => {
        for (let n = 0; n < 64; n++) fold(n, () => load(VECTOR_BASE + 8 * n));
        fold(0, () => load(8 * slotOf('FPCR')));
        fold(1, () => load(8 * slotOf('FPSR')));
      }),
      exportName: EXPORTS.vectors,
    }),
  };
}

/** A function's body, with the lanes in locals from `firstLocal` on while `write` makes its code. */
function folding(
  firstLocal: number,
  write: (
    fold: (n: number, push: (code: CodeBuffer) => void) => void,
    load: (address: number) => void,
  ) => void,
): Uint8Array {
  const none = { i32: 0, v128: 0, f32: 0, f64: 0 };
  const code = new CodeBuffer({ ...none, i64: firstLocal + DIGEST_LANES }, 1);
  const lanes = Array.from({ length: DIGEST_LANES }, (_, i) => firstLocal + i);
  const load = (address: number) => {
    code.i32(0);
    code.memory(op.i64Load, address);
  };
  for (const [i, lane] of lanes.entries()) {
    load(STATE_DIGEST + 8 * i);
    code.set(lane);
  }
  write((n, push) => {
    const lane = lanes[n % DIGEST_LANES];
    code.get(lane);
    push(code);
    code.int('xor', 64);
    code.i64(64 - ROTATE_LEFT);
    code.int('rotr', 64);
    code.i64(PRIME);
    code.int('mul', 64);
    code.set(lane);
  }, load);
  for (const [i, lane] of lanes.entries()) {
    code.i32(0);
    code.get(lane);
    code.memory(op.i64Store, STATE_DIGEST + 8 * i);
  }
  return code.toBytes();
}

/** Pushes PSTATE. */
function emitPstate(code: CodeBuffer): void {
  const cell = (name: StateCell): Node => {
    code.releaseTemporaries();
    code.i32(0);
    code.memory(op.i64Load, CELL[name]);
    return code.keepTop(64);
  };
  const sign = (of: Node) => intOp('shrU', of, constant(64, 63));
  const place = (of: Node, bit: number) => code.emit(intOp('shl', of, constant(64, bit)));
  place(sign(cell('flagN')), 31);
  const parts: (() => void)[] = [
    () => place(convert(64, op.i64ExtendI32U, intOp('eqz', cell('flagZ'))), 30),
    () => place(cell('flagC'), 29),
    () => place(sign(cell('flagV')), 28),
    () => place(cell('il'), 20),
    () => place(cell('daif'), 6),
    () => place(cell('el'), 2),
    () => place(cell('spsel'), 0),
  ];
  for (const part of parts) {
    part();
    code.int('or', 64);
  }
}

/** The digest of an interpreter that keeps one. */
export class StateDigest {
  /** Folds what the interpreter does not see: an instruction that an exception was taken instead of. */
  readonly foldState: (pc: bigint) => void;
  readonly foldVectors: () => void;
  readonly #lanes: BigUint64Array;

  constructor(state: CpuState, exports: { readonly [name: string]: unknown }) {
    this.foldState = exports[EXPORTS.state] as (pc: bigint) => void;
    this.foldVectors = exports[EXPORTS.vectors] as () => void;
    this.#lanes = new BigUint64Array(state.u64.buffer, STATE_DIGEST, DIGEST_LANES);
    this.#lanes.set([1n, 2n, 3n, 4n]);
  }

  /** The lanes now. */
  get lanes(): BigUint64Array {
    return this.#lanes.slice();
  }
}
