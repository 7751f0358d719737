/** A Linux kernel that gave up: the text that it prints, and the call of `panic` that made it print. */
import type { Instruction } from '../../src/analysis/trace.ts';
import type { Case } from './case.ts';

const ANNOUNCEMENT = 'Kernel panic - not syncing: ';
/** More instructions than panic() executes before its first message is out, on a slow console too. */
const LOOK_BACK = 4_000_000;

export interface KernelPanic {
  /** The first instruction of panic(). */
  readonly at: Instruction;
  readonly message: string;
}

/** Undefined where no panic was announced, or the kernel's symbols are not known. */
export function findKernelPanic(context: Case): KernelPanic | undefined {
  const announced = announcement(context);
  const start = announced && context.symbols.address('panic');
  if (announced === undefined || start === undefined) return undefined;
  const { icount, message } = announced;
  for (const at of context.trace.backwards(icount, Math.max(0, icount - LOOK_BACK)))
    if (at.pc === start) return { at, message };
  return undefined;
}

/** When the announcement began, and the rest of its line. */
function announcement({
  recording,
}: Case): { readonly icount: number; readonly message: string } | undefined {
  let line = '';
  let began: number | undefined;
  for (const { rows, columns } of recording.batches('console', ['icount', 'direction', 'byte'])) {
    const out = columns['direction'].dictionary!.indexOf('out');
    for (let row = 0; row < rows; row++) {
      if (Number(columns['direction'].values[row]) !== out) continue;
      const character = String.fromCharCode(Number(columns['byte'].values[row]));
      if (character !== '\n' && character !== '\r') {
        line += character;
        if (began === undefined && line.endsWith(ANNOUNCEMENT)) began = Number(columns['icount'].values[row]);
        continue;
      }
      if (began !== undefined)
        return { icount: began, message: line.slice(line.indexOf(ANNOUNCEMENT) + ANNOUNCEMENT.length) };
      line = '';
    }
  }
  return undefined;
}
