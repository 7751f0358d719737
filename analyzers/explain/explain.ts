/** From a recording to a verdict: the fatal event, decoded, and its cause. */
import type { Entry } from '../../src/analysis/exception_log.ts';
import { effectsOf } from '../../src/analysis/instruction_effects.ts';
import { abortSyndrome, isAbort, isDataAbort, isInstructionAbort } from '../../src/analysis/syndrome.ts';
import type { Instruction } from '../../src/analysis/trace.ts';
import { className, EC } from '../../src/cpu/exception_classes.ts';
import type { Recording } from '../../src/trace/recording.ts';
import { Case, hex, type Place } from './case.ts';
import { type FatalEvent, findFatalEvent } from './fatal_event.ts';
import type { Evidence, Finding } from './finding.ts';
import { explainInterrupts } from './interrupts.ts';
import type { KernelPanic } from './kernel_panic.ts';
import { KINDS, type Kind } from './kinds.ts';
import {
  explainDescriptor,
  faultingWalk,
  isOutlandish,
  neverMapped,
  stackCrossing,
  type Walk,
  wrongMachine,
} from './mappings.ts';
import { explainPointer } from './pointers.ts';
import { explainProcessorState, explainVector } from './processor_state.ts';
import { explainStack } from './stacks.ts';
import { explainStaleTranslation } from './stale.ts';
import { baseRegisters, storeTarget } from './stores.ts';

export interface Verdict {
  readonly kind: Kind;
  /** What `kind` means, in words. */
  readonly meaning: string;
  /** How the recording ended. */
  readonly ended: string;
  readonly symptom: Place & { readonly what: string };
  readonly cause: (Place & { readonly did: string; readonly owner: string | undefined }) | undefined;
  readonly because: readonly string[];
  readonly walk: Walk | undefined;
  readonly evidence: readonly Evidence[];
}

export interface NoFault {
  readonly kind: undefined;
  readonly ended: string;
}

export async function explain(recording: Recording): Promise<Verdict | NoFault> {
  const context = await Case.open(recording);
  const ended = endOf(context);
  const event = findFatalEvent(context);
  const judgement = event ? judge(context, event) : staleUse(context);
  if (judgement === undefined) return { kind: undefined, ended };
  const { at, what, finding, walk } = judgement;
  const { owner, cause } = finding;
  return {
    kind: finding.kind,
    meaning: KINDS[finding.kind],
    ended,
    symptom: { ...context.place(at), what },
    cause: cause && { ...context.place(cause), did: finding.did, owner },
    because: finding.because,
    walk,
    evidence: [...(event ? evidenceOf(event) : []), ...finding.evidence],
  };
}

interface Judgement {
  readonly at: Instruction;
  readonly what: string;
  readonly finding: Finding;
  readonly walk?: Walk;
}

/** Nothing stopped, and still an old translation was used: wrong data, which no exception shows. */
function staleUse(context: Case): Judgement | undefined {
  const { trace } = context;
  const finding = explainStaleTranslation(context, trace.end);
  const at = finding?.used && trace.instruction(finding.used.icount);
  return (
    at && { at, what: 'no exception: an access went through a translation that had been changed', finding }
  );
}

function judge(context: Case, event: FatalEvent): Judgement {
  if (event.kind === 'exception') return judgeException(context, event.entry, event.repeated);
  const { at } = event;
  if (event.kind === 'panic') return judgePanic(context, event);
  const finding: Finding =
    (event.kind === 'stopped' && !event.masked ? explainInterrupts(context) : undefined) ??
    explainStaleTranslation(context, at.icount) ??
    explainInterrupts(context) ??
    ownDecision(context, at, event.kind === 'stopped' && !event.masked);
  const machine = at.el < 2 && context.log.hasGuests ? ` (VMID ${at.vmid})` : '';
  const what =
    event.kind === 'stopped'
      ? `no exception: EL${at.el}${machine} ${event.how}`
      : 'the machine was switched off after a message of distress';
  return { at, what, finding };
}

function judgePanic(context: Case, { at, who, message }: KernelPanic): Judgement {
  const finding = ownDecision(context, at, false);
  return { at, what: `${who} gave up: ${message}`, finding };
}

