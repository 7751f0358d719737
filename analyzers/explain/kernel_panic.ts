/** A Linux kernel or a Xen that gave up: the text that it prints, and the call of `panic` that made it print. */
import type { Instruction } from '../../src/analysis/trace.ts';
import type { Case } from './case.ts';

const LINUX = /Kernel panic - not syncing: (.*)$/;
/** Behind it comes a line with the reason. */
const XEN = /^\(XEN\) Panic on CPU \d+:$/;
const XEN_PREFIX = '(XEN) ';
/** More instructions than panic() executes before its first message is out, on a slow console too. */
const LOOK_BACK = 4_000_000;

export interface KernelPanic {
  /** The first instruction of panic(). */
  readonly at: Instruction;
  readonly who: 'the kernel' | 'Xen';
  readonly message: string;
}

/** Undefined where no panic was announced, or the symbols of who panicked are not known. */
export function findKernelPanic(context: Case): KernelPanic | undefined {
  const announced = announcement(context);
  if (announced === undefined) return undefined;
  const starts = new Set(context.symbols.addresses('panic'));
  const { icount, who, message } = announced;
  for (const at of context.trace.backwards(icount, Math.max(0, icount - LOOK_BACK)))
    if (starts.has(at.pc) && (who !== 'Xen' || at.el === 2)) return { at, who, message };
  return undefined;
}

interface Announcement {
  /** When its line ended. */
  readonly icount: number;
  readonly who: KernelPanic['who'];
  readonly message: string;
}

/** The first announcement on a console. */
function announcement({ recording }: Case): Announcement | undefined {
  let line = '';
  let xenSince: number | undefined;
  for (const { rows, columns } of recording.batches('console', ['icount', 'direction', 'byte'])) {
    const out = columns['direction'].dictionary!.indexOf('out');
    for (let row = 0; row < rows; row++) {
      if (Number(columns['direction'].values[row]) !== out) continue;
      const character = String.fromCharCode(Number(columns['byte'].values[row]));
      if (character !== '\n') {
        if (character !== '\r') line += character;
        continue;
      }
      const icount = Number(columns['icount'].values[row]);
      if (xenSince !== undefined)
        return { icount: xenSince, who: 'Xen', message: line.replace(XEN_PREFIX, '') };
      const message = LINUX.exec(line)?.[1];
      if (message !== undefined) return { icount, who: 'the kernel', message };
      if (XEN.test(line)) xenSince = icount;
      line = '';
    }
  }
  return undefined;
}
