/**
 * Both stages of one translation, from the tables: no TLB. It needs nothing but a decoded regime and memory, so that a test
 * can drive it. The order of checks is that of AArch64.FullTranslate: stage 1 walk, stage 1 permissions, stage 2 walk, stage
 * 2 permissions; each descriptor of stage 1 goes through stage 2 on its way. Arm ARM D8.2, D8.15.
 *
 * The walks made stay readable, until the next call, in `stage1` and `stage2`.
 */
import type { Fault, FaultType } from '../cpu/fault.ts';
import type { GuestMemory } from '../machine/memory.ts';
import { isDevice, stage1Attribute, stage2Attribute } from './attributes.ts';
import {
  ALL_PERMISSIONS,
  combineStages,
  DEVICE,
  GUARDED,
  permits,
  STAGE1_DEVICE,
  stage1Permissions,
  stage2Permissions,
} from './permissions.ts';
import type { Regime, Stage1, Stage1Half, Stage2 } from './regime.ts';
import { TableWalk } from './table_walk.ts';
import type { CanonicalAddress, TranslationRequest } from './translation.ts';

/** Size of the "page" when no table bounds it. */
const UNBOUNDED = 52;
/** A stage 1 walk of five levels, an update of its leaf, and the access itself. */
const MAX_STAGE2_WALKS = 7;

export class Walker {
  readonly #memory: GuestMemory;
  readonly #write: (pa: number, low: number, high: number) => void;
  readonly #stage1 = new TableWalk();
  readonly #stage2: readonly TableWalk[] = Array.from({ length: MAX_STAGE2_WALKS }, () => new TableWalk());
  #stage1Walked = false;
  #stage2Walks = 0;
  #stage2Config: Stage2 | null = null;
  /** Where the last descriptor of stage 1 is, as stage 1 sees it. */
  #descriptorIpa = 0;
  /** The stage 2 fault that stopped a stage 1 walk. */
  #walkFault: Fault | null = null;

  /** Result: physical address of the byte; intermediate after stage 1 alone. */
  pa = 0;
  /** Result: what stage 1 made of the address. */
  ipa = 0;
  /** Result: log2 of the smaller page of the two stages. */
  sizeBits = 0;
  /** Result: the bits of permissions.ts. */
  flags = 0;
  /** Result: the translation holds for every ASID. */
  global = true;

  /** `write` puts an updated descriptor into memory. */
  constructor(memory: GuestMemory, write: (pa: number, low: number, high: number) => void) {
    this.#memory = memory;
    this.#write = write;
  }

  /** The stage 1 walk of the last translation, if it made one. */
  get stage1(): TableWalk | null {
    return this.#stage1Walked ? this.#stage1 : null;
  }
  /** The stage 2 walks of the last translation, in order. */
  get stage2(): readonly TableWalk[] {
    return this.#stage2.slice(0, this.#stage2Walks);
  }

  /** Translates and checks; the result is in the fields if the answer is null. `stages` 1 leaves out stage 2 of the output. */
  translate(regime: Regime, request: TranslationRequest, stages: 1 | 2 = 2): Fault | null {
    this.#stage1Walked = false;
    this.#stage2Walks = 0;
    this.#stage2Config = regime.stage2;
    const fault = this.#translateStage1(regime, request);
    if (fault !== null) return fault;
    this.ipa = this.pa;
    return regime.stage2 !== null && stages === 2 ? this.#translateStage2(regime.stage2, request) : null;
  }

