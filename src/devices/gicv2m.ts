/**
 * GICv2m: a frame by which messages become SPIs of a GICv2 (Arm Server Base System Architecture, appendix on GICv2m). A write of an
 * INTID to MSI_SETSPI_NS is an edge of that interrupt, so software configures it as edge-triggered.
 */
import type { Device, InterruptLine } from '../machine/device.ts';
import { type DeviceContext, type DeviceRegister, RegisterTable } from './register_table.ts';

/** The SPIs of the frame, as INTIDs. */
export const V2M_FIRST = 80;
export const V2M_COUNT = 64;

const INTID_MASK = 0x3ff;
/** QEMU's product. */
const IIDR = 0x0510_0000;

const REGISTERS = new RegisterTable<GicV2m>([
  { offset: 0x008, name: 'MSI_TYPER', access: 'RO', reset: (V2M_FIRST << 16) | V2M_COUNT },
  {
    offset: 0x040,
    name: 'MSI_SETSPI_NS',
    access: 'W1',
    reset: 0,
    write: (frame, value) => frame.setSpi(value & INTID_MASK),
  },
  { offset: 0xfcc, name: 'MSI_IIDR', access: 'RO', reset: IIDR },
] satisfies DeviceRegister<GicV2m>[]);

export class GicV2m implements Device {
  readonly name = 'gicv2m';
  readonly #context: DeviceContext;
  readonly #lines: readonly InterruptLine[];

  constructor(context: DeviceContext, line: (intid: number) => InterruptLine) {
    this.#context = context;
    this.#lines = Array.from({ length: V2M_COUNT }, (_, n) => line(V2M_FIRST + n));
  }

  /** INTIDs that are not the frame's are ignored. */
  setSpi(intid: number): void {
    const line = this.#lines[intid - V2M_FIRST];
    line?.(true);
    line?.(false);
  }

  read(offset: number, size: 1 | 2 | 4): number {
    return REGISTERS.read(this, offset, size, this.#context, this.name);
  }

  write(offset: number, size: 1 | 2 | 4, value: number): void {
    REGISTERS.write(this, offset, size, value, this.#context, this.name);
  }

  registerName(offset: number): string {
    return REGISTERS.name(offset);
  }

  /** The interrupts are the distributor's. */
  save(): Record<string, never> {
    return {};
  }

  restore(): void {}
}
