/** What a store was meant for: where its address comes from, and whose object that is. */
import { type Expression, evaluate, leaves } from '../../src/analysis/expression.ts';
import { effectsOf } from '../../src/analysis/instruction_effects.ts';
import { followRegister, type Origin } from '../../src/analysis/provenance.ts';
import type { Instruction } from '../../src/analysis/trace.ts';
import { type Case, hex } from './case.ts';

export interface StoreTarget {
  readonly va: bigint;
  /** How the address was made, as a clause. */
  readonly words: string;
  /** The base is the stack pointer: of this function, whose frame is [low, high). */
  readonly stack?: {
    readonly owner: string;
    readonly low: bigint;
    readonly high: bigint;
    /** Where the function took the address, or the store itself. */
    readonly at: Instruction;
  };
  /** The base is the address of this object. */
  readonly object?: string;
  readonly origin?: Origin;
}

export function addressOf(context: Case, instruction: Instruction, access = 0): bigint {
  const effect = effectsOf(instruction.word).accesses[access];
  if (effect === undefined) return 0n;
  const { registers } = context.at(instruction.icount);
  return evaluate(effect.address, { registers, pc: instruction.pc }) ?? 0n;
}

/** The registers of an address, the pointer first. */
export function baseRegisters(context: Case, instruction: Instruction, address: Expression): number[] {
  const { registers } = context.at(instruction.icount);
  return leaves(address)
    .flatMap((leaf) => (leaf.op === 'register' ? [leaf.register] : []))
    .sort((a, b) => (registers[b] > registers[a] ? 1 : -1));
}

export function storeTarget(context: Case, store: Instruction): StoreTarget {
  const effects = effectsOf(store.word).accesses.filter(({ store: isStore }) => isStore);
  const [effect] = effects;
  const { registers } = context.at(store.icount);
  const va = (effect && evaluate(effect.address, { registers, pc: store.pc })) ?? 0n;
  if (effect === undefined) return { va, words: 'its address is no plain one' };
  const bases = baseRegisters(context, store, effect.address);
  const [base] = bases;
  if (base === undefined) return { va, words: 'its address is fixed' };
  if (base === 31) return { va, words: 'through the stack pointer', stack: frameOf(context, store) };
  const { origin } = followRegister(context.trace, context.log, context, base, store);
  const index = bases[1] === undefined ? '' : `, with index x${bases[1]} = ${hex(registers[bases[1]])}`;
  if (origin.kind === 'stack') {
    const stack = frameOf(context, origin.instruction);
    return { va, words: `through a pointer into the stack frame of ${stack.owner}${index}`, stack, origin };
  }
  if (origin.kind === 'computed') {
    const made = effectsOf(origin.instruction.word).registers[0];
    const value = made && context.at(origin.instruction.icount + 1).registers[made.register];
    const object = objectNear(context, origin.instruction, value);
    return {
      va,
      words: `through a pointer made at ${context.name(origin.instruction.pc)}${object ? `, to ${object}` : ''}${index}`,
      origin,
      ...(object ? { object } : {}),
    };
  }
  return { va, words: `through x${base} = ${hex(registers[base])}${index}`, origin };
}

/** ADRP makes the page, the ADD or the access behind it the object. */
function objectNear(context: Case, made: Instruction, value: bigint | undefined): string | undefined {
  if (value === undefined) return undefined;
  const next = context.trace.instruction(made.icount + 1);
  const effect = next && effectsOf(next.word).registers[0];
  if (effect?.value.op === 'compute' && effect.value.name === 'add') {
    const full = context.at(made.icount + 2).registers[effect.register];
    const symbol = context.symbols.at(full);
    if (symbol !== undefined) return symbol.name;
  }
  return context.symbols.at(value)?.name;
}

function frameOf(context: Case, at: Instruction): NonNullable<StoreTarget['stack']> {
  const [frame] = context.frames(at);
  const low = context.at(at.icount).registers[31];
  const high = frame === undefined ? low : context.at(frame.entered).registers[31];
  const symbol = context.symbols.at(at.pc)?.name ?? hex(frame?.entry ?? at.pc);
  return { owner: symbol, low, high, at };
}
