/**
 * The board's own device tree, and the changes that every tree gets on its way to the guest, a user's tree too. They are
 * QEMU 7.2's, so `qemu-system-aarch64 -M virt -dtb TREE` hands its guest the same bytes at the same address.
 */
import { modelNamed } from '../cpu/models/models.ts';
import { UserError } from '../user-error.ts';
import { type BootModule, MODULE_COMPATIBLE, moduleNode } from './boot_module.ts';
import { cells, cells64, type Fdt, type FdtNode, type FdtProperty, parseFdt, text, writeFdt } from './fdt.ts';
import { FdtEditor } from './fdt_edit.ts';
import {
  APB_CLOCK_HZ,
  MAP,
  mpidrAffinity,
  PPI,
  PPI_BASE,
  RAM_BASE,
  type Region,
  SPI,
  SPI_BASE,
  VIRTIO_MMIO_COUNT,
  VIRTIO_MMIO_SIZE,
} from './virt_map.ts';

export interface Board {
  /** Bytes of RAM. */
  readonly ram: number;
  readonly gic: 2 | 3;
  /** Number of CPUs. */
  readonly smp: number;
  /** Exception level in which the machine starts; with 2 the guest has EL2. */
  readonly el: 1 | 2;
  /** Name of the CPU model. */
  readonly cpu: string;
}

const PHANDLE = { gic: 1, clock: 2, gpio: 3, msi: 4 } as const;
const PSCI = { cpuSuspend: 0xc4000001, cpuOff: 0x84000002, cpuOn: 0xc4000003, migrate: 0xc4000005 } as const;
const PSCI_COMPATIBLE = ['arm,psci-1.0', 'arm,psci-0.2', 'arm,psci'];
/** First cell of an interrupt specifier, and the flags: rising edge; level triggered, active high (Linux, arm,gic binding). */
const GIC_SPI = 0;
const GIC_PPI = 1;
const EDGE_RISING = 1;
const LEVEL_HIGH = 4;

/** The key's code in Linux's input events, and the input that it is wired to. */
const KEY_POWER = 116;
const POWER_KEY_PIN = 3;

/** With EL2 in the machine, HVC belongs to the guest's hypervisor, so PSCI is called by SMC. */
const psciMethod = ({ el }: Board) => (el === 2 ? 'smc' : 'hvc');

const property = (name: string, value: Uint8Array = new Uint8Array()): FdtProperty => ({ name, value });
const node = (name: string, properties: FdtProperty[], children: FdtNode[] = []): FdtNode => ({
  name,
  properties,
  children,
});
const reg = (...regions: Region[]) =>
  property('reg', cells64(...regions.flatMap(({ base, size }) => [base, size])));
const unit = (name: string, { base }: Region) => `${name}@${base.toString(16)}`;
const spi = (intid: number) => property('interrupts', cells(GIC_SPI, intid - SPI_BASE, LEVEL_HIGH));
const ppi = (intid: number, flags: number) => [GIC_PPI, intid - PPI_BASE, flags];

/**
 * The tree of our board: its nodes are those of QEMU's `-M virt,dumpdtb=`, for the devices that we have. No random seeds.
 * Given to QEMU 7.2 with -dtb, Linux 6.1 (both conduits), Xen 4.17 and U-Boot 2023.01 start with it, on GICv2 and v3.
 */
