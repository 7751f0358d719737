/**
 * What instructions ask of the CPU beyond arithmetic and memory, for all back ends. When a call is made, cell `pc` holds the
 * address of the instruction that makes it. A call that continues elsewhere leaves the new address there and sets `redirected`;
 * otherwise the back end goes on with the next instruction.
 */
import type { Runtime } from '../isa/emitter.ts';
import type { EventSink } from '../trace/schema.ts';
import type { OnAttention } from './attention.ts';
import { advanceStep, debugTarget } from './debug/debug_exceptions.ts';
import { EC } from './exception_classes.ts';
import type { Exceptions } from './exceptions.ts';
import { PointerAuthentication } from './pointer_authentication.ts';
import { SEMIHOSTING_IMMEDIATE, type Semihosting } from './semihosting.ts';
import { switchStack } from './stack_pointers.ts';
import { CELL, type CpuState } from './state.ts';
import { slotOf } from './sysregs/table.ts';
import { FLOATING_POINT, firstTrap, isHost, type Trap, UMA } from './sysregs/traps.ts';
import type { SystemOperations } from './system_operations.ts';
import type { Refusal, SystemRegisters } from './system_registers.ts';

/** Firmware calls: machine/psci.ts. */
export interface Firmware {
  /** X0 to X3; the new X0, or undefined where the call does not return. */
  call(id: bigint, a: bigint, b: bigint, c: bigint): bigint | undefined;
}

export interface RuntimeOptions {
  readonly state: CpuState;
  readonly registers: SystemRegisters;
  readonly exceptions: Exceptions;
  readonly operations: SystemOperations;
  readonly events: EventSink;
  /** EL2 exists. PSCI then answers SMC, else HVC. */
  readonly el2: boolean;
  readonly firmware: Firmware;
  /** The instruction word at pc, for the syndrome of a trapped one; asked for only then. */
  readonly currentInstruction: () => number;
  readonly onAttention: OnAttention;
  /** SEV: the other CPUs' event registers. */
  readonly onSendEvent: () => void;
  /** Time does not count this instruction (docs/qemu-time.md). */
  readonly doNotCount: () => void;
  /** Absent: HLT is UNDEFINED. */
  readonly semihosting?: Semihosting;
}

const PC = CELL.pc >>> 3;
const EL = CELL.el >>> 2;
const DAIF = CELL.daif >>> 2;
const HCR = slotOf('HCR_EL2');
const VDISR = slotOf('VDISR_EL2');
const VSESR = slotOf('VSESR_EL2');
const DISR_A = 1n << 31n;
/** Of cell daif. */
const MASK_A = 4;
const SCTLR_EL1 = slotOf('SCTLR_EL1');
const SCTLR_EL2 = slotOf('SCTLR_EL2');
const CPACR = slotOf('CPACR_EL1');
const CPTR = slotOf('CPTR_EL2');
const CPTR_TFP = 1 << 10;
/** In HCR_EL2[31:0]. */
const HCR_TWI = 1 << 13;
const HCR_TWE = 1 << 14;
const HCR_AMO = 1 << 5;
const HCR_VSE = 1 << 8;
const HCR_TSC = 1 << 19;
const HCR_TGE = 1 << 27;
const HCR_HCD = 1 << 29;
/** In HCR_EL2[63:32]. */
const HCR_E2H = 1 << 2;
/** In SCTLR_EL1: EL0 may wait. */
const NTWI = 1 << 16;
const NTWE = 1 << 18;

/** CV 1, COND 1110: the instruction was unconditional. */
const UNCONDITIONAL = (1 << 24) | (0xe << 20);

/** op1:op2 of MSR (immediate). C5.2.2 to C5.2.19. */
const FIELD_UAO = 0b000_011n;
const FIELD_PAN = 0b000_100n;
const FIELD_SPSEL = 0b000_101n;
const FIELD_SSBS = 0b011_001n;
const FIELD_DIT = 0b011_010n;
const FIELD_DAIFSET = 0b011_110n;
const FIELD_DAIFCLR = 0b011_111n;

/** Fields of one bit that a feature brings; register names are those of MRS. */
const SINGLE_BITS = new Map([
  [FIELD_UAO, { register: 'UAO', cell: 'uao', el: 1 }],
  [FIELD_PAN, { register: 'PAN', cell: 'pan', el: 1 }],
  [FIELD_SSBS, { register: 'SSBS', cell: 'ssbs', el: 0 }],
  [FIELD_DIT, { register: 'DIT', cell: 'dit', el: 0 }],
] as const);

