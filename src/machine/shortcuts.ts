/**
 * Fills and empties the tables of shortcuts (translate/shortcuts.ts): an entry is made when the machine was called for a register or
 * an operation and only did what translated code can do itself; all go when a trap control, the CPU or a whole state changes.
 */
import { CELL, type CpuState } from '../cpu/state.ts';
import { slotOf } from '../cpu/sysregs/table.ts';
import type { SystemOperations } from '../cpu/system_operations.ts';
import type { SystemRegisters } from '../cpu/system_registers.ts';
import type { GenericTimer } from '../devices/generic_timer.ts';
import {
  SHORTCUT_BASE,
  SHORTCUT_CONSTANT_COUNT,
  SHORTCUT_CONSTANTS,
  SHORTCUT_OPERATIONS,
  SHORTCUT_TABLE_SIZE,
  SHORTCUT_WRITES,
} from '../translate/layout.ts';
import { DAIF_ENTRY, OPERATION_CLEANS, OPERATION_NOTHING, OPERATION_ZEROES } from '../translate/shortcuts.ts';
import type { CpuInterruptInputs } from './device.ts';
import type { RecordedCalls } from './recorded_calls.ts';

export interface ShortcutsContext {
  readonly state: CpuState;
  /** Of memory 0. */
  readonly memory: ArrayBufferLike;
  readonly registers: SystemRegisters;
  readonly operations: SystemOperations;
  /** Where events are recorded. */
  readonly recorded: RecordedCalls;
  readonly counters: Pick<GenericTimer, 'ticks' | 'isOffset'>;
  /** Interrupt inputs of the current CPU. */
  readonly inputs: () => CpuInterruptInputs;
  /** Events are recorded: MSR, operations and changes of DAIF are. */
  readonly recording: () => boolean;
  /** Stores are, and DC ZVA is one. */
  readonly recordsStores: boolean;
  /** Debug exceptions depend on PSTATE.D. */
  readonly debugArmed: () => boolean;
  /** Performance monitors count, perhaps at some exception levels only. */
  readonly countsByLevel: () => boolean;
}

const EL = CELL.el >>> 2;
const SPSEL = CELL.spsel >>> 2;
const SHORTCUTS = CELL.shortcuts >>> 2;
const QUIET = CELL.quiet >>> 2;
const RETURNS = CELL.returns >>> 2;
const DAIF = CELL.daif >>> 3;
/** In 32-bit words. */
const RESULT = CELL.result >>> 2;
/** HCR_EL2[31:0]. */
const HCR = 2 * slotOf('HCR_EL2');
/** VF, VI, VSE. */
const HCR_PENDING = 7 << 6;

export class Shortcuts {
  readonly #context: ShortcutsContext;
  /** Whether the counter that an encoding reads, by `#key`, is the virtual one. */
  readonly #counters = new Map<number, boolean>();
  readonly #entries: Uint16Array;
  readonly #constants: BigUint64Array;
  #constantCount = 0;
  /** Indices of the entries that are not 0. */
  #filled: number[] = [];

  constructor(context: ShortcutsContext) {
    this.#context = context;
    this.#entries = new Uint16Array(context.memory);
    this.#constants = new BigUint64Array(context.memory, SHORTCUT_CONSTANTS, SHORTCUT_CONSTANT_COUNT);
  }

  /** Before a slice: what the cells say follows from the state, and stands until the slice ends. */
  settle(): void {
    const { state, inputs, recording, recorded, debugArmed, countsByLevel } = this.#context;
    const { u32 } = state;
    u32[SHORTCUTS] = this.#table();
    const { fiq, irq, vfiq, virq } = inputs();
    const unnoticed =
      u32[EL] !== 0 && !(fiq || irq || vfiq || virq) && (u32[HCR] & HCR_PENDING) === 0 && !debugArmed();
    recorded.quiet = unnoticed;
    const quiet = unnoticed && !recording();
    u32[QUIET] = quiet ? 1 : 0;
    u32[RETURNS] = quiet && !countsByLevel() ? 1 : 0;
  }

  /** What is trapped, or whose registers these are, may have changed. */
  forget(): void {
    this.#context.operations.forgetPermissions();
    this.#context.recorded.forget();
    for (const index of this.#filled) this.#entries[index] = 0;
    this.#filled = [];
    this.#constantCount = 0;
    this.#counters.clear();
  }

  /** MRS of a counter: 1,000,000 of them are 0.1 s. False, with nothing done, where the machine must be called. */
  readCounter(encoding: number): boolean {
    const isVirtual = this.#counters.get(this.#key(encoding));
    if (isVirtual === undefined) return false;
    const { state, counters } = this.#context;
    if (isVirtual && counters.isOffset(this.#context.registers.cpu)) return false;
    const ticks = counters.ticks();
    state.u32[RESULT] = ticks;
    state.u32[RESULT + 1] = ticks / 2 ** 32;
    return true;
  }

  /** MRS of the encoding was called, and raised no exception. */
  learnRead(encoding: number): void {
    const plain = this.#context.registers.plainRead(encoding);
    if (plain === undefined) {
      const counter = this.#context.registers.plainCounter(encoding);
      if (counter !== undefined) this.#counters.set(this.#key(encoding), counter === 'CNTVCT_EL0');
      return;
    }
    const slot = typeof plain === 'number' ? plain : this.#constant(plain);
    if (slot !== undefined) this.#enter(0, encoding & 0x7fff, slot);
  }

  /** MSR of the encoding was called, and raised no exception. */
  learnWrite(encoding: number): void {
    const { recording, recorded, registers } = this.#context;
    const slot = registers.plainWrite(encoding);
    if (slot === undefined) return;
    if (recording()) recorded.learnWrite(encoding, slot);
    else this.#enter(SHORTCUT_WRITES, encoding & 0x7fff, slot);
  }

  /** SYS of the encoding was called, and raised no exception. */
  learnOperation(encoding: number): void {
    const { recording, recorded, recordsStores, operations } = this.#context;
    const kind = operations.plain(encoding);
    if (kind === undefined || kind === 'tlbi' || kind === 'at') return;
    if (recording()) {
      if (kind !== 'dc zva') recorded.learnOperation(encoding, kind === 'dc' ? 'clean' : 'nothing');
      if (kind !== 'dc zva' || recordsStores) return;
    }
    const entry = kind === 'none' ? OPERATION_NOTHING : kind === 'dc' ? OPERATION_CLEANS : OPERATION_ZEROES;
    this.#enter(SHORTCUT_OPERATIONS, encoding & 0x3fff, entry);
  }

  #key(encoding: number): number {
    const { u32 } = this.#context.state;
    return ((2 * u32[EL] + u32[SPSEL]) << 16) | encoding;
  }

  #table(): number {
    const { u32 } = this.#context.state;
    return SHORTCUT_BASE + (2 * u32[EL] + u32[SPSEL]) * SHORTCUT_TABLE_SIZE;
  }

  #enter(part: number, index: number, entry: number): void {
    const at = (this.#table() + part) / 2 + index;
    if (this.#entries[at] === 0) this.#filled.push(at);
    this.#entries[at] = part !== SHORTCUT_OPERATIONS && entry === DAIF ? entry | DAIF_ENTRY : entry;
  }

  #constant(value: bigint): number | undefined {
    if (this.#constantCount === SHORTCUT_CONSTANT_COUNT) return undefined;
    this.#constants[this.#constantCount] = value;
    return SHORTCUT_CONSTANTS / 8 + this.#constantCount++;
  }
}
