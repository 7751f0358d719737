/** Findings for a machine that waits: an interrupt that was acknowledged and never ended. */
import { rowsOf } from '../../src/analysis/rows.ts';
import type { Instruction } from '../../src/analysis/trace.ts';
import type { Case } from './case.ts';
import type { Finding } from './finding.ts';

interface Acknowledged {
  readonly icount: number;
  readonly seq: number;
  readonly intid: number;
}

const BEGIN: { readonly [event: string]: string } = {
  acknowledged: 'physical',
  'virtual acknowledged': 'virtual',
};
const END: { readonly [event: string]: string } = { 'priority drop': 'physical', 'virtual eoi': 'virtual' };

export function explainInterrupts(context: Case): Finding | undefined {
  const { recording, trace, log } = context;
  /** Acknowledged and not ended, by kind, CPU, VM and number; and the last one that was ended. */
  const open = new Map<string, Acknowledged>();
  const ended = new Map<string, { begin: Acknowledged; end: number }>();
  for (const row of rowsOf(recording, 'interrupts')) {
    const event = row['event'] as string;
    const kind = BEGIN[event] ?? END[event];
    if (kind === undefined) continue;
    const at = trace.instruction(row.icount);
    const machine = kind === 'virtual' ? at?.vmid : '';
    const intid = row['intid'] as number;
    const key = `${kind} ${row['cpu']} ${machine} ${intid}`;
    if (BEGIN[event] !== undefined) open.set(key, { icount: row.icount, seq: row.seq, intid });
    else {
      const begin = open.get(key);
      if (begin !== undefined) ended.set(key, { begin, end: row.icount });
      open.delete(key);
    }
  }
  for (const [key, begin] of open) {
    const taken = trace.instruction(begin.icount);
    if (taken === undefined) continue;
    // Its handler returned, and still it was not ended.
    const back = log.returns.find(
      ({ icount, fromEl, vmid }) =>
        icount > begin.icount && fromEl === taken.el && (taken.el === 2 || vmid === taken.vmid),
    );
    if (back === undefined) continue;
    const good = ended.get(key);
    const parting = good && whereTheyPart(context, good, begin, back.icount);
    const cause = parting ?? taken;
    return {
      kind: 'unacknowledged-interrupt',
      cause,
      did: parting
        ? `took the way on which interrupt ${begin.intid} is not ended`
        : `acknowledged interrupt ${begin.intid}, which its handler never ended`,
      because: [
        `interrupt ${begin.intid} was acknowledged at ${begin.icount} by ${context.name(taken.pc)}; the handler returned at ${back.icount} without an end of interrupt, and none came until the end`,
        'its priority stays active, so nothing of the same or a lower priority is signalled any more',
        ...(good && parting
          ? [
              `the time before, acknowledged at ${good.begin.icount}, it was ended at ${good.end}; the two ways part at ${context.name(parting.pc)}`,
            ]
          : []),
      ],
      evidence: [
        {
          sentence: 'The life of the interrupt',
          sql: `SELECT * FROM interrupts WHERE intid = ${begin.intid} AND icount BETWEEN ${Math.max(0, (good?.begin.icount ?? begin.icount) - 1)} AND ${back.icount} ORDER BY seq`,
        },
      ],
    };
  }
  return undefined;
}

/** The branch at which the handling that did not end the interrupt leaves the way of the one before that did. */
function whereTheyPart(
  { trace, log }: Case,
  good: { begin: Acknowledged; end: number },
  bad: Acknowledged,
  limit: number,
): Instruction | undefined {
  const path = (from: number, to: number) => {
    const first = trace.instruction(from)!;
    // Without what interrupted it.
    const skip = log.entries.filter(({ icount, resumed }) => resumed && icount >= from && icount < to);
    const out: Instruction[] = [];
    for (const instruction of trace.forwards(from, to)) {
      if (instruction.el !== first.el) continue;
      if (
        skip.some(
          ({ icount, resumed }) => instruction.icount > icount && instruction.icount <= resumed!.icount,
        )
      )
        continue;
      out.push(instruction);
    }
    return out;
  };
  const right = path(good.begin.icount, good.end + 1);
  const wrong = path(bad.icount, limit + 1);
  // The ways may differ and join again: the last place after which the wrong one never joins the right one.
  const later = new Set(right.map(({ pc }) => pc));
  const joined = wrong.findLastIndex(({ pc }) => later.has(pc));
  return joined < 0 ? undefined : wrong[joined];
}
