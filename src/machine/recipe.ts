/** What a machine is made from: everything that a run depends on, as plain JSON. It is the recipe inside a recording. */
import type { VirtioVersion } from '../devices/virtio_mmio.ts';
import type { Board } from './device_tree.ts';
import type { Drive } from './disk/drive.ts';

export interface Recipe extends Board {
  /** Path as the user gave it; what it held is known by its digest. */
  readonly image?: string;
  readonly initrd?: string;
  readonly append?: string;
  readonly dtb?: string;
  /** Firmware, in the flash at address 0: the CPU starts there. */
  readonly bios?: string;
  readonly load?: readonly string[];
  readonly modules?: readonly string[];
  /** Virtio block devices. */
  readonly drives?: readonly Drive[];
  /** A virtio network device, on a network of its own. */
  readonly net?: boolean;
  /** Seed of a virtio entropy device, which is there if it is given; and of RNDR. */
  readonly rng?: string;
  /** A virtio console, which gets the input. */
  readonly virtioConsole?: boolean;
  /** Interface of the virtio-mmio transports: 1 is legacy, as QEMU's; 1 when absent. */
  readonly virtio?: VirtioVersion;
  /** ELF files that are not loaded, and name addresses: guests inside the image, kernels that it loads. */
  readonly symbols?: readonly string[];
  /** HLT #0xF000 is a semihosting call. */
  readonly semihosting: boolean;
  /** What the PL031 shows at time 0, in seconds since 1970. */
  readonly rtcBase: number;
}

export const DEFAULT_RECIPE: Recipe = {
  ram: 2 ** 30,
  gic: 2,
  smp: 1,
  el: 2,
  cpu: 'cortex-a57',
  semihosting: false,
  rtcBase: 1_704_067_200,
};

/** Why a run ended. */
export type StopReason =
  /** WFI, or a branch to itself, that nothing can ever end. */
  | 'idle'
  /** PSCI SYSTEM_OFF, SYSTEM_RESET, or a semihosting exit. */
  | 'power off'
  | 'reset'
  | 'semihosting exit'
  /** The guest touched more RAM than the pool holds. */
  | 'memory'
  /** An exception vector that cannot be fetched, and no interrupt that could end it. */
  | 'lockup'
  /** The instruction, time or console text that the user asked for was reached. */
  | 'limit';
