/** The devices of the virt board, wired to the interrupt controller and to the bus. */
import type { GicCpuInterface } from '../cpu/gic_cpu_interface.ts';
import { identificationOf } from '../cpu/models/model.ts';
import { modelNamed } from '../cpu/models/models.ts';
import { PerformanceMonitors } from '../cpu/performance_monitors.ts';
import type { CpuState } from '../cpu/state.ts';
import { CfiFlash, type FlashArray } from '../devices/cfi_flash.ts';
import type { Dma } from '../devices/dma.ts';
import { FwCfg, type FwCfgContents } from '../devices/fw_cfg.ts';
import { GenericTimer, TIMER_INTID } from '../devices/generic_timer.ts';
import { GicV2 } from '../devices/gicv2.ts';
import { GicV2m } from '../devices/gicv2m.ts';
import { GicV3 } from '../devices/gicv3.ts';
import { PcieHost, PcieWindow } from '../devices/pcie_host.ts';
import { Pl011 } from '../devices/pl011.ts';
import { Pl031 } from '../devices/pl031.ts';
import { Pl061 } from '../devices/pl061.ts';
import type { Disk } from '../devices/virtio_block.ts';
import type { VirtioConsole } from '../devices/virtio_console.ts';
import type { EventSink } from '../trace/schema.ts';
import { Bus } from './bus.ts';
import type { Clock, CpuInterruptInputs, InterruptLine } from './device.ts';
import type { Recipe } from './recipe.ts';
import { GICR_FRAME_PAIR_SIZE, MAP, PPI, SPI } from './virt_map.ts';
import { attachVirtio } from './virtio_transports.ts';

export interface BoardContext {
  readonly events: EventSink;
  readonly clock: Clock;
  /** Address of the instruction that executes. */
  readonly pc: () => bigint;
  /** State of the current CPU. */
  readonly state: CpuState;
  /** Instructions that time has counted. */
  readonly instructions: () => number;
  readonly currentCpu: () => number;
  /** An interrupt input of some CPU changed. */
  readonly onInterruptChange: () => void;
  /** nextDeadline() may be another now. */
  readonly onDeadlineChange: () => void;
  /** The array of a bank of flash, whose first byte is at the physical address `base`. */
  readonly flashArray: (base: number) => FlashArray;
  readonly dma: Dma;
  readonly fwCfg: FwCfgContents;
  readonly disks: readonly Disk[];
  /** A byte left the UART or the virtio console. */
  readonly onConsole: (byte: number) => void;
}

/** Names for table mmio. */
const PCIE_WINDOWS = { pcieMmio: 'pcie-mmio', pcieIo: 'pcie-io', pcieMmioHigh: 'pcie-mmio-high' } as const;

/** A device that makes events by itself. */
interface Timed {
  nextDeadline(): number;
  advance(): void;
}

export class VirtBoard {
  readonly bus: Bus;
  readonly uart: Pl011;
  readonly virtioConsole: VirtioConsole | undefined;
  readonly timer: GenericTimer;
  readonly monitors: PerformanceMonitors;
  /** Interrupt inputs by CPU. */
  readonly inputs: readonly CpuInterruptInputs[];
  /** System-register access to the GIC: GICv3 only. */
  readonly gicCpuInterface: GicCpuInterface | undefined;
  readonly #timed: readonly Timed[];

