/**
 * Guest memory as devices reach it by themselves: a store between two instructions. It opens the exclusive monitor, and table
 * `writes` has a row of it.
 */
import type { Dma } from '../devices/dma.ts';
import type { EventSink } from '../trace/schema.ts';
import { type GuestMemory, PAGE_SIZE, PoolExhausted } from './memory.ts';

export class GuestDma implements Dma {
  readonly #memory: GuestMemory;
  readonly #store: (pa: number, bytes: Uint8Array) => boolean;
  readonly #openMonitor: () => void;
  readonly #exhausted: () => void;
  readonly #events: EventSink;

  constructor(parts: {
    memory: GuestMemory;
    /** Stores with all that follows from it, for dirty pages and for code. */
    store: (pa: number, bytes: Uint8Array) => boolean;
    /** Opens the exclusive monitor of the CPU that executes. */
    openMonitor: () => void;
    /** The pool has no page left: the machine stops. */
    exhausted: () => void;
    events: EventSink;
  }) {
    this.#memory = parts.memory;
    this.#store = parts.store;
    this.#openMonitor = parts.openMonitor;
    this.#exhausted = parts.exhausted;
    this.#events = parts.events;
  }

  read(pa: number, target: Uint8Array): boolean {
    if (!this.#isRam(pa, target.length)) return false;
    for (let done = 0; done < target.length; ) {
      const offset = this.#memory.existingOffsetOf(pa + done);
      const chunk = Math.min(target.length - done, PAGE_SIZE - ((pa + done) % PAGE_SIZE));
      if (offset < 0) target.fill(0, done, done + chunk);
      else target.set(this.#memory.u8.subarray(offset, offset + chunk), done);
      done += chunk;
    }
    return true;
  }

  write(pa: number, source: Uint8Array, who: string): boolean {
    if (!this.#isRam(pa, source.length)) return false;
    try {
      this.#store(pa, source);
    } catch (error) {
      if (!(error instanceof PoolExhausted)) throw error;
      this.#exhausted();
      return false;
    }
    this.#openMonitor();
    if (this.#events.recording) this.#events.append('writes', { pa, length: source.length, who });
    return true;
  }

  /** Within one range of RAM, and not in flash. */
  #isRam(pa: number, length: number): boolean {
    return this.#memory.ranges.some(
      ({ base, size, rom }) => rom !== true && pa >= base && pa + length <= base + size,
    );
  }
}
