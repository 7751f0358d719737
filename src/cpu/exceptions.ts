/**
 * Exception entry and return, EL0 to EL2, AArch64. Arm ARM D1.3 (entry, return), D1.4 (routing), D17.2.37 (ESR_ELx).
 *
 * Every method that enters an exception leaves the vector's address in the pc cell and sets `redirected`. The instruction that
 * raises it has its own address in pc when the method is called; for an interrupt pc is that of the next instruction.
 */

import type { Transfer } from '../isa/row.ts';
import type { CpuInterruptInputs } from '../machine/device.ts';
import type { EventSink } from '../trace/schema.ts';
import type { OnAttention } from './attention.ts';
import { advanceStep, stepAfterReturn } from './debug/debug_exceptions.ts';
import { EC } from './exception_classes.ts';
import { type Fault, faultStatusCode } from './fault.ts';
import { switchStack } from './stack_pointers.ts';
import { CELL, type CpuState } from './state.ts';
import { slotOf } from './sysregs/table.ts';

/** Exceptions of one access of an instruction: data aborts and watchpoints. */
const ACCESS_FAULTS = new Set([
  EC.dataAbortLower,
  EC.dataAbort,
  EC.watchpointLower,
  EC.watchpoint,
] as number[]);

export type InterruptKind = 'irq' | 'fiq' | 'virtual irq' | 'virtual fiq' | 'virtual serror';

/** The access that a data abort reports. */
export interface AbortedAccess {
  readonly write: boolean;
  /** Single-register load or store without writeback: its syndrome is given for stage 2 faults. */
  readonly transfer?: Transfer | undefined;
  /** DC, IC or AT instruction. */
  readonly maintenance?: boolean;
}

export interface ExceptionsOptions {
  /** How many rows of `accesses` the current instruction has made, whose access at the address faults. */
  readonly accessesBefore: (address: bigint) => number;
  readonly state: CpuState;
  readonly events: EventSink;
  /** Inputs of the CPU that is in CpuState. */
  readonly inputs: () => CpuInterruptInputs;
  readonly onAttention: OnAttention;
  /** What the CPU has: PSTATE has the fields of these. */
  readonly features: ReadonlySet<string>;
  /** The CPU will execute at level `el` from now on; its state is still the old one. */
  readonly onLevelChange?: (el: number) => void;
}

const HCR = slotOf('HCR_EL2');
const VTTBR = slotOf('VTTBR_EL2');
const VTCR = slotOf('VTCR_EL2');
const TCR = [0, slotOf('TCR_EL1'), slotOf('TCR_EL2')];
const SCTLR = [0, slotOf('SCTLR_EL1'), slotOf('SCTLR_EL2')];
const VSESR = slotOf('VSESR_EL2');
const VBAR = [0, slotOf('VBAR_EL1'), slotOf('VBAR_EL2')];
const ESR = [0, slotOf('ESR_EL1'), slotOf('ESR_EL2')];
const FAR = [0, slotOf('FAR_EL1'), slotOf('FAR_EL2')];
const ELR = [0, slotOf('ELR_EL1'), slotOf('ELR_EL2')];
const SPSR = [0, slotOf('SPSR_EL1'), slotOf('SPSR_EL2')];
const HPFAR = slotOf('HPFAR_EL2');

/** The immediate of HVC with which guests call Xen, and X16 has the hypercall's number (Xen's public/arch-arm.h). */
export const XEN_HYPERCALL = 0xea1;
/** In ESR_EL2: EC 0x24, ISV and WnR (D17.2.37), which a hypervisor needs to do the store itself. */
const EMULATED_STORE_MASK = (0x3f << 26) | (1 << 24) | (1 << 6);
const EMULATED_STORE = ((EC.dataAbortLower << 26) | (1 << 24) | (1 << 6)) >>> 0;

/** Cells in 32-bit words, but for PC. */
const PC = CELL.pc >>> 3;
const EL = CELL.el >>> 2;
const SPSEL = CELL.spsel >>> 2;
const DAIF = CELL.daif >>> 2;
const ILLEGAL = CELL.il >>> 2;
const SS = CELL.ss >>> 2;
const PAN = CELL.pan >>> 2;
const UAO = CELL.uao >>> 2;
const DIT = CELL.dit >>> 2;
const SSBS = CELL.ssbs >>> 2;
const EXCLUSIVE = CELL.exclusiveAddress >>> 2;
const EVENT = CELL.eventRegister >>> 2;

