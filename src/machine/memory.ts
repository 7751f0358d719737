/**
 * Guest physical memory: RAM of up to 64 GiB, of which only touched pages exist. Pages live in a pool (linear memory 1,
 * up to 16 GiB) as 4 KiB slots given out on first touch, in a deterministic order, and never taken back.
 */
import { UserError } from '../user-error.ts';

export const PAGE_SIZE = 4096;
const WASM_PAGE_SIZE = 65536;
const MOST_BYTES = 2 ** 34;

/** A range of RAM, page aligned: [base, base + size). */
export interface RamRange {
  readonly base: number;
  readonly size: number;
  /** Stores by the CPU do not reach it: a device answers them. */
  readonly rom?: true;
}

/** Raised when the guest touches more memory than the pool holds: a clean stop of the recording, reason `memory`. */
export class PoolExhausted extends UserError {}

function bytesOf(ranges: readonly RamRange[]): number {
  return ranges.reduce((sum, { size }) => sum + size, 0);
}

export class GuestMemory {
  readonly pool: WebAssembly.Memory;
  /** Bits of an address in the pool: 32 where that is enough, because V8 checks such an address for nothing. */
  readonly poolWidth: 32 | 64;
  readonly ranges: readonly RamRange[];
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  readonly u64: BigUint64Array;
  /** Slot number + 1 of each page of each range; 0 is untouched. */
  readonly #slots: Uint32Array[];
  /** Of the first range. */
  readonly #ramBase: number;
  readonly #ramSlots: Uint32Array;
  /** Physical page address of each slot. */
  readonly slotPages: number[] = [];
  readonly #capacity: number;
  /** The ranges of ROM, and whether a device answers loads in their place too. */
  readonly #roms: { readonly base: number; readonly end: number; hidden: boolean }[];
  /** There is none from here on. */
  readonly #romEnd: number;

  /** The pool is as large as the RAM unless `poolBytes` says otherwise, but 16 GiB at most. */
  constructor(ranges: readonly RamRange[], poolBytes = Math.min(bytesOf(ranges), MOST_BYTES)) {
    const size = Math.ceil(poolBytes / WASM_PAGE_SIZE);
    this.poolWidth = poolBytes <= 2 ** 32 ? 32 : 64;
    this.pool =
      this.poolWidth === 32
        ? new WebAssembly.Memory({ initial: size, maximum: size, shared: true })
        : new WebAssembly.Memory({
            ...{ initial: BigInt(size), maximum: BigInt(size) },
            ...{ shared: true, address: 'i64' },
          });
    this.ranges = ranges;
    this.u8 = new Uint8Array(this.pool.buffer);
    this.u32 = new Uint32Array(this.pool.buffer);
    this.u64 = new BigUint64Array(this.pool.buffer);
    this.#slots = ranges.map(({ size }) => new Uint32Array(size / PAGE_SIZE));
    this.#ramBase = ranges[0].base;
    this.#ramSlots = this.#slots[0];
    this.#capacity = poolBytes / PAGE_SIZE;
    this.#roms = ranges
      .filter(({ rom }) => rom)
      .map(({ base, size }) => ({ base, end: base + size, hidden: false }));
    this.#romEnd = Math.max(0, ...this.#roms.map(({ end }) => end));
  }

  /** All touched pages read as zeros again. They keep their slots. */
  clear(): void {
    this.u8.fill(0, 0, this.slotPages.length * PAGE_SIZE);
  }

  isRam(pa: number): boolean {
    return this.ranges.some(({ base, size }) => pa >= base && pa < base + size);
  }