  #translateStage1(
    { stage1, stage2, paBits, defaultCacheable, closedToEl0 }: Regime,
    request: TranslationRequest,
  ): Fault | null {
    const { va } = request;
    let updated = false;
    if (stage1 === null) {
      if (!(va >= 0 && va < 2 ** paBits)) return stage1Fault('address size', 0);
      this.pa = va;
      this.sizeBits = UNBOUNDED;
      this.flags = ALL_PERMISSIONS | (defaultCacheable ? 0 : STAGE1_DEVICE | DEVICE);
      this.global = true;
    } else {
      if (request.el === 0 && closedToEl0 & (va < 0 ? 2 : 1)) return stage1Fault('translation', 0);
      const fault = this.#walkStage1(stage1, stage2, va);
      if (fault !== null) return fault;
      const half = va < 0 ? stage1.upper : stage1.lower;
      if (this.#stage1.update(half, 1, request.kind === 'write')) {
        updated = true;
        this.flags = this.#flagsOf(stage1, half);
      }
    }
    // Alignment of Device accesses comes before permissions.
    if (request.unaligned && (this.flags & STAGE1_DEVICE) !== 0) {
      this.#stage1.outcome = 'alignment';
      return stage1Fault('alignment', 0);
    }
    if (!permits(this.flags, request)) {
      this.#stage1.outcome = 'permission';
      return stage1Fault('permission', this.#stage1.level);
    }
    return updated ? this.#updateStage1(va < 0 ? stage1!.upper : stage1!.lower, stage2) : null;
  }

  /** The walker's store to the leaf needs stage 2's permission to write. */
  #updateStage1(half: Stage1Half, stage2: Stage2 | null): Fault | null {
    const walk = this.#stage1;
    if (stage2 !== null) {
      const leaf = this.#descriptorIpa;
      if (this.#locate(leaf, 'write') < 0) {
        walk.outcome = 'stage 2';
        return this.#walkFault;
      }
    }
    walk.writeBack(half.bigEndian, this.#write);
    return null;
  }

  #walkStage1(stage1: Stage1, stage2: Stage2 | null, va: CanonicalAddress): Fault | null {
    const half = va < 0 ? stage1.upper : stage1.lower;
    const walk = this.#stage1;
    this.#stage1Walked = true;
    walk.run(half, va, this.#memory, stage2 === null ? null : this.#locateDescriptor);
    if (walk.outcome !== 'ok')
      return walk.outcome === 'stage 2' ? this.#walkFault : stage1Fault(walk.outcome, walk.level);
    this.pa = walk.output;
    this.sizeBits = walk.sizeBits;
    this.flags = this.#flagsOf(stage1, half);
    this.global = !stage1.twoPrivileges || (walk.low & 0x800) === 0;
    return null;
  }

  #flagsOf(stage1: Stage1, half: Stage1Half): number {
    const walk = this.#stage1;
    const device = isDevice(stage1Attribute(walk, stage1)) ? STAGE1_DEVICE | DEVICE : 0;
    // GP is bit 50.
    const guarded = walk.high & 0x4_0000 ? GUARDED : 0;
    return stage1Permissions(walk, stage1, half.ignoreTablePermissions) | device | guarded;
  }

  /** Stage 2 of a stage 1 descriptor's address: a read by the walker, whatever the access is. */
  readonly #locateDescriptor = (ipa: number): number => {
    this.#descriptorIpa = ipa;
    return this.#locate(ipa, 'read');
  };

  #locate(ipa: number, kind: 'read' | 'write'): number {
    const stage2 = this.#stage2Config!;
    const walk = this.#runStage2(stage2, ipa, true);
    if (walk.outcome === 'ok') {
      const updated = walk.update(stage2, 2, kind === 'write');
      const needed = kind === 'write' ? 0xc0 : 0x40;
      const permitted = (walk.low & needed) === needed;
      if (!permitted || (stage2.protectWalks && isDevice(stage2Attribute(walk, stage2))))
        walk.outcome = 'permission';
      else if (updated) walk.writeBack(stage2.bigEndian, this.#write);
    }
    if (walk.outcome === 'ok') return walk.output;
    this.#walkFault = stage2Fault(walk);
    return -1;
  }

  #translateStage2(stage2: Stage2, request: TranslationRequest): Fault | null {
    const walk = this.#runStage2(stage2, this.ipa, false);
    if (walk.outcome !== 'ok') return stage2Fault(walk);
    const updated = walk.update(stage2, 2, request.kind === 'write');
    const flags =
      stage2Permissions(walk, stage2.xnx) | (isDevice(stage2Attribute(walk, stage2)) ? DEVICE : 0);
    if (request.unaligned && (flags & DEVICE) !== 0) walk.outcome = 'alignment';
    else if (!permits(flags, request)) walk.outcome = 'permission';
    if (walk.outcome !== 'ok') return stage2Fault(walk);
    if (updated) walk.writeBack(stage2.bigEndian, this.#write);
    this.pa = walk.output;
    this.sizeBits = Math.min(this.sizeBits, walk.sizeBits);
    this.flags = combineStages(this.flags, flags);
    return null;
  }

  #runStage2(stage2: Stage2, ipa: number, s1ptw: boolean): TableWalk {
    const walk = this.#stage2[this.#stage2Walks++];
    walk.run(stage2, ipa, this.#memory, null);
    walk.s1ptw = s1ptw;
    return walk;
  }
}

/** No spread of what only some have: that costs more than the walk. */
const stage1Fault = (type: FaultType, level: number): Fault =>
  type === 'external'
    ? { type, stage: 1, level, s1ptw: false, ipa: 0, onWalk: true }
    : { type, stage: 1, level, s1ptw: false, ipa: 0 };

/** An alignment fault has neither a level nor an address for HPFAR_EL2. */
function stage2Fault({ outcome, level, s1ptw, input }: TableWalk): Fault {
  if (outcome === 'alignment') return { type: outcome, stage: 2, level: 0, s1ptw, ipa: 0 };
  const type = outcome as FaultType;
  return type === 'external'
    ? { type, stage: 2, level, s1ptw, ipa: input, onWalk: true }
    : { type, stage: 2, level, s1ptw, ipa: input };
}
