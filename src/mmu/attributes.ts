/**
 * Memory types. An attribute is a byte coded as in MAIR_ELx: upper four bits 0 is Device (lower bits 0, 4, 8, 12 are nGnRnE,
 * nGnRE, nGRE, GRE), else outer and inner cacheability with allocation hints. Arm ARM D8.5, D19.2.100 (MAIR_EL1).
 */
import type { Stage1, Stage2, TableGeometry } from './regime.ts';
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

/**
 * A stage 2 descriptor's MemAttr[3:0] as a MAIR byte, with read and write allocation. With FWB (D8.5.6) alone: 4 and above say how to
 * change the attribute of stage 1, `combineAttributes` does that; here they are Normal memory.
 */
export function stage2Attribute(walk: TableWalk, { forceWriteBack }: Stage2): number {
  if (forceWriteBack) return (walk.low >>> 4) & 1 ? WRITE_BACK : ((walk.low >>> 2) & 3) << 2;
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
  const half = walk.input < 0 ? stage1.upper : stage1.lower;
  return attributes(
    stage1.uncached && !isDevice(attribute) ? NON_CACHEABLE : attribute,
    shareability(walk, half),
  );
}

export function stage2Attributes(walk: TableWalk, stage2: Stage2): MemoryAttributes {
  const attribute = stage2Attribute(walk, stage2);
  return attributes(
    stage2.uncached && !isDevice(attribute) ? NON_CACHEABLE : attribute,
    shareability(walk, stage2),
  );
}

/** SH, which with 52-bit addresses by DS is in the control register. */
const shareability = (walk: TableWalk, geometry: TableGeometry): number =>
  geometry.shareability ?? (walk.low >>> 8) & 3;

/** Both stages with HCR_EL2.FWB: MemAttr[2:0] of stage 2 says what becomes of stage 1's attribute. D8.5.6. */
export function forcedAttributes(
  stage1: MemoryAttributes,
  walk: TableWalk,
  stage2: Stage2,
): MemoryAttributes {
  const shared = combineShareability(stage1.shareability, shareability(walk, stage2));
  const first = stage1.attribute;
  switch ((walk.low >>> 2) & 7) {
    case 7:
      return attributes(first, shared);
    case 6:
      return attributes(isDevice(first) || first === NON_CACHEABLE ? WRITE_BACK : writeBack(first), shared);
    case 5:
      return attributes(isDevice(first) ? first : NON_CACHEABLE, shared);
    default:
      return attributes(stage2Attribute(walk, stage2), shared);
  }
}

/** Cacheability becomes Write-Back; hints stay; Non-cacheable gets all hints. */
function writeBack(attribute: number): number {
  const nibble = (cacheability: number) => (cacheability === 4 ? 15 : cacheability | 12);
  return (nibble(attribute >>> 4) << 4) | nibble(attribute & 15);
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