export function generateDeviceTree(board: Board): Uint8Array {
  const root = node(
    '',
    [
      property('interrupt-parent', cells(PHANDLE.gic)),
      property('model', text('linux,dummy-virt')),
      property('compatible', text('linux,dummy-virt')),
      property('#address-cells', cells(2)),
      property('#size-cells', cells(2)),
    ],
    [
      node('chosen', [property('stdout-path', text(`/${unit('pl011', MAP.pl011)}`))]),
      node(unit('memory', { base: RAM_BASE, size: board.ram }), [
        property('device_type', text('memory')),
        reg({ base: RAM_BASE, size: board.ram }),
      ]),
      node('psci', [
        property('compatible', text(...PSCI_COMPATIBLE)),
        property('method', text(psciMethod(board))),
        property('cpu_suspend', cells(PSCI.cpuSuspend)),
        property('cpu_off', cells(PSCI.cpuOff)),
        property('cpu_on', cells(PSCI.cpuOn)),
        property('migrate', cells(PSCI.migrate)),
      ]),
      cpusNode(board),
      timerNode(board),
      node('pmu', [
        property('compatible', text('arm,armv8-pmuv3')),
        property('interrupts', cells(...ppi(PPI.pmu, ppiFlags(board)))),
      ]),
      node('apb-pclk', [
        property('compatible', text('fixed-clock')),
        property('#clock-cells', cells(0)),
        property('clock-frequency', cells(APB_CLOCK_HZ)),
        property('clock-output-names', text('clk24mhz')),
        property('phandle', cells(PHANDLE.clock)),
      ]),
      gicNode(board),
      node(unit('pl011', MAP.pl011), [
        property('compatible', text('arm,pl011', 'arm,primecell')),
        reg(MAP.pl011),
        spi(SPI.pl011),
        property('clocks', cells(PHANDLE.clock, PHANDLE.clock)),
        property('clock-names', text('uartclk', 'apb_pclk')),
      ]),
      node(unit('pl031', MAP.pl031), [
        property('compatible', text('arm,pl031', 'arm,primecell')),
        reg(MAP.pl031),
        spi(SPI.pl031),
        property('clocks', cells(PHANDLE.clock)),
        property('clock-names', text('apb_pclk')),
      ]),
      node(unit('pl061', MAP.pl061), [
        property('compatible', text('arm,pl061', 'arm,primecell')),
        reg(MAP.pl061),
        spi(SPI.pl061),
        property('clocks', cells(PHANDLE.clock)),
        property('clock-names', text('apb_pclk')),
        property('gpio-controller'),
        property('#gpio-cells', cells(2)),
        property('phandle', cells(PHANDLE.gpio)),
      ]),
      node(
        'gpio-keys',
        [property('compatible', text('gpio-keys'))],
        [
          node('poweroff', [
            property('label', text('GPIO Key Poweroff')),
            property('linux,code', cells(KEY_POWER)),
            property('gpios', cells(PHANDLE.gpio, POWER_KEY_PIN, 0)),
          ]),
        ],
      ),
      node(unit('flash', MAP.flash0), [
        property('compatible', text('cfi-flash')),
        reg(MAP.flash0, MAP.flash1),
        property('bank-width', cells(4)),
      ]),
      node(unit('fw-cfg', MAP.fwCfg), [
        property('compatible', text('qemu,fw-cfg-mmio')),
        reg(MAP.fwCfg),
        property('dma-coherent'),
      ]),
      ...virtioNodes(),
      pcieNode(),
    ],
  );
  const tree: Fdt = { root, reservations: [], bootCpu: 0 };
  return writeFdt(tree);
}

/** All transports, whether a device is behind them or not: a driver asks them. From the lowest address on, as QEMU has them. */
function virtioNodes(): FdtNode[] {
  return Array.from({ length: VIRTIO_MMIO_COUNT }, (_, n) => {
    const transport = { base: MAP.virtioMmio.base + n * VIRTIO_MMIO_SIZE, size: VIRTIO_MMIO_SIZE };
    return node(unit('virtio_mmio', transport), [
      property('compatible', text('virtio,mmio')),
      reg(transport),
      property('interrupts', cells(GIC_SPI, SPI.virtioMmio0 + n - SPI_BASE, EDGE_RISING)),
      property('dma-coherent'),
    ]);
  });
}

/** Codes of a PCI address's space, in the first cell of `ranges` (IEEE 1275's PCI binding): I/O, 32-bit and 64-bit memory. */
const PCI_SPACE = { io: 0x0100_0000, memory: 0x0200_0000, memory64: 0x0300_0000 } as const;
/** INTA to INTD share four interrupts, turned by the number of the device. */
const PCI_PINS = 4;

function pcieNode(): FdtNode {
  const { pcieEcam, pcieIo, pcieMmio, pcieMmioHigh } = MAP;
  const interrupts = Array.from({ length: PCI_PINS * PCI_PINS }, (_, n) => {
    const device = Math.floor(n / PCI_PINS);
    const pin = n % PCI_PINS;
    const intid = SPI.pcieIntA + ((device + pin) % PCI_PINS);
    return [device << 11, 0, 0, pin + 1, PHANDLE.gic, 0, 0, GIC_SPI, intid - SPI_BASE, LEVEL_HIGH];
  });
  const range = (space: number, at: number, { base, size }: Region) => [
    cells(space),
    cells64(at, base, size),
  ];
  const ranges = [
    ...range(PCI_SPACE.io, 0, pcieIo),
    ...range(PCI_SPACE.memory, pcieMmio.base, pcieMmio),
    ...range(PCI_SPACE.memory64, pcieMmioHigh.base, pcieMmioHigh),
  ];
  return node(unit('pcie', pcieMmio), [
    property('compatible', text('pci-host-ecam-generic')),
    property('device_type', text('pci')),
    property('#address-cells', cells(3)),
    property('#size-cells', cells(2)),
    property('linux,pci-domain', cells(0)),
    property('bus-range', cells(0, pcieEcam.size / 2 ** 20 - 1)),
    property('dma-coherent'),
    property('msi-map', cells(0, PHANDLE.msi, 0, 0x1_0000)),
    reg(pcieEcam),
    property('ranges', new Uint8Array(Buffer.concat(ranges))),
    property('#interrupt-cells', cells(1)),
    property('interrupt-map', cells(...interrupts.flat())),
    property('interrupt-map-mask', cells((PCI_PINS - 1) << 11, 0, 0, 7)),
  ]);
}

