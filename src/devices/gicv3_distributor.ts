/**
 * GICD: the distributor of GICv3 (IHI 0069) with one security state (DS = 1) and affinity routing always on (ARE = 1), as on virt
 * without EL3.
 *
 * Identification is QEMU 7.2's. GICD_TYPER.ITLinesNumber says less than there is: it is 7 although SPIs go up to 287.
 */
import {
  byteRegisters,
  configurationRegisters,
  flagRegisters,
  type InterruptView,
  identification,
  setClear,
  storedFlag,
} from './gic_distributor_registers.ts';
import {
  ACTIVE,
  ENABLED,
  type GicInterrupts,
  GROUP1,
  INTERRUPT_COUNT,
  LATCHED,
  PRIVATE_COUNT,
} from './gic_interrupts.ts';
import { type DeviceRegister, RegisterTable } from './register_table.ts';

/** EnableGrp0 and EnableGrp1. */
const CTLR_MASK = 0x3;
/** DS, and ARE for the one security state. */
const CTLR_ONES = 0x50;
/** No1N, A3V, 16 bits of INTID, LPIS, ITLinesNumber 7. */
const TYPER = 0x037a_0007;
export const GIC_IIDR = 0x43b;
const SPI_COUNT = INTERRUPT_COUNT - PRIVATE_COUNT;

/** Affinity of CPU n on virt with GICv3: clusters of 16, packed as Aff3.Aff2.Aff1.Aff0. */
export const affinityOf = (cpu: number): number => ((cpu >>> 4) << 8) | (cpu & 15);

export class GicV3Distributor implements InterruptView {
  readonly interrupts: GicInterrupts;
  /** Private interrupts are the redistributors'; their registers here are RES0. */
  readonly first = PRIVATE_COUNT;
  readonly end = INTERRUPT_COUNT;
  readonly cpu = 0;
  readonly #onGroups: () => void;
  ctlr = 0;
  /** GICD_IROUTER of each SPI: low words (Aff2.Aff1.Aff0), then high words (Aff3). */
  readonly routes = new Uint32Array(2 * SPI_COUNT);

  /** `onGroups` is called when the group enables have changed. */
  constructor(interrupts: GicInterrupts, onGroups: () => void) {
    this.interrupts = interrupts;
    this.#onGroups = onGroups;
    for (let spi = 0; spi < SPI_COUNT; spi++) this.#route(spi);
  }

  setCtlr(value: number): void {
    this.ctlr = value & CTLR_MASK;
    this.#onGroups();
  }

  /** `half` 0 is the low word. Interrupt_Routing_Mode is RAZ/WI: GICD_TYPER.No1N. */
  setRoute(spi: number, half: 0 | 1, value: number): void {
    this.routes[half * SPI_COUNT + spi] = value & (half === 0 ? 0x00ff_ffff : 0xff);
    this.#route(spi);
  }

  route(spi: number, half: 0 | 1): number {
    return this.routes[half * SPI_COUNT + spi];
  }

  /** An affinity that no CPU has delivers nowhere. */
  #route(spi: number): void {
    const slot = this.interrupts.slot(0, PRIVATE_COUNT + spi);
    const low = this.routes[spi];
    const cpu = ((low >>> 8) << 4) | (low & 15);
    const exists =
      this.routes[SPI_COUNT + spi] === 0 && cpu < this.interrupts.cpuCount && affinityOf(cpu) === low;
    this.interrupts.setTargets(slot, exists ? 1 : 0, exists ? cpu : 0);
  }
}

/** Rows for one bit, two bits or a byte per interrupt: the same in GICD and in GICR's SGI frame. */
export const interruptRegisters = (
  prefix: 'GICD' | 'GICR',
  base: number,
  end: number,
): DeviceRegister<InterruptView>[] => [
  storedFlag(`${prefix}_IGROUPR`, base + 0x080, end / 32, GROUP1),
  ...flagRegisters(
    [`${prefix}_ISENABLER`, `${prefix}_ICENABLER`],
    [base + 0x100, base + 0x180],
    end / 32,
    ENABLED,
  ),
  ...setClear(
    [`${prefix}_ISPENDR`, `${prefix}_ICPENDR`],
    [base + 0x200, base + 0x280],
    end / 32,
    (view, slot) => view.interrupts.isPending(slot),
    (view, slot, _, on) => {
      if (on) view.interrupts.setPending(slot);
      else view.interrupts.change(slot, LATCHED, false);
    },
  ),
  ...flagRegisters(
    [`${prefix}_ISACTIVER`, `${prefix}_ICACTIVER`],
    [base + 0x300, base + 0x380],
    end / 32,
    ACTIVE,
  ),
  // 8 bits are kept although the CPU interface tells 5 apart, as in QEMU.
  byteRegisters(
    `${prefix}_IPRIORITYR`,
    base + 0x400,
    end / 4,
    (view, slot) => view.interrupts.priority[slot],
    (view, slot, value) => view.interrupts.setPriority(slot, value),
  ),
  configurationRegisters(`${prefix}_ICFGR`, base + 0xc00, end / 16),
];

const ROWS: DeviceRegister<GicV3Distributor>[] = [
  {
    offset: 0x0000,
    name: 'GICD_CTLR',
    access: 'RW',
    reset: CTLR_ONES,
    read: (d) => d.ctlr | CTLR_ONES,
    write: (d, value) => d.setCtlr(value),
  },
  { offset: 0x0004, name: 'GICD_TYPER', access: 'RO', reset: TYPER },
  { offset: 0x0008, name: 'GICD_IIDR', access: 'RO', reset: GIC_IIDR },
  { offset: 0x000c, name: 'GICD_TYPER2', access: 'RO', reset: 0 },
  { offset: 0x0010, name: 'GICD_STATUSR', access: 'RW', reset: 0 },
  ...interruptRegisters('GICD', 0, INTERRUPT_COUNT),
  ...Array.from({ length: SPI_COUNT }, (_, spi) => irouter(spi)).flat(),
  ...identification<GicV3Distributor>('GICD', 0xffd0, [0x44, 0x92, 0x3b]),
];

function irouter(spi: number): DeviceRegister<GicV3Distributor>[] {
  const intid = PRIVATE_COUNT + spi;
  return ([0, 1] as const).map((half) => ({
    offset: 0x6000 + 8 * intid + 4 * half,
    name: `GICD_IROUTER${intid}${half === 0 ? '' : '_high'}`,
    access: 'RW',
    reset: 0,
    read: (d) => d.route(spi, half),
    write: (d, value) => d.setRoute(spi, half, value),
  }));
}

export const GICD_V3_REGISTERS = new RegisterTable<GicV3Distributor>(ROWS);
