/** A guest's fault is a value: what the MMU returns when an access may not happen. Arm ARM D17.2.37 (ESR_ELx ISS). */

export type AccessKind = 'read' | 'write' | 'fetch';

export type FaultType =
  | 'translation'
  | 'access flag'
  | 'permission'
  | 'address size'
  | 'external'
  | 'alignment';

export interface Fault {
  readonly type: FaultType;
  /** Stage that faulted: 1 or 2. */
  readonly stage: 1 | 2;
  /** Lookup level for the fault status code, -1 to 3. */
  readonly level: number;
  /** Stage 2 fault on the access of a stage 1 descriptor. */
  readonly s1ptw: boolean;
  /** Stage 2: the intermediate physical address, for HPFAR_EL2. */
  readonly ipa: number;
  /** External abort on a table walk, rather than on the access itself. */
  readonly onWalk?: boolean;
  /** The walk that found it: seq in the walks table, for tests and for explain. */
  readonly walk?: number;
}

/** DFSC/IFSC, ESR_ELx.ISS[5:0]. */
export function faultStatusCode(fault: Fault): number {
  if (fault.level < 0) return statusCodeAtLevelMinus1(fault);
  switch (fault.type) {
    case 'address size':
      return 0b000000 | fault.level;
    case 'translation':
      return 0b000100 | fault.level;
    case 'access flag':
      return 0b001000 | fault.level;
    case 'permission':
      return 0b001100 | fault.level;
    case 'external':
      return fault.onWalk ? 0b010100 | fault.level : 0b010000;
    case 'alignment':
      return 0b100001;
  }
}

/** FEAT_LPA2. */
function statusCodeAtLevelMinus1({ type }: Fault): number {
  switch (type) {
    case 'address size':
      return 0b101001;
    case 'translation':
      return 0b101011;
    case 'external':
      return 0b010011;
    default:
      throw new Error(`no ${type} fault at level -1`);
  }
}