/** What makes an interrupt of a message: GICv2's frame or GICv3's ITS. */
function messagesNode(gic: 2 | 3): FdtNode {
  if (gic === 2)
    return node(unit('v2m', MAP.gicv2m), [
      property('compatible', text('arm,gic-v2m-frame')),
      property('msi-controller'),
      reg(MAP.gicv2m),
      property('phandle', cells(PHANDLE.msi)),
    ]);
  return node(unit('its', MAP.its), [
    property('compatible', text('arm,gic-v3-its')),
    property('msi-controller'),
    property('#msi-cells', cells(1)),
    reg(MAP.its),
    property('phandle', cells(PHANDLE.msi)),
  ]);
}

function cpusNode({ smp, gic, cpu }: Board): FdtNode {
  const cpus = Array.from({ length: smp }, (_, n) => {
    const affinity = mpidrAffinity(n, gic);
    return node(`cpu@${affinity.toString(16)}`, [
      property('device_type', text('cpu')),
      property('compatible', text(modelNamed(cpu).compatible)),
      property('enable-method', text('psci')),
      property('reg', cells(affinity)),
    ]);
  });
  return node('cpus', [property('#address-cells', cells(1)), property('#size-cells', cells(0))], cpus);
}

/** The GICv2 binding keeps a mask of the CPUs in bits 15 to 8 of a PPI's flags; GICv3 has no such mask. */
const ppiFlags = ({ smp, gic }: Board) => LEVEL_HIGH | (gic === 2 ? ((1 << smp) - 1) << 8 : 0);

function timerNode(board: Board): FdtNode {
  const flags = ppiFlags(board);
  const order = [PPI.timerSecurePhysical, PPI.timerPhysical, PPI.timerVirtual, PPI.timerEl2Physical];
  return node('timer', [
    property('compatible', text('arm,armv8-timer', 'arm,armv7-timer')),
    property('interrupts', cells(...order.flatMap((intid) => ppi(intid, flags)))),
    property('always-on'),
  ]);
}

function gicNode({ gic, el }: Board): FdtNode {
  const properties =
    gic === 2
      ? [
          property('compatible', text('arm,cortex-a15-gic')),
          el === 2 ? reg(MAP.gicd, MAP.gicc, MAP.gich, MAP.gicv) : reg(MAP.gicd, MAP.gicc),
        ]
      : [
          property('compatible', text('arm,gic-v3')),
          reg(MAP.gicd, MAP.gicr),
          property('#redistributor-regions', cells(1)),
        ];
  properties.push(
    property('interrupt-controller'),
    property('#interrupt-cells', cells(3)),
    property('#address-cells', cells(2)),
    property('#size-cells', cells(2)),
    property('ranges'),
    property('phandle', cells(PHANDLE.gic)),
  );
  if (el === 2) properties.push(property('interrupts', cells(...ppi(PPI.maintenance, LEVEL_HIGH))));
  return node(unit('intc', MAP.gicd), properties, [messagesNode(gic)]);
}

export interface Chosen {
  /** The kernel's command line; empty leaves the tree's own. */
  readonly append: string;
  readonly initrd?: Region;
  readonly modules?: readonly (Region & Pick<BootModule, 'kind' | 'bootargs'>)[];
}

/** What Linux takes at most (Documentation/arm64/booting.rst, "Setup the device tree"). */
const TREE_MAX = 2 * 2 ** 20;

/** Longer command lines than any kernel takes, and short of the room that the tree's buffer has. */
const APPEND_MAX = 16384;

/**
 * The length of the blob that the guest gets for a tree of `length` bytes: QEMU 7.2 allots (length + 10000) · 2 and writes
 * all of it, totalsize included; `info roms` shows 0x59ae for a tree of 1479 bytes.
 */
