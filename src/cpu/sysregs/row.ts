/**
 * One row of the system-register table. Arm ARM D17 (registers), C5.3 (encodings).
 */
import type { Trap } from './traps.ts';

/** What may be done at EL0, EL1 and EL2, in this order: `-- rw rw` is UNDEFINED at EL0. `ro` and `wo` as in the Arm ARM. */
export type Permission = '--' | 'ro' | 'wo' | 'rw';
export type Access = `${Permission} ${Permission} ${Permission}`;

/**
 * Where the value lives. `slot`: a 64-bit word of CpuState. `constant`: reads the reset value, writes are ignored.
 * `model`: as `constant`, the value belongs to the CPU model. `computed`: system_registers.ts has an accessor of that name.
 * `random`: every MRS draws a number. `timer`, `gic`, `pmu`: the device has it.
 */
export type Storage = 'slot' | 'constant' | 'model' | 'computed' | 'timer' | 'gic' | 'pmu' | 'random';

/** What a write changes beyond the register: who has to look again. */
export type Effect =
  | 'translation'
  | 'context'
  | 'stack'
  | 'interrupts'
  | 'vectors'
  | 'debug'
  | 'performance monitors';

export interface SystemRegister {
  /** Arm ARM name; RES_* for reserved encodings that read as zero. */
  readonly name: string;
  /** op0:op1:CRn:CRm:op2, 16 bits, as in the instruction. */
  readonly encoding: number;
  readonly access: readonly [Permission, Permission, Permission];
  readonly storage: Storage;
  readonly reset: bigint;
  /** Bits that a write changes; the others keep their value. */
  readonly writable: bigint;
  /** More such bits, by the feature that brings them. */
  readonly featureBits: { readonly [feature: string]: bigint };
  readonly traps: readonly Trap[];
  readonly effects: readonly Effect[];
  /** Absent from CPUs without it: then UNDEFINED. */
  readonly feature: string | undefined;
}

export interface RegisterSpec {
  readonly storage?: Storage;
  readonly reset?: bigint;
  readonly writable?: bigint;
  readonly featureBits?: { readonly [feature: string]: bigint };
  readonly traps?: readonly Trap[];
  readonly effects?: readonly Effect[];
  readonly feature?: string;
}

export const ALL_BITS = 0xffff_ffff_ffff_ffffn;

export function systemRegisterEncoding(
  op0: number,
  op1: number,
  crn: number,
  crm: number,
  op2: number,
): number {
  return (op0 << 14) | (op1 << 11) | (crn << 7) | (crm << 3) | op2;
}

/** Declares a register. `encoding` is "op0 op1 CRn CRm op2". */
export function register(
  name: string,
  encoding: string,
  access: Access,
  spec: RegisterSpec = {},
): SystemRegister {
  const [op0, op1, crn, crm, op2] = encoding.trim().split(/\s+/).map(Number);
  const [el0, el1, el2] = access.split(' ') as Permission[];
  return {
    name,
    encoding: systemRegisterEncoding(op0, op1, crn, crm, op2),
    access: [el0, el1, el2],
    storage: spec.storage ?? 'slot',
    reset: spec.reset ?? 0n,
    writable: spec.writable ?? ALL_BITS,
    featureBits: spec.featureBits ?? {},
    traps: spec.traps ?? [],
    effects: spec.effects ?? [],
    feature: spec.feature,
  };
}

/** The generic name of an encoding, S<op0>_<op1>_C<n>_C<m>_<op2>. */
export function genericName(encoding: number): string {
  const op1 = (encoding >> 11) & 7;
  return `S${encoding >> 14}_${op1}_C${(encoding >> 7) & 15}_C${(encoding >> 3) & 15}_${encoding & 7}`;
}
