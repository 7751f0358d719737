/**
 * The virtio-mmio transport: virtio 1.1, 4.2. Version 1 is its legacy interface (4.2.4), which QEMU's virt board has unless it is
 * told `-global virtio-mmio.force-legacy=false`, and version 2 the modern one.
 *
 * A notified queue is served a fixed time later, between two instructions: `SERVICE_DELAY_NS`. Not at the notification itself,
 * because drivers made with QEMU or hardware in mind count on running on for a moment: they set a flag that the interrupt
 * handler clears, or execute the WFI that the interrupt ends. More notifications in that time change nothing.
 *
 * Where it differs from QEMU 7.2, and a guest can tell: FEATURES_OK does not stay where the driver asked for what was not offered
 * or, with version 2, without VIRTIO_F_VERSION_1 (3.1.1); VIRTIO_F_NOTIFY_ON_EMPTY, VIRTIO_F_ANY_LAYOUT, VIRTIO_F_RING_RESET and
 * the SCSI commands of block devices are not offered.
 */
import type { Clock, Device, DeviceState, InterruptLine } from '../machine/device.ts';
import type { Dma } from './dma.ts';
import type { DeviceContext } from './register_table.ts';
import type { VirtioBackend, VirtioHost } from './virtio_backend.ts';
import { CONFIG, MAGIC, VENDOR, VIRTIO_REGISTERS } from './virtio_mmio_registers.ts';
import { initialQueue, QUEUE_SIZE_MAX, Virtqueue } from './virtqueue.ts';

export const SERVICE_DELAY_NS = 10_000;

/** Device status, 2.1. */
const STATUS = { driverOk: 4, featuresOk: 8, needsReset: 0x40 } as const;
/** InterruptStatus: used buffers, configuration changed. */
const USED_BUFFER = 1;
const CONFIG_CHANGED = 2;

/** Feature bits of ring and transport, 6 and 6.3. */
const FEATURE = { indirectDescriptors: 28, eventIndex: 29, version1: 32 } as const;

export type VirtioVersion = 1 | 2;

export interface VirtioMmioOptions {
  readonly context: DeviceContext;
  readonly clock: Clock;
  readonly dma: Dma;
  readonly line: InterruptLine;
  readonly version: VirtioVersion;
  readonly backend: VirtioBackend;
  readonly onDeadlineChange: () => void;
}

const RESET = {
  status: 0,
  interruptStatus: 0,
  featuresSelect: 0,
  driverFeaturesSelect: 0,
  /** Bits 31:0 and 63:32. */
  driverFeatures: [0, 0] as [number, number],
  queueSelect: 0,
  /** Version 1: log2 of GuestPageSize. */
  pageShift: 0,
  generation: 0,
};

/** What a queue's registers hold besides the ring's own state. */
const QUEUE_RESET = { serveAt: -1, pageNumber: 0, align: 4096 };
type QueueSetup = typeof QUEUE_RESET;

export class VirtioMmio implements Device {
  readonly name: string;
  readonly version: VirtioVersion;
  readonly state = structuredClone(RESET);
  readonly queues: readonly Virtqueue[];
  readonly setups: readonly QueueSetup[];
  readonly backend: VirtioBackend;
  readonly #options: VirtioMmioOptions;
  readonly #offered: readonly [number, number];

  constructor(options: VirtioMmioOptions) {
    const { backend, version, dma } = options;
    this.#options = options;
    this.backend = backend;
    this.name = backend.name;
    this.version = version;
    this.queues = Array.from({ length: backend.queueCount }, () => new Virtqueue(dma, backend.name));
    this.setups = this.queues.map(() => ({ ...QUEUE_RESET }));
    const ring = [FEATURE.indirectDescriptors, FEATURE.eventIndex];
    const transport = version === 1 ? [] : [FEATURE.version1];
    const words: [number, number] = [0, 0];
    for (const bit of [...backend.features, ...ring, ...transport])
      words[bit >>> 5] = (words[bit >>> 5] | (1 << (bit & 31))) >>> 0;
    this.#offered = words;
    const self = this;
    const host: VirtioHost = {
      negotiated: (bit) => this.negotiated(bit),
      get running() {
        return (self.state.status & STATUS.driverOk) !== 0;
      },
      schedule: (queue) => this.notify(queue),
      fail: (why) => this.#fail(why),
      report: (what) => this.report(what),
    };
    backend.attach(host);
  }

