/**
 * The interrupt translation service of a GICv3 (IHI 0069, 5.2 and 12.19): control frame, then translation frame, 64 KiB each. A write of
 * an EventID to GITS_TRANSLATER becomes an LPI of some CPU; what a CPU writes there comes from DeviceID 0, as in QEMU. Commands are
 * executed at once, by the write that puts them into the queue, so the ITS is always quiescent.
 */
import type { DeviceState } from '../machine/device.ts';
import type { Dma } from './dma.ts';
import { identification } from './gic_distributor_registers.ts';
import { GIC_IIDR } from './gicv3_distributor.ts';
import type { Lpis } from './gicv3_lpis.ts';
import { COMMAND_BYTES, ItsCommands } from './its_commands.ts';
import { ENTRY_BYTES, ID_BITS, ItsTables, TRANSLATION_BYTES } from './its_tables.ts';
import { type DeviceRegister, RegisterTable } from './register_table.ts';

/** Both frames, in bytes. */
export const ITS_SIZE = 0x2_0000;

const CTLR_ENABLED = 1;
const CTLR_QUIESCENT = 0x8000_0000;
/** Physical LPIs; sizes of a translation, of EventIDs and of DeviceIDs; PTA 0, no collections in hardware. */
const TYPER = 1 | ((TRANSLATION_BYTES - 1) << 4) | ((ID_BITS - 1) << 8) | ((ID_BITS - 1) << 13);
/** CIL and CIDbits. */
const TYPER_HIGH = 0x10 | (ID_BITS - 1);

/** Devices and collections; with pages of 64 KiB at reset. */
const BASER_TYPES = [1, 4];
const BASER_RESET_LOW = 0x200;
const BASER_MASKS = [0xffff_ffff, 0xf8e0_ffff];
const CBASER_MASKS = [0xffff_fcff, 0xb8ef_ffff];
const CBASER_VALID = 0x8000_0000;
/** GITS_CWRITER and GITS_CREADR: the offset of a command; Retry and Stalled. */
const OFFSET_MASK = 0xf_ffe0;
const RETRY = 1;
const STALLED = 1;

const baserConstant = (table: number) => ((BASER_TYPES[table] << 24) | ((ENTRY_BYTES - 1) << 16)) >>> 0;

export class GicV3Its {
  enabled = 0;
  /** Low and high words: GITS_CBASER; GITS_BASER0 and 1. */
  readonly cbaser = new Uint32Array(2);
  readonly basers = new Uint32Array([BASER_RESET_LOW, baserConstant(0), BASER_RESET_LOW, baserConstant(1)]);
  cwriter = 0;
  creadr = 0;
  stalled = 0;
  readonly #dma: Dma;
  readonly #commands: ItsCommands;

  constructor(dma: Dma, cpus: readonly Lpis[]) {
    this.#dma = dma;
    this.#commands = new ItsCommands(new ItsTables(dma, this.basers), cpus);
  }

  setControl(value: number): void {
    this.enabled = value & CTLR_ENABLED;
    this.#executeQueue();
  }

  /** Where the tables and the queue are stays as it is while the ITS is enabled, a choice that the architecture leaves. */
  setBaser(word: number, value: number): void {
    if (this.enabled) return;
    const half = word & 1;
    this.basers[word] = (value & BASER_MASKS[half]) | (half === 0 ? 0 : baserConstant(word >>> 1));
  }

  setCbaser(half: number, value: number): void {
    if (this.enabled) return;
    this.cbaser[half] = value & CBASER_MASKS[half];
    this.creadr = 0;
    this.cwriter = 0;
    this.stalled = 0;
  }

  setWriter(value: number): void {
    this.cwriter = value & OFFSET_MASK;
    if (value & RETRY) this.stalled = 0;
    this.#executeQueue();
  }

  translate(event: number): void {
    if (this.enabled) this.#commands.signal(0, event);
  }

  save(): DeviceState {
    const { enabled, cwriter, creadr, stalled } = this;
    return { enabled, cbaser: [...this.cbaser], basers: [...this.basers], cwriter, creadr, stalled };
  }

