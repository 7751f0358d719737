/** Physical addresses that are not RAM: finds the device, does the access, records it in table mmio. */
import type { EventSink } from '../trace/schema.ts';
import type { Device } from './device.ts';

interface Window {
  readonly base: number;
  readonly size: number;
  readonly device: Device;
}

export class Bus {
  readonly #windows: Window[] = [];
  /** The window of the last access: `covers` comes before `read` and `write`. */
  #last: Window | undefined;
  readonly #events: EventSink;
  readonly #pc: () => bigint;

  /** `pc` gives the address of the instruction that is executing, for the rows. */
  constructor(events: EventSink, pc: () => bigint) {
    this.#events = events;
    this.#pc = pc;
  }

  attach(base: number, size: number, device: Device): void {
    const other = this.#windows.find((w) => base < w.base + w.size && w.base < base + size);
    if (other) throw new Error(`${device.name} overlaps ${other.device.name}`);
    this.#windows.push({ base, size, device });
  }

  get devices(): readonly Device[] {
    return [...new Set(this.#windows.map(({ device }) => device))];
  }

  #find(pa: number): Window | undefined {
    const last = this.#last;
    if (last !== undefined && pa >= last.base && pa < last.base + last.size) return last;
    const found = this.#windows.find(({ base, size }) => pa >= base && pa < base + size);
    if (found !== undefined) this.#last = found;
    return found;
  }

  /** Whether a device answers here. */
  covers(pa: number): boolean {
    return this.#find(pa) !== undefined;
  }

  /** Whether the main loop need not look after this access. */
  isQuiet(pa: number, write: boolean): boolean {
    const window = this.#find(pa);
    return window?.device.isQuiet?.(pa - window.base, write) === true;
  }

  /** Device and register at an address, as table mmio names them; undefined where no device is. */
  describe(pa: number): string | undefined {
    const window = this.#find(pa);
    return window && `${window.device.name} ${window.device.registerName((pa - window.base) & ~3)}`;
  }

  /** Reads `size` bytes at an aligned address; undefined where no device is: an external abort. */
  read(pa: number, size: 1 | 2 | 4 | 8): bigint | undefined {
    const window = this.#find(pa);
    if (!window) return undefined;
    const { device } = window;
    const offset = pa - window.base;
    const value =
      size === 8
        ? BigInt(device.read(offset, 4)) | (BigInt(device.read(offset + 4, 4)) << 32n)
        : BigInt(device.read(offset, size));
    this.#record(window, pa, size, false, value);
    return value;
  }

  /** False where no device is. */
  write(pa: number, size: 1 | 2 | 4 | 8, value: bigint): boolean {
    const window = this.#find(pa);
    if (!window) return false;
    const { device } = window;
    const offset = pa - window.base;
    // Before the access: what the device does because of it comes after it in `seq`.
    this.#record(window, pa, size, true, value);
    if (size === 8) {
      device.write(offset, 4, Number(value & 0xffff_ffffn));
      device.write(offset + 4, 4, Number(value >> 32n));
    } else {
      device.write(offset, size, Number(value));
    }
    return true;
  }

  #record({ base, device }: Window, pa: number, size: number, write: boolean, value: bigint): void {
    if (!this.#events.recording) return;
    const register = device.registerName(pa - base);
    this.#events.append('mmio', { pc: this.#pc(), device: device.name, register, pa, size, write, value });
  }
}
