/**
 * The exceptions of a recording, each entry with the return that resumed what it interrupted.
 *
 * A context is what an exception interrupts and a return resumes: an exception level on a CPU, below EL2 also of one VM. An
 * entry is resumed by the next return into its context from the level that it went to. Exceptions from a level to itself
 * nest: a return closes the innermost one. A hypervisor that goes from one guest's exit into another guest so leaves the first
 * guest's entry open until it returns there.
 *
 * A handler that faults at its own first instructions makes millions of equal rows. Of a run of equal rows the first
 * STORM_KEPT are kept.
 */
import { type Batch, cellOf, columnsOf } from '../trace/columns.ts';
import type { Recording } from '../trace/recording.ts';

export interface ExceptionRow {
  readonly icount: number;
  readonly seq: number;
  readonly cpu: number;
  readonly kind: string;
  readonly fromEl: number;
  readonly toEl: number;
  /** Address of the instruction that raised it, or of the next one for an interrupt. */
  readonly pc: bigint;
  readonly target: bigint;
  readonly esr: bigint;
  readonly ec: number;
  readonly iss: number;
  readonly far: bigint | undefined;
  readonly hpfar: bigint | undefined;
  readonly spsr: bigint;
  readonly vttbr: bigint;
  readonly vmid: number;
}

/** Equal exceptions in a row of one CPU, from a level to itself, that are kept. */
const STORM_KEPT = 32;

const COLUMNS = [
  'icount',
  'seq',
  'cpu',
  'kind',
  'from_el',
  'to_el',
  'pc',
  'target',
  'esr',
  'ec',
  'iss',
  'far',
  'hpfar',
  'spsr',
  'vttbr',
  'vmid',
];

/** The rows without the repetitions of storms. Halves are compared, so that no BigInt is made for what is left out. */
function* distinctRows(recording: Recording): Generator<ExceptionRow> {
  /** Last pc, target, syndrome and VMID of each CPU, and how often they repeated. */
  const last = new Map<number, { key: Uint32Array; repeated: number }>();
  for (const batch of recording.batches('exceptions', COLUMNS)) {
    const { columns, rows } = batch;
    const halves = (name: string) => {
      const { buffer, byteOffset, length } = columns[name].values as BigUint64Array;
      return new Uint32Array(buffer, byteOffset, 2 * length);
    };
    const [pc, target, esr] = [halves('pc'), halves('target'), halves('esr')];
    const returns = columns['kind'].dictionary!.indexOf('return');
    const kinds = columns['kind'].values;
    for (let row = 0; row < rows; row++) {
      const cpu = Number(columns['cpu'].values[row]);
      const storm = last.get(cpu) ?? { key: new Uint32Array(4), repeated: 0 };
      last.set(cpu, storm);
      const vmid = Number(columns['vmid'].values[row]);
      const { key } = storm;
      const fromEl = columns['from_el'].values[row];
      const same =
        kinds[row] !== returns &&
        fromEl === columns['to_el'].values[row] &&
        key[0] === pc[2 * row] &&
        key[1] === target[2 * row] &&
        key[2] === esr[2 * row] &&
        key[3] === vmid;
      // An interrupt from below, and its return, do not end a storm.
      if (!same && fromEl !== columns['to_el'].values[row]) {
        yield rowOf(batch, row);
        continue;
      }
      storm.repeated = same ? storm.repeated + 1 : 0;
      key[0] = pc[2 * row];
      key[1] = target[2 * row];
      key[2] = esr[2 * row];
      key[3] = vmid;
      if (storm.repeated < STORM_KEPT) yield rowOf(batch, row);
    }
  }
}