  read(offset: number, size: 1 | 2 | 4): number {
    if (offset >= CONFIG) return this.#readConfig(offset - CONFIG, size);
    if (size !== 4) {
      this.report(`${this.name} ${size}-byte read of ${this.registerName(offset)}`);
      return 0;
    }
    return VIRTIO_REGISTERS[this.version].read(this, offset, size, this.#options.context, this.name);
  }

  write(offset: number, size: 1 | 2 | 4, value: number): void {
    if (offset >= CONFIG)
      for (let i = 0; i < size; i++)
        this.backend.writeConfig?.(offset - CONFIG + i, (value >>> (8 * i)) & 0xff);
    else if (size !== 4) this.report(`${this.name} ${size}-byte write of ${this.registerName(offset)}`);
    else VIRTIO_REGISTERS[this.version].write(this, offset, size, value, this.#options.context, this.name);
  }

  registerName(offset: number): string {
    if (offset < CONFIG) return VIRTIO_REGISTERS[this.version].name(offset);
    const at = offset - CONFIG;
    const field = this.backend.configFields.findLast(([start]) => start <= at);
    return field === undefined ? 'Config' : `Config.${field[1]}`;
  }

  /** A field that is not there reads as ones, as QEMU's do. */
  #readConfig(at: number, size: 1 | 2 | 4): number {
    const bytes = this.backend.config();
    if (at + size > bytes.length) return size === 4 ? 0xffff_ffff : 2 ** (8 * size) - 1;
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = value * 256 + bytes[at + i];
    return value;
  }

  save(): DeviceState {
    return structuredClone({
      ...this.state,
      queues: this.queues.map(({ state }) => state),
      setups: this.setups,
      backend: this.backend.save(),
    });
  }

  restore(saved: DeviceState): void {
    const { queues, setups, backend, ...state } = structuredClone(saved) as {
      queues: object[];
      setups: object[];
      backend: DeviceState;
    };
    Object.assign(this.state, state);
    for (const [i, queue] of this.queues.entries()) {
      Object.assign(queue.state, queues[i]);
      Object.assign(this.setups[i], setups[i]);
    }
    this.backend.restore(backend);
    this.driveLine();
  }

  nextDeadline(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { serveAt } of this.setups) if (serveAt >= 0) next = Math.min(next, serveAt);
    return next;
  }

  /** Serves the queues whose time has come, in the order of their numbers. */
  advance(): void {
    const now = this.#options.clock.now();
    for (const [index, setup] of this.setups.entries()) {
      if (setup.serveAt < 0 || setup.serveAt > now) continue;
      setup.serveAt = -1;
      this.#serve(index);
    }
  }

