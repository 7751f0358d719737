/** What an instruction computes, as an expression over the registers, the memory and the system registers before it. */

export type Expression =
  | { readonly op: 'constant'; readonly value: bigint }
  /** X0 to X30; 31 is the current stack pointer. */
  | { readonly op: 'register'; readonly register: number; readonly width: 32 | 64 }
  | { readonly op: 'pc' }
  /** The value of the instruction's load with this index among its accesses. */
  | { readonly op: 'load'; readonly access: number }
  /** MRS: op0:op1:CRn:CRm:op2. */
  | { readonly op: 'system register'; readonly encoding: number }
  /** Flags, the exclusive monitor, results of system operations. */
  | { readonly op: 'state'; readonly name: string }
  | {
      readonly op: 'compute';
      readonly name: string;
      readonly width: 32 | 64;
      readonly of: readonly Expression[];
    };

export interface Inputs {
  /** X0 to X30, then SP. */
  readonly registers: readonly bigint[];
  readonly pc: bigint;
  /** Values of the accesses, where known. */
  readonly loads?: readonly (bigint | undefined)[];
}

type Operation = (width: bigint, a: bigint, b: bigint) => bigint;
const OPERATIONS: { readonly [name: string]: Operation } = {
  add: (_, a, b) => a + b,
  sub: (_, a, b) => a - b,
  mul: (_, a, b) => a * b,
  and: (_, a, b) => a & b,
  or: (_, a, b) => a | b,
  xor: (_, a, b) => a ^ b,
  not: (_, a) => ~a,
  low: (_, a) => a,
  shiftLeft: (w, a, b) => a << (b % w),
  shiftRight: (w, a, b) => a >> (b % w),
  shiftRightSigned: (w, a, b) => BigInt.asIntN(Number(w), a) >> (b % w),
  rotateRight: (w, a, b) => (a >> (b % w)) | (a << (w - (b % w))),
  signExtend8: (_, a) => BigInt.asIntN(8, a),
  signExtend16: (_, a) => BigInt.asIntN(16, a),
  signExtend32: (_, a) => BigInt.asIntN(32, a),
  zeroExtend8: (_, a) => BigInt.asUintN(8, a),
  zeroExtend16: (_, a) => BigInt.asUintN(16, a),
  zeroExtend32: (_, a) => BigInt.asUintN(32, a),
};

/** The value of an expression; undefined where it depends on something that `inputs` has not. */
export function evaluate(expression: Expression, inputs: Inputs): bigint | undefined {
  switch (expression.op) {
    case 'constant':
      return expression.value;
    case 'register': {
      const value = inputs.registers[expression.register];
      return expression.width === 32 ? BigInt.asUintN(32, value) : value;
    }
    case 'pc':
      return inputs.pc;
    case 'load':
      return inputs.loads?.[expression.access];
    case 'compute': {
      const operation = OPERATIONS[expression.name];
      const values = expression.of.map((part) => evaluate(part, inputs));
      if (operation === undefined || values.includes(undefined)) return undefined;
      const [a, b = 0n] = values as bigint[];
      return BigInt.asUintN(expression.width, operation(BigInt(expression.width), a, b));
    }
    default:
      return undefined;
  }
}

/** The parts of an expression that are no computation, each once. */
export function leaves(expression: Expression): Expression[] {
  return expression.op === 'compute' ? expression.of.flatMap(leaves) : [expression];
}
