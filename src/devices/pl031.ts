/**
 * The PL031 real-time clock: Arm DDI 0224C. It counts seconds of virtual time from a base that the recipe gives, so a recording
 * tells the same date on every replay. As in QEMU the counter runs from reset (the hardware starts it by RTCCR).
 */
import type { Clock, Device, DeviceState, InterruptLine } from '../machine/device.ts';
import {
  type DeviceContext,
  type DeviceRegister,
  primeCellIdentification,
  RegisterTable,
} from './register_table.ts';

/** 2024-01-01T00:00:00Z in seconds since 1970. */
export const DEFAULT_RTC_BASE = 1_704_067_200;
const NS_PER_SECOND = 1_000_000_000;

export interface Pl031Options {
  readonly context: DeviceContext;
  readonly clock: Clock;
  /** RTCINTR. */
  readonly line: InterruptLine;
  /** Seconds since 1970 at virtual time 0. */
  readonly base?: number;
}

export class Pl031 implements Device {
  readonly name = 'pl031';
  readonly state = {
    /** RTCDR at virtual time 0, modulo 2^32. */
    offset: 0,
    match: 0,
    load: 0,
    imsc: 0,
    ris: 0,
    /** When the counter next equals RTCMR, in ns; -1 when no match was ever asked for or it has happened. */
    alarmAt: -1,
  };
  readonly #options: Pl031Options;

  constructor(options: Pl031Options) {
    this.#options = options;
    this.state.offset = (options.base ?? DEFAULT_RTC_BASE) >>> 0;
  }

  /** Virtual time in ns of the next event that the device makes by itself, Infinity when there is none. */
  nextDeadline(): number {
    return this.state.alarmAt < 0 ? Number.POSITIVE_INFINITY : this.state.alarmAt;
  }

  /** Makes the events that are due at the clock's present time. */
  advance(): void {
    if (this.#options.clock.now() < this.nextDeadline()) return;
    this.state.alarmAt = -1;
    this.state.ris = 1;
    this.driveLine();
  }

  read(offset: number, size: 1 | 2 | 4): number {
    return REGISTERS.read(this, offset, size, this.#options.context, this.name);
  }

  write(offset: number, size: 1 | 2 | 4, value: number): void {
    REGISTERS.write(this, offset, size, value, this.#options.context, this.name);
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

  /** RTCDR: seconds, modulo 2^32. */
  counter(): number {
    return (this.state.offset + this.#seconds()) >>> 0;
  }

  load(seconds: number): void {
    this.state.load = seconds;
    this.state.offset = (seconds - this.#seconds()) >>> 0;
    this.setAlarm();
  }

  /** The counter passes every value once in 2^32 seconds; a match with the present second is a match now. */
  setAlarm(): void {
    const secondsToGo = (this.state.match - this.counter()) >>> 0;
    this.state.alarmAt =
      secondsToGo === 0 ? this.#options.clock.now() : (this.#seconds() + secondsToGo) * NS_PER_SECOND;
    this.advance();
  }

  driveLine(): void {
    this.#options.line((this.state.ris & this.state.imsc) !== 0);
  }

  #seconds(): number {
    return Math.floor(this.#options.clock.now() / NS_PER_SECOND);
  }
}

const REGISTERS = new RegisterTable<Pl031>([
  { offset: 0x00, name: 'RTCDR', access: 'RO', reset: DEFAULT_RTC_BASE, read: (r) => r.counter() },
  {
    offset: 0x04,
    name: 'RTCMR',
    access: 'RW',
    reset: 0,
    read: (r) => r.state.match,
    write: (r, value) => {
      r.state.match = value;
      r.setAlarm();
    },
  },
  {
    offset: 0x08,
    name: 'RTCLR',
    access: 'RW',
    reset: 0,
    read: (r) => r.state.load,
    write: (r, value) => r.load(value),
  },
  // 3.3.4: once the clock runs, writes have no effect; here it always runs.
  { offset: 0x0c, name: 'RTCCR', access: 'RW', reset: 1 },
  {
    offset: 0x10,
    name: 'RTCIMSC',
    access: 'RW',
    reset: 0,
    read: (r) => r.state.imsc,
    write: (r, value) => {
      r.state.imsc = value & 1;
      r.driveLine();
    },
  },
  { offset: 0x14, name: 'RTCRIS', access: 'RO', reset: 0, read: (r) => r.state.ris },
  { offset: 0x18, name: 'RTCMIS', access: 'RO', reset: 0, read: (r) => r.state.ris & r.state.imsc },
  {
    offset: 0x1c,
    name: 'RTCICR',
    access: 'W1',
    reset: 0,
    write: (r, value) => {
      if ((value & 1) !== 0) r.state.ris = 0;
      r.driveLine();
    },
  },
  ...primeCellIdentification<Pl031>('RTC', [0x31, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1]),
] satisfies DeviceRegister<Pl031>[]);
