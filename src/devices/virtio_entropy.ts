/**
 * The virtio entropy device: virtio 1.1, 5.4. Its bytes are SHA-256 over the recipe's seed and a counter: as good as random to
 * the guest, and the same in every replay.
 */
import type { DeviceState } from '../machine/device.ts';
import { type QueueAccess, SERVE_BYTES_MAX, type VirtioBackend, type VirtioHost } from './virtio_backend.ts';

const BLOCK = 32;
/** A request is copied in pieces. */
const PIECE = 2 ** 16;

export class VirtioEntropy implements VirtioBackend {
  readonly name = 'virtio-rng';
  readonly deviceId = 4;
  readonly queueCount = 1;
  readonly features = [];
  readonly configFields = [];
  /** Bytes given so far. */
  readonly state = { given: 0 };
  readonly #seed: string;

  constructor(seed: string) {
    this.#seed = seed;
  }

  attach(_host: VirtioHost): void {}
  config(): Uint8Array {
    return new Uint8Array();
  }

  serve(_queue: number, access: QueueAccess): boolean {
    for (let bytes = 0; bytes < SERVE_BYTES_MAX; ) {
      const chain = access.pop();
      if (chain === undefined) return false;
      // A longer request is answered in part, as the manual allows.
      const length = Math.min(chain.writable, PIECE);
      const written = chain.write(0, this.#take(length)) ? length : 0;
      access.push(chain, written);
      bytes += length + 1;
    }
    return true;
  }

  #take(length: number): Uint8Array {
    const out = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const within = this.state.given % BLOCK;
      const block = this.#block(Math.floor(this.state.given / BLOCK)).subarray(within);
      const part = block.subarray(0, Math.min(block.length, length - done));
      out.set(part, done);
      done += part.length;
      this.state.given += part.length;
    }
    return out;
  }

  #block(index: number): Uint8Array {
    // Loaded here, as few guests draw numbers.
    const { createHash } = process.getBuiltinModule('node:crypto');
    return createHash('sha256').update(`${this.#seed} ${index}`).digest();
  }

  /** The generator goes on: a reset must not give the same keys twice. */
  reset(): void {}
  save(): DeviceState {
    return { ...this.state };
  }
  restore(saved: DeviceState): void {
    Object.assign(this.state, saved);
  }
}
