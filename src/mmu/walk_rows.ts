/** The rows of the walks table for one translation. */
import type { AccessKind } from '../cpu/fault.ts';
import type { EventSink, RowOf } from '../trace/schema.ts';
import { unsignedAddress } from './address.ts';
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
  const common = {
    pc,
    regime: regime.name,
    vmid: regime.vmid,
    asid: regime.asid,
    va: va < 0 ? unsignedAddress(va) : va,
  };
  const { stage1, stage2 } = walker;
  let parent: number | null = null;
  let seq: number | undefined;
  if (stage1 !== null) {
    parent = events.append('walks', {
      ...common,
      ...tablesRead(stage1),
      stage: 1,
      access: kind,
      ipa: regime.stage2 !== null && stage1.outcome === 'ok' ? stage1.output : null,
      pa: faulted ? null : walker.pa,
      parent: null,
      s1ptw: false,
    });
    seq = parent;
  }
  for (const walk of stage2) {
    const row = events.append('walks', {
      ...common,
      ...tablesRead(walk),
      stage: 2,
      access: walk.s1ptw ? 'walk' : kind,
      ipa: walk.input,
      pa: walk.outcome === 'ok' ? walk.output : null,
      parent,
      s1ptw: walk.s1ptw,
    });
    if (walk.outcome !== 'ok' || stage1 === null) seq = row;
  }
  return seq;
}

function tablesRead(
  walk: TableWalk,
): Pick<
  RowOf<'walks'>,
  'level' | 'page_size' | 'descriptor_addresses' | 'descriptors' | 'outcome' | 'fault_level'
> {
  const { outcome, level, count } = walk;
  return {
    level,
    page_size: walk.sizeBits === 0 ? null : 2 ** walk.sizeBits,
    descriptor_addresses: Array.from(walk.addresses.subarray(0, outcome === 'external' ? count + 1 : count)),
    descriptors: new BigUint64Array(walk.words.slice(0, 2 * count).buffer),
    outcome,
    fault_level: outcome === 'ok' || outcome === 'stage 2' || outcome === 'alignment' ? null : level,
  };
}
