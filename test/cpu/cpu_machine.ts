/** One CPU without a back end: executes single system instructions by calling the runtime as a back end would. */
import type { Attention } from '../../src/cpu/attention.ts';
import { Exceptions } from '../../src/cpu/exceptions.ts';
import { CORTEX_A57 } from '../../src/cpu/models/armv8_0.ts';
import type { CpuModel } from '../../src/cpu/models/model.ts';
import { PerformanceMonitors } from '../../src/cpu/performance_monitors.ts';
import { CpuRuntime } from '../../src/cpu/runtime.ts';
import { Semihosting } from '../../src/cpu/semihosting.ts';
import { CpuState } from '../../src/cpu/state.ts';
import { type MmuOperations, SystemOperations } from '../../src/cpu/system_operations.ts';
import { SystemRegisters } from '../../src/cpu/system_registers.ts';
import { GenericTimer } from '../../src/devices/generic_timer.ts';
import type { CpuInterruptInputs } from '../../src/machine/device.ts';
import { type PowerControl, Psci } from '../../src/machine/psci.ts';
import type { TlbInvalidation } from '../../src/mmu/tlbi.ts';
import type { TranslationRequest, TranslationResult } from '../../src/mmu/translation.ts';
import type { EventSink } from '../../src/trace/schema.ts';

/** Where instructions stand unless a test moves the pc. */
export const PC = 0x4000_1000n;

/** What an address that no table can map gets. */
const UNMAPPED: TranslationResult = {
  ok: false,
  fault: { type: 'translation', stage: 1, level: 0, s1ptw: false, ipa: 0 },
};

export interface Outcome {
  /** Exception level entered, or -1 if the instruction completed. */
  readonly target: number;
  /** Syndrome of that level. */
  readonly esr: number;
  readonly value: bigint;
}

export interface CpuMachineOptions {
  readonly model?: CpuModel;
  readonly gicv3?: boolean;
  readonly el2?: boolean;
  readonly cpus?: number;
  readonly power?: Partial<PowerControl>;
}

export class CpuMachine {
  readonly state = new CpuState(new ArrayBuffer(65536));
  readonly events: { table: string; row: Record<string, unknown> }[] = [];
  readonly inputs: CpuInterruptInputs = { irq: false, fiq: false, virq: false, vfiq: false };
  readonly attention: Attention[] = [];
  readonly lines = new Map<string, boolean>();
  readonly gicRegisters = new Map<string, bigint>();
  readonly broadcasts: TlbInvalidation[] = [];
  readonly local: TlbInvalidation[] = [];
  readonly translations: TranslationRequest[] = [];
  readonly zeroed: number[] = [];
  readonly output: number[] = [];
  exitStatus: number | undefined;
  /** What the MMU answers; identity unless a test sets it. */
  answer: (request: TranslationRequest) => TranslationResult = ({ va }) => ({
    ok: true,
    page: { paPage: va - (va % 4096), read: true, write: true, execute: true, device: false, guarded: false },
  });
  bytes: (va: bigint) => number | undefined = () => undefined;
  now = 0;
  uncounted = 0;
  word = 0;
  readonly timer: GenericTimer;
  readonly monitors: PerformanceMonitors;
  readonly registers: SystemRegisters;
  readonly exceptions: Exceptions;
  readonly runtime: CpuRuntime;

