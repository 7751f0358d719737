/** What is behind a virtio transport: a kind of device, which knows its queues and its configuration space. */
import type { DeviceState } from '../machine/device.ts';
import type { Chain } from './virtqueue.ts';

/** How a backend gets at one of its queues. */
export interface QueueAccess {
  /** The next chain that the driver made available; undefined where there is none. */
  pop(): Chain | undefined;
  /** Gives a chain back, with its first `written` writable bytes written. */
  push(chain: Chain, written: number): void;
}

/** What the transport offers to its backend. */
export interface VirtioHost {
  /** Whether the driver accepted a feature bit. */
  negotiated(feature: number): boolean;
  /** The driver has set DRIVER_OK. */
  readonly running: boolean;
  /** Serves a queue after the usual delay, as if the driver had notified it. */
  schedule(queue: number): void;
  /** The driver did what the device cannot go on from: it stops until it is reset (2.1.2, DEVICE_NEEDS_RESET). */
  fail(why: string): void;
  /** Names something that this machine does not model, in table `unimplemented`. */
  report(what: string): void;
}

export interface VirtioBackend {
  /** As in table mmio: virtio-blk0, virtio-net, … */
  readonly name: string;
  /** Virtio 1.1, 5: 1 network, 2 block, 3 console, 4 entropy. */
  readonly deviceId: number;
  readonly queueCount: number;
  /** Its own feature bits, by number; those of ring and transport are the transport's. */
  readonly features: readonly number[];
  /** Names of the configuration space's fields by offset, ascending. */
  readonly configFields: readonly (readonly [offset: number, name: string])[];
  /** The configuration space. */
  config(): Uint8Array;
  /** One byte of it is written. */
  writeConfig?(offset: number, value: number): void;
  /** Called once. */
  attach(host: VirtioHost): void;
  /**
   * The driver notified a queue: handles what is there, at most about `SERVE_BYTES_MAX` bytes. True where more is waiting.
   */
  serve(queue: number, access: QueueAccess): boolean;
  reset(): void;
  save(): DeviceState;
  restore(state: DeviceState): void;
}

/** What one service of a queue copies before it lets the guest run on; a chain that was begun is finished. */
export const SERVE_BYTES_MAX = 2 ** 26;

/** Little-endian fields, `[bytes, value]` each. */
export function configBytes(fields: readonly (readonly [1 | 2 | 4 | 8, number])[]): Uint8Array {
  const bytes: number[] = [];
  for (const [size, value] of fields)
    for (let i = 0; i < size; i++) bytes.push(Math.floor(value / 2 ** (8 * i)) % 256);
  return Uint8Array.from(bytes);
}
