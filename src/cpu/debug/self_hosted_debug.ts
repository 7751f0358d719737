/**
 * Self-hosted debug of the CPU whose state is in CpuState: hardware breakpoints, watchpoints and software step. Arm ARM D2.
 *
 * Nothing here costs while nothing is armed. When it is, the run loop asks before each slice; accesses to a page with a watched byte
 * and jumps to a page with a breakpoint leave translated code, because the inline TLBs are not filled for them.
 */
import { EC } from '../exception_classes.ts';
import type { Exceptions } from '../exceptions.ts';
import { CELL, type CpuState } from '../state.ts';
import { slotOf } from '../sysregs/table.ts';
import type { SystemRegisters } from '../system_registers.ts';
import {
  type Breakpoint,
  breakpointOf,
  comparedBits,
  type Levels,
  type Link,
  type Watchpoint,
  watchpointOf,
} from './comparators.ts';
import {
  debugExceptionsEnabled,
  debugTarget,
  MDSCR_MDE,
  MDSCR_SS,
  stepIsActive,
} from './debug_exceptions.ts';

const PC = CELL.pc >>> 3;
const EL = CELL.el >>> 2;
const SS = CELL.ss >>> 2;
const WAITING = CELL.waiting >>> 2;
const MDSCR = slotOf('MDSCR_EL1');
const HCR = slotOf('HCR_EL2');
const VTTBR = slotOf('VTTBR_EL2');
const VTCR = slotOf('VTCR_EL2');
const CONTEXTIDR_EL1 = slotOf('CONTEXTIDR_EL1');
const CONTEXTIDR_EL2 = slotOf('CONTEXTIDR_EL2');
const HCR_E2H = 1n << 34n;
const HCR_TGE = 1n << 27n;
const VTCR_VS = 1n << 19n;
const PAGE = 4096n;

/** DFSC and IFSC of a debug exception. */
const DEBUG_STATUS = 0b100010;
const ISV = 1 << 24;
const EX = 1 << 6;
const WNR = 1 << 6;

export interface SelfHostedDebugOptions {
  readonly state: CpuState;
  readonly registers: SystemRegisters;
  readonly exceptions: Exceptions;
  readonly el2: boolean;
  /** Time does not count an instruction that takes a watchpoint exception (docs/qemu-time.md). */
  readonly doNotCount: () => void;
}

export class SelfHostedDebug {
  /** Some debug exception may be raised, where the exception level and its mask allow it. */
  armed = false;
  /** Some access may hit a watchpoint. */
  watching = false;
  readonly #state: CpuState;
  readonly #exceptions: Exceptions;
  readonly #doNotCount: () => void;
  readonly #breakpointCount: number;
  readonly #watchpointCount: number;
  readonly #firstContextAware: number;
  readonly #vhe: boolean;
  readonly #el2: boolean;
  readonly #bits: bigint;
  #breakpoints: (Breakpoint | undefined)[] = [];
  #watchpoints: (Watchpoint | undefined)[] = [];

  constructor({ state, registers, exceptions, el2, doNotCount }: SelfHostedDebugOptions) {
    this.#state = state;
    this.#exceptions = exceptions;
    this.#doNotCount = doNotCount;
    const idField = (register: string, lsb: number) => Number((registers.get(register) >> BigInt(lsb)) & 15n);
    this.#breakpointCount = idField('ID_AA64DFR0_EL1', 12) + 1;
    this.#watchpointCount = idField('ID_AA64DFR0_EL1', 20) + 1;
    this.#firstContextAware = this.#breakpointCount - idField('ID_AA64DFR0_EL1', 28) - 1;
    this.#vhe = idField('ID_AA64MMFR1_EL1', 8) !== 0;
    this.#bits = comparedBits(idField('ID_AA64MMFR2_EL1', 16) !== 0);
    this.#el2 = el2;
  }

