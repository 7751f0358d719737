/**
 * A PCI Express host bridge as QEMU's `virt` has it without devices: the configuration space by ECAM (PCI Express Base Specification,
 * 7.2.2), in which function 0 of device 0 of bus 0 is the bridge itself, and windows behind which nothing answers.
 */
import type { Device, DeviceState } from '../machine/device.ts';

/** Nobody answers: all ones. */
const nothing = (size: 1 | 2 | 4): number => 2 ** (8 * size) - 1;

/** Configuration space of a conventional function, in bytes. */
const CONFIGURATION_BYTES = 256;

/** What QEMU's bridge has in its header at reset, by offset, that is not zero (PCI Local Bus Specification, 6.1). */
const HEADER: readonly (readonly [offset: number, bytes: readonly number[]])[] = [
  // Red Hat's generic PCIe host bridge, and the class of host bridges.
  [0x00, [0x36, 0x1b, 0x08, 0x00]],
  [0x08, [0x00, 0x00, 0x00, 0x06]],
  // Subsystem: QEMU's.
  [0x2c, [0xf4, 0x1a, 0x00, 0x11]],
];

/** Bits of the header that can be written: command (I/O, memory, master, SERR#, INTx disable), cache line, interrupt line. */
const WRITABLE: readonly (readonly [offset: number, bits: number])[] = [
  [0x04, 0x07],
  [0x05, 0x05],
  [0x0c, 0xff],
  [0x3c, 0xff],
];
/** Behind the header everything is storage. */
const HEADER_BYTES = 0x40;

const NAMES: { readonly [offset: number]: string } = {
  0: 'vendor and device',
  4: 'command and status',
  8: 'revision and class',
  12: 'header type',
  44: 'subsystem',
  52: 'capabilities',
  60: 'interrupt',
};

/** The configuration space of all buses: 1 MiB each, 32 KiB a device, 4 KiB a function. */
export class PcieHost implements Device {
  readonly name = 'pcie';
  readonly #bytes = new Uint8Array(CONFIGURATION_BYTES);
  readonly #writable = new Uint8Array(CONFIGURATION_BYTES).fill(0xff, HEADER_BYTES);

  constructor() {
    for (const [offset, bytes] of HEADER) this.#bytes.set(bytes, offset);
    for (const [offset, bits] of WRITABLE) this.#writable[offset] = bits;
  }

  read(offset: number, size: 1 | 2 | 4): number {
    if (offset >= CONFIGURATION_BYTES) return nothing(size);
    let value = 0;
    for (let i = 0; i < size; i++) value += this.#bytes[offset + i] * 2 ** (8 * i);
    return value;
  }

  write(offset: number, size: 1 | 2 | 4, value: number): void {
    if (offset >= CONFIGURATION_BYTES) return;
    for (let i = 0; i < size; i++) {
      const mask = this.#writable[offset + i];
      this.#bytes[offset + i] = (this.#bytes[offset + i] & ~mask) | ((value >>> (8 * i)) & mask);
    }
  }

  registerName(offset: number): string {
    const [bus, device, fn] = [offset >>> 20, (offset >>> 15) & 31, (offset >>> 12) & 7];
    const where = `${bus.toString(16).padStart(2, '0')}:${device.toString(16).padStart(2, '0')}.${fn}`;
    const register = offset & 0xffc;
    return `${where} ${NAMES[register] ?? `0x${register.toString(16)}`}`;
  }

  save(): DeviceState {
    return { configuration: [...this.#bytes] };
  }

  restore(state: DeviceState): void {
    this.#bytes.set(state['configuration'] as number[]);
  }
}

/** Addresses that the host bridge forwards to PCI, where no device claims them. */
export class PcieWindow implements Device {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  read(_offset: number, size: 1 | 2 | 4): number {
    return nothing(size);
  }

  write(): void {}

  registerName(offset: number): string {
    return `0x${offset.toString(16)}`;
  }

  save(): Record<string, never> {
    return {};
  }

  restore(): void {}
}
