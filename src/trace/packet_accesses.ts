/**
 * Gives the addresses of an `accesses` packet to the instructions that made them.
 *
 * The order is the instructions', and within one that of its accesses. An access that crosses a 4 KiB page has two addresses. A
 * store-exclusive has its atom in the flow: one that failed has no address. An instruction that took a synchronous exception has
 * as many as its row of `exceptions` says: those of a pair's first half, for instance.
 */
import { type AccessKind, accessKind } from '../isa/access_kinds.ts';
import { CONDITIONAL, CONDITIONAL_STORE } from './code_page.ts';
import type { Packet, Runs } from './flow.ts';

const kinds = new Map<number, AccessKind | undefined>();
function kindOf(opcode: number): AccessKind | undefined {
  let known = kinds.get(opcode);
  if (known === undefined && !kinds.has(opcode)) {
    known = accessKind(opcode);
    kinds.set(opcode, known);
  }
  return known;
}

/** `run` and `n`: instruction n of the run of that number. `at`: which address it is. Size in bytes, within one page. */
export type VisitAccess = (run: number, n: number, at: number, size: number, store: boolean) => void;

/** `offsetOf`: the offset in its page of address `at`. False when addresses and instructions do not fit. */
export function assignAccesses(
  { atoms }: Packet,
  runs: Runs,
  count: number,
  offsetOf: (at: number) => number,
  visit: VisitAccess,
): boolean {
  let next = 0;
  let atom = 0;
  for (let run = 0; run < runs.count; run++) {
    const page = runs.pages[run];
    if (page === undefined) continue;
    const { words, kinds: branches } = page;
    const first = runs.offsets[run] >>> 2;
    const excepted = runs.excepted[run] === 1;
    for (let n = 0; n < runs.lengths[run]; n++) {
      const branch = excepted ? 0 : branches[first + n];
      const taken =
        (branch === CONDITIONAL_STORE || branch === CONDITIONAL) && (atoms[atom >>> 3] >>> (atom++ & 7)) & 1;
      const opcode = words[first + n];
      // Bits 27 and 25 tell loads and stores from everything else.
      if ((opcode & 0x0a000000) !== 0x08000000 || (branch === CONDITIONAL_STORE && !taken)) continue;
      const access = kindOf(opcode);
      if (access === undefined) continue;
      const limit = excepted ? next + runs.accesses[run] : Infinity;
      for (let i = 0; i < access.count; i++)
        for (let left = access.size; left > 0 && next < limit; next++) {
          if (next === count) return false;
          const size = Math.min(left, 4096 - offsetOf(next));
          left -= size;
          visit(run, n, next, size, i >= access.loads);
        }
    }
  }
  return next === count;
}
