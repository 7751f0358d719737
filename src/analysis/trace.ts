/**
 * Random access to what a recording says of instructions and memory: the instruction with an icount, the last one before it that
 * wrote a register, the last store to a byte. Nothing is executed again.
 *
 * An instruction costs the decoding of its packet. The last write of a register costs the packets back to it; the last store to
 * a byte the addresses back to it, which is some hundred million a second.
 */
import { decodeAddresses } from '../trace/decode/addresses.ts';
import { damaged } from '../trace/decode/segment.ts';
import { FlowDecoder, type Packet } from '../trace/flow.ts';
import { assignAccesses } from '../trace/packet_accesses.ts';
import type { Recording } from '../trace/recording.ts';
import { destinations } from './instruction_effects.ts';
import { rowsOf } from './rows.ts';

export interface Instruction {
  readonly icount: number;
  readonly cpu: number;
  readonly pc: bigint;
  /** Physical address; undefined where it could not be fetched, and `word` is 0 then. */
  readonly pa: number | undefined;
  readonly word: number;
  readonly el: number;
  readonly regime: string;
  readonly vmid: number;
  readonly asid: number;
  /** It took a synchronous exception, or returned from one. */
  readonly excepted: boolean;
}

/** A BL, BLR or RET. */
export interface CallOrReturn {
  readonly icount: number;
  readonly call: boolean;
  readonly pc: bigint;
  readonly target: bigint;
  readonly cpu: number;
  readonly el: number;
  readonly vmid: number;
}

/** One load or store. */
export interface MemoryAccess {
  readonly icount: number;
  readonly pa: number;
  readonly size: number;
  readonly store: boolean;
}

/** The accesses of a packet, in columns. */
interface PacketAccesses {
  readonly icounts: Float64Array;
  readonly pas: Float64Array;
  readonly sizes: Uint8Array;
  readonly stores: Uint8Array;
}

/** A store that no instruction's operands show. */
export interface OtherWrite {
  readonly icount: number;
  readonly pa: number;
  readonly length: number;
  readonly who: string;
}

const DECODED_PACKETS = 256;

/** The instructions of a packet, in columns. */
interface PacketInstructions {
  readonly first: number;
  readonly pcs: BigUint64Array;
  readonly words: Uint32Array;
  readonly pas: Float64Array;
  readonly els: Uint8Array;
  readonly excepted: Uint8Array;
}

export class Trace {
  readonly recording: Recording;
  readonly packets: readonly Packet[];
  readonly otherWrites: readonly OtherWrite[];
  /** False where the recording has no addresses: detail flow. */
  readonly hasAccesses: boolean;
  readonly #decoder: FlowDecoder;
  readonly #accessBytes = new Map<number, { count: number; bytes: Uint8Array }>();
  readonly #instructions = new Map<number, PacketInstructions>();
  readonly #accesses = new Map<number, PacketAccesses>();
  readonly #addresses = new Map<number, Uint32Array>();

