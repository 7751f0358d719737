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
  permits,
  STAGE1_DEVICE,
  stage1Permissions,
  stage2Permissions,
} from './permissions.ts';
import type { Regime, Stage1, Stage2 } from './regime.ts';
import { TableWalk } from './table_walk.ts';
import type { CanonicalAddress, TranslationRequest } from './translation.ts';

/** Size of the "page" when no table bounds it. */
const UNBOUNDED = 48;
/** A stage 1 walk of four levels, and the access itself. */
const MAX_STAGE2_WALKS = 5;

export class Walker {
  readonly #memory: GuestMemory;
  readonly #stage1 = new TableWalk();
  readonly #stage2: readonly TableWalk[] = Array.from({ length: MAX_STAGE2_WALKS }, () => new TableWalk());
  #stage1Walked = false;
  #stage2Walks = 0;
  #stage2Config: Stage2 | null = null;
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

  constructor(memory: GuestMemory) {
    this.#memory = memory;
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
    { stage1, stage2, paBits, defaultCacheable }: Regime,
    request: TranslationRequest,
  ): Fault | null {
    const { va } = request;
    if (stage1 === null) {
      if (!(va >= 0 && va < 2 ** paBits)) return stage1Fault('address size', 0);
      this.pa = va;
      this.sizeBits = UNBOUNDED;
      this.flags = ALL_PERMISSIONS | (defaultCacheable ? 0 : STAGE1_DEVICE | DEVICE);
      this.global = true;
    } else {
      const fault = this.#walkStage1(stage1, stage2, va);
      if (fault !== null) return fault;
    }
    // Alignment of Device accesses comes before permissions.
    if (request.unaligned && (this.flags & STAGE1_DEVICE) !== 0) {
      this.#stage1.outcome = 'alignment';
      return stage1Fault('alignment', 0);
    }
    if (permits(this.flags, request)) return null;
    this.#stage1.outcome = 'permission';
    return stage1Fault('permission', this.#stage1.level);
  }

  #walkStage1(stage1: Stage1, stage2: Stage2 | null, va: CanonicalAddress): Fault | null {
    const half = va < 0 ? stage1.upper : stage1.lower;
    const walk = this.#stage1;
    this.#stage1Walked = true;
    walk.run(half, va, this.#memory, stage2 === null ? null : this.#locateDescriptor);
    if (walk.outcome !== 'ok')
      return walk.outcome === 'stage 2' ? this.#walkFault : stage1Fault(walk.outcome, walk.level);
    const device = isDevice(stage1Attribute(walk, stage1)) ? STAGE1_DEVICE | DEVICE : 0;
    this.pa = walk.output;
    this.sizeBits = walk.sizeBits;
    this.flags = stage1Permissions(walk, stage1, half.ignoreTablePermissions) | device;
    this.global = !stage1.twoPrivileges || (walk.low & 0x800) === 0;
    return null;
  }

  /** Stage 2 of a stage 1 descriptor's address: a read by the walker, whatever the access is. */
  readonly #locateDescriptor = (ipa: number): number => {
    const stage2 = this.#stage2Config!;
    const walk = this.#runStage2(stage2, ipa, true);
    if (walk.outcome === 'ok') {
      const readable = (walk.low & 0x40) !== 0;
      if (!readable || (stage2.protectWalks && isDevice(stage2Attribute(walk)))) walk.outcome = 'permission';
    }
    if (walk.outcome === 'ok') return walk.output;
    this.#walkFault = stage2Fault(walk);
    return -1;
  };

  #translateStage2(stage2: Stage2, request: TranslationRequest): Fault | null {
    const walk = this.#runStage2(stage2, this.ipa, false);
    if (walk.outcome !== 'ok') return stage2Fault(walk);
    const flags = stage2Permissions(walk, stage2.xnx) | (isDevice(stage2Attribute(walk)) ? DEVICE : 0);
    if (request.unaligned && (flags & DEVICE) !== 0) walk.outcome = 'alignment';
    else if (!permits(flags, request)) walk.outcome = 'permission';
    if (walk.outcome !== 'ok') return stage2Fault(walk);
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

const stage1Fault = (type: FaultType, level: number): Fault => ({
  type,
  stage: 1,
  level,
  s1ptw: false,
  ipa: 0,
  ...(type === 'external' && { onWalk: true }),
});

/** An alignment fault has neither a level nor an address for HPFAR_EL2. */
const stage2Fault = ({ outcome, level, s1ptw, input }: TableWalk): Fault => ({
  type: outcome as FaultType,
  stage: 2,
  level: outcome === 'alignment' ? 0 : level,
  s1ptw,
  ipa: outcome === 'alignment' ? 0 : input,
  ...(outcome === 'external' && { onWalk: true }),
});
