/** What a handler and those who use it must agree on: its operands, the dispatch function's locals and labels, and what it calls. */

/** How one operand byte of a record is computed from the instruction's fields. */
export interface OperandPlan {
  /** A register field and the slot that stands for 31, or one of the row's derived bytes. */
  readonly kind: 'register' | 'byte';
  readonly name: string;
  readonly slotOf31: number;
  /** Added to the register's number. */
  readonly plus: 0 | 1;
}

/** Variants of a handler beyond the row's shape. */
export interface Variant {
  /** Direct branches: the target is in the same page, and the record's immediate is the distance in records' bytes. */
  readonly near: boolean;
  /** The base register is SP, whose alignment is checked. */
  readonly stack: boolean;
}

/** What the generator must know of a handler after generating it. */
export interface HandlerUse {
  readonly operands: OperandPlan[];
  immediate: boolean;
  branches: boolean;
  /** It appends atoms to the flow. */
  decides: boolean;
  stackAccess: boolean;
  /** Locals of the frame other than `ip` are used. */
  frame: boolean;
}

/** Locals of the dispatch function, and labels that handlers branch to. */
export interface Frame {
  readonly ip: number;
  readonly budget: number;
  /** Parameter of the `jump` label. */
  readonly target: number;
  readonly atomPointer: number;
  readonly targetPointer: number;
  readonly accessPointer: number;
  readonly valuePointer: number;
  readonly registerPointer: number;
  /** Labels: next record after `ip` was advanced; jump to the address in `target`; leave with the state as it is. */
  readonly next: number;
  readonly jump: number;
  readonly redirected: number;
}

/** Functions imported from TypeScript, by index. All return 0, or 1 where execution was redirected. */
export interface Imports {
  readonly access: number;
  readonly runtime: number;
  readonly stackMisaligned: number;
  /** A floating-point operation with its operands in the argument cells: returns nothing. */
  readonly float: number;
}
