/**
 * Reads qcow2 images: QEMU's docs/interop/qcow2.txt, versions 2 and 3. Reference counts and snapshots are of no use for reading.
 * A cluster that the tables place wrongly, or that does not unpack, is an I/O error for the guest; an image that cannot be
 * used at all is the user's mistake.
 */
import { inflateRawSync, zstdDecompressSync } from 'node:zlib';
import { UserError } from '../../user-error.ts';
import type { DiskFile } from './disk_file.ts';
import type { DiskImage } from './disk_image.ts';
import { zstdFrameLength } from './zstd_frame.ts';

const MAGIC = 0x5146_49fb;
const HEADER_SIZE_2 = 72;
const HEADER_SIZE_3 = 104;
/** QEMU's limits. */
const CLUSTER_BITS = { min: 9, max: 21 } as const;
const L1_BYTES_MAX = 2 ** 25;
/** More than any disk; exact in a double with room to spare. */
const SIZE_MAX = 2 ** 48;

/** incompatible_features. */
const INCOMPATIBLE = { dirty: 1, corrupt: 2, externalData: 4, compression: 8, extendedL2: 16 } as const;
const COMPRESSION_ZSTD = 1;

/** Bits 55:9 of an entry of either table: a cluster's place in the file. */
const OFFSET = 0x00ff_ffff_ffff_fe00n;
const COMPRESSED = 1n << 62n;
const ALL_ZEROS = 1n;
/** Unpacked clusters that are kept. */
const KEPT = 16;

export const isQcow2 = (start: Uint8Array) =>
  start.length >= 4 && new DataView(start.buffer, start.byteOffset).getUint32(0) === MAGIC;

export class Qcow2Image implements DiskImage {
  readonly size: number;
  readonly #file: DiskFile;
  readonly #clusterBits: number;
  readonly #version: number;
  readonly #zstd: boolean;
  readonly #l1Offset: number;
  readonly #l1Entries: number;
  /** Unpacked clusters by their L2 entry; the most recently used is last. */
  readonly #unpacked = new Map<bigint, Uint8Array>();