  constructor({
    model = CORTEX_A57,
    gicv3 = true,
    el2 = true,
    cpus = 1,
    power = {},
  }: CpuMachineOptions = {}) {
    const { state } = this;
    const events: EventSink = {
      recording: true,
      append: (table, row) => this.events.push({ table, row: row as Record<string, unknown> }),
    };
    const onAttention = (reason: Attention) => this.attention.push(reason);
    this.timer = new GenericTimer({
      clock: { now: () => this.now },
      cpus,
      line: (cpu, intid) => (level) => this.lines.set(`${cpu}:${intid}`, level),
      onDeadlineChange: () => {},
    });
    this.monitors = new PerformanceMonitors({
      cpus,
      clock: { now: () => this.now },
      instructions: () => this.now,
      state,
      currentCpu: () => 0,
      el2,
      version: 1,
      control: model.resets.PMCR_EL0,
      line: (cpu) => (level) => this.lines.set(`${cpu}:23`, level),
      onDeadlineChange: () => {},
      events,
    });
    this.registers = new SystemRegisters({
      state,
      model,
      cpus,
      el2,
      mpidr: (cpu) => 0x8000_0000n | BigInt(cpu),
      clock: { now: () => this.now },
      events,
      inputs: Array.from({ length: cpus }, () => this.inputs),
      timer: this.timer,
      pmu: this.monitors,
      gic: gicv3
        ? {
            readRegister: (_cpu, name) => this.gicRegisters.get(name) ?? 0n,
            writeRegister: (_cpu, name, value) => this.gicRegisters.set(name, value),
          }
        : undefined,
      onTrapControl: () => operations.forgetPermissions(),
      onEffect: (effect) => {
        if (effect === 'performance monitors') this.monitors.controlsChanged();
        else onAttention(effect);
      },
    });
    this.exceptions = new Exceptions({
      state,
      events,
      inputs: () => this.inputs,
      accessesBefore: () => 0,
      onAttention,
      features: this.registers.features,
    });
    const mmu: MmuOperations = {
      translate: (request) => {
        this.translations.push(request);
        return Number.isNaN(request.va) ? UNMAPPED : this.answer(request);
      },
      regime: () => ({ vmid: 3, asid: 5, topByteIgnored: 0 }) as ReturnType<MmuOperations['regime']>,
      decodeTlbi: () => ({ scope: 'all', regime: 'EL10', vmid: null }),
      invalidate: (what) => this.local.push(what),
      regimeOfAt: () => ({ topByteIgnored: 0 }) as ReturnType<MmuOperations['regimeOfAt']>,
      addressTranslate: (_operation, va) => ({
        par: Number.isNaN(va) ? 0x809n : BigInt(va) | 0xa00n,
        exception: null,
      }),
    };
    const operations = new SystemOperations({
      state,
      registers: this.registers,
      exceptions: this.exceptions,
      recordsStores: true,
      events,
      mmu: () => mmu,
      invalidateAllCpus: (what) => this.broadcasts.push(what),
      onTranslated: () => {},
      zeroBlock: (pa) => this.zeroed.push(pa) > 0,
      watching: () => false,
      watchpointHit: () => false,
      doNotCount: () => {
        this.uncounted += 1;
      },
    });
    this.runtime = new CpuRuntime({
      state,
      registers: this.registers,
      exceptions: this.exceptions,
      operations,
      events,
      el2,
      firmware: new Psci(power as PowerControl),
      currentInstruction: () => this.word,
      onAttention,
      onSendEvent: () => {},
      doNotCount: () => {
        this.uncounted += 1;
      },
      semihosting: new Semihosting({
        state,
        events,
        readByte: (va) => this.bytes(va),
        output: (byte) => this.output.push(byte),
        exit: (status) => {
          this.exitStatus = status;
        },
      }),
    });
    this.registers.reset();
    state.setSmall('daif', 15);
    this.enter(el2 ? 2 : 1);
  }

  /** Puts the CPU at an exception level, on its own stack. */
  enter(el: number, spsel = el === 0 ? 0 : 1): void {
    this.state.setSmall('el', el);
    this.state.setSmall('spsel', spsel);
    this.state.set('pc', PC);
  }

  rows(table: string): Record<string, unknown>[] {
    return this.events.filter((event) => event.table === table).map(({ row }) => row);
  }

  /** Executes a system instruction, HVC, SMC or hint, with `x0` in its register. */
  execute(word: number, x0 = 0n): Outcome {
    const { runtime, state } = this;
    this.word = word;
    runtime.redirected = false;
    const encoding = BigInt((word >>> 5) & 0xffff);
    const isRead = (word >>> 21) & 1;
    let value = 0n;
    if (word >>> 22 === 0b1101010100) {
      const op0 = (word >>> 19) & 3;
      if (op0 >= 2) {
        if (isRead) value = runtime.readSystemRegister(encoding);
        else runtime.writeSystemRegister(encoding, x0);
      } else if (op0 === 1) {
        if (isRead) value = runtime.systemOperationWithResult(encoding);
        else runtime.systemOperation(encoding, x0);
      } else if ((word >>> 12) & 4) {
        runtime.writePstateField(
          BigInt((((word >>> 16) & 7) << 3) | ((word >>> 5) & 7)),
          BigInt((word >>> 8) & 15),
        );
      } else if (word === 0xd503205f) runtime.waitForEvent();
      else if (word === 0xd503207f) runtime.waitForInterrupt();
    } else if (word >>> 24 === 0xd4) {
      const imm = BigInt((word >>> 5) & 0xffff);
      if ((word & 3) === 1) runtime.supervisorCall(imm);
      else if ((word & 3) === 2) runtime.hypervisorCall(imm);
      else runtime.secureMonitorCall(imm);
    }
    const target = runtime.redirected ? state.small('el') : -1;
    const esr = target < 0 ? 0 : Number(this.registers.get(`ESR_EL${target}`));
    return { target, esr, value };
  }
}

export const mrs = (encoding: number, rt = 0): number => (0xd520_0000 | (encoding << 5) | rt) >>> 0;
export const msr = (encoding: number, rt = 0): number => (0xd500_0000 | (encoding << 5) | rt) >>> 0;
