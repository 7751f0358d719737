/**
 * The pages stored to in this epoch. The first store to a page leaves the inline path and marks it here; then stores go ahead
 * inline until the epoch ends. One mechanism for checkpoints, the state hash and translated code.
 */
import { PAGE_SIZE } from './memory.ts';

export class DirtyPages {
  #marks = new Uint8Array(1024);
  #pages: number[] = [];

  /** Whether the page at this pool offset is dirty. */
  has(poolOffset: number): boolean {
    return this.#marks[Math.floor(poolOffset / PAGE_SIZE)] === 1;
  }

  /** Marks the page that holds this pool offset. */
  mark(poolOffset: number): void {
    const slot = Math.floor(poolOffset / PAGE_SIZE);
    if (slot >= this.#marks.length) {
      const grown = new Uint8Array(Math.max(slot + 1, this.#marks.length * 2));
      grown.set(this.#marks);
      this.#marks = grown;
    }
    if (this.#marks[slot] === 1) return;
    this.#marks[slot] = 1;
    this.#pages.push(slot * PAGE_SIZE);
  }

  /** Pool offsets of the dirty pages, ascending; the next epoch starts with none. */
  take(): number[] {
    const pages = this.#pages.sort((a, b) => a - b);
    for (const offset of pages) this.#marks[offset / PAGE_SIZE] = 0;
    this.#pages = [];
    return pages;
  }
}
