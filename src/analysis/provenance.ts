/**
 * Follows a value back: register ← load ← store ← register ← …, to the instruction that made it. Nothing is executed again but
 * to compare a register before and after a handler, and to choose between two operands.
 *
 * The registers are the CPU's: what a handler restores is followed through its frame only where the handler was meant to change
 * the register; else the handler is skipped, once it is certain that the register came back unchanged.
 */
import { EC } from '../cpu/exception_classes.ts';
import { type Entry, type ExceptionLog, type ExceptionRow, isAsynchronous } from './exception_log.ts';
import { type Expression, evaluate, leaves } from './expression.ts';
import { effectsOf } from './instruction_effects.ts';
import { abortSyndrome, isDataAbort } from './syndrome.ts';
import type { Instruction, MemoryAccess, OtherWrite, Trace } from './trace.ts';

export interface Link {
  readonly instruction: Instruction;
  readonly what: 'computed' | 'copied' | 'loaded' | 'stored';
  /** The register written, or stored. */
  readonly register?: number;
  readonly pa?: number;
}

export type Origin =
  /** An instruction computed it; `expression` says how. */
  | { readonly kind: 'computed'; readonly instruction: Instruction; readonly expression: Expression }
  /** An address within the stack frame of the function that ran. */
  | { readonly kind: 'stack'; readonly instruction: Instruction }
  /** Nobody had written the memory. */
  | { readonly kind: 'never written'; readonly load: Instruction; readonly pa: number; readonly size: number }
  /** The memory has it from a loader or another writer that is no instruction's store. */
  | { readonly kind: 'image'; readonly load: Instruction; readonly pa: number; readonly write: OtherWrite }
  /** The memory was last written by a store that is none of a pointer of that size there. */
  | {
      readonly kind: 'overwritten';
      readonly load: Instruction;
      readonly pa: number;
      readonly size: number;
      readonly store: Instruction;
      readonly access: MemoryAccess;
    }
  /** The memory was written by another virtual machine. */
  | {
      readonly kind: 'other machine';
      readonly load: Instruction;
      readonly pa: number;
      readonly store: Instruction;
      readonly access: MemoryAccess;
    }
  | {
      readonly kind: 'not preserved';
      readonly register: number;
      readonly entry: Entry;
      readonly back: ExceptionRow;
      readonly before: bigint;
      readonly after: bigint;
      /** The instruction that wrote the register while the code was interrupted. */
      readonly instruction: Instruction;
    }
  | { readonly kind: 'reset'; readonly register: number }
  | { readonly kind: 'given up'; readonly instruction: Instruction };

export interface Provenance {
  readonly links: readonly Link[];
  readonly origin: Origin;
}

export interface Instants {
  at(icount: number): { readonly registers: readonly bigint[]; readonly pc: bigint };
}

const MAX_LINKS = 400;
/** Steps of a loop that moves a pointer on are not told one by one. */
const MAX_STEPS = 2_000_000;

export interface FollowOptions {
  /** Stop at stores and loads: only through registers. For where an address comes from. */
  readonly returnAddress?: boolean;
}

export function followRegister(
  trace: Trace,
  log: ExceptionLog,
  instants: Instants,
  register: number,
  user: Instruction,
  options: FollowOptions = {},
): Provenance {
  const links: Link[] = [];
  let wanted = register;
  let at = user;
  const end = (origin: Origin): Provenance => ({ links, origin });
  for (let step = 0; step < MAX_STEPS && links.length < MAX_LINKS; step++) {
    if (wanted === 31 && step > 0) return end({ kind: 'stack', instruction: at });
    const write = trace.lastRegisterWrite(wanted, at.icount, at.cpu, at.el);
    if (write === undefined) return end({ kind: 'reset', register: wanted });
    const handler = handlerAround(log, write, at);
    if (handler !== undefined) {
      const before = instants.at(handler.entry.icount).registers[wanted];
      const after = instants.at(handler.back.icount + 1).registers[wanted];
      if (before === after) {
        // It came back unchanged: it is the value from before.
        const interrupted = trace.instruction(handler.entry.icount) ?? write;
        at = { ...at, icount: handler.entry.icount, cpu: interrupted.cpu };
        continue;
      }
      if (!mayChange(handler.entry, wanted))
        return end({
          kind: 'not preserved',
          register: wanted,
          ...handler,
          before,
          after,
          instruction: write,
        });
    }
    const effects = effectsOf(write.word);
    const effect = effects.registers.findLast((e) => e.register === wanted)!;
    const source = chooseSource(effect.value, write, instants);
    if (source.op === 'register') {
      const moved = source.register === wanted;
      if (!moved)
        links.push({
          instruction: write,
          what: effect.value.op === 'register' ? 'copied' : 'computed',
          register: wanted,
        });
      else if (links.at(-1)?.instruction.pc !== write.pc)
        links.push({ instruction: write, what: 'computed', register: wanted });
      wanted = source.register;
      at = write;
      continue;
    }
    if (source.op !== 'load') return end({ kind: 'computed', instruction: write, expression: effect.value });
    links.push({ instruction: write, what: 'loaded', register: wanted });
    const access = trace.accessesOf(write.icount)[source.access];
    if (access === undefined) return end({ kind: 'given up', instruction: write });
    const memory = followMemory(trace, write, access, options.returnAddress === true && links.length <= 1);
    if (memory.origin !== undefined) return end(memory.origin);
    links.push({ instruction: memory.store!, what: 'stored', register: memory.register, pa: access.pa });
    wanted = memory.register!;
    at = memory.store!;
    // A zero that is stored is made by the store itself.
    if (memory.constant)
      return end({
        kind: 'computed',
        instruction: memory.store!,
        expression: { op: 'constant', value: 0n },
      });
  }
  return end({ kind: 'given up', instruction: at });
}

