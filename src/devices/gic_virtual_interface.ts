/**
 * One CPU's virtual interface: list registers, the virtual machine's control and active priorities, the maintenance interrupt.
 * GICH/GICV and ICH_/ICV_ are register views of this; both have 4 list registers and 32 priorities.
 *
 * A list register is kept as GICv3's two words (ICH_LR<n>_EL2). GICv2's has the same fields in one word; its source CPU of a
 * software interrupt lies in the low bits of pINTID.
 */
import type { DeviceState } from '../machine/device.ts';
import type { EventSink } from '../trace/schema.ts';
import { ActivePriorities, groupPriority, preempts } from './gic_active_priorities.ts';
import { IDLE_PRIORITY } from './gic_interrupts.ts';

export const LIST_REGISTERS = 4;
const FIRST_LPI = 8192;

/** High word of a list register. */
const LR_PENDING = 1 << 30;
const LR_ACTIVE = 1 << 31;
const LR_STATE = LR_PENDING | LR_ACTIVE;
const LR_HW = 1 << 29;
const LR_GROUP1 = 1 << 28;
/** With HW = 0: raise a maintenance interrupt at EOI. */
const LR_EOI = 1 << 9;

/** GICH_HCR and ICH_HCR_EL2. */
const HCR_EN = 1 << 0;
const HCR_UIE = 1 << 1;
const HCR_LRENPIE = 1 << 2;
const HCR_NPIE = 1 << 3;
const HCR_VGRP0EIE = 1 << 4;
const HCR_VGRP0DIE = 1 << 5;
const HCR_VGRP1EIE = 1 << 6;
const HCR_VGRP1DIE = 1 << 7;
const HCR_EOICOUNT_SHIFT = 27;

/** GICH_MISR and ICH_MISR_EL2: the same positions as the enables in HCR, and EOI in place of En. */
const MISR_EOI = 1 << 0;

/** GICH_VMCR and ICH_VMCR_EL2. */
export const VMCR_ENG0 = 1 << 0;
export const VMCR_ENG1 = 1 << 1;
export const VMCR_ACKCTL = 1 << 2;
export const VMCR_FIQEN = 1 << 3;
export const VMCR_CBPR = 1 << 4;
export const VMCR_EOIM = 1 << 9;
const VMCR_BPR1_SHIFT = 18;
const VMCR_BPR0_SHIFT = 21;
const VMCR_PMR_SHIFT = 24;
/** The least binary points with 5 bits of priority. */
const MINIMUM_BPR0 = 2;
const MINIMUM_BPR1 = 3;
const VMCR_RESET = (MINIMUM_BPR0 << VMCR_BPR0_SHIFT) | (MINIMUM_BPR1 << VMCR_BPR1_SHIFT);

export interface VirtualInterfaceOptions {
  readonly events: EventSink;
  /** Deactivates the physical interrupt of a list register with HW = 1. */
  readonly deactivatePhysical: (intid: number) => void;
  /** Level of the maintenance interrupt. */
  readonly maintenance: (level: boolean) => void;
  /** GICv2: one active priorities register for both groups. */
  readonly oneActivePrioritiesRegister: boolean;
  /** Writable bits of VMCR, and those that read as one. */
  readonly vmcrMask: number;
  readonly vmcrOnes: number;
  readonly hcrMask: number;
}

export class VirtualInterface {
  readonly active = new ActivePriorities(32);
  readonly #options: VirtualInterfaceOptions;
  readonly #high = new Int32Array(LIST_REGISTERS);
  readonly #low = new Uint32Array(LIST_REGISTERS);
  #hcr = 0;
  #vmcr = VMCR_RESET;
  #maintenance = false;
  virq = false;
  vfiq = false;

  constructor(options: VirtualInterfaceOptions) {
    this.#options = options;
    this.#vmcr |= options.vmcrOnes;
  }

  get hcr(): number {
    return this.#hcr >>> 0;
  }
  set hcr(value: number) {
    this.#hcr = value & this.#options.hcrMask;
  }

  get vmcr(): number {
    return this.#vmcr >>> 0;
  }
  set vmcr(value: number) {
    this.#vmcr = (value & this.#options.vmcrMask) | this.#options.vmcrOnes;
    this.bpr0 = (value >>> VMCR_BPR0_SHIFT) & 7;
    this.bpr1 = (value >>> VMCR_BPR1_SHIFT) & 7;
  }

