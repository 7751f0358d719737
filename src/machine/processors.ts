/** The CPUs: which one executes, which wait, and how PSCI switches them on and off. */
import type { Exceptions } from '../cpu/exceptions.ts';
import { CELL, type CpuState, VECTOR_BASE } from '../cpu/state.ts';
import type { SystemRegisters } from '../cpu/system_registers.ts';
import type { VirtBoard } from './board.ts';
import type { CpuCore } from './cpu_core.ts';
import type { PowerControl } from './psci.ts';
import type { Recipe } from './recipe.ts';
import { mpidrAffinity } from './virt_map.ts';

const WAITING_WFI = 1;
const WAITING_OFF = 3;
/** No address: the exclusive monitor is open. */
const MONITOR_OPEN = 0xffff_ffff_ffff_ffffn;
const RESET_TO_ZERO = [
  'sp',
  'spEl0',
  'spEl1',
  'spEl2',
  'il',
  'ss',
  'pan',
  'uao',
  'btype',
  'dit',
  'ssbs',
  'eventRegister',
] as const;
/** PSTATE as QEMU resets it: SPSel 1, DAIF masked, Z set. */
const RESET_NZCV = 0x4000_0000;
const RESET_DAIF = 15;

export interface ProcessorsContext {
  readonly recipe: Recipe;
  readonly state: CpuState;
  readonly cores: readonly CpuCore[];
  readonly registers: SystemRegisters;
  readonly exceptions: Exceptions;
  readonly board: VirtBoard;
  /** Another CPU's state is in CpuState now. */
  readonly onSwitch: () => void;
}

export class Processors {
  readonly cores: readonly CpuCore[];
  /** Index of the CPU whose state is in CpuState. */
  current = 0;
  /** Another CPU should have the turn. */
  yielded = false;
  readonly #context: ProcessorsContext;

  constructor(context: ProcessorsContext) {
    this.cores = context.cores;
    this.#context = context;
  }

  get #now(): CpuCore {
    return this.cores[this.current];
  }

  /** Every CPU as reset leaves it; the first one at `entry`, the others powered off. */
  reset(entry: bigint): void {
    for (const { index } of [...this.cores].reverse()) {
      this.#switchTo(index);
      this.#resetCpu(entry);
      this.#context.state.setSmall('waiting', index === 0 ? 0 : WAITING_OFF);
    }
  }

  #resetCpu(entry: bigint): void {
    const { state, registers, recipe, board } = this.#context;
    for (let n = 0; n < 31; n++) state.setX(n, 0n);
    for (const cell of RESET_TO_ZERO) state.set(cell, 0n);
    state.nzcv = RESET_NZCV;
    state.setSmall('el', recipe.el);
    state.setSmall('spsel', 1);
    state.setSmall('daif', RESET_DAIF);
    state.set('exclusiveAddress', MONITOR_OPEN);
    state.set('pc', entry);
    state.u64.fill(0n, VECTOR_BASE >>> 3, (VECTOR_BASE >>> 3) + 64);
    registers.reset();
    board.timer.reset(this.current);
    this.#now.mmu.registersChanged();
    this.#now.mmu.invalidateAll();
  }

  /** Somebody else stored to memory: the exclusive monitor of the current CPU opens. */
  openMonitor(): void {
    this.#context.state.set('exclusiveAddress', MONITOR_OPEN);
  }

  #switchTo(cpu: number): void {
    if (cpu === this.current) return;
    const { state, registers, board, onSwitch } = this.#context;
    board.monitors.leaveCpu();
    this.#now.park(state);
    this.cores[cpu].unpark(state);
    state.branchType = state.small('btype');
    // Another CPU may have stored to the marked address in the meantime: the architecture lets a monitor open at any time.
    state.set('exclusiveAddress', MONITOR_OPEN);
    this.current = cpu;
    registers.reload(cpu);
    board.monitors.enterCpu();
    onSwitch();
  }

  /** A small cell of any CPU. */
  #waiting(cpu: number): number {
    return this.cores[cpu].small('waiting', this.#context.state, cpu === this.current);
  }

  /**
   * Chooses the CPU that executes next: the current one, or in turn after it; wakes those whose WFI ends. False when all wait.
   */
  choose(): boolean {
    const { cores } = this;
    const { state, exceptions, board } = this.#context;
    if (cores.length === 1 && state.u32[WAITING] === 0) {
      this.yielded = false;
      return true;
    }
    const start = this.yielded ? 1 : 0;
    this.yielded = false;
    for (let i = 0; i < cores.length; i++) {
      const cpu = (this.current + start + i) % cores.length;
      const waiting = this.#waiting(cpu);
      if (waiting === WAITING_OFF) continue;
      if (waiting === WAITING_WFI) {
        const wakesUp = cpu === this.current ? exceptions.wakesUp() : cores[cpu].endsWait(board.inputs[cpu]);
        if (!wakesUp) continue;
      }
      this.#switchTo(cpu);
      state.setSmall('waiting', 0);
      return true;
    }
    return false;
  }

  /** What PSCI does to the CPUs. */
  powerControl(): Omit<PowerControl, 'systemOff' | 'systemReset'> {
    const { recipe, state } = this.#context;
    return {
      cpuOf: (affinity) => {
        const cpu = this.cores.findIndex(
          ({ index }) => BigInt(mpidrAffinity(index, recipe.gic)) === affinity,
        );
        return cpu < 0 ? undefined : cpu;
      },
      power: (cpu) => (this.#waiting(cpu) === WAITING_OFF ? 'off' : 'on'),
      switchOn: (cpu, entry, argument) => {
        const caller = this.current;
        this.#switchTo(cpu);
        this.#resetCpu(entry);
        state.setX(0, argument);
        state.setSmall('waiting', 0);
        this.#switchTo(caller);
      },
      switchOff: () => state.setSmall('waiting', WAITING_OFF),
      suspend: () => state.setSmall('waiting', WAITING_WFI),
    };
  }
}

const WAITING = CELL.waiting >>> 2;
