/** The raw recording buffers of one packet, in memory 0, and the cells that say how far they are filled. */
import { CELL, type CpuState } from '../cpu/state.ts';
import {
  ACCESS_BUFFER,
  ATOM_BUFFER,
  REGISTER_BUFFER,
  REGISTER_BUFFER_END,
  TARGET_BUFFER,
  VALUE_BUFFER,
} from '../translate/layout.ts';

/** The first `count` of `elements`. */
export interface Filled<T> {
  readonly elements: T;
  readonly count: number;
}
interface Filling<T> {
  readonly elements: T;
  count: number;
}

/** In 32-bit words. */
const ATOM_POINTER = CELL.atomPointer >>> 2;
const TARGET_POINTER = CELL.targetPointer >>> 2;
const ACCESS_POINTER = CELL.accessPointer >>> 2;
const VALUE_POINTER = CELL.valuePointer >>> 2;
const REGISTER_POINTER = CELL.registerPointer >>> 2;

export class RawBuffers {
  /** The buffers' and the CPU's. */
  readonly memory: WebAssembly.Memory;
  readonly #state: CpuState;
  readonly #view: DataView;
  readonly #atoms: Filling<Uint8Array>;
  readonly #targets: Filling<BigUint64Array>;
  readonly #addresses: Filling<BigUint64Array>;
  readonly #values: Filling<BigUint64Array>;
  readonly #registers: Filling<BigUint64Array>;

  constructor(state: CpuState, memory: WebAssembly.Memory) {
    this.#state = state;
    this.memory = memory;
    const { buffer } = memory;
    const words = (from: number, to: number) => new BigUint64Array(buffer, from, (to - from) / 8);
    this.#atoms = { elements: new Uint8Array(buffer, ATOM_BUFFER, TARGET_BUFFER - ATOM_BUFFER), count: 0 };
    this.#targets = { elements: words(TARGET_BUFFER, ACCESS_BUFFER), count: 0 };
    this.#addresses = { elements: words(ACCESS_BUFFER, VALUE_BUFFER), count: 0 };
    this.#values = { elements: words(VALUE_BUFFER, REGISTER_BUFFER), count: 0 };
    this.#registers = { elements: words(REGISTER_BUFFER, REGISTER_BUFFER_END), count: 0 };
    this.#view = new DataView(buffer);
    this.reset();
  }

  /** Empties all buffers: a packet begins. */
  reset(): void {
    const { u32 } = this.#state;
    // Not a loop over the pointers: V8 optimizes that again and again, and drops it each time.
    u32[ATOM_POINTER] = ATOM_BUFFER;
    u32[TARGET_POINTER] = TARGET_BUFFER;
    u32[ACCESS_POINTER] = ACCESS_BUFFER;
    u32[VALUE_POINTER] = VALUE_BUFFER;
    u32[REGISTER_POINTER] = REGISTER_BUFFER;
  }

  /** One byte a conditional branch: 1 taken. What this and the following give lasts until `reset`, and is made once. */
  get atoms(): Filled<Uint8Array> {
    this.#atoms.count = this.#state.u32[ATOM_POINTER] - ATOM_BUFFER;
    return this.#atoms;
  }
  /** One address an indirect branch. */
  get targets(): Filled<BigUint64Array> {
    this.#targets.count = (this.#state.u32[TARGET_POINTER] - TARGET_BUFFER) >>> 3;
    return this.#targets;
  }
  /** One physical address an access, in the low 48 bits. */
  get addresses(): Filled<BigUint64Array> {
    this.#addresses.count = (this.#state.u32[ACCESS_POINTER] - ACCESS_BUFFER) >>> 3;
    return this.#addresses;
  }
  get values(): Filled<BigUint64Array> {
    this.#values.count = (this.#state.u32[VALUE_POINTER] - VALUE_BUFFER) >>> 3;
    return this.#values;
  }
  get registers(): Filled<BigUint64Array> {
    this.#registers.count = (this.#state.u32[REGISTER_POINTER] - REGISTER_BUFFER) >>> 3;
    return this.#registers;
  }

  addAtom(taken: boolean): void {
    const { u32 } = this.#state;
    this.#view.setUint8(u32[ATOM_POINTER], Number(taken));
    u32[ATOM_POINTER] += 1;
  }
  #add(pointer: number, value: bigint): void {
    const { u32 } = this.#state;
    this.#view.setBigUint64(u32[pointer], value, true);
    u32[pointer] += 8;
  }
  addTarget(address: bigint): void {
    this.#add(TARGET_POINTER, address);
  }
  addAccess(pa: number): void {
    const { u32 } = this.#state;
    const at = u32[ACCESS_POINTER];
    this.#view.setUint32(at, pa % 2 ** 32, true);
    this.#view.setUint32(at + 4, Math.floor(pa / 2 ** 32), true);
    u32[ACCESS_POINTER] = at + 8;
  }
  addValue(value: bigint): void {
    this.#add(VALUE_POINTER, value);
  }
  addRegister(value: bigint): void {
    this.#add(REGISTER_POINTER, value);
  }

  /** The last target gets the address that execution went on at, without the tag of the address it was given. */
  untagLastTarget(tagged: bigint, address: bigint): void {
    const at = this.#state.u32[TARGET_POINTER] - 8;
    if (at >= TARGET_BUFFER && this.#view.getBigUint64(at, true) === tagged)
      this.#view.setBigUint64(at, address, true);
  }
}
