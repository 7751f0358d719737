/** ESR_ELx in words. Arm ARM D17.2.37. */

import { EC } from '../cpu/exception_classes.ts';

export const isInstructionAbort = (ec: number) =>
  ec === EC.instructionAbortLower || ec === EC.instructionAbort;
export const isDataAbort = (ec: number) => ec === EC.dataAbortLower || ec === EC.dataAbort;
export const isAbort = (ec: number) => isInstructionAbort(ec) || isDataAbort(ec);
/** What software does on purpose: calls, waits, accesses that a hypervisor traps. */
export const isRequest = (ec: number) =>
  [EC.svc, EC.hvc, EC.smc, EC.wfx, EC.systemRegister].includes(ec as never);

export type TableFault = 'address size' | 'translation' | 'access flag' | 'permission';

export interface AbortSyndrome {
  /** A fault of the translation tables, and its level. */
  readonly table: TableFault | undefined;
  readonly level: number | undefined;
  readonly what: string;
  readonly write: boolean;
  /** On the access of a stage 1 descriptor. */
  readonly s1ptw: boolean;
  /** The register transferred, where the syndrome is valid (ISV). */
  readonly register: number | undefined;
}

const TABLE_FAULTS = ['address size', 'translation', 'access flag', 'permission'] as const;

export function abortSyndrome(ec: number, iss: number): AbortSyndrome {
  const status = iss & 0x3f;
  const table = status < 16 ? TABLE_FAULTS[status >>> 2] : undefined;
  const other: { readonly [status: number]: string } = {
    16: 'synchronous external abort',
    33: 'alignment fault',
    48: 'TLB conflict',
  };
  const walk =
    status >= 0x14 && status <= 0x17 ? `external abort on a table walk, level ${status & 3}` : undefined;
  return {
    table,
    level: table === undefined ? undefined : status & 3,
    what:
      table === undefined
        ? (walk ?? other[status] ?? `fault status 0x${status.toString(16)}`)
        : `${table} fault, level ${status & 3}`,
    write: isDataAbort(ec) && ((iss >>> 6) & 1) === 1,
    s1ptw: ((iss >>> 7) & 1) === 1,
    register: isDataAbort(ec) && ((iss >>> 24) & 1) === 1 ? (iss >>> 16) & 31 : undefined,
  };
}
