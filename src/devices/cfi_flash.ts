/**
 * A bank of NOR flash with the Intel command set, as virt has two: JEDEC's Common Flash Interface (JESD68.01), command set 1
 * (Intel "Common Flash Memory Interface Specification" 2.2 and the StrataFlash datasheets). Two 16-bit chips side by side make the 32-bit bank,
 * so a command is written to both halves and each half of what is read comes from its own chip. Programming clears bits and
 * erasing sets them; both are done at once, so the status is always ready.
 *
 * Loads see the array without this device while the bank is in read array mode: it is memory then (machine/memory.ts).
 */
import type { Device, DeviceState } from '../machine/device.ts';
import type { DeviceContext } from './register_table.ts';

/** The bytes of a bank. */
export interface FlashArray {
  /** Little endian. */
  read(offset: number, size: 1 | 2 | 4): number;
  /** Stores `bytes`, within a page or not. */
  write(offset: number, bytes: Uint8Array): void;
  /** In other modes than read array, loads come to the device. */
  setReadArray(readArray: boolean): void;
}

export interface CfiFlashOptions {
  readonly name: string;
  readonly context: DeviceContext;
  readonly array: FlashArray;
  /** Bytes of the bank: a power of two. */
  readonly size: number;
}

/** Bytes that are erased together: one block of each chip. */
export const FLASH_BLOCK = 0x4_0000;
const CHIPS = 2;
const CHIP_BITS = 16;
/** Manufacturer Intel, and the device code that QEMU's virt has. */
const IDENTIFIERS = [0x89, 0x18];

const COMMAND = {
  readArray: 0xff,
  program: 0x40,
  programAlternate: 0x10,
  erase: 0x20,
  clearStatus: 0x50,
  lockSetup: 0x60,
  readStatus: 0x70,
  readIdentifier: 0x90,
  query: 0x98,
  bufferedProgram: 0xe8,
  confirm: 0xd0,
  lockBlock: 0x01,
} as const;
const STATUS_READY = 0x80;
/** Both "program" and "erase" failed: a wrong sequence of commands. */
const STATUS_SEQUENCE_ERROR = 0x30;

/** What the next write means. */
type Expecting = 'command' | 'data' | 'confirm' | 'lock' | 'count' | 'buffer' | 'buffer confirm';

export class CfiFlash implements Device {
  readonly name: string;
  readonly state = {
    /** What loads show: the last command that changed it. */
    mode: COMMAND.readArray as number,
    expecting: 'command' as Expecting,
    status: STATUS_READY,
    /** Words of a buffered program that are still to come. */
    remaining: 0,
    /** Where the block that will be erased begins. */
    block: 0,
  };
  readonly #options: CfiFlashOptions;
  readonly #query: readonly number[];

  constructor(options: CfiFlashOptions) {
    this.name = options.name;
    this.#options = options;
    this.#query = queryTable(options.size);
  }

  read(offset: number, size: 1 | 2 | 4): number {
    const word = this.#word(offset);
    if (word === undefined) return this.#options.array.read(offset, size);
    return size === 4 ? word : ((word >>> (8 * (offset & 3))) & (size === 2 ? 0xffff : 0xff)) >>> 0;
  }

  /** The 32 bits that both chips show; undefined in read array mode. */
  #word(offset: number): number | undefined {
    const chips = (value: number) => (value | (value << CHIP_BITS)) >>> 0;
    const index = offset >>> 2;
    switch (this.state.mode) {
      case COMMAND.readArray:
        return undefined;
      case COMMAND.readIdentifier:
        // Word 2 of a block is its lock status: no block is ever locked.
        return chips(IDENTIFIERS[index & 0xff] ?? 0);
      case COMMAND.query:
        return chips(this.#query[index] ?? 0);
      default:
        return chips(this.state.status);
    }
  }

