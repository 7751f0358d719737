/**
 * The PL061 GPIO: Arm DDI 0190B. On virt its input 3 is the power key, which nobody presses in a recording: all inputs are low, so an
 * interrupt comes only of what the guest sets itself (software control of outputs, or a level that is low).
 */
import type { Device, DeviceState, InterruptLine } from '../machine/device.ts';
import {
  type DeviceContext,
  type DeviceRegister,
  primeCellIdentification,
  RegisterTable,
} from './register_table.ts';

export interface Pl061Options {
  readonly context: DeviceContext;
  /** GPIOINTR. */
  readonly line: InterruptLine;
}

export class Pl061 implements Device {
  readonly name = 'pl061';
  readonly state = {
    /** What the pins that are outputs drive. */
    data: 0,
    direction: 0,
    sense: 0,
    bothEdges: 0,
    event: 0,
    mask: 0,
    raw: 0,
    alternate: 0,
  };
  readonly #options: Pl061Options;

  constructor(options: Pl061Options) {
    this.#options = options;
  }

  /** GPIODATA has an address for every mask: address bits 9 to 2 choose the pins. */
  read(offset: number, size: 1 | 2 | 4): number {
    if (offset < 0x400) return this.#pins() & (offset >> 2);
    return REGISTERS.read(this, offset, size, this.#options.context, this.name);
  }

  write(offset: number, size: 1 | 2 | 4, value: number): void {
    if (offset < 0x400) {
      const chosen = (offset >> 2) & 0xff & this.state.direction;
      this.change(() => {
        this.state.data = (this.state.data & ~chosen) | (value & chosen);
      });
    } else REGISTERS.write(this, offset, size, value, this.#options.context, this.name);
  }

  /** The level of every pin: inputs are low. */
  #pins(): number {
    return this.state.data & this.state.direction;
  }

  /** Does what changes pins or registers, and the interrupts that follow: 2.2.3. */
  change(action: () => void): void {
    const { state } = this;
    const before = this.#pins();
    action();
    const now = this.#pins();
    const edges = (before ^ now) & (state.bothEdges | ~(now ^ state.event)) & ~state.sense;
    const levels = ~(now ^ state.event) & state.sense;
    state.raw = ((state.raw & ~state.sense) | edges | levels) & 0xff;
    this.driveLine();
  }

  driveLine(): void {
    this.#options.line((this.state.raw & this.state.mask) !== 0);
  }

  registerName(offset: number): string {
    return offset < 0x400 ? 'GPIODATA' : REGISTERS.name(offset);
  }

  save(): DeviceState {
    return { ...this.state };
  }

  restore(saved: DeviceState): void {
    Object.assign(this.state, saved);
    this.driveLine();
  }
}

const stored = (
  offset: number,
  name: string,
  field: Exclude<keyof Pl061['state'], 'raw' | 'data'>,
): DeviceRegister<Pl061> => ({
  offset,
  name,
  access: 'RW',
  reset: 0,
  read: ({ state }) => state[field],
  write: (gpio, value) =>
    gpio.change(() => {
      gpio.state[field] = value & 0xff;
    }),
});

const REGISTERS = new RegisterTable<Pl061>([
  stored(0x400, 'GPIODIR', 'direction'),
  stored(0x404, 'GPIOIS', 'sense'),
  stored(0x408, 'GPIOIBE', 'bothEdges'),
  stored(0x40c, 'GPIOIEV', 'event'),
  stored(0x410, 'GPIOIE', 'mask'),
  { offset: 0x414, name: 'GPIORIS', access: 'RO', reset: 0, read: ({ state }) => state.raw },
  { offset: 0x418, name: 'GPIOMIS', access: 'RO', reset: 0, read: ({ state }) => state.raw & state.mask },
  {
    offset: 0x41c,
    name: 'GPIOIC',
    access: 'W1',
    reset: 0,
    write: (gpio, value) =>
      gpio.change(() => {
        gpio.state.raw &= ~value;
      }),
  },
  stored(0x420, 'GPIOAFSEL', 'alternate'),
  ...primeCellIdentification<Pl061>('GPIO', [0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1]),
]);
