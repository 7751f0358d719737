/** What a machine is made from: everything that a run depends on, as plain JSON. It is the recipe inside a recording. */
import type { Board } from './device_tree.ts';

export interface Recipe extends Board {
  /** Path as the user gave it; what it held is known by its digest. */
  readonly image?: string;
  readonly initrd?: string;
  readonly append?: string;
  readonly dtb?: string;
  /** Firmware, in the flash at address 0: the CPU starts there. */
  readonly bios?: string;
  readonly load?: readonly string[];
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
