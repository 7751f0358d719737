/**
 * The interface that every instruction's semantics is written against, once.
 *
 * Its back ends: the wasm interpreter (fields are run-time operands of a pre-decoded record), the region
 * translator (fields are constants), and the reference evaluator (values are BigInts, computed at once).
 *
 * Rules that all back ends keep and all semantics may rely on:
 *  - A value read from state (a register, a flag, memory, a cell) is the state at the moment of reading:
 *    later writes do not change it.
 *  - Effects happen in the order in which they are written.
 *  - A load or store that faults, and a runtime call that raises an exception, ends the instruction there:
 *    nothing written after it happens. So write registers after the last access that can fault.
 *  - A pure value used more than once is computed more than once unless it went through `keep`.
 *  - The instruction's program counter advances by 4 unless a branch or a runtime call redirected it.
 */

import type { VectorEmitter } from './vector_emitter.ts';

/** Integer widths in bits. Booleans are Value<32>, 0 or 1. */
export type Width = 32 | 64;

declare const valueBrand: unique symbol;
declare const registerBrand: unique symbol;

/** An integer computed when the instruction executes. Opaque: each back end has its own representation. */
export interface Value<W extends Width = Width> {
  readonly [valueBrand]: W;
}

/** A general register field (0 to 31), whose number the back end may know now or only at run time. */
export interface Register {
  readonly [registerBrand]: true;
}

/** One memory access as the architecture sees it. */
export interface Access {
  /** 16: of a SIMD register, through VectorEmitter. */
  readonly bytes: 1 | 2 | 4 | 8 | 16;
  /** LDTR/STTR: with EL0's permissions where the Arm ARM says so. */
  readonly unprivileged?: boolean;
  /** Must be aligned to its size whatever SCTLR_ELx.A says (exclusives, acquire/release). */
  readonly aligned?: boolean;
  /** Acquire, release or atomic: for the syndrome's AR bit. */
  readonly ordered?: boolean;
  /**
   * What the access must be aligned to, where that is not its size: of a larger access that it is a part of (LDXP, STXP), of
   * the elements of a vector. Bytes.
   */
  readonly alignment?: 1 | 2 | 4 | 8 | 16;
  /** The exclusive monitor's own look at memory: no architectural access, in no trace. */
  readonly monitor?: boolean;
  /**
   * A load that a store to the same address follows. It faults as a load would, and then as the store would, before it reads:
   * what the two fault with is a read's where a read would fault (D17.2.37, WnR), and nothing is accessed.
   */
  readonly atomic?: boolean;
  /** The address is SP-relative: SP alignment is checked first (SCTLR_ELx.SA). */
  readonly stack?: Register;
}

/** Words of CPU state that are no general registers; see cpu/state.ts for their layout. All are 64 bits wide. */
export type Cell = 'exclusiveAddress' | 'exclusiveLow' | 'exclusiveHigh';

/**
 * What semantics ask of the machine beyond arithmetic and memory. Implemented once, by the CPU (cpu/runtime.ts),
 * for all back ends. Arguments and results are unsigned 64 bit. A call may raise an exception.
 */
