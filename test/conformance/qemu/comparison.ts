/**
 * Compares a machine with the reference before every instruction: pc, x0 to x30, sp, NZCV, DAIF, EL, SPSel, and before those that use
 * them V0 to V31, FPCR, FPSR.
 *
 * The two run in lock step: a record of the reference arrives, the subject runs to the same instruction count and shows its own. The
 * records are digests of all states so far (src/translate/interpreter/state_digest.ts), every 65,536 instructions. Where one differs, a
 * second run of both looks for the first state that does, between there and the last digest that was equal. A subject that keeps no
 * digest is compared state by state from the beginning, a hundred times slower.
 */
import { type QemuMachine, type ReferenceEnd, type ReferenceRun, traceReference } from './reference.ts';
import { type Difference, STATE_WORDS, sameState, stateDifferences } from './state.ts';

/** The machine that is compared with QEMU. */
export interface Subject {
  /** Runs until `icount` instructions were attempted; the reason when it stopped before. */
  runTo(icount: number): string;
  readonly icount: number;
  /** Fills `words` (STATE_WORDS long) with the state before the next instruction. */
  readState(words: Uint32Array): void;
  /**
   * The lanes of the digest at `icount`, the lower half of each first; where the subject idles before, of a guest that stays in its
   * state until then. Absent where none is kept.
   */
  digest?(icount: number): Uint32Array;
  /** What the guest printed so far. */
  console(): Uint8Array;
}

export interface ComparisonOptions {
  /** Compare at most this many instructions. */
  readonly limit?: number;
  /** Seconds for QEMU; default 60. */
  readonly deadline?: number;
  readonly progress?: (instructions: number) => void;
}

export interface Divergence {
  /** Instruction count before which the states differ. */
  readonly icount: number;
  readonly differences: readonly Difference[];
  /** The reference's last states, oldest first; the last one is that of `icount`. */
  readonly reference: readonly Uint32Array[];
  /** The subject's, as many. */
  readonly subject: readonly Uint32Array[];
}

export interface Comparison {
  /** Instructions before which both were in the same state, from reset. */
  readonly commonPrefix: number;
  /** Instructions that the reference attempted. */
  readonly referenceLength: number;
  readonly divergence?: Divergence;
  /** Both wait for ever, or branch to themselves for ever, at the end. */
  readonly idle: boolean;
  /** Set when one ended where the other went on. */
  readonly ending?: string;
  readonly console: { readonly reference: Uint8Array; readonly subject: Uint8Array };
  /** The same from reset to the end, console included. */
  readonly identical: boolean;
}

/** How many states before a divergence are kept. */
const CONTEXT = 11;

export async function compareWithQemu(
  machine: QemuMachine,
  start: () => Subject,
  options: ComparisonOptions = {},
): Promise<Comparison> {
  const subject = start();
  const digests = subject.digest !== undefined;
  const whole = await walk(machine, subject, { ...options, digests, from: 0 });
  const { equal, different, ...comparison } = whole;
  if (different === undefined || !digests) return comparison;
  const window = await walk(machine, start(), {
    ...options,
    digests: false,
    from: Math.max(0, equal - CONTEXT),
    limit: different + 1,
  });
  const { divergence, commonPrefix } = window;
  if (divergence) return { ...comparison, divergence, commonPrefix };
  const ending =
    window.ending ?? `something differs between ${equal} and ${different}, and no state: run it again`;
  return { ...comparison, divergence: undefined, commonPrefix: equal, ending };
}

interface Walk extends Comparison {
  /** Instruction counts of the last record that was equal, and of the first that was not. */
  readonly equal: number;
  readonly different: number | undefined;
}

type WalkOptions = ComparisonOptions & { readonly digests: boolean; readonly from: number };

async function walk(machine: QemuMachine, subject: Subject, options: WalkOptions): Promise<Walk> {
  const { digests, from, limit, deadline } = options;
  const run = traceReference(machine, { from, count: limit, deadline, digests });
  try {
    return await follow(run, subject, options);
  } finally {
    run.stop();
  }
}

