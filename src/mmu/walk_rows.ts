/** The rows of the walks table for one translation. */
import type { AccessKind } from '../cpu/fault.ts';
import type { EventSink, RowOf } from '../trace/schema.ts';
import type { Regime } from './regime.ts';
import type { TableWalk } from './table_walk.ts';
import type { CanonicalAddress } from './translation.ts';
import type { Walker } from './walker.ts';

/**
 * Appends the walks of the walker's last translation: stage 1 first, with its final result, then its stage 2 walks in the order
 * they were made, which point to it. Returns seq of the walk that faulted, or else of the last one; undefined when there was
 * no walk. An address that is no `CanonicalAddress` cannot begin a walk.
 */
export function appendWalkRows(
  events: EventSink,
  walker: Walker,
  regime: Regime,
  va: CanonicalAddress,
  kind: AccessKind,
  pc: bigint,
  faulted: boolean,
): number | undefined {
  if (Number.isNaN(va)) return undefined;
  const { stage1, stage2 } = walker;
  let parent: number | null = null;
  let seq: number | undefined;
  if (stage1 !== null) {
    const ipa = regime.stage2 !== null && stage1.outcome === 'ok' ? stage1.output : null;
    const pa = faulted ? null : walker.pa;
    parent = events.append('walks', walkRow(pc, regime, va, stage1, 1, kind, ipa, pa, null));
    seq = parent;
  }
  for (const walk of stage2) {
    const access = walk.s1ptw ? 'walk' : kind;
    const pa = walk.outcome === 'ok' ? walk.output : null;
    const row = walkRow(pc, regime, va, walk, 2, access, walk.input, pa, parent);
    const rowSeq = events.append('walks', row);
    if (walk.outcome !== 'ok' || stage1 === null) seq = rowSeq;
  }
  return seq;
}

/** One literal with all columns: a recording of a guest that faults much makes millions. */
function walkRow(
  pc: bigint,
  { name, vmid, asid }: Regime,
  va: CanonicalAddress,
  walk: TableWalk,
  stage: 1 | 2,
  access: RowOf<'walks'>['access'],
  ipa: number | null,
  pa: number | null,
  parent: number | null,
): RowOf<'walks'> {
  const { outcome, level, count, sizeBits, s1ptw } = walk;
  const descriptors: bigint[] = [];
  for (let i = 0; i < count; i++) descriptors.push(walk.descriptors[i]);
  const addresses: number[] = [];
  const read = outcome === 'external' ? count + 1 : count;
  for (let i = 0; i < read; i++) addresses.push(walk.addresses[i]);
  return {
    pc,
    stage,
    regime: name,
    vmid,
    asid,
    access,
    va,
    ipa,
    pa,
    level,
    page_size: sizeBits === 0 ? null : sizeBits < 31 ? 1 << sizeBits : 2 ** sizeBits,
    descriptor_addresses: addresses,
    descriptors,
    outcome,
    fault_level: outcome === 'ok' || outcome === 'stage 2' || outcome === 'alignment' ? null : level,
    s1ptw: stage === 2 && s1ptw,
    parent,
  };
}
