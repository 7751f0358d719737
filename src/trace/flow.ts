/**
 * The flow decoder: from packets, code and exceptions to every instruction attempted.
 *
 * A packet starts with a full sync; within it regime, VMID and ASID do not change, the exception level may. Its exceptions
 * are the rows of its CPU with a seq between its own and the next packet's. An interrupt happens before the instruction
 * with its icount; a synchronous exception, and a return, is that instruction. Conditional branches and
 * store-exclusives take an atom each, indirect branches a target; an instruction that takes an exception takes neither. The code comes from `fetch` and `code`.
 *
 * Decoding makes runs, not instructions: stretches of consecutive addresses, so that counting costs little.
 */

import {
  CONDITIONAL,
  CONDITIONAL_STORE,
  type CodePage,
  INDIRECT,
  INSTRUCTIONS_PER_PAGE,
} from './code_page.ts';
import type { Batch } from './columns.ts';
import { damaged } from './decode/segment.ts';
import { CodeMap, contextKey, type ExceptionEvents, exceptionsOf } from './flow_events.ts';
import type { IcountRange, Recording } from './recording.ts';

/** A row of table flow. */
export interface Packet {
  readonly epoch: number;
  readonly seq: number;
  readonly icount: number;
  readonly cpu: number;
  readonly pc: bigint;
  readonly el: number;
  readonly regime: string;
  readonly vmid: number;
  readonly asid: number;
  readonly instructions: number;
  readonly atoms: Uint8Array;
  readonly atomCount: number;
  readonly targets: BigUint64Array;
  /** seq of the next packet of this CPU in the epoch, Infinity for the last. */
  readonly nextSeq: number;
}

/** What a packet decodes to: `count` runs. Run i is `lengths[i]` instructions from address vaPages[i] * 4096 + offsets[i]. */
export interface Runs {
  count: number;
  /** icount of the first instruction of the run. */
  icounts: Float64Array;
  vaPages: Float64Array;
  offsets: Uint16Array;
  lengths: Uint32Array;
  els: Uint8Array;
  /** 1: one instruction that took a synchronous exception, or returned from one. */
  excepted: Uint8Array;
  /** Rows of `accesses` that it had made. */
  accesses: Uint8Array;
  /** undefined: one instruction that could not be fetched. */
  readonly pages: (CodePage | undefined)[];
  /** Where execution is after the packet. */
  endPc: bigint;
  endEl: number;
}

/** Virtual pages are numbers below 2^52: exact. */
const VA_PAGES = 2 ** 52;

function newRuns(capacity: number): Runs {
  return {
    count: 0,
    icounts: new Float64Array(capacity),
    vaPages: new Float64Array(capacity),
    offsets: new Uint16Array(capacity),
    lengths: new Uint32Array(capacity),
    els: new Uint8Array(capacity),
    excepted: new Uint8Array(capacity),
    accesses: new Uint8Array(capacity),
    pages: [],
    endPc: 0n,
    endEl: 0,
  };
}

function grow(runs: Runs): void {
  const larger = newRuns(2 * runs.icounts.length);
  for (const name of ['icounts', 'vaPages', 'offsets', 'lengths', 'els', 'excepted', 'accesses'] as const) {
    larger[name].set(runs[name] as never);
    runs[name] = larger[name] as never;
  }
}

const FLOW_COLUMNS = [
  'icount',
  'seq',
  'cpu',
  'pc',
  'el',
  'regime',
  'vmid',
  'asid',
  'instructions',
  'atoms',
  'atom_count',
  'targets',
];

export class FlowDecoder {
  readonly #recording: Recording;
  readonly #code: CodeMap;
  #exceptionsEpoch = -1;
  #exceptions = new Map<number, ExceptionEvents>();
  /** Reused from packet to packet. */
  readonly #runs = newRuns(4096);

  constructor(recording: Recording) {
    this.#recording = recording;
    this.#code = new CodeMap(recording);
  }

