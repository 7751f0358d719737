/**
 * Finds the fatal event. Candidates, best first: a panic of a Linux kernel or of Xen, unless a fault of its own came before it; the earliest fault that was never resumed; a fault whose handler went on
 * elsewhere; a CPU that waits for ever with its interrupts masked, or spins; a power off after a message. An exception that
 * software asks for (a call, a trapped access, a wait) is no fault, and neither is one of a kind that was handled before at the
 * same place.
 */
import { type Entry, isAsynchronous } from '../../src/analysis/exception_log.ts';
import { isRequest } from '../../src/analysis/syndrome.ts';
import type { Instruction } from '../../src/analysis/trace.ts';
import { EC } from '../../src/cpu/exception_classes.ts';
import type { Case } from './case.ts';
import { findKernelPanic, type KernelPanic } from './kernel_panic.ts';

export type FatalEvent =
  | {
      readonly kind: 'exception';
      readonly entry: Entry;
      /** How often the same exception came again without a return. */
      readonly repeated: boolean;
    }
  /** A context that stopped by itself: `at` is the first instruction of what it does for ever. */
  | { readonly kind: 'stopped'; readonly at: Instruction; readonly masked: boolean; readonly how: string }
  | { readonly kind: 'power off after a message'; readonly at: Instruction }
  /** A Linux kernel or Xen called panic(). */
  | ({ readonly kind: 'panic' } & KernelPanic);

/** Recordings that end by limit end in the middle of handlers: these many instructions are given to each. */
const GRACE = 50_000;

export function findFatalEvent(context: Case): FatalEvent | undefined {
  const exception = fatalException(context);
  const panic = findKernelPanic(context);
  // What a program did wrong before is no reason for a kernel to give up; what the kernel itself did is.
  const kernelFault = exception?.kind === 'exception' && exception.entry.fromEl > 0;
  if (panic && !(kernelFault && exception.entry.icount < panic.at.icount)) return { kind: 'panic', ...panic };
  return exception ?? stopped(context) ?? powerOffAfterMessage(context);
}

function fatalException({ log, recording }: Case): FatalEvent | undefined {
  const limited = recording.facts.reason === 'limit' || recording.facts.reason === 'interrupted';
  const handled = new Set<string>();
  const placeOf = (entry: Entry) => `${entry.ec} ${entry.toEl} ${entry.fromEl} ${(entry.far ?? 0n) >> 12n}`;
  for (const entry of log.entries) if (entry.resumed !== undefined) handled.add(placeOf(entry));
  const candidates = log.entries.filter((entry) => {
    if (isAsynchronous(entry) || isRequest(entry.ec) || entry.resumed !== undefined) return false;
    if (handled.has(placeOf(entry)) && entry.fromEl < entry.toEl) return false;
    return !(limited && recording.instructions - entry.icount < GRACE && entry.fromEl < entry.toEl);
  });
  // A fault of a program at EL0 may be the kernel's daily work: it counts if there is no other.
  const first = candidates.find(({ fromEl }) => fromEl > 0) ?? candidates[0];
  if (first === undefined) return undefined;
  const repeated =
    candidates.filter(
      ({ context, esr, toEl }) => toEl === first.toEl && context === first.context && esr === first.esr,
    ).length > REPEATED;
  return { kind: 'exception', entry: first, repeated };
}

/** More exceptions of one kind than a handler that fails in its own panic makes. */
const REPEATED = 4;

/** PSTATE.I and F, as SPSR_ELx has them. */
const MASKED = 0xc0n;

/** A context that ends in a wait with its interrupts masked, a branch to itself, or a wait that nothing ended. */
function stopped(context: Case): FatalEvent | undefined {
  const { log, trace, recording } = context;
  const waits = log.entries.filter(
    (entry) => entry.ec === EC.wfx && entry.resumed === undefined && !isAsynchronous(entry),
  );
  for (const entry of waits.filter(({ spsr }) => (spsr & MASKED) === MASKED)) {
    const at = trace.instruction(entry.icount);
    if (at !== undefined)
      return { kind: 'stopped', at, masked: true, how: 'waits for ever, with its interrupts masked' };
  }
  const { reason } = recording.facts;
  const last = trace.instruction(trace.end - 1);
  if (last === undefined) return undefined;
  if (reason === 'idle' || reason === 'lockup') {
    const { pstate } = context.at(trace.end - 1);
    const masked = (BigInt(pstate) & MASKED) === MASKED;
    const how = last.word === 0x14000000 ? 'branches to itself for ever' : 'waits for ever';
    return { kind: 'stopped', at: last, masked, how: masked ? `${how}, with its interrupts masked` : how };
  }
  if (reason !== 'limit') return undefined;
  // The recording ended at a limit: is it doing the same over and over?
  const places = new Set<bigint>();
  let seen = 0;
  for (const { pc } of trace.backwards(trace.end)) {
    places.add(pc);
    if (++seen === GRACE) break;
  }
  if (seen === GRACE && places.size < 2048) {
    const wait =
      waits.at(-1) ?? log.entries.findLast((entry) => entry.ec === EC.wfx && !isAsynchronous(entry));
    const at = (wait && trace.instruction(wait.icount)) ?? last;
    return { kind: 'stopped', at, masked: false, how: 'makes no progress' };
  }
  return undefined;
}

const COMPLAINT =
  /panic|oops|\bBUG\b|unhandled|unexpected|fatal|assert|abort|exception|\bfault\b|corrupt|differs|failed/i;

function powerOffAfterMessage(context: Case): FatalEvent | undefined {
  const { recording, trace } = context;
  if (recording.facts.reason !== 'power off' && recording.facts.reason !== 'reset') return undefined;
  const text = consoleText(context).split('\n').slice(-12).join('\n');
  const at = trace.instruction(trace.end - 1);
  return COMPLAINT.test(text) && at !== undefined ? { kind: 'power off after a message', at } : undefined;
}

export function consoleText({ recording }: Case): string {
  const bytes: number[] = [];
  for (const { rows, columns } of recording.batches('console', ['direction', 'byte'])) {
    const out = columns['direction'].dictionary!.indexOf('out');
    for (let row = 0; row < rows; row++)
      if (columns['direction'].values[row] === out) bytes.push(Number(columns['byte'].values[row]));
  }
  return Buffer.from(bytes).toString('utf8');
}