export class CpuRuntime implements Runtime {
  readonly #options: RuntimeOptions;
  readonly #state: CpuState;
  readonly #exceptions: Exceptions;
  readonly #pointers: PointerAuthentication;

  constructor(options: RuntimeOptions) {
    this.#options = options;
    this.#state = options.state;
    this.#exceptions = options.exceptions;
    this.#pointers = new PointerAuthentication({
      state: options.state,
      features: options.registers.features,
      el2: options.el2,
      onTrap: () => options.exceptions.synchronous(EC.pointerAuthentication, 0, { target: 2 }),
    });
  }

  /** The last call continues at cell `pc`. The back end clears it before a call. */
  get redirected(): boolean {
    return this.#exceptions.redirected;
  }
  set redirected(value: boolean) {
    this.#exceptions.redirected = value;
  }

  get features(): ReadonlySet<string> {
    return this.#options.registers.features;
  }

  #el(): number {
    return this.#state.u32[EL];
  }
  /** HCR_EL2[31:0]. */
  #hcr(): number {
    return this.#state.u32[2 * HCR];
  }

  supervisorCall(imm: bigint): void {
    this.#exceptions.synchronous(EC.svc, Number(imm), { returnOffset: 4 });
  }

  hypervisorCall(imm: bigint): void {
    const { el2 } = this.#options;
    if (this.#el() > 0 && !el2) this.#firmwareCall();
    else if (this.#el() === 0 || this.#hcr() & HCR_HCD) this.undefinedInstruction();
    else this.#exceptions.synchronous(EC.hvc, Number(imm), { target: 2, returnOffset: 4 });
  }

  /** Without EL3 an SMC is UNDEFINED, but that our firmware stands in for it where EL2 exists. */
  secureMonitorCall(imm: bigint): void {
    if (this.#el() === 0 || !this.#options.el2) this.undefinedInstruction();
    else if (this.#el() === 1 && this.#hcr() & HCR_TSC)
      this.#exceptions.synchronous(EC.smc, Number(imm), { target: 2 });
    else this.#firmwareCall();
  }

  #firmwareCall(): void {
    const state = this.#state;
    // A firmware's ERET would return to a step that is pending.
    advanceStep(state);
    const result = this.#options.firmware.call(state.x(0), state.x(1), state.x(2), state.x(3));
    if (result !== undefined) state.setX(0, result);
    const { branchType } = state;
    this.#options.onAttention(state.small('waiting') ? 'wait' : 'power');
    // The firmware returns with the BTYPE that it finds in its SPSR, as QEMU 7.2 does.
    if (branchType !== 0) state.branches(branchType as 1 | 2 | 3);
  }

  breakpoint(imm: bigint): void {
    // D2.8: where debug exceptions go, but never to a lower level.
    const target = this.#el() === 2 ? 2 : debugTarget(this.#state);
    this.#exceptions.synchronous(EC.breakpointInstruction, Number(imm), { target });
  }

  halt(imm: bigint): void {
    const { semihosting } = this.#options;
    if (semihosting === undefined || imm !== SEMIHOSTING_IMMEDIATE) {
      this.undefinedInstruction();
      return;
    }
    semihosting.call();
    this.#options.onAttention('power');
  }

  undefinedInstruction(): void {
    this.#exceptions.undefinedInstruction();
  }

  exceptionReturn(): void {
    if (this.#el() === 0) this.undefinedInstruction();
    else this.#exceptions.exceptionReturn();
  }

  exceptionReturnAuthenticated(key: bigint): void {
    const state = this.#state;
    if (this.#el() === 0) {
      this.undefinedInstruction();
      return;
    }
    const { returnAddress } = this.#exceptions;
    const modifier = state.get('sp');
    const target = key === 0n ? this.autia(returnAddress, modifier) : this.autib(returnAddress, modifier);
    if (!this.redirected) this.#exceptions.exceptionReturn(target);
  }

  pacia(pointer: bigint, modifier: bigint): bigint {
    return this.#pointers.pacia(pointer, modifier);
  }
  pacib(pointer: bigint, modifier: bigint): bigint {
    return this.#pointers.pacib(pointer, modifier);
  }
  pacda(pointer: bigint, modifier: bigint): bigint {
    return this.#pointers.pacda(pointer, modifier);
  }
  pacdb(pointer: bigint, modifier: bigint): bigint {
    return this.#pointers.pacdb(pointer, modifier);
  }
  autia(pointer: bigint, modifier: bigint): bigint {
    return this.#pointers.autia(pointer, modifier);
  }
  autib(pointer: bigint, modifier: bigint): bigint {
    return this.#pointers.autib(pointer, modifier);
  }
  autda(pointer: bigint, modifier: bigint): bigint {
    return this.#pointers.autda(pointer, modifier);
  }
  autdb(pointer: bigint, modifier: bigint): bigint {
    return this.#pointers.autdb(pointer, modifier);
  }
  pacga(value: bigint, modifier: bigint): bigint {
    return this.#pointers.pacga(value, modifier);
  }
  xpaci(pointer: bigint): bigint {
    return this.#pointers.xpaci(pointer);
  }
  xpacd(pointer: bigint): bigint {
    return this.#pointers.xpacd(pointer);
  }

  readSystemRegister(encoding: bigint): bigint {
    const result = this.#options.registers.read(Number(encoding));
    if (typeof result === 'bigint') return result;
    this.#refuse(result);
    return 0n;
  }

  writeSystemRegister(encoding: bigint, value: bigint): void {
    const refusal = this.#options.registers.write(Number(encoding), value);
    if (refusal !== undefined) this.#refuse(refusal);
  }

  systemOperation(encoding: bigint, value: bigint): void {
    const refusal = this.#options.operations.execute(Number(encoding), value);
    if (refusal !== undefined) this.#refuse(refusal);
  }

  /** No SYSL is defined below FEAT_GCS. */
  systemOperationWithResult(encoding: bigint): bigint {
    const trap = this.#options.registers.implementationDefinedTrap(Number(encoding), this.#el());
    this.#refuse(trap ? { refused: 'trapped', trap } : { refused: 'undefined' });
    return 0n;
  }

  writePstateField(field: bigint, imm: bigint): void {
    const state = this.#state;
    const { registers, onAttention, doNotCount, events } = this.#options;
    switch (field) {
      case FIELD_SPSEL:
        if (this.#el() === 0) {
          this.undefinedInstruction();
          return;
        }
        this.#recordField('SPSel', imm);
        switchStack(state, this.#el(), Number(imm & 1n));
        onAttention('stack');
        return;
      case FIELD_DAIFSET:
      case FIELD_DAIFCLR: {
        const name = field === FIELD_DAIFSET ? 'DAIFSet' : 'DAIFClr';
        const el = this.#el();
        const trap = el > 0 ? undefined : firstTrap(UMA, el, false, registers);
        this.#recordField(name, imm, trap);
        if (trap !== undefined) {
          this.#refuse({ refused: 'trapped', trap });
          doNotCount();
          return;
        }
        const daif = state.u32[DAIF];
        const bits = Number(imm);
        state.u32[DAIF] = field === FIELD_DAIFSET ? daif | bits : daif & ~bits;
        onAttention('interrupts');
        return;
      }
      default: {
        const bit = SINGLE_BITS.get(field as never);
        if (bit && registers.has(bit.register)) {
          if (this.#el() < bit.el) {
            this.undefinedInstruction();
            return;
          }
          this.#recordField(bit.register, imm);
          state.setSmall(bit.cell, Number(imm & 1n));
          onAttention('context');
          return;
        }
        if (!bit)
          events.append('unimplemented', {
            pc: state.get('pc'),
            what: `MSR (immediate) op1:op2 0b${field.toString(2)}`,
          });
        this.undefinedInstruction();
      }
    }
  }

  #recordField(register: string, imm: bigint, trap?: Trap): void {
    const { events } = this.#options;
    if (!events.recording) return;
    const trapped_to = trap ? this.#exceptions.defaultTarget() : null;
    const pc = this.#state.u64[PC];
    events.append('sysregs', { pc, register, write: true, value: imm, el: this.#el(), trapped_to });
  }

  /** D1.7.2: traps only where it would wait. */
  waitForInterrupt(): void {
    if (this.#exceptions.wakesUp() || this.#trapWait(NTWI, HCR_TWI, 0)) return;
    this.#state.setSmall('waiting', 1);
    this.#options.onAttention('wait');
  }

  /** D1.7.1. It never waits long: any reason may end it. */
  waitForEvent(): void {
    if (this.#state.small('eventRegister')) {
      this.#state.setSmall('eventRegister', 0);
      return;
    }
    if (!this.#trapWait(NTWE, HCR_TWE, 1)) this.#options.onAttention('yield');
  }

  #trapWait(allowed: number, trapped: number, instruction: number): boolean {
    const iss = UNCONDITIONAL | instruction;
    const host = this.#el() === 0 && isHost(this.#state.u64[HCR]);
    if (this.#el() === 0 && !(this.#state.u32[2 * (host ? SCTLR_EL2 : SCTLR_EL1)] & allowed)) {
      this.#exceptions.synchronous(EC.wfx, iss);
      return true;
    }
    if (this.#el() < 2 && !host && this.#hcr() & trapped) {
      this.#exceptions.synchronous(EC.wfx, iss, { target: 2 });
      return true;
    }
    return false;
  }

  sendEvent(): void {
    this.sendEventLocal();
    this.#options.onSendEvent();
  }
  sendEventLocal(): void {
    this.#state.setSmall('eventRegister', 1);
  }
  /**
   * A virtual SError that is pending and masked is put off into VDISR_EL2 (J1.1.3, AArch64.vESBOperation). There are no physical
   * ones.
   */
  errorSynchronizationBarrier(): void {
    const { u32, u64 } = this.#state;
    const hcr = this.#hcr();
    const pending = this.#el() < 2 && !(hcr & HCR_TGE) && hcr & HCR_AMO && hcr & HCR_VSE;
    if (!pending || !(u32[DAIF] & MASK_A)) return;
    u64[VDISR] = DISR_A | (u64[VSESR] & 0x1ff_ffffn);
    u32[2 * HCR] &= ~HCR_VSE;
  }
  yieldHint(): void {
    this.#options.onAttention('yield');
  }

  /** Whether the current exception level's instructions on SIMD and floating-point registers trap. Asked at each change of level. */
  get vectorsAreTrapped(): boolean {
    const el = this.#el();
    const { u32 } = this.#state;
    const allows = (fpen: number, toEl0: boolean) => (toEl0 ? fpen === 3 : (fpen & 1) === 1);
    const e2h = (u32[2 * HCR + 1] & HCR_E2H) !== 0;
    const host = e2h && (u32[2 * HCR] & HCR_TGE) !== 0;
    if (e2h ? !allows((u32[2 * CPTR] >> 20) & 3, host && el === 0) : u32[2 * CPTR] & CPTR_TFP) return true;
    return el < 2 && !(el === 0 && host) && !allows((u32[2 * CPACR] >> 20) & 3, el === 0);
  }
  vectorsTrapped(): void {
    const { registers } = this.#options;
    const trap = firstTrap(FLOATING_POINT, this.#el(), true, registers);
    if (trap === undefined) throw new Error(`EL${this.#el()}: a SIMD instruction was trapped by no trap`);
    this.#refuse({ refused: 'trapped', trap });
  }

  /** The exception of an access that did not happen. */
  #refuse(refusal: Refusal): void {
    if (refusal.refused === 'undefined') {
      this.undefinedInstruction();
      return;
    }
    if (refusal.refused === 'no feature') {
      const iss = systemInstructionSyndrome(this.#options.currentInstruction());
      this.#exceptions.synchronous(EC.systemRegister, iss);
      return;
    }
    const { trap } = refusal;
    const target = trap.target === 2 ? 2 : this.#exceptions.defaultTarget();
    if (trap.syndrome === 'system register') {
      const iss = systemInstructionSyndrome(this.#options.currentInstruction());
      this.#exceptions.synchronous(EC.systemRegister, iss, { target });
    } else if (trap.target === 1 && target === 2) {
      // CPACR_EL1.FPEN under HCR_EL2.TGE reports an unknown reason (D17.2.37, EC 0x07).
      this.#exceptions.synchronous(EC.unknown, 0, { target });
    } else {
      this.#exceptions.synchronous(EC.floatingPoint, UNCONDITIONAL, { target });
    }
  }
}

/** ISS of EC 0x18 from the instruction word: Op0, Op2, Op1, CRn, Rt, CRm, Direction. */
export function systemInstructionSyndrome(word: number): number {
  return (
    (((word >>> 19) & 3) << 20) |
    (((word >>> 5) & 7) << 17) |
    (((word >>> 16) & 7) << 14) |
    (((word >>> 12) & 15) << 10) |
    ((word & 31) << 5) |
    (((word >>> 8) & 15) << 1) |
    ((word >>> 21) & 1)
  );
}
