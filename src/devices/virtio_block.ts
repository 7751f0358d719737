/** The virtio block device: virtio 1.1, 5.2. One queue; every request is done, in order, when the queue is served. */
import type { DeviceState } from '../machine/device.ts';
import {
  configBytes,
  type QueueAccess,
  SERVE_BYTES_MAX,
  type VirtioBackend,
  type VirtioHost,
} from './virtio_backend.ts';
import type { Chain } from './virtqueue.ts';

export const SECTOR = 512;

/** What a block device is on. Positions and lengths are bytes; false is an I/O error that the guest sees. */
export interface Disk {
  /** A multiple of 512. */
  readonly size: number;
  readonly readOnly: boolean;
  /** At most 20 bytes of ASCII. */
  readonly serial: string;
  read(position: number, target: Uint8Array): boolean;
  write(position: number, source: Uint8Array): boolean;
  zero(position: number, length: number): boolean;
}

/** Feature bits, 5.2.3; what QEMU 7.2 offers, without SCSI commands. */
const FEATURE = {
  segMax: 2,
  geometry: 4,
  readOnly: 5,
  blockSize: 6,
  flush: 9,
  topology: 10,
  configWce: 11,
  discard: 13,
  writeZeroes: 14,
} as const;

/** Request types and answers, 5.2.6. */
const TYPE = { in: 0, out: 1, flush: 4, getId: 8, discard: 11, writeZeroes: 13 } as const;
const OK = 0;
const IO_ERROR = 1;
const UNSUPPORTED = 2;

const HEADER_SIZE = 16;
const RANGE_SIZE = 16;
const ID_SIZE = 20;
/** The flag of a range, 5.2.6: zeroed sectors may be unmapped. */
const UNMAP = 1;
/** Segments of a request: QEMU's, with a ring of 256. */
const SEGMENTS_MAX = 254;
/** Sectors of one discard or write zeroes: QEMU's. */
const RANGE_SECTORS_MAX = 0x3f_ffff;
const HEADS = 16;
const SECTORS_PER_TRACK = 63;
const CYLINDERS_MAX = 16383;
/** Requests are copied in pieces. */
const PIECE = 2 ** 16;
const WRITEBACK_OFFSET = 0x20;

export class VirtioBlock implements VirtioBackend {
  readonly name: string;
  readonly deviceId = 2;
  readonly queueCount = 1;
  readonly features: readonly number[];
  readonly configFields = FIELDS;
  readonly state = { writeback: 1 };
  readonly #disk: Disk;
  #host!: VirtioHost;

  constructor(name: string, disk: Disk) {
    this.name = name;
    this.#disk = disk;
    const { readOnly, ...others } = FEATURE;
    this.features = [...Object.values(others), ...(disk.readOnly ? [readOnly] : [])];
  }

  attach(host: VirtioHost): void {
    this.#host = host;
  }

  config(): Uint8Array {
    const sectors = this.#disk.size / SECTOR;
    const cylinders = Math.min(Math.floor(sectors / (HEADS * SECTORS_PER_TRACK)), CYLINDERS_MAX);
    return configBytes([
      [8, sectors],
      [4, 0], // size_max, without its feature
      [4, SEGMENTS_MAX],
      [2, Math.max(cylinders, 2)],
      [1, HEADS],
      [1, SECTORS_PER_TRACK],
      [4, SECTOR],
      [1, 0], // physical_block_exp: a block is a sector
      [1, 0], // alignment_offset
      [2, 0], // min_io_size
      [4, 0], // opt_io_size
      [1, this.state.writeback],
      [1, 0],
      [2, 1], // num_queues
      [4, RANGE_SECTORS_MAX], // max_discard_sectors
      [4, 1], // max_discard_seg
      [4, 1], // discard_sector_alignment
      [4, RANGE_SECTORS_MAX], // max_write_zeroes_sectors
      [4, 1], // max_write_zeroes_seg
      [1, 1], // write_zeroes_may_unmap
    ]);
  }

  /** The cache mode, which makes no difference to a disk that is in memory. */
  writeConfig(offset: number, value: number): void {
    if (offset === WRITEBACK_OFFSET) this.state.writeback = value & 1;
  }

