/**
 * A disk that can be written, over an image that never is: the blocks that the guest changed are in memory. They are as much
 * a part of the machine's memory as its RAM, and go into checkpoints in the same way, as pages with addresses that no RAM has.
 */
import { type Disk, SECTOR } from '../../devices/virtio_block.ts';
import { PAGE_SIZE } from '../memory.ts';
import type { DiskImage } from './disk_image.ts';

/** A block is as large as a page of RAM. */
const BLOCK = PAGE_SIZE;
/** Of all disks together. Beyond it, writing new blocks fails: a guest must not fill the host's memory. */
export const CHANGED_BYTES_MAX = 2 ** 30;

/** Blocks of disk n have the addresses from this on, one after the other, in checkpoints: above the 52 bits of physical addresses. */
const PAGES_BASE = 2 ** 56;
const PAGES_PER_DISK = 2 ** 48;

/** Which block of which disk a page of a checkpoint is; undefined where it is RAM. */
export function diskBlockOf(pa: number): { readonly disk: number; readonly block: number } | undefined {
  if (pa < PAGES_BASE) return undefined;
  const within = pa - PAGES_BASE;
  return {
    disk: Math.floor(within / PAGES_PER_DISK),
    block: (within % PAGES_PER_DISK) / BLOCK,
  };
}

export class OverlayDisk implements Disk {
  readonly size: number;
  readonly readOnly: boolean;
  readonly serial: string;
  readonly #image: DiskImage;
  readonly #pagesBase: number;
  readonly #blocksMax: number;
  readonly #blocks = new Map<number, Uint8Array>();
  /** Blocks written in this epoch. */
  #dirty = new Set<number>();

  /** `number` counts the machine's disks from 0. */
  constructor(
    number: number,
    image: DiskImage,
    options: { readonly readOnly: boolean; readonly serial: string; readonly changedBytesMax: number },
  ) {
    this.#image = image;
    this.#pagesBase = PAGES_BASE + number * PAGES_PER_DISK;
    this.#blocksMax = options.changedBytesMax / BLOCK;
    this.readOnly = options.readOnly;
    this.serial = options.serial;
    this.size = Math.ceil(image.size / SECTOR) * SECTOR;
  }

  read(position: number, target: Uint8Array): boolean {
    if (!this.#image.read(position, target)) return this.#readChangedOnly(position, target);
    for (const { block, start, end, at } of parts(position, target.length)) {
      const changed = this.#blocks.get(block);
      if (changed !== undefined) target.set(changed.subarray(start, end), at);
    }
    return true;
  }

  /** The image is damaged there, which does not matter to blocks that were written. */
  #readChangedOnly(position: number, target: Uint8Array): boolean {
    for (const { block, start, end, at } of parts(position, target.length)) {
      const changed = this.#blocks.get(block);
      const part = target.subarray(at, at + end - start);
      if (changed !== undefined) part.set(changed.subarray(start, end));
      else if (!this.#image.read(position + at, part)) return false;
    }
    return true;
  }

  write(position: number, source: Uint8Array): boolean {
    return this.#change(position, source.length, (content, { start, end, at }) =>
      content.set(source.subarray(at, at + end - start), start),
    );
  }

  zero(position: number, length: number): boolean {
    return this.#change(position, length, (content, { start, end }) => content.fill(0, start, end));
  }

  #change(position: number, length: number, change: (content: Uint8Array, part: Part) => void): boolean {
    for (const part of parts(position, length)) {
      const { block, start, end } = part;
      let content = this.#blocks.get(block);
      if (content === undefined) {
        if (this.#blocks.size >= this.#blocksMax) return false;
        content = new Uint8Array(BLOCK);
        if (end - start < BLOCK && !this.#image.read(block * BLOCK, content)) return false;
        this.#blocks.set(block, content);
      }
      change(content, part);
      this.#dirty.add(block);
    }
    return true;
  }

  /** The disk is as its image again. */
  clear(): void {
    this.#blocks.clear();
    this.#dirty.clear();
  }

  /** A block as a checkpoint has it. */
  restore(block: number, content: Uint8Array): void {
    this.#blocks.set(block, Uint8Array.from(content));
  }

  /** Every changed block counts as written in this epoch. */
  markAllDirty(): void {
    this.#dirty = new Set(this.#blocks.keys());
  }

  /** The blocks written since the last call, by address; the contents are not copies. */
  takeDirty(): { readonly pa: number; readonly content: Uint8Array }[] {
    const blocks = [...this.#dirty].sort((a, b) => a - b);
    this.#dirty = new Set();
    return blocks.map((block) => ({
      pa: this.#pagesBase + block * BLOCK,
      content: this.#blocks.get(block)!,
    }));
  }
}

/** What a range of bytes has of a block: bytes [start, end) of it, which are at `at` in the range. */
interface Part {
  readonly block: number;
  readonly start: number;
  readonly end: number;
  readonly at: number;
}

function* parts(position: number, length: number): Generator<Part> {
  for (let at = 0; at < length; ) {
    const block = Math.floor((position + at) / BLOCK);
    const start = (position + at) % BLOCK;
    const end = Math.min(BLOCK, start + length - at);
    yield { block, start, end, at };
    at += end - start;
  }
}