  /** A debug register was written, or another CPU's state is in CpuState. */
  refresh(): void {
    const { u32, u64 } = this.#state;
    const mde = (u32[2 * MDSCR] & MDSCR_MDE) !== 0;
    const values = (kind: string, n: number) =>
      [u64[slotOf(`DBG${kind}CR${n}_EL1`)], u64[slotOf(`DBG${kind}VR${n}_EL1`)]] as const;
    this.#breakpoints = Array.from({ length: mde ? this.#breakpointCount : 0 }, (_, n) =>
      breakpointOf(...values('B', n), {
        contextAware: n >= this.#firstContextAware,
        vhe: this.#vhe,
        el2: this.#el2,
        bits: this.#bits,
      }),
    );
    this.#watchpoints = Array.from({ length: mde ? this.#watchpointCount : 0 }, (_, n) =>
      watchpointOf(...values('W', n), this.#bits),
    );
    this.watching = this.#watchpoints.some((watchpoint) => watchpoint !== undefined);
    const breaking = this.#breakpoints.some((breakpoint) => breakpoint && !breakpoint.linkedTo);
    this.armed = (u32[2 * MDSCR] & MDSCR_SS) !== 0 || breaking || this.watching;
  }

  /** Software step is active, and no step is pending: one instruction may execute. */
  get steps(): boolean {
    return stepIsActive(this.#state) && this.#state.u32[SS] === 1;
  }

  /** A step is pending, because of where an exception or a return led: no instruction is fetched. */
  get stepIsPending(): boolean {
    return stepIsActive(this.#state) && this.#state.u32[SS] === 0;
  }
  takePendingStep(): void {
    this.#raise(EC.softwareStepLower, DEBUG_STATUS);
  }

  /**
   * The instruction `word` executed while `steps` held, and completed (an exception return completes too). Takes the exception,
   * before any interrupt (D2.12.5 leaves that open, and QEMU does so), unless the instruction made step inactive.
   */
  completeStep(word: number): void {
    const { u32 } = this.#state;
    u32[SS] = 0;
    if (!stepIsActive(this.#state)) return;
    // Stepping a WFI does not wait: an instruction that is a NOP may complete at any time.
    u32[WAITING] = 0;
    this.#raise(EC.softwareStepLower, ISV | (isLoadExclusive(word) ? EX : 0) | DEBUG_STATUS);
  }

  /** Jumps into the page at this address must be looked at: one of its instructions, or any, may have a breakpoint. */
  breaksInPage(va: bigint): boolean {
    const page = (va & this.#bits) / PAGE;
    return this.#breakpoints.some(
      (breakpoint) =>
        breakpoint &&
        !breakpoint.linkedTo &&
        (breakpoint.address === undefined || breakpoint.address / PAGE === page),
    );
  }

  /** The instruction at pc has a breakpoint. */
  get breakpointIsHit(): boolean {
    if (this.#breakpoints.length === 0) return false;
    const pc = this.#state.u64[PC] & this.#bits;
    const hit = this.#breakpoints.some(
      (breakpoint) =>
        breakpoint &&
        !breakpoint.linkedTo &&
        (breakpoint.address === undefined || breakpoint.address === pc) &&
        (breakpoint.context === undefined || this.#contextMatches(breakpoint)) &&
        this.#stateMatches(breakpoint, this.#state.u32[EL]),
    );
    return hit && debugExceptionsEnabled(this.#state);
  }

  /** FAR_ELx is UNKNOWN: zero, as in QEMU. */
  takeBreakpoint(): void {
    this.#raise(EC.breakpointLower, DEBUG_STATUS, 0n);
  }

  /** Accesses to the page must be looked at. */
  watchesPage(va: bigint): boolean {
    const page = va & this.#bits & ~(PAGE - 1n);
    return this.#watchpoints.some(
      (watchpoint) =>
        watchpoint && watchpoint.start < page + PAGE && watchpoint.start + watchpoint.length > page,
    );
  }

  /**
   * An access to `size` bytes at `va` that faults nowhere, with the permissions of `el`. True where a watchpoint exception was
   * taken: the access does not happen.
   */
  checkAccess(va: bigint, size: number, write: boolean, el: number): boolean {
    const first = va & this.#bits;
    const end = first + BigInt(size);
    const hit = this.#watchpoints.find(
      (watchpoint) =>
        watchpoint &&
        (write ? watchpoint.onWrite : watchpoint.onRead) &&
        watchpoint.start < end &&
        watchpoint.start + watchpoint.length > first &&
        this.#stateMatches(watchpoint, el),
    );
    if (hit === undefined || !debugExceptionsEnabled(this.#state)) return false;
    // D2.10.5: the lowest byte of the access that is watched.
    const far = va + (hit.start > first ? hit.start - first : 0n);
    this.#doNotCount();
    this.#raise(EC.watchpointLower, (write ? WNR : 0) | DEBUG_STATUS, far);
    return true;
  }

  #stateMatches({ levels, link }: { readonly levels: Levels; readonly link?: Link }, el: number): boolean {
    if (!levels[el]) return false;
    if (link === undefined) return true;
    const linked = this.#breakpoints[link.breakpoint];
    return linked?.linkedTo === true && this.#contextMatches(linked);
  }

  /** AArch64.BreakpointValueMatch() of a context. */
  #contextMatches({ context }: Breakpoint): boolean {
    if (context === undefined) return false;
    const { contextId, contextIdEl1, contextIdEl2, vmid } = context;
    const { u64, u32 } = this.#state;
    const el = u32[EL];
    const inHost = (u64[HCR] & HCR_E2H) !== 0n && (el === 2 || (el === 0 && (u64[HCR] & HCR_TGE) !== 0n));
    const guest = el < 2 && !inHost;
    const own = Number(u64[CONTEXTIDR_EL1] & 0xffff_ffffn);
    if (contextId !== undefined && !(inHost ? contextId === this.#contextIdEl2 : el < 2 && contextId === own))
      return false;
    if (contextIdEl1 !== undefined && !(guest && contextIdEl1 === own)) return false;
    if (contextIdEl2 !== undefined && contextIdEl2 !== this.#contextIdEl2) return false;
    if (vmid !== undefined) {
      const significant = u64[VTCR] & VTCR_VS ? 0xffff : 0xff;
      if (!guest || (Number(u64[VTTBR] >> 48n) & significant) !== (vmid & significant)) return false;
    }
    return true;
  }

  get #contextIdEl2(): number {
    return Number(this.#state.u64[CONTEXTIDR_EL2] & 0xffff_ffffn);
  }

  #raise(ecFromLower: number, iss: number, far?: bigint): void {
    const target = debugTarget(this.#state);
    const same = this.#state.u32[EL] === target ? 1 : 0;
    this.#exceptions.synchronous(ecFromLower + same, iss, { target, ...(far === undefined ? {} : { far }) });
  }
}

/** LDXR, LDAXR, LDXP, LDAXP; with bit 31 clear the pairs are CASP. */
function isLoadExclusive(word: number): boolean {
  return (word & 0x3fc0_0000) === 0x0840_0000 && ((word & 0x0020_0000) === 0 || word >>> 31 === 1);
}