interface MemorySource {
  readonly origin?: Origin;
  readonly store?: Instruction;
  readonly register?: number;
  readonly constant?: boolean;
}

/** Where the value that `load` read comes from. */
function followMemory(
  trace: Trace,
  load: Instruction,
  { pa, size }: MemoryAccess,
  isReturnAddress: boolean,
): MemorySource {
  const access = trace.lastStore(pa, size, load.icount);
  const other = trace.lastOtherWrite(pa, size, load.icount);
  if (access === undefined || (other !== undefined && other.icount > access.icount))
    return {
      origin:
        other === undefined
          ? { kind: 'never written', load, pa, size }
          : { kind: 'image', load, pa, write: other },
    };
  const store = trace.instruction(access.icount)!;
  if (store.el < 2 && load.el < 2 && store.vmid !== load.vmid)
    return { origin: { kind: 'other machine', load, pa, store, access } };
  const overwritten: MemorySource = { origin: { kind: 'overwritten', load, pa, size, store, access } };
  if (access.pa > pa || access.pa + access.size < pa + size) return overwritten;
  const stores = effectsOf(store.word).accesses.filter((effect) => effect.store);
  const part = trace.accessesOf(store.icount).findIndex((one) => one.pa === access.pa);
  const value = stores[part]?.value ?? stores[0]?.value;
  const source = value && leaves(value).find((leaf) => leaf.op === 'register');
  if (access.pa !== pa || access.size !== size) return overwritten;
  if (source === undefined) return isReturnAddress ? overwritten : { store, register: 31, constant: true };
  if (isReturnAddress && !(source.op === 'register' && source.register === 30)) return overwritten;
  return { store, register: source.op === 'register' ? source.register : 31 };
}

/** The handler that ran between `use` and the write: the write is part of it, or of what ran in its place. */
function handlerAround(
  log: ExceptionLog,
  write: Instruction,
  use: Instruction,
): { readonly entry: Entry; readonly back: ExceptionRow } | undefined {
  const { cpu, el, vmid } = use;
  let found: { entry: Entry; back: ExceptionRow } | undefined;
  for (const entry of log.entriesResumedBetween(write.icount, use.icount)) {
    if (entry.cpu !== cpu || entry.fromEl !== el || (el < 2 && entry.vmid !== vmid)) continue;
    const first = entry.icount + (isAsynchronous(entry) ? 0 : 1);
    if (first <= write.icount && (found === undefined || entry.icount < found.entry.icount))
      found = { entry, back: entry.resumed! };
  }
  return found;
}

/** A call returns results; a trapped access is answered in its register. */
function mayChange(entry: Entry, register: number): boolean {
  if (isAsynchronous(entry)) return false;
  if (entry.ec === EC.hvc || entry.ec === EC.smc || entry.ec === EC.svc) return register <= 17;
  if (entry.ec === EC.systemRegister) return ((entry.iss >>> 5) & 31) === register;
  if (isDataAbort(entry.ec)) {
    const { register: transferred, write } = abortSyndrome(entry.ec, entry.iss);
    return !write && (transferred === undefined || transferred === register);
  }
  return entry.ec !== EC.wfx;
}

/** The part of an expression that carries an address: the register or load that a constant is added to, or the larger one. */
export function chooseSource(expression: Expression, at: Instruction, instants: Instants): Expression {
  const candidates = leaves(expression).filter(({ op }) => op === 'register' || op === 'load');
  if (candidates.length <= 1) return candidates[0] ?? expression;
  if (candidates.some(({ op }) => op === 'load')) return candidates.find(({ op }) => op === 'load')!;
  const inputs = instants.at(at.icount);
  const size = (candidate: Expression) => evaluate(candidate, inputs) ?? 0n;
  return candidates.reduce((a, b) => (size(b) > size(a) ? b : a));
}
