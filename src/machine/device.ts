/** What a device is to the board. */

/**
 * A memory-mapped device. Accesses are at most 4 bytes: the bus splits a 64-bit access into two, low word first. `offset`
 * is from the start of the device's window; values are unsigned 32 bit. A register that is not there reads as zero and
 * ignores writes, and the device reports it through `EventSink` table `unimplemented` where the architecture reserves it.
 */
export interface Device {
  /** As it appears in the mmio table: pl011, gicd, gicr0, … */
  readonly name: string;
  read(offset: number, size: 1 | 2 | 4): number;
  write(offset: number, size: 1 | 2 | 4, value: number): void;
  /**
   * Whether the main loop need not look after an access to this register: all that it can lead to are interrupts, of which the line
   * tells. Absent: it looks after every access.
   */
  isQuiet?(offset: number, write: boolean): boolean;
  /** Name of the register at an offset, for the mmio table: GICD_ISENABLER1, UARTDR; hexadecimal offset where none. */
  registerName(offset: number): string;
  /** Everything that a checkpoint needs: a plain object of named numbers, strings, booleans, arrays of them, bigints excluded. */
  save(): DeviceState;
  restore(state: DeviceState): void;
}
export type DeviceState = { readonly [name: string]: unknown };

/** An interrupt line into an interrupt controller: level, true is asserted. Repeating a level does nothing. */
export type InterruptLine = (level: boolean) => void;

/** The clock that devices see. */
export interface Clock {
  /** Virtual time in nanoseconds, exact below 2^53. */
  now(): number;
}

/** The four inputs that an interrupt controller drives on each CPU. */
export interface CpuInterruptInputs {
  irq: boolean;
  fiq: boolean;
  virq: boolean;
  vfiq: boolean;
}
