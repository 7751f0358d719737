/**
 * GICC: the physical CPU interface of GICv2 (IHI 0048B), without the Security Extensions: both groups are the guest's. Priorities
 * have 8 bits, as on QEMU's virt (a GIC-400 has 5).
 */
import type { DeviceState } from '../machine/device.ts';
import { ActivePriorities, groupPriority, preempts } from './gic_active_priorities.ts';
import {
  ACTIVE,
  type GicInterrupts,
  GROUP1_PENDING,
  IDLE_PRIORITY,
  INTERRUPT_COUNT,
  LATCHED,
  SGI_COUNT,
  SPURIOUS,
} from './gic_interrupts.ts';
import type { DeviceContext, DeviceRegister } from './register_table.ts';
import { RegisterTable } from './register_table.ts';

/** GICC_CTLR and GICV_CTLR. */
export const CTLR_ENABLE_GROUP0 = 1 << 0;
export const CTLR_ACKCTL = 1 << 2;
const CTLR_FIQEN = 1 << 3;
const CTLR_CBPR = 1 << 4;
const CTLR_EOIMODE = 1 << 9;
export const CTLR_MASK = 0x21f;

/** GICC_IIDR of QEMU's: architecture version 2, implementer Arm. */
export const GICC_IIDR = 0x0002_043b;

/** Bits of an IAR or EOIR value: INTID, and the CPU that sent an SGI. */
export const intidOf = (value: number): number => value & 0x3ff;
export const sourceCpuOf = (value: number): number => (value >>> 10) & 7;

export class GicV2CpuInterface {
  readonly cpu: number;
  readonly #interrupts: GicInterrupts;
  readonly #context: DeviceContext;
  readonly active = new ActivePriorities(128);
  ctlr = 0;
  pmr = 0;
  bpr = 0;
  abpr = 1;

  constructor(cpu: number, interrupts: GicInterrupts, context: DeviceContext) {
    this.cpu = cpu;
    this.#interrupts = interrupts;
    this.#context = context;
  }