  serve(_queue: number, access: QueueAccess): boolean {
    for (let bytes = 0; bytes < SERVE_BYTES_MAX; ) {
      const chain = access.pop();
      if (chain === undefined) return false;
      const header = new Uint8Array(HEADER_SIZE);
      if (chain.writable === 0 || chain.readable < HEADER_SIZE || !chain.read(0, header)) {
        this.#host.fail('a request without header or status');
        return false;
      }
      const answer = this.#request(chain, header);
      chain.write(chain.writable - 1, Uint8Array.of(answer));
      access.push(chain, chain.writable);
      bytes += chain.readable + chain.writable;
    }
    return true;
  }

  #request(chain: Chain, header: Uint8Array): number {
    const view = new DataView(header.buffer);
    const position = SECTOR * sectorNumber(view, 8);
    switch (view.getUint32(0, true)) {
      case TYPE.in:
        return this.#transfer(position, chain.writable - 1, (at, offset, piece) =>
          this.#disk.read(at, piece) ? chain.write(offset, piece) : false,
        );
      case TYPE.out:
        if (this.#disk.readOnly) return IO_ERROR;
        return this.#transfer(position, chain.readable - HEADER_SIZE, (at, offset, piece) =>
          chain.read(HEADER_SIZE + offset, piece) ? this.#disk.write(at, piece) : false,
        );
      case TYPE.flush:
        return OK;
      case TYPE.getId: {
        const id = new Uint8Array(Math.min(ID_SIZE, chain.writable - 1));
        new TextEncoder().encodeInto(this.#disk.serial, id);
        return chain.write(0, id) ? OK : IO_ERROR;
      }
      case TYPE.discard:
        return this.#range(chain, 0, () => OK);
      case TYPE.writeZeroes:
        return this.#range(chain, UNMAP, (at, length) => (this.#disk.zero(at, length) ? OK : IO_ERROR));
      default:
        return UNSUPPORTED;
    }
  }

  /** Moves `length` bytes piece by piece. */
  #transfer(
    position: number,
    length: number,
    move: (at: number, offset: number, piece: Uint8Array) => boolean,
  ): number {
    if (length % SECTOR !== 0 || position + length > this.#disk.size) return IO_ERROR;
    const piece = new Uint8Array(Math.min(PIECE, length));
    for (let offset = 0; offset < length; offset += PIECE) {
      const part = piece.subarray(0, Math.min(PIECE, length - offset));
      if (!move(position + offset, offset, part)) {
        this.#host.report(
          `${this.name}: a buffer is not in RAM, or the disk cannot be read or written there`,
        );
        return IO_ERROR;
      }
    }
    return OK;
  }

  /**
   * Discard and write zeroes have one range. Discarding is a hint that is not followed, as QEMU does with raw images: what was
   * there stays.
   */
  #range(chain: Chain, flags: number, act: (position: number, length: number) => number): number {
    if (this.#disk.readOnly || chain.readable !== HEADER_SIZE + RANGE_SIZE) return IO_ERROR;
    const range = new Uint8Array(RANGE_SIZE);
    if (!chain.read(HEADER_SIZE, range)) return IO_ERROR;
    const view = new DataView(range.buffer);
    const position = SECTOR * sectorNumber(view, 0);
    const sectors = view.getUint32(8, true);
    if ((view.getUint32(12, true) & ~flags) !== 0) return UNSUPPORTED;
    const length = SECTOR * sectors;
    if (sectors > RANGE_SECTORS_MAX || position + length > this.#disk.size) return IO_ERROR;
    return act(position, length);
  }

  reset(): void {
    this.state.writeback = 1;
  }
  save(): DeviceState {
    return { ...this.state };
  }
  restore(saved: DeviceState): void {
    Object.assign(this.state, saved);
  }
}

/** A sector number beyond 2^53 is inexact, and beyond the end of any disk. */
const sectorNumber = (view: DataView, at: number) =>
  view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;

const FIELDS = [
  [0x00, 'capacity'],
  [0x08, 'size_max'],
  [0x0c, 'seg_max'],
  [0x10, 'geometry'],
  [0x14, 'blk_size'],
  [0x18, 'topology'],
  [WRITEBACK_OFFSET, 'writeback'],
  [0x22, 'num_queues'],
  [0x24, 'max_discard_sectors'],
  [0x28, 'max_discard_seg'],
  [0x2c, 'discard_sector_alignment'],
  [0x30, 'max_write_zeroes_sectors'],
  [0x34, 'max_write_zeroes_seg'],
  [0x38, 'write_zeroes_may_unmap'],
] as const;