  /** Pool offset of the byte at `pa`, whose page is given a slot if it has none; -1 where there is no RAM. */
  offsetOf(pa: number): number {
    for (let i = 0; i < this.ranges.length; i++) {
      const { base, size } = this.ranges[i];
      if (pa < base || pa >= base + size) continue;
      const page = Math.floor((pa - base) / PAGE_SIZE);
      let slot = this.#slots[i][page];
      if (slot === 0) {
        if (this.slotPages.length === this.#capacity)
          throw new PoolExhausted(`the guest touched more than ${this.#capacity / 2 ** 18} GiB of its RAM`);
        this.slotPages.push(base + page * PAGE_SIZE);
        slot = this.slotPages.length;
        this.#slots[i][page] = slot;
      }
      return (slot - 1) * PAGE_SIZE + ((pa >>> 0) & (PAGE_SIZE - 1));
    }
    return -1;
  }

  isRom(pa: number): boolean {
    if (pa >= this.#romEnd) return false;
    for (const { base, end } of this.#roms) if (pa >= base && pa < end) return true;
    return false;
  }

  /** Makes the CPU's loads from the ROM at `base` go to the device that answers its stores, or ends that. */
  hideRom(base: number, hidden: boolean): void {
    for (const rom of this.#roms) if (rom.base === base) rom.hidden = hidden;
  }

  /** As `offsetOf`, for a load or store of the CPU: -1 also where the device behind a ROM answers. */
  dataOffsetOf(pa: number, write: boolean): number {
    // RAM that was touched, without asking each range: nearly all that is accessed.
    const page = (pa - this.#ramBase) / PAGE_SIZE;
    if (page >= 0 && page < this.#ramSlots.length) {
      const slot = this.#ramSlots[Math.floor(page)];
      if (slot !== 0) return (slot - 1) * PAGE_SIZE + ((pa >>> 0) & (PAGE_SIZE - 1));
    }
    for (const { base, end, hidden } of this.#roms)
      if (pa >= base && pa < end && (write || hidden)) return -1;
    return this.offsetOf(pa);
  }

  /** As `offsetOf`, but gives out no slot: -1 where there is no RAM, -2 where the page was never touched and reads as zeros. */
  existingOffsetOf(pa: number): number {
    // RAM, without asking each range: walks do little else.
    const page = (pa - this.#ramBase) / PAGE_SIZE;
    if (page >= 0 && page < this.#ramSlots.length) {
      const slot = this.#ramSlots[Math.floor(page)];
      return slot === 0 ? -2 : (slot - 1) * PAGE_SIZE + ((pa >>> 0) & (PAGE_SIZE - 1));
    }
    for (let i = 0; i < this.ranges.length; i++) {
      const { base, size } = this.ranges[i];
      if (pa < base || pa >= base + size) continue;
      const slot = this.#slots[i][Math.floor((pa - base) / PAGE_SIZE)];
      return slot === 0 ? -2 : (slot - 1) * PAGE_SIZE + ((pa >>> 0) & (PAGE_SIZE - 1));
    }
    return -1;
  }

  /** Whether the page that holds `pa` was ever touched: reading an untouched page gives zeros. */
  isTouched(pa: number): boolean {
    return this.ranges.some(
      ({ base, size }, i) =>
        pa >= base && pa < base + size && this.#slots[i][Math.floor((pa - base) / PAGE_SIZE)] !== 0,
    );
  }

  /** The aligned word at `pa`, unsigned; undefined where there is no RAM. Does not touch the page. */
  read32(pa: number): number | undefined {
    if (!this.isRam(pa)) return undefined;
    return this.isTouched(pa) ? this.u32[this.offsetOf(pa) / 4] : 0;
  }

  /** Writes an aligned word; false where there is no RAM. */
  write32(pa: number, value: number): boolean {
    if (this.isRom(pa)) return false;
    const offset = this.offsetOf(pa);
    if (offset < 0) return false;
    this.u32[offset / 4] = value;
    return true;
  }

  /** Copies out `length` bytes; undefined unless all of them are RAM. Does not touch pages. */
  readBytes(pa: number, length: number): Uint8Array | undefined {
    const out = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const chunk = Math.min(length - done, PAGE_SIZE - ((pa + done) % PAGE_SIZE));
      if (!this.isRam(pa + done)) return undefined;
      if (this.isTouched(pa + done)) {
        const offset = this.offsetOf(pa + done);
        out.set(this.u8.subarray(offset, offset + chunk), done);
      }
      done += chunk;
    }
    return out;
  }

  /** Copies in, into ROM too; false, with nothing written beyond the end of RAM, unless all of it is RAM. */
  writeBytes(pa: number, bytes: Uint8Array): boolean {
    for (let done = 0; done < bytes.length; ) {
      const offset = this.offsetOf(pa + done);
      if (offset < 0) return false;
      let end = Math.min(bytes.length, done + PAGE_SIZE - ((pa + done) % PAGE_SIZE));
      // Pages that are touched in order have slots in order.
      while (end < bytes.length && this.offsetOf(pa + end) === offset + end - done)
        end = Math.min(bytes.length, end + PAGE_SIZE);
      this.u8.set(bytes.subarray(done, end), offset);
      done = end;
    }
    return true;
  }
}
