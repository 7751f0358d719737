/**
 * A hash table from (page address, page size) to a translation, for one context of the TLB. Open addressing in typed arrays:
 * a probe makes no object and no BigInt, about 5 ns. A JavaScript Map would box each address.
 */
import type { CanonicalAddress } from './translation.ts';

const INITIAL_SLOTS = 16;

export class PageMap {
  /** Page address plus log2 of its size: pages are 4 KiB at least, so the sum is unique and never 0. 0 is a free slot. */
  #keys = new Float64Array(INITIAL_SLOTS);
  #outputs = new Float64Array(INITIAL_SLOTS);
  #flags = new Uint16Array(INITIAL_SLOTS);
  size = 0;

  /** Slot of a page, or -1. `base` is aligned to the size. */
  find(base: CanonicalAddress, sizeBits: number): number {
    const key = base + sizeBits;
    const mask = this.#keys.length - 1;
    for (let slot = hash(base, sizeBits) & mask; this.#keys[slot] !== 0; slot = (slot + 1) & mask)
      if (this.#keys[slot] === key) return slot;
    return -1;
  }

  /** Physical address of the page in a slot. */
  output(slot: number): number {
    return this.#outputs[slot];
  }
  flags(slot: number): number {
    return this.#flags[slot];
  }

  /** Adds a page that is not there yet. */
  insert(base: CanonicalAddress, sizeBits: number, output: number, flags: number): void {
    if (2 * (this.size + 1) > this.#keys.length) this.#grow();
    this.#place(base + sizeBits, hash(base, sizeBits), output, flags);
    this.size++;
  }

  remove(slot: number): void {
    const mask = this.#keys.length - 1;
    this.#keys[slot] = 0;
    this.size--;
    // Close the gap: whatever probed past this slot moves up.
    for (let next = (slot + 1) & mask; this.#keys[next] !== 0; next = (next + 1) & mask) {
      const key = this.#keys[next];
      this.#keys[next] = 0;
      this.#place(key, hashOfKey(key), this.#outputs[next], this.#flags[next]);
    }
  }

  /** All pages, in the order of the slots. */
  visit(page: (base: CanonicalAddress, sizeBits: number, output: number, flags: number) => unknown): void {
    this.#keys.forEach((key, slot) => {
      if (key === 0) return;
      const sizeBits = sizeBitsOfKey(key);
      page(key - sizeBits, sizeBits, this.#outputs[slot], this.#flags[slot]);
    });
  }

  #place(key: number, start: number, output: number, flags: number): void {
    const mask = this.#keys.length - 1;
    let slot = start & mask;
    while (this.#keys[slot] !== 0) slot = (slot + 1) & mask;
    this.#keys[slot] = key;
    this.#outputs[slot] = output;
    this.#flags[slot] = flags;
  }

  #grow(): void {
    const [keys, outputs, flags] = [this.#keys, this.#outputs, this.#flags];
    this.#keys = new Float64Array(2 * keys.length);
    this.#outputs = new Float64Array(2 * keys.length);
    this.#flags = new Uint16Array(2 * keys.length);
    keys.forEach((key, slot) => {
      if (key !== 0) this.#place(key, hashOfKey(key), outputs[slot], flags[slot]);
    });
  }
}

const sizeBitsOfKey = (key: number): number => (key >>> 0) & 0xfff;
const hashOfKey = (key: number): number => {
  const sizeBits = sizeBitsOfKey(key);
  return hash(key - sizeBits, sizeBits);
};

function hash(base: CanonicalAddress, sizeBits: number): number {
  const product = Math.imul(Math.floor(base / 4096) ^ (sizeBits << 20), 0x9e37_79b1);
  return (product ^ (product >>> 15)) >>> 0;
}