export const deviceTreeSize = (length: number) => (length + 10000) * 2;

/**
 * The tree as the guest gets it: memory nodes replaced by one with the real RAM, bootargs and the initrd's place in
 * /chosen, /psci made anew with the machine's own conduit. `file` is the tree's name for messages.
 */
export function fixUpDeviceTree(tree: Uint8Array, file: string, board: Board, chosen: Chosen): Uint8Array {
  if (tree.length > TREE_MAX)
    throw new UserError(`${file}: ${tree.length} bytes: a device tree has at most 2 MiB`);
  const { root } = parseFdt(tree, file);
  const addressCells = rootCells(root, file, '#address-cells');
  const sizeCells = rootCells(root, file, '#size-cells');
  const number = (value: number, count: 1 | 2) => (count === 1 ? cells(value) : cells64(value));
  if (sizeCells === 1 && board.ram >= 2 ** 32)
    throw new UserError(`${file}: --ram of 4 GiB and more needs #size-cells = <2> in the root node`);
  const append = text(chosen.append);
  if (append.length > APPEND_MAX || chosen.append.includes('\0'))
    throw new UserError(`--append: at most ${APPEND_MAX - 1} bytes and no zero bytes`);

  const modules = chosen.modules ?? [];
  const moduleRoom = modules.reduce((sum, { bootargs = '' }) => sum + 256 + Buffer.byteLength(bootargs), 0);
  const editor = new FdtEditor(tree, deviceTreeSize(tree.length) + moduleRoom);
  editor.removeChildren(editor.root, (name) => name === 'memory' || name.startsWith('memory@'));
  const memory = editor.addNode(editor.root, unit('memory', { base: RAM_BASE, size: board.ram }));
  editor.setProperty(memory, 'device_type', text('memory'));
  const range = [number(RAM_BASE, addressCells), number(board.ram, sizeCells)];
  editor.setProperty(memory, 'reg', new Uint8Array(Buffer.concat(range)));

  const node =
    editor.child(editor.root, (name) => name === 'chosen') ?? editor.addNode(editor.root, 'chosen');
  if (chosen.append !== '') editor.setProperty(node, 'bootargs', append);
  if (chosen.initrd) {
    const { base, size } = chosen.initrd;
    // One cell each, whatever the tree's cells: so does QEMU 7.2, and the kernel takes either.
    if (base + size >= 2 ** 32)
      throw new UserError(`the initrd would end at 0x${(base + size).toString(16)}, above 4 GiB`);
    editor.setProperty(node, 'linux,initrd-start', cells(base));
    editor.setProperty(node, 'linux,initrd-end', cells(base + size));
  }
  for (const { base, size, kind, bootargs } of modules) {
    const module = editor.addNode(node, moduleNode(base));
    // Two cells each, whatever the tree's cells.
    editor.setProperty(module, 'reg', cells64(base, size));
    editor.setProperty(module, 'compatible', text(...MODULE_COMPATIBLE[kind]));
    if (bootargs !== undefined) editor.setProperty(module, 'bootargs', text(bootargs));
  }
  replacePsci(editor, board);
  return editor.bytes;
}

function replacePsci(editor: FdtEditor, board: Board): void {
  const old = editor.child(editor.root, (name) => name === 'psci');
  if (old !== undefined) editor.removeNode(old);
  const psci = editor.addNode(editor.root, 'psci');
  editor.setProperty(psci, 'compatible', text(...PSCI_COMPATIBLE));
  editor.setProperty(psci, 'method', text(psciMethod(board)));
  editor.setProperty(psci, 'cpu_suspend', cells(PSCI.cpuSuspend));
  editor.setProperty(psci, 'cpu_off', cells(PSCI.cpuOff));
  editor.setProperty(psci, 'cpu_on', cells(PSCI.cpuOn));
  editor.setProperty(psci, 'migrate', cells(PSCI.migrate));
}

/** How many cells addresses or sizes have at the root: QEMU insists on the property too. */
function rootCells(root: FdtNode, file: string, name: '#address-cells' | '#size-cells'): 1 | 2 {
  const value = root.properties.find((candidate) => candidate.name === name)?.value;
  const count = value?.length === 4 ? new DataView(value.buffer, value.byteOffset).getUint32(0) : undefined;
  if (count !== 1 && count !== 2)
    throw new UserError(`${file}: the root node's ${name} is ${count ?? 'missing'}: it must be 1 or 2`);
  return count;
}
