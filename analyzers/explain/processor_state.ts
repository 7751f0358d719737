/** Findings for a processor state that software set wrongly: a vector base, the state to return to, a misaligned stack pointer. */
import { type Entry, nextInstruction } from '../../src/analysis/exception_log.ts';
import { rowsOf } from '../../src/analysis/rows.ts';
import type { Instruction } from '../../src/analysis/trace.ts';
import { EC } from '../../src/cpu/exception_classes.ts';
import { type Case, hex } from './case.ts';
import type { Finding } from './finding.ts';
import { stackMove } from './mappings.ts';

export function explainProcessorState(context: Case, entry: Entry, at: Instruction): Finding | undefined {
  if (entry.ec === EC.illegalState) return illegalReturn(context, at);
  if (entry.ec === EC.spAlignment) return misalignedStack(context, at);
  return undefined;
}

/** The last MSR of a register before an instruction. */
function lastWrite(
  { recording, trace }: Case,
  register: string,
  { icount, cpu }: Instruction,
): { readonly instruction: Instruction; readonly value: bigint } | undefined {
  let found: { readonly icount: number; readonly value: bigint } | undefined;
  for (const row of rowsOf(recording, 'sysregs', ['icount', 'seq', 'cpu', 'register', 'write', 'value'], {
    to: icount,
  }))
    if (row['register'] === register && row['write'] && row['cpu'] === cpu && row['value'] !== null)
      found = { icount: row.icount, value: row['value'] as bigint };
  const instruction = found && trace.instruction(found.icount);
  return instruction && { instruction, value: found!.value };
}

const registerEvidence = (register: string, icount: number) => ({
  sentence: `Every access to ${register}`,
  sql: `SELECT * FROM sysregs WHERE register = '${register}' AND icount <= ${icount}`,
});

/** An ERET to a state that it cannot return to: D1.6.4. What it returned to was written to SPSR_ELx before. */
function illegalReturn(context: Case, at: Instruction): Finding | undefined {
  const back = context.trace.instruction(at.icount - 1);
  if (back === undefined || back.cpu !== at.cpu) return undefined;
  const register = `SPSR_EL${back.el}`;
  const written = lastWrite(context, register, back);
  return {
    kind: 'illegal-return',
    cause: written?.instruction ?? back,
    did: written
      ? `wrote ${hex(written.value)} to ${register}, a state to which EL${back.el} cannot return`
      : `returned with ${register} as it was at the last exception`,
    because: [
      `${context.name(back.pc)} returned at ${back.icount}; the mode field of ${register}, its lowest five bits, was ${written ? hex(written.value & 0x1fn) : 'illegal'}`,
    ],
    evidence: [registerEvidence(register, back.icount)],
  };
}

function misalignedStack(context: Case, at: Instruction): Finding | undefined {
  const sp = context.at(at.icount).registers[31];
  let moved = stackMove(context, at);
  for (let i = 0; i < STACK_MOVES && moved !== undefined; i++) {
    if (context.at(moved.icount).registers[31] % 16n === 0n) break;
    moved = context.trace.lastRegisterWrite(31, moved.icount, moved.cpu, moved.el);
  }
  return {
    kind: 'misaligned-stack',
    cause: moved ?? at,
    did: `made the stack pointer a value that is no multiple of 16`,
    because: [`the access goes through the stack pointer, ${hex(sp)}`],
    evidence: [],
  };
}

/** How many moves of the stack pointer are looked through. */
const STACK_MOVES = 200;

/** The instruction that faulted is the first of an exception vector: nothing can be handled there. */
export function explainVector(context: Case, entry: Entry, at: Instruction): Finding | undefined {
  const before = context.log.rows.findLast(({ seq, cpu }) => seq < entry.seq && cpu === at.cpu);
  if (before === undefined || before.kind === 'return') return undefined;
  if (nextInstruction(before) !== at.icount || before.target !== at.pc || before.toEl !== at.el)
    return undefined;
  const register = `VBAR_EL${at.el}`;
  const written = lastWrite(context, register, at);
  const base = at.pc & ~0x7ffn;
  return {
    kind: 'vector-fault',
    cause: written?.instruction,
    did: `set ${register} to ${hex(base)}, where no vector can be executed`,
    because: [
      `an exception (${before.kind}) at ${before.icount} went to the vector at ${hex(at.pc)}, which cannot be executed`,
      written
        ? `${register} is ${hex(written.value)} since ${context.name(written.instruction.pc)} wrote it at ${written.instruction.icount}`
        : `nobody ever wrote ${register}: it is what reset made it`,
    ],
    evidence: [
      registerEvidence(register, at.icount),
      {
        sentence: 'The exception that went to the vector',
        sql: `SELECT * FROM exceptions WHERE seq = ${before.seq}`,
      },
    ],
  };
}
