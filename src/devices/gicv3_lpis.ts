/**
 * The LPIs of one redistributor (IHI 0069, 5.1): INTIDs from 8192 on, whose configuration and pending state are tables in the guest's
 * memory. LPIs are edges of group 1, and are never active.
 *
 * While LPIs are enabled the pending bits are kept here and written through to the table. Of the configuration only the highest
 * priority pending LPI is remembered: it is looked for again when that LPI goes, and at an invalidation, as software must ask for
 * (5.1.1).
 */
import type { DeviceState } from '../machine/device.ts';
import type { Dma } from './dma.ts';
import { IDLE_PRIORITY, SPURIOUS } from './gic_interrupts.ts';
import type { DeviceContext } from './register_table.ts';

export const FIRST_LPI = 8192;
/** GICD_TYPER.IDbits: 16 bits of INTID. */
export const LPI_END = 0x1_0000;
const IDBITS_MAX = 15;

/** Of a byte of the configuration table. */
const CONFIGURATION_ENABLE = 1;
const PRIORITY_MASK = 0xfc;
/** Bytes of the configuration table that are looked at together. */
const CHUNK = 4096;

/** GICR_PROPBASER and GICR_PENDBASER: low and high word each. */
export type LpiTables = Uint32Array;

export class Lpis {
  readonly #cpu: number;
  readonly #dma: Dma;
  readonly #context: DeviceContext;
  readonly #tables: LpiTables;
  #enabled = false;
  /** A bit for each INTID. */
  readonly #pending = new Uint8Array(LPI_END / 8);
  #best = SPURIOUS;
  #bestPriority = IDLE_PRIORITY;
  /** The best one must be looked for. */
  #stale = false;
  /** Group 1 reaches the CPU interface. */
  forwarded = false;

  constructor(cpu: number, dma: Dma, context: DeviceContext, tables: LpiTables) {
    this.#cpu = cpu;
    this.#dma = dma;
    this.#context = context;
    this.#tables = tables;
  }

