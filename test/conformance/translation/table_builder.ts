/** Random translation tables of one stage, written descriptor by descriptor into a stretch of RAM. */
import type { Choices } from '../random/randomness.ts';

/** RAM for tables: handed out upwards, zero at first. */
export class TableSpace {
  readonly base: number;
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  #next = 0;

  constructor(base: number, size: number) {
    this.base = base;
    this.bytes = new Uint8Array(size);
    this.#view = new DataView(this.bytes.buffer);
  }
  get left(): number {
    return this.bytes.length - this.#next;
  }
  /** Address of a fresh table, aligned to its size. */
  allocate(size: number): number {
    this.#next = Math.ceil(this.#next / size) * size + size;
    if (this.#next > this.bytes.length) throw new Error('no room for more tables');
    return this.base + this.#next - size;
  }
  read(address: number, bigEndian: boolean): bigint {
    return this.#view.getBigUint64(address - this.base, !bigEndian);
  }
  write(address: number, descriptor: bigint, bigEndian: boolean): void {
    this.#view.setBigUint64(address - this.base, descriptor, !bigEndian);
  }
}

export interface Geometry {
  /** log2 of the granule. */
  readonly granule: 12 | 14 | 16;
  readonly inputBits: number;
  readonly startLevel: number;
  readonly bigEndian: boolean;
}

/** What a leaf's level is drawn from, and what its descriptor says besides the address. */
export interface Leaf {
  readonly level: number;
  readonly output: bigint;
  readonly attributes: bigint;
  /** Bits 1:0. */
  readonly type: bigint;
}

export const firstBlockLevel = (granule: number) => (granule === 12 ? 1 : 2);

export class TableBuilder {
  readonly geometry: Geometry;
  readonly base: number;
  readonly #space: TableSpace;
  /** Addresses of all tables, for a stage 2 that must reach them. */
  readonly tables: number[] = [];

  constructor(space: TableSpace, geometry: Geometry) {
    this.#space = space;
    this.geometry = geometry;
    const { granule, inputBits } = geometry;
    // QEMU and the architecture want at least 64 bytes (D19.2.138, TTBR0_EL1.BADDR).
    this.base = this.#allocate(Math.max(64, 2 ** (3 + inputBits - this.shift(geometry.startLevel))), granule);
  }
  #allocate(size: number, granule: number): number {
    const address = this.#space.allocate(size);
    for (let at = address; at < address + size; at += 2 ** granule) this.tables.push(at);
    return address;
  }

  /** log2 of what one entry of a level covers. */
  shift(level: number): number {
    return (3 - level) * (this.geometry.granule - 3) + this.geometry.granule;
  }

  /**
   * Puts a leaf where the walk for `input` comes by, with tables on the way as needed; nothing if the walk already ends at
   * another leaf before.
   */
  map(input: bigint, leaf: Leaf, tableAttributes: () => bigint): void {
    const { granule, inputBits, startLevel, bigEndian } = this.geometry;
    let table = this.base;
    for (let level = startLevel; ; level++) {
      const bits = level === startLevel ? inputBits - this.shift(level) : granule - 3;
      const index = (input >> BigInt(this.shift(level))) & ((1n << BigInt(bits)) - 1n);
      const at = table + 8 * Number(index);
      const present = this.#space.read(at, bigEndian);
      if (level === leaf.level) {
        if (present === 0n) this.#space.write(at, leaf.output | leaf.attributes | leaf.type, bigEndian);
        return;
      }
      if (present === 0n) {
        const next = this.#allocate(2 ** granule, granule);
        this.#space.write(at, BigInt(next) | 3n | tableAttributes(), bigEndian);
        table = next;
      } else if ((present & 3n) === 3n)
        table = Number(present & 0xffff_ffff_f000n & -(1n << BigInt(granule)));
      else return;
    }
  }

  /** A leaf of a random kind: mostly a page or block, now and then invalid, reserved, or with an address that is too large. */
  randomLeaf(choices: Choices, output: bigint, attributes: bigint, outputBits: number): Leaf {
    const { granule, startLevel } = this.geometry;
    const lowest = Math.max(startLevel, firstBlockLevel(granule));
    const level = choices.oneIn(2) ? 3 : lowest + choices.below(4 - lowest);
    const aligned = output & -(1n << BigInt(this.shift(level))) & 0xffff_ffff_ffffn;
    const usual = level === 3 ? 3n : 1n;
    switch (choices.below(16)) {
      case 0:
        // Bit 0 clear: invalid, whatever the others say.
        return {
          level: startLevel + choices.below(4 - startLevel),
          output: aligned,
          attributes,
          type: choices.oneIn(2) ? 2n : 0n,
        };
      case 1:
        return { level: 3, output: aligned, attributes, type: 1n };
      case 2:
        return { level, output: aligned | (1n << BigInt(Math.min(47, outputBits))), attributes, type: usual };
      default:
        return { level, output: aligned, attributes, type: usual };
    }
  }
}