  constructor(recipe: Recipe, context: BoardContext) {
    this.bus = new Bus(context.events, context.pc);
    const deviceContext = { events: context.events, pc: context.pc };
    const gicOptions = {
      context: deviceContext,
      cpuCount: recipe.smp,
      currentCpu: context.currentCpu,
      onOutputsChanged: context.onInterruptChange,
    };
    let line: (intid: number, cpu?: number) => InterruptLine;
    if (recipe.gic === 2) {
      const gic = new GicV2(gicOptions);
      this.bus.attach(MAP.gicd.base, MAP.gicd.size, gic.gicd);
      this.bus.attach(MAP.gicc.base, MAP.gicc.size, gic.gicc);
      this.bus.attach(MAP.gich.base, MAP.gich.size, gic.gich);
      this.bus.attach(MAP.gicv.base, MAP.gicv.size, gic.gicv);
      this.inputs = gic.outputs;
      line = (intid, cpu) => gic.line(intid, cpu);
      this.bus.attach(MAP.gicv2m.base, MAP.gicv2m.size, new GicV2m(deviceContext, line));
    } else {
      const gic = new GicV3({ ...gicOptions, dma: context.dma });
      this.bus.attach(MAP.gicd.base, MAP.gicd.size, gic.gicd);
      gic.gicrs.forEach((frames, cpu) => {
        this.bus.attach(MAP.gicr.base + cpu * GICR_FRAME_PAIR_SIZE, GICR_FRAME_PAIR_SIZE, frames);
      });
      this.bus.attach(MAP.its.base, MAP.its.size, gic.its);
      this.inputs = gic.outputs;
      this.gicCpuInterface = gic;
      line = (intid, cpu) => gic.line(intid, cpu);
    }
    const timerIntids = [...Object.values(TIMER_INTID), PPI.pmu];
    const lines = Array.from({ length: recipe.smp }, (_, cpu) =>
      Object.fromEntries(timerIntids.map((intid) => [intid, line(intid, cpu)])),
    );
    this.timer = new GenericTimer({
      clock: context.clock,
      cpus: recipe.smp,
      line: (cpu, intid) => lines[cpu][intid],
      onDeadlineChange: context.onDeadlineChange,
    });
    const identification = identificationOf(modelNamed(recipe.cpu), false);
    this.monitors = new PerformanceMonitors({
      cpus: recipe.smp,
      clock: context.clock,
      instructions: context.instructions,
      state: context.state,
      currentCpu: context.currentCpu,
      el2: recipe.el === 2,
      version: Number((identification.ID_AA64DFR0_EL1 >> 8n) & 15n),
      control: modelNamed(recipe.cpu).resets.PMCR_EL0,
      line: (cpu) => lines[cpu][PPI.pmu],
      onDeadlineChange: context.onDeadlineChange,
      events: context.events,
    });
    this.uart = new Pl011({
      context: deviceContext,
      clock: context.clock,
      line: line(SPI.pl011),
      output: context.onConsole,
    });
    const rtc = new Pl031({
      context: deviceContext,
      clock: context.clock,
      line: line(SPI.pl031),
      base: recipe.rtcBase,
    });
    for (const name of ['flash0', 'flash1'] as const) {
      const { base, size } = MAP[name];
      const array = context.flashArray(base);
      this.bus.attach(base, size, new CfiFlash({ name, context: deviceContext, array, size }));
    }
    this.bus.attach(MAP.pl011.base, MAP.pl011.size, this.uart);
    this.bus.attach(MAP.pl031.base, MAP.pl031.size, rtc);
    const gpio = new Pl061({ context: deviceContext, line: line(SPI.pl061) });
    this.bus.attach(MAP.pl061.base, MAP.pl061.size, gpio);
    this.bus.attach(MAP.fwCfg.base, MAP.fwCfg.size, new FwCfg(context.fwCfg, context.dma));
    this.bus.attach(MAP.pcieEcam.base, MAP.pcieEcam.size, new PcieHost());
    for (const name of ['pcieMmio', 'pcieIo', 'pcieMmioHigh'] as const)
      this.bus.attach(MAP[name].base, MAP[name].size, new PcieWindow(PCIE_WINDOWS[name]));
    const virtio = attachVirtio(this.bus, recipe, context, (intid) => line(intid));
    this.virtioConsole = virtio.console;
    this.#timed = [this.uart, rtc, ...virtio.transports];
  }

  /**
   * Virtual time in ns of the next event that a device makes by itself; Infinity when there is none. `waiting`: no CPU executes.
   */
  nextDeadline(waiting = false): number {
    let next = Math.min(this.timer.nextDeadline(), this.monitors.nextDeadline(waiting));
    for (const device of this.#timed) next = Math.min(next, device.nextDeadline());
    return next;
  }

  /** Makes the events that are due. */
  advance(): void {
    this.timer.update();
    this.monitors.advance();
    for (const device of this.#timed) device.advance();
  }

  save(): { [device: string]: unknown } {
    const devices = Object.fromEntries(this.bus.devices.map((device) => [device.name, device.save()]));
    return { ...devices, timer: this.timer.save(), monitors: this.monitors.save() };
  }

  restore(saved: { readonly [device: string]: unknown }): void {
    for (const device of this.bus.devices) device.restore(saved[device.name] as never);
    this.timer.restore(saved['timer'] as never);
    this.monitors.restore(saved['monitors'] as never);
  }
}
