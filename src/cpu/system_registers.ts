/**
 * The system registers of the CPU whose state is in CpuState: raw access by name, and MRS and MSR with every check. All values
 * are in CpuState slots, in the GIC or in the timer; nothing here outlives a CPU switch but the CPU's number.
 */
import type { Clock, CpuInterruptInputs } from '../machine/device.ts';
import type { EventSink } from '../trace/schema.ts';
import { ComputedRegisters } from './computed_registers.ts';
import type { CpuView, GicCpuInterface } from './gic_cpu_interface.ts';
import { type CpuModel, identificationOf, modelFeatures } from './models/model.ts';
import type { PerformanceMonitors } from './performance_monitors.ts';
import { randomNumber } from './random_numbers.ts';
import { CELL, type CpuState } from './state.ts';
import { AT_HOST_EL0, AT_HOST_EL2, isHostAlias, type Redirection } from './sysregs/host.ts';
import { SYSTEM_OPERATIONS } from './sysregs/operations.ts';
import { ALL_BITS, type Effect, genericName, type SystemRegister } from './sysregs/row.ts';
import { registerAt, registerNamed, SYSTEM_REGISTERS, slotOf } from './sysregs/table.ts';
import { firstTrap, TIDCP, type Trap } from './sysregs/traps.ts';

/** Implemented by devices/generic_timer.ts. Names are those of sysregs/timer.ts. */
export interface TimerRegisters {
  readRegister(cpu: number, name: string): bigint;
  writeRegister(cpu: number, name: string, value: bigint): void;
}

export interface SystemRegistersOptions {
  /** Of RNDR and RNDRRS. */
  readonly randomSeed?: string;
  readonly state: CpuState;
  readonly model: CpuModel;
  readonly cpus: number;
  /** Without EL2 the registers of EL2 cannot be reached, and HCR_EL2 says that EL1 is AArch64. */
  readonly el2: boolean;
  /** MPIDR_EL1 of a CPU. */
  readonly mpidr: (cpu: number) => bigint;
  readonly clock: Clock;
  readonly events: EventSink;
  /** What the interrupt controller drives, by CPU: for ISR_EL1. */
  readonly inputs: readonly CpuInterruptInputs[];
  readonly timer: TimerRegisters;
  readonly pmu: Pick<PerformanceMonitors, 'read' | 'write' | 'reset'>;
  /** Absent with GICv2: ICC_* and ICH_* are then UNDEFINED. */
  readonly gic?: GicCpuInterface;
  /** Called after a write that may change what is trapped. */
  readonly onTrapControl?: () => void;
  /** Called after a write that others must look at. */
  readonly onEffect: (effect: Effect, register: string) => void;
}

/** Why an access did not happen. */
export type Refusal =
  | { readonly refused: 'undefined' }
  /** UNDEFINED, but reported as a trapped system register access (FEAT_IDST). */
  | { readonly refused: 'no feature' }
  | { readonly refused: 'trapped'; readonly trap: Trap };
const UNDEFINED: Refusal = { refused: 'undefined' };
const NO_FEATURE: Refusal = { refused: 'no feature' };

const PC = CELL.pc >>> 3;
const EL = CELL.el >>> 2;
const SPSEL = CELL.spsel >>> 2;
const HCR = slotOf('HCR_EL2');
const DISR = slotOf('DISR_EL1');
const VPIDR = slotOf('VPIDR_EL2');
const VMPIDR = slotOf('VMPIDR_EL2');
const HCR_TIDCP = 1n << 20n;
const HCR_RW = 1n << 31n;
/** In HCR_EL2[31:0] and [63:32]. */
const HCR_TGE = 1 << 27;
const HCR_E2H = 1 << 2;

/** Cells that MRS and MSR reach: SP_EL0 where it is not the current stack pointer, SP_EL1 from EL2. DAIF stands six bits lower. */
function plainCell(name: string): number | undefined {
  switch (name) {
    case 'SP_EL0':
      return CELL.spEl0 >>> 3;
    case 'SP_EL1':
      return CELL.spEl1 >>> 3;
    case 'DAIF':
      return CELL.daif >>> 3;
    default:
      return undefined;
  }
}

