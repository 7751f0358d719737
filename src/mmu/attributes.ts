/**
 * Memory types. An attribute is a byte coded as in MAIR_ELx: upper four bits 0 is Device (lower bits 0, 4, 8, 12 are nGnRnE,
 * nGnRE, nGRE, GRE), else outer and inner cacheability with allocation hints. Arm ARM D8.5, D19.2.100 (MAIR_EL1).
 */
import type { Stage1, Stage2 } from './regime.ts';
import type { TableWalk } from './table_walk.ts';

export interface MemoryAttributes {
  readonly attribute: number;
  /** 0 non-shareable, 2 outer shareable, 3 inner shareable. */
  readonly shareability: number;
}

const NON_CACHEABLE = 0x44;
const WRITE_BACK = 0xff;

export const isDevice = (attribute: number): boolean => (attribute & 0xf0) === 0;

/** A stage 1 descriptor's AttrIndx in MAIR. */
export const stage1Attribute = (walk: TableWalk, stage1: Stage1): number => stage1.mair[(walk.low >>> 2) & 7];

/** A stage 2 descriptor's MemAttr[3:0] as a MAIR byte, with read and write allocation. */
export function stage2Attribute(walk: TableWalk): number {
  const outer = (walk.low >>> 4) & 3;
  const inner = (walk.low >>> 2) & 3;
  if (outer === 0) return inner << 2;
  const nibble = (cacheability: number) => (cacheability === 1 ? 4 : (cacheability << 2) | 3);
  return (nibble(outer) << 4) | nibble(inner);
}

/** Device memory and Non-cacheable memory are outer shareable whatever the descriptor says: D8.5.2. */
const attributes = (attribute: number, shareability: number): MemoryAttributes => ({
  attribute,
  shareability: isDevice(attribute) || attribute === NON_CACHEABLE ? 2 : shareability,
});

/** Attributes of a data access with stage 1 off: D8.2.11. */
export const stage1OffAttributes = (defaultCacheable: boolean): MemoryAttributes =>
  defaultCacheable ? attributes(WRITE_BACK, 0) : attributes(0, 2);

export function stage1Attributes(walk: TableWalk, stage1: Stage1): MemoryAttributes {
  const attribute = stage1Attribute(walk, stage1);
  return attributes(
    stage1.uncached && !isDevice(attribute) ? NON_CACHEABLE : attribute,
    (walk.low >>> 8) & 3,
  );
}

export function stage2Attributes(walk: TableWalk, stage2: Stage2): MemoryAttributes {
  const attribute = stage2Attribute(walk);
  return attributes(
    stage2.uncached && !isDevice(attribute) ? NON_CACHEABLE : attribute,
    (walk.low >>> 8) & 3,
  );
}

/** The more restrictive of the two stages in each respect; allocation hints are those of stage 1. D8.5.5. */
export function combineAttributes(stage1: MemoryAttributes, stage2: MemoryAttributes): MemoryAttributes {
  const [a, b] = [stage1.attribute, stage2.attribute];
  let attribute: number;
  if (isDevice(a) && isDevice(b)) attribute = Math.min(a, b);
  else if (isDevice(a)) attribute = a;
  else if (isDevice(b)) attribute = b;
  else attribute = (combineCacheability(a >>> 4, b >>> 4) << 4) | combineCacheability(a & 15, b & 15);
  return attributes(attribute, combineShareability(stage1.shareability, stage2.shareability));
}

/** Four bits each: 0b0100 Non-cacheable; 0b00xx and 0b10xx Write-Through; 0b01xx and 0b11xx Write-Back. */
function combineCacheability(stage1: number, stage2: number): number {
  if (stage1 === 4 || stage2 === 4) return 4;
  const writeThrough = (nibble: number) => (nibble & 4) === 0;
  return writeThrough(stage2) && !writeThrough(stage1) ? 8 | (stage1 & 3) : stage1;
}

function combineShareability(stage1: number, stage2: number): number {
  if (stage1 === 2 || stage2 === 2) return 2;
  return stage1 === 3 || stage2 === 3 ? 3 : 0;
}
