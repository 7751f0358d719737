/**
 * MSR and system operations that are rows of a recording and nothing else: what translated code does without a call where nothing is
 * recorded (translate/shortcuts.ts). Kernels make hundreds of thousands of them while they boot.
 */
import { CELL, type CpuState } from '../cpu/state.ts';
import { operationAt } from '../cpu/sysregs/operations.ts';
import type { SystemRegisters } from '../cpu/system_registers.ts';
import type { EventSink } from '../trace/schema.ts';
import { RUNTIME_CALLS } from '../translate/interpreter/runtime_calls.ts';
import { DATA_TLB_ENTRIES, DATA_TLB_ENTRY } from '../translate/layout.ts';
import { DAIF_CLEAR, DAIF_SET, DAIF_SHIFT } from '../translate/shortcuts.ts';

export interface RecordedCallsContext {
  readonly state: CpuState;
  /** Of memory 0. */
  readonly memory: ArrayBufferLike;
  readonly registers: SystemRegisters;
  readonly events: EventSink;
  /** VMID and ASID of EL1&0. */
  readonly context: () => { readonly vmid: number; readonly asid: number };
}

type RecordedCall =
  | { readonly kind: 'write'; readonly register: string; readonly slot: number }
  | { readonly kind: 'nothing' | 'clean'; readonly op: string };

const WRITE_SYSTEM_REGISTER = RUNTIME_CALLS.indexOf('writeSystemRegister');
const SYSTEM_OPERATION = RUNTIME_CALLS.indexOf('systemOperation');
const WRITE_PSTATE_FIELD = RUNTIME_CALLS.indexOf('writePstateField');
const EL = CELL.el >>> 2;
const SPSEL = CELL.spsel >>> 2;
const PC = CELL.pc >>> 3;
const TLB = CELL.tlb >>> 2;
const DAIF_CELL = CELL.daif >>> 3;
const DAIF = CELL.daif >>> 2;
const FIRST = CELL.argument0 >>> 2;
/** The second argument: its low word, and all of it. */
const SECOND = CELL.argument1 >>> 2;
const SECOND_64 = CELL.argument1 >>> 3;

export class RecordedCalls {
  readonly #context: RecordedCallsContext;
  /** All of memory 0. */
  readonly #words: Uint32Array;
  readonly #known = new Map<number, RecordedCall>();
  /** A change of PSTATE.DAIF has no consequence until the slice ends. */
  quiet = false;

  constructor(context: RecordedCallsContext) {
    this.#context = context;
    this.#words = new Uint32Array(context.memory);
  }

  /** What is trapped, or whose registers these are, may have changed. */
  forget(): void {
    this.#known.clear();
  }

  /** MSR of the encoding only writes index `slot` of CpuState.u64. */
  learnWrite(encoding: number, slot: number): void {
    const register = this.#context.registers.nameAt(encoding);
    if (register !== undefined) this.#known.set(this.#key(encoding), { kind: 'write', register, slot });
  }

  /** SYS of the encoding does nothing; nothing where the address can be read. */
  learnOperation(encoding: number, kind: 'nothing' | 'clean'): void {
    const operation = operationAt(encoding);
    if (operation !== undefined) this.#known.set(this.#key(encoding), { kind, op: operation.name });
  }

  /** Makes the row of call `index` and does what the call does; false, with nothing done, where the machine must be called. */
  make(index: number): boolean {
    const { u32 } = this.#context.state;
    if (index === WRITE_PSTATE_FIELD) return this.#changeDaif(u32[FIRST]);
    if (index !== WRITE_SYSTEM_REGISTER && index !== SYSTEM_OPERATION) return false;
    const call = this.#known.get(this.#key(u32[FIRST]));
    if (call === undefined) return false;
    if (call.kind !== 'write') {
      if (call.kind === 'clean' && !this.#readable()) return false;
      this.#recordOperation(call.op);
      return true;
    }
    const { u64 } = this.#context.state;
    if (call.slot !== DAIF_CELL) {
      this.#recordWrite(call.register);
      u64[call.slot] = u64[SECOND_64];
      return true;
    }
    if (!this.quiet || u32[EL] === 0) return false;
    this.#recordWrite(call.register);
    u32[DAIF] = (u32[SECOND] >>> DAIF_SHIFT) & 15;
    return true;
  }

  #changeDaif(field: number): boolean {
    const { u32 } = this.#context.state;
    if (!this.quiet || u32[EL] === 0 || (field !== DAIF_SET && field !== DAIF_CLEAR)) return false;
    this.#recordWrite(field === DAIF_SET ? 'DAIFSet' : 'DAIFClr');
    u32[DAIF] = field === DAIF_SET ? u32[DAIF] | u32[SECOND] : u32[DAIF] & ~u32[SECOND];
    return true;
  }

  #key(encoding: number): number {
    const { u32 } = this.#context.state;
    return ((2 * u32[EL] + u32[SPSEL]) << 16) | encoding;
  }

  /** Translated code reads the page of the second argument without asking. */
  #readable(): boolean {
    const { u32 } = this.#context.state;
    const low = u32[SECOND];
    const entry = (u32[TLB] + ((low >>> 12) & (DATA_TLB_ENTRIES - 1)) * DATA_TLB_ENTRY) >>> 2;
    return this.#words[entry] === (low & ~0xfff) >>> 0 && this.#words[entry + 1] === u32[SECOND + 1];
  }

  #recordWrite(register: string): void {
    const { events, state } = this.#context;
    const { u32, u64 } = state;
    events.append('sysregs', {
      pc: u64[PC],
      register,
      write: true,
      value: u64[SECOND_64],
      el: u32[EL],
      trapped_to: null,
    });
  }

  #recordOperation(op: string): void {
    const { events, state, context } = this.#context;
    const { u32, u64 } = state;
    const { vmid, asid } = context();
    events.append('tlbi', { pc: u64[PC], op, argument: u64[SECOND_64], vmid, asid, el: u32[EL] });
  }
}