/** Registers that conditions of traps look at, and those that say which register or whose an encoding is. */
const TRAP_CONTROLS: ReadonlySet<string> = new Set([
  'HCR_EL2',
  'SCTLR_EL1',
  'SCTLR_EL2',
  ...[...SYSTEM_REGISTERS, ...SYSTEM_OPERATIONS].flatMap(({ traps }) =>
    traps.flatMap(({ when }) => when.map(({ register }) => register)),
  ),
]);
const isTrapControl = (name: string): boolean => TRAP_CONTROLS.has(name);

/** A register that this CPU has, as MRS and MSR need it. */
interface Accessible {
  /** What the instruction calls it, which for a host is not the register that it reaches. */
  readonly name: string;
  readonly row: SystemRegister;
  /** Index in CpuState.u64; 0 where the register has no plain storage. */
  readonly slot: number;
  /** By exception level. */
  readonly reads: readonly boolean[];
  readonly writes: readonly boolean[];
  /** The traps that an access from each level could meet. */
  readonly readTraps: readonly (readonly Trap[])[];
  readonly writeTraps: readonly (readonly Trap[])[];
}

const LEVELS = [0, 1, 2] as const;
/** Indices in CpuState.u64 of the registers that are no more than a slot. */
const PLAIN_SLOTS: ReadonlyMap<string, number> = new Map(
  SYSTEM_REGISTERS.filter(({ storage }) => storage === 'slot').map(({ name }) => [name, slotOf(name)]),
);
/** Of an encoding: MRS and MSR (register) always have the highest bit. */
const ENCODING_INDEX = 0x7fff;

export class SystemRegisters {
  /** Number of the CPU whose state is in CpuState. */
  cpu = 0;
  readonly #options: SystemRegistersOptions;
  readonly #state: CpuState;
  readonly #identification: { readonly [register: string]: bigint };
  readonly #computed: ComputedRegisters;
  /** What this CPU has: rows of other features do not exist. */
  readonly features: ReadonlySet<string>;
  /** By the lower 15 bits of the encoding. */
  readonly #accessible: readonly (Accessible | undefined)[];
  /** The same while HCR_EL2.E2H is 1: at EL2, and at EL0 with TGE. */
  readonly #atHostEl2: readonly (Accessible | undefined)[];
  readonly #atHostEl0: readonly (Accessible | undefined)[];

