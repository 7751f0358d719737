/** What a handler and those who use it must agree on: its operands, the dispatch function's locals and labels, and what it calls. */
import type { StateCell } from '../../cpu/state.ts';
import { type Detail, records } from '../detail.ts';
import type { PoolWidth } from '../pool.ts';
import { CodeBuffer } from '../wasm/expression.ts';

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

export const TEMPORARIES = 48;
/** Locals: no parameters, then ten i32 of the frame and the i32 temporaries, then `target` and the i64 temporaries. */
export const FRAME_LOCALS = 7;
const TARGET_LOCAL = FRAME_LOCALS + TEMPORARIES;

export const FRAME_INDICES = {
  ip: 0,
  budget: 1,
  atomPointer: 2,
  targetPointer: 3,
  accessPointer: 4,
  valuePointer: 5,
  registerPointer: 6,
  target: TARGET_LOCAL,
};
export const SCRATCH_FRAME: Frame = { ...FRAME_INDICES, next: 0, jump: 0, redirected: 0 };
/** Nesting of the loop's blocks. Handler n is the n-th block within them, so that its code does not depend on how many there are. */
export const LABELS = { exhausted: 1, dispatch: 2, next: 3, jump: 4, redirected: 5 };
export const FRAME: Frame = { ...FRAME_INDICES, ...LABELS };

/** What a called handler may change: the budget, and the recording pointers of accesses, values and registers. */
export const savedCells = (detail: Detail): readonly (readonly [StateCell, number])[] => [
  ['budget', FRAME_INDICES.budget],
  ...pointers(SCRATCH_FRAME, detail).filter(([cell]) => cell !== 'atomPointer' && cell !== 'targetPointer'),
];

/** The recording pointers that live in locals while translated code runs. */
export const pointers = (frame: Frame, detail: Detail): readonly (readonly [StateCell, number])[] => [
  ...(records(detail, 'flow')
    ? ([
        ['atomPointer', frame.atomPointer],
        ['targetPointer', frame.targetPointer],
      ] as const)
    : []),
  ...(records(detail, 'memory') ? ([['accessPointer', frame.accessPointer]] as const) : []),
  ...(records(detail, 'full')
    ? ([
        ['valuePointer', frame.valuePointer],
        ['registerPointer', frame.registerPointer],
      ] as const)
    : []),
];

export const newCode = (poolWidth: PoolWidth): CodeBuffer =>
  new CodeBuffer(
    { i32: FRAME_LOCALS, i64: TARGET_LOCAL + 1, v128: 0, f32: 0, f64: 0 },
    TEMPORARIES,
    poolWidth,
  );
/** For code that is thrown away. */
export const scratchCode = (poolWidth: PoolWidth): CodeBuffer =>
  new CodeBuffer({ i32: 0, i64: 0, v128: 0, f32: 0, f64: 0 }, 4096, poolWidth);
