/** A guest's side of virtio-mmio: a small driver that lays out rings in memory, notifies and waits, as a guest does. */

import type { Dma } from '../../src/devices/dma.ts';
import type { VirtioBackend } from '../../src/devices/virtio_backend.ts';
import { VirtioMmio, type VirtioVersion } from '../../src/devices/virtio_mmio.ts';
import { TestClock, testContext } from './support.ts';

/** Where the driver's memory begins, and its size. */
export const RAM = 0x4000_0000;
const RAM_BYTES = 2 ** 20;

const REGISTER = {
  version: 0x04,
  deviceFeatures: 0x10,
  deviceFeaturesSelect: 0x14,
  driverFeatures: 0x20,
  driverFeaturesSelect: 0x24,
  guestPageSize: 0x28,
  queueSelect: 0x30,
  queueSize: 0x38,
  queueAlign: 0x3c,
  queuePageNumber: 0x40,
  queueReady: 0x44,
  notify: 0x50,
  interruptStatus: 0x60,
  interruptAcknowledge: 0x64,
  status: 0x70,
  descriptors: 0x80,
  available: 0x90,
  used: 0xa0,
} as const;

export interface Buffer {
  /** What the device reads; or how many bytes it may write. */
  readonly out?: Uint8Array;
  readonly in?: number;
}

/** Memory with bounds, which notes who wrote. */
export class TestMemory implements Dma {
  readonly bytes = new Uint8Array(RAM_BYTES);
  readonly view = new DataView(this.bytes.buffer);
  readonly writers = new Set<string>();
  /** Calls, so that a test can bound them. */
  accesses = 0;

  read(pa: number, target: Uint8Array): boolean {
    this.accesses += 1;
    if (!(pa >= RAM && pa + target.length <= RAM + RAM_BYTES)) return false;
    target.set(this.bytes.subarray(pa - RAM, pa - RAM + target.length));
    return true;
  }
  write(pa: number, source: Uint8Array, who: string): boolean {
    this.accesses += 1;
    if (!(pa >= RAM && pa + source.length <= RAM + RAM_BYTES)) return false;
    this.bytes.set(source, pa - RAM);
    this.writers.add(who);
    return true;
  }
}

/** A queue's place in memory: 16 KiB each, from the start of RAM on. */
const queueBase = (queue: number) => RAM + 0x4000 * queue;
const DATA = RAM + 0x2_0000;

export class TestDriver {
  readonly memory = new TestMemory();
  readonly clock = new TestClock();
  readonly device: VirtioMmio;
  readonly events;
  readonly size: number;
  /** The interrupt line. */
  line = false;
  /** Feature bits that both sides have. */
  features = 0n;
  readonly #version: VirtioVersion;
  readonly #next: { descriptor: number; available: number; used: number }[];
  #data = DATA;

  constructor(backend: VirtioBackend, version: VirtioVersion, size = 16) {
    const { events, context } = testContext();
    this.events = events;
    this.size = size;
    this.#version = version;
    this.#next = Array.from({ length: backend.queueCount }, () => ({ descriptor: 0, available: 0, used: 0 }));
    this.device = new VirtioMmio({
      context,
      clock: this.clock,
      dma: this.memory,
      line: (level) => {
        this.line = level;
      },
      version,
      backend,
      onDeadlineChange: () => {},
    });
  }

  register(name: keyof typeof REGISTER): number {
    return this.device.read(REGISTER[name], 4);
  }
  setRegister(name: keyof typeof REGISTER, value: number): void {
    this.device.write(REGISTER[name], 4, value);
  }

  /** 3.1.1: from reset to DRIVER_OK, with all features but those in `without`. */
  start(without: readonly number[] = []): void {
    // In Linux's order: the page size before the reset.
    this.setRegister('guestPageSize', 4096);
    this.setRegister('status', 0);
    this.setRegister('status', 1);
    this.setRegister('status', 3);
    this.features = 0n;
    for (const word of [0, 1]) {
      this.setRegister('deviceFeaturesSelect', word);
      let offered = BigInt(this.register('deviceFeatures')) << BigInt(32 * word);
      for (const bit of without) offered &= ~(1n << BigInt(bit));
      this.features |= offered;
      this.setRegister('driverFeaturesSelect', word);
      this.setRegister('driverFeatures', Number((offered >> BigInt(32 * word)) & 0xffff_ffffn));
    }
    this.setRegister('status', 11);
    for (const queue of this.#next.keys()) this.#setUpQueue(queue);
    this.setRegister('status', 15);
  }

  #setUpQueue(queue: number): void {
    this.setRegister('queueSelect', queue);
    this.setRegister('queueSize', this.size);
    if (this.#version === 1) {
      this.setRegister('queueAlign', 4096);
      this.setRegister('queuePageNumber', queueBase(queue) / 4096);
      return;
    }
    const { descriptors, available, used } = this.rings(queue);
    for (const [name, address] of [
      ['descriptors', descriptors],
      ['available', available],
      ['used', used],
    ] as const) {
      this.setRegister(name, address);
      this.device.write(REGISTER[name] + 4, 4, 0);
    }
    this.setRegister('queueReady', 1);
  }

