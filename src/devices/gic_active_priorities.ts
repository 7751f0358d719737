/** The active priorities registers of one CPU interface: which preemption levels are in service, for each group. */
import { IDLE_PRIORITY } from './gic_interrupts.ts';

export class ActivePriorities {
  /** Two groups of up to 128 levels: four words of group 0, then four of group 1. */
  readonly words = new Uint32Array(8);
  /** Priority bits below a level: 256 priorities are 128 levels with shift 1, 32 levels with shift 3. */
  readonly #shift: number;
  #running = IDLE_PRIORITY;

  constructor(levels: 32 | 128) {
    this.#shift = levels === 128 ? 1 : 3;
  }

  /** The running priority, IDLE_PRIORITY when nothing is active. */
  running(): number {
    return this.#running;
  }

  push(group: 0 | 1, groupPriority: number): void {
    const level = groupPriority >>> this.#shift;
    this.words[group * 4 + (level >>> 5)] |= 1 << (level & 31);
    this.#running = Math.min(this.#running, level << this.#shift);
  }

  /** Highest active priority of one group, IDLE_PRIORITY when it has none. */
  highest(group: 0 | 1): number {
    for (let i = 0; i < 4; i++) {
      const bits = this.words[group * 4 + i];
      if (bits !== 0) return (i * 32 + lowestBit(bits)) << this.#shift;
    }
    return IDLE_PRIORITY;
  }

  /** Priority drop: ends the highest active priority of a group. Returns it, IDLE_PRIORITY when there was none. */
  drop(group: 0 | 1): number {
    const priority = this.highest(group);
    if (priority === IDLE_PRIORITY) return priority;
    const word = group * 4 + (priority >>> (this.#shift + 5));
    this.words[word] &= this.words[word] - 1;
    this.#findRunning();
    return priority;
  }

  write(group: 0 | 1, index: number, value: number): void {
    this.words[group * 4 + index] = value;
    this.#findRunning();
  }

  read(group: 0 | 1, index: number): number {
    return this.words[group * 4 + index];
  }

  save(): number[] {
    return [...this.words];
  }

  restore(words: readonly number[]): void {
    this.words.set(words);
    this.#findRunning();
  }

  #findRunning(): void {
    this.#running = Math.min(this.highest(0), this.highest(1));
  }
}

const lowestBit = (bits: number): number => 31 - Math.clz32(bits & -bits);

/**
 * The part of a priority that decides preemption. `binaryPoint` is that of group 0's register: n splits after bit n + 1; that of
 * group 1's own register splits one bit lower (GICC_BPR and GICC_ABPR, ICC_BPR0 and ICC_BPR1), so callers subtract one.
 */
export const groupPriority = (priority: number, binaryPoint: number): number =>
  priority & (0xff << (binaryPoint + 1)) & 0xff;

/** Whether a pending priority preempts the running one: only their group priorities count, both by the present binary point. */
export const preempts = (pending: number, running: number, binaryPoint: number): boolean =>
  running === IDLE_PRIORITY || groupPriority(pending, binaryPoint) < groupPriority(running, binaryPoint);
