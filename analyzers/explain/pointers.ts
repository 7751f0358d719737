/** Findings for a bad pointer, jump target or return address: what its history says. */
import type { Entry } from '../../src/analysis/exception_log.ts';
import { effectsOf } from '../../src/analysis/instruction_effects.ts';
import { followRegister, type Link, type Origin } from '../../src/analysis/provenance.ts';
import type { Instruction } from '../../src/analysis/trace.ts';
import { type Case, hex } from './case.ts';
import type { Finding } from './finding.ts';
import { stackCrossing, wrongMachine } from './mappings.ts';
import { addressOf, storeTarget } from './stores.ts';

export type Use = 'address' | 'jump' | 'return';

/** Follows `register`, as `user` has it. Undefined where its history is unremarkable. */
export function explainPointer(
  context: Case,
  register: number,
  user: Instruction,
  use: Use,
): Finding | undefined {
  const value = context.at(user.icount).registers[register];
  const { links, origin } = followRegister(context.trace, context.log, context, register, user, {
    returnAddress: use === 'return',
  });
  const because = links.slice(0, 12).map((link) => sentence(context, link));
  const dead = deadLocal(context, links, origin);
  if (dead !== undefined) {
    because.push(
      `${context.name(dead.pc)} loaded it from its own stack frame, at ${dead.icount}, where this call had stored nothing: it is what an earlier call left there`,
    );
    return {
      kind: 'uninitialised-read',
      cause: dead,
      did: 'loaded a local variable that was never set',
      because,
      evidence: [],
    };
  }
  return findingOf(context, origin, use, value, because);
}

function findingOf(
  context: Case,
  origin: Origin,
  use: Use,
  value: bigint,
  because: string[],
): Finding | undefined {
  const { name } = { name: (i: Instruction) => context.name(i.pc) };
  switch (origin.kind) {
    case 'never written': {
      const neighbour = nearestWriter(context, origin.pa, origin.load);
      because.push(
        `${hex(origin.pa)} was never written before ${name(origin.load)} loaded it at ${origin.load.icount}; it reads as ${hex(value)}`,
      );
      if (neighbour)
        because.push(`what lies beside it was written by ${name(neighbour)} at ${neighbour.icount}`);
      return {
        kind: 'uninitialised-read',
        cause: neighbour ?? origin.load,
        did: neighbour
          ? `initialised what lies beside ${hex(origin.pa)}, but not ${hex(origin.pa)} itself`
          : `loaded memory that nobody had written, at ${hex(origin.pa)}`,
        because,
        evidence: [
          {
            sentence: 'No store to it in the whole recording before that',
            sql: `SELECT * FROM memory_accesses(0, ${origin.load.icount + 1}) WHERE address BETWEEN ${origin.pa - 15} AND ${origin.pa + origin.size - 1}`,
          },
        ],
      };
    }
    case 'overwritten': {
      const target = storeTarget(context, origin.store);
      const what = use === 'return' ? 'return address' : use === 'jump' ? 'function pointer' : 'pointer';
      because.push(
        `the ${what} lies at ${hex(origin.pa)} and was loaded at ${origin.load.icount} by ${name(origin.load)}`,
        `${name(origin.store)} stored ${origin.access.size} byte${origin.access.size > 1 ? 's' : ''} over it at ${origin.store.icount}, ${target.words}`,
      );
      const owner = target.stack?.owner;
      // A push over an object: the stack has grown into it.
      if (
        target.stack?.at === origin.store &&
        use !== 'return' &&
        context.symbols.at(target.va) !== undefined
      )
        return {
          kind: 'stack-overflow',
          cause: stackCrossing(context, origin.store, target.va) ?? origin.store,
          did: `moved the stack pointer down over ${context.name(target.va)}`,
          because,
          evidence: [],
        };
      return {
        kind: use === 'return' ? 'overwritten-return-address' : 'corrupted-pointer',
        cause: firstOver(context, origin.pa, origin.size, origin.store),
        did: `stored over the ${what} at ${hex(origin.pa)}, ${target.words}`,
        ...(owner ? { owner } : {}),
        because,
        evidence: [
          {
            sentence: `Every store to the ${what}`,
            sql: `SELECT * FROM memory_accesses(0, ${origin.load.icount + 1}) WHERE kind = 'store' AND address BETWEEN ${origin.pa - 15} AND ${origin.pa + origin.size - 1}`,
          },
        ],
      };
    }
    case 'other machine':
      return wrongMachine(context, origin.store, origin.access.pa, origin.load, because);
    case 'not preserved':
      return notPreserved(context, origin, because);
    case 'computed': {
      const symbol = name(origin.instruction);
      because.push(`${symbol} made it at ${origin.instruction.icount}`);
      return {
        kind: value === 0n || (use === 'address' && value < 4096n) ? 'null-pointer' : 'bad-pointer',
        cause: origin.instruction,
        did: `made the value ${hex(value)}`,
        because,
        evidence: [],
      };
    }
    case 'image':
      because.push(`${hex(origin.pa)} has it from ${origin.write.who}, and nobody stored there since`);
      return {
        kind: value === 0n ? 'null-pointer' : 'bad-pointer',
        cause: origin.load,
        did: `loaded ${hex(value)} from ${hex(origin.pa)}, which has it from the image`,
        because,
        evidence: [],
      };
    default:
      return undefined;
  }
}

