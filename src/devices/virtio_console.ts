/** The virtio console: virtio 1.1, 5.3, with one port and without its size. Queue 0 receives, queue 1 transmits. */
import type { DeviceState } from '../machine/device.ts';
import type { QueueAccess, VirtioBackend, VirtioHost } from './virtio_backend.ts';

const RECEIVE = 0;
/** Input that waits for a buffer; more than this is not taken. */
const WAITING_MAX = 256;
/** What one buffer, and one service, may print: each byte is a row of the recording. Drivers send a page at most. */
const PRINT_MAX = 2 ** 16;

export class VirtioConsole implements VirtioBackend {
  readonly name = 'virtio-console';
  readonly deviceId = 3;
  readonly queueCount = 2;
  readonly features = [];
  readonly configFields = [];
  readonly state = { waiting: [] as number[] };
  readonly #output: (byte: number) => void;
  readonly #input: (byte: number) => void;
  #host!: VirtioHost;

  /** `output` is called with each byte that the guest writes, `input` with each that it is given. */
  constructor(output: (byte: number) => void, input: (byte: number) => void) {
    this.#output = output;
    this.#input = input;
  }

  attach(host: VirtioHost): void {
    this.#host = host;
  }
  config(): Uint8Array {
    return new Uint8Array();
  }

  /** A byte arrives; false where the guest has no driver yet, or does not keep up. */
  receive(byte: number): boolean {
    if (!this.canReceive()) return false;
    this.state.waiting.push(byte);
    this.#host.schedule(RECEIVE);
    return true;
  }

  canReceive(): boolean {
    return this.#host.running && this.state.waiting.length < WAITING_MAX;
  }

  serve(queue: number, access: QueueAccess): boolean {
    return queue === RECEIVE ? this.#fill(access) : this.#transmit(access);
  }

  #fill(access: QueueAccess): boolean {
    const { waiting } = this.state;
    while (waiting.length > 0) {
      const chain = access.pop();
      if (chain === undefined) break;
      const bytes = waiting.splice(0, chain.writable);
      const written = chain.write(0, Uint8Array.from(bytes)) ? bytes.length : 0;
      for (const byte of bytes) this.#input(byte);
      access.push(chain, written);
    }
    return false;
  }

  #transmit(access: QueueAccess): boolean {
    for (let bytes = 0; bytes < PRINT_MAX; ) {
      const chain = access.pop();
      if (chain === undefined) return false;
      const text = new Uint8Array(Math.min(chain.readable, PRINT_MAX));
      if (text.length < chain.readable)
        this.#host.report(`${this.name}: more than ${PRINT_MAX} bytes at once`);
      if (chain.read(0, text)) for (const byte of text) this.#output(byte);
      access.push(chain, 0);
      bytes += text.length + 1;
    }
    return true;
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
