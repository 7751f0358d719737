/** A little machine for MMU tests: memory, registers by name, tables written by hand, and a sink that keeps rows. */
import { GuestMemory } from '../../src/machine/memory.ts';
import { canonicalAddress } from '../../src/mmu/address.ts';
import { type MmuFeatures, mmuFeatures } from '../../src/mmu/features.ts';
import { type Invalidated, Mmu } from '../../src/mmu/mmu.ts';
import type { TranslationRegister } from '../../src/mmu/regime.ts';
import type { EventSink, RowOf } from '../../src/trace/schema.ts';

export const RAM = 0x4000_0000;

/** ID registers of a cortex-a57, with the 16 KiB granule added. */
export const FEATURES: MmuFeatures = mmuFeatures(0x0010_1124n, 0n, 0n, false);
export const ALL_FEATURES: MmuFeatures = {
  ...FEATURES,
  vmid16: true,
  vhe: true,
  hierarchicalPermissionDisables: true,
  xnx: true,
  smallTables: true,
};

export type Registers = { [name in TranslationRegister]?: bigint };

export class Bench {
  readonly memory: GuestMemory;
  readonly registers: Registers;
  readonly rows: (RowOf<'walks'> & { seq: number })[] = [];
  readonly forgotten: Invalidated[] = [];
  readonly mmu: Mmu;

  constructor(
    registers: Registers = {},
    features = FEATURES,
    tlbEntries?: number,
    memory = new GuestMemory([{ base: RAM, size: 2 ** 24 }], 2 ** 24),
  ) {
    this.memory = memory;
    this.registers = registers;
    const events: EventSink = {
      recording: true,
      append: (_table, row) => {
        const seq = this.rows.length + 100;
        this.rows.push({ ...(row as RowOf<'walks'>), seq });
        return seq;
      },
    };
    this.mmu = new Mmu({
      registers: { get: (name) => this.registers[name] ?? 0n },
      memory: this.memory,
      features,
      events,
      pc: () => 0x1234n,
      writeDescriptor: (pa, low, high) => {
        const offset = memory.offsetOf(pa) / 4;
        memory.u32.set([low, high], offset);
      },
      onInvalidate: (what) => this.forgotten.push({ ...what }),
      ...(tlbEntries !== undefined && { tlbEntries }),
    });
  }

  set(registers: Registers): void {
    Object.assign(this.registers, registers);
    for (const name of Object.keys(registers)) this.mmu.registersChanged(name);
  }

  write64(pa: number, value: bigint): void {
    this.memory.write32(pa, Number(value & 0xffff_ffffn));
    this.memory.write32(pa + 4, Number((value >> 32n) & 0xffff_ffffn));
  }
  read64(pa: number): bigint | undefined {
    const low = this.memory.read32(pa);
    const high = this.memory.read32(pa + 4);
    return low === undefined || high === undefined ? undefined : (BigInt(high) << 32n) | BigInt(low);
  }

  va(raw: bigint, el: 0 | 1 | 2 = 1): number {
    return canonicalAddress(
      Number(raw & 0xffff_ffffn),
      Number(raw >> 32n),
      this.mmu.regime(el).topByteIgnored,
    );
  }

  /** Physical address of an access, or its fault as `stage type level`. */
  access(
    va: number,
    kind: 'read' | 'write' | 'fetch' = 'read',
    el: 0 | 1 | 2 = 1,
    more: { pan?: boolean; unaligned?: boolean; cacheMaintenance?: boolean } = {},
  ): number | string {
    const result = this.mmu.translate({ va, kind, el, ...more });
    if (!result.ok) {
      const { stage, type, level, s1ptw } = result.fault;
      return `${s1ptw ? 'walk, ' : ''}stage ${stage} ${type} ${level}`;
    }
    const { page } = result;
    const allowed = { read: page.read, write: page.write, fetch: page.execute }[kind];
    if (!allowed && !more.cacheMaintenance)
      throw new Error(`${kind} was let through to a page that forbids it`);
    return page.paPage + (va - Math.floor(va / 4096) * 4096);
  }
}
