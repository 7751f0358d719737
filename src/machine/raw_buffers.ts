/** The raw recording buffers of one packet, in memory 0, and the cells that say how far they are filled. */
import { CELL, type CpuState } from '../cpu/state.ts';
import {
  ACCESS_BUFFER,
  ATOM_BUFFER,
  REGISTER_BUFFER,
  TARGET_BUFFER,
  VALUE_BUFFER,
} from '../translate/layout.ts';

const BUFFERS = {
  atomPointer: ATOM_BUFFER,
  targetPointer: TARGET_BUFFER,
  accessPointer: ACCESS_BUFFER,
  valuePointer: VALUE_BUFFER,
  registerPointer: REGISTER_BUFFER,
} as const;
type Pointer = keyof typeof BUFFERS;

/** In 32-bit words. */
const ATOM_POINTER = CELL.atomPointer >>> 2;
const TARGET_POINTER = CELL.targetPointer >>> 2;
const ACCESS_POINTER = CELL.accessPointer >>> 2;
const VALUE_POINTER = CELL.valuePointer >>> 2;
const REGISTER_POINTER = CELL.registerPointer >>> 2;

export class RawBuffers {
  readonly #state: CpuState;
  readonly #memory: ArrayBufferLike;
  readonly #view: DataView;

  constructor(state: CpuState, memory: ArrayBufferLike) {
    this.#state = state;
    this.#memory = memory;
    this.#view = new DataView(memory);
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

  #words(pointer: Pointer): BigUint64Array {
    const start = BUFFERS[pointer];
    return new BigUint64Array(this.#memory, start, (this.#state.small(pointer) - start) / 8);
  }

  /** One byte a conditional branch: 1 taken. The views last until `reset`. */
  get atoms(): Uint8Array {
    return new Uint8Array(this.#memory, ATOM_BUFFER, this.#state.small('atomPointer') - ATOM_BUFFER);
  }
  /** One address an indirect branch. */
  get targets(): BigUint64Array {
    return this.#words('targetPointer');
  }
  /** One physical address an access, in the low 48 bits. */
  get addresses(): BigUint64Array {
    return this.#words('accessPointer');
  }
  get values(): BigUint64Array {
    return this.#words('valuePointer');
  }
  get registers(): BigUint64Array {
    return this.#words('registerPointer');
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
