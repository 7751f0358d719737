/**
 * The CPU's state as the translated code sees it: a block of linear memory 0 at fixed addresses. The one truth: TypeScript
 * reads and writes the same memory through `CpuState`, a checkpoint copies it, a CPU switch swaps it.
 *
 * Addresses are byte offsets in memory 0. All cells are 64 bits wide unless said.
 */
export const STATE_BASE = 0x1000;

/** General registers: slots 0 to 30 are X0 to X30; then the current stack pointer; then two helpers of XZR. */
export const SLOT_SP = 31;
/** Always reads as zero: XZR as a source. */
export const SLOT_ZERO = 32;
/** Never read: XZR as a destination. */
export const SLOT_DISCARD = 33;

const order = [
  ...Array.from({ length: 31 }, (_, n) => `x${n}` as const),
  'sp',
  'zero',
  'discard',
  'pc',
  /** N is the sign of flagN, Z is flagZ == 0, C is flagC (0 or 1), V is the sign of flagV. */
  'flagN',
  'flagZ',
  'flagC',
  'flagV',
  /**
   * PSTATE.EL, SPSel (0 or 1), DAIF (bits 3..0 are D, A, I, F), IL, SS, PAN, UAO; DIT and SSBS below. BTYPE as it is between
   * two slices: inside one, branchType.
   */
  'el',
  'spsel',
  'daif',
  'il',
  'ss',
  'pan',
  'uao',
  'btype',
  /** Stack pointers that are not the current one. */
  'spEl0',
  'spEl1',
  'spEl2',
  /** Local exclusive monitor: virtual address, all ones when open; and the values loaded. */
  'exclusiveAddress',
  'exclusiveLow',
  'exclusiveHigh',
  /** Set by WFE's counterpart. */
  'eventRegister',
  /** Waiting in WFI or WFE: 0 running, 1 WFI, 2 WFE, 3 powered off. */
  'waiting',
  /** Instructions left in this slice, and the address of the current decoded instruction: see translate/. */
  'budget',
  'ip',
  'pcBase',
  /** Where the recording's raw buffers are filled up to. */
  'atomPointer',
  'targetPointer',
  'accessPointer',
  'valuePointer',
  'registerPointer',
  /** Arguments and result of calls out of translated code. */
  'argument0',
  'argument1',
  'result',
  /** Base address of the inline TLB in use, and of the one for unprivileged accesses. */
  'tlb',
  'tlbUnprivileged',
  'fetchTlb',
  /** Third argument of a floating-point operation; upper half of what a 16-byte access loads. */
  'argument2',
  'resultHigh',
  /** 1 where an instruction on SIMD and floating-point registers traps at this exception level. */
  'vectorsTrapped',
  'dit',
  'ssbs',
  /** Numbers drawn by RNDR and RNDRRS. */
  'randomNumbers',
  /**
   * What the last indirect branch that is no return made of BTYPE (bits 1..0), above the budget that it executed with: the
   * instruction behind it, of budget one less, has that BTYPE, and all others have 0. So nothing has to clear it.
   */
  'branched',
  /** Cell pcBase as it is in a guarded page, where one executes; else anything but pcBase. */
  'guardedBase',
  /** Address of the table of shortcuts in use, and whether a change of DAIF has no consequence: translate/shortcuts.ts. */
  'shortcuts',
  'quiet',
  /** After an exception or a return: 1 where translated code goes on at cell `pc`, 0 where the run loop must look first. */
  'goesOn',
  /** 1 where ERET may look into the table of returns, and the count of contexts that its entries are good in: translate/returns.ts. */
  'returns',
  'contexts',
] as const;

export type StateCell = (typeof order)[number];

/** Cells that belong to the engine that executes and not to a CPU: no part of the architectural state. */
export const ENGINE_CELLS = [
  'discard',
  'budget',
  'ip',
  'pcBase',
  'atomPointer',
  'targetPointer',
  'accessPointer',
  'valuePointer',
  'registerPointer',
  'argument0',
  'argument1',
  'result',
  'tlb',
  'tlbUnprivileged',
  'fetchTlb',
  'argument2',
  'resultHigh',
  'vectorsTrapped',
  'branched',
  'guardedBase',
  'shortcuts',
  'quiet',
  'goesOn',
  'returns',
  'contexts',
] as const satisfies readonly StateCell[];