  is(vmcrBit: number): boolean {
    return (this.#vmcr & vmcrBit) !== 0;
  }

  get pmr(): number {
    return this.#vmcr >>> VMCR_PMR_SHIFT;
  }
  set pmr(value: number) {
    this.#vmcr = (this.#vmcr & ~(0xff << VMCR_PMR_SHIFT)) | ((value & 0xf8) << VMCR_PMR_SHIFT);
  }

  get bpr0(): number {
    return (this.#vmcr >>> VMCR_BPR0_SHIFT) & 7;
  }
  set bpr0(value: number) {
    const point = Math.max(value & 7, MINIMUM_BPR0);
    this.#vmcr = (this.#vmcr & ~(7 << VMCR_BPR0_SHIFT)) | (point << VMCR_BPR0_SHIFT);
  }

  get bpr1(): number {
    return (this.#vmcr >>> VMCR_BPR1_SHIFT) & 7;
  }
  set bpr1(value: number) {
    const point = Math.max(value & 7, MINIMUM_BPR1);
    this.#vmcr = (this.#vmcr & ~(7 << VMCR_BPR1_SHIFT)) | (point << VMCR_BPR1_SHIFT);
  }

  /** High and low word of a list register. */
  readHigh(n: number): number {
    return this.#high[n] >>> 0;
  }
  readLow(n: number): number {
    return this.#low[n];
  }

  writeListRegister(n: number, high: number, low: number): void {
    this.#high[n] = high;
    this.#low[n] = low;
    const { events } = this.#options;
    if (events.recording && (high & LR_STATE) !== 0)
      events.append('interrupts', { intid: low, event: 'list register', detail: n });
  }

  group(n: number): 0 | 1 {
    return (this.#high[n] & LR_GROUP1) === 0 ? 0 : 1;
  }

  vintid(n: number): number {
    return this.#low[n];
  }

  /** GICv2: the CPU that sent a software interrupt. */
  sourceCpu(n: number): number {
    return (this.#high[n] & LR_HW) === 0 ? this.#high[n] & 7 : 0;
  }

  /** As highestInListRegisters, while the virtual interface is on. */
  highestPending(): number {
    return (this.#hcr & HCR_EN) === 0 ? -1 : this.highestInListRegisters();
  }

  /** The list register with the highest-priority pending virtual interrupt of an enabled group, -1 where there is none. */
  highestInListRegisters(): number {
    let best = -1;
    let bestPriority = IDLE_PRIORITY;
    for (let n = 0; n < LIST_REGISTERS; n++) {
      const high = this.#high[n];
      if ((high & LR_STATE) !== LR_PENDING || (this.#vmcr & (1 << this.group(n))) === 0) continue;
      const priority = (high >>> 16) & 0xff;
      if (priority >= bestPriority) continue;
      best = n;
      bestPriority = priority;
    }
    return best;
  }

  /** Whether a pending list register passes the priority mask and preempts what runs. */
  preempts(n: number): boolean {
    const priority = (this.#high[n] >>> 16) & 0xff;
    return priority < this.pmr && preempts(priority, this.active.running(), this.#binaryPoint(n));
  }

  /** Makes a pending virtual interrupt active, a virtual LPI too (physical ones have no such state). */
  acknowledge(n: number): void {
    this.active.push(this.#options.oneActivePrioritiesRegister ? 0 : this.group(n), this.#groupPriority(n));
    this.#high[n] = (this.#high[n] & ~LR_PENDING) | LR_ACTIVE;
    this.#event(this.#low[n], 'virtual acknowledged', n);
  }

  /** Empties a pending list register whose INTID cannot be acknowledged. */
  discard(n: number): void {
    this.#high[n] &= ~LR_PENDING;
  }

  /**
   * A write of an EOI register: drops the running priority and, with VEOIM = 0, deactivates. `group` is that of the register, null
   * where it serves both (GICV_EOIR). `sourceCpu` matters for GICv2's software interrupts alone.
   *
   * An EOI that clears no active priority is not counted, which ICH_HCR_EL2.EOIcount leaves open. That it still deactivates on GICv2, and not on GICv3, is QEMU's choice
   * for what the manuals leave UNPREDICTABLE; so is that GICv3 does not deactivate out of order.
   */
  endOfInterrupt(vintid: number, group: 0 | 1 | null, sourceCpu = 0): void {
    const dropped = this.#dropPriority();
    if (dropped === IDLE_PRIORITY && group !== null) return;
    const n = this.#findActive(vintid, sourceCpu);
    this.#event(vintid, 'virtual eoi', n < 0 ? null : n);
    // Nobody writes the deactivate register for an LPI: its EOI deactivates in both modes.
    if (this.is(VMCR_EOIM) && vintid < FIRST_LPI) return;
    if (n >= 0) {
      if (group === null || (this.group(n) === group && this.#groupPriority(n) === dropped))
        this.#deactivate(n);
    } else if (dropped !== IDLE_PRIORITY) this.#countEoi(vintid);
  }

  /** A write of a deactivate register; ignored with VEOIM = 0. */
  deactivate(vintid: number, sourceCpu = 0): void {
    if (!this.is(VMCR_EOIM)) return;
    const n = this.#findActive(vintid, sourceCpu);
    if (n < 0) this.#countEoi(vintid);
    else this.#deactivate(n);
  }

  /** EISR: list registers that an EOI emptied and that asked for a maintenance interrupt. */
  eisr(): number {
    return this.#listRegisters((high) => (high & (LR_STATE | LR_HW)) === 0 && (high & LR_EOI) !== 0);
  }

  /** ELRSR: list registers that are free. */
  elrsr(): number {
    return this.#listRegisters(
      (high) => (high & LR_STATE) === 0 && ((high & LR_HW) !== 0 || (high & LR_EOI) === 0),
    );
  }

  misr(): number {
    const hcr = this.#hcr;
    const used = bitCount(this.#listRegisters((high) => (high & LR_STATE) !== 0));
    const pending = this.#listRegisters((high) => (high & LR_STATE) === LR_PENDING);
    let misr = this.eisr() === 0 ? 0 : MISR_EOI;
    if (used <= 1) misr |= hcr & HCR_UIE;
    if (hcr >>> HCR_EOICOUNT_SHIFT !== 0) misr |= hcr & HCR_LRENPIE;
    if (pending === 0) misr |= hcr & HCR_NPIE;
    misr |= hcr & (this.is(VMCR_ENG0) ? HCR_VGRP0EIE : HCR_VGRP0DIE);
    misr |= hcr & (this.is(VMCR_ENG1) ? HCR_VGRP1EIE : HCR_VGRP1DIE);
    return misr;
  }

  /** Brings the outputs up to date: virq, vfiq and the maintenance interrupt. */
  update(): void {
    const n = this.highestPending();
    const signalled = n >= 0 && this.preempts(n);
    // Group 0 is signalled as FIQ where VFIQEn says so, group 1 as IRQ.
    this.vfiq = signalled && this.group(n) === 0 && this.is(VMCR_FIQEN);
    this.virq = signalled && !this.vfiq;
    const misr = (this.#hcr & HCR_EN) === 0 ? 0 : this.misr();
    const maintenance = misr !== 0;
    if (maintenance === this.#maintenance) return;
    this.#maintenance = maintenance;
    if (maintenance) this.#event(25, 'maintenance', misr);
    this.#options.maintenance(maintenance);
  }

  save(): DeviceState {
    return {
      hcr: this.#hcr,
      vmcr: this.#vmcr,
      listRegistersHigh: [...this.#high],
      listRegistersLow: [...this.#low],
      activePriorities: this.active.save(),
      maintenance: this.#maintenance,
    };
  }

  restore(state: DeviceState): void {
    this.#hcr = state['hcr'] as number;
    this.#vmcr = state['vmcr'] as number;
    this.#high.set(state['listRegistersHigh'] as number[]);
    this.#low.set(state['listRegistersLow'] as number[]);
    this.active.restore(state['activePriorities'] as number[]);
    this.#maintenance = state['maintenance'] as boolean;
  }

  #groupPriority(n: number): number {
    return groupPriority((this.#high[n] >>> 16) & 0xff, this.#binaryPoint(n));
  }

  #binaryPoint(n: number): number {
    const own = this.group(n) === 1 && !this.is(VMCR_CBPR);
    return own ? this.bpr1 - 1 : this.bpr0;
  }

  /** Drops the highest active priority of both groups, whichever register asks. */
  #dropPriority(): number {
    const { active } = this;
    return active.drop(active.highest(0) <= active.highest(1) ? 0 : 1);
  }

  #findActive(vintid: number, sourceCpu: number): number {
    for (let n = 0; n < LIST_REGISTERS; n++) {
      if ((this.#high[n] & LR_ACTIVE) === 0 || this.#low[n] !== vintid) continue;
      if (vintid < 16 && this.#options.oneActivePrioritiesRegister && this.sourceCpu(n) !== sourceCpu)
        continue;
      return n;
    }
    return -1;
  }

  #deactivate(n: number): void {
    const high = this.#high[n];
    this.#high[n] = high & ~LR_ACTIVE;
    if ((high & LR_HW) !== 0) this.#options.deactivatePhysical(high & 0x1fff);
  }

  /**
   * ICH_HCR_EL2.EOIcount counts writes of EOIR with EOImode 0, and of DIR with EOImode 1, that found no list register to deactivate,
   * LPIs excepted.
   */
  #countEoi(vintid: number): void {
    if (vintid >= FIRST_LPI) return;
    const count = ((this.#hcr >>> HCR_EOICOUNT_SHIFT) + 1) & 0x1f;
    this.#hcr = (this.#hcr & ~(0x1f << HCR_EOICOUNT_SHIFT)) | (count << HCR_EOICOUNT_SHIFT);
  }

  #listRegisters(which: (high: number) => boolean): number {
    let bits = 0;
    for (let n = 0; n < LIST_REGISTERS; n++) if (which(this.#high[n])) bits |= 1 << n;
    return bits;
  }

  #event(intid: number, event: string, detail: number | null): void {
    const { events } = this.#options;
    if (events.recording) events.append('interrupts', { intid, event, detail });
  }
}

const bitCount = (bits: number): number => {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
};
