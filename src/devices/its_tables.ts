/**
 * The tables of an ITS in the guest's memory (IHI 0069, 5.2): devices, collections, and for each device its interrupt translations.
 * Their format is ours, all zeros is no entry; the sizes of entries are QEMU's, which the guest reads in GITS_TYPER and GITS_BASERn.
 */
import type { Dma } from './dma.ts';

/** Bits of DeviceIDs, EventIDs and collections' numbers. */
export const ID_BITS = 16;
export const ENTRY_BYTES = 8;
export const TRANSLATION_BYTES = 12;

/** The guest gave memory that is none. */
export const NO_MEMORY = 'no memory';
export type NoMemory = typeof NO_MEMORY;

export interface DeviceEntry {
  /** Address of its table of translations. */
  readonly translations: number;
  /** EventIDs below this one have an entry there. */
  readonly events: number;
}

export interface Translation {
  readonly intid: number;
  readonly collection: number;
}

const HIGH = { valid: 0x8000_0000, indirect: 0x4000_0000, address: 0xffff } as const;
const PAGE_BYTES = [0x1000, 0x4000, 0x1_0000, 0x1_0000];
/** Entries of the first level: a valid bit and an address, as the architecture has them. */
const LEVEL_1_BYTES = 8;

/** A DTE: valid [0], size [5:1], address of the translations [51:8]. */
const DTE_VALID = 1n;
const DTE_ADDRESS = 0xf_ffff_ffff_ff00n;
/** A CTE: valid [0], number of the CPU [31:16]. */
const CTE_VALID = 1n;

/** The tables by their registers: GITS_BASER0 and GITS_BASER1, low and high word each. */
export class ItsTables {
  readonly #dma: Dma;
  readonly #basers: Uint32Array;

  constructor(dma: Dma, basers: Uint32Array) {
    this.#dma = dma;
    this.#basers = basers;
  }

  /** Undefined: the device is not mapped. */
  device(id: number): DeviceEntry | undefined | NoMemory {
    const entry = this.#read(0, id);
    if (entry === NO_MEMORY) return entry;
    if ((entry & DTE_VALID) === 0n) return undefined;
    return { translations: Number(entry & DTE_ADDRESS), events: 2 ** (Number((entry >> 1n) & 31n) + 1) };
  }

  /** Maps a device; `entry` undefined unmaps it. */
  setDevice(id: number, entry: { size: number; translations: bigint } | undefined): NoMemory | undefined {
    if (entry === undefined) return this.#write(0, id, 0n);
    return this.#write(0, id, (entry.translations & DTE_ADDRESS) | (BigInt(entry.size) << 1n) | DTE_VALID);
  }

  /** The CPU of a collection; undefined where it is not mapped. */
  collection(id: number): number | undefined | NoMemory {
    const entry = this.#read(1, id);
    if (entry === NO_MEMORY) return entry;
    return (entry & CTE_VALID) === 0n ? undefined : Number(entry >> 16n) & 0xffff;
  }

  setCollection(id: number, cpu: number | undefined): NoMemory | undefined {
    return this.#write(1, id, cpu === undefined ? 0n : (BigInt(cpu) << 16n) | CTE_VALID);
  }

  /** The interrupt of an event; undefined where it is not mapped. */
  translation(device: DeviceEntry, event: number): Translation | undefined | NoMemory {
    if (event >= device.events) return undefined;
    const bytes = Buffer.alloc(TRANSLATION_BYTES);
    if (!this.#dma.read(device.translations + TRANSLATION_BYTES * event, bytes)) return NO_MEMORY;
    const intid = bytes.readUInt32LE(0);
    return intid === 0 ? undefined : { intid, collection: bytes.readUInt16LE(4) };
  }

  /** Ignored for an event that the device's table has no room for. */
  setTranslation(device: DeviceEntry, event: number, to: Translation | undefined): NoMemory | undefined {
    if (event >= device.events) return undefined;
    const bytes = Buffer.alloc(TRANSLATION_BYTES);
    bytes.writeUInt32LE(to?.intid ?? 0, 0);
    bytes.writeUInt16LE(to?.collection ?? 0, 4);
    const written = this.#dma.write(device.translations + TRANSLATION_BYTES * event, bytes, 'its');
    return written ? undefined : NO_MEMORY;
  }

  #read(table: 0 | 1, id: number): bigint | NoMemory {
    const address = this.#entry(table, id);
    if (address === NO_MEMORY) return address;
    return address === undefined ? 0n : this.#word(address);
  }

  /** Nothing is written where the table has no place for the entry. */
  #write(table: 0 | 1, id: number, value: bigint): NoMemory | undefined {
    const address = this.#entry(table, id);
    if (address === undefined || address === NO_MEMORY) return address;
    const bytes = Buffer.alloc(ENTRY_BYTES);
    bytes.writeBigUInt64LE(value);
    return this.#dma.write(address, bytes, 'its') ? undefined : NO_MEMORY;
  }

  /** Where an entry is; undefined if it is in no page that the guest gave. */
  #entry(table: 0 | 1, id: number): number | undefined | NoMemory {
    const low = this.#basers[2 * table];
    const high = this.#basers[2 * table + 1];
    if ((high & HIGH.valid) === 0 || id >= 2 ** ID_BITS) return undefined;
    const pageBytes = PAGE_BYTES[(low >>> 8) & 3];
    const tableBytes = ((low & 0xff) + 1) * pageBytes;
    const base = tableAddress(low, high, pageBytes);
    if ((high & HIGH.indirect) === 0)
      return (id + 1) * ENTRY_BYTES > tableBytes ? undefined : base + id * ENTRY_BYTES;
    const perPage = pageBytes / ENTRY_BYTES;
    const first = Math.floor(id / perPage) * LEVEL_1_BYTES;
    if (first + LEVEL_1_BYTES > tableBytes) return undefined;
    const page = this.#word(base + first);
    if (page === NO_MEMORY) return page;
    if (page >> 63n === 0n) return undefined;
    return Number(page & 0xf_ffff_ffff_f000n) + (id % perPage) * ENTRY_BYTES;
  }

  #word(address: number): bigint | NoMemory {
    const bytes = Buffer.alloc(8);
    return this.#dma.read(address, bytes) ? bytes.readBigUInt64LE() : NO_MEMORY;
  }
}

/** GITS_BASERn.Physical_Address: bits 47 to 12, of which with pages of 64 KiB the lowest four are bits 51 to 48. */
function tableAddress(low: number, high: number, pageBytes: number): number {
  const above = (high & HIGH.address) * 2 ** 32;
  if (pageBytes < 0x1_0000) return above + ((low & 0xffff_f000) >>> 0);
  return ((low >>> 12) & 0xf) * 2 ** 48 + above + ((low & 0xffff_0000) >>> 0);
}