  constructor(options: SystemRegistersOptions) {
    this.#options = options;
    this.#state = options.state;
    const { model, gic, cpus } = options;
    this.#identification = {
      ...identificationOf(model, gic !== undefined, options.el2),
      // Number of cores, less one (Cortex-A57 TRM 4.3.53).
      L2CTLR_EL1: BigInt(cpus - 1) << 24n,
    };
    this.#computed = new ComputedRegisters({ ...options, identification: this.#identification });
    this.features = modelFeatures(model, gic !== undefined);
    const accessible: (Accessible | undefined)[] = Array(ENCODING_INDEX + 1).fill(undefined);
    for (const row of SYSTEM_REGISTERS)
      if (this.exists(row)) accessible[row.encoding & ENCODING_INDEX] = this.#accessibleOf(row);
    this.#accessible = accessible;
    this.#atHostEl2 = this.has('VHE') ? this.#redirect(AT_HOST_EL2) : accessible;
    this.#atHostEl0 = this.has('VHE') ? this.#redirect(AT_HOST_EL0) : accessible;
  }

  /** Access and traps are those of the name, all else of the register that it reaches. */
  #redirect(redirections: readonly Redirection[]): (Accessible | undefined)[] {
    const redirected = [...this.#accessible];
    for (const { encoding, name, target } of redirections) {
      const named = this.#accessible[registerNamed(name)!.encoding & ENCODING_INDEX];
      const reached = this.#accessible[registerNamed(target)!.encoding & ENCODING_INDEX];
      if (named === undefined || reached === undefined) continue;
      const { row, slot } = reached;
      redirected[encoding & ENCODING_INDEX] = { ...named, row, slot };
    }
    return redirected;
  }

  /** The register that an encoding means to the current exception level. */
  #accessibleAt(encoding: number): Accessible | undefined {
    const { u32 } = this.#state;
    const el = u32[EL];
    let table = this.#accessible;
    if (u32[2 * HCR + 1] & HCR_E2H && el !== 1) {
      if (el === 2) table = this.#atHostEl2;
      else if (u32[2 * HCR] & HCR_TGE) table = this.#atHostEl0;
    }
    return table[encoding & ENCODING_INDEX];
  }

  #accessibleOf(row: SystemRegister): Accessible {
    // The highest exception level sets the frequency (D17.8.2).
    const highest = row.name === 'CNTFRQ_EL0' && !this.#options.el2 ? 1 : -1;
    const allows = (letter: string) => LEVELS.map((el) => el === highest || row.access[el].includes(letter));
    const traps = (direction: 'read' | 'write') =>
      LEVELS.map((el) =>
        row.traps.filter(
          (trap) => trap.from.includes(el) && (trap.direction === 'both' || trap.direction === direction),
        ),
      );
    return {
      name: row.name,
      row: this.#withFeatureBits(row),
      slot: row.storage === 'slot' ? slotOf(row.name) : 0,
      reads: allows('r'),
      writes: allows('w'),
      readTraps: traps('read'),
      writeTraps: traps('write'),
    };
  }

  #withFeatureBits(row: SystemRegister): SystemRegister {
    const present = Object.entries(row.featureBits).filter(([feature]) => this.features.has(feature));
    return { ...row, writable: present.reduce((all, [, bits]) => all | bits, row.writable) };
  }

  /** After a CPU switch: CpuState now holds that CPU. */
  reload(cpu: number): void {
    this.cpu = cpu;
    this.#computed.cpu = cpu;
  }

  /** Gives the current CPU's registers their reset values. Timer and GIC reset themselves. */
  reset(): void {
    const { model } = this.#options;
    for (const { name, storage, reset } of SYSTEM_REGISTERS)
      if (storage === 'slot') this.#state.u64[slotOf(name)] = model.resets[name] ?? reset;
    this.#state.u64[DISR] = 0n;
    if (!this.#options.el2) this.#state.u64[HCR] = HCR_RW;
    this.#options.pmu.reset();
    this.#state.u64[slotOf('VPIDR_EL2')] = this.#midr;
    this.#state.u64[slotOf('VMPIDR_EL2')] = this.#options.mpidr(this.cpu);
  }

  /** Raw value by name, as the current exception level sees it; an unknown name is a bug of the caller. */
  get(name: string): bigint {
    const slot = PLAIN_SLOTS.get(name);
    if (slot !== undefined) return this.#state.u64[slot];
    const row = registerNamed(name);
    if (row === undefined) throw new Error(`no system register ${name}`);
    return this.#read(row);
  }

  /** Half of that, 0 the low word. */
  word(name: string, half: 0 | 1): number {
    const slot = PLAIN_SLOTS.get(name);
    if (slot !== undefined) return this.#state.u32[2 * slot + half];
    return Number((this.get(name) >> BigInt(32 * half)) & 0xffff_ffffn);
  }

  /** Sets a register by name, without checks and without rows; read-only ones ignore it. */
  set(name: string, value: bigint): void {
    const row = registerNamed(name);
    if (row === undefined) throw new Error(`no system register ${name}`);
    if (row.storage === 'slot') this.#state.u64[slotOf(name)] = value;
    else if (row.access.some((permission) => permission.includes('w'))) this.#write(row, value);
  }

  /** Whether this CPU has the register: names for a debugger's list. */
  exists(row: SystemRegister): boolean {
    return this.has(row.feature);
  }

  /** Whether this CPU has a feature; none is asked for with undefined. */
  has(feature: string | undefined): boolean {
    return feature === undefined || this.features.has(feature);
  }

  /**
   * What MRS by the current exception level comes to until a trap control or SPSel changes: an index in CpuState.u64, whose value it
   * reads, or a value. Undefined where it must be called.
   */
  plainRead(encoding: number): number | bigint | undefined {
    const accessible = this.#accessibleAt(encoding);
    if (!this.#isPlain(accessible, true)) return undefined;
    const { row, slot } = accessible;
    if (slot !== 0) return slot;
    if (row.storage === 'constant' || row.storage === 'model') return this.#read(row);
    const el = this.#state.u32[EL];
    switch (row.name) {
      case 'MIDR_EL1':
        return el === 1 ? VPIDR : this.#midr;
      case 'MPIDR_EL1':
        return el === 1 ? VMPIDR : this.#options.mpidr(this.cpu);
      case 'CurrentEL':
      case 'DCZID_EL0':
        return this.#read(row);
      default:
        return plainCell(row.name);
    }
  }

  /** Index in CpuState.u64 that is all MSR by the current exception level writes, until a trap control or SPSel changes; else undefined. */
  plainWrite(encoding: number): number | undefined {
    const accessible = this.#accessibleAt(encoding);
    if (!this.#isPlain(accessible, false)) return undefined;
    const { row, slot } = accessible;
    if (slot === 0) return plainCell(row.name);
    const controls = row.effects.length > 0 || isTrapControl(row.name);
    return controls || row.writable !== ALL_BITS ? undefined : slot;
  }

  /** The counter that MRS by the current exception level reads until a trap control changes; undefined where it is none, or must be called. */
  plainCounter(encoding: number): 'CNTPCT_EL0' | 'CNTVCT_EL0' | undefined {
    const accessible = this.#accessibleAt(encoding);
    if (!this.#isPlain(accessible, true)) return undefined;
    const { name } = accessible.row;
    return name === 'CNTPCT_EL0' || name === 'CNTVCT_EL0' ? name : undefined;
  }

  /** Name of the register that an encoding means to the current exception level. */
  nameAt(encoding: number): string | undefined {
    return this.#accessibleAt(encoding)?.row.name;
  }

  /** No trap and no refusal, now. */
  #isPlain(accessible: Accessible | undefined, isRead: boolean): accessible is Accessible {
    if (accessible === undefined) return false;
    const { u32 } = this.#state;
    const el = u32[EL];
    if (!(isRead ? accessible.reads : accessible.writes)[el]) return false;
    if (accessible.row.name === 'SP_EL0' && u32[SPSEL] === 0) return false;
    const traps = (isRead ? accessible.readTraps : accessible.writeTraps)[el];
    return firstTrap(traps, el, isRead, this) === undefined;
  }

  /** MRS by the current exception level. */
  read(encoding: number): bigint | Refusal {
    const accessible = this.#accessibleAt(encoding);
    const refusal = this.#check(accessible, encoding, true);
    if (refusal !== undefined) return refusal;
    const { row } = accessible as Accessible;
    return row.storage === 'random' ? this.#drawRandomNumber() : this.#read(row);
  }

  /** Only MRS draws one: a debugger that looks changes nothing. */
  #drawRandomNumber(): bigint {
    const state = this.#state;
    const drawn = state.get('randomNumbers');
    state.set('randomNumbers', drawn + 1n);
    state.nzcv = 0;
    return randomNumber(this.#options.randomSeed ?? '', this.cpu, drawn);
  }

  /** MSR by the current exception level; undefined when done. */
  write(encoding: number, value: bigint): Refusal | undefined {
    const accessible = this.#accessibleAt(encoding);
    const refusal = this.#check(accessible, encoding, false, value);
    if (refusal !== undefined) return refusal;
    const { row, slot } = accessible as Accessible;
    if (this.#options.events.recording) this.#record(row.name, true, value, null);
    if (slot !== 0) {
      const { u64 } = this.#state;
      const before = u64[slot];
      u64[slot] = row.writable === ALL_BITS ? value : (before & ~row.writable) | (value & row.writable);
      if (u64[slot] === before) return undefined;
    } else this.#write(row, value);
    if (isTrapControl(row.name)) this.#options.onTrapControl?.();
    for (const effect of row.effects) this.#options.onEffect(effect, row.name);
    return undefined;
  }

  /** HCR_EL2.TIDCP: EL1's access to the encodings with CRn 11 or 15, whether or not there is something. */
  implementationDefinedTrap(encoding: number, el: number): Trap | undefined {
    const crn = (encoding >> 7) & 15;
    const reserved = (crn === 11 || crn === 15) && (encoding >> 14 === 3 || encoding >> 14 === 1);
    return reserved && el === 1 && (this.#state.u64[HCR] & HCR_TIDCP) !== 0n ? TIDCP : undefined;
  }

  /** What the GIC sees of this CPU. */
  get view(): CpuView {
    return { el: this.#state.u32[EL], hcr: this.#state.u64[HCR] };
  }

  /** Appends a row to `sysregs`. */
  #record(name: string, write: boolean, value: bigint | null, trappedTo: number | null): void {
    this.#options.events.append('sysregs', {
      pc: this.#state.u64[PC],
      register: name,
      write,
      value,
      el: this.#state.u32[EL],
      trapped_to: trappedTo,
    });
  }

  #check(
    accessible: Accessible | undefined,
    encoding: number,
    isRead: boolean,
    value?: bigint,
  ): Refusal | undefined {
    const el = this.#state.u32[EL];
    if (accessible === undefined) {
      const row = registerAt(encoding);
      const trap = this.implementationDefinedTrap(encoding, el);
      if (trap !== undefined) return { refused: 'trapped', trap };
      if (row === undefined && !isHostAlias(encoding))
        this.#options.events.append('unimplemented', {
          pc: this.#state.get('pc'),
          what: genericName(encoding),
        });
      return this.#undefined(encoding, isRead);
    }
    const { row } = accessible;
    if (!(isRead ? accessible.reads : accessible.writes)[el]) return this.#undefined(encoding, isRead);
    // C5.2.18: SP_EL0 is not accessible while it is the current stack pointer.
    if (row.name === 'SP_EL0' && this.#state.u32[SPSEL] === 0) return UNDEFINED;
    const traps = (isRead ? accessible.readTraps : accessible.writeTraps)[el];
    const trap = traps.length === 0 ? undefined : firstTrap(traps, el, isRead, this);
    if (trap === undefined) return undefined;
    if (this.#options.events.recording)
      this.#record(accessible.name, !isRead, value ?? null, this.#trapTarget(trap, el));
    return { refused: 'trapped', trap };
  }

  /** FEAT_IDST: a read in the space of feature identification, op0 3, op1 0, 1 or 3, CRn 0, CRm 0 to 7, has the syndrome of a trap. */
  #undefined(encoding: number, isRead: boolean): Refusal {
    const op1 = (encoding >> 11) & 7;
    const identifies = encoding >> 14 === 3 && ((encoding >> 6) & 31) === 0 && (op1 < 2 || op1 === 3);
    return isRead && identifies && this.has('IDST') ? NO_FEATURE : UNDEFINED;
  }

  /** A trap to EL1 from EL0 goes to EL2 while HCR_EL2.TGE is 1. */
  #trapTarget(trap: Trap, el: number): number {
    const tge = this.#state.u32[2 * HCR] & HCR_TGE;
    return Math.max(el, trap.target === 1 && tge ? 2 : trap.target);
  }

  #read(row: SystemRegister): bigint {
    const { cpu } = this;
    switch (row.storage) {
      case 'slot':
        return this.#state.u64[slotOf(row.name)];
      case 'constant':
      case 'random':
        return row.reset;
      case 'model':
        return this.#identification[row.name] ?? 0n;
      case 'timer':
        return this.#options.timer.readRegister(cpu, row.name);
      case 'gic':
        return this.#options.gic?.readRegister(cpu, row.name, this.view) ?? 0n;
      case 'pmu':
        return this.#options.pmu.read(row.name);
      case 'computed':
        return this.#computed.read(row.name);
    }
  }

  #write(row: SystemRegister, value: bigint): void {
    const { cpu } = this;
    switch (row.storage) {
      case 'slot':
        throw new Error(`${row.name} has a slot: the caller writes it`);
      case 'constant':
      case 'model':
      case 'random':
        break;
      case 'timer':
        this.#options.timer.writeRegister(cpu, row.name, value);
        break;
      case 'gic':
        this.#options.gic?.writeRegister(cpu, row.name, value, this.view);
        break;
      case 'pmu':
        this.#options.pmu.write(row.name, value);
        break;
      case 'computed':
        this.#computed.write(row.name, value);
        break;
    }
  }

  get #midr(): bigint {
    return this.#identification.MIDR_EL1;
  }

  /** Registers that a checkpoint or a debugger lists: those this CPU has, but for the GIC's, which it reads itself, and random numbers. */
  entries(): [string, bigint][] {
    return SYSTEM_REGISTERS.filter(
      (row) =>
        this.exists(row) &&
        row.storage !== 'gic' &&
        row.storage !== 'random' &&
        row.access.some((a) => a.includes('r')),
    ).map((row) => [row.name, this.#read(row)]);
  }
}
