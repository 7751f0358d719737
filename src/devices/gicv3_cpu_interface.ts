/**
 * ICC_*_EL1: one CPU's physical interface of GICv3 (IHI 0069) with one security state, 5 bits of priority and of preemption,
 * 24 bits of INTID, as QEMU's Cortex-A57 has.
 */
import type { DeviceState } from '../machine/device.ts';
import { ActivePriorities, groupPriority, preempts } from './gic_active_priorities.ts';
import { ACTIVE, type GicInterrupts, IDLE_PRIORITY, INTERRUPT_COUNT, SPURIOUS } from './gic_interrupts.ts';
import { FIRST_LPI, type Lpis } from './gicv3_lpis.ts';
import type { DeviceContext } from './register_table.ts';

/** ICC_CTLR_EL1: the writable bits, and PRIbits, IDbits and A3V. */
const CTLR_CBPR = 1 << 0;
const CTLR_EOIMODE = 1 << 1;
const CTLR_MASK = CTLR_CBPR | CTLR_EOIMODE;
export const CTLR_CONSTANT = 0x8c00;

export const MINIMUM_BPR0 = 2;
export const MINIMUM_BPR1 = 3;
export const PRIORITY_MASK = 0xf8;
export const INTID_MASK = 0xff_ffff;

/** What ICC_BPR1 and ICV_BPR1 read with CBPR set: group 0's point, one higher, saturated (ICC_CTLR_EL1.CBPR). */
export const commonBinaryPoint = (bpr0: number): number => Math.min(bpr0 + 1, 7);

export class GicV3CpuInterface {
  readonly cpu: number;
  readonly active = new ActivePriorities(32);
  readonly #interrupts: GicInterrupts;
  readonly #lpis: Lpis;
  readonly #context: DeviceContext;
  #ctlr = 0;
  #bpr0 = MINIMUM_BPR0;
  #bpr1 = MINIMUM_BPR1;
  pmr = 0;
  /** ICC_IGRPEN0_EL1 and ICC_IGRPEN1_EL1, a bit each. */
  groupEnables = 0;

  constructor(cpu: number, interrupts: GicInterrupts, lpis: Lpis, context: DeviceContext) {
    this.cpu = cpu;
    this.#interrupts = interrupts;
    this.#lpis = lpis;
    this.#context = context;
  }

  get ctlr(): number {
    return this.#ctlr | CTLR_CONSTANT;
  }
  set ctlr(value: number) {
    this.#ctlr = value & CTLR_MASK;
  }

  get bpr0(): number {
    return this.#bpr0;
  }
  set bpr0(value: number) {
    this.#bpr0 = Math.max(value & 7, MINIMUM_BPR0);
  }

  get bpr1(): number {
    return (this.#ctlr & CTLR_CBPR) === 0 ? this.#bpr1 : commonBinaryPoint(this.#bpr0);
  }
  set bpr1(value: number) {
    if ((this.#ctlr & CTLR_CBPR) === 0) this.#bpr1 = Math.max(value & 7, MINIMUM_BPR1);
  }

  /** With one security state group 0 is always a FIQ and group 1 an IRQ (GICD_CTLR.DS 1). */
  signal(): 'irq' | 'fiq' | 'none' {
    const intid = this.#highest();
    if (!this.#preempts(intid)) return 'none';
    return this.#group(intid) === 0 ? 'fiq' : 'irq';
  }

  /** ICC_IAR<group>. */
  acknowledge(group: 0 | 1): number {
    const interrupts = this.#interrupts;
    const intid = this.#highest();
    if (!this.#preempts(intid) || this.#group(intid) !== group) return SPURIOUS;
    const priority = this.#highestPriority();
    this.active.push(group, groupPriority(priority, this.#binaryPoint(group)));
    this.#event(intid, 'acknowledged', priority);
    if (intid >= FIRST_LPI) this.#lpis.setPending(intid, false);
    else interrupts.activate(interrupts.slot(this.cpu, intid));
    return intid;
  }

  /** ICC_HPPIR<group>: neither the mask nor the running priority matters. */
  highestPending(group: 0 | 1): number {
    const intid = this.#highest();
    return intid === SPURIOUS || this.#group(intid) !== group ? SPURIOUS : intid;
  }

  /** ICC_EOIR<group>; ignored where the highest active priority is of the other group, and for INTIDs that do not exist. */
  endOfInterrupt(intid: number, group: 0 | 1): void {
    if (intid >= INTERRUPT_COUNT && intid < FIRST_LPI) return;
    if (this.active.highest(group) !== this.active.running()) return;
    const dropped = this.active.drop(group);
    if (dropped === IDLE_PRIORITY) return;
    this.#event(intid, 'priority drop', dropped);
    if ((this.#ctlr & CTLR_EOIMODE) === 0) this.deactivate(intid);
  }

  /** ICC_DIR; UNPREDICTABLE with EOImode = 0, where nothing happens. */
  deactivateByRegister(intid: number): void {
    if ((this.#ctlr & CTLR_EOIMODE) !== 0) this.deactivate(intid);
  }

  deactivate(intid: number): void {
    if (intid >= INTERRUPT_COUNT) return;
    const slot = this.#interrupts.slot(this.cpu, intid);
    if (!this.#interrupts.is(slot, ACTIVE)) return;
    this.#event(intid, 'deactivated', null);
    this.#interrupts.change(slot, ACTIVE, false);
  }

  save(): DeviceState {
    return {
      ctlr: this.#ctlr,
      bpr0: this.#bpr0,
      bpr1: this.#bpr1,
      pmr: this.pmr,
      groupEnables: this.groupEnables,
      activePriorities: this.active.save(),
    };
  }

  restore(state: DeviceState): void {
    this.#ctlr = state['ctlr'] as number;
    this.#bpr0 = state['bpr0'] as number;
    this.#bpr1 = state['bpr1'] as number;
    this.pmr = state['pmr'] as number;
    this.groupEnables = state['groupEnables'] as number;
    this.active.restore(state['activePriorities'] as number[]);
  }

  /** An LPI hides the others only where its priority is higher: of equals the lowest INTID goes first. */
  #highest(): number {
    const lpi = this.#lpis.highestPriority() < this.#interrupts.highestPriority(this.cpu);
    return lpi ? this.#lpis.highest() : this.#interrupts.highest(this.cpu);
  }

  #highestPriority(): number {
    return Math.min(this.#lpis.highestPriority(), this.#interrupts.highestPriority(this.cpu));
  }

  #group(intid: number): 0 | 1 {
    if (intid >= FIRST_LPI) return 1;
    return this.#interrupts.group(this.#interrupts.slot(this.cpu, intid));
  }

  #preempts(intid: number): boolean {
    if (intid === SPURIOUS) return false;
    const priority = this.#highestPriority();
    return (
      priority < this.pmr && preempts(priority, this.active.running(), this.#binaryPoint(this.#group(intid)))
    );
  }

  #binaryPoint(group: 0 | 1): number {
    return group === 1 && (this.#ctlr & CTLR_CBPR) === 0 ? this.#bpr1 - 1 : this.#bpr0;
  }

  #event(intid: number, event: string, detail: number | null): void {
    const { events } = this.#context;
    if (events.recording) events.append('interrupts', { intid, event, detail });
  }
}
