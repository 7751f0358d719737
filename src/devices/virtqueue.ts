/**
 * A split virtqueue, the device's side: virtio 1.1, 2.6. What the driver wrote is not trusted: a ring or a chain that the manual
 * does not allow breaks the queue (`broken` says why), and nothing is ever read more often than the ring has entries.
 */
import type { Dma } from './dma.ts';

/** As many as QEMU's: the largest ring, and the longest chain with the entries of an indirect table. */
export const QUEUE_SIZE_MAX = 1024;
/** A chain of more than this is refused: what is copied for one request has a bound. */
export const CHAIN_BYTES_MAX = 2 ** 30;

const DESCRIPTOR_SIZE = 16;
/** Descriptor flags, 2.6.5. */
const NEXT = 1;
const WRITE = 2;
const INDIRECT = 4;
/** avail.flags, 2.6.6. */
const NO_INTERRUPT = 1;

interface Segment {
  readonly address: number;
  readonly length: number;
}

/** A chain of buffers that the driver made available: first what the device reads, then what it writes. */
export class Chain {
  /** Index of its first descriptor, which names it. */
  readonly head: number;
  /** Bytes that the device may read, and may write. */
  readonly readable: number;
  readonly writable: number;
  readonly #readable: readonly Segment[];
  readonly #writable: readonly Segment[];
  readonly #dma: Dma;
  readonly #who: string;

  constructor(
    head: number,
    readable: readonly Segment[],
    writable: readonly Segment[],
    dma: Dma,
    who: string,
  ) {
    this.head = head;
    this.#readable = readable;
    this.#writable = writable;
    this.#dma = dma;
    this.#who = who;
    this.readable = totalLength(readable);
    this.writable = totalLength(writable);
  }