  #serve(index: number): void {
    const queue = this.queues[index];
    const eventIndex = this.negotiated(FEATURE.eventIndex);
    const stopped = () => !queue.usable || (this.state.status & STATUS.needsReset) !== 0;
    if ((this.state.status & STATUS.driverOk) === 0 || stopped()) return;
    let popped = 0;
    const more = this.backend.serve(index, {
      pop: () => {
        // A ring holds no more; but the device's own writes may hit the driver's index and make it endless.
        if (popped === QUEUE_SIZE_MAX || stopped()) return undefined;
        popped += 1;
        return queue.pop(eventIndex);
      },
      push: (chain, written) => queue.push(chain, written),
    });
    if (queue.state.broken !== '') this.#fail(`queue ${index}: ${queue.state.broken}`);
    else if (more || popped === QUEUE_SIZE_MAX) this.notify(index);
    if (queue.wantsInterrupt(eventIndex)) this.#interrupt(USED_BUFFER);
  }

  /** QueueNotify. */
  notify(index: number): void {
    const setup = this.setups[index];
    if (setup === undefined || setup.serveAt >= 0) return;
    setup.serveAt = this.#options.clock.now() + SERVICE_DELAY_NS;
    this.#options.onDeadlineChange();
  }

  negotiated(bit: number): boolean {
    return ((this.state.driverFeatures[bit >>> 5] >>> (bit & 31)) & 1) === 1;
  }

  offered(): number {
    return this.#offered[this.state.featuresSelect === 0 ? 0 : 1];
  }

  selected(): { readonly queue: Virtqueue; readonly setup: QueueSetup } | undefined {
    const queue = this.queues[this.state.queueSelect];
    return queue && { queue, setup: this.setups[this.state.queueSelect] };
  }

  setDriverFeatures(value: number): void {
    const { state } = this;
    if (this.version === 1) {
      // The legacy interface has 32 bits, and nothing that would refuse them.
      if (state.driverFeaturesSelect === 0) state.driverFeatures[0] = (value & this.#offered[0]) >>> 0;
    } else state.driverFeatures[state.driverFeaturesSelect === 0 ? 0 : 1] = value;
  }

  setStatus(value: number): void {
    const { state } = this;
    if ((value & 0xff) === 0) {
      this.reset();
      return;
    }
    const before = state.status;
    state.status = (value & 0xbf) | (before & STATUS.needsReset);
    if (this.version === 2 && value & ~before & STATUS.featuresOk && !this.#featuresAgree())
      state.status &= ~STATUS.featuresOk;
  }

  /** 3.1.1, 6.1. */
  #featuresAgree(): boolean {
    const { driverFeatures } = this.state;
    return (
      driverFeatures.every((word, i) => (word & ~this.#offered[i]) === 0) && this.negotiated(FEATURE.version1)
    );
  }

  /** Version 1: a queue's three parts follow each other from a page, the used ring aligned (2.6.2). 0 resets the device. */
  setPageNumber(value: number): void {
    const selected = this.selected();
    if (value === 0) this.reset();
    if (selected === undefined || value === 0) return;
    const { queue, setup } = selected;
    const { size } = queue.state;
    const base = value * 2 ** this.state.pageShift;
    setup.pageNumber = value;
    Object.assign(queue.state, initialQueue(size), {
      ready: true,
      descriptors: base,
      available: base + 16 * size,
      used: Math.ceil((base + 16 * size + 4 + 2 * size) / setup.align) * setup.align,
    });
  }

  setReady(value: number): void {
    const selected = this.selected();
    if (selected === undefined) return;
    const { state } = selected.queue;
    const { size, descriptors, available, used } = state;
    // A queue begins anew when it is switched on: 4.2.3.2.
    if (value & 1 && !state.ready) Object.assign(state, initialQueue(size), { descriptors, available, used });
    state.ready = (value & 1) === 1;
  }

  /** 2.6: a power of two. Another size is not taken. */
  setSize(value: number): void {
    const selected = this.selected();
    const valid = value >= 1 && value <= QUEUE_SIZE_MAX && (value & (value - 1)) === 0;
    if (selected !== undefined && valid) selected.queue.state.size = value;
    else this.report(`${this.name} QueueNum that is no power of two up to ${QUEUE_SIZE_MAX}`);
  }

  acknowledge(value: number): void {
    this.state.interruptStatus &= ~value;
    this.driveLine();
  }

  reset(): void {
    // Linux sets GuestPageSize first and resets then (QEMU keeps it too).
    Object.assign(this.state, structuredClone(RESET), { pageShift: this.state.pageShift });
    for (const [i, queue] of this.queues.entries()) {
      Object.assign(queue.state, initialQueue(QUEUE_SIZE_MAX));
      Object.assign(this.setups[i], QUEUE_RESET);
    }
    this.backend.reset();
    this.driveLine();
  }

  driveLine(): void {
    this.#options.line(this.state.interruptStatus !== 0);
  }

  report(what: string): void {
    const { events, pc } = this.#options.context;
    if (events.recording) events.append('unimplemented', { pc: pc(), what });
  }

  #interrupt(cause: number): void {
    this.state.interruptStatus |= cause;
    this.driveLine();
  }

  #fail(why: string): void {
    if (this.state.status & STATUS.needsReset) return;
    this.report(`${this.name} stopped until its reset: ${why}`);
    this.state.status |= STATUS.needsReset;
    this.state.generation = (this.state.generation + 1) >>> 0;
    this.#interrupt(CONFIG_CHANGED);
  }
}

/** The transports without a device: they say who they are, and that nothing is behind them (4.2.2.1, DeviceID 0). */
export class EmptyVirtioMmio implements Device {
  readonly name = 'virtio-mmio';
  readonly #version: VirtioVersion;

  constructor(version: VirtioVersion) {
    this.#version = version;
  }

  read(offset: number): number {
    return { 0: MAGIC, 4: this.#version, 12: VENDOR }[offset] ?? 0;
  }
  write(): void {}
  registerName(offset: number): string {
    return offset < CONFIG ? VIRTIO_REGISTERS[this.#version].name(offset) : 'Config';
  }
  save(): DeviceState {
    return {};
  }
  restore(): void {}
}
