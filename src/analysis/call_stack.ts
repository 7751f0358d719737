/**
 * Call stacks at any instruction, from the calls and returns of the flow: no frame pointers, no unwind tables. Each exception
 * level of each VM and CPU has its own stack; an exception that comes from below starts the handler's stack anew.
 */
import type { ExceptionLog } from './exception_log.ts';
import type { Trace } from './trace.ts';

/** An activation of a function. */
export interface Frame {
  /** The call; undefined for the outermost function, and for one that an exception began. */
  readonly call: { readonly icount: number; readonly pc: bigint } | undefined;
  /** icount of the first instruction of the activation. */
  readonly entered: number;
  /** Address of the function's first instruction executed. */
  readonly entry: bigint;
}

/** Calls, returns and exceptions in order. */
interface Turn {
  readonly icount: number;
  readonly kind: 'call' | 'return' | 'entry' | 'exception return';
  readonly pc: bigint;
  readonly target: bigint;
  readonly context: string;
  /** Of an exception: the context that it goes to, and whether from below. */
  readonly to?: string;
  readonly fromBelow?: boolean;
}

const MAX_DEPTH = 1000;

export class CallStacks {
  readonly #turns: Turn[] = [];

  /** Knows the stacks of instructions up to `until`. */
  constructor(trace: Trace, log: ExceptionLog, until = Infinity) {
    const exceptions = log.rows.filter(({ kind }) => kind !== 'reset');
    let next = 0;
    const name = (cpu: number, el: number, vmid: number) => `${cpu} ${el} ${el === 2 ? '' : vmid}`;
    const addException = (i: number) => {
      const row = exceptions[i];
      this.#turns.push({
        icount: row.icount,
        kind: row.kind === 'return' ? 'exception return' : 'entry',
        pc: row.pc,
        target: row.target,
        context: name(row.cpu, row.fromEl, row.vmid),
        to: name(row.cpu, row.toEl, row.vmid),
        fromBelow: row.fromEl < row.toEl,
      });
    };
    for (const { icount, call, pc, target, cpu, el, vmid } of trace.callsAndReturns(until)) {
      // An interrupt with the same icount is taken before the instruction; a return is one itself.
      while (next < exceptions.length && exceptions[next].icount <= icount) addException(next++);
      this.#turns.push({ icount, kind: call ? 'call' : 'return', pc, target, context: name(cpu, el, vmid) });
    }
    while (next < exceptions.length) addException(next++);
  }

  /** The activations at an instruction, innermost first. `context`: CPU, exception level and VMID of the instruction. */
  at(icount: number, { cpu, el, vmid }: { cpu: number; el: number; vmid: number }): Frame[] {
    const wanted = `${cpu} ${el} ${el === 2 ? '' : vmid}`;
    const frames: Frame[] = [];
    const marks: number[] = [];
    for (const turn of this.#turns) {
      if (turn.icount >= icount) break;
      if (turn.kind === 'entry' && turn.to === wanted) {
        if (turn.fromBelow && turn.context !== wanted) {
          frames.length = 0;
          marks.length = 0;
        } else marks.push(frames.length);
        frames.push({ call: undefined, entered: turn.icount, entry: turn.target });
      } else if (turn.kind === 'exception return' && turn.context === wanted) {
        if (turn.to === wanted) frames.length = marks.pop() ?? frames.length;
        else frames.length = Math.min(frames.length, marks.at(-1) ?? frames.length);
      } else if (turn.context === wanted && turn.kind === 'call') {
        if (frames.length < MAX_DEPTH)
          frames.push({
            call: { icount: turn.icount, pc: turn.pc },
            entered: turn.icount + 1,
            entry: turn.target,
          });
      } else if (turn.context === wanted && turn.kind === 'return') {
        const back = frames.findLastIndex(({ call }) => call !== undefined && call.pc + 4n === turn.target);
        if (back >= (marks.at(-1) ?? 0)) frames.length = back;
      }
    }
    return frames.reverse();
  }
}
