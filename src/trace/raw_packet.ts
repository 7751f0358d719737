/**
 * Flow packets as they travel from the guest thread to the writer: raw, in shared memory. One record is
 *
 *     HEADER_WORDS float64: the fields of the header in order
 *     targets, addresses, registers, memory: 8 bytes an element
 *     atoms: one bit each, least significant first, padded to 8 bytes
 */

import type { Filled } from '../machine/raw_buffers.ts';
import { type PacketCopier, packetCopier } from './encode/packet_copier.ts';

/** What the machine gives for a packet. The lists are in its memory, and read before `addPacket` returns. */
export interface RawPacket {
  /** From `beginPacket`: events with smaller seq happened before the packet's start. */
  readonly seq: number;
  readonly icount: number;
  readonly timeNs: number;
  readonly cpu: number;
  /** Virtual address of the first instruction: one element. */
  readonly pc: BigUint64Array;
  readonly el: number;
  /** Constant within a packet, as are vmid and asid: a change of any of them ends the packet. */
  readonly regime: Regime;
  readonly vmid: number;
  readonly asid: number;
  readonly instructions: number;
  /** One byte per conditional branch: 1 taken. */
  readonly atoms: Filled<Uint8Array>;
  /** One per indirect branch. */
  readonly targets: Filled<BigUint64Array>;
  /** Physical addresses of the loads and stores, of which the low 48 bits count. Absent: detail flow. */
  readonly addresses?: Filled<BigUint64Array>;
  /** Detail full: values written to registers, and moved to and from memory. */
  readonly registers?: Filled<BigUint64Array>;
  readonly memory?: Filled<BigUint64Array>;
}

export const REGIMES = ['EL10', 'EL2', 'EL20'] as const;
export type Regime = (typeof REGIMES)[number];
/** Its index; a call of indexOf takes longer. */
const regimeCode = (regime: Regime): number => (regime === 'EL10' ? 0 : regime === 'EL2' ? 1 : 2);

const HEADER_WORDS = 17;
export const ABSENT = -1;

const lengthOf = (list: Filled<BigUint64Array> | undefined) => list?.count ?? 0;
const addressOf = (list: Filled<BigUint64Array> | undefined) => list?.elements.byteOffset ?? 0;

/** Of its parts as the machine gives them: the record has no more. */
export function recordBytes({ atoms, targets, addresses, registers, memory }: RawPacket): number {
  const words = HEADER_WORDS + targets.count + lengthOf(addresses) + lengthOf(registers) + lengthOf(memory);
  return 8 * words + ((atoms.count + 7) & ~7);
}

/** Puts records into the memory that the writer shares. The packets' lists are in the machine's. */
export class PacketSlots {
  readonly #words: BigUint64Array;
  readonly #header: Float64Array;
  readonly #copy: PacketCopier;

  constructor(slots: WebAssembly.Memory, machine: WebAssembly.Memory) {
    this.#words = new BigUint64Array(slots.buffer);
    this.#header = new Float64Array(slots.buffer);
    this.#copy = packetCopier(slots, machine);
  }

  /** Puts a record at byte `at`; returns its end. `accessesSeq` and `valuesSeq` number the rows that follow from it. */
  put(at: number, packet: RawPacket, accessesSeq: number, valuesSeq: number): number {
    const { atoms, targets, addresses, registers, memory } = packet;
    const word = at >>> 3;
    const header = this.#header;
    header[word] = packet.seq;
    header[word + 1] = packet.icount;
    header[word + 2] = packet.timeNs;
    header[word + 3] = packet.cpu;
    this.#words[word + 4] = packet.pc[0];
    header[word + 5] = packet.el;
    header[word + 6] = regimeCode(packet.regime);
    header[word + 7] = packet.vmid;
    header[word + 8] = packet.asid;
    header[word + 9] = packet.instructions;
    header[word + 10] = atoms.count;
    header[word + 11] = targets.count;
    header[word + 12] = addresses?.count ?? ABSENT;
    header[word + 13] = registers?.count ?? ABSENT;
    header[word + 14] = memory?.count ?? ABSENT;
    header[word + 15] = accessesSeq;
    header[word + 16] = valuesSeq;
    // biome-ignore format: one line for each list
    return this.#copy(
      8 * (word + HEADER_WORDS),
      targets.elements.byteOffset, targets.count,
      addressOf(addresses), lengthOf(addresses),
      addressOf(registers), lengthOf(registers),
      addressOf(memory), lengthOf(memory),
      atoms.elements.byteOffset, atoms.count,
    );
  }
}

/** Reads records out of the memory that they were put into. */
export class StoredPackets {
  readonly #header: Float64Array;

  constructor(buffer: ArrayBufferLike) {
    this.#header = new Float64Array(buffer);
  }

  /** Reads the header of the record at byte `at`; returns the record's end. Nothing is copied. */
  read(at: number, packet: StoredPacket): number {
    const header = this.#header;
    const word = at >>> 3;
    packet.seq = header[word];
    packet.icount = header[word + 1];
    packet.timeNs = header[word + 2];
    packet.cpu = header[word + 3];
    packet.pc = word + 4;
    packet.el = header[word + 5];
    packet.regime = REGIMES[header[word + 6]];
    packet.vmid = header[word + 7];
    packet.asid = header[word + 8];
    packet.instructions = header[word + 9];
    packet.atomCount = header[word + 10];
    packet.targetCount = header[word + 11];
    packet.addressCount = header[word + 12];
    packet.registerCount = header[word + 13];
    packet.memoryCount = header[word + 14];
    packet.accessesSeq = header[word + 15];
    packet.valuesSeq = header[word + 16];
    packet.targets = word + HEADER_WORDS;
    packet.addresses = packet.targets + packet.targetCount;
    packet.registers = packet.addresses + Math.max(0, packet.addressCount);
    packet.memory = packet.registers + Math.max(0, packet.registerCount);
    packet.atoms = 8 * (packet.memory + Math.max(0, packet.memoryCount));
    return packet.atoms + (((packet.atomCount + 63) >>> 3) & ~7);
  }
}

/** What `read` finds in a record. A count is ABSENT where the packet has no such list. */
export class StoredPacket {
  seq = 0;
  icount = 0;
  timeNs = 0;
  cpu = 0;
  el = 0;
  regime: Regime = 'EL2';
  vmid = 0;
  asid = 0;
  instructions = 0;
  atomCount = 0;
  targetCount = 0;
  addressCount = ABSENT;
  registerCount = ABSENT;
  memoryCount = ABSENT;
  accessesSeq = 0;
  valuesSeq = 0;
  /** Where they are: words from the memory's start; the atoms bytes. */
  pc = 0;
  targets = 0;
  addresses = 0;
  registers = 0;
  memory = 0;
  atoms = 0;
}
