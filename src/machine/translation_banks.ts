/** Which banks of the inline TLB the current translation context uses. */
import { CELL, type CpuState } from '../cpu/state.ts';
import type { Mmu } from '../mmu/mmu.ts';
import type { InlineTlb } from '../translate/inline_tlb.ts';
import { bankAt, dataTlbAddress, fetchTlbAddress } from '../translate/layout.ts';

interface ChosenBanks {
  readonly bank: number;
  readonly unprivileged: number;
}

export interface TranslationBanksContext {
  readonly state: CpuState;
  readonly tlb: InlineTlb;
  readonly cpuCount: number;
  readonly currentCpu: () => number;
  /** MMU of the current CPU. */
  readonly mmu: () => Mmu;
  readonly vectorsAreTrapped: () => boolean;
  /** SCTLR_ELx.A of the level's regime. */
  readonly alignmentChecked: (el: 0 | 1 | 2) => boolean;
}

export class TranslationBanks {
  /** The banks in use must be chosen again. */
  changed = true;
  readonly #context: TranslationBanksContext;
  /** Banks chosen since the translation registers changed, by EL, PAN and UAO; good while the TLB's generation is that. */
  readonly #chosen: (ChosenBanks | undefined)[] = Array(16).fill(undefined);
  #generation = -1;

  constructor(context: TranslationBanksContext) {
    this.#context = context;
  }

  /** Registers that the contexts of exception levels below `unchanged` depend on have changed. */
  forgetBelow(unchanged: number): void {
    if (this.#context.state.u32[EL] < unchanged) this.changed = true;
    this.#countContext();
    for (let i = 0; i < this.#chosen.length; i++) if ((i & 3) < unchanged) this.#chosen[i] = undefined;
  }

  /** Other instructions on vectors are trapped. */
  vectorsChanged(): void {
    this.changed = true;
    this.#countContext();
  }

  /** Another CPU executes now. */
  forget(): void {
    this.changed = true;
    this.#forgetChosen();
  }

  #forgetChosen(): void {
    this.#chosen.fill(undefined);
    this.#countContext();
  }

  #countContext(): void {
    const { u32 } = this.#context.state;
    u32[CONTEXTS]++;
    if (u32[CONTEXTS] === 0) u32[CONTEXTS + 1]++;
  }

  /** Bank of the current exception level, and of what LDTR and STTR do. */
  get current(): number {
    return bankAt(this.#context.state.u32[TLB]);
  }
  get unprivileged(): number {
    return bankAt(this.#context.state.u32[TLB_UNPRIVILEGED]);
  }

  /** Puts the addresses of the banks where translated code looks for them, if they changed. */
  choose(): void {
    if (!this.changed) return;
    this.changed = false;
    const { state, tlb, vectorsAreTrapped } = this.#context;
    const { u32 } = state;
    if (this.#generation !== tlb.generation) this.#forgetChosen();
    const index = u32[EL] | (u32[PAN] << 2) | (u32[UAO] << 3);
    let chosen = this.#chosen[index];
    if (chosen === undefined) {
      const bank = this.#bankOf(u32[EL] as 0 | 1 | 2);
      chosen = { bank, unprivileged: this.#bankOf(this.accessLevel(true)) };
      // To make room for a bank drops others.
      if (this.#generation !== tlb.generation) this.#forgetChosen();
      this.#chosen[index] = chosen;
      this.#generation = tlb.generation;
    } else {
      tlb.touch(chosen.bank);
      tlb.touch(chosen.unprivileged);
    }
    u32[TLB] = dataTlbAddress(chosen.bank);
    u32[TLB_UNPRIVILEGED] = dataTlbAddress(chosen.unprivileged);
    u32[FETCH_TLB] = fetchTlbAddress(chosen.bank);
    u32[VECTORS_TRAPPED] = vectorsAreTrapped() ? 1 : 0;
  }

  #bankOf(el: 0 | 1 | 2): number {
    const { mmu, state, tlb, cpuCount, currentCpu, alignmentChecked } = this.#context;
    // Entries say whether unaligned accesses are allowed.
    const key = 2 * mmu().contextKey(el, state.u32[PAN] === 1) + (alignmentChecked(el) ? 1 : 0);
    return tlb.bankOf(key * cpuCount + currentCpu());
  }

  /** LDTR and STTR at EL1, and at EL2 of a host with TGE, act as EL0. C6.2.198. */
  accessLevel(unprivileged: boolean): 0 | 1 | 2 {
    const { state, mmu } = this.#context;
    const el = state.u32[EL] as 0 | 1 | 2;
    if (!unprivileged || state.u32[UAO] !== 0) return el;
    return el === 1 || (el === 2 && mmu().regime(0).name === 'EL20') ? 0 : el;
  }
}

const EL = CELL.el >>> 2;
const CONTEXTS = CELL.contexts >>> 2;
const PAN = CELL.pan >>> 2;
const UAO = CELL.uao >>> 2;
const VECTORS_TRAPPED = CELL.vectorsTrapped >>> 2;
const TLB = CELL.tlb >>> 2;
const TLB_UNPRIVILEGED = CELL.tlbUnprivileged >>> 2;
const FETCH_TLB = CELL.fetchTlb >>> 2;
