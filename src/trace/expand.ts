/** Instructions as rows: the runs of the flow decoder written out, in chunks of columns. */
import type { FlowDecoder } from './flow.ts';
import type { IcountRange } from './recording.ts';

/** Rows [0, rows) of the columns are valid until the next chunk is asked for. */
export interface InstructionChunk {
  rows: number;
  readonly icount: BigUint64Array;
  readonly cpu: Uint8Array;
  readonly pc: BigUint64Array;
  /** 0 where the instruction could not be fetched. */
  readonly pa: BigUint64Array;
  readonly opcode: Uint32Array;
  /** 1: it was fetched, `pa` and `opcode` hold. */
  readonly fetched: Uint8Array;
  readonly el: Uint8Array;
  /** Index into REGIMES. */
  readonly regime: Uint8Array;
  readonly vmid: Uint16Array;
  readonly asid: Uint16Array;
}

const REGIME_NUMBER: { readonly [regime: string]: number } = { EL10: 0, EL2: 1, EL20: 2 };

type Name = Exclude<keyof InstructionChunk, 'rows'>;

/**
 * Every instruction attempted in the range, in order; chunks of `size` rows, the last one shorter. Of the columns that are
 * one value for each instruction, only those in `wanted` are filled.
 */
export function* expand(
  decoder: FlowDecoder,
  { from = 0, to = Infinity }: IcountRange = {},
  wanted: ReadonlySet<Name> = new Set<Name>(['icount', 'pc', 'pa', 'opcode']),
  size = 2048,
): Generator<InstructionChunk> {
  const chunk: InstructionChunk = {
    rows: 0,
    icount: new BigUint64Array(size),
    cpu: new Uint8Array(size),
    pc: new BigUint64Array(size),
    pa: new BigUint64Array(size),
    opcode: new Uint32Array(size),
    fetched: new Uint8Array(size),
    el: new Uint8Array(size),
    regime: new Uint8Array(size),
    vmid: new Uint16Array(size),
    asid: new Uint16Array(size),
  };
  const icounts = new Uint32Array(chunk.icount.buffer);
  const pcs = new Uint32Array(chunk.pc.buffer);
  const pas = new Uint32Array(chunk.pa.buffer);
  let row = 0;
  for (const packet of decoder.packets({ from, to })) {
    const runs = decoder.decode(packet);
    const regime = REGIME_NUMBER[packet.regime];
    for (let run = 0; run < runs.count; run++) {
      const start = runs.icounts[run];
      let done = Math.max(0, from - start);
      const length = Math.min(runs.lengths[run], to - start);
      const page = runs.pages[run];
      const vaPage = runs.vaPages[run];
      const pcHigh = Math.floor(vaPage / 2 ** 20);
      const pcLow = (vaPage % 2 ** 20) * 4096;
      const paHigh = page === undefined ? 0 : Math.floor(page.pa / 2 ** 32);
      while (done < length) {
        const end = Math.min(size, row + length - done);
        const first = row;
        const offset = runs.offsets[run] + 4 * (done - first);
        const icount = start + done - first;
        if (wanted.has('icount')) fillCounting(icounts, first, end, icount);
        if (wanted.has('pc')) fillWithin(pcs, first, end, pcLow + offset, pcHigh);
        if (wanted.has('pa')) fillWithin(pas, first, end, page === undefined ? 0 : page.pa + offset, paHigh);
        if (wanted.has('opcode')) {
          if (page === undefined) chunk.opcode.fill(0, first, end);
          else for (let i = first; i < end; i++) chunk.opcode[i] = page.words[(offset >> 2) + i];
        }
        row = end;
        chunk.cpu.fill(packet.cpu, first, end);
        chunk.fetched.fill(page === undefined ? 0 : 1, first, end);
        chunk.el.fill(runs.els[run], first, end);
        chunk.regime.fill(regime, first, end);
        chunk.vmid.fill(packet.vmid, first, end);
        chunk.asid.fill(packet.asid, first, end);
        done += end - first;
        if (row === size) {
          chunk.rows = size;
          yield chunk;
          row = 0;
        }
      }
    }
  }
  if (row > 0) {
    chunk.rows = row;
    yield chunk;
  }
}

/** Elements [first, end) of 64 bits, given as halves: number + i for element i, exact below 2^53. */
function fillCounting(halves: Uint32Array, first: number, end: number, number: number): void {
  for (let i = first; i < end; i++) {
    const value = number + i;
    halves[2 * i] = value >>> 0;
    halves[2 * i + 1] = value / 2 ** 32;
  }
}

/** The same for addresses of instructions, within a page: low + 4 i, and one high half. */
function fillWithin(halves: Uint32Array, first: number, end: number, low: number, high: number): void {
  for (let i = first; i < end; i++) {
    halves[2 * i] = low + 4 * i;
    halves[2 * i + 1] = high;
  }
}
