/** Findings for a stack that ran out: the faulting access goes through the stack pointer. */
import { type Entry, nextInstruction } from '../../src/analysis/exception_log.ts';
import { effectsOf } from '../../src/analysis/instruction_effects.ts';
import { isDataAbort } from '../../src/analysis/syndrome.ts';
import type { Instruction } from '../../src/analysis/trace.ts';
import { type Case, hex } from './case.ts';
import type { Finding } from './finding.ts';
import { stackMove } from './mappings.ts';
import { baseRegisters } from './stores.ts';

/** Exceptions looked through for one whose handler returned with another stack pointer than it was entered with. */
const HANDLERS = 2000;

export function explainStack(context: Case, entry: Entry, at: Instruction): Finding | undefined {
  if (!isDataAbort(entry.ec)) return undefined;
  const [access] = effectsOf(at.word).accesses;
  if (access === undefined || baseRegisters(context, at, access.address)[0] !== 31) return undefined;
  const sp = context.at(at.icount).registers[31];
  const leak = leakingHandler(context, at);
  if (leak !== undefined) {
    const { first, lost, times } = leak;
    return {
      kind: 'stack-overflow',
      cause: first,
      did: `returned from the exception without giving back ${lost} bytes of the stack`,
      because: [
        `the stack pointer is ${hex(sp)}, below the stack`,
        `${times} of the handlers before this one returned through ${context.name(first.pc)} with the stack pointer ${lost} bytes lower than they had found it, the first at ${first.icount}`,
      ],
      evidence: [
        {
          sentence: 'The returns that leak',
          sql: `SELECT icount, pc, target FROM exceptions WHERE kind = 'return' AND pc = ${first.pc} AND icount <= ${at.icount}`,
        },
      ],
    };
  }
  const frames = context.frames(at);
  const moved = stackMove(context, at);
  const functions = frames.map(({ entry: address }) => context.name(address));
  const [inner] = functions;
  const repeats = functions.filter((name) => name === inner).length;
  return {
    kind: 'stack-overflow',
    cause: moved,
    did: `moved the stack pointer to ${hex(sp)}, below the stack`,
    because: [
      `the access goes through the stack pointer, ${hex(sp)}`,
      repeats > 3
        ? `${inner} has called itself: ${repeats} of the ${frames.length} activations are its`
        : `${frames.length} activations are on the stack`,
    ],
    evidence: [],
  };
}

/** Handlers from lower levels whose return finds the stack pointer lower than the entry: the first, and how many. */
function leakingHandler(
  context: Case,
  at: Instruction,
): { readonly first: Instruction; readonly lost: bigint; readonly times: number } | undefined {
  const { log, trace, timeline } = context;
  const fromBelow = log.rows.filter(
    ({ kind, fromEl, toEl, cpu, icount }) =>
      cpu === at.cpu &&
      icount < at.icount &&
      (kind === 'return' ? fromEl === at.el && toEl < at.el : toEl === at.el && fromEl < at.el),
  );
  // An invocation of the handler ends with the next return, whichever guest that goes to.
  const invocations = fromBelow
    .flatMap((entry, i) => {
      const back = fromBelow[i + 1];
      return entry.kind !== 'return' && back?.kind === 'return'
        ? [{ first: nextInstruction(entry), back }]
        : [];
    })
    .slice(-HANDLERS);
  // Forward through the recording, so that each instant costs only the way from the one before.
  const pointerAt = (icount: number) => {
    timeline.goto(icount);
    const { sp, el } = timeline.registers();
    return el === at.el ? sp : undefined;
  };
  const leaks = invocations.flatMap(({ first, back }) => {
    const before = pointerAt(first);
    const after = pointerAt(back.icount);
    return before !== undefined && after !== undefined && after < before
      ? [{ back, lost: before - after }]
      : [];
  });
  if (leaks.length === 0) return undefined;
  const [{ back, lost }] = leaks;
  const instruction = trace.instruction(back.icount);
  return instruction && { first: instruction, lost, times: leaks.length };
}
