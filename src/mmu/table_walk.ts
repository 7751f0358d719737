/** One walk of one stage's tables: what was read, and where it led. Reused from walk to walk. Arm ARM D8.2, D8.3. */
import type { FaultType } from '../cpu/fault.ts';
import type { GuestMemory } from '../machine/memory.ts';
import type { AddressFormat, TableGeometry } from './regime.ts';

/** `stage 2`: a stage 2 walk for a descriptor of this stage 1 walk faulted. */
export type WalkOutcome = 'ok' | FaultType | 'stage 2';

const TWO_32 = 2 ** 32;
/** 52-bit addresses with 4 KiB granules begin at level -1. */
const MAX_LEVELS = 5;
/** A table: `2 ** n` with a variable n is a call, which costs more than reading a descriptor. */
const POWERS = Float64Array.from({ length: 64 }, (_, n) => 2 ** n);
/** To multiply by: exact, and a quarter of a division. */
const INVERSES = Float64Array.from({ length: 64 }, (_, n) => 2 ** -n);

export class TableWalk {
  outcome: WalkOutcome = 'ok';
  /** The address translated: virtual, or intermediate at stage 2. */
  input = 0;
  /** Level of the last descriptor read, or to be read; the level that a fault reports. */
  level = 0;
  /** Output address of the byte, when a page or block was found. */
  output = 0;
  /** log2 of the size of the page or block found. */
  sizeBits = 0;
  /** The page or block descriptor, where there is one. */
  low = 0;
  high = 0;
  /** APTable, UXNTable and PXNTable of all levels, as bits 62..59 of the descriptors stand: shifted to bits 3..0. */
  tableBits = 0;
  /** Stage 2: the walk was for a stage 1 descriptor. */
  s1ptw = false;
  /** Number of descriptors read, their physical addresses, and their words, low first. */
  count = 0;
  readonly addresses = new Float64Array(MAX_LEVELS);
  readonly words = new Uint32Array(2 * MAX_LEVELS);
  /** The same as 64-bit words. */
  readonly descriptors = new BigUint64Array(this.words.buffer);

  /**
   * Follows the tables down to a page or block with a valid output address and a set access flag; permissions are the
   * caller's. `locate` gives the physical address of a descriptor, or -1 when stage 2 does not let the walk reach it.
   */
  run(
    geometry: TableGeometry,
    input: number,
    memory: GuestMemory,
    locate: ((ipa: number) => number) | null,
  ): void {
    this.outcome = this.#walk(geometry, input, memory, locate);
  }

  #walk(
    geometry: TableGeometry,
    input: number,
    memory: GuestMemory,
    locate: ((ipa: number) => number) | null,
  ): WalkOutcome {
    const { granule, addressFormat, bigEndian } = geometry;
    const { words, addresses } = this;
    const tooLarge = POWERS[geometry.outputBits];
    this.input = input;
    this.level = 0;
    this.count = 0;
    this.sizeBits = 0;
    this.tableBits = 0;
    const limit = POWERS[geometry.inputBits];
    // Written so that NaN is out of range. Which half it is was decided by the sign.
    if (!(geometry.valid && input < limit && input >= -limit)) return 'translation';
    if (geometry.baseTooLarge) return 'address size';

    const stride = granule - 3;
    let table = geometry.base;
    let entryMask = POWERS[geometry.inputBits - ((3 - geometry.startLevel) * stride + granule)] - 1;
    for (let level = geometry.startLevel; ; level++) {
      this.level = level;
      const shift = (3 - level) * stride + granule;
      let address = table + 8 * (Math.floor(input * INVERSES[shift]) & entryMask);
      if (locate !== null) {
        address = locate(address);
        if (address < 0) return 'stage 2';
      }
      const offset = memory.existingOffsetOf(address);
      addresses[this.count] = address;
      // The row shows where the walk wanted to read, and no descriptor.
      if (offset === -1) return 'external';
      let low = 0;
      let high = 0;
      if (offset >= 0) {
        low = memory.u32[offset / 4];
        high = memory.u32[offset / 4 + 1];
        if (bigEndian) [low, high] = [swapBytes(high), swapBytes(low)];
      }
      words[2 * this.count] = low;
      words[2 * this.count + 1] = high;
      this.count++;
      const isLeaf = level === 3 || (low & 2) === 0;
      // Invalid; a block at level 3 (reserved); a block where the granule has none.
      if ((low & 1) === 0 || (level === 3 && (low & 2) === 0)) return 'translation';
      if (isLeaf && level < geometry.firstBlockLevel) return 'translation';
      const output = addressIn(low, high, granule, addressFormat);
      if (output >= tooLarge) return 'address size';
      if (isLeaf) {
        this.low = low;
        this.high = high;
        this.sizeBits = shift;
        const size = POWERS[shift];
        const inverse = INVERSES[shift];
        this.output = Math.floor(output * inverse) * size + (input - Math.floor(input * inverse) * size);
        return (low & ACCESS_FLAG) === 0 && !geometry.updatesAccessFlag ? 'access flag' : 'ok';
      }
      this.tableBits |= (high >>> 27) & 15;
      table = output;
      entryMask = (1 << stride) - 1;
    }
  }

  /**
   * FEAT_HAFDBS: the leaf as the walker leaves it for this access, in `low`: with the access flag, and writable where a store meets
   * a page with DBM. True if the descriptor in memory says otherwise: then `writeBack` is for the caller to call.
   */
  update({ updatesAccessFlag, updatesDirtyState }: TableGeometry, stage: 1 | 2, store: boolean): boolean {
    const before = this.low;
    if (updatesAccessFlag) this.low = (this.low | ACCESS_FLAG) >>> 0;
    if (updatesDirtyState && store && (this.high & DBM) !== 0)
      // AP[2] says read-only, S2AP[1] writable.
      this.low = (stage === 1 ? this.low & ~WRITE_CONTROL : this.low | WRITE_CONTROL) >>> 0;
    return this.low !== before;
  }

  /** The updated leaf as memory holds it. */
  writeBack(bigEndian: boolean, write: (pa: number, low: number, high: number) => void): void {
    const { low, high } = this;
    const pa = this.addresses[this.count - 1];
    if (bigEndian) write(pa, swapBytes(high), swapBytes(low));
    else write(pa, low, high);
  }
}

const ACCESS_FLAG = 0x400;
/** AP[2] or S2AP[1] */
const WRITE_CONTROL = 0x80;
/** Bit 51, in the upper word. */
const DBM = 1 << 19;

/** The output address of a descriptor, aligned to the granule. */
function addressIn(low: number, high: number, granule: number, format: AddressFormat): number {
  const page = (low & -(1 << granule)) >>> 0;
  switch (format) {
    case '48':
      return (high & 0xffff) * TWO_32 + page;
    case '64K':
      return (((low >>> 12) & 15) * 0x1_0000 + (high & 0xffff)) * TWO_32 + page;
    case 'DS':
      return (((low >>> 8) & 3) * 0x4_0000 + (high & 0x3_ffff)) * TWO_32 + page;
  }
}

const swapBytes = (word: number): number =>
  ((word >>> 24) | ((word >>> 8) & 0xff00) | ((word & 0xff00) << 8) | (word << 24)) >>> 0;
