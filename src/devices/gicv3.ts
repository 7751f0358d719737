/** GICv3 of the virt board without EL3: distributor, redistributors, ITS, system registers, virtualization (IHI 0069). */
import type { CpuView, GicCpuInterface } from '../cpu/gic_cpu_interface.ts';
import type { CpuInterruptInputs, Device, DeviceState, InterruptLine } from '../machine/device.ts';
import type { Dma } from './dma.ts';
import { drive, type GicOptions, gicWindow, MAINTENANCE_INTID } from './gic_board.ts';
import { GicInterrupts, interruptLine } from './gic_interrupts.ts';
import { VirtualInterface } from './gic_virtual_interface.ts';
import { GicV3CpuInterface } from './gicv3_cpu_interface.ts';
import { affinityOf, GICD_V3_REGISTERS, GicV3Distributor } from './gicv3_distributor.ts';
import { GITS_REGISTERS, GicV3Its } from './gicv3_its.ts';
import { GICR_REGISTERS, GicV3Redistributor } from './gicv3_redistributor.ts';
import {
  ICH_HCR_MASK,
  ICH_VMCR_MASK,
  ICH_VMCR_ONES,
  readRegister,
  writeRegister,
} from './gicv3_system_registers.ts';

/** Group that each SGI register makes pending (IHI 0069, table of forwarding an SGI): with DS = 1, ASGI1R reaches group 0. */
const SGI_GROUP: { readonly [name: string]: 0 | 1 } = {
  ICC_SGI0R_EL1: 0,
  ICC_SGI1R_EL1: 1,
  ICC_ASGI1R_EL1: 0,
};

/** Bytes of one CPU's two redistributor frames. */
export const REDISTRIBUTOR_SIZE = 0x2_0000;

export class GicV3 implements GicCpuInterface {
  /** 0x0800_0000, 64 KiB. */
  readonly gicd: Device;
  /** gicr0, gicr1, …: CPU n's at 0x080a_0000 + n × REDISTRIBUTOR_SIZE. */
  readonly gicrs: readonly Device[];
  /** 0x0808_0000, ITS_SIZE. */
  readonly its: Device;
  readonly outputs: readonly CpuInterruptInputs[];
  readonly #options: GicOptions;
  readonly #interrupts: GicInterrupts;
  readonly #distributor: GicV3Distributor;
  readonly #redistributors: readonly GicV3Redistributor[];
  readonly #cpuInterfaces: readonly GicV3CpuInterface[];
  readonly #virtualInterfaces: readonly VirtualInterface[];

