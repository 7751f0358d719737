/**
 * The state of every interrupt of a GIC, and for each CPU the highest-priority one that may be signalled to it. GICv2 and GICv3
 * distributors and redistributors are register views of this.
 *
 * Rows of table `interrupts`, `detail` by event: raised, lowered, pending: the CPU of a private interrupt, null for a shared one;
 * acknowledged, priority drop: the priority; list register, virtual acknowledged, virtual eoi: number of the list register, null where
 * none has the interrupt; maintenance: GICH_MISR or ICH_MISR_EL2; deactivated: null.
 *
 * Cost: a change of one interrupt updates one bit per CPU; the highest pending interrupt is looked for only when something that
 * bears on it has changed, and then only among the interrupts that are pending, enabled and not active.
 */
import type { DeviceState, InterruptLine } from '../machine/device.ts';
import type { EventSink } from '../trace/schema.ts';

/** Interrupts of the virt board: 32 private to each CPU and 256 shared ones. */
export const INTERRUPT_COUNT = 288;
export const PRIVATE_COUNT = 32;
export const SGI_COUNT = 16;
const WORDS = INTERRUPT_COUNT / 32;

/** INTIDs that stand for none (special interrupt numbers: GICC_IAR, ICC_IAR0_EL1). */
export const GROUP1_PENDING = 1022;
export const SPURIOUS = 1023;
/** Above every priority: nothing pending, nothing active. */
export const IDLE_PRIORITY = 0x100;

/** Bits of an interrupt's state. */
export const ENABLED = 1 << 0;
/** Pending by an edge, by software or, for an SGI, by any source; a level keeps an interrupt pending by itself. */
export const LATCHED = 1 << 1;
export const ASSERTED = 1 << 2;
export const ACTIVE = 1 << 3;
export const EDGE = 1 << 4;
export const GROUP1 = 1 << 5;

export class GicInterrupts {
  readonly cpuCount: number;
  /** Indexed by slot: 32 for each CPU, then the shared ones. */
  readonly flags: Uint8Array;
  readonly priority: Uint8Array;
  /** CPUs that a slot is delivered to: one bit each of the eight from `firstTarget` on. */
  readonly targets: Uint8Array;
  readonly #firstTarget: Uint8Array;
  /** GICv2: CPUs that have sent an SGI and have not been acknowledged, one bit each; by slot of the receiver. */
  readonly sgiSources: Uint8Array;
  /** By CPU: bit g is set where pending interrupts of group g reach the CPU interface. */
  readonly #groups: Uint8Array;
  readonly #candidates: Uint32Array;
  readonly #best: Uint16Array;
  readonly #bestPriority: Uint16Array;
  readonly #stale: Uint8Array;
  readonly #events: EventSink;

  constructor(cpuCount: number, events: EventSink) {
    const slots = cpuCount * PRIVATE_COUNT + INTERRUPT_COUNT - PRIVATE_COUNT;
    this.cpuCount = cpuCount;
    this.#events = events;
    this.flags = new Uint8Array(slots);
    this.priority = new Uint8Array(slots);
    this.targets = new Uint8Array(slots);
    this.#firstTarget = new Uint8Array(slots);
    this.sgiSources = new Uint8Array(cpuCount * PRIVATE_COUNT);
    this.#groups = new Uint8Array(cpuCount);
    this.#candidates = new Uint32Array(cpuCount * WORDS);
    this.#best = new Uint16Array(cpuCount);
    this.#bestPriority = new Uint16Array(cpuCount);
    this.#stale = new Uint8Array(cpuCount).fill(1);
    for (let cpu = 0; cpu < cpuCount; cpu++) {
      this.targets.fill(1, cpu * PRIVATE_COUNT, (cpu + 1) * PRIVATE_COUNT);
      this.#firstTarget.fill(cpu, cpu * PRIVATE_COUNT, (cpu + 1) * PRIVATE_COUNT);
      for (let sgi = 0; sgi < SGI_COUNT; sgi++) this.flags[cpu * PRIVATE_COUNT + sgi] = EDGE;
    }
  }

  /** Where the state of an interrupt is, as one CPU sees it. */
  slot(cpu: number, intid: number): number {
    return intid < PRIVATE_COUNT ? cpu * PRIVATE_COUNT + intid : (this.cpuCount - 1) * PRIVATE_COUNT + intid;
  }

  is(slot: number, bits: number): boolean {
    return (this.flags[slot] & bits) !== 0;
  }

  isPending(slot: number): boolean {
    const flags = this.flags[slot];
    return (flags & LATCHED) !== 0 || (flags & (ASSERTED | EDGE)) === ASSERTED;
  }

  group(slot: number): 0 | 1 {
    return (this.flags[slot] & GROUP1) === 0 ? 0 : 1;
  }

  change(slot: number, bits: number, on: boolean): void {
    const before = this.flags[slot];
    const after = on ? before | bits : before & ~bits;
    if (after === before) return;
    this.flags[slot] = after;
    this.#refresh(slot);
  }

  setPriority(slot: number, priority: number): void {
    if (this.priority[slot] === priority) return;
    this.priority[slot] = priority;
    this.#refresh(slot);
  }

  /** Delivers a shared interrupt to the CPUs of a mask of eight (GICv2), or to one CPU by `first` (GICv3). */
  setTargets(slot: number, cpus: number, first = 0): void {
    this.targets[slot] = 0;
    this.#refresh(slot);
    this.targets[slot] = cpus;
    this.#firstTarget[slot] = first;
    this.#refresh(slot);
  }

