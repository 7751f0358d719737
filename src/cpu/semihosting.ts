/**
 * Semihosting, the few calls that tests of bare-metal code use: SYS_WRITEC, SYS_WRITE0, SYS_EXIT, SYS_EXIT_EXTENDED.
 * "Semihosting for AArch32 and AArch64", version 3: HLT #0xF000, operation in W0, parameter in X1, result in X0.
 */
import type { EventSink } from '../trace/schema.ts';
import type { CpuState } from './state.ts';

/** The immediate of HLT that is a semihosting call. */
export const SEMIHOSTING_IMMEDIATE = 0xf000n;

const SYS_WRITEC = 0x03;
const SYS_WRITE0 = 0x04;
const SYS_EXIT = 0x18;
const SYS_EXIT_EXTENDED = 0x20;
const APPLICATION_EXIT = 0x2_0026n;
/** A string without an end stops here. */
const LONGEST_STRING = 65536;

export interface SemihostingOptions {
  readonly state: CpuState;
  readonly events: EventSink;
  /** Reads a byte at a virtual address with the current permissions; undefined where that would fault. */
  readonly readByte: (va: bigint) => number | undefined;
  readonly output: (byte: number) => void;
  /** The guest ends the machine with this status. */
  readonly exit: (status: number) => void;
}

export class Semihosting {
  readonly #options: SemihostingOptions;

  constructor(options: SemihostingOptions) {
    this.#options = options;
  }

  call(): void {
    const { state, events, exit } = this.#options;
    const operation = Number(state.x(0) & 0xffff_ffffn);
    const parameter = state.x(1);
    switch (operation) {
      case SYS_WRITEC:
        this.#write(parameter, 1);
        break;
      case SYS_WRITE0:
        this.#write(parameter, LONGEST_STRING);
        break;
      case SYS_EXIT:
      case SYS_EXIT_EXTENDED: {
        const reason = this.#word(parameter);
        const status = this.#word(parameter + 8n);
        exit(reason === APPLICATION_EXIT ? Number((status ?? 1n) & 0xffn) : 1);
        break;
      }
      default:
        events.append('unimplemented', {
          pc: state.get('pc'),
          what: `semihosting 0x${operation.toString(16)}`,
        });
        state.setX(0, 0xffff_ffff_ffff_ffffn);
    }
  }

  /** Up to `limit` bytes; a string ends at its zero. */
  #write(va: bigint, limit: number): void {
    for (let i = 0; i < limit; i++) {
      const byte = this.#options.readByte(BigInt.asUintN(64, va + BigInt(i)));
      if (byte === undefined || (byte === 0 && limit > 1)) return;
      this.#options.output(byte);
    }
  }

  #word(va: bigint): bigint | undefined {
    let value = 0n;
    for (let i = 7; i >= 0; i--) {
      const byte = this.#options.readByte(BigInt.asUintN(64, va + BigInt(i)));
      if (byte === undefined) return undefined;
      value = (value << 8n) | BigInt(byte);
    }
    return value;
  }
}