  /** The packets that hold instructions of the range, in order. */
  *packets({ from = 0, to = Infinity }: IcountRange = {}): Generator<Packet> {
    for (const [epoch, { firstIcount, endIcount, segments }] of this.#recording.epochs.entries()) {
      if (endIcount <= from || firstIcount >= to) continue;
      const segment = segments.find(({ table }) => table === 'flow');
      if (segment === undefined) continue;
      const reader = this.#recording.reader(segment);
      const nextSeqs = this.#nextSeqs(epoch);
      let first = 0;
      for (const [i, { rows, firstIcount: start }] of segment.batches.entries()) {
        const next = segment.batches[i + 1]?.firstIcount ?? endIcount;
        // A packet reaches to the start of the next: the last one of a batch to that of the next batch.
        if (start < to && next > from)
          yield* this.#packetsOf(epoch, reader.read(i, FLOW_COLUMNS), nextSeqs.subarray(first), from, to);
        first += rows;
      }
    }
  }

  /** For each row of flow in the epoch, the seq of the next row of the same CPU. */
  #nextSeqs(epoch: number): Float64Array {
    const segment = this.#recording.epochs[epoch].segments.find(({ table }) => table === 'flow')!;
    const reader = this.#recording.reader(segment);
    const next = new Float64Array(segment.rows).fill(Infinity);
    const last = new Map<number, number>();
    let at = 0;
    for (let i = 0; i < reader.batchCount; i++) {
      const { rows, columns } = reader.read(i, ['seq', 'cpu']);
      for (let row = 0; row < rows; row++, at++) {
        const cpu = Number(columns['cpu'].values[row]);
        const before = last.get(cpu);
        if (before !== undefined) next[before] = Number(columns['seq'].values[row]);
        last.set(cpu, at);
      }
    }
    return next;
  }

  *#packetsOf(
    epoch: number,
    { rows, columns }: Batch,
    nextSeqs: Float64Array,
    from: number,
    to: number,
  ): Generator<Packet> {
    const { icount, seq, cpu, pc, el, regime, vmid, asid, instructions, atoms, atom_count, targets } =
      columns;
    for (let row = 0; row < rows; row++) {
      const start = Number(icount.values[row]);
      const count = Number(instructions.values[row]);
      if (start + count <= from || start >= to) continue;
      yield {
        epoch,
        seq: Number(seq.values[row]),
        icount: start,
        cpu: Number(cpu.values[row]),
        pc: pc.values[row] as bigint,
        el: Number(el.values[row]),
        regime: regime.dictionary![Number(regime.values[row])],
        vmid: Number(vmid.values[row]),
        asid: Number(asid.values[row]),
        instructions: count,
        atoms: atoms.values.subarray(atoms.offsets![row], atoms.offsets![row + 1]) as Uint8Array,
        atomCount: Number(atom_count.values[row]),
        targets: targets.values.subarray(targets.offsets![row], targets.offsets![row + 1]) as BigUint64Array,
        nextSeq: nextSeqs[row],
      };
    }
  }

  #eventsOf(packet: Packet): { events: ExceptionEvents | undefined; first: number; end: number } {
    if (this.#exceptionsEpoch !== packet.epoch) {
      this.#exceptions = exceptionsOf(this.#recording, packet.epoch);
      this.#exceptionsEpoch = packet.epoch;
    }
    const events = this.#exceptions.get(packet.cpu);
    if (events === undefined) return { events, first: 0, end: 0 };
    return { events, first: lowerBound(events.seq, packet.seq), end: lowerBound(events.seq, packet.nextSeq) };
  }

  /** Where exceptions before the packet, in its epoch, have led its CPU; undefined where there was none. */
  led(packet: Packet): { readonly pc: bigint; readonly el: number } | undefined {
    const { events, first } = this.#eventsOf(packet);
    return first === 0 ? undefined : { pc: events!.target[first - 1], el: events!.toEl[first - 1] };
  }

  /** Decodes a packet. The result is overwritten by the next call. Throws a UserError when the tables contradict each other. */
  decode(packet: Packet): Runs {
    const runs = this.#runs;
    runs.count = 0;
    runs.pages.length = 0;
    const { events, first, end: endOfEvents } = this.#eventsOf(packet);
    const context = contextKey(packet.cpu, packet.regime, packet.vmid, packet.asid);
    const { atoms, targets } = packet;
    const targetHalves = new Uint32Array(targets.buffer, targets.byteOffset, 2 * targets.length);
    const end = packet.icount + packet.instructions;
    let icount = packet.icount;
    let vaPage = Number(packet.pc >> 12n);
    let offset = Number(packet.pc & 0xfffn);
    let el = packet.el;
    let atom = 0;
    let target = 0;
    let event = first;
    let code: CodePage | undefined;
    let until = 0;
    const add = (length: number, page: CodePage | undefined, excepted: number) => {
      const at = runs.count++;
      if (at === runs.icounts.length) grow(runs);
      runs.icounts[at] = icount;
      runs.vaPages[at] = vaPage;
      runs.offsets[at] = offset;
      runs.lengths[at] = length;
      runs.els[at] = el;
      runs.excepted[at] = excepted;
      runs.accesses[at] = excepted ? events!.accesses[event] : 0;
      runs.pages[at] = page;
    };
    for (;;) {
      // An interrupt that its CPU finds when its turn comes again is behind the packet's end.
      const limit = event < endOfEvents ? Math.min(events!.icount[event], end) : end;
      while (icount < limit) {
        if (code === undefined || icount >= until) {
          const mapped = this.#code.at(context, vaPage, icount);
          if (mapped === undefined || offset & 3)
            throw this.#contradiction(packet, icount, vaPage, offset, 'no code was recorded there');
          code = mapped.page;
          until = mapped.until;
        }
        // One run: up to a branch that is taken, the end of the page, or the next event.
        const available = Math.min(limit, until) - icount;
        const start = offset >>> 2;
        let i = start;
        let jump = false;
        let kind = 0;
        while (!jump) {
          i += code.straight[i];
          if (i - start >= available || i === INSTRUCTIONS_PER_PAGE) break;
          kind = code.kinds[i];
          if (kind === CONDITIONAL || kind === CONDITIONAL_STORE) {
            if (atom >= packet.atomCount)
              throw this.#contradiction(packet, icount, vaPage, 4 * i, 'its atoms are used up');
            jump = kind === CONDITIONAL && ((atoms[atom >>> 3] >>> (atom & 7)) & 1) === 1;
            atom += 1;
          } else {
            jump = true;
          }
          i += 1;
          // A conditional branch that is not taken may be the last instruction of its page.
          if (i === INSTRUCTIONS_PER_PAGE || i - start === available) break;
        }
        const length = Math.min(i - start, available);
        add(length, code, 0);
        icount += length;
        if (!jump) {
          offset += 4 * length;
          if (offset !== 4096) continue;
          offset = 0;
          vaPage = (vaPage + 1) % VA_PAGES;
        } else if (kind !== INDIRECT) {
          const index = i - 1 + code.displacements[i - 1];
          const pages = Math.floor(index / INSTRUCTIONS_PER_PAGE);
          offset = 4 * (index - pages * INSTRUCTIONS_PER_PAGE);
          if (pages === 0) continue;
          vaPage = (vaPage + pages + VA_PAGES) % VA_PAGES;
        } else {
          if (target >= targets.length)
            throw this.#contradiction(packet, icount, vaPage, offset, 'its targets are used up');
          vaPage = targetHalves[2 * target + 1] * 2 ** 20 + (targetHalves[2 * target] >>> 12);
          offset = targetHalves[2 * target] & 0xfff;
          target += 1;
        }
        code = undefined;
      }
      if (event === endOfEvents) break;
      if (!events!.before[event]) {
        add(1, events!.noOpcode[event] ? undefined : this.#code.at(context, vaPage, icount)?.page, 1);
        icount += 1;
      }
      const { [event]: continuation } = events!.target;
      vaPage = Number(continuation >> 12n);
      offset = Number(continuation & 0xfffn);
      el = events!.toEl[event];
      code = undefined;
      event += 1;
    }
    if (icount !== end || atom !== packet.atomCount || target !== targets.length)
      throw this.#contradiction(
        packet,
        icount,
        vaPage,
        offset,
        'what the branches took and what the packet holds differ',
      );
    runs.endPc = (BigInt(vaPage) << 12n) | BigInt(offset);
    runs.endEl = el;
    return runs;
  }

  #contradiction(packet: Packet, icount: number, vaPage: number, offset: number, what: string): Error {
    const address = (BigInt(vaPage) << 12n) + BigInt(offset);
    return damaged(
      this.#recording.directory,
      `the flow packet of instruction ${packet.icount} (seq ${packet.seq}) cannot be decoded at instruction ${icount}, address 0x${address.toString(16)}: ${what}`,
    );
  }
}

/** Index of the first element that is at least `value`. */
function lowerBound(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