  /** Which groups reach a CPU's interface: bit 0 group 0, bit 1 group 1. */
  setGroups(cpu: number, groups: number): void {
    if (this.#groups[cpu] === groups) return;
    this.#groups[cpu] = groups;
    this.#stale[cpu] = 1;
  }

  /** Makes an interrupt pending as software or an edge does. */
  setPending(slot: number): void {
    if (this.is(slot, LATCHED)) return;
    this.change(slot, LATCHED, true);
    this.#event(slot, 'pending');
  }

  /** A peripheral's line: level for one CPU's PPI, or for an SPI. */
  setLine(slot: number, level: boolean): void {
    if (this.is(slot, ASSERTED) === level) return;
    const flags = this.flags[slot];
    this.#event(slot, level ? 'raised' : 'lowered');
    this.change(slot, ASSERTED, level);
    if (level && (flags & EDGE) !== 0) this.setPending(slot);
  }

  /** Active from now on; the edge that made it pending is used up, a level may keep it pending. */
  activate(slot: number): void {
    this.flags[slot] = (this.flags[slot] | ACTIVE) & ~LATCHED;
    this.#refresh(slot);
  }

  /** The interrupt that a CPU's interface sees, SPURIOUS where there is none; ties go to the lowest INTID. */
  highest(cpu: number): number {
    if (this.#stale[cpu] !== 0) this.#findHighest(cpu);
    return this.#best[cpu];
  }

  /** Its priority, IDLE_PRIORITY where there is none. */
  highestPriority(cpu: number): number {
    if (this.#stale[cpu] !== 0) this.#findHighest(cpu);
    return this.#bestPriority[cpu];
  }

  save(): DeviceState {
    return {
      flags: [...this.flags],
      priority: [...this.priority],
      targets: [...this.targets],
      firstTarget: [...this.#firstTarget],
      sgiSources: [...this.sgiSources],
      groups: [...this.#groups],
    };
  }

  restore(state: DeviceState): void {
    this.flags.set(state['flags'] as number[]);
    this.priority.set(state['priority'] as number[]);
    this.targets.set(state['targets'] as number[]);
    this.#firstTarget.set(state['firstTarget'] as number[]);
    this.sgiSources.set(state['sgiSources'] as number[]);
    this.#groups.set(state['groups'] as number[]);
    this.#candidates.fill(0);
    for (let slot = 0; slot < this.flags.length; slot++) this.#refresh(slot);
    this.#stale.fill(1);
  }

  #event(slot: number, event: 'raised' | 'lowered' | 'pending'): void {
    if (!this.#events.recording) return;
    const shared = slot - this.cpuCount * PRIVATE_COUNT;
    const cpu = Math.floor(slot / PRIVATE_COUNT);
    if (shared >= 0)
      this.#events.append('interrupts', { intid: PRIVATE_COUNT + shared, event, detail: null });
    else this.#events.append('interrupts', { intid: slot % PRIVATE_COUNT, event, detail: cpu });
  }

  /** Brings the candidate bits of one interrupt up to date. */
  #refresh(slot: number): void {
    const privateSlots = this.cpuCount * PRIVATE_COUNT;
    const candidate = (this.flags[slot] & (ENABLED | ACTIVE)) === ENABLED && this.isPending(slot);
    const targets = candidate ? this.targets[slot] : 0;
    const intid = slot < privateSlots ? slot % PRIVATE_COUNT : slot - privateSlots + PRIVATE_COUNT;
    const first = this.#firstTarget[slot];
    const last = slot < privateSlots ? first : Math.min(first + 7, this.cpuCount - 1);
    const bit = 1 << (intid & 31);
    for (let cpu = first; cpu <= last; cpu++) {
      const word = cpu * WORDS + (intid >>> 5);
      const before = this.#candidates[word];
      const now = (targets >>> (cpu - first)) & 1;
      if (now === 0 && (before & bit) === 0) continue;
      this.#candidates[word] = now === 0 ? before & ~bit : before | bit;
      this.#stale[cpu] = 1;
    }
  }

  #findHighest(cpu: number): void {
    let best = SPURIOUS;
    let bestPriority = IDLE_PRIORITY;
    const groups = this.#groups[cpu];
    for (let word = 0; word < WORDS; word++) {
      let bits = this.#candidates[cpu * WORDS + word];
      while (bits !== 0) {
        const low = 31 - Math.clz32(bits & -bits);
        bits &= bits - 1;
        const slot = this.slot(cpu, word * 32 + low);
        if (this.priority[slot] >= bestPriority || ((groups >>> this.group(slot)) & 1) === 0) continue;
        best = word * 32 + low;
        bestPriority = this.priority[slot];
      }
    }
    this.#best[cpu] = best;
    this.#bestPriority[cpu] = bestPriority;
    this.#stale[cpu] = 0;
  }
}

/** A wire from a peripheral: `intid` 32 and above is shared, 16 to 31 is the PPI of `cpu`. `changed` runs after the level is in. */
export function interruptLine(
  interrupts: GicInterrupts,
  intid: number,
  cpu: number,
  changed: () => void,
): InterruptLine {
  if (intid < SGI_COUNT || intid >= INTERRUPT_COUNT) throw new Error(`no interrupt line ${intid}`);
  const slot = interrupts.slot(cpu, intid);
  return (level) => {
    if (interrupts.is(slot, ASSERTED) === level) return;
    interrupts.setLine(slot, level);
    changed();
  };
}
