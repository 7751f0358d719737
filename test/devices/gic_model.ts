/**
 * The priority and preemption rules of a GIC, written as slowly and plainly as they can be: every question scans everything. It has
 * several CPUs, both groups on, AckCtl and FIQEn set where they exist, EOImode 0.
 */
export interface ModelInterrupt {
  readonly intid: number;
  /** CPUs it is delivered to. */
  targets: number[];
  enabled: boolean;
  latched: boolean;
  asserted: boolean;
  edge: boolean;
  active: boolean;
  priority: number;
  group: 0 | 1;
}

interface ModelCpu {
  mask: number;
  /** Group 0's binary point: group priority is what lies above bit `binaryPoint`. Group 1's is the same. */
  binaryPoint: number;
  inService: { group: 0 | 1; priority: number }[];
  /** What was acknowledged and not ended, last one last. */
  acknowledged: ModelInterrupt[];
}

export class GicModel {
  readonly interrupts: ModelInterrupt[];
  readonly cpus: ModelCpu[];

  constructor(interrupts: ModelInterrupt[], cpuCount: number, binaryPoint: number) {
    this.interrupts = interrupts;
    this.cpus = Array.from({ length: cpuCount }, () => ({
      mask: 0,
      binaryPoint,
      inService: [],
      acknowledged: [],
    }));
  }

  isPending(i: ModelInterrupt): boolean {
    return i.latched || (!i.edge && i.asserted);
  }

  running(cpu: number): number {
    return Math.min(0x100, ...this.cpus[cpu].inService.map(({ priority }) => priority));
  }

  /** What the CPU would acknowledge now. */
  signalled(cpu: number): ModelInterrupt | undefined {
    const candidates = this.interrupts.filter(
      (i) => i.targets.includes(cpu) && i.enabled && !i.active && this.isPending(i),
    );
    candidates.sort((a, b) => a.priority - b.priority || a.intid - b.intid);
    const first = candidates[0];
    if (first === undefined || first.priority >= this.cpus[cpu].mask) return undefined;
    return this.#group(first.priority, cpu) < this.#group(this.running(cpu), cpu) ? first : undefined;
  }

  acknowledge(cpu: number): ModelInterrupt | undefined {
    const first = this.signalled(cpu);
    if (first === undefined) return undefined;
    this.cpus[cpu].inService.push({ group: first.group, priority: this.#group(first.priority, cpu) });
    this.cpus[cpu].acknowledged.push(first);
    first.active = true;
    first.latched = false;
    return first;
  }

  endLast(cpu: number): ModelInterrupt | undefined {
    const last = this.cpus[cpu].acknowledged.pop();
    if (last === undefined) return undefined;
    this.cpus[cpu].inService.pop();
    last.active = false;
    return last;
  }

  #group(priority: number, cpu: number): number {
    return (
      Math.floor(priority / 2 ** (this.cpus[cpu].binaryPoint + 1)) * 2 ** (this.cpus[cpu].binaryPoint + 1)
    );
  }
}
