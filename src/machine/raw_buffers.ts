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
const POINTERS = Object.entries(BUFFERS).map(([pointer, start]) => ({
  word: CELL[pointer as Pointer] >>> 2,
  start,
}));

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
    for (const { word, start } of POINTERS) u32[word] = start;
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
    const at = this.#state.small('atomPointer');
    this.#view.setUint8(at, Number(taken));
    this.#state.setSmall('atomPointer', at + 1);
  }
  #add(pointer: Pointer, value: bigint): void {
    const at = this.#state.small(pointer);
    this.#view.setBigUint64(at, value, true);
    this.#state.setSmall(pointer, at + 8);
  }
  addTarget(address: bigint): void {
    this.#add('targetPointer', address);
  }
  addAccess(pa: number): void {
    this.#add('accessPointer', BigInt(pa));
  }
  addValue(value: bigint): void {
    this.#add('valuePointer', value);
  }
  addRegister(value: bigint): void {
    this.#add('registerPointer', value);
  }

  /** The last target gets the address that execution went on at, without the tag of the address it was given. */
  untagLastTarget(tagged: bigint, address: bigint): void {
    const at = this.#state.small('targetPointer') - 8;
    if (at >= TARGET_BUFFER && this.#view.getBigUint64(at, true) === tagged)
      this.#view.setBigUint64(at, address, true);
  }
}