  /** `currentCpu` is not asked: GICv3 banks nothing by the CPU that accesses a frame. */
  constructor(options: GicOptions & { readonly dma: Dma }) {
    const { context, cpuCount, dma } = options;
    this.#options = options;
    const interrupts = new GicInterrupts(cpuCount, context.events);
    this.#interrupts = interrupts;
    const cpus = Array.from({ length: cpuCount }, (_, cpu) => cpu);
    this.outputs = cpus.map(() => ({ irq: false, fiq: false, virq: false, vfiq: false }));
    this.#redistributors = cpus.map((cpu) => new GicV3Redistributor(interrupts, cpu, dma, context));
    const lpis = this.#redistributors.map((redistributor) => redistributor.lpis);
    this.#cpuInterfaces = cpus.map((cpu) => new GicV3CpuInterface(cpu, interrupts, lpis[cpu], context));
    this.#virtualInterfaces = cpus.map(
      (cpu) =>
        new VirtualInterface({
          events: context.events,
          deactivatePhysical: (intid) => this.#cpuInterfaces[cpu].deactivate(intid),
          maintenance: (level) => interrupts.setLine(interrupts.slot(cpu, MAINTENANCE_INTID), level),
          oneActivePrioritiesRegister: false,
          vmcrMask: ICH_VMCR_MASK,
          vmcrOnes: ICH_VMCR_ONES,
          hcrMask: ICH_HCR_MASK,
        }),
    );
    const distributor = new GicV3Distributor(interrupts, () => {
      for (const cpu of cpus) this.#setGroups(cpu);
    });
    this.#distributor = distributor;
    const update = () => this.#update();
    this.gicd = gicWindow('gicd', GICD_V3_REGISTERS, () => distributor, context, update, {
      save: () => ({
        ctlr: distributor.ctlr,
        routes: [...distributor.routes],
        interrupts: interrupts.save(),
      }),
      restore: (state) => {
        distributor.ctlr = state['ctlr'] as number;
        distributor.routes.set(state['routes'] as number[]);
        interrupts.restore(state['interrupts'] as DeviceState);
      },
    });
    // A CPU's interface has no window of its own: its state is saved with its redistributor's.
    this.gicrs = cpus.map((cpu) => {
      const redistributor = this.#redistributors[cpu];
      return gicWindow(`gicr${cpu}`, GICR_REGISTERS, () => redistributor, context, update, {
        save: () => ({
          redistributor: redistributor.save(),
          cpuInterface: this.#cpuInterfaces[cpu].save(),
          virtualInterface: this.#virtualInterfaces[cpu].save(),
        }),
        restore: (state) => {
          redistributor.restore(state['redistributor'] as DeviceState);
          this.#cpuInterfaces[cpu].restore(state['cpuInterface'] as DeviceState);
          this.#virtualInterfaces[cpu].restore(state['virtualInterface'] as DeviceState);
        },
      });
    });
    const its = new GicV3Its(dma, lpis);
    this.its = gicWindow('its', GITS_REGISTERS, () => its, context, update, {
      save: () => its.save(),
      restore: (state) => its.restore(state),
    });
  }

  /** The wire of interrupt `intid`: 32 and above shared, 16 to 31 the PPI of `cpu`. */
  line(intid: number, cpu = 0): InterruptLine {
    return interruptLine(this.#interrupts, intid, cpu, () => this.#update());
  }

  /** MRS of an ICC_*_EL1 or ICH_*_EL2 register; side effects (acknowledge) happen. */
  readRegister(cpu: number, name: string, view: CpuView): bigint {
    const value = readRegister(name, this.#cpuInterfaces[cpu], this.#virtualInterfaces[cpu], view);
    // No other read has an effect.
    if (name === 'ICC_IAR0_EL1' || name === 'ICC_IAR1_EL1') this.#update();
    return value;
  }

  /** MSR of an ICC_*_EL1 or ICH_*_EL2 register. */
  writeRegister(cpu: number, name: string, value: bigint, view: CpuView): void {
    const sgiGroup = SGI_GROUP[name];
    if (sgiGroup !== undefined) this.#sendSgi(cpu, value, sgiGroup);
    else writeRegister(name, value, this.#cpuInterfaces[cpu], this.#virtualInterfaces[cpu], view);
    this.#setGroups(cpu);
    this.#update();
  }

  /**
   * Interrupts of a group that the CPU interface has off stay in the redistributor, and do not hide the other group's: an interface
   * whose group goes off gives the interrupt back (ICC_IGRPEN1_EL1.Enable).
   */
  #setGroups(cpu: number): void {
    const groups = this.#distributor.ctlr & this.#cpuInterfaces[cpu].groupEnables;
    this.#interrupts.setGroups(cpu, groups);
    this.#redistributors[cpu].lpis.forwarded = (groups & 2) !== 0;
  }

  /** ICC_SGI1R_EL1: to a list of CPUs of one cluster, or with IRM to all but the sender. */
  #sendSgi(sender: number, value: bigint, group: 0 | 1): void {
    const low = Number(value & 0xffff_ffffn);
    const high = Number((value >> 32n) & 0xffff_ffffn);
    const intid = (low >>> 24) & 0xf;
    const list = low & 0xffff;
    const toAllOthers = (high & (1 << 8)) !== 0;
    // Aff1 and RS choose 16 of a cluster's CPUs; a cluster of virt has 16, and Aff2 and Aff3 are zero.
    const cluster = (low >>> 16) & 0xff;
    const elsewhere = (high & 0xff) !== 0 || ((high >>> 16) & 0xff) !== 0 || ((high >>> 12) & 0xf) !== 0;
    for (let cpu = 0; cpu < this.outputs.length; cpu++) {
      const affinity = affinityOf(cpu);
      const listed = !elsewhere && affinity >>> 8 === cluster && ((list >>> (affinity & 0xff)) & 1) !== 0;
      if (toAllOthers ? cpu === sender : !listed) continue;
      const slot = this.#interrupts.slot(cpu, intid);
      if (this.#interrupts.group(slot) === group) this.#interrupts.setPending(slot);
    }
  }

  #update(): void {
    if (drive(this.outputs, this.#cpuInterfaces, this.#virtualInterfaces)) this.#options.onOutputsChanged();
  }
}
