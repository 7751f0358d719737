/**
 * The virtio devices on their transports. As QEMU's `-device` does, the first device gets the highest transport: the drives in their
 * order, then the network, the entropy source and the console.
 */
import type { Dma } from '../devices/dma.ts';
import type { VirtioBackend } from '../devices/virtio_backend.ts';
import { type Disk, VirtioBlock } from '../devices/virtio_block.ts';
import { VirtioConsole } from '../devices/virtio_console.ts';
import { VirtioEntropy } from '../devices/virtio_entropy.ts';
import { EmptyVirtioMmio, VirtioMmio } from '../devices/virtio_mmio.ts';
import { VirtioNetwork } from '../devices/virtio_network.ts';
import type { EventSink } from '../trace/schema.ts';
import { UserError } from '../user-error.ts';
import type { Bus } from './bus.ts';
import type { Clock, InterruptLine } from './device.ts';
import type { Recipe } from './recipe.ts';
import { MAP, SPI, VIRTIO_MMIO_COUNT, VIRTIO_MMIO_SIZE } from './virt_map.ts';

/** QEMU's first network device. */
const MAC = [0x52, 0x54, 0x00, 0x12, 0x34, 0x56];

export interface VirtioContext {
  readonly events: EventSink;
  readonly clock: Clock;
  readonly pc: () => bigint;
  readonly dma: Dma;
  readonly disks: readonly Disk[];
  readonly onDeadlineChange: () => void;
  readonly onConsole: (byte: number) => void;
}

export interface VirtioDevices {
  readonly transports: readonly VirtioMmio[];
  readonly console: VirtioConsole | undefined;
}

/** All transports, with the devices that the recipe has. */
export function attachVirtio(
  bus: Bus,
  recipe: Recipe,
  context: VirtioContext,
  line: (intid: number) => InterruptLine,
): VirtioDevices {
  const { events, clock, pc, dma, onDeadlineChange } = context;
  const version = recipe.virtio ?? 1;
  const console = recipe.virtioConsole ? virtioConsole(context) : undefined;
  const backends: VirtioBackend[] = context.disks.map((disk, n) => new VirtioBlock(`virtio-blk${n}`, disk));
  if (recipe.net) backends.push(new VirtioNetwork(MAC));
  if (recipe.rng !== undefined) backends.push(new VirtioEntropy(recipe.rng));
  if (console) backends.push(console);
  if (backends.length > VIRTIO_MMIO_COUNT)
    throw new UserError(`--drive: the board has room for ${VIRTIO_MMIO_COUNT} virtio devices`);
  const empty = new EmptyVirtioMmio(version);
  const transports: VirtioMmio[] = [];
  for (let slot = VIRTIO_MMIO_COUNT - 1; slot >= 0; slot--) {
    const backend = backends[VIRTIO_MMIO_COUNT - 1 - slot];
    const base = MAP.virtioMmio.base + slot * VIRTIO_MMIO_SIZE;
    if (backend === undefined) {
      bus.attach(base, VIRTIO_MMIO_SIZE, empty);
      continue;
    }
    const transport = new VirtioMmio({
      context: { events, pc },
      clock,
      dma,
      line: line(SPI.virtioMmio0 + slot),
      version,
      backend,
      onDeadlineChange,
    });
    bus.attach(base, VIRTIO_MMIO_SIZE, transport);
    transports.push(transport);
  }
  return { transports, console };
}

function virtioConsole({ events, onConsole }: VirtioContext): VirtioConsole {
  const device = 'virtio-console';
  const row = (direction: 'in' | 'out', byte: number) => {
    if (events.recording) events.append('console', { device, direction, byte });
  };
  return new VirtioConsole(
    (byte) => {
      row('out', byte);
      onConsole(byte);
    },
    (byte) => row('in', byte),
  );
}