  restore(state: DeviceState): void {
    this.enabled = state['enabled'] as number;
    this.cbaser.set(state['cbaser'] as number[]);
    this.basers.set(state['basers'] as number[]);
    this.cwriter = state['cwriter'] as number;
    this.creadr = state['creadr'] as number;
    this.stalled = state['stalled'] as number;
  }

  /** At most as many commands as the queue holds; a writer behind its end is ignored. */
  #executeQueue(): void {
    const [low, high] = this.cbaser;
    const bytes = ((low & 0xff) + 1) * 0x1000;
    if (!this.enabled || (high & CBASER_VALID) === 0 || this.cwriter >= bytes || this.creadr >= bytes) return;
    const base = (high & 0xf_ffff) * 2 ** 32 + ((low & 0xffff_f000) >>> 0);
    const command = Buffer.alloc(COMMAND_BYTES);
    while (this.creadr !== this.cwriter && !this.stalled) {
      const there = this.#dma.read(base + this.creadr, command);
      if (!there || this.#commands.execute(command) === 'stall') this.stalled = STALLED;
      else this.creadr = (this.creadr + COMMAND_BYTES) % bytes;
    }
  }
}

function baser(word: number): DeviceRegister<GicV3Its> {
  return {
    offset: 0x0100 + 4 * word,
    name: `GITS_BASER${word >>> 1}${word & 1 ? '_high' : ''}`,
    access: 'RW',
    reset: word & 1 ? baserConstant(word >>> 1) : BASER_RESET_LOW,
    read: (its) => its.basers[word],
    write: (its, value) => its.setBaser(word, value),
  };
}

export const GITS_REGISTERS = new RegisterTable<GicV3Its>([
  {
    offset: 0x0000,
    name: 'GITS_CTLR',
    access: 'RW',
    reset: CTLR_QUIESCENT,
    read: (its) => its.enabled | CTLR_QUIESCENT,
    write: (its, value) => its.setControl(value),
  },
  { offset: 0x0004, name: 'GITS_IIDR', access: 'RO', reset: GIC_IIDR },
  { offset: 0x0008, name: 'GITS_TYPER', access: 'RO', reset: TYPER },
  { offset: 0x000c, name: 'GITS_TYPER_high', access: 'RO', reset: TYPER_HIGH },
  ...['GITS_CBASER', 'GITS_CBASER_high'].map(
    (name, half): DeviceRegister<GicV3Its> => ({
      offset: 0x0080 + 4 * half,
      name,
      access: 'RW',
      reset: 0,
      read: (its) => its.cbaser[half],
      write: (its, value) => its.setCbaser(half, value),
    }),
  ),
  {
    offset: 0x0088,
    name: 'GITS_CWRITER',
    access: 'RW',
    reset: 0,
    read: (its) => its.cwriter,
    write: (its, value) => its.setWriter(value),
  },
  { offset: 0x008c, name: 'GITS_CWRITER_high', access: 'RW', reset: 0 },
  { offset: 0x0090, name: 'GITS_CREADR', access: 'RO', reset: 0, read: (its) => its.creadr | its.stalled },
  { offset: 0x0094, name: 'GITS_CREADR_high', access: 'RO', reset: 0 },
  ...[0, 1, 2, 3].map(baser),
  // Types 0: there are no more tables.
  ...Array.from(
    { length: 12 },
    (_, word): DeviceRegister<GicV3Its> => ({
      offset: 0x0110 + 4 * word,
      name: `GITS_BASER${2 + (word >>> 1)}${word & 1 ? '_high' : ''}`,
      access: 'RW',
      reset: 0,
    }),
  ),
  ...identification<GicV3Its>('GITS', 0xffd0, [0x44, 0x94, 0x3b]),
  {
    offset: 0x1_0040,
    name: 'GITS_TRANSLATER',
    access: 'W1',
    reset: 0,
    write: (its, value) => its.translate(value),
  },
]);