/** The software stopped by its own decision: where it was called to do so. */
function ownDecision(context: Case, at: Instruction, waits: boolean): Finding {
  const call = context.frames(at).find((frame) => frame.call !== undefined)?.call;
  const caller = call && context.trace.instruction(call.icount);
  return {
    kind: waits ? 'wait-for-ever' : 'software-panic',
    cause: caller,
    did: `called ${context.symbols.at(at.pc)?.name ?? hex(at.pc)}, which never returned`,
    because: [],
    evidence: [],
  };
}

function judgeException(context: Case, entry: Entry, repeated: boolean): Judgement {
  const { trace } = context;
  const at = trace.instruction(entry.icount)!;
  const walk = isAbort(entry.ec) ? faultingWalk(context, entry.icount) : undefined;
  const what = describe(entry, walk, repeated, context.log.hasGuests);
  const finding = causeOf(context, entry, at, walk);
  // A jump to where there is no code happened at the branch.
  return { at: branchTo(context, entry, at) ?? at, what, finding, ...(walk ? { walk } : {}) };
}

function causeOf(context: Case, entry: Entry, at: Instruction, walk: Walk | undefined): Finding {
  const state = explainStack(context, entry, at) ?? explainProcessorState(context, entry, at);
  if (state !== undefined) return state;
  const descriptor = walk && explainDescriptor(context, walk);
  if (descriptor !== undefined && (walk!.stage === 2 || descriptor.kind !== 'wrong-permission'))
    return descriptor;
  const syndrome = isAbort(entry.ec) ? abortSyndrome(entry.ec, entry.iss) : undefined;
  const vector = explainVector(context, entry, at);
  if (vector !== undefined && entry.ec !== EC.unknown) return vector;
  const pointer = isDataAbort(entry.ec) ? badAddress(context, at) : badTarget(context, entry, at);
  if (pointer !== undefined && isRemarkable(pointer)) return pointer;
  if (walk?.stage === 2 && syndrome?.table === 'translation') {
    // Nobody would map what a stray address leads to.
    const stray = pointer?.kind === 'null-pointer' || (pointer !== undefined && isOutlandish(context, walk));
    return stray ? pointer : neverMapped(context, walk)!;
  }
  const code = entry.ec === EC.unknown ? overwrittenCode(context, at) : undefined;
  if (code !== undefined) return code;
  if (vector !== undefined) return vector;
  if (descriptor !== undefined) return descriptor;
  const stale = explainStaleTranslation(context, entry.icount);
  if (stale !== undefined && pointer === undefined) return stale;
  if (pointer !== undefined) return pointer;
  if (walk !== undefined && syndrome?.table === 'translation') {
    const finding = neverMapped(context, walk);
    if (finding !== undefined) return finding;
  }
  const kind: Kind = entry.ec === EC.unknown ? 'undefined-instruction' : 'unhandled-exception';
  return { kind, cause: at, did: `raised it: ${className(entry.ec)}`, because: [], evidence: [] };
}

/** The pointer's history has a fault in it, and not only a value. */
const isRemarkable = ({ kind }: Finding) => kind !== 'bad-pointer' && kind !== 'null-pointer';

/** The registers that make the address of the access that faulted. */
function badAddress(context: Case, at: Instruction): Finding | undefined {
  const [access] = effectsOf(at.word).accesses;
  if (access === undefined) return undefined;
  const findings = baseRegisters(context, at, access.address)
    .filter((register) => register !== 31)
    .map((register) => explainPointer(context, register, at, 'address'))
    .filter((finding) => finding !== undefined);
  return findings.find(isRemarkable) ?? findings[0];
}

/** How execution came to an address where there is no instruction. */
function badTarget(context: Case, entry: Entry, at: Instruction): Finding | undefined {
  const before = branchTo(context, entry, at);
  if (before === undefined) return undefined;
  const { target, branch } = effectsOf(before.word);
  if (target?.op !== 'register') return undefined;
  return explainPointer(context, target.register, before, branch === 'return' ? 'return' : 'jump');
}

