/** Small integers for translation contexts, for caches that keep one bank for each. */
import type { Regime } from './regime.ts';

/** More contexts than any cache has banks; a guest that makes up ASIDs may not fill the host's memory. */
const MAX_KEYS = 4096;

export class ContextKeys {
  readonly #keys = new Map<string, number>();
  /** Called before numbers are given out anew: caches must forget everything. */
  readonly #restarted: () => void;
  /** By exception level and PAN, while registers stand. */
  #current: (number | undefined)[] = [];

  constructor(restarted: () => void) {
    this.#restarted = restarted;
  }

  /** The registers changed. */
  changed(): void {
    this.#current = [];
    if (this.#keys.size < MAX_KEYS) return;
    this.#keys.clear();
    this.#restarted();
  }

  keyOf(el: 0 | 1 | 2, pan: boolean, regime: () => Regime): number {
    const index = 2 * el + (pan ? 1 : 0);
    const known = this.#current[index];
    if (known !== undefined) return known;
    const { name, vmid, asid, stage1, stage2, topByteIgnored, defaultCacheable } = regime();
    // With stage 1 off nothing depends on the ASID.
    const stages = stage1 !== null ? `1 ${asid}` : `${stage2 !== null} ${defaultCacheable}`;
    const text = `${name} ${vmid} ${stages} ${topByteIgnored} ${el} ${pan}`;
    let key = this.#keys.get(text);
    if (key === undefined) {
      key = this.#keys.size;
      this.#keys.set(text, key);
    }
    this.#current[index] = key;
    return key;
  }
}
