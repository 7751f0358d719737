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

/** Every instruction attempted in the range, in order; chunks of `size` rows, the last one shorter. */
export function* expand(
  decoder: FlowDecoder,
  { from = 0, to = Infinity }: IcountRange = {},
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
        let offset = runs.offsets[run] + 4 * done;
        let icount = start + done;
        for (; row < end; row++, offset += 4, icount++) {
          icounts[2 * row] = icount >>> 0;
          icounts[2 * row + 1] = icount / 2 ** 32;
          pcs[2 * row] = pcLow + offset;
          pcs[2 * row + 1] = pcHigh;
          pas[2 * row] = page === undefined ? 0 : page.pa + offset;
          pas[2 * row + 1] = paHigh;
          chunk.opcode[row] = page === undefined ? 0 : page.words[offset >>> 2];
        }
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
