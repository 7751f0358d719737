/** A device's registers, said once: the table that reads, writes, resets and names all derive from. */
import type { EventSink } from '../trace/schema.ts';

/**
 * How a bus access narrower than the register reaches it, and what may be done:
 * RO and WO as they say; RW is storage, so a narrow write keeps the other bytes; W1 acts on ones (set, clear, command), so the
 * bytes that a narrow write leaves out are zeros.
 */
export type RegisterAccess = 'RO' | 'WO' | 'RW' | 'W1';

/** A register, or an array of `count` of them at consecutive words. `read` and `write` get the index in the array. */
export interface DeviceRegister<D> {
  readonly offset: number;
  readonly name: string;
  readonly access: RegisterAccess;
  /** Value after reset, as the manual gives it; a register without `read` always reads as it. */
  readonly reset: number;
  readonly count?: number;
  readonly read?: (device: D, index: number) => number;
  readonly write?: (device: D, value: number, index: number) => void;
}

/** What every device is given by the board. `pc` is that of the instruction that accesses the device. */
export interface DeviceContext {
  readonly events: EventSink;
  pc(): bigint;
}

interface Slot<D> {
  readonly register: DeviceRegister<D>;
  readonly index: number;
  readonly name: string;
}

/** A table indexed by word offset. Build one per kind of device, not per device. */
export class RegisterTable<D> {
  readonly #slots = new Map<number, Slot<D>>();

  constructor(rows: readonly DeviceRegister<D>[]) {
    for (const register of rows) {
      const count = register.count ?? 1;
      for (let index = 0; index < count; index++) {
        const offset = register.offset + 4 * index;
        if (this.#slots.has(offset))
          throw new Error(`two registers at offset 0x${offset.toString(16)}: ${register.name}`);
        const name = register.count === undefined ? register.name : `${register.name}${index}`;
        this.#slots.set(offset, { register, index, name });
      }
    }
  }

  name(offset: number): string {
    return this.#slots.get(offset & ~3)?.name ?? `0x${offset.toString(16)}`;
  }

  read(device: D, offset: number, size: 1 | 2 | 4, context: DeviceContext, deviceName: string): number {
    const slot = this.#slots.get(offset & ~3);
    if (slot === undefined || slot.register.access === 'WO') {
      report(context, `${deviceName} read of ${this.name(offset)}`);
      return 0;
    }
    return narrow(this.#word(device, slot), offset, size);
  }

  write(
    device: D,
    offset: number,
    size: 1 | 2 | 4,
    value: number,
    context: DeviceContext,
    deviceName: string,
  ): void {
    const slot = this.#slots.get(offset & ~3);
    if (slot === undefined || slot.register.access === 'RO') {
      report(context, `${deviceName} write of ${this.name(offset)}`);
      return;
    }
    const mask = sizeMask(size) << (8 * (offset & 3));
    let word = (value << (8 * (offset & 3))) & mask;
    if (size !== 4 && slot.register.access === 'RW') word |= this.#word(device, slot) & ~mask;
    slot.register.write?.(device, word >>> 0, slot.index);
  }

  #word(device: D, { register, index }: Slot<D>): number {
    return (register.read === undefined ? register.reset : register.read(device, index)) >>> 0;
  }
}

const sizeMask = (size: 1 | 2 | 4): number => (size === 4 ? -1 : (1 << (8 * size)) - 1);
const narrow = (word: number, offset: number, size: 1 | 2 | 4): number =>
  ((word >>> (8 * (offset & 3))) & sizeMask(size)) >>> 0;

function report(context: DeviceContext, what: string): void {
  if (context.events.recording) context.events.append('unimplemented', { pc: context.pc(), what });
}

/** The eight identification bytes at the end of every PrimeCell's page, one per word from 0xfe0. */
export function primeCellIdentification<D>(prefix: string, bytes: readonly number[]): DeviceRegister<D>[] {
  const names = [
    'PeriphID0',
    'PeriphID1',
    'PeriphID2',
    'PeriphID3',
    'PCellID0',
    'PCellID1',
    'PCellID2',
    'PCellID3',
  ];
  return names.map((name, i) => ({
    offset: 0xfe0 + 4 * i,
    name: prefix + name,
    access: 'RO',
    reset: bytes[i],
  }));
}
