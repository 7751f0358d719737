/** GICv2 of the virt board: distributor, CPU interfaces, and the virtualization extensions (IHI 0048B). */
import type { CpuInterruptInputs, Device, DeviceState, InterruptLine } from '../machine/device.ts';
import { drive, type GicOptions, gicWindow, MAINTENANCE_INTID } from './gic_board.ts';
import { GicInterrupts, interruptLine } from './gic_interrupts.ts';
import { VirtualInterface } from './gic_virtual_interface.ts';
import { GICC_REGISTERS, GicV2CpuInterface } from './gicv2_cpu_interface.ts';
import { GICD_REGISTERS, GicV2Distributor } from './gicv2_distributor.ts';
import { GICH_HCR_MASK, GICH_REGISTERS, GICH_VMCR_MASK, GICV_REGISTERS } from './gicv2_virtual.ts';

export class GicV2 {
  /** The windows: gicd at 0x0800_0000, gicc at 0x0801_0000 (0x2000 long), gich at 0x0803_0000, gicv at 0x0804_0000 (0x2000). */
  readonly gicd: Device;
  readonly gicc: Device;
  readonly gich: Device;
  readonly gicv: Device;
  /** What each CPU's inputs are. */
  readonly outputs: readonly CpuInterruptInputs[];
  readonly #options: GicOptions;
  readonly #interrupts: GicInterrupts;
  readonly #cpuInterfaces: readonly GicV2CpuInterface[];
  readonly #virtualInterfaces: readonly VirtualInterface[];

  constructor(options: GicOptions) {
    const { context, cpuCount, currentCpu } = options;
    if (cpuCount < 1 || cpuCount > 8) throw new Error(`GICv2 serves 1 to 8 CPUs, not ${cpuCount}`);
    this.#options = options;
    const interrupts = new GicInterrupts(cpuCount, context.events);
    this.#interrupts = interrupts;
    const cpus = Array.from({ length: cpuCount }, (_, cpu) => cpu);
    this.outputs = cpus.map(() => ({ irq: false, fiq: false, virq: false, vfiq: false }));
    this.#cpuInterfaces = cpus.map((cpu) => new GicV2CpuInterface(cpu, interrupts, context));
    this.#virtualInterfaces = cpus.map(
      (cpu) =>
        new VirtualInterface({
          events: context.events,
          deactivatePhysical: (intid) => this.#cpuInterfaces[cpu].deactivate(intid),
          maintenance: (level) => interrupts.setLine(interrupts.slot(cpu, MAINTENANCE_INTID), level),
          oneActivePrioritiesRegister: true,
          vmcrMask: GICH_VMCR_MASK,
          vmcrOnes: 0,
          hcrMask: GICH_HCR_MASK,
        }),
    );
    const update = () => this.#update();
    const distributor = new GicV2Distributor(interrupts, currentCpu);
    const physical = () => this.#cpuInterfaces[currentCpu()];
    const virtual = () => this.#virtualInterfaces[currentCpu()];
    this.gicd = gicWindow('gicd', GICD_REGISTERS, () => distributor, context, update, {
      save: () => ({ ctlr: distributor.ctlr, interrupts: interrupts.save() }),
      restore: (state) => {
        distributor.ctlr = state['ctlr'] as number;
        interrupts.restore(state['interrupts'] as DeviceState);
      },
    });
    this.gicc = gicWindow('gicc', GICC_REGISTERS, physical, context, update, perCpu(this.#cpuInterfaces));
    this.gich = gicWindow('gich', GICH_REGISTERS, virtual, context, update, perCpu(this.#virtualInterfaces));
    // GICV shows the state that GICH holds.
    this.gicv = gicWindow('gicv', GICV_REGISTERS, virtual, context, update, {
      save: () => ({}),
      restore: () => {},
    });
  }

  /** The wire of interrupt `intid`: 32 and above shared, 16 to 31 the PPI of `cpu`. */
  line(intid: number, cpu = 0): InterruptLine {
    return interruptLine(this.#interrupts, intid, cpu, () => this.#update());
  }

  #update(): void {
    if (drive(this.outputs, this.#cpuInterfaces, this.#virtualInterfaces)) this.#options.onOutputsChanged();
  }
}

/** Saves and restores what each CPU has one of. */
function perCpu(parts: readonly Pick<Device, 'save' | 'restore'>[]): Pick<Device, 'save' | 'restore'> {
  return {
    save: () => ({ cpus: parts.map((part) => part.save()) }),
    restore: (state) => {
      (state['cpus'] as DeviceState[]).forEach((saved, cpu) => {
        parts[cpu].restore(saved);
      });
    },
  };
}