export interface Runtime {
  /** SVC, HVC, SMC, BRK, HLT #imm16. */
  supervisorCall(imm: bigint): void;
  hypervisorCall(imm: bigint): void;
  secureMonitorCall(imm: bigint): void;
  breakpoint(imm: bigint): void;
  halt(imm: bigint): void;
  /** UNDEFINED: UDF, unallocated encodings, and what this CPU does not implement. */
  undefinedInstruction(): void;
  exceptionReturn(): void;
  /** MRS: `encoding` is op0:op1:CRn:CRm:op2 (2+3+4+4+3 bits, as in the instruction). */
  readSystemRegister(encoding: bigint): bigint;
  writeSystemRegister(encoding: bigint, value: bigint): void;
  /** SYS (TLBI, AT, DC, IC) and SYSL; op0 is 1. */
  systemOperation(encoding: bigint, value: bigint): void;
  systemOperationWithResult(encoding: bigint): bigint;
  /** MSR (immediate): `field` is op1:op2 (3+3 bits), `imm` is CRm. */
  writePstateField(field: bigint, imm: bigint): void;
  waitForInterrupt(): void;
  waitForEvent(): void;
  sendEvent(): void;
  /** SEVL: this CPU's event register only. */
  sendEventLocal(): void;
  yieldHint(): void;
  /** ESB. */
  errorSynchronizationBarrier(): void;
  /** Signs, or authenticates, a pointer with a modifier and the key of the call's name (FEAT_PAuth). */
  pacia(pointer: bigint, modifier: bigint): bigint;
  pacib(pointer: bigint, modifier: bigint): bigint;
  pacda(pointer: bigint, modifier: bigint): bigint;
  pacdb(pointer: bigint, modifier: bigint): bigint;
  autia(pointer: bigint, modifier: bigint): bigint;
  autib(pointer: bigint, modifier: bigint): bigint;
  autda(pointer: bigint, modifier: bigint): bigint;
  autdb(pointer: bigint, modifier: bigint): bigint;
  /** The code of a value with the generic key, in bits [63:32]. */
  pacga(value: bigint, modifier: bigint): bigint;
  /** The pointer, of an instruction or of data, without its code. */
  xpaci(pointer: bigint): bigint;
  xpacd(pointer: bigint): bigint;
  /** ERETAA (key 0), ERETAB (key 1). */
  exceptionReturnAuthenticated(key: bigint): void;
  /** An instruction on SIMD and floating-point registers was trapped: cell `vectorsTrapped` is not 0. */
  vectorsTrapped(): void;
}
export type RuntimeCall = keyof Runtime;

/** What PSTATE.BTYPE becomes depends on it (FEAT_BTI): a veneer is a jump by X16 or X17, which may stand for a call. */
export type IndirectBranch = 'jump' | 'veneer' | 'call' | 'return';

export interface Emitter {
  /** SIMD and floating point. */
  readonly vector: VectorEmitter;

  // Constants and pure operations. Arithmetic wraps; shift and rotate counts are taken modulo the width.
  constant<W extends Width>(width: W, n: number | bigint): Value<W>;
  add<W extends Width>(a: Value<W>, b: Value<W>): Value<W>;
  sub<W extends Width>(a: Value<W>, b: Value<W>): Value<W>;
  mul<W extends Width>(a: Value<W>, b: Value<W>): Value<W>;
  /** Upper 64 bits of the 128-bit product. */
  mulHighUnsigned(a: Value<64>, b: Value<64>): Value<64>;
  mulHighSigned(a: Value<64>, b: Value<64>): Value<64>;
  /** As UDIV and SDIV define them: x/0 = 0, MIN/-1 = MIN. */
  divUnsigned<W extends Width>(a: Value<W>, b: Value<W>): Value<W>;
  divSigned<W extends Width>(a: Value<W>, b: Value<W>): Value<W>;
  and<W extends Width>(a: Value<W>, b: Value<W>): Value<W>;
  or<W extends Width>(a: Value<W>, b: Value<W>): Value<W>;
  xor<W extends Width>(a: Value<W>, b: Value<W>): Value<W>;
  not<W extends Width>(a: Value<W>): Value<W>;
  shiftLeft<W extends Width>(a: Value<W>, count: Value<W>): Value<W>;
  shiftRight<W extends Width>(a: Value<W>, count: Value<W>): Value<W>;
  shiftRightSigned<W extends Width>(a: Value<W>, count: Value<W>): Value<W>;
  rotateRight<W extends Width>(a: Value<W>, count: Value<W>): Value<W>;
  countLeadingZeros<W extends Width>(a: Value<W>): Value<W>;
  equal<W extends Width>(a: Value<W>, b: Value<W>): Value<32>;
  lessUnsigned<W extends Width>(a: Value<W>, b: Value<W>): Value<32>;
  lessSigned<W extends Width>(a: Value<W>, b: Value<W>): Value<32>;
  isZero(a: Value): Value<32>;
  /** Both arms are evaluated. */
  select<W extends Width>(condition: Value<32>, ifTrue: Value<W>, ifFalse: Value<W>): Value<W>;
  /** The low `bits` of `a`, extended to `width`. */
  signExtend<W extends Width>(width: W, a: Value, bits: 8 | 16 | 32): Value<W>;
  zeroExtend<W extends Width>(width: W, a: Value, bits: 8 | 16 | 32): Value<W>;
  /** The checksum of `crc` and the low `bits` of `data`, bit-reversed as the polynomial is. */
  crc32(polynomial: number, bits: 8 | 16 | 32 | 64, crc: Value<32>, data: Value<64>): Value<32>;
  /** The low 32 bits. */
  low(a: Value<64>): Value<32>;
  /** Computed here and once; use it for every value that is used more than once. */
  keep<W extends Width>(a: Value<W>): Value<W>;

