/** What GICv2 and GICv3 have in common towards the board: options, windows, outputs. */
import type { CpuInterruptInputs, Device } from '../machine/device.ts';
import type { VirtualInterface } from './gic_virtual_interface.ts';
import type { DeviceContext, RegisterTable } from './register_table.ts';

/** PPI of the maintenance interrupt on virt. */
export const MAINTENANCE_INTID = 25;

export interface GicOptions {
  readonly context: DeviceContext;
  readonly cpuCount: number;
  /** The CPU that executes the present access. */
  readonly currentCpu: () => number;
  /** Called after an input of any CPU has changed. */
  readonly onOutputsChanged: () => void;
}

/** A window onto registers whose every access may change what the GIC drives. */
export function gicWindow<D>(
  name: string,
  registers: RegisterTable<D>,
  target: () => D,
  context: DeviceContext,
  update: () => void,
  state: Pick<Device, 'save' | 'restore'>,
): Device {
  return {
    name,
    read: (offset, size) => {
      const value = registers.read(target(), offset, size, context, name);
      update();
      return value;
    },
    write: (offset, size, value) => {
      registers.write(target(), offset, size, value, context, name);
      update();
    },
    registerName: (offset) => registers.name(offset),
    save: state.save,
    restore: (saved) => {
      state.restore(saved);
      update();
    },
  };
}

/**
 * Brings the inputs of all CPUs up to date; true where one changed. Virtual before physical, as the maintenance interrupt is an
 * input of the physical side.
 */
export function drive(
  outputs: readonly CpuInterruptInputs[],
  physical: readonly { signal(): 'irq' | 'fiq' | 'none' }[],
  virtual: readonly VirtualInterface[],
): boolean {
  let changed = false;
  for (let cpu = 0; cpu < outputs.length; cpu++) {
    virtual[cpu].update();
    const { virq, vfiq } = virtual[cpu];
    const signal = physical[cpu].signal();
    const irq = signal === 'irq';
    const fiq = signal === 'fiq';
    const output = outputs[cpu];
    if (output.irq === irq && output.fiq === fiq && output.virq === virq && output.vfiq === vfiq) continue;
    output.irq = irq;
    output.fiq = fiq;
    output.virq = virq;
    output.vfiq = vfiq;
    changed = true;
  }
  return changed;
}