  /** Physical addresses. */
  rings(queue: number) {
    const descriptors = queueBase(queue);
    return { descriptors, available: descriptors + 16 * this.size, used: descriptors + 4096 };
  }

  write16(pa: number, value: number): void {
    this.memory.view.setUint16(pa - RAM, value, true);
  }
  read16(pa: number): number {
    return this.memory.view.getUint16(pa - RAM, true);
  }

  /** Memory for `length` bytes. */
  allocate(length: number): number {
    const at = this.#data;
    this.#data += Math.ceil(length / 16) * 16;
    return at;
  }

  /** One descriptor, as raw as the device sees it. */
  writeDescriptor(
    table: number,
    index: number,
    address: number,
    length: number,
    flags: number,
    next: number,
  ) {
    const at = table + 16 * index - RAM;
    this.memory.view.setBigUint64(at, BigInt(address), true);
    this.memory.view.setUint32(at + 8, length, true);
    this.memory.view.setUint16(at + 12, flags, true);
    this.memory.view.setUint16(at + 14, next, true);
  }

  /** Makes a chain available; where its buffers are. With `indirect` they are in a table of their own. */
  add(queue: number, buffers: readonly Buffer[], indirect = false): number[] {
    const next = this.#next[queue];
    const { descriptors } = this.rings(queue);
    const table = indirect ? this.allocate(16 * buffers.length) : descriptors;
    const first = indirect ? 0 : next.descriptor;
    const places = buffers.map(({ out, in: length = 0 }) => {
      const at = this.allocate(out?.length ?? length);
      if (out) this.memory.bytes.set(out, at - RAM);
      return at;
    });
    const modulus = indirect ? buffers.length : this.size;
    buffers.forEach(({ out, in: length = 0 }, i) => {
      const flags = (i < buffers.length - 1 ? 1 : 0) | (out ? 0 : 2);
      const index = (first + i) % modulus;
      this.writeDescriptor(table, index, places[i], out?.length ?? length, flags, (index + 1) % modulus);
    });
    const head = next.descriptor;
    if (indirect) this.writeDescriptor(descriptors, head, table, 16 * buffers.length, 4, 0);
    next.descriptor = (head + (indirect ? 1 : buffers.length)) % this.size;
    this.makeAvailable(queue, head);
    return places;
  }

  makeAvailable(queue: number, head: number): void {
    const next = this.#next[queue];
    const { available } = this.rings(queue);
    this.write16(available + 4 + 2 * (next.available % this.size), head);
    next.available = (next.available + 1) & 0xffff;
    this.write16(available + 2, next.available);
  }

  /** Notifies and lets time go by until the device has nothing more to do. */
  run(queue: number): void {
    this.setRegister('notify', queue);
    this.settle();
  }

  settle(): void {
    for (let i = 0; this.device.nextDeadline() < Infinity; i++) {
      if (i > 1000) throw new Error('the device does not come to rest');
      this.clock.time = Math.max(this.clock.time, this.device.nextDeadline());
      this.device.advance();
    }
  }

  /** The next used entry; undefined where there is none. */
  takeUsed(queue: number): { readonly head: number; readonly written: number } | undefined {
    const next = this.#next[queue];
    const { used } = this.rings(queue);
    if (this.read16(used + 2) === next.used) return undefined;
    const at = used + 4 + 8 * (next.used % this.size) - RAM;
    next.used = (next.used + 1) & 0xffff;
    return { head: this.memory.view.getUint32(at, true), written: this.memory.view.getUint32(at + 4, true) };
  }

  bytesAt(pa: number, length: number): Uint8Array {
    return this.memory.bytes.slice(pa - RAM, pa - RAM + length);
  }
}
