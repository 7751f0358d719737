/**
 * Regimes decoded lately, by the register values they came from: a world switch goes back and forth between a few, and
 * decoding costs about 4 µs, reading and comparing the values less than one.
 */
import type { ContextMemo } from './context_keys.ts';
import type { MmuFeatures } from './features.ts';
import {
  decodeRegime,
  HCR_TRANSLATION_BITS,
  type Regime,
  type RegimeName,
  type RegisterReader,
  type TranslationRegister,
} from './regime.ts';
import { GLOBAL, TlbView } from './tlb.ts';

const REMEMBERED = 8;

/** What each regime is decoded from. */
const SOURCES: { readonly [name in RegimeName]: readonly TranslationRegister[] } = {
  EL10: [
    'TTBR0_EL1',
    'TTBR1_EL1',
    'VTTBR_EL2',
    'HCR_EL2',
    'SCTLR_EL1',
    'TCR_EL1',
    'MAIR_EL1',
    'VTCR_EL2',
    'SCTLR_EL2',
  ],
  EL2: ['SCTLR_EL2', 'TCR_EL2', 'TTBR0_EL2', 'MAIR_EL2'],
  EL20: ['SCTLR_EL2', 'TCR_EL2', 'TTBR0_EL2', 'TTBR1_EL2', 'MAIR_EL2'],
};

const { EL10, EL2, EL20 } = SOURCES;
/** Registers that mean nothing to what EL2 itself uses: a hypervisor writes them one after the other when it switches guests. */
export const BELOW_EL2: ReadonlySet<string> = new Set(
  EL10.filter((name) => name !== 'HCR_EL2' && ![...EL2, ...EL20].includes(name)),
);

/** A regime, where the TLB keeps its entries (null where no table is read), and its context keys. */
export interface Decoded {
  readonly regime: Regime;
  readonly view: TlbView | null;
  readonly memo: ContextMemo;
}

interface Remembered {
  readonly values: readonly bigint[];
  readonly decoded: Decoded;
}

export class RegimeCache {
  readonly #registers: RegisterReader;
  readonly #features: MmuFeatures;
  /** Most recently used first. */
  readonly #remembered: { readonly [name in RegimeName]: Remembered[] } = { EL10: [], EL2: [], EL20: [] };

  constructor(registers: RegisterReader, features: MmuFeatures) {
    this.#registers = registers;
    this.#features = features;
  }

  /** The regime as the registers define it now. */
  decode(name: RegimeName): Decoded {
    const values = SOURCES[name].map((register) => this.#value(register));
    const list = this.#remembered[name];
    const at = list.findIndex((one) => one.values.every((value, i) => value === values[i]));
    const found = at < 0 ? { values, decoded: this.#decode(name) } : list.splice(at, 1)[0];
    list.unshift(found);
    if (list.length > REMEMBERED) list.pop();
    return found.decoded;
  }

  /** Interrupt and trap bits of HCR_EL2 come and go, and mean nothing here. */
  #value(register: TranslationRegister): bigint {
    const value = this.#registers.get(register);
    return register === 'HCR_EL2' ? value & HCR_TRANSLATION_BITS : value;
  }

  #decode(name: RegimeName): Decoded {
    const regime = decodeRegime(name, this.#registers, this.#features);
    return { regime, view: viewOf(regime), memo: { epoch: 0, keys: [] } };
  }
}

function viewOf({ name, vmid, asid, stage1, stage2 }: Regime): TlbView | null {
  if (stage1 !== null) return new TlbView(name, vmid, asid);
  return stage2 !== null ? new TlbView('EL10 flat', vmid, GLOBAL) : null;
}