/** In place of a syndrome or an address: the exception has none. */
const NONE = -1;

/** A register of 32 bits in a 64-bit slot. */
function setWord(u32: Uint32Array, slot: number, value: number): void {
  u32[2 * slot] = value;
  u32[2 * slot + 1] = 0;
}

const IL = 1 << 25;
const HCR_FMO = 1 << 3;
const HCR_IMO = 1 << 4;
const HCR_AMO = 1 << 5;
const HCR_VF = 1 << 6;
const HCR_VI = 1 << 7;
const HCR_VSE = 1 << 8;
const HCR_TGE = 1 << 27;
const HCR_RW = 1 << 31;
/** In HCR_EL2[63:32]. */
const HCR_E2H = 1 << 2;
const HCR_TEA = 1 << 5;
const VTCR_VS = 1 << 19;
/** In SCTLR_ELx[31:0] and [63:32]. */
const SCTLR_SPAN = 1 << 23;
const SCTLR_DSSBS = 1 << 12;
/** Bits of the daif cell. */
const MASK_A = 4;
const MASK_I = 2;
const MASK_F = 1;

const VECTOR = { synchronous: 0x000, irq: 0x080, fiq: 0x100, serror: 0x180 } as const;
const VECTOR_OF: { readonly [K in InterruptKind]: keyof typeof VECTOR } = {
  irq: 'irq',
  'virtual irq': 'irq',
  fiq: 'fiq',
  'virtual fiq': 'fiq',
  'virtual serror': 'serror',
};

export class Exceptions {
  /** The pc cell holds where execution continues. Whoever continues there sets it back to false. */
  redirected = false;
  /** What redirected execution last was an exception return. */
  returned = false;
  readonly #state: CpuState;
  readonly #options: ExceptionsOptions;
  /** Features that every entry or return asks for. */
  readonly #has: { readonly [K in 'pan' | 'uao' | 'dit' | 'ssbs' | 'pauth' | 'bti']: boolean };

