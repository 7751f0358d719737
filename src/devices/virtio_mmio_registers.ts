/** The registers of virtio-mmio, for both versions of the interface: virtio 1.1, 4.2.2 and 4.2.4. */
import { type DeviceRegister, RegisterTable } from './register_table.ts';
import type { VirtioMmio } from './virtio_mmio.ts';
import { QUEUE_SIZE_MAX } from './virtqueue.ts';

export const MAGIC = 0x7472_6976;
/** As QEMU's: 'QEMU'. */
export const VENDOR = 0x554d_4551;
/** Where the configuration space begins. */
export const CONFIG = 0x100;

/** The 64-bit registers of a queue, in two halves. */
function address(
  offset: number,
  name: string,
  key: 'descriptors' | 'available' | 'used',
): DeviceRegister<VirtioMmio>[] {
  const half = (high: boolean) => (device: VirtioMmio, value: number) => {
    const state = device.selected()?.queue.state;
    // 4.2.3.2: not changed while the queue is in use.
    if (state === undefined || state.ready) return;
    const before = state[key];
    state[key] = high ? value * 2 ** 32 + (before % 2 ** 32) : Math.floor(before / 2 ** 32) * 2 ** 32 + value;
  };
  return [
    { offset, name: `${name}Low`, access: 'WO', reset: 0, write: half(false) },
    { offset: offset + 4, name: `${name}High`, access: 'WO', reset: 0, write: half(true) },
  ];
}

/** Selectors beyond the words that exist: the second one's. As QEMU's. */
const select = (value: number) => (value === 0 ? 0 : 1);

const COMMON: readonly DeviceRegister<VirtioMmio>[] = [
  { offset: 0x00, name: 'MagicValue', access: 'RO', reset: MAGIC },
  { offset: 0x04, name: 'Version', access: 'RO', reset: 0, read: (d) => d.version },
  { offset: 0x08, name: 'DeviceID', access: 'RO', reset: 0, read: (d) => d.backend.deviceId },
  { offset: 0x0c, name: 'VendorID', access: 'RO', reset: VENDOR },
  { offset: 0x10, name: 'DeviceFeatures', access: 'RO', reset: 0, read: (d) => d.offered() },
  {
    offset: 0x14,
    name: 'DeviceFeaturesSel',
    access: 'WO',
    reset: 0,
    write: (d, value) => {
      d.state.featuresSelect = select(value);
    },
  },
  {
    offset: 0x20,
    name: 'DriverFeatures',
    access: 'WO',
    reset: 0,
    write: (d, value) => d.setDriverFeatures(value),
  },
  {
    offset: 0x24,
    name: 'DriverFeaturesSel',
    access: 'WO',
    reset: 0,
    write: (d, value) => {
      d.state.driverFeaturesSelect = select(value);
    },
  },
  {
    offset: 0x30,
    name: 'QueueSel',
    access: 'WO',
    reset: 0,
    write: (d, value) => {
      d.state.queueSelect = value;
    },
  },
  {
    offset: 0x34,
    name: 'QueueNumMax',
    access: 'RO',
    reset: 0,
    read: (d) => (d.selected() ? QUEUE_SIZE_MAX : 0),
  },
  { offset: 0x38, name: 'QueueNum', access: 'WO', reset: 0, write: (d, value) => d.setSize(value) },
  { offset: 0x50, name: 'QueueNotify', access: 'WO', reset: 0, write: (d, value) => d.notify(value) },
  { offset: 0x60, name: 'InterruptStatus', access: 'RO', reset: 0, read: (d) => d.state.interruptStatus },
  { offset: 0x64, name: 'InterruptACK', access: 'WO', reset: 0, write: (d, value) => d.acknowledge(value) },
  {
    offset: 0x70,
    name: 'Status',
    access: 'RW',
    reset: 0,
    read: (d) => d.state.status,
    write: (d, value) => d.setStatus(value),
  },
  // 4.2.2: a shared memory region that is not there has this length.
  { offset: 0xb0, name: 'SHMLenLow', access: 'RO', reset: 0xffff_ffff },
  { offset: 0xb4, name: 'SHMLenHigh', access: 'RO', reset: 0xffff_ffff },
];

const LEGACY: readonly DeviceRegister<VirtioMmio>[] = [
  {
    offset: 0x28,
    name: 'GuestPageSize',
    access: 'WO',
    reset: 0,
    write: (d, value) => {
      const lowest = value & -value;
      d.state.pageShift = value === 0 ? 0 : 31 - Math.clz32(lowest);
    },
  },
  {
    offset: 0x3c,
    name: 'QueueAlign',
    access: 'WO',
    reset: 0,
    write: (d, value) => {
      const setup = d.selected()?.setup;
      if (setup && value !== 0 && (value & (value - 1)) === 0) setup.align = value;
    },
  },
  {
    offset: 0x40,
    name: 'QueuePFN',
    access: 'RW',
    reset: 0,
    read: (d) => d.selected()?.setup.pageNumber ?? 0,
    write: (d, value) => d.setPageNumber(value),
  },
];

const MODERN: readonly DeviceRegister<VirtioMmio>[] = [
  {
    offset: 0x44,
    name: 'QueueReady',
    access: 'RW',
    reset: 0,
    read: (d) => (d.selected()?.queue.state.ready ? 1 : 0),
    write: (d, value) => d.setReady(value),
  },
  ...address(0x80, 'QueueDesc', 'descriptors'),
  ...address(0x90, 'QueueDriver', 'available'),
  ...address(0xa0, 'QueueDevice', 'used'),
  { offset: 0xfc, name: 'ConfigGeneration', access: 'RO', reset: 0, read: (d) => d.state.generation },
];

/** By version of the interface. */
export const VIRTIO_REGISTERS = {
  1: new RegisterTable<VirtioMmio>([...COMMON, ...LEGACY]),
  2: new RegisterTable<VirtioMmio>([...COMMON, ...MODERN]),
} as const;
