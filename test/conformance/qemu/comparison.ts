/**
 * Compares a machine with the reference before every instruction: pc, x0 to x30, sp, NZCV, DAIF, EL, SPSel.
 *
 * The two run in lock step: a record of the reference arrives, the subject runs to the same instruction count and shows its
 * state. With `every` > 1 only samples are compared, at the subject's full speed; a mismatch is then looked for again inside
 * the one window between the last equal sample and the first different one, instruction by instruction.
 */
import { type QemuMachine, RECORD_BYTES, type ReferenceEnd, traceReference } from './reference.ts';

/** 32-bit words of a state, laid out as a record: pc, x0 … x30, sp (64 bits each), opcode (not compared), pstate. */
export const STATE_WORDS = RECORD_BYTES / 4;
const OPCODE_WORD = 66;
const PSTATE_WORD = 67;
/** NZCV, IL, DAIF, EL, SPSel. PAN, UAO, SS are not in the reference of this CPU. */
const PSTATE_MASK = 0xf01003cf;

/** The machine that is compared with QEMU. */
export interface Subject {
  /** Runs until `icount` instructions were attempted; the reason when it stopped before. */
  runTo(icount: number): string;
  readonly icount: number;
  /** Fills `words` (STATE_WORDS long) with the state before the next instruction. */
  readState(words: Uint32Array): void;
  /** What the guest printed so far. */
  console(): Uint8Array;
}

export interface ComparisonOptions {
  /** Compare at most this many instructions. */
  readonly limit?: number;
  /** Compare one state of so many; default 1. */
  readonly every?: number;
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

export interface Difference {
  readonly name: string;
  readonly reference: bigint;
  readonly subject: bigint;
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
  const every = options.every ?? 1;
  const whole = await walk(machine, start(), { ...options, every, from: 0 });
  if (!whole.divergence || every === 1) return whole;
  // The transient is in (last equal sample, first different sample].
  const from = whole.divergence.icount - every;
  const window = await walk(machine, start(), {
    ...options,
    every: 1,
    from: Math.max(0, from),
    limit: whole.divergence.icount + 1,
  });
  return { ...whole, commonPrefix: window.commonPrefix, divergence: window.divergence ?? whole.divergence };
}

async function walk(
  machine: QemuMachine,
  subject: Subject,
  options: ComparisonOptions & { every: number; from: number },
): Promise<Comparison> {
  const { every, from, limit, deadline } = options;
  const run = traceReference(machine, { from, count: limit, every, deadline });
  const ours = new Uint32Array(STATE_WORDS);
  const referenceContext: Uint32Array[] = [];
  const subjectContext: Uint32Array[] = [];
  let icount = from;
  let divergence: Divergence | undefined;
  let ending: string | undefined;
  let idle = false;
  const buffers = run.records[Symbol.asyncIterator]();
  let arriving = buffers.next();
  outer: for (;;) {
    const next = await withinPatience(arriving);
    // QEMU in an endless WFI is silent until its deadline.
    if (next === 'nothing') {
      idle = subject.runTo(icount) === 'idle' && subject.icount < icount;
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
    for (let at = 0; at < records.length; at += STATE_WORDS, icount += every) {
      const theirs = records.subarray(at, at + STATE_WORDS);
      const reason = subject.runTo(icount);
      if (subject.icount !== icount) {
        // A branch to itself goes on in QEMU.
        subject.readState(ours);
        idle = reason === 'idle' && sameState(theirs, ours);
        if (idle) break outer;
        ending = `the machine stopped (${reason}) after ${subject.icount} instructions, QEMU went on`;
        break outer;
      }
      subject.readState(ours);
      referenceContext.push(theirs.slice());
      subjectContext.push(ours.slice());
      if (referenceContext.length > CONTEXT) {
        referenceContext.shift();
        subjectContext.shift();
      }
      if (!sameState(theirs, ours)) {
        const differences = stateDifferences(theirs, ours);
        divergence = { icount, differences, reference: referenceContext, subject: subjectContext };
        break outer;
      }
    }
    options.progress?.(icount);
  }
  if (divergence || ending || idle) run.stop();
  const end = await run.end;
  const length = referenceLength(end) ?? icount;
  if (!divergence && !ending && !idle) {
    if (end.killed) ending = `QEMU reached the deadline after ${icount} instructions`;
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
    commonPrefix: divergence ? divergence.icount : ending ? Math.min(icount, subject.icount) : length,
    referenceLength: length,
    divergence,
    ending,
    console: printed,
    idle,
    identical: !divergence && !ending && sameConsole,
  };
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

function sameState(a: Uint32Array, b: Uint32Array): boolean {
  for (let i = 0; i < OPCODE_WORD; i++) if (a[i] !== b[i]) return false;
  return ((a[PSTATE_WORD] ^ b[PSTATE_WORD]) & PSTATE_MASK) === 0;
}

const wide = (words: Uint32Array, i: number) => (BigInt(words[2 * i + 1]) << 32n) | BigInt(words[2 * i]);

/** Names of the 64-bit words of a state. */
const NAMES = ['pc', ...Array.from({ length: 31 }, (_, n) => `x${n}`), 'sp'];

export function stateDifferences(reference: Uint32Array, subject: Uint32Array): Difference[] {
  const differences = NAMES.map((name, i) => ({
    name,
    reference: wide(reference, i),
    subject: wide(subject, i),
  })).filter((d) => d.reference !== d.subject);
  const pstate = [reference, subject].map((words) => BigInt((words[PSTATE_WORD] & PSTATE_MASK) >>> 0));
  if (pstate[0] !== pstate[1]) differences.push({ name: 'pstate', reference: pstate[0], subject: pstate[1] });
  return differences;
}

export const stateOf = (words: Uint32Array) => ({
  pc: wide(words, 0),
  opcode: words[OPCODE_WORD],
  pstate: words[PSTATE_WORD],
  word: (i: number) => wide(words, i),
});
export { NAMES as STATE_NAMES };
