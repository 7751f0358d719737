/**
 * The virtio network device: virtio 1.1, 5.1, with one pair of queues and no offloads. Behind it is a network that exists only
 * here (user_network.ts); nothing leaves the host.
 */
import type { DeviceState } from '../machine/device.ts';
import { FRAME_MAX, UserNetwork } from './user_network.ts';
import {
  configBytes,
  type QueueAccess,
  SERVE_BYTES_MAX,
  type VirtioBackend,
  type VirtioHost,
} from './virtio_backend.ts';

/** Feature bits, 5.1.3 and 6. */
const FEATURE = { mac: 5, mergedBuffers: 15, status: 16, version1: 32 } as const;
const RECEIVE = 0;
/** Frames that wait for the guest's buffers; more are lost, as on a wire. */
const WAITING_MAX = 64;
const LINK_UP = 1;
/** Header in front of each frame, 5.1.6: ten bytes, and num_buffers where it is there. */
const HEADER_SIZE = 10;

export class VirtioNetwork implements VirtioBackend {
  readonly name = 'virtio-net';
  readonly deviceId = 1;
  readonly queueCount = 2;
  readonly features = [FEATURE.mac, FEATURE.mergedBuffers, FEATURE.status];
  readonly configFields = [
    [0, 'mac'],
    [6, 'status'],
  ] as const;
  /** Frames for the guest, as arrays of bytes. */
  readonly state = { waiting: [] as number[][] };
  readonly #mac: readonly number[];
  readonly #network = new UserNetwork((what) =>
    this.#host.report(`${this.name}: ${what} has no answer here`),
  );
  #host!: VirtioHost;

  /** `mac` is six bytes. */
  constructor(mac: readonly number[]) {
    this.#mac = mac;
  }

  attach(host: VirtioHost): void {
    this.#host = host;
  }

  config(): Uint8Array {
    return configBytes([...this.#mac.map((byte) => [1, byte] as const), [2, LINK_UP]]);
  }

  serve(queue: number, access: QueueAccess): boolean {
    return queue === RECEIVE ? this.#deliver(access) : this.#transmit(access);
  }

  get #headerSize(): number {
    const counted = this.#host.negotiated(FEATURE.version1) || this.#host.negotiated(FEATURE.mergedBuffers);
    return counted ? HEADER_SIZE + 2 : HEADER_SIZE;
  }

  #deliver(access: QueueAccess): boolean {
    const { waiting } = this.state;
    while (waiting.length > 0) {
      const chain = access.pop();
      if (chain === undefined) break;
      const packet = new Uint8Array(this.#headerSize + waiting[0].length);
      if (this.#headerSize > HEADER_SIZE) packet[HEADER_SIZE] = 1;
      packet.set(waiting[0], this.#headerSize);
      waiting.shift();
      // A frame that does not fit is lost.
      access.push(chain, chain.write(0, packet) ? packet.length : 0);
    }
    return false;
  }

  #transmit(access: QueueAccess): boolean {
    for (let bytes = 0; bytes < SERVE_BYTES_MAX; ) {
      const chain = access.pop();
      if (chain === undefined) return false;
      const length = chain.readable - this.#headerSize;
      const frame = new Uint8Array(Math.max(0, Math.min(length, FRAME_MAX)));
      if (length <= FRAME_MAX && chain.read(this.#headerSize, frame)) this.#send(frame);
      access.push(chain, 0);
      bytes += chain.readable + 1;
    }
    return true;
  }

  #send(frame: Uint8Array): void {
    for (const answer of this.#network.answers(frame)) {
      if (this.state.waiting.length >= WAITING_MAX) break;
      this.state.waiting.push([...answer]);
    }
    if (this.state.waiting.length > 0) this.#host.schedule(RECEIVE);
  }

  reset(): void {
    this.state.waiting = [];
  }
  save(): DeviceState {
    return structuredClone(this.state);
  }
  restore(saved: DeviceState): void {
    Object.assign(this.state, structuredClone(saved));
  }
}