  /** Which input of the CPU is driven now. */
  signal(): 'irq' | 'fiq' | 'none' {
    const interrupts = this.#interrupts;
    const intid = interrupts.highest(this.cpu);
    if (!this.#canAcknowledge(intid)) return 'none';
    const group0 = interrupts.group(interrupts.slot(this.cpu, intid)) === 0;
    return group0 && (this.ctlr & CTLR_FIQEN) !== 0 ? 'fiq' : 'irq';
  }

  /**
   * GICC_IAR, or GICC_AIAR that serves group 1 alone. 1023 where forwarding or signalling is off or the priority does not suffice,
   * and only then does AckCtl count (GICC_IAR in DDI 0601).
   */
  acknowledge(alias: boolean): number {
    const interrupts = this.#interrupts;
    const intid = interrupts.highest(this.cpu);
    if (!this.#canAcknowledge(intid)) return SPURIOUS;
    const slot = interrupts.slot(this.cpu, intid);
    const group = interrupts.group(slot);
    if (alias && group === 0) return SPURIOUS;
    if (!alias && group === 1 && (this.ctlr & CTLR_ACKCTL) === 0) return GROUP1_PENDING;
    this.active.push(group, groupPriority(interrupts.priority[slot], this.#binaryPoint(slot)));
    this.#event(intid, 'acknowledged', interrupts.priority[slot]);
    if (intid >= SGI_COUNT) {
      interrupts.activate(slot);
      return intid;
    }
    return intid | (this.#takeSgi(slot) << 10);
  }

  /**
   * GICC_HPPIR, or GICC_AHPPIR. The mask and the running priority do not matter; a group that the distributor has off is passed
   * over, and one that is off here reads as 1023 and hides the other (GICC_HPPIR in DDI 0601).
   */
  highestPending(alias: boolean): number {
    const interrupts = this.#interrupts;
    const intid = interrupts.highest(this.cpu);
    if (intid === SPURIOUS) return SPURIOUS;
    const slot = interrupts.slot(this.cpu, intid);
    const group = interrupts.group(slot);
    if ((this.ctlr & (CTLR_ENABLE_GROUP0 << group)) === 0) return SPURIOUS;
    if (alias && group === 0) return SPURIOUS;
    if (!alias && group === 1 && (this.ctlr & CTLR_ACKCTL) === 0) return GROUP1_PENDING;
    if (intid >= SGI_COUNT) return intid;
    return intid | (lowestCpu(interrupts.sgiSources[slot]) << 10);
  }

  /** GICC_EOIR and GICC_AEOIR: priority drop and, with EOImode = 0, deactivation. */
  endOfInterrupt(intid: number): void {
    if (intid >= INTERRUPT_COUNT || this.active.running() === IDLE_PRIORITY) return;
    const interrupts = this.#interrupts;
    const dropped = this.active.drop(interrupts.group(interrupts.slot(this.cpu, intid)));
    // Nothing is dropped where software has changed the interrupt's group since it was acknowledged.
    if (dropped !== IDLE_PRIORITY) this.#event(intid, 'priority drop', dropped);
    if ((this.ctlr & CTLR_EOIMODE) === 0) this.deactivate(intid);
  }

  /** GICC_DIR; UNPREDICTABLE with EOImode = 0, where nothing happens. */
  deactivateByRegister(intid: number): void {
    if ((this.ctlr & CTLR_EOIMODE) !== 0) this.deactivate(intid);
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
      ctlr: this.ctlr,
      pmr: this.pmr,
      bpr: this.bpr,
      abpr: this.abpr,
      activePriorities: this.active.save(),
    };
  }

  restore(state: DeviceState): void {
    this.ctlr = state['ctlr'] as number;
    this.pmr = state['pmr'] as number;
    this.bpr = state['bpr'] as number;
    this.abpr = state['abpr'] as number;
    this.active.restore(state['activePriorities'] as number[]);
  }

  #canAcknowledge(intid: number): boolean {
    if (intid === SPURIOUS) return false;
    const interrupts = this.#interrupts;
    const slot = interrupts.slot(this.cpu, intid);
    if ((this.ctlr & (CTLR_ENABLE_GROUP0 << interrupts.group(slot))) === 0) return false;
    return (
      interrupts.priority[slot] < this.pmr &&
      preempts(interrupts.priority[slot], this.active.running(), this.#binaryPoint(slot))
    );
  }

  #binaryPoint(slot: number): number {
    const own = this.#interrupts.group(slot) === 1 && (this.ctlr & CTLR_CBPR) === 0;
    return own ? this.abpr - 1 : this.bpr;
  }

  /** An SGI is pending once per sender; the lowest sender is acknowledged first. Returns the sender. */
  #takeSgi(slot: number): number {
    const interrupts = this.#interrupts;
    const sender = lowestCpu(interrupts.sgiSources[slot]);
    interrupts.sgiSources[slot] &= ~(1 << sender);
    const others = interrupts.sgiSources[slot] !== 0;
    interrupts.activate(slot);
    interrupts.change(slot, LATCHED, others);
    return sender;
  }

  #event(intid: number, event: string, detail: number | null): void {
    const { events } = this.#context;
    if (events.recording) events.append('interrupts', { intid, event, detail });
  }
}

const lowestCpu = (cpus: number): number => (cpus === 0 ? 0 : 31 - Math.clz32(cpus & -cpus));

/** GICC_BPR's least value with 8 bits of priority, and GICC_ABPR's. */
const MINIMUM_ABPR = 1;

export const GICC_REGISTERS = new RegisterTable<GicV2CpuInterface>([
  {
    offset: 0x0000,
    name: 'GICC_CTLR',
    access: 'RW',
    reset: 0,
    read: (c) => c.ctlr,
    write: (c, value) => {
      c.ctlr = value & CTLR_MASK;
    },
  },
  {
    offset: 0x0004,
    name: 'GICC_PMR',
    access: 'RW',
    reset: 0,
    read: (c) => c.pmr,
    write: (c, value) => {
      c.pmr = value & 0xff;
    },
  },
  {
    offset: 0x0008,
    name: 'GICC_BPR',
    access: 'RW',
    reset: 0,
    read: (c) => c.bpr,
    write: (c, value) => {
      c.bpr = value & 7;
    },
  },
  { offset: 0x000c, name: 'GICC_IAR', access: 'RO', reset: SPURIOUS, read: (c) => c.acknowledge(false) },
  {
    offset: 0x0010,
    name: 'GICC_EOIR',
    access: 'W1',
    reset: 0,
    write: (c, value) => c.endOfInterrupt(intidOf(value)),
  },
  {
    offset: 0x0014,
    name: 'GICC_RPR',
    access: 'RO',
    reset: 0xff,
    read: (c) => Math.min(c.active.running(), 0xff),
  },
  { offset: 0x0018, name: 'GICC_HPPIR', access: 'RO', reset: SPURIOUS, read: (c) => c.highestPending(false) },
  {
    offset: 0x001c,
    name: 'GICC_ABPR',
    access: 'RW',
    reset: MINIMUM_ABPR,
    read: (c) => c.abpr,
    write: (c, value) => {
      c.abpr = Math.max(value & 7, MINIMUM_ABPR);
    },
  },
  { offset: 0x0020, name: 'GICC_AIAR', access: 'RO', reset: SPURIOUS, read: (c) => c.acknowledge(true) },
  {
    offset: 0x0024,
    name: 'GICC_AEOIR',
    access: 'W1',
    reset: 0,
    write: (c, value) => c.endOfInterrupt(intidOf(value)),
  },
  { offset: 0x0028, name: 'GICC_AHPPIR', access: 'RO', reset: SPURIOUS, read: (c) => c.highestPending(true) },
  {
    offset: 0x00d0,
    name: 'GICC_APR',
    count: 4,
    access: 'RW',
    reset: 0,
    read: (c, i) => c.active.read(0, i),
    write: (c, value, i) => c.active.write(0, i, value),
  },
  {
    offset: 0x00e0,
    name: 'GICC_NSAPR',
    count: 4,
    access: 'RW',
    reset: 0,
    read: (c, i) => c.active.read(1, i),
    write: (c, value, i) => c.active.write(1, i, value),
  },
  { offset: 0x00fc, name: 'GICC_IIDR', access: 'RO', reset: GICC_IIDR },
  {
    offset: 0x1000,
    name: 'GICC_DIR',
    access: 'W1',
    reset: 0,
    write: (c, value) => c.deactivateByRegister(intidOf(value)),
  },
] satisfies DeviceRegister<GicV2CpuInterface>[]);

/** What a GICv2 SGI is: an edge, whose pending state is the set of its senders. */
export function sendSgi(interrupts: GicInterrupts, target: number, sgi: number, senders: number): void {
  const slot = interrupts.slot(target, sgi);
  if (senders === 0) return;
  interrupts.sgiSources[slot] |= senders;
  interrupts.setPending(slot);
}

export function clearSgi(interrupts: GicInterrupts, target: number, sgi: number, senders: number): void {
  const slot = interrupts.slot(target, sgi);
  interrupts.sgiSources[slot] &= ~senders;
  if (interrupts.sgiSources[slot] === 0) interrupts.change(slot, LATCHED, false);
}