async function follow(run: ReferenceRun, subject: Subject, options: WalkOptions): Promise<Walk> {
  const { digests, from, limit } = options;
  const look = digests ? new DigestLook(subject) : new StateLook(subject, from);
  let equal = from;
  let different: number | undefined;
  let ending: string | undefined;
  let idle = false;
  const buffers = run.records[Symbol.asyncIterator]();
  let arriving = buffers.next();
  outer: for (;;) {
    const next = await withinPatience(arriving);
    // QEMU in an endless WFI is silent until its deadline.
    if (next === 'nothing') {
      idle = subject.runTo(look.expected) === 'idle' && subject.icount < look.expected;
      if (idle) break;
      continue;
    }
    if (next.done) break;
    arriving = buffers.next();
    arriving.catch(() => {}); // stopped below
    const buffer = next.value;
    const records = new Uint32Array(
      buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength),
    );
    for (let at = 0; at < records.length; at += look.words) {
      const theirs = records.subarray(at, at + look.words);
      const icount = look.icountOf(theirs);
      const reason = subject.runTo(icount);
      const same = look.same(theirs, icount);
      if (subject.icount !== icount) {
        // A branch to itself goes on in QEMU.
        idle = reason === 'idle' && same;
        if (!idle)
          ending = `the machine stopped (${reason}) after ${subject.icount} instructions, QEMU went on`;
        break outer;
      }
      if (!same) {
        different = icount;
        break outer;
      }
      equal = icount;
    }
    options.progress?.(equal);
  }
  if (different !== undefined || ending || idle) run.stop();
  const end = await run.end;
  const length = referenceLength(end) ?? (idle ? subject.icount : look.prefix);
  if (different === undefined && !ending && !idle) {
    if (end.killed) ending = `QEMU reached the deadline after ${look.prefix} instructions`;
    else if (limit === undefined || length < limit) {
      // The last instruction (a power-off) has no state behind it: both must end there.
      const reason = subject.runTo(length + 1);
      if (subject.icount !== length)
        ending = `QEMU ended after ${length} instructions, the machine went on to ${subject.icount} (${reason})`;
    }
  }
  const printed = { reference: new Uint8Array(end.console), subject: subject.console().slice() };
  const sameConsole = Buffer.compare(printed.reference, printed.subject) === 0;
  return {
    ...{ equal, different },
    commonPrefix: different ?? (ending ? Math.min(look.prefix, subject.icount) : length),
    referenceLength: length,
    divergence: different === undefined ? undefined : look.divergence(different),
    ending,
    console: printed,
    idle,
    identical: different === undefined && !ending && sameConsole,
  };
}

/** How records are compared with the subject. */
interface Look {
  /** 32-bit words of a record. */
  readonly words: number;
  /** Instructions before which the states were the same, by the records so far. */
  readonly prefix: number;
  /** The least instruction count of the next record. */
  readonly expected: number;
  /** Instructions that were attempted before the record was made. */
  icountOf(record: Uint32Array): number;
  /** Whether the subject, which was asked to run to the record's `icount`, agrees with it. */
  same(record: Uint32Array, icount: number): boolean;
  divergence(icount: number): Divergence;
}

class StateLook implements Look {
  readonly words = STATE_WORDS;
  readonly #subject: Subject;
  /** The last states, oldest first. */
  readonly #reference: Uint32Array[] = [];
  readonly #ours: Uint32Array[] = [];
  prefix: number;

  constructor(subject: Subject, from: number) {
    this.#subject = subject;
    this.prefix = from;
  }
  get expected(): number {
    return this.prefix;
  }
  icountOf(): number {
    return this.prefix;
  }
  same(record: Uint32Array): boolean {
    const ours = new Uint32Array(STATE_WORDS);
    this.#subject.readState(ours);
    this.#reference.push(record.slice());
    this.#ours.push(ours);
    if (this.#ours.length > CONTEXT) {
      this.#reference.shift();
      this.#ours.shift();
    }
    const same = sameState(record, ours);
    if (same) this.prefix++;
    return same;
  }
  divergence(icount: number): Divergence {
    const [reference, subject] = [this.#reference, this.#ours];
    return { icount, differences: stateDifferences(reference.at(-1)!, subject.at(-1)!), reference, subject };
  }
}

class DigestLook implements Look {
  readonly words = 10;
  readonly #subject: Subject;
  prefix = 0;

  constructor(subject: Subject) {
    this.#subject = subject;
  }
  get expected(): number {
    return this.prefix + 1;
  }
  icountOf(record: Uint32Array): number {
    return record[0] + record[1] * 2 ** 32;
  }
  same(record: Uint32Array, icount: number): boolean {
    const ours = this.#subject.digest!(icount);
    const same = ours.every((word, i) => word === record[2 + i]);
    if (same) this.prefix = icount;
    return same;
  }
  divergence(icount: number): Divergence {
    return { icount, differences: [], reference: [], subject: [] };
  }
}

/** How long QEMU may be silent before the subject is asked whether it idles, ms. */
const PATIENCE = 3000;

async function withinPatience<T>(promise: Promise<T>): Promise<T | 'nothing'> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<'nothing'>((resolve) => {
    timer = setTimeout(() => resolve('nothing'), PATIENCE);
  });
  try {
    return await Promise.race([promise, silence]);
  } finally {
    clearTimeout(timer);
  }
}

/** From the plugin's last line; absent when QEMU was killed. */
function referenceLength(end: ReferenceEnd): number | undefined {
  const match = /reference-trace: (?:stopped at )?(\d+)/.exec(end.stderr);
  return match ? Number(match[1]) : undefined;
}
