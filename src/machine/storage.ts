/**
 * What the machine holds besides the state of CPUs and devices: RAM, flash and disks. Stores that no instruction makes go through here,
 * and what checkpoints need: which pages and blocks changed, and how all of it is put back.
 */
import type { FlashArray } from '../devices/cfi_flash.ts';
import type { EventSink } from '../trace/schema.ts';
import type { InlineTlb } from '../translate/inline_tlb.ts';
import type { Boot } from './boot.ts';
import type { CodePages } from './code_pages.ts';
import type { DirtyPages } from './dirty_pages.ts';
import { diskBlockOf, type OverlayDisk } from './disk/overlay.ts';
import { type GuestMemory, PAGE_SIZE } from './memory.ts';

export interface StorageOptions {
  readonly memory: GuestMemory;
  readonly disks: readonly OverlayDisk[];
  readonly placed: Boot['placed'];
  readonly dirty: DirtyPages;
  readonly code: CodePages;
  readonly tlb: InlineTlb;
  readonly events: EventSink;
  /** Flash can be read as memory, or not any more: what was translated to it is no longer right. */
  readonly onMappingChange: () => void;
}

export class Storage {
  readonly #options: StorageOptions;

  constructor(options: StorageOptions) {
    this.#options = options;
  }

  /** A store by a device, into RAM or flash: false, with nothing written, where there is neither. */
  store(pa: number, bytes: Uint8Array): boolean {
    const { memory, dirty, code } = this.#options;
    if (!memory.isRam(pa) || !memory.isRam(pa + bytes.length - 1)) return false;
    for (let done = 0; done < bytes.length; ) {
      const chunk = Math.min(bytes.length - done, PAGE_SIZE - ((pa + done) % PAGE_SIZE));
      const offset = memory.offsetOf(pa + done);
      dirty.mark(offset);
      if (code.holdsCode(offset - (offset % PAGE_SIZE))) code.written(offset, chunk);
      memory.u8.set(bytes.subarray(done, done + chunk), offset);
      done += chunk;
    }
    return true;
  }

  /** What the flash device at `base` keeps its bytes in. */
  flashArray(base: number): FlashArray {
    const { memory, events, onMappingChange } = this.#options;
    return {
      read: (offset, size) => {
        const bytes = memory.readBytes(base + offset, size)!;
        return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
      },
      write: (offset, bytes) => {
        this.store(base + offset, bytes);
        events.append('writes', { pa: base + offset, length: bytes.length, who: 'flash' });
      },
      setReadArray: (readArray) => {
        memory.hideRom(base, !readArray);
        onMappingChange();
      },
    };
  }

  /** RAM and disks as they were at first, and every page of `pages` over that; no code is known to have executed. */
  restore(pages: Iterable<{ readonly pa: bigint; readonly content: Uint8Array }>): void {
    const { memory, disks, placed, dirty, code } = this.#options;
    memory.clear();
    code.forget();
    for (const { address, bytes } of placed) memory.writeBytes(address, bytes);
    for (const disk of disks) disk.clear();
    for (const { pa, content } of pages) {
      const place = diskBlockOf(Number(pa));
      if (place === undefined) memory.writeBytes(Number(pa), content);
      else disks[place.disk]?.restore(place.block, content);
    }
    dirty.take();
  }

  /** Every page that was ever touched counts as stored to: a checkpoint then holds them all. */
  markAllDirty(): void {
    const { memory, disks, dirty } = this.#options;
    for (let slot = 0; slot < memory.slotPages.length; slot++) dirty.mark(slot * PAGE_SIZE);
    for (const disk of disks) disk.markAllDirty();
  }

  /** The pages stored to since the last call, by pool offset; stores to them are noticed again. */
  takeDirtyPages(): number[] {
    this.#options.tlb.protectAll();
    return this.#options.dirty.take();
  }

  /** The blocks of disks written since the last call, by address: pages of a checkpoint, above all of RAM. */
  takeDirtyDiskBlocks(): { readonly pa: number; readonly content: Uint8Array }[] {
    return this.#options.disks.flatMap((disk) => disk.takeDirty());
  }
}
