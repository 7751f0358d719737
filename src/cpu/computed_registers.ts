/** The system registers without storage of their own: fields of PSTATE, stack pointers, and what follows from other registers or from signals. */
import type { CpuInterruptInputs } from '../machine/device.ts';
import type { CpuModel } from './models/model.ts';
import { readStackPointer, switchStack, writeStackPointer } from './stack_pointers.ts';
import { CELL, type CpuState } from './state.ts';
import { slotOf } from './sysregs/table.ts';
import { isHost } from './sysregs/traps.ts';

export interface ComputedRegistersOptions {
  readonly state: CpuState;
  readonly model: CpuModel;
  /** Values of the identification registers. */
  readonly identification: { readonly [register: string]: bigint };
  /** MPIDR_EL1 of a CPU. */
  readonly mpidr: (cpu: number) => bigint;
  /** What the interrupt controller drives, by CPU. */
  readonly inputs: readonly CpuInterruptInputs[];
}

const EL = CELL.el >>> 2;
const HCR = slotOf('HCR_EL2');
const SCTLR_EL1 = slotOf('SCTLR_EL1');
const SCTLR_EL2 = slotOf('SCTLR_EL2');
const VPIDR = slotOf('VPIDR_EL2');
const VMPIDR = slotOf('VMPIDR_EL2');
const DISR = slotOf('DISR_EL1');
const VDISR = slotOf('VDISR_EL2');
const OSLSR = slotOf('OSLSR_EL1');
const CSSELR = slotOf('CSSELR_EL1');
const HCR_TDZ = 1n << 28n;
const HCR_FMO = 1n << 3n;
const HCR_IMO = 1n << 4n;
const HCR_AMO = 1n << 5n;
const SCTLR_DZE = 1n << 14n;

export class ComputedRegisters {
  /** Number of the CPU whose state is in CpuState. */
  cpu = 0;
  readonly #options: ComputedRegistersOptions;
  readonly #state: CpuState;

  constructor(options: ComputedRegistersOptions) {
    this.#options = options;
    this.#state = options.state;
  }

  /** Its value as the current exception level sees it. */
  read(name: string): bigint {
    const state = this.#state;
    const { identification, model, mpidr } = this.#options;
    const el = state.u32[EL];
    switch (name) {
      case 'MIDR_EL1':
        return el === 1 ? state.u64[VPIDR] : identification.MIDR_EL1;
      case 'MPIDR_EL1':
        return el === 1 ? state.u64[VMPIDR] : mpidr(this.cpu);
      case 'CCSIDR_EL1':
        return model.ccsidr[Number(state.u64[CSSELR])] ?? 0n;
      case 'DCZID_EL0': {
        const host = el === 0 && isHost(state.u64[HCR]);
        const prohibited =
          (el === 0 && (state.u64[host ? SCTLR_EL2 : SCTLR_EL1] & SCTLR_DZE) === 0n) ||
          (el < 2 && !host && (state.u64[HCR] & HCR_TDZ) !== 0n);
        return identification.DCZID_EL0 | (prohibited ? 1n << 4n : 0n);
      }
      case 'ISR_EL1':
        return this.#interruptStatus(el);
      case 'CurrentEL':
        return BigInt(el << 2);
      case 'SPSel':
        return BigInt(state.small('spsel'));
      case 'DAIF':
        return BigInt(state.small('daif') << 6);
      case 'NZCV':
        return BigInt(state.nzcv);
      case 'PAN':
        return BigInt(state.small('pan') << 22);
      case 'UAO':
        return BigInt(state.small('uao') << 23);
      case 'DIT':
        return BigInt(state.small('dit') << 24);
      case 'SSBS':
        return BigInt(state.small('ssbs') << 12);
      case 'DISR_EL1':
        return state.u64[this.#deferredError(el)];
      case 'SP_EL0':
        return readStackPointer(state, 'spEl0');
      case 'SP_EL1':
        return readStackPointer(state, 'spEl1');
      default:
        throw new Error(`nobody computes ${name}`);
    }
  }

  write(name: string, value: bigint): void {
    const state = this.#state;
    switch (name) {
      case 'SPSel':
        switchStack(state, state.small('el'), Number(value & 1n));
        break;
      case 'DAIF':
        state.setSmall('daif', Number((value >> 6n) & 15n));
        break;
      case 'NZCV':
        state.nzcv = Number(value & 0xf000_0000n);
        break;
      case 'PAN':
        state.setSmall('pan', Number((value >> 22n) & 1n));
        break;
      case 'UAO':
        state.setSmall('uao', Number((value >> 23n) & 1n));
        break;
      case 'DIT':
        state.setSmall('dit', Number((value >> 24n) & 1n));
        break;
      case 'SSBS':
        state.setSmall('ssbs', Number((value >> 12n) & 1n));
        break;
      case 'DISR_EL1':
        state.u64[this.#deferredError(state.u32[EL])] = value;
        break;
      case 'SP_EL0':
        writeStackPointer(state, 'spEl0', value);
        break;
      case 'SP_EL1':
        writeStackPointer(state, 'spEl1', value);
        break;
      case 'OSLAR_EL1':
        state.u64[OSLSR] = (state.u64[OSLSR] & ~2n) | ((value & 1n) << 1n);
        break;
      default:
        throw new Error(`nobody takes ${name}`);
    }
  }

  /** DISR_EL1 of EL1 is VDISR_EL2 where HCR_EL2.AMO makes its SErrors virtual (D17.2.33). */
  #deferredError(el: number): number {
    return el === 1 && (this.#state.u64[HCR] & HCR_AMO) !== 0n ? VDISR : DISR;
  }

  /** ISR_EL1: below EL2 the virtual interrupt where HCR_EL2 routes the physical one away (D17.2.73). */
  #interruptStatus(el: number): bigint {
    const inputs = this.#options.inputs[this.cpu];
    const hcr = this.#state.u64[HCR];
    const virtual = (route: bigint) => el < 2 && (hcr & route) !== 0n;
    const irq = virtual(HCR_IMO) ? inputs.virq || (hcr & (1n << 7n)) !== 0n : inputs.irq;
    const fiq = virtual(HCR_FMO) ? inputs.vfiq || (hcr & (1n << 6n)) !== 0n : inputs.fiq;
    const serror = virtual(HCR_AMO) && (hcr & (1n << 8n)) !== 0n;
    return (irq ? 0x80n : 0n) | (fiq ? 0x40n : 0n) | (serror ? 0x100n : 0n);
  }
}
