/** What the MMU is asked, and what it answers. */
import type { AccessKind, Fault } from '../cpu/fault.ts';

/**
 * Virtual addresses here are JavaScript numbers: after the top byte is handled (TBI) an address that can be mapped has at
 * most 52 significant bits in either half of the address space, so it is exact as a signed double. The upper half is
 * negative. Addresses that are no such number are NaN (`canonicalAddress` in address.ts): no table is read for them, they are
 * a translation fault at level 0.
 */
export type CanonicalAddress = number;

export interface Translation {
  /** Physical address of the first byte of the 4 KiB page that holds the address. */
  readonly paPage: number;
  /** Permissions of that page for the exception level asked for. */
  readonly read: boolean;
  readonly write: boolean;
  readonly execute: boolean;
  /** Device memory: unaligned accesses fault. */
  readonly device: boolean;
  /** A guarded page: indirect branches into it must meet a landing pad (FEAT_BTI). */
  readonly guarded: boolean;
}

export type TranslationResult =
  | { readonly ok: true; readonly page: Translation }
  | { readonly ok: false; readonly fault: Fault };

export interface TranslationRequest {
  readonly va: CanonicalAddress;
  readonly kind: AccessKind;
  /** Exception level whose permissions apply: the current one, or 0 for LDTR and STTR. */
  readonly el: 0 | 1 | 2;
  /** PSTATE.PAN applies to this access: a privileged access to data that EL0 may read faults. */
  readonly pan?: boolean;
  /** The access is not aligned to its size, or it is DC ZVA: an alignment fault on Device memory, before permissions. */
  readonly unaligned?: boolean;
  /** DC and IC by address above EL0, DC IVAC excepted: no permission is needed (D7.5.9). */
  readonly cacheMaintenance?: boolean;
}