/** The indirect branch that went to the instruction which could not be executed, where that is not a function's first one. */
function branchTo(context: Case, { ec, icount }: Entry, at: Instruction): Instruction | undefined {
  if (!isInstructionAbort(ec) && ec !== EC.pcAlignment && ec !== EC.unknown) return undefined;
  if (ec === EC.unknown && context.symbols.at(at.pc, at)?.offset === 0) return undefined;
  const before = context.trace.instruction(icount - 1);
  if (before === undefined || before.el !== at.el || before.vmid !== at.vmid || before.pc + 4n === at.pc)
    return undefined;
  return effectsOf(before.word).target?.op === 'register' ? before : undefined;
}

/** The instruction's memory was stored to after it had been loaded. */
function overwrittenCode(context: Case, at: Instruction): Finding | undefined {
  if (at.pa === undefined) return undefined;
  const { trace } = context;
  const access = trace.lastStore(at.pa, 4, at.icount);
  if (access === undefined) return undefined;
  const store = trace.instruction(access.icount)!;
  const because = [
    `the instruction at ${hex(at.pa)} is ${hex(at.word)}: ${context.name(store.pc)} stored it there at ${store.icount}`,
  ];
  if (store.el < 2 && at.el < 2 && store.vmid !== at.vmid)
    return wrongMachine(context, store, at.pa, at, because);
  const target = storeTarget(context, store);
  if (target.stack !== undefined)
    return {
      kind: 'stack-overflow',
      cause: stackCrossing(context, target.stack.at, target.va) ?? store,
      did: 'moved the stack pointer down over the code',
      because,
      evidence: [],
    };
  return {
    kind: 'overwritten-code',
    cause: store,
    did: `stored over the instructions at ${hex(at.pa)}`,
    because,
    evidence: [],
  };
}

function describe(entry: Entry, walk: Walk | undefined, repeated: boolean, hasGuests: boolean): string {
  const { ec, iss, fromEl, toEl, far, vmid } = entry;
  const level = fromEl === toEl ? `at EL${fromEl}` : `at EL${fromEl}, taken to EL${toEl}`;
  const guest = fromEl < 2 && hasGuests ? ` (VMID ${vmid})` : '';
  const again = repeated ? ', again and again' : '';
  if (!isAbort(ec)) return `${className(ec)} ${level}${guest}${again}`;
  const { what, write, s1ptw, register } = abortSyndrome(ec, iss);
  const stage = walk === undefined ? '' : `stage ${walk.stage} `;
  const access = isInstructionAbort(ec)
    ? `fetching from ${hex(far ?? entry.pc)}`
    : `${write ? 'storing to' : 'loading from'} ${hex(far ?? 0n)}`;
  const transferred = register === undefined ? '' : ` (x${register})`;
  const ipa = walk?.stage === 2 && walk.ipa !== undefined ? `, IPA ${hex(walk.ipa)}` : '';
  return `${className(ec)} ${level}${guest}: ${stage}${what}, ${access}${transferred}${ipa}${s1ptw ? ', on a stage 1 table walk' : ''}${again}`;
}

function evidenceOf(event: FatalEvent): Evidence[] {
  if (event.kind !== 'exception')
    return [
      {
        sentence: 'The last instructions',
        sql: `SELECT * FROM instructions(${Math.max(0, event.at.icount - 20)}, ${event.at.icount + 1})`,
      },
    ];
  const { icount, ec } = event.entry;
  const evidence = [{ sentence: 'The exception', sql: `SELECT * FROM exceptions WHERE icount = ${icount}` }];
  if (isAbort(ec))
    evidence.push({
      sentence: 'The table walk',
      sql: `SELECT * FROM walks WHERE icount = ${icount} ORDER BY seq`,
    });
  return evidence;
}

function endOf({ recording, trace }: Case): string {
  const { reason } = recording.facts;
  const how: { readonly [reason: string]: string } = {
    idle: 'nothing could ever wake it again',
    'power off': 'the machine was switched off',
    reset: 'the machine was reset',
    'semihosting exit': 'it ended by a semihosting call',
    memory: 'the guest touched more RAM than there is room for',
    lockup: 'the exception vector could not be fetched',
    limit: 'the limit of the recording was reached',
    interrupted: 'the recording was interrupted',
  };
  return `after ${trace.end} instructions ${how[reason ?? ''] ?? recording.incomplete ?? 'it ended'}`;
}
