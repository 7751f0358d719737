/**
 * Two instructions in one handler. A dispatch is a jump that the host predicts badly in code that executes once or little, as a
 * kernel's boot is: the most frequent neighbours share one. The first one's record then has the handler of both, which goes on to the
 * second one's record, unless the budget is used up; that record keeps its own handler, for those who jump to it.
 *
 * The first instruction of a pair computes or loads: it does not store, or call the machine for more than a load, so it cannot change
 * what the second one is.
 */
import { FIRST_SLOT_HANDLER, RECORD_SIZE, SLOT_BASE, SLOT_SIZE } from '../layout.ts';

/**
 * The most frequent neighbours in two boots of Linux whose first qualifies, by the names of their handlers (`handlerName`): a third
 * of what the interpreter dispatches there. A hundred pairs gained less than these: the loop's code grows.
 */
export const FREQUENT_PAIRS: readonly (readonly [first: string, second: string])[] = [
  ['EXTR 32,rotate', 'ADD_shift 32,none'],
  ['ADD_shift 32,none', 'ADD_shift 32,none'],
  ['ADD_shift 32,none', 'EXTR 32,rotate'],
  ['EOR_shift 32,none', 'EOR_shift 32,none'],
  ['ADD_shift 32,none', 'EOR_shift 32,none'],
  ['EOR_shift 32,none', 'EXTR 32,rotate'],
  ['EOR_shift 32,none', 'ADD_shift 32,none'],
  ['EXTR 32,rotate', 'EXTR 32,rotate'],
  ['ORR_shift 64,none,true', 'ORR_shift 64,none,true'],
  ['ORR_shift 64,none,true', 'BL'],
  ['ADD_imm 64', 'STP_64 stack'],
  ['EXTR 32,rotate', 'EOR_shift 32,none'],
  ['HINT', 'RET'],
  ['LDP_64 stack', 'LDP_64 stack'],
  ['LDP_64_post stack', 'RET'],
  ['HINT', 'HINT'],
  ['ORR_shift 64,none,true', 'HINT'],
  ['SUBS_shift 64,none', 'B_cond 1 near'],
  ['LDP_64_post stack', 'HINT'],
  ['HINT', 'STP_64_pre stack'],
  ['ADRP', 'ADD_imm 64'],
  ['LDP_64 stack', 'LDP_64_post stack'],
  ['ORR_shift 64,none,true', 'MOVZ'],
  ['ORR_shift 64,none,true', 'ADD_imm 64'],
  ['MOVZ', 'MOVZ'],
  ['ADD_shift 32,none', 'LDR_32_imm stack'],
  ['LDR_64_imm', 'SUBS_shift 64,none'],
  ['LDR_64_imm', 'LDR_64_imm'],
  ['LDR_64_imm', 'CBZ 64 near'],
  ['LDR_64_imm stack', 'LDP_64_post stack'],
  ['ADD_imm 64', 'ORR_shift 64,none,true'],
  ['ORR_shift 64,none,true', 'STP_64 stack'],
  ['ORR_shift 32,none,true', 'ORR_shift 64,none,true'],
  ['ADD_imm 64', 'ADD_imm 64'],
  ['MOVZ', 'BL'],
  ['ANDS_imm 32', 'B_cond 0 near'],
  ['ADD_shift 64,none', 'SUBS_shift 64,none'],
  ['LDP_64 stack', 'LDR_64_imm stack'],
  ['SUBS_shift 64,none', 'B_cond 3 near'],
  ['LDR_32_imm stack', 'ADD_shift 32,none'],
];

/** Handlers: of the first, of the second, of both. */
export type Pair = readonly [first: number, second: number, both: number];

/** The records of pairs in memory 0. */
export class Pairs {
  readonly #u16: Uint16Array;
  /** By `keyOf`. */
  readonly #both = new Map<number, number>();
  /** Of the first instruction, by the handler of both. */
  readonly #first = new Map<number, number>();

  constructor(state: ArrayBufferLike, pairs: readonly Pair[]) {
    this.#u16 = new Uint16Array(state);
    for (const [first, second, both] of pairs) {
      this.#both.set(keyOf(first, second), both);
      this.#first.set(both, first);
    }
  }

  /** The records from `first` to `last` were decoded, which execute one after the other, and none is the head of a region. */
  join(first: number, last: number): void {
    const u16 = this.#u16;
    for (let record = first; record < last; record += RECORD_SIZE) {
      const at = record >>> 1;
      const both = this.#both.get(keyOf(u16[at], u16[at + RECORD_SIZE / 2]));
      if (both === undefined) continue;
      u16[at] = both;
      record += RECORD_SIZE;
    }
  }

  /** The record is to execute by itself: the one before it has its own handler again. */
  part(record: number): void {
    const u16 = this.#u16;
    const before = record - RECORD_SIZE;
    const slot = u16[before >>> 1] - FIRST_SLOT_HANDLER;
    const at = (slot < 0 ? before : SLOT_BASE + slot * SLOT_SIZE) >>> 1;
    u16[at] = this.#first.get(u16[at]) ?? u16[at];
  }
}

const keyOf = (first: number, second: number): number => first * 2 ** 16 + second;