  // General registers. Register 31 is the zero register for `x`/`setX`, the stack pointer for `xOrSp`/`setXOrSp`.
  x<W extends Width>(register: Register, width: W): Value<W>;
  xOrSp<W extends Width>(register: Register, width: W): Value<W>;
  /** A 32-bit value is zero-extended. */
  setX(register: Register, value: Value): void;
  setXOrSp(register: Register, value: Value): void;
  /** One that the encoding does not name: X30 of a call. */
  register(number: number): Register;
  /** The second of a pair whose first, an even one, is in a field. */
  following(register: Register): Register;
  /** The address of this instruction. */
  pc(): Value<64>;

  // Condition flags. The operand form lets a back end compute them lazily.
  /** Flags of result = a + b, and of a + b + carry where `carry` (0 or 1) is given. */
  setFlagsAdd<W extends Width>(a: Value<W>, b: Value<W>, result: Value<W>, carry?: Value<32>): void;
  /** Flags of result = a - b, that is of a + ~b + 1. */
  setFlagsSubtract<W extends Width>(a: Value<W>, b: Value<W>, result: Value<W>): void;
  /** N and Z of the result; C and V cleared. */
  setFlagsLogical(result: Value): void;
  /** Bits 3..0 are N, Z, C, V. */
  setNzcv(nzcv: Value<32>): void;
  nzcv(): Value<32>;
  carry(): Value<32>;
  /** Whether the condition code (4 bits, B.cond numbering; 1110 and 1111 always hold) holds. */
  condition(code: number | Value<32>): Value<32>;

  // Memory, little-endian, through the current translation regime. Loads zero-extend to 64 bits.
  load(access: Access, address: Value<64>): Value<64>;
  store(access: Access, address: Value<64>, value: Value): void;
  /** Faults as the store would, without storing: for instructions that must write all or nothing. */
  probeStore(access: Access, address: Value<64>): void;
  cell(cell: Cell): Value<64>;
  setCell(cell: Cell, value: Value<64>): void;

  // Control.
  when(condition: Value<32>, then: () => void, otherwise?: () => void): void;
  /** Direct branches; `offset` in bytes relative to this instruction: the row's `imm`. */
  branch(offset: Value<64>): void;
  /** One atom in the flow. */
  branchIf(condition: Value<32>, offset: Value<64>): void;
  /** What the flow cannot know otherwise: one atom. */
  decided(yes: Value<32>): void;
  /** One target in the flow. */
  branchIndirect(target: Value<64>, kind: IndirectBranch): void;
  /** Calls the machine. The result is meaningful for calls that return one. */
  call(name: RuntimeCall, ...args: Value<64>[]): Value<64>;
}