  /** GICR_CTLR.EnableLPIs. Enabling reads the pending table. */
  setEnabled(on: boolean): void {
    if (on === this.#enabled) return;
    this.#enabled = on;
    this.#pending.fill(0);
    if (on) {
      const from = FIRST_LPI / 8;
      const table = new Uint8Array(Math.max(this.#end() / 8 - from, 0));
      if (this.#dma.read(this.#pendingTable() + from, table)) this.#pending.set(table, from);
    }
    this.invalidate();
  }

  /** The configuration table may say something else now. */
  invalidate(): void {
    this.#stale = true;
  }

  isPending(intid: number): boolean {
    return (this.#pending[intid >>> 3] & (1 << (intid & 7))) !== 0;
  }

  /** Makes an LPI pending or not; INTIDs that PROPBASER.IDbits does not reach, and all while LPIs are off, are ignored. */
  setPending(intid: number, on: boolean): void {
    if (!this.#enabled || intid < FIRST_LPI || intid >= this.#end() || this.isPending(intid) === on) return;
    this.#pending[intid >>> 3] ^= 1 << (intid & 7);
    this.#writeBack(intid >>> 3, 1);
    if (!on) {
      if (intid === this.#best) this.#stale = true;
      return;
    }
    const { events } = this.#context;
    if (events.recording) events.append('interrupts', { intid, event: 'pending', detail: this.#cpu });
    const configuration = new Uint8Array(1);
    if (!this.#stale && this.#dma.read(this.#configurationTable() + intid - FIRST_LPI, configuration))
      this.#consider(intid, configuration[0]);
  }

  /** The pending state of an LPI becomes another redistributor's; nothing where one of them has LPIs off. */
  move(intid: number, to: Lpis): void {
    if (!this.#enabled || !to.#enabled || to === this || !this.isPending(intid)) return;
    this.setPending(intid, false);
    to.setPending(intid, true);
  }

  /** All pending LPIs become another redistributor's. */
  moveAll(to: Lpis): void {
    if (!this.#enabled || !to.#enabled || to === this || this.#pending.every((bits) => bits === 0)) return;
    const from = FIRST_LPI / 8;
    const end = Math.min(this.#end(), to.#end()) / 8;
    if (end <= from) return;
    for (let byte = from; byte < end; byte++) {
      to.#pending[byte] |= this.#pending[byte];
      this.#pending[byte] = 0;
    }
    this.#writeBack(from, end - from);
    to.#writeBack(from, end - from);
    this.invalidate();
    to.invalidate();
  }

  /** The LPI that the CPU interface sees; SPURIOUS where there is none. Ties go to the lowest INTID. */
  highest(): number {
    if (!this.forwarded) return SPURIOUS;
    if (this.#stale) this.#findBest();
    return this.#best;
  }

  /** Its priority, IDLE_PRIORITY where there is none. */
  highestPriority(): number {
    return this.highest() === SPURIOUS ? IDLE_PRIORITY : this.#bestPriority;
  }

  save(): DeviceState {
    const pending: number[] = [];
    this.#pending.forEach((bits, byte) => {
      for (let rest = bits; rest !== 0; rest &= rest - 1)
        pending.push(8 * byte + 31 - Math.clz32(rest & -rest));
    });
    return {
      enabled: this.#enabled,
      pending,
      best: this.#best,
      bestPriority: this.#bestPriority,
      stale: this.#stale,
      forwarded: this.forwarded,
    };
  }

  restore(state: DeviceState): void {
    this.#enabled = state['enabled'] as boolean;
    this.#pending.fill(0);
    for (const intid of state['pending'] as number[]) this.#pending[intid >>> 3] |= 1 << (intid & 7);
    this.#best = state['best'] as number;
    this.#bestPriority = state['bestPriority'] as number;
    this.#stale = state['stale'] as boolean;
    this.forwarded = state['forwarded'] as boolean;
  }

  /** INTIDs from here on do not exist: PROPBASER.IDbits, at most what the distributor has. */
  #end(): number {
    return 2 ** (Math.min(this.#tables[0] & 0x1f, IDBITS_MAX) + 1);
  }

  /** PROPBASER.Physical_Address, bits 51 to 12. */
  #configurationTable(): number {
    return (this.#tables[1] & 0xf_ffff) * 2 ** 32 + ((this.#tables[0] & 0xffff_f000) >>> 0);
  }

  /** PENDBASER.Physical_Address, bits 51 to 16. */
  #pendingTable(): number {
    return (this.#tables[3] & 0xf_ffff) * 2 ** 32 + ((this.#tables[2] & 0xffff_0000) >>> 0);
  }

  #writeBack(byte: number, length: number): void {
    const bytes = this.#pending.slice(byte, byte + length);
    this.#dma.write(this.#pendingTable() + byte, bytes, `gicr${this.#cpu}`);
  }

  #consider(intid: number, configuration: number): void {
    const priority = configuration & PRIORITY_MASK;
    if ((configuration & CONFIGURATION_ENABLE) === 0) return;
    if (priority > this.#bestPriority || (priority === this.#bestPriority && intid > this.#best)) return;
    this.#best = intid;
    this.#bestPriority = priority;
  }

  #findBest(): void {
    this.#stale = false;
    this.#best = SPURIOUS;
    this.#bestPriority = IDLE_PRIORITY;
    const end = this.#end();
    const configuration = new Uint8Array(CHUNK);
    for (let first = FIRST_LPI; first < end; first += CHUNK) {
      const bytes = this.#pending.subarray(first / 8, (first + CHUNK) / 8);
      if (bytes.every((bits) => bits === 0)) continue;
      if (!this.#dma.read(this.#configurationTable() + first - FIRST_LPI, configuration)) continue;
      bytes.forEach((bits, byte) => {
        for (let rest = bits; rest !== 0; rest &= rest - 1) {
          const lpi = 8 * byte + 31 - Math.clz32(rest & -rest);
          this.#consider(first + lpi, configuration[lpi]);
        }
      });
    }
  }
}