function rowOf({ columns }: Batch, row: number): ExceptionRow {
  const cell = (name: string) => cellOf(columnsOf('exceptions')[name].type, columns[name], row);
  const optional = (name: string) => (cell(name) as bigint | null) ?? undefined;
  return {
    icount: Number(cell('icount')),
    seq: Number(cell('seq')),
    cpu: cell('cpu') as number,
    kind: cell('kind') as string,
    fromEl: cell('from_el') as number,
    toEl: cell('to_el') as number,
    pc: cell('pc') as bigint,
    target: cell('target') as bigint,
    esr: cell('esr') as bigint,
    ec: cell('ec') as number,
    iss: cell('iss') as number,
    far: optional('far'),
    hpfar: optional('hpfar'),
    spsr: cell('spsr') as bigint,
    vttbr: cell('vttbr') as bigint,
    vmid: cell('vmid') as number,
  };
}

/** An exception entry. */
export interface Entry extends ExceptionRow {
  /** The context that it interrupted. */
  readonly context: string;
  /** The return into that context. */
  resumed: ExceptionRow | undefined;
  /** The entry whose handler this one interrupted. */
  readonly within: Entry | undefined;
}

/** Raised before the instruction with its icount, not by it. */
export const isAsynchronous = ({ kind }: ExceptionRow) => kind !== 'synchronous' && kind !== 'return';

/** icount of the first instruction after an entry or a return. */
export const nextInstruction = (row: ExceptionRow) => row.icount + (isAsynchronous(row) ? 0 : 1);

export class ExceptionLog {
  readonly rows: readonly ExceptionRow[];
  readonly entries: readonly Entry[];
  readonly returns: readonly ExceptionRow[];
  /** EL2 is in use: VMs are told apart. */
  readonly hasGuests: boolean;
  /** The resumed entries in order of their returns. */
  readonly #byReturn: readonly Entry[];

  constructor(recording: Recording) {
    this.rows = [...distinctRows(recording)];
    this.returns = this.rows.filter(({ kind }) => kind === 'return');
    this.entries = this.#match();
    this.#byReturn = this.entries
      .filter(({ resumed }) => resumed !== undefined)
      .sort((a, b) => a.resumed!.icount - b.resumed!.icount);
    this.hasGuests = this.returns.some(({ fromEl, toEl }) => fromEl === 2 && toEl < 2);
  }

  #match(): Entry[] {
    const entries: Entry[] = [];
    /** Open entries, by the level whose handler runs and the context interrupted. */
    const open = new Map<string, Entry[]>();
    const stackOf = (cpu: number, level: number, vttbr: bigint) => {
      const key = `${cpu} ${level} ${level === 2 ? '' : vttbr}`;
      let stack = open.get(key);
      if (stack === undefined) {
        stack = [];
        open.set(key, stack);
      }
      return stack;
    };
    for (const row of this.rows) {
      if (row.kind === 'reset') continue;
      if (row.kind !== 'return') {
        const stack = stackOf(row.cpu, row.toEl, row.vttbr);
        const entry: Entry = {
          ...row,
          context: contextOf(row.cpu, row.fromEl, row.vttbr),
          resumed: undefined,
          within: stack.at(-1),
        };
        stack.push(entry);
        entries.push(entry);
        continue;
      }
      const stack = stackOf(row.cpu, row.fromEl, row.vttbr);
      const context = contextOf(row.cpu, row.toEl, row.vttbr);
      const index = stack.findLastIndex((entry) => entry.context === context);
      if (index < 0) continue;
      stack[index].resumed = row;
      // What nested in the handler of this one and never returned is over, too; other guests' exits stay open.
      const kept = stack.slice(index + 1).filter((entry) => entry.fromEl < row.fromEl);
      stack.splice(index, stack.length - index, ...kept);
    }
    return entries;
  }

  /** The entries resumed by a return in [from, to). */
  entriesResumedBetween(from: number, to: number): readonly Entry[] {
    let low = 0;
    let high = this.#byReturn.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#byReturn[middle].resumed!.icount < from) low = middle + 1;
      else high = middle;
    }
    const found: Entry[] = [];
    for (; low < this.#byReturn.length && this.#byReturn[low].resumed!.icount < to; low++)
      found.push(this.#byReturn[low]);
    return found;
  }
}

export const contextOf = (cpu: number, el: number, vttbr: bigint) =>
  el === 2 ? `cpu${cpu} el2` : `cpu${cpu} el${el} ${vttbr.toString(16)}`;
