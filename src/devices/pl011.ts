/**
 * The PL011 UART: Arm DDI 0183G (r1p5). It says it is r1p1 in UARTPeriphID2, as QEMU's does: that is the last revision with FIFOs
 * of 16 bytes, and drivers take the depth from it.
 *
 * Where it differs from QEMU 7.2, and a guest can tell:
 *  - the receive interrupt comes at the level that UARTIFLS selects, and the receive timeout exists (QEMU raises UARTRXINTR at
 *    every byte and never UARTRTINTR); the manual wins (UARTIFLS, UARTRXINTR, UARTRTINTR), and drivers that work with the
 *    hardware work with both: they unmask the two together;
 *  - loopback, the modem lines in it and overrun exist; reserved bits read as zero.
 * Where it follows QEMU and not the hardware:
 *  - a transmitted byte is out at once, so UARTFR never says busy or full and each write of UARTDR raises UARTTXINTR;
 *  - UARTCR's UARTEN, TXE and RXE do not gate anything: images made for QEMU print without enabling the UART.
 */
import type { Clock, Device, DeviceState, InterruptLine } from '../machine/device.ts';
import {
  type DeviceContext,
  type DeviceRegister,
  primeCellIdentification,
  RegisterTable,
} from './register_table.ts';

/** Interrupt bits of UARTIMSC, UARTRIS, UARTMIS and UARTICR. */
const RI = 1 << 0;
const CTS = 1 << 1;
const DCD = 1 << 2;
const DSR = 1 << 3;
const RX = 1 << 4;
const TX = 1 << 5;
const RT = 1 << 6;
const OE = 1 << 10;
const ALL_INTERRUPTS = 0x7ff;

/** UARTFR. */
const FR_CTS = 1 << 0;
const FR_DSR = 1 << 1;
const FR_DCD = 1 << 2;
const FR_RXFE = 1 << 4;
const FR_RXFF = 1 << 6;
const FR_TXFE = 1 << 7;
const FR_RI = 1 << 8;

/** Offsets of UARTDR and UARTFR. */
const DR = 0x00;
const FR = 0x18;

/** UARTCR. */
const CR_LBE = 1 << 7;
const CR_DTR = 1 << 10;
const CR_RTS = 1 << 11;
const CR_OUT1 = 1 << 12;
const CR_OUT2 = 1 << 13;
/** Bits 6..3 are reserved. */
const CR_MASK = 0xff87;

const LCR_FEN = 1 << 4;
/** OE in UARTDR and in UARTRSR. */
const DR_OVERRUN = 1 << 11;
const RSR_OVERRUN = 1 << 3;

/** UARTIFLS: 1/8, 1/4, 1/2, 3/4, 7/8 of 16; the reserved encodings act as the fullest. */
const RECEIVE_LEVELS = [2, 4, 8, 12, 14, 14, 14, 14];
/** UARTCLK of the virt board: `apb-pclk` in its device tree. */
const UART_CLOCK_HZ = 24_000_000;
const FIFO_DEPTH = 16;

export interface Pl011Options {
  readonly context: DeviceContext;
  readonly clock: Clock;
  /** UARTINTR, the combined interrupt. */
  readonly line: InterruptLine;
  /** Called with each byte that leaves the UART. */
  readonly output: (byte: number) => void;
  readonly name?: string;
}

const RESET = {
  receiveFifo: [] as number[],
  /** A byte was lost since the FIFO last had room: the next one read says so. */
  overrun: false,
  rsr: 0,
  ilpr: 0,
  ibrd: 0,
  fbrd: 0,
  lcr: 0,
  cr: 0x300,
  ifls: 0x12,
  imsc: 0,
  ris: 0,
  dmacr: 0,
  /** When the receive timeout is due, in ns; -1 when it is not running. */
  timeoutAt: -1,
};

export class Pl011 implements Device {
  readonly name: string;
  readonly state = structuredClone(RESET);
  readonly #options: Pl011Options;

  constructor(options: Pl011Options) {
    this.#options = options;
    this.name = options.name ?? 'pl011';
  }

