/** Small integers for translation contexts, for caches that keep one bank for each. */
import type { Regime } from './regime.ts';

/** More contexts than any cache has banks; a guest that makes up ASIDs may not fill the host's memory. */
const MAX_KEYS = 4096;

/** The keys of one decoded regime, by exception level and PAN; good while the epoch is the same. */
export interface ContextMemo {
  epoch: number;
  keys: (number | undefined)[];
}

export class ContextKeys {
  readonly #keys = new Map<string, number>();
  /** Called before numbers are given out anew: caches must forget everything. */
  readonly #restarted: () => void;
  #epoch = 0;

  constructor(restarted: () => void) {
    this.#restarted = restarted;
  }

  /** The registers changed: the moment at which keys may become other keys. */
  changed(): void {
    if (this.#keys.size < MAX_KEYS) return;
    this.#keys.clear();
    this.#epoch++;
    this.#restarted();
  }

  keyOf(el: 0 | 1 | 2, pan: boolean, regime: Regime, memo: ContextMemo): number {
    if (memo.epoch !== this.#epoch) {
      memo.epoch = this.#epoch;
      memo.keys = [];
    }
    const index = 2 * el + (pan ? 1 : 0);
    let key = memo.keys[index];
    if (key === undefined) {
      key = this.#intern(nameOf(regime, el, pan));
      memo.keys[index] = key;
    }
    return key;
  }

  #intern(name: string): number {
    let key = this.#keys.get(name);
    if (key === undefined) {
      key = this.#keys.size;
      this.#keys.set(name, key);
    }
    return key;
  }
}

/** With stage 1 off nothing depends on the ASID. */
function nameOf(regime: Regime, el: number, pan: boolean): string {
  const { name, vmid, asid, stage1, stage2, topByteIgnored, instructionTopByteIgnored, defaultCacheable } =
    regime;
  const closed = el === 0 ? regime.closedToEl0 : 0;
  const stages = stage1 !== null ? `1 ${asid}` : `${stage2 !== null} ${defaultCacheable}`;
  return `${name} ${vmid} ${stages} ${topByteIgnored} ${instructionTopByteIgnored} ${closed} ${el} ${pan}`;
}