/** Byte address in memory 0 of each cell. */
export const CELL = Object.fromEntries(order.map((name, i) => [name, STATE_BASE + 8 * i])) as {
  readonly [K in StateCell]: number;
};
/** V0 to V31, 16 bytes each. */
export const VECTOR_BASE = STATE_BASE + 0x400;
/** System registers with plain storage: one 64-bit slot each; numbers are given out by cpu/sysregs. */
export const SYSREG_BASE = STATE_BASE + 0x800;
export const SYSREG_SLOTS = 512;
export const STATE_SIZE = 0x800 + 8 * SYSREG_SLOTS;

/** The flags' cells, in 32-bit words. */
const N = CELL.flagN >>> 2;
const Z = CELL.flagZ >>> 2;
const C = CELL.flagC >>> 2;
const V = CELL.flagV >>> 2;

const BUDGET = CELL.budget >>> 2;
const BTYPE = CELL.btype >>> 2;
const BRANCHED = CELL.branched >>> 2;
const PC_BASE = CELL.pcBase >>> 2;
const GUARDED_BASE = CELL.guardedBase >>> 2;

/** The typed views of memory 0 that TypeScript works on. */
export class CpuState {
  readonly u64: BigUint64Array;
  readonly i64: BigInt64Array;
  readonly u32: Uint32Array;
  readonly bytes: Uint8Array;

  constructor(memory: ArrayBufferLike) {
    this.u64 = new BigUint64Array(memory, 0, (STATE_BASE + STATE_SIZE) >>> 3);
    this.i64 = new BigInt64Array(memory, 0, (STATE_BASE + STATE_SIZE) >>> 3);
    this.u32 = new Uint32Array(memory, 0, (STATE_BASE + STATE_SIZE) >>> 2);
    this.bytes = new Uint8Array(memory, 0, STATE_BASE + STATE_SIZE);
  }

  get(cell: StateCell): bigint {
    return this.u64[CELL[cell] >>> 3];
  }
  set(cell: StateCell, value: bigint): void {
    this.u64[CELL[cell] >>> 3] = value;
  }
  /** The low 32 bits of a cell, for small values: no BigInt is made. */
  small(cell: StateCell): number {
    return this.u32[CELL[cell] >>> 2];
  }
  setSmall(cell: StateCell, value: number): void {
    this.u32[CELL[cell] >>> 2] = value;
    this.u32[(CELL[cell] >>> 2) + 1] = 0;
  }
  /** X0 to X30; 31 is the zero register. */
  x(n: number): bigint {
    return n === 31 ? 0n : this.u64[(CELL.x0 >>> 3) + n];
  }
  setX(n: number, value: bigint): void {
    if (n !== 31) this.u64[(CELL.x0 >>> 3) + n] = value;
  }

  /** PSTATE.BTYPE of the instruction that executes, or of the next one (FEAT_BTI). */
  get branchType(): number {
    const { u32 } = this;
    return u32[BRANCHED] >>> 2 === u32[BUDGET] + 1 ? u32[BRANCHED] & 3 : 0;
  }
  set branchType(type: number) {
    this.u32[BTYPE] = type;
    this.u32[BRANCHED] = ((this.u32[BUDGET] + 1) << 2) | type;
  }
  /** The instruction that executes is an indirect branch that makes BTYPE `type`. */
  branches(type: 1 | 2 | 3): void {
    this.u32[BRANCHED] = (this.u32[BUDGET] << 2) | type;
  }

  /** The page that executes is guarded: bit GP of its descriptor. */
  get inGuardedPage(): boolean {
    const { u32 } = this;
    return u32[GUARDED_BASE] === u32[PC_BASE] && u32[GUARDED_BASE + 1] === u32[PC_BASE + 1];
  }
  /** Once cell pcBase is that of the page. */
  set inGuardedPage(guarded: boolean) {
    const { u32 } = this;
    // Its lowest bits are zero.
    u32[GUARDED_BASE] = guarded ? u32[PC_BASE] : 1;
    u32[GUARDED_BASE + 1] = u32[PC_BASE + 1];
  }

  /** NZCV in bits 31..28, as in PSTATE. */
  get nzcv(): number {
    const { u32 } = this;
    const n = u32[N + 1] >>> 31;
    const z = (u32[Z] | u32[Z + 1]) === 0 ? 1 : 0;
    const v = u32[V + 1] >>> 31;
    return ((n << 31) | (z << 30) | (u32[C] << 29) | (v << 28)) >>> 0;
  }
  set nzcv(bits: number) {
    const { u32 } = this;
    u32[N] = u32[Z + 1] = u32[C + 1] = u32[V] = 0;
    u32[N + 1] = bits & 0x8000_0000;
    u32[Z] = bits & 0x4000_0000 ? 0 : 1;
    u32[C] = (bits >>> 29) & 1;
    u32[V + 1] = (bits << 3) & 0x8000_0000;
  }
}