  /** A byte arrives on the wire. One that finds the FIFO full is lost and raises overrun. */
  receive(byte: number): void {
    const { state } = this;
    if (!this.canReceive()) {
      state.overrun = true;
      state.rsr |= RSR_OVERRUN;
      this.raise(OE);
      return;
    }
    state.receiveFifo.push(byte & 0xff);
    if (state.receiveFifo.length >= this.#receiveLevel()) state.ris |= RX;
    this.#startTimeout();
    this.driveLine();
  }

  /** Whether a byte that arrives now is kept. */
  canReceive(): boolean {
    return this.state.receiveFifo.length < this.depth();
  }

  /** Virtual time in ns of the next event that the device makes by itself, Infinity when there is none. */
  nextDeadline(): number {
    return this.state.timeoutAt < 0 ? Number.POSITIVE_INFINITY : this.state.timeoutAt;
  }

  /** Makes the events that are due at the clock's present time. */
  advance(): void {
    if (this.#options.clock.now() < this.nextDeadline()) return;
    this.state.timeoutAt = -1;
    this.raise(RT);
  }

  read(offset: number, size: 1 | 2 | 4): number {
    return REGISTERS.read(this, offset, size, this.#options.context, this.name);
  }

  write(offset: number, size: 1 | 2 | 4, value: number): void {
    REGISTERS.write(this, offset, size, value, this.#options.context, this.name);
  }

  /** What a driver does for each byte that it prints. In loopback the byte comes back, and the timeout starts. */
  isQuiet(offset: number, write: boolean): boolean {
    return write ? offset === DR && (this.state.cr & CR_LBE) === 0 : offset === FR;
  }

  registerName(offset: number): string {
    return REGISTERS.name(offset);
  }

  save(): DeviceState {
    return structuredClone(this.state);
  }

  restore(saved: DeviceState): void {
    Object.assign(this.state, structuredClone(saved));
    this.driveLine();
  }

  /** UARTDR, read. */
  takeReceived(): number {
    const { state } = this;
    const byte = state.receiveFifo.shift();
    if (byte === undefined) return 0;
    const overrun = state.overrun;
    state.overrun = false;
    state.rsr = overrun ? RSR_OVERRUN : 0;
    if (state.receiveFifo.length < this.#receiveLevel()) state.ris &= ~RX;
    // UARTRTINTR is cleared when the FIFO becomes empty; the period runs anew while bytes remain.
    if (state.receiveFifo.length === 0) state.ris &= ~RT;
    this.#startTimeout();
    this.driveLine();
    const { events } = this.#options.context;
    if (events.recording) events.append('console', { device: this.name, direction: 'in', byte });
    return byte | (overrun ? DR_OVERRUN : 0);
  }

  /** UARTDR, written. */
  transmit(byte: number): void {
    if ((this.state.cr & CR_LBE) !== 0) this.receive(byte);
    else {
      const { events } = this.#options.context;
      if (events.recording) events.append('console', { device: this.name, direction: 'out', byte });
      this.#options.output(byte);
    }
    this.raise(TX);
  }

  /** The modem lines are not wired on virt; in loopback the outputs are fed to the inputs (UARTCR.LBE). */
  modemFlags(): number {
    const { cr } = this.state;
    if ((cr & CR_LBE) === 0) return 0;
    return (
      ((cr & CR_RTS) === 0 ? 0 : FR_CTS) |
      ((cr & CR_DTR) === 0 ? 0 : FR_DSR) |
      ((cr & CR_OUT1) === 0 ? 0 : FR_DCD) |
      ((cr & CR_OUT2) === 0 ? 0 : FR_RI)
    );
  }

  /** UARTLCR_H: a change of FEN flushes the FIFO; the interrupts go with the bytes that caused them. */
  flushReceived(): void {
    this.state.receiveFifo = [];
    this.state.ris &= ~(RX | RT);
    this.state.timeoutAt = -1;
  }

  depth(): number {
    return (this.state.lcr & LCR_FEN) === 0 ? 1 : FIFO_DEPTH;
  }

  raise(interrupts: number): void {
    this.state.ris |= interrupts;
    this.driveLine();
  }

  driveLine(): void {
    this.#options.line((this.state.ris & this.state.imsc) !== 0);
  }

  #receiveLevel(): number {
    return (this.state.lcr & LCR_FEN) === 0 ? 1 : RECEIVE_LEVELS[(this.state.ifls >>> 3) & 7];
  }

  /** UARTRTINTR: due 32 bit periods after the last byte came or went; at once when the guest never set a baud rate. */
  #startTimeout(): void {
    const { state } = this;
    if (state.receiveFifo.length === 0) {
      state.timeoutAt = -1;
      return;
    }
    // One bit is 16 × (IBRD + FBRD / 64) cycles of UARTCLK.
    const cycles = 8 * (state.ibrd * 64 + state.fbrd);
    state.timeoutAt = this.#options.clock.now() + Math.floor((cycles * 1e9) / UART_CLOCK_HZ);
    this.advance();
  }
}

const MODEM_INTERRUPTS = [
  [FR_RI, RI],
  [FR_CTS, CTS],
  [FR_DCD, DCD],
  [FR_DSR, DSR],
];

const ROWS: DeviceRegister<Pl011>[] = [
  {
    offset: 0x00,
    name: 'UARTDR',
    access: 'W1',
    reset: 0,
    read: (u) => u.takeReceived(),
    write: (u, v) => u.transmit(v & 0xff),
  },
  {
    offset: 0x04,
    name: 'UARTRSR',
    access: 'W1',
    reset: 0,
    read: (u) => u.state.rsr,
    write: (u) => {
      u.state.rsr = 0;
    },
  },
  {
    offset: 0x18,
    name: 'UARTFR',
    access: 'RO',
    reset: FR_TXFE | FR_RXFE,
    read: (u) => {
      const received = u.state.receiveFifo.length;
      return (
        FR_TXFE | (received === 0 ? FR_RXFE : 0) | (received >= u.depth() ? FR_RXFF : 0) | u.modemFlags()
      );
    },
  },
  storage(0x20, 'UARTILPR', 'ilpr', 0xff),
  storage(0x24, 'UARTIBRD', 'ibrd', 0xffff),
  storage(0x28, 'UARTFBRD', 'fbrd', 0x3f),
  storage(0x2c, 'UARTLCR_H', 'lcr', 0xff, (u, before) => {
    if (((u.state.lcr ^ before) & LCR_FEN) !== 0) u.flushReceived();
    u.driveLine();
  }),
  {
    ...storage(0x30, 'UARTCR', 'cr', CR_MASK),
    write: (u, value) => {
      const before = u.modemFlags();
      u.state.cr = value & CR_MASK;
      const changed = before ^ u.modemFlags();
      for (const [flag, interrupt] of MODEM_INTERRUPTS) if ((changed & flag) !== 0) u.raise(interrupt);
    },
  },
  storage(0x34, 'UARTIFLS', 'ifls', 0x3f),
  storage(0x38, 'UARTIMSC', 'imsc', ALL_INTERRUPTS, (u) => u.driveLine()),
  { offset: 0x3c, name: 'UARTRIS', access: 'RO', reset: 0, read: (u) => u.state.ris },
  { offset: 0x40, name: 'UARTMIS', access: 'RO', reset: 0, read: (u) => u.state.ris & u.state.imsc },
  {
    offset: 0x44,
    name: 'UARTICR',
    access: 'W1',
    reset: 0,
    // Write only in the manual; drivers read it to flush the write, and it reads as zero.
    write: (u, value) => {
      u.state.ris &= ~value;
      u.driveLine();
    },
  },
  storage(0x48, 'UARTDMACR', 'dmacr', 7),
  ...primeCellIdentification<Pl011>('UART', [0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1]),
];

type Stored = 'ilpr' | 'ibrd' | 'fbrd' | 'lcr' | 'cr' | 'ifls' | 'imsc' | 'dmacr';

/** A register that keeps the bits of `mask`; `changed` gets its previous value. */
function storage(
  offset: number,
  name: string,
  key: Stored,
  mask: number,
  changed?: (uart: Pl011, before: number) => void,
): DeviceRegister<Pl011> {
  return {
    offset,
    name,
    access: 'RW',
    reset: RESET[key],
    read: (u) => u.state[key],
    write: (u, value) => {
      const before = u.state[key];
      u.state[key] = value & mask;
      changed?.(u, before);
    },
  };
}

const REGISTERS = new RegisterTable<Pl011>(ROWS);
