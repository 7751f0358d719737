/**
 * Flow packets as they travel from the guest thread to the writer: raw, in shared memory. One record is
 *
 *     HEADER_WORDS float64: the fields of the header in order
 *     targets, addresses, registers, memory: 8 bytes an element
 *     atoms: one byte each, 0 or 1, padded to 8
 */

/** What the machine gives for a packet. The buffers are read before `addPacket` returns. */
export interface RawPacket {
  /** From `beginPacket`: events with smaller seq happened before the packet's start. */
  readonly seq: number;
  readonly icount: number;
  readonly timeNs: number;
  readonly cpu: number;
  /** Virtual address of the first instruction. */
  readonly pc: bigint;
  readonly el: number;
  /** Constant within a packet, as are vmid and asid: a change of any of them ends the packet. */
  readonly regime: Regime;
  readonly vmid: number;
  readonly asid: number;
  readonly instructions: number;
  /** One byte per conditional branch: 1 taken. */
  readonly atoms: Uint8Array;
  /** One per indirect branch. */
  readonly targets: BigUint64Array;
  /** Physical addresses of the loads and stores, of which the low 48 bits count. Absent: detail flow. */
  readonly addresses?: BigUint64Array;
  /** Detail full: values written to registers, and moved to and from memory. */
  readonly registers?: BigUint64Array;
  readonly memory?: BigUint64Array;
}

export const REGIMES = ['EL10', 'EL2', 'EL20'] as const;
export type Regime = (typeof REGIMES)[number];

const HEADER_WORDS = 17;
const ABSENT = -1;

const lengthOf = (list: BigUint64Array | undefined) => list?.length ?? 0;

export function recordBytes({ atoms, targets, addresses, registers, memory }: RawPacket): number {
  const words = HEADER_WORDS + targets.length + lengthOf(addresses) + lengthOf(registers) + lengthOf(memory);
  return 8 * words + ((atoms.length + 7) & ~7);
}

/** A stretch of shared memory that records are put into and taken out of. */
export class PacketBuffer {
  readonly bytes: Uint8Array;
  readonly #words: BigUint64Array;
  readonly #header: Float64Array;

  constructor(buffer: ArrayBufferLike, byteOffset = 0, byteLength = buffer.byteLength) {
    this.bytes = new Uint8Array(buffer, byteOffset, byteLength);
    this.#words = new BigUint64Array(buffer, byteOffset, byteLength >>> 3);
    this.#header = new Float64Array(buffer, byteOffset, byteLength >>> 3);
  }

  /** Puts a record at byte `at`; returns its end. `accessesSeq` and `valuesSeq` number the rows that follow from it. */
  put(at: number, packet: RawPacket, accessesSeq: number, valuesSeq: number): number {
    const { atoms, targets, addresses, registers, memory } = packet;
    let word = at >>> 3;
    const header = this.#header;
    header[word] = packet.seq;
    header[word + 1] = packet.icount;
    header[word + 2] = packet.timeNs;
    header[word + 3] = packet.cpu;
    this.#words[word + 4] = packet.pc;
    header[word + 5] = packet.el;
    header[word + 6] = REGIMES.indexOf(packet.regime);
    header[word + 7] = packet.vmid;
    header[word + 8] = packet.asid;
    header[word + 9] = packet.instructions;
    header[word + 10] = atoms.length;
    header[word + 11] = targets.length;
    header[word + 12] = addresses?.length ?? ABSENT;
    header[word + 13] = registers?.length ?? ABSENT;
    header[word + 14] = memory?.length ?? ABSENT;
    header[word + 15] = accessesSeq;
    header[word + 16] = valuesSeq;
    word += HEADER_WORDS;
    for (const list of [targets, addresses, registers, memory]) {
      if (list === undefined) continue;
      this.#words.set(list, word);
      word += list.length;
    }
    this.bytes.set(atoms, 8 * word);
    return 8 * word + ((atoms.length + 7) & ~7);
  }

  /** The record at byte `at`; its buffers are views. */
  get(at: number): { packet: RawPacket; accessesSeq: number; valuesSeq: number; end: number } {
    const header = this.#header.subarray(at >>> 3, (at >>> 3) + HEADER_WORDS);
    let word = (at >>> 3) + HEADER_WORDS;
    const list = (length: number): BigUint64Array => {
      word += length;
      return this.#words.subarray(word - length, word);
    };
    const optional = (length: number) => (length === ABSENT ? undefined : list(length));
    const targets = list(header[11]);
    const addresses = optional(header[12]);
    const registers = optional(header[13]);
    const memory = optional(header[14]);
    const atoms = this.bytes.subarray(8 * word, 8 * word + header[10]);
    const packet: RawPacket = {
      seq: header[0],
      icount: header[1],
      timeNs: header[2],
      cpu: header[3],
      pc: this.#words[(at >>> 3) + 4],
      el: header[5],
      regime: REGIMES[header[6]],
      vmid: header[7],
      asid: header[8],
      instructions: header[9],
      atoms,
      targets,
      addresses,
      registers,
      memory,
    };
    return {
      packet,
      accessesSeq: header[15],
      valuesSeq: header[16],
      end: 8 * word + ((atoms.length + 7) & ~7),
    };
  }
}