  constructor(recording: Recording) {
    this.recording = recording;
    this.#decoder = new FlowDecoder(recording);
    this.packets = [...this.#decoder.packets()];
    this.otherWrites = [...rowsOf(recording, 'writes', ['icount', 'seq', 'pa', 'length', 'who'])].map(
      ({ icount, pa, length, who }) => ({
        icount,
        pa: Number(pa),
        length: Number(length),
        who: String(who),
      }),
    );
    this.#indexAccesses();
    this.hasAccesses = this.#accessBytes.size > 0;
  }

  get end(): number {
    return this.recording.instructions;
  }

  #indexAccesses(): void {
    let packet = 0;
    for (const { rows, columns } of this.recording.batches('accesses', [
      'icount',
      'cpu',
      'count',
      'addresses',
    ])) {
      const { values, offsets } = columns['addresses'];
      for (let row = 0; row < rows; row++) {
        const icount = Number(columns['icount'].values[row]);
        while (packet < this.packets.length && this.packets[packet].icount < icount) packet++;
        if (packet === this.packets.length) return;
        this.#accessBytes.set(packet, {
          count: Number(columns['count'].values[row]),
          bytes: (values as Uint8Array).subarray(offsets![row], offsets![row + 1]),
        });
      }
    }
  }

  /** Index of the packet that holds an instruction; -1 where none does. */
  packetOf(icount: number): number {
    let low = 0;
    let high = this.packets.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.packets[middle].icount <= icount) low = middle + 1;
      else high = middle;
    }
    const packet = this.packets[low - 1];
    return packet !== undefined && icount < packet.icount + packet.instructions ? low - 1 : -1;
  }

  instruction(icount: number): Instruction | undefined {
    const index = this.packetOf(icount);
    if (index < 0) return undefined;
    return this.#instructionOf(index, icount - this.packets[index].icount);
  }

  #instructionOf(index: number, i: number): Instruction {
    const { icount, cpu, regime, vmid, asid } = this.packets[index];
    const { pcs, words, pas, els, excepted } = this.packetInstructions(index);
    return {
      icount: icount + i,
      cpu,
      pc: pcs[i],
      pa: pas[i] < 0 ? undefined : pas[i],
      word: words[i],
      el: els[i],
      regime: els[i] === 2 && regime === 'EL10' ? 'EL2' : regime,
      vmid,
      asid,
      excepted: excepted[i] === 1,
    };
  }

  /** The instructions of a packet. */
  packetInstructions(index: number): PacketInstructions {
    const known = this.#instructions.get(index);
    if (known !== undefined) return known;
    const packet = this.packets[index];
    const n = packet.instructions;
    const out: PacketInstructions = {
      first: packet.icount,
      pcs: new BigUint64Array(n),
      words: new Uint32Array(n),
      pas: new Float64Array(n),
      els: new Uint8Array(n),
      excepted: new Uint8Array(n),
    };
    const runs = this.#decoder.decode(packet);
    let at = 0;
    for (let run = 0; run < runs.count; run++) {
      const page = runs.pages[run];
      const base = BigInt(runs.vaPages[run]) << 12n;
      for (let i = 0; i < runs.lengths[run]; i++, at++) {
        const offset = runs.offsets[run] + 4 * i;
        out.pcs[at] = base + BigInt(offset);
        out.words[at] = page === undefined ? 0 : page.words[offset >>> 2];
        out.pas[at] = page === undefined ? -1 : page.pa + offset;
        out.els[at] = runs.els[run];
        out.excepted[at] = runs.excepted[run];
      }
    }
    if (this.#instructions.size >= DECODED_PACKETS)
      this.#instructions.delete(this.#instructions.keys().next().value!);
    this.#instructions.set(index, out);
    return out;
  }

  /** Every call and return executed before `until`, in order. `target` is where it went. */
  *callsAndReturns(until: number): Generator<CallOrReturn> {
    for (const [index, packet] of this.packets.entries()) {
      if (packet.icount >= until) return;
      const runs = this.#decoder.decode(packet);
      for (let run = 0; run < runs.count; run++) {
        const page = runs.pages[run];
        if (page === undefined || runs.excepted[run] === 1) continue;
        const last = runs.offsets[run] + 4 * (runs.lengths[run] - 1);
        const word = page.words[last >>> 2];
        const call = (word & 0xfc000000) >>> 0 === 0x94000000 || (word & 0xfffffc1f) >>> 0 === 0xd63f0000;
        if (!call && (word & 0xfffffc1f) >>> 0 !== 0xd65f0000) continue;
        const icount = runs.icounts[run] + runs.lengths[run] - 1;
        const next = run + 1 < runs.count;
        const vaPage = next ? BigInt(runs.vaPages[run + 1]) << 12n : (this.packets[index + 1]?.pc ?? 0n);
        yield {
          icount,
          call,
          pc: (BigInt(runs.vaPages[run]) << 12n) + BigInt(last),
          target: next ? vaPage + BigInt(runs.offsets[run + 1]) : vaPage,
          cpu: packet.cpu,
          el: runs.els[run],
          vmid: packet.vmid,
        };
      }
    }
  }

  /** Instructions before `icount`, from the last one back. `from` inclusive. */
  *backwards(icount: number, from = 0): Generator<Instruction> {
    for (let index = this.packetOf(icount - 1); index >= 0; index--) {
      const packet = this.packets[index];
      const last = Math.min(icount - packet.icount, packet.instructions) - 1;
      for (let i = last; i >= 0; i--) {
        if (packet.icount + i < from) return;
        yield this.#instructionOf(index, i);
      }
    }
  }

  /** Instructions from `icount` on. `to` exclusive. */
  *forwards(icount: number, to = Infinity): Generator<Instruction> {
    for (let index = this.packetOf(icount); index >= 0 && index < this.packets.length; index++) {
      const packet = this.packets[index];
      for (let i = Math.max(0, icount - packet.icount); i < packet.instructions; i++) {
        if (packet.icount + i >= to) return;
        yield this.#instructionOf(index, i);
      }
    }
  }

  /**
   * The last instruction before `icount` on this CPU that writes a general register; 31 is the stack pointer, of exception level
   * `el`. Instructions that take an exception write nothing. Undefined: it still has its value from reset.
   */
  lastRegisterWrite(register: number, icount: number, cpu: number, el?: number): Instruction | undefined {
    const bit = 1 << register;
    for (let index = this.packetOf(icount - 1); index >= 0; index--) {
      const packet = this.packets[index];
      if (packet.cpu !== cpu) continue;
      const { words, els, excepted } = this.packetInstructions(index);
      for (let i = Math.min(icount - packet.icount, packet.instructions) - 1; i >= 0; i--) {
        if ((destinations(words[i]) & bit) === 0 || excepted[i] === 1) continue;
        if (register === 31 && els[i] !== el) continue;
        return this.#instructionOf(index, i);
      }
    }
    return undefined;
  }

  /** Addresses of a packet as halves, low first. */
  addresses(index: number): Uint32Array {
    let halves = this.#addresses.get(index);
    if (halves === undefined) {
      const row = this.#accessBytes.get(index);
      const addresses = row === undefined ? undefined : decodeAddresses(row.bytes, row.count);
      halves = addresses === undefined ? new Uint32Array(0) : new Uint32Array(addresses.buffer);
      if (this.#addresses.size > 4096) this.#addresses.clear();
      this.#addresses.set(index, halves);
    }
    return halves;
  }

  /** Loads and stores of a packet, each with its instruction. Bits of a page-crossing access come as two. */
  packetAccesses(index: number): PacketAccesses {
    const known = this.#accesses.get(index);
    if (known !== undefined) return known;
    const halves = this.addresses(index);
    const total = halves.length / 2;
    const packet = this.packets[index];
    const out: PacketAccesses = {
      icounts: new Float64Array(total),
      pas: new Float64Array(total),
      sizes: new Uint8Array(total),
      stores: new Uint8Array(total),
    };
    const runs = this.#decoder.decode(packet);
    const offsetOf = (at: number) => halves[2 * at] & 0xfff;
    const fits = assignAccesses(packet, runs, total, offsetOf, (run, n, at, size, store) => {
      out.icounts[at] = runs.icounts[run] + n;
      out.pas[at] = halves[2 * at + 1] * 2 ** 32 + halves[2 * at];
      out.sizes[at] = size;
      out.stores[at] = Number(store);
    });
    if (!fits)
      throw damaged(
        this.recording.directory,
        `the accesses of the packet of instruction ${packet.icount} do not fit its instructions`,
      );
    if (this.#accesses.size >= DECODED_PACKETS) this.#accesses.delete(this.#accesses.keys().next().value!);
    this.#accesses.set(index, out);
    return out;
  }

  accessesOf(icount: number): MemoryAccess[] {
    const index = this.packetOf(icount);
    if (index < 0) return [];
    const { icounts, pas, sizes, stores } = this.packetAccesses(index);
    const found: MemoryAccess[] = [];
    for (let i = 0; i < icounts.length; i++)
      if (icounts[i] === icount) found.push({ icount, pa: pas[i], size: sizes[i], store: stores[i] === 1 });
    return found;
  }

  /** The last store before `icount` that wrote any of [pa, pa + length); undefined where no instruction stored there. */
  lastStore(pa: number, length: number, icount = Infinity): MemoryAccess | undefined {
    const last = icount === Infinity ? this.packets.length - 1 : this.packetOf(icount);
    for (let index = last; index >= 0; index--) {
      if (!this.#touches(index, pa - 15, pa + length)) continue;
      const { icounts, pas, sizes, stores } = this.packetAccesses(index);
      for (let i = icounts.length - 1; i >= 0; i--)
        if (stores[i] === 1 && icounts[i] < icount && pas[i] < pa + length && pas[i] + sizes[i] > pa)
          return { icount: icounts[i], pa: pas[i], size: sizes[i], store: true };
    }
    return undefined;
  }

  #touches(index: number, from: number, to: number): boolean {
    const halves = this.addresses(index);
    const high = Math.floor(from / 2 ** 32);
    const low = from % 2 ** 32;
    const length = to - from;
    for (let i = 0; i < halves.length; i += 2)
      if ((halves[i] - low) >>> 0 < length && halves[i + 1] - high <= 1) return true;
    return false;
  }

  /** Every load and store of [pa, pa + length) in [from, to), in order. */
  *accessesTo(pa: number, length: number, from = 0, to = Infinity): Generator<MemoryAccess> {
    for (let index = Math.max(0, this.packetOf(from)); index < this.packets.length; index++) {
      if (this.packets[index].icount >= to) return;
      if (!this.#touches(index, pa - 15, pa + length)) continue;
      const { icounts, pas, sizes, stores } = this.packetAccesses(index);
      for (let i = 0; i < icounts.length; i++)
        if (icounts[i] >= from && icounts[i] < to && pas[i] < pa + length && pas[i] + sizes[i] > pa)
          yield { icount: icounts[i], pa: pas[i], size: sizes[i], store: stores[i] === 1 };
    }
  }

  /** The last write to [pa, pa + length) before `icount` that is no instruction's store: loader, DC ZVA, table walk. */
  lastOtherWrite(pa: number, length: number, icount = Infinity): OtherWrite | undefined {
    return this.otherWrites.findLast(
      (write) => write.icount < icount && write.pa < pa + length && write.pa + write.length > pa,
    );
  }
}