  constructor(options: ExceptionsOptions) {
    this.#options = options;
    this.#state = options.state;
    const has = (feature: string) => options.features.has(feature);
    this.#has = {
      ...{ pan: has('PAN'), uao: has('UAO'), dit: has('DIT'), ssbs: has('SSBS'), pauth: has('PAuth') },
      bti: has('BTI'),
    };
  }

  /** HCR_EL2[31:0]. */
  #hcr(): number {
    return this.#state.u32[2 * HCR];
  }

  /** HCR_EL2.E2H is 1. */
  #e2h(): boolean {
    return (this.#state.u32[2 * HCR + 1] & HCR_E2H) !== 0;
  }

  /** Where an abort goes: those of stage 2, and external ones with HCR_EL2.TEA, to EL2. */
  #abortTarget({ stage, type }: Fault): 1 | 2 {
    const toEl2 = stage === 2 || (type === 'external' && this.#state.u32[2 * HCR + 1] & HCR_TEA);
    return toEl2 ? 2 : this.defaultTarget();
  }

  /** Where a synchronous exception goes that no trap sends to EL2. */
  defaultTarget(): 1 | 2 {
    const el = this.#state.u32[EL];
    return el === 2 || (el === 0 && this.#hcr() & HCR_TGE) ? 2 : 1;
  }

  /** PSTATE as SPSR_ELx has it. */
  programStatus(): number {
    const { u32 } = this.#state;
    return (
      (this.#state.nzcv |
        (u32[DIT] << 24) |
        (u32[UAO] << 23) |
        (u32[PAN] << 22) |
        (u32[SS] << 21) |
        (u32[ILLEGAL] << 20) |
        (u32[SSBS] << 12) |
        (this.#has.bti ? this.#state.branchType << 10 : 0) |
        (u32[DAIF] << 6) |
        (u32[EL] << 2) |
        u32[SPSEL]) >>>
      0
    );
  }

  /**
   * A synchronous exception with the given class and syndrome (25 bits). `returnOffset` is 4 for SVC, HVC and SMC: the
   * preferred return address is that of the next instruction.
   */
  synchronous(
    ec: number,
    iss = 0,
    {
      target = this.defaultTarget(),
      returnOffset = 0,
      far,
    }: {
      target?: 1 | 2;
      returnOffset?: 0 | 4;
      far?: bigint;
    } = {},
  ): void {
    if (returnOffset > 0) advanceStep(this.#state);
    const esr = ((ec << 26) | IL | iss) >>> 0;
    this.#enter('synchronous', target, VECTOR.synchronous, esr, far, NONE, returnOffset);
  }

  undefinedInstruction(): void {
    this.synchronous(EC.unknown);
  }

  /** The instruction at pc is no landing pad for the branch that led to it (FEAT_BTI). */
  branchTarget(): void {
    this.synchronous(EC.branchTarget, this.#state.branchType);
  }

  illegalState(): void {
    this.synchronous(EC.illegalState);
  }

  /** Instruction fetch from an address that is no multiple of 4: pc. */
  pcAlignmentFault(): void {
    this.synchronous(EC.pcAlignment, 0, { far: this.#state.get('pc') });
  }

  spAlignmentFault(): void {
    this.synchronous(EC.spAlignment);
  }

  /** Fetching at pc faulted. */
  instructionAbort(fault: Fault): void {
    const target = this.#abortTarget(fault);
    const ec = this.#state.u32[EL] === target ? EC.instructionAbort : EC.instructionAbortLower;
    this.#abort(ec, (fault.s1ptw ? 1 << 7 : 0) | faultStatusCode(fault), target, this.#state.u64[PC], fault);
  }

  /** An access to `va` (as the instruction gave it, 64 bits) faulted. */
  dataAbort(fault: Fault, va: bigint, access: AbortedAccess): void {
    const target = this.#abortTarget(fault);
    const ec = this.#state.u32[EL] === target ? EC.dataAbort : EC.dataAbortLower;
    // ISV only for stage 2 faults on the access itself (D17.2.37). QEMU 7.2 also gives it for stage 1 faults taken to EL2.
    const transfer = fault.stage === 2 && !fault.s1ptw ? access.transfer : undefined;
    const iss =
      (transfer ? transferSyndrome(transfer) : 0) |
      (access.maintenance ? 1 << 8 : 0) |
      (fault.s1ptw ? 1 << 7 : 0) |
      (access.write || access.maintenance ? 1 << 6 : 0) |
      faultStatusCode(fault);
    this.#abort(ec, iss, target, va, fault);
  }

  #abort(ec: number, iss: number, target: 1 | 2, far: bigint, fault: Fault): void {
    const esr = ((ec << 26) | IL | iss) >>> 0;
    this.#enter('synchronous', target, VECTOR.synchronous, esr, far, faultingIpaOf(fault), 0);
  }

  /**
   * The interrupt to take before the next instruction, if any is pending, routed to an exception level that is not below the
   * current one, and not masked (D1.3.5). Makes no BigInt: the main loop asks often.
   */
  pendingInterrupt(): InterruptKind | undefined {
    const { fiq, irq, virq, vfiq } = this.#options.inputs();
    const { u32 } = this.#state;
    const hcr = this.#hcr();
    const el = u32[EL];
    const daif = u32[DAIF];
    if (fiq && this.#takesPhysical(el, HCR_FMO, daif & MASK_F)) return 'fiq';
    if (irq && this.#takesPhysical(el, HCR_IMO, daif & MASK_I)) return 'irq';
    if (el === 2 || hcr & HCR_TGE) return undefined;
    if (hcr & HCR_IMO && (virq || hcr & HCR_VI) && !(daif & MASK_I)) return 'virtual irq';
    if (hcr & HCR_FMO && (vfiq || hcr & HCR_VF) && !(daif & MASK_F)) return 'virtual fiq';
    if (hcr & HCR_AMO && hcr & HCR_VSE && !(daif & MASK_A)) return 'virtual serror';
    return undefined;
  }

  /** Routed to EL2 it is masked at EL2 only; routed to EL1 it waits while EL2 executes. */
  #takesPhysical(el: number, route: number, masked: number): boolean {
    const toEl2 = (this.#hcr() & (route | HCR_TGE)) !== 0;
    if (el === 2) return toEl2 && !masked;
    return toEl2 || !masked;
  }

  /** Whether something ends a WFI (D1.7.2): pending interrupts count whatever their masks say. */
  wakesUp(): boolean {
    return endsWait(this.#options.inputs(), this.#hcr(), this.#state.u32[EL]);
  }

  /** Enters the interrupt that pendingInterrupt() named. */
  takeInterrupt(kind: InterruptKind): void {
    const route = kind === 'irq' ? HCR_IMO : HCR_FMO;
    const physical = kind === 'irq' || kind === 'fiq';
    const target = physical && this.#hcr() & (route | HCR_TGE) ? 2 : 1;
    // With RAS the hypervisor says in VSESR_EL2 what IDS and ISS are.
    const esr =
      kind === 'virtual serror'
        ? ((EC.serror << 26) | IL | (this.#state.u32[2 * VSESR] & 0x1ff_ffff)) >>> 0
        : NONE;
    if (kind === 'virtual serror') this.#state.u64[HCR] &= ~BigInt(HCR_VSE);
    this.#enter(kind, target, VECTOR[VECTOR_OF[kind]], esr, undefined, NONE, 0);
  }

  /**
   * `esr` and `faultingIpa` (for HPFAR_EL2) may be NONE. Addresses move as two words: some guests do little else than this, and reading
   * a BigInt makes one.
   */
  #enter(
    kind: string,
    target: 1 | 2,
    vector: number,
    esr: number,
    far: bigint | undefined,
    faultingIpa: number,
    returnOffset: 0 | 4,
  ): void {
    const state = this.#state;
    const { u32, u64 } = state;
    const fromEl = u32[EL];
    const { events, accessesBefore, onLevelChange } = this.#options;
    // Before the state changes: it is a question about the present instruction.
    const ofAccess = events.recording && far !== undefined && ACCESS_FAULTS.has(esr >>> 26);
    const accesses = ofAccess ? accessesBefore(far) : 0;
    const from = events.recording ? u64[PC] : 0n;
    onLevelChange?.(target);
    this.returned = false;
    const spsr = this.programStatus();
    const block = target > fromEl ? 0x400 : u32[SPSEL] === 0 ? 0x000 : 0x200;
    setWord(u32, SPSR[target], spsr);
    const elr = 2 * ELR[target];
    const returnTo = u32[2 * PC] + returnOffset;
    u32[elr] = returnTo;
    u32[elr + 1] = u32[2 * PC + 1] + (returnTo >= 2 ** 32 ? 1 : 0);
    if (esr !== NONE) setWord(u32, ESR[target], esr);
    if (far !== undefined) u64[FAR[target]] = far;
    if (faultingIpa !== NONE) setFaultingIpa(u32, faultingIpa);
    this.#enterState(target);
    switchStack(state, target, 1);
    u32[DAIF] = 15;
    u32[ILLEGAL] = 0;
    u32[SS] = 0;
    state.branchType = 0;
    // VBAR_ELx[10:0] are RES0: whatever was written there takes no part (D1.3.2.3).
    const vbar = 2 * VBAR[target];
    const low = (((u32[vbar] & ~0x7ff) >>> 0) + block + vector) >>> 0;
    this.#branchTo(low, u32[vbar + 1], target);
    const known = esr === NONE ? 0 : esr;
    this.#finish(kind, fromEl, from, spsr, known, far, faultingIpa !== NONE, accesses);
  }

  /** PSTATE.{PAN, UAO, SSBS} on entry: D1.3.2.2, and SCTLR_ELx.SPAN and DSSBS of the level entered. */
  #enterState(target: 1 | 2): void {
    const { u32 } = this.#state;
    const sctlr = 2 * SCTLR[target];
    // Of the regimes that EL0 takes part in.
    const sharesEl0 = target === 1 || (this.#e2h() && (this.#hcr() & HCR_TGE) !== 0);
    if (this.#has.pan && sharesEl0 && (u32[sctlr] & SCTLR_SPAN) === 0) u32[PAN] = 1;
    u32[UAO] = 0;
    if (this.#has.ssbs) u32[SSBS] = u32[sctlr + 1] & SCTLR_DSSBS ? 1 : 0;
  }

  /** The fields of SPSR_ELx that ERET brings back and a feature adds. */
  #restoreState(bits: number): void {
    const { u32 } = this.#state;
    if (this.#has.pan) u32[PAN] = (bits >> 22) & 1;
    if (this.#has.uao) u32[UAO] = (bits >> 23) & 1;
    if (this.#has.dit) u32[DIT] = (bits >> 24) & 1;
    if (this.#has.ssbs) u32[SSBS] = (bits >> 12) & 1;
  }

  /** ELR_ELx of the current exception level, above EL0. */
  get returnAddress(): bigint {
    return this.#state.u64[ELR[this.#state.u32[EL]]];
  }

  /**
   * ERET, above EL0 (D1.3.4); of ERETAA and ERETAB with an authenticated address in place of ELR_ELx. An illegal one sets
   * PSTATE.IL and keeps the exception level.
   */
  exceptionReturn(target?: bigint): void {
    const state = this.#state;
    const { u32, u64 } = state;
    const el = u32[EL];
    const bits = u32[2 * SPSR[el]];
    const from = this.#options.events.recording ? u64[PC] : 0n;
    const illegal = this.#illegalReturn(bits, el);
    const toEl = illegal ? el : (bits >> 2) & 3;
    const step = stepAfterReturn(state, bits, toEl);
    this.#options.onLevelChange?.(toEl);
    this.returned = true;
    if (target !== undefined) u64[PC] = target;
    const at = 2 * (target === undefined ? ELR[el] : PC);
    this.#branchTo(u32[at], u32[at + 1], toEl);
    state.nzcv = bits;
    u32[DAIF] = (bits >> 6) & 15;
    this.#restoreState(bits);
    state.branchType = !illegal && this.#has.bti ? (bits >> 10) & 3 : 0;
    u32[ILLEGAL] = illegal ? 1 : (bits >> 20) & 1;
    u32[SS] = step;
    if (!illegal) switchStack(state, toEl, bits & 1);
    u32[EXCLUSIVE] = u32[EXCLUSIVE + 1] = 0xffff_ffff;
    u32[EVENT] = 1;
    this.#finish('return', el, from, bits, 0, undefined, false, 0);
    if (u32[ILLEGAL]) this.#options.onAttention('illegal state');
  }

  /** IllegalExceptionReturn() of the pseudocode, for a CPU whose EL1 could be AArch32 if HCR_EL2.RW were 0. */
  #illegalReturn(spsr: number, el: number): boolean {
    const toEl = (spsr >> 2) & 3;
    if (spsr & 0x10) {
      this.#options.events.append('unimplemented', { pc: this.#state.get('pc'), what: 'return to AArch32' });
      return true;
    }
    if (spsr & 2 || toEl > el) return true;
    if (toEl === 0 && spsr & 1) return true;
    if (toEl === 1 && this.#hcr() & HCR_TGE) return true;
    return toEl < 2 && (this.#hcr() & HCR_RW) === 0;
  }

  /** pc becomes AArch64.BranchAddr() of the address in two words: a tagged one loses its tag. */
  #branchTo(low: number, high: number, el: number): void {
    const { u32 } = this.#state;
    const { pauth } = this.#has;
    u32[2 * PC] = low;
    if (el === 2 && !this.#e2h()) {
      // TCR_EL2.TBI and TBID.
      const tcr = u32[2 * TCR[2]];
      const tagged = (tcr >>> 20) & 1 && !(pauth && (tcr >>> 29) & 1);
      u32[2 * PC + 1] = tagged ? high & 0x00ff_ffff : high;
    } else {
      const host = el === 2 || (el === 0 && this.#e2h() && (this.#hcr() & HCR_TGE) !== 0);
      const upper = (high >>> 23) & 1;
      // TBI0 and TBI1 are bits 37 and 38, TBID0 and TBID1 51 and 52.
      const tcr = u32[2 * TCR[host ? 2 : 1] + 1];
      const tagged = (tcr >>> (5 + upper)) & 1 && !(pauth && (tcr >>> (19 + upper)) & 1);
      u32[2 * PC + 1] = tagged ? (high << 8) >> 8 : high;
    }
  }

  /** VTTBR_EL2.VMID: 8 bits, 16 where VTCR_EL2.VS is 1. */
  #vmid(): number {
    const { u32 } = this.#state;
    return (u32[2 * VTTBR + 1] >>> 16) & (u32[2 * VTCR] & VTCR_VS ? 0xffff : 0xff);
  }

  #finish(
    kind: string,
    fromEl: number,
    pc: bigint,
    spsr: number,
    esr: number,
    far: bigint | undefined,
    hasFaultingIpa: boolean,
    accesses: number,
  ): void {
    const { events, onAttention } = this.#options;
    const { u64 } = this.#state;
    if (events.recording)
      events.append('exceptions', {
        kind,
        from_el: fromEl,
        to_el: this.#state.u32[EL],
        pc,
        target: u64[PC],
        esr,
        ec: esr >>> 26,
        iss: esr & 0x1ff_ffff,
        far: far ?? null,
        hpfar: hasFaultingIpa ? u64[HPFAR] : null,
        spsr,
        hcr: u64[HCR],
        vttbr: u64[VTTBR],
        vmid: this.#vmid(),
        accesses,
        call: this.#called(esr),
        data: (esr & EMULATED_STORE_MASK) >>> 0 === EMULATED_STORE ? this.#storedData(esr) : null,
      });
    this.redirected = true;
    onAttention('level');
  }

  /** What an HVC or SMC asks for. An exception leaves the general registers as they are. */
  #called(esr: number): bigint | null {
    const ec = esr >>> 26;
    if (ec !== EC.hvc && ec !== EC.smc) return null;
    return this.#state.x(ec === EC.hvc && (esr & 0xffff) === XEN_HYPERCALL ? 16 : 0);
  }

  /** The register ISS.SRT, as many bytes of it as ISS.SAS says. */
  #storedData(esr: number): bigint {
    return BigInt.asUintN(8 << ((esr >>> 22) & 3), this.#state.x((esr >>> 16) & 31));
  }
}

/** Whether a CPU with these interrupt inputs, HCR_EL2[31:0] and exception level leaves its WFI. */
export function endsWait({ fiq, irq, virq, vfiq }: CpuInterruptInputs, hcr: number, el: number): boolean {
  if (fiq || irq) return true;
  if (el === 2 || hcr & HCR_TGE) return false;
  const virtualIrq = hcr & HCR_IMO && (virq || hcr & HCR_VI);
  const virtualFiq = hcr & HCR_FMO && (vfiq || hcr & HCR_VF);
  return Boolean(virtualIrq || virtualFiq || (hcr & HCR_AMO && hcr & HCR_VSE));
}

/** ISS[24:14] of a stage 2 data abort: ISV, SAS, SSE, SRT, SF, AR. */
export function transferSyndrome({ sas, sse, srt, sf, ar }: Transfer): number {
  return (
    (1 << 24) | (sas << 22) | (sse ? 1 << 21 : 0) | (srt << 16) | (sf ? 1 << 15 : 0) | (ar ? 1 << 14 : 0)
  );
}

/**
 * The intermediate physical address for HPFAR_EL2, or NONE. Faults of the tables write it (IPAValid); permission faults too, where the
 * architecture leaves it UNKNOWN and QEMU writes it.
 */
const faultingIpaOf = ({ stage, type, ipa }: Fault): number =>
  stage === 1 || type === 'alignment' || type === 'external' ? NONE : ipa;

/** HPFAR_EL2.FIPA, bits [43:4], is a page number. */
function setFaultingIpa(u32: Uint32Array, ipa: number): void {
  const value = Math.floor(ipa / 4096) * 16;
  u32[2 * HPFAR] = value;
  u32[2 * HPFAR + 1] = Math.floor(value / 2 ** 32);
}
