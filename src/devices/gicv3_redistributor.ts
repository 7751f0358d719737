/**
 * GICR: one CPU's redistributor (IHI 0069), two frames of 64 KiB: control, then SGIs and PPIs. LPIs are in
 * gicv3_lpis.ts. WAKER is storage, as in QEMU: interrupts reach a CPU whose redistributor sleeps.
 */
import type { DeviceState } from '../machine/device.ts';
import type { Dma } from './dma.ts';
import { type InterruptView, identification } from './gic_distributor_registers.ts';
import { type GicInterrupts, PRIVATE_COUNT } from './gic_interrupts.ts';
import { affinityOf, GIC_IIDR, interruptRegisters } from './gicv3_distributor.ts';
import { Lpis } from './gicv3_lpis.ts';
import { type DeviceContext, type DeviceRegister, RegisterTable } from './register_table.ts';

const SGI_FRAME = 0x1_0000;

const CTLR_ENABLE_LPIS = 1 << 0;
/** EnableLPIs can be cleared again. */
const CTLR_CES = 1 << 1;
const WAKER_PROCESSOR_SLEEP = 1 << 1;
const WAKER_CHILDREN_ASLEEP = 1 << 2;
/** CommonLPIAff 1 and PLPIS. */
const TYPER_LOW = 0x0100_0001;
const TYPER_LAST = 1 << 4;

/** The bits of GICR_PROPBASER and GICR_PENDBASER that are not RES0, low and high word; PTZ reads as zero. */
const BASER_MASKS = [0xffff_ff9f, 0x070f_ffff, 0xffff_0f80, 0x070f_ffff];

export class GicV3Redistributor implements InterruptView {
  readonly interrupts: GicInterrupts;
  readonly cpu: number;
  readonly first = 0;
  readonly end = PRIVATE_COUNT;
  readonly lpis: Lpis;
  enableLpis = 0;
  processorSleep = WAKER_PROCESSOR_SLEEP;
  /** PROPBASER and PENDBASER, low and high word each. */
  readonly basers = new Uint32Array(4);

  constructor(interrupts: GicInterrupts, cpu: number, dma: Dma, context: DeviceContext) {
    this.interrupts = interrupts;
    this.cpu = cpu;
    this.lpis = new Lpis(cpu, dma, context, this.basers);
  }

  setControl(value: number): void {
    this.enableLpis = value & CTLR_ENABLE_LPIS;
    this.lpis.setEnabled(this.enableLpis !== 0);
  }

  typer(): number {
    const last = this.cpu === this.interrupts.cpuCount - 1 ? TYPER_LAST : 0;
    return TYPER_LOW | last | (this.cpu << 8);
  }

  save(): DeviceState {
    const { enableLpis, processorSleep } = this;
    return { enableLpis, processorSleep, basers: [...this.basers], lpis: this.lpis.save() };
  }

  restore(state: DeviceState): void {
    this.enableLpis = state['enableLpis'] as number;
    this.processorSleep = state['processorSleep'] as number;
    this.basers.set(state['basers'] as number[]);
    this.lpis.restore(state['lpis'] as DeviceState);
  }
}

const ROWS: DeviceRegister<GicV3Redistributor>[] = [
  {
    offset: 0x0000,
    name: 'GICR_CTLR',
    access: 'RW',
    reset: CTLR_CES,
    read: (r) => r.enableLpis | CTLR_CES,
    write: (r, value) => r.setControl(value),
  },
  { offset: 0x0004, name: 'GICR_IIDR', access: 'RO', reset: GIC_IIDR },
  { offset: 0x0008, name: 'GICR_TYPER', access: 'RO', reset: TYPER_LOW, read: (r) => r.typer() },
  { offset: 0x000c, name: 'GICR_TYPER_high', access: 'RO', reset: 0, read: (r) => affinityOf(r.cpu) },
  { offset: 0x0010, name: 'GICR_STATUSR', access: 'RW', reset: 0 },
  {
    offset: 0x0014,
    name: 'GICR_WAKER',
    access: 'RW',
    reset: WAKER_PROCESSOR_SLEEP | WAKER_CHILDREN_ASLEEP,
    // The redistributor falls asleep and wakes at once: ChildrenAsleep follows ProcessorSleep.
    read: (r) => r.processorSleep | (r.processorSleep << 1),
    write: (r, value) => {
      r.processorSleep = value & WAKER_PROCESSOR_SLEEP;
    },
  },
  ...['GICR_PROPBASER', 'GICR_PROPBASER_high', 'GICR_PENDBASER', 'GICR_PENDBASER_high'].map(baser),
  ...identification<GicV3Redistributor>('GICR', 0xffd0, [0x44, 0x93, 0x3b]),
  ...interruptRegisters('GICR', SGI_FRAME, PRIVATE_COUNT),
];

function baser(name: string, i: number): DeviceRegister<GicV3Redistributor> {
  return {
    offset: 0x0070 + 4 * i,
    name,
    access: 'RW',
    reset: 0,
    read: (r) => r.basers[i],
    write: (r, value) => {
      r.basers[i] = value & BASER_MASKS[i];
    },
  };
}

export const GICR_REGISTERS = new RegisterTable<GicV3Redistributor>(ROWS);
