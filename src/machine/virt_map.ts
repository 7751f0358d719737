/**
 * The memory map and the interrupt numbers of the board, said once: those of QEMU 7.2 `-M virt`, read off the device tree
 * that `-M virt,dumpdtb=` writes and off `info mtree`. Addresses and sizes are bytes.
 */
export interface Region {
  readonly base: number;
  readonly size: number;
}

export const RAM_BASE = 0x4000_0000;
/** Guests put stacks and heaps high; a sparse RAM costs only what is touched. */
export const RAM_SIZE_MAX = 64 * 2 ** 30;

export const MAP = {
  /** Two banks of 64 MiB; the first is where the CPU starts when firmware is there. */
  flash0: { base: 0x0000_0000, size: 0x400_0000 },
  flash1: { base: 0x0400_0000, size: 0x400_0000 },
  gicd: { base: 0x0800_0000, size: 0x1_0000 },
  /** GICv2: CPU interface, with GICC_DIR in its second page; hypervisor interface; virtual CPU interface. */
  gicc: { base: 0x0801_0000, size: 0x1_0000 },
  gich: { base: 0x0803_0000, size: 0x1_0000 },
  gicv: { base: 0x0804_0000, size: 0x1_0000 },
  /** GICv2's frame of messages. */
  gicv2m: { base: 0x0802_0000, size: 0x1000 },
  /** GICv3's ITS: control frame, translation frame. */
  its: { base: 0x0808_0000, size: 0x2_0000 },
  /** GICv3: one pair of 64 KiB frames for each CPU. */
  gicr: { base: 0x080a_0000, size: 0xf6_0000 },
  pl011: { base: 0x0900_0000, size: 0x1000 },
  pl031: { base: 0x0901_0000, size: 0x1000 },
  fwCfg: { base: 0x0902_0000, size: 0x18 },
  pl061: { base: 0x0903_0000, size: 0x1000 },
  virtioMmio: { base: 0x0a00_0000, size: 0x200 * 32 },
  /** PCI Express: memory below 4 GiB, I/O, configuration space of 256 buses, memory above. */
  pcieMmio: { base: 0x1000_0000, size: 0x2eff_0000 },
  pcieIo: { base: 0x3eff_0000, size: 0x1_0000 },
  pcieEcam: { base: 0x40_1000_0000, size: 0x1000_0000 },
  pcieMmioHigh: { base: 0x80_0000_0000, size: 0x80_0000_0000 },
} as const satisfies Record<string, Region>;

export const GICR_FRAME_PAIR_SIZE = 0x2_0000;
export const VIRTIO_MMIO_SIZE = 0x200;
export const VIRTIO_MMIO_COUNT = 32;

/** Shared peripheral interrupts, as INTIDs (a device tree counts from SPI 0, which is INTID 32). */
export const SPI_BASE = 32;
export const SPI = { pl011: 33, pl031: 34, pcieIntA: 35, pl061: 39, virtioMmio0: 48 } as const;

/** Private peripheral interrupts, as INTIDs (a device tree counts from PPI 0, which is INTID 16). */
export const PPI_BASE = 16;
export const PPI = {
  pmu: 23,
  /** GIC maintenance interrupt. */
  maintenance: 25,
  /** CNTHP: EL2 physical timer. */
  timerEl2Physical: 26,
  /** CNTV: virtual timer. */
  timerVirtual: 27,
  /** CNTHV: EL2 virtual timer, with VHE. */
  timerEl2Virtual: 28,
  /** CNTPS: secure physical timer. */
  timerSecurePhysical: 29,
  /** CNTP: EL1 physical timer. */
  timerPhysical: 30,
} as const;

/** Clock of the PL011 and PL031, in Hz. */
export const APB_CLOCK_HZ = 24_000_000;

/** How many CPUs the interrupt controller can serve: GICv2 has eight bits of targets, GICv3 as many as frames fit. */
export const CPUS_MAX = { 2: 8, 3: Math.floor(MAP.gicr.size / GICR_FRAME_PAIR_SIZE) } as const;

/**
 * Affinity fields of MPIDR_EL1 of a CPU, without the RES1 bit: clusters of 8 CPUs with GICv2 and of 16 with GICv3 (an
 * SGI's target list has 16 bits), as the `reg` of QEMU's cpu nodes show.
 */
export function mpidrAffinity(cpu: number, gic: 2 | 3): number {
  const cluster = gic === 2 ? 8 : 16;
  return (Math.floor(cpu / cluster) << 8) | (cpu % cluster);
}