/** A load from the function's own frame of something that was stored before the function was called. */
function deadLocal(context: Case, links: readonly Link[], origin: Origin): Instruction | undefined {
  for (const [i, { what, instruction }] of links.entries()) {
    const next = links[i + 1];
    if (what === 'loaded' && next?.what === 'stored' && isDead(context, instruction, next.instruction))
      return instruction;
  }
  return origin.kind === 'overwritten' && isDead(context, origin.load, origin.store)
    ? origin.load
    : undefined;
}

function isDead(context: Case, load: Instruction, store: Instruction): boolean {
  const [frame] = context.frames(load);
  if (frame?.call === undefined || store.icount >= frame.entered) return false;
  const va = addressOf(context, load);
  return va >= context.at(load.icount).registers[31] && va < context.at(frame.entered).registers[31];
}

/** The first store to [pa, pa + size) of the activation that made the last one: where the damage began. */
function firstOver(context: Case, pa: number, size: number, last: Instruction): Instruction {
  const { trace } = context;
  const from = context.frames(last)[0]?.entered ?? last.icount;
  let first = last;
  for (const access of trace.accessesTo(pa, size, from, last.icount)) {
    const instruction = access.store ? trace.instruction(access.icount) : undefined;
    if (instruction?.el !== last.el || instruction.vmid !== last.vmid) continue;
    // A store of the whole pointer is what the damage was done to.
    if (access.pa === pa && access.size === size) first = last;
    else if (first === last) first = instruction;
  }
  return first;
}

/** The last store before `load` to what lies within a cache line's distance of the address. */
function nearestWriter({ trace }: Case, pa: number, load: Instruction): Instruction | undefined {
  // The fields before it first: objects are filled from their beginning.
  for (let distance = 8; distance <= 64; distance += 8)
    for (const near of [pa - distance, pa + distance]) {
      const access = trace.lastStore(near, 8, load.icount);
      if (access !== undefined) return trace.instruction(access.icount);
    }
  return undefined;
}

const registerName = (register: number) => (register === 31 ? 'sp' : `x${register}`);

function sentence(context: Case, { instruction, what, register, pa }: Link): string {
  const where = `${context.name(instruction.pc)} at ${instruction.icount}`;
  if (what === 'stored')
    return `stored to ${hex(pa!)} from ${register === 31 ? 'xzr' : registerName(register!)} by ${where}`;
  return `${registerName(register!)} ${what} by ${where}`;
}

/** A handler returned to the code that it had interrupted, and a register had changed. */
function notPreserved(
  context: Case,
  origin: Extract<Origin, { kind: 'not preserved' }>,
  because: string[],
): Finding {
  const { register, entry, back, before, after, instruction } = origin;
  const saving = savingOf(context, entry, register);
  const x = registerName(register);
  because.push(
    `${x} was ${hex(before)} when the exception at ${entry.icount} (${entry.kind}) interrupted ${context.name(entry.pc)}, and ${hex(after)} when the handler returned there at ${back.icount}`,
    `in between, ${context.name(instruction.pc)} wrote it at ${instruction.icount}`,
  );
  if (saving)
    because.push(
      `the handler saves other registers, the nearest at ${saving.icount} by ${context.name(saving.pc)}, but not ${x}`,
    );
  return {
    kind: 'register-not-saved',
    cause: saving ?? context.trace.instruction(back.icount),
    did: `${saving ? 'saved the neighbours of' : 'returned without restoring'} ${x}, which the interrupted code still needs`,
    because,
    evidence: [
      {
        sentence: 'The exception and the return',
        sql: `SELECT * FROM exceptions WHERE seq IN (${entry.seq}, ${back.seq})`,
      },
    ],
  };
}

/** The store of the handler's first instructions that saves the register nearest to the one that is missing. */
function savingOf({ trace }: Case, entry: Entry, register: number): Instruction | undefined {
  const start = entry.kind === 'synchronous' ? entry.icount + 1 : entry.icount;
  let best: Instruction | undefined;
  let distance = 32;
  let written = 0;
  for (const instruction of trace.forwards(start, start + 200)) {
    const effects = effectsOf(instruction.word);
    if (effects.branch === 'call') break;
    for (const { store, value } of effects.accesses) {
      if (!store || value?.op !== 'register' || value.register === 31) continue;
      if ((written >>> value.register) & 1) continue;
      if (value.register === register) return undefined;
      if (Math.abs(value.register - register) <= distance) {
        distance = Math.abs(value.register - register);
        best = instruction;
      }
    }
    for (const effect of effects.registers) written |= 1 << effect.register;
  }
  return best;
}