  /** Copies out of the readable part, from `offset` on; false where that is not all there, or not RAM. */
  read(offset: number, target: Uint8Array): boolean {
    return everyPart(this.#readable, offset, target, (pa, part) => this.#dma.read(pa, part));
  }

  /** Copies into the writable part, from `offset` on; false where there is no room, or no RAM. */
  write(offset: number, source: Uint8Array): boolean {
    return everyPart(this.#writable, offset, source, (pa, part) => this.#dma.write(pa, part, this.#who));
  }
}

const totalLength = (segments: readonly Segment[]) => segments.reduce((sum, { length }) => sum + length, 0);

function everyPart(
  segments: readonly Segment[],
  offset: number,
  bytes: Uint8Array,
  act: (pa: number, part: Uint8Array) => boolean,
): boolean {
  let skip = offset;
  let done = 0;
  for (const { address, length } of segments) {
    if (done === bytes.length) break;
    if (skip >= length) {
      skip -= length;
      continue;
    }
    const count = Math.min(length - skip, bytes.length - done);
    if (!act(address + skip, bytes.subarray(done, done + count))) return false;
    done += count;
    skip = 0;
  }
  return done === bytes.length;
}

export interface QueueState {
  /** Entries; what the driver set. */
  size: number;
  ready: boolean;
  /** Physical addresses of the descriptor table and of the two rings. */
  descriptors: number;
  available: number;
  used: number;
  /** The index of the next entry of the available ring, and of the used ring; 16 bits, they wrap. */
  nextAvailable: number;
  nextUsed: number;
  /** `nextUsed` when the driver was last considered for an interrupt. */
  signalled: number;
  /** Why the queue is out of order until the device is reset; empty when it is not. */
  broken: string;
}

export const initialQueue = (size: number): QueueState => ({
  size,
  ready: false,
  descriptors: 0,
  available: 0,
  used: 0,
  nextAvailable: 0,
  nextUsed: 0,
  signalled: 0,
  broken: '',
});

export class Virtqueue {
  readonly state: QueueState;
  readonly #dma: Dma;
  /** For table `writes`. */
  readonly #who: string;
  readonly #buffer = new Uint8Array(DESCRIPTOR_SIZE);
  readonly #view = new DataView(this.#buffer.buffer);

  constructor(dma: Dma, who: string) {
    this.state = initialQueue(QUEUE_SIZE_MAX);
    this.#dma = dma;
    this.#who = who;
  }

  get usable(): boolean {
    return this.state.ready && this.state.broken === '';
  }

  /** The next chain that the driver made available; undefined where there is none, or where the queue broke. */
  pop(eventIndex: boolean): Chain | undefined {
    const { state } = this;
    if (!this.usable) return undefined;
    const index = this.#read16(state.available + 2);
    if (index === undefined) return undefined;
    const waiting = (index - state.nextAvailable) & 0xffff;
    if (waiting > state.size) return this.#break(`available index ${index} is more than a ring ahead`);
    if (waiting === 0) {
      // 2.6.7.2: the driver notifies when its index passes this one.
      if (eventIndex) this.#write16(state.used + 4 + 8 * state.size, state.nextAvailable);
      return undefined;
    }
    const entry = state.nextAvailable % state.size;
    const head = this.#read16(state.available + 4 + 2 * entry);
    if (head === undefined) return undefined;
    const chain = this.#chain(head);
    if (chain !== undefined) state.nextAvailable = (state.nextAvailable + 1) & 0xffff;
    return chain;
  }

  /** Gives a chain back, with `written` bytes of it written. */
  push(chain: Chain, written: number): void {
    const { state } = this;
    this.#view.setUint32(0, chain.head, true);
    this.#view.setUint32(4, written, true);
    const at = state.used + 4 + 8 * (state.nextUsed % state.size);
    if (!this.#dma.write(at, this.#buffer.subarray(0, 8), this.#who)) {
      this.#break('the used ring is not in RAM');
      return;
    }
    state.nextUsed = (state.nextUsed + 1) & 0xffff;
    this.#write16(state.used + 2, state.nextUsed);
  }

  /** Whether what was pushed since the last call deserves an interrupt: 2.6.7. */
  wantsInterrupt(eventIndex: boolean): boolean {
    const { state } = this;
    const before = state.signalled;
    const after = state.nextUsed;
    state.signalled = after;
    if (before === after || !this.usable) return false;
    if (!eventIndex) return ((this.#read16(state.available) ?? 0) & NO_INTERRUPT) === 0;
    const event = this.#read16(state.available + 4 + 2 * state.size) ?? 0;
    return ((after - event - 1) & 0xffff) < ((after - before) & 0xffff);
  }

  #chain(head: number): Chain | undefined {
    const readable: Segment[] = [];
    const writable: Segment[] = [];
    let table = this.state.descriptors;
    let entries = this.state.size;
    let indirect = false;
    let index = head;
    let bytes = 0;
    for (let steps = 0; ; steps++) {
      if (index >= entries) return this.#break(`descriptor ${index} is outside a table of ${entries}`);
      if (steps > QUEUE_SIZE_MAX) return this.#break('a chain of descriptors is endless');
      if (!this.#dma.read(table + DESCRIPTOR_SIZE * index, this.#buffer))
        return this.#break('a descriptor is not in RAM');
      const address = this.#view.getUint32(0, true) + this.#view.getUint32(4, true) * 2 ** 32;
      const length = this.#view.getUint32(8, true);
      const flags = this.#view.getUint16(12, true);
      const next = this.#view.getUint16(14, true);
      if (flags & INDIRECT) {
        // 2.6.5.3.1: at the end of the chain outside, not within a table, and a whole number of entries.
        if (indirect || flags & NEXT || length === 0 || length % DESCRIPTOR_SIZE !== 0)
          return this.#break('an indirect descriptor is malformed');
        indirect = true;
        table = address;
        entries = length / DESCRIPTOR_SIZE;
        index = 0;
        continue;
      }
      if (length === 0) return this.#break('a descriptor has length 0');
      if (!(flags & WRITE) && writable.length > 0)
        return this.#break('a readable descriptor follows a writable one');
      bytes += length;
      if (bytes > CHAIN_BYTES_MAX) return this.#break(`a chain has more than ${CHAIN_BYTES_MAX} bytes`);
      (flags & WRITE ? writable : readable).push({ address, length });
      if (!(flags & NEXT)) return new Chain(head, readable, writable, this.#dma, this.#who);
      index = next;
    }
  }

  #read16(pa: number): number | undefined {
    if (this.#dma.read(pa, this.#buffer.subarray(0, 2))) return this.#view.getUint16(0, true);
    return this.#break('the available ring is not in RAM');
  }

  #write16(pa: number, value: number): void {
    this.#view.setUint16(0, value, true);
    if (!this.#dma.write(pa, this.#buffer.subarray(0, 2), this.#who))
      this.#break('the used ring is not in RAM');
  }

  #break(why: string): undefined {
    this.state.broken = why;
  }
}
