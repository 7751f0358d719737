/** What the flow decoder reads besides packets: the exceptions of an epoch, and which code is mapped where and when. */
import { CodePage } from './code_page.ts';
import { damaged } from './decode/segment.ts';
import type { Recording } from './recording.ts';

/** Kinds of exception that happen before the instruction with their icount; the others are that instruction's. */
const BEFORE = new Set(['irq', 'fiq', 'serror', 'virtual irq', 'virtual fiq', 'virtual serror']);
/** Instruction aborts and PC alignment faults: the instruction has no opcode. */
const NO_OPCODE = new Set([0x20, 0x21, 0x22]);
/** A step that is taken because an instruction completed (ISS.ISV) belongs to no instruction. Arm ARM D17.2.37. */
export const stepCompleted = (ec: number, iss: number): boolean =>
  (ec === 0x32 || ec === 0x33) && (iss >>> 24) % 2 === 1;

/** Exceptions of one CPU in one epoch, by seq. */
export interface ExceptionEvents {
  readonly icount: number[];
  readonly seq: number[];
  readonly before: boolean[];
  readonly noOpcode: boolean[];
  readonly target: bigint[];
  readonly toEl: number[];
  readonly accesses: number[];
}

const EXCEPTION_COLUMNS = ['icount', 'seq', 'cpu', 'kind', 'target', 'to_el', 'ec', 'iss', 'accesses'];

/** The exceptions of an epoch by CPU. */
export function exceptionsOf(recording: Recording, epoch: number): Map<number, ExceptionEvents> {
  const byCpu = new Map<number, ExceptionEvents>();
  const segment = recording.epochs[epoch].segments.find(({ table }) => table === 'exceptions');
  if (segment === undefined) return byCpu;
  const reader = recording.reader(segment);
  for (let i = 0; i < reader.batchCount; i++) {
    const { rows, columns } = reader.read(i, EXCEPTION_COLUMNS);
    const kinds = columns['kind'].dictionary!;
    for (let row = 0; row < rows; row++) {
      const cpu = Number(columns['cpu'].values[row]);
      const events = byCpu.get(cpu) ?? {
        icount: [],
        seq: [],
        before: [],
        noOpcode: [],
        target: [],
        toEl: [],
        accesses: [],
      };
      byCpu.set(cpu, events);
      const kind = kinds[Number(columns['kind'].values[row])];
      events.icount.push(Number(columns['icount'].values[row]));
      events.seq.push(Number(columns['seq'].values[row]));
      const ec = kind === 'synchronous' ? Number(columns['ec'].values[row]) : -1;
      events.before.push(BEFORE.has(kind) || stepCompleted(ec, Number(columns['iss'].values[row])));
      events.noOpcode.push(NO_OPCODE.has(ec));
      events.target.push(columns['target'].values[row] as bigint);
      events.accesses.push(Number(columns['accesses'].values[row]));
      events.toEl.push(Number(columns['to_el'].values[row]));
    }
  }
  return byCpu;
}

/** What was fetched through one virtual page: from icount[i] on, pages[i] of the code map. */
interface FetchHistory {
  readonly icounts: number[];
  readonly pages: string[];
}

/** A page of code and the first instruction for which it is no longer the one mapped there. */
export interface MappedCode {
  readonly page: CodePage;
  readonly until: number;
}

export const contextKey = (cpu: number, regime: string, vmid: number, asid: number) =>
  `${cpu} ${regime} ${vmid} ${asid}`;
const codeKey = (pa: bigint, version: number) => `${pa.toString(16)} ${version}`;

/** All code pages and mappings of a recording. Page contents are read when first asked for. */
export class CodeMap {
  readonly #recording: Recording;
  readonly #contexts = new Map<string, Map<number, FetchHistory>>();
  readonly #contents = new Map<
    string,
    { readonly epoch: number; readonly batch: number; readonly row: number }
  >();
  readonly #pages = new Map<string, CodePage>();

  constructor(recording: Recording) {
    this.#recording = recording;
    for (const { rows, columns } of recording.batches('fetch', [
      'icount',
      'cpu',
      'regime',
      'vmid',
      'asid',
      'va_page',
      'pa_page',
      'version',
    ])) {
      const { icount, cpu, regime, vmid, asid, va_page, pa_page, version } = columns;
      for (let row = 0; row < rows; row++) {
        const context = contextKey(
          Number(cpu.values[row]),
          regime.dictionary![Number(regime.values[row])],
          Number(vmid.values[row]),
          Number(asid.values[row]),
        );
        const pages = this.#contexts.get(context) ?? new Map<number, FetchHistory>();
        this.#contexts.set(context, pages);
        const vaPage = Number((va_page.values[row] as bigint) >> 12n);
        const history = pages.get(vaPage) ?? { icounts: [], pages: [] };
        pages.set(vaPage, history);
        history.icounts.push(Number(icount.values[row]));
        history.pages.push(codeKey(pa_page.values[row] as bigint, Number(version.values[row])));
      }
    }
    for (const [epoch, { segments }] of recording.epochs.entries()) this.#indexContents(epoch, segments);
  }

  #indexContents(epoch: number, segments: Recording['epochs'][0]['segments']): void {
    const segment = segments.find(({ table }) => table === 'code');
    if (segment === undefined) return;
    const reader = this.#recording.reader(segment);
    for (let batch = 0; batch < reader.batchCount; batch++) {
      const { rows, columns } = reader.read(batch, ['pa_page', 'version']);
      for (let row = 0; row < rows; row++) {
        const key = codeKey(columns['pa_page'].values[row] as bigint, Number(columns['version'].values[row]));
        this.#contents.set(key, { epoch, batch, row });
      }
    }
  }

  /** The code at a virtual page (its address / 4096, unsigned) for the instruction `icount`; undefined where none was fetched. */
  at(context: string, vaPage: number, icount: number): MappedCode | undefined {
    const history = this.#contexts.get(context)?.get(vaPage);
    if (history === undefined) return undefined;
    const { icounts } = history;
    let low = 0;
    let high = icounts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (icounts[middle] <= icount) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return undefined;
    return { page: this.#page(history.pages[low - 1]), until: icounts[low] ?? Infinity };
  }

  #page(key: string): CodePage {
    const known = this.#pages.get(key);
    if (known !== undefined) return known;
    const place = this.#contents.get(key);
    if (place === undefined)
      throw damaged(
        this.#recording.directory,
        `table fetch names code page ${key}, which table code has not`,
      );
    const segment = this.#recording.epochs[place.epoch].segments.find(({ table }) => table === 'code')!;
    const reader = this.#recording.reader(segment);
    // All pages of the batch at once: they are decompressed together.
    const { rows, columns } = reader.read(place.batch, ['pa_page', 'version', 'content']);
    const { values, offsets } = columns['content'];
    for (let row = 0; row < rows; row++) {
      const pa = columns['pa_page'].values[row] as bigint;
      const content = values.subarray(offsets![row], offsets![row + 1]) as Uint8Array;
      if (content.length !== 4096) throw damaged(reader.path, `row ${row} is no page of 4096 bytes`);
      this.#pages.set(codeKey(pa, Number(columns['version'].values[row])), new CodePage(Number(pa), content));
    }
    return this.#pages.get(key)!;
  }
}