  write(offset: number, size: 1 | 2 | 4, value: number): void {
    const { state } = this;
    const command = value & 0xff;
    switch (state.expecting) {
      case 'command':
        this.#command(offset, command);
        return;
      case 'data':
        this.#program(offset, size, value);
        state.expecting = 'command';
        return;
      case 'confirm':
        if (command === COMMAND.confirm)
          this.#options.array.write(state.block, new Uint8Array(FLASH_BLOCK).fill(0xff));
        this.#finish(command === COMMAND.confirm, command);
        return;
      case 'lock':
        this.#finish(command === COMMAND.confirm || command === COMMAND.lockBlock, command);
        return;
      case 'count':
        state.remaining = (value & 0xffff) + 1;
        state.expecting = 'buffer';
        return;
      case 'buffer':
        this.#program(offset, size, value);
        state.remaining--;
        if (state.remaining === 0) state.expecting = 'buffer confirm';
        return;
      case 'buffer confirm':
        this.#finish(command === COMMAND.confirm, command);
        return;
    }
  }

  #command(offset: number, command: number): void {
    const { state } = this;
    switch (command) {
      case COMMAND.program:
      case COMMAND.programAlternate:
        this.#enter(COMMAND.program, 'data');
        return;
      case COMMAND.erase:
        state.block = offset - (offset % FLASH_BLOCK);
        this.#enter(command, 'confirm');
        return;
      case COMMAND.lockSetup:
        this.#enter(command, 'lock');
        return;
      case COMMAND.bufferedProgram:
        this.#enter(command, 'count');
        return;
      case COMMAND.readStatus:
      case COMMAND.readIdentifier:
      case COMMAND.query:
        this.#enter(command, 'command');
        return;
      case COMMAND.clearStatus:
        state.status = STATUS_READY;
        this.#enter(COMMAND.readArray, 'command');
        return;
      default:
        // 0xff, and what no chip of this command set knows: probes for other command sets among them.
        this.#enter(COMMAND.readArray, 'command');
    }
  }

  #enter(mode: number, expecting: Expecting): void {
    this.state.mode = mode;
    this.state.expecting = expecting;
    this.#options.array.setReadArray(mode === COMMAND.readArray);
  }

  /** The last write of a sequence: the status is shown, or the array again. */
  #finish(correct: boolean, command: number): void {
    if (!correct) this.state.status |= STATUS_SEQUENCE_ERROR;
    this.#enter(command === COMMAND.readArray ? COMMAND.readArray : COMMAND.readStatus, 'command');
  }

  #program(offset: number, size: 1 | 2 | 4, value: number): void {
    const { array } = this.#options;
    const cleared = (array.read(offset, size) & value) >>> 0;
    const bytes = Uint8Array.from({ length: size }, (_, i) => (cleared >>> (8 * i)) & 0xff);
    array.write(offset, bytes);
  }

  registerName(offset: number): string {
    return `0x${offset.toString(16)}`;
  }

  save(): DeviceState {
    return { ...this.state };
  }

  restore(saved: DeviceState): void {
    Object.assign(this.state, saved);
    this.#options.array.setReadArray(this.state.mode === COMMAND.readArray);
  }
}

/** What a chip answers in query mode, by word: JESD68.01 and Intel's primary table, with QEMU's timings and sizes. */
function queryTable(bankSize: number): number[] {
  const block = FLASH_BLOCK / CHIPS;
  const blocks = bankSize / FLASH_BLOCK;
  const table: number[] = Array(0x52).fill(0);
  const put = (at: number, ...bytes: number[]) => table.splice(at, bytes.length, ...bytes);
  put(0x10, ...Buffer.from('QRY'), 1, 0, 0x31, 0);
  // Vcc from 4.5 to 5.5 V; typical and maximal times, as powers of two.
  put(0x1b, 0x45, 0x55, 0, 0, 7, 7, 10, 0, 4, 4, 4, 0);
  // log2 of the chip's size, x16, log2 of the write buffer's size, one region of equal blocks.
  put(0x27, Math.log2(bankSize / CHIPS), 2, 0, 11, 0, 1);
  put(0x2d, (blocks - 1) & 0xff, (blocks - 1) >>> 8, (block >>> 8) & 0xff, block >>> 16);
  put(0x31, ...Buffer.from('PRI10'));
  put(0x3f, 1);
  return table;
}