  /** `name` is the file's, for messages. */
  constructor(file: DiskFile, name: string) {
    const refuse = (why: string) => new UserError(`${name}: ${why}`);
    const bytes = new Uint8Array(HEADER_SIZE_3 + 1);
    file.read(0, bytes);
    const header = new DataView(bytes.buffer);
    const number64 = (at: number) => Number(header.getBigUint64(at));
    this.#file = file;
    if (!isQcow2(bytes)) throw refuse('not a qcow2 image: leave format=qcow2 out for a raw one');
    this.#version = header.getUint32(4);
    if (file.size < HEADER_SIZE_2 || (this.#version !== 2 && this.#version !== 3))
      throw refuse(`a qcow2 image of version ${this.#version}: only 2 and 3 exist`);
    const incompatible = this.#version === 3 ? header.getBigUint64(72) : 0n;
    const has = (feature: number) => (incompatible & BigInt(feature)) !== 0n;
    if (number64(8) !== 0)
      throw refuse('has a backing file: make one image of both with qemu-img convert -O qcow2');
    if (header.getUint32(32) !== 0) throw refuse('is encrypted: decrypt it with qemu-img convert');
    if (has(INCOMPATIBLE.corrupt)) throw refuse('is marked as corrupt: repair it with qemu-img check -r all');
    if (has(INCOMPATIBLE.externalData)) throw refuse('keeps its data in another file: use qemu-img convert');
    if (has(INCOMPATIBLE.extendedL2)) throw refuse('has extended L2 entries: use qemu-img convert');
    if (incompatible & ~BigInt(INCOMPATIBLE.dirty | INCOMPATIBLE.compression))
      throw refuse('has a feature that is unknown here: use qemu-img convert');
    this.#clusterBits = header.getUint32(20);
    this.size = number64(24);
    this.#l1Entries = header.getUint32(36);
    this.#l1Offset = number64(40);
    const compression =
      has(INCOMPATIBLE.compression) && header.getUint32(100) > HEADER_SIZE_3 ? bytes[104] : 0;
    if (compression > COMPRESSION_ZSTD) throw refuse(`is compressed in a way that is unknown here`);
    this.#zstd = compression === COMPRESSION_ZSTD;
    const bits = this.#clusterBits;
    const damaged =
      bits < CLUSTER_BITS.min ||
      bits > CLUSTER_BITS.max ||
      this.size > SIZE_MAX ||
      this.#l1Entries * 8 > L1_BYTES_MAX ||
      this.#l1Offset + this.#l1Entries * 8 > file.size ||
      this.#l1Entries * 2 ** (2 * bits - 3) < this.size;
    if (damaged) throw refuse('a damaged qcow2 header: its sizes do not fit together');
  }

  read(position: number, target: Uint8Array): boolean {
    const clusterSize = 2 ** this.#clusterBits;
    for (let done = 0; done < target.length; ) {
      const at = position + done;
      const within = at % clusterSize;
      const part = target.subarray(done, done + Math.min(clusterSize - within, target.length - done));
      if (at >= this.size) part.fill(0);
      else if (!this.#readCluster(Math.floor(at / clusterSize), within, part)) return false;
      done += part.length;
    }
    return true;
  }

  #readCluster(cluster: number, within: number, target: Uint8Array): boolean {
    const entry = this.#l2Entry(cluster);
    if (entry === undefined) return false;
    if (entry & COMPRESSED) {
      const unpacked = this.#unpack(entry);
      if (unpacked !== undefined) target.set(unpacked.subarray(within, within + target.length));
      return unpacked !== undefined;
    }
    const offset = Number(entry & OFFSET);
    if (offset === 0 || (this.#version === 3 && entry & ALL_ZEROS)) target.fill(0);
    else if (offset % 2 ** this.#clusterBits !== 0) return false;
    else this.#file.read(offset + within, target);
    return true;
  }

  /** 0 for a cluster that is not there; undefined where the tables are damaged. */
  #l2Entry(cluster: number): bigint | undefined {
    const entries = 2 ** (this.#clusterBits - 3);
    const table = Number(this.#entry(this.#l1Offset + 8 * Math.floor(cluster / entries)) & OFFSET);
    if (table === 0) return 0n;
    const damaged = table % 2 ** this.#clusterBits !== 0 || table + 8 * entries > this.#file.size;
    return damaged ? undefined : this.#entry(table + 8 * (cluster % entries));
  }

  #entry(position: number): bigint {
    const bytes = new Uint8Array(8);
    this.#file.read(position, bytes);
    return new DataView(bytes.buffer).getBigUint64(0);
  }

  /** A compressed cluster's entry has its place in the file and how many sectors it touches, less one. */
  #unpack(entry: bigint): Uint8Array | undefined {
    const kept = this.#unpacked.get(entry);
    if (kept !== undefined) {
      this.#unpacked.delete(entry);
      this.#unpacked.set(entry, kept);
      return kept;
    }
    const offsetBits = BigInt(62 - (this.#clusterBits - 8));
    const offset = Number(entry & ((1n << offsetBits) - 1n));
    const sectors = Number((entry & (COMPRESSED - 1n)) >> offsetBits) + 1;
    if (offset >= this.#file.size) return undefined;
    const packed = new Uint8Array(sectors * 512 - (offset % 512));
    this.#file.read(offset, packed);
    const cluster = this.#decompress(packed);
    if (cluster === undefined) return undefined;
    if (this.#unpacked.size === KEPT) this.#unpacked.delete(this.#unpacked.keys().next().value!);
    this.#unpacked.set(entry, cluster);
    return cluster;
  }

  #decompress(packed: Uint8Array): Uint8Array | undefined {
    const size = 2 ** this.#clusterBits;
    const limit = { maxOutputLength: size };
    try {
      const frame = this.#zstd ? zstdFrameLength(packed) : packed.length;
      if (frame === undefined) return undefined;
      const bytes = this.#zstd
        ? zstdDecompressSync(packed.subarray(0, frame), limit)
        : inflateRawSync(packed, limit);
      return bytes.length === size ? bytes : undefined;
    } catch {
      return undefined;
    }
  }
}
