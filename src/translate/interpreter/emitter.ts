/**
 * The interpreter's Emitter: one handler's code, in which fields are operands read from the decoded record at `ip`. While the
 * semantics run, it notes which operands they ask for; the decoder fills records from that list.
 */
import { CELL, SLOT_DISCARD, SLOT_SP, SLOT_ZERO, type StateCell } from '../../cpu/state.ts';
import type { Access, IndirectBranch, Register, RuntimeCall, Value, Width } from '../../isa/emitter.ts';
import { type Row, VECTOR_REGISTER_NAMES, type VectorRegisterName } from '../../isa/row.ts';
import type { Vector, VectorAccess } from '../../isa/vector_emitter.ts';
import { packAccess } from '../access_flags.ts';
import { type Detail, records } from '../detail.ts';
import {
  DATA_TLB_ENTRIES,
  DATA_TLB_ENTRY,
  RECORD_IMMEDIATE,
  RECORD_OPERANDS,
  RECORD_SIZE,
} from '../layout.ts';
import { inPool, pushPoolDelta } from '../pool.ts';
import { emitReturn } from '../returns.ts';
import { emitShortcut, hasShortcut } from '../shortcuts.ts';
import { type CodeBuffer, constant, convert, intOp, local, type Node, select } from '../wasm/expression.ts';
import { I32, op, simd } from '../wasm/opcodes.ts';
import { node, value, WasmEmitter } from '../wasm_emitter.ts';
import { WasmVectorEmitter } from '../wasm_vector.ts';
import type { Frame, HandlerUse, Imports, OperandPlan, Variant } from './frame.ts';
import { RETURNS, RUNTIME_CALLS } from './runtime_calls.ts';

/** A register by its field, or by its number. */
type RegisterOperand = { readonly field: string; readonly plus: 0 | 1 } | { readonly number: number };
const operand = (register: Register): RegisterOperand => register as unknown as RegisterOperand;
const asRegister = (of: RegisterOperand): Register => of as unknown as Register;

export class InterpreterEmitter extends WasmEmitter {
  readonly use: HandlerUse = {
    operands: [],
    immediate: false,
    branches: false,
    decides: false,
    stackAccess: false,
    frame: false,
  };
  readonly vector: WasmVectorEmitter;
  /** The handler ended by a branch of its own. */
  terminated = false;
  readonly #frame: Frame;
  readonly #imports: Imports;
  readonly #detail: Detail;
  readonly #variant: Variant;

  constructor(code: CodeBuffer, frame: Frame, imports: Imports, detail: Detail, variant: Variant) {
    super(code);
    this.#frame = frame;
    this.#imports = imports;
    this.#detail = detail;
    this.#variant = variant;
    this.vector = new WasmVectorEmitter(this, {
      registerNumber: (register) => {
        const { field } = register as unknown as { field: string };
        return this.#operandByte({ kind: 'register', name: field, slotOf31: 31, plus: 0 });
      },
      callFloat: (operation) => {
        this.code.i32(operation);
        this.code.call(this.#imports.float);
      },
      loadVector: (access, address) => this.#loadVector(access, address),
      storeVector: (access, address, local) => this.#storeVector(access, address, local),
    });
  }

  /** The operands object for a row's semantics: registers and bytes as names, the immediate as a value. */
  operandsOf(row: Row, shape: { readonly [name: string]: unknown }): never {
    const operands: { [name: string]: unknown } = { ...shape };
    for (const { name } of row.pattern.fields)
      if (/^r[dnmast]2?$/.test(name) || VECTOR_REGISTER_NAMES.includes(name as VectorRegisterName))
        operands[name] = { field: name, plus: 0 };
    for (const name of Object.keys(row.bytes)) {
      Object.defineProperty(operands, name, {
        get: () => value(this.#operandByte({ kind: 'byte', name, slotOf31: 0, plus: 0 })),
      });
    }
    Object.defineProperty(operands, 'imm', { get: () => this.#immediate() });
    return operands as never;
  }

  #operandByte(plan: OperandPlan): Node {
    const { operands } = this.use;
    let index = operands.findIndex(
      ({ kind, name, slotOf31, plus }) =>
        kind === plan.kind && name === plan.name && slotOf31 === plan.slotOf31 && plus === plan.plus,
    );
    if (index < 0) index = operands.push(plan) - 1;
    if (index >= RECORD_IMMEDIATE - RECORD_OPERANDS) throw new Error('a record holds six operands');
    this.code.get(this.#frame.ip);
    this.code.memory(op.i32Load8U, RECORD_OPERANDS + index);
    return this.code.keepTop(32);
  }

  #immediate(): Value<64> {
    this.use.immediate = true;
    this.code.get(this.#frame.ip);
    this.code.memory(op.i64Load, RECORD_IMMEDIATE);
    return value(this.code.keepTop(64));
  }

  /** Pushes the byte offset of a register's slot from x0. */
  #pushSlot(register: Register, slotOf31: number): void {
    const of = operand(register);
    if ('number' in of) {
      this.code.i32(8 * (of.number === 31 ? slotOf31 : of.number));
      return;
    }
    const byte = this.#operandByte({ kind: 'register', name: of.field, slotOf31, plus: of.plus });
    this.code.emit(intOp('shl', byte, constant(32, 3)));
  }

  register(number: number): Register {
    return asRegister({ number });
  }
  following(register: Register): Register {
    return asRegister({ ...operand(register), plus: 1 });
  }
  #read<W extends Width>(register: Register, width: W, slotOf31: number): Value<W> {
    this.#pushSlot(register, slotOf31);
    this.code.memory(width === 64 ? op.i64Load : op.i32Load, CELL.x0);
    return value(this.code.keepTop(width));
  }
  x<W extends Width>(register: Register, width: W): Value<W> {
    return this.#read(register, width, SLOT_ZERO);
  }
  xOrSp<W extends Width>(register: Register, width: W): Value<W> {
    return this.#read(register, width, SLOT_SP);
  }

  #write(register: Register, of: Value, slotOf31: number): void {
    const wide = node(node(of).width === 64 ? of : this.zeroExtend(64, of, 32));
    const kept = records(this.#detail, 'full') ? this.code.keep(wide) : wide;
    if (records(this.#detail, 'full')) this.#appendRegister(register, slotOf31, kept);
    this.#pushSlot(register, slotOf31);
    this.code.emit(kept);
    this.code.memory(op.i64Store, CELL.x0);
  }
  /** Writes of the zero register are no writes: the value is stored, and overwritten by the next. */
  #appendRegister(register: Register, slotOf31: number, of: Node): void {
    const { registerPointer } = this.#frame;
    this.use.frame = true;
    this.code.get(registerPointer);
    this.code.emit(of);
    this.code.memory(op.i64Store, 0);
    this.#pushSlot(register, slotOf31);
    this.code.i32(8 * SLOT_DISCARD);
    this.code.int('ne', 32);
    this.code.i32(3);
    this.code.int('shl', 32);
    this.code.get(registerPointer);
    this.code.int('add', 32);
    this.code.set(registerPointer);
  }
  setX(register: Register, of: Value): void {
    this.#write(register, of, SLOT_DISCARD);
  }
  setXOrSp(register: Register, of: Value): void {
    this.#write(register, of, SLOT_SP);
  }

  pc(): Value<64> {
    const records64 = convert(64, op.i64ExtendI32U, intOp('shrU', this.#ip, constant(32, 2)));
    return value(this.code.keep(intOp('add', this.readCell('pcBase'), records64)));
  }
  get #ip(): Node {
    return local(this.#frame.ip);
  }

  /** Appends a 64-bit value to a recording buffer. */
  #append(pointer: number, of: Node): void {
    this.use.frame = true;
    this.code.get(pointer);
    this.code.emit(of);
    this.code.memory(op.i64Store, 0);
    this.#advance(pointer, 8);
  }
  #advance(pointer: number, by: number): void {
    this.code.get(pointer);
    this.code.i32(by);
    this.code.int('add', 32);
    this.code.set(pointer);
  }

  #storeSmall(cell: StateCell, of: Node): void {
    this.code.i32(0);
    this.code.emit(of);
    this.code.memory(op.i32Store, CELL[cell]);
  }
  #loadSmall(cell: StateCell, local: number): void {
    this.code.i32(0);
    this.code.memory(op.i32Load, CELL[cell]);
    this.code.set(local);
  }

  /** Calls TypeScript, which sees pc, and sees and may change budget and the recording pointers, and leaves if redirected. */
  #callOut(push: () => void, index: number): void {
    const { budget, accessPointer, valuePointer, redirected } = this.#frame;
    this.use.frame = true;
    this.code.i32(0);
    this.code.emit(node(this.pc()));
    this.code.memory(op.i64Store, CELL.pc);
    this.#storeSmall('budget', local(budget));
    if (records(this.#detail, 'memory')) this.#storeSmall('accessPointer', local(accessPointer));
    if (records(this.#detail, 'full')) this.#storeSmall('valuePointer', local(valuePointer));
    push();
    this.code.call(index);
    this.code.branchIf(redirected);
    this.#loadSmall('budget', budget);
    if (records(this.#detail, 'memory')) this.#loadSmall('accessPointer', accessPointer);
    if (records(this.#detail, 'full')) this.#loadSmall('valuePointer', valuePointer);
  }

  #checkStack(access: Access): void {
    if (!access.stack) return;
    this.use.stackAccess = true;
    if (!this.#variant.stack) return;
    this.code.i32(0);
    this.code.memory(op.i32Load, CELL.sp);
    this.code.i32(15);
    this.code.int('and', 32);
    this.code.open(op.if);
    this.#callOut(() => {}, this.#imports.stackMisaligned);
    this.code.close();
  }

  /** Pushes nothing; `hit` gets the pool address, `missed` runs after the slow path did the access. */
  #access(
    access: Access,
    operation: 'load' | 'store' | 'probe',
    address: Node,
    hit: (poolAddress: Node) => void,
    slow: { before?: () => void; after?: () => void },
  ): void {
    this.#checkStack(access);
    const { code } = this;
    const va = code.keep(address);
    const alignment = access.aligned ? (access.alignment ?? access.bytes) : access.bytes;
    const index = intOp(
      'and',
      intOp('shrU', convert(32, op.i32WrapI64, va), constant(32, 12)),
      constant(32, DATA_TLB_ENTRIES - 1),
    );
    const tlb = this.readSmallCell(access.unprivileged ? 'tlbUnprivileged' : 'tlb');
    const entry = code.keep(intOp('add', intOp('shl', index, constant(32, Math.log2(DATA_TLB_ENTRY))), tlb));
    const compareTag = (offset: number) => {
      code.emit(entry);
      code.memory(op.i64Load, offset);
      code.emit(intOp('and', va, constant(64, ~0xfffn | BigInt(alignment - 1))));
      code.int('eq', 64);
    };
    compareTag(operation === 'load' ? 0 : 8);
    if (access.atomic) {
      compareTag(8);
      code.int('and', 32);
    } else if (operation !== 'probe' && !access.aligned && access.bytes > 1) {
      // An unaligned access is inline too where it is allowed and within the page.
      code.open(op.if, I32);
      code.i32(1);
      code.else();
      code.emit(entry);
      code.memory(op.i64Load, operation === 'load' ? 0 : 8);
      const tag = code.keepTop(64);
      const elsewhere = (of: Node) => intOp('xor', tag, intOp('and', of, constant(64, ~0xfffn)));
      const last = intOp('add', va, constant(64, access.bytes - 1));
      code.emit(entry);
      code.memory(op.i64Load, 24);
      const allowed = intOp('ltS', intOp('add', code.keepTop(64), va), constant(64, 0));
      code.emit(intOp('and', allowed, intOp('eqz', intOp('or', elsewhere(va), elsewhere(last)))));
      code.close();
    }
    code.open(op.if);
    if (operation !== 'probe') {
      if (records(this.#detail, 'memory') && !access.monitor) {
        code.emit(entry);
        code.memory(op.i64Load, 24);
        this.#append(this.#frame.accessPointer, intOp('add', code.keepTop(64), va));
      }
      pushPoolDelta(code, entry);
      hit(inPool(code, va, code.keepTop(code.poolWidth)));
    }
    code.else();
    slow.before?.();
    this.#callOut(() => {
      // As words: a 64-bit parameter would be a new BigInt.
      code.emit(convert(32, op.i32WrapI64, va));
      code.emit(convert(32, op.i32WrapI64, intOp('shrU', va, constant(64, 32))));
      code.i32(packAccess(access, operation));
    }, this.#imports.access);
    slow.after?.();
    code.close();
  }

  load(access: Access, address: Value<64>): Value<64> {
    const result = this.code.temporary(64);
    const opcode = { 1: op.i64Load8U, 2: op.i64Load16U, 4: op.i64Load32U, 8: op.i64Load, 16: 0 }[
      access.bytes
    ];
    this.#access(
      access,
      'load',
      node(address),
      (poolAddress) => {
        this.code.emit(poolAddress);
        this.code.pool(opcode);
        this.code.set(result.index);
        if (records(this.#detail, 'full') && !access.monitor) this.#append(this.#frame.valuePointer, result);
      },
      {
        after: () => {
          this.code.i32(0);
          this.code.memory(op.i64Load, CELL.result);
          this.code.set(result.index);
        },
      },
    );
    return value(result);
  }

  store(access: Access, address: Value<64>, of: Value): void {
    const wide = node(of).width === 64 ? of : this.zeroExtend(64, of, 32);
    const kept = this.code.keep(node(wide));
    const opcode = { 1: op.i64Store8, 2: op.i64Store16, 4: op.i64Store32, 8: op.i64Store, 16: 0 }[
      access.bytes
    ];
    this.#access(
      access,
      'store',
      node(address),
      (poolAddress) => {
        this.code.emit(poolAddress);
        this.code.emit(kept);
        this.code.pool(opcode);
        if (records(this.#detail, 'full')) {
          const mask = access.bytes === 8 ? -1n : (1n << BigInt(8 * access.bytes)) - 1n;
          this.#append(this.#frame.valuePointer, intOp('and', kept, constant(64, mask)));
        }
      },
      {
        before: () => {
          this.code.i32(0);
          this.code.emit(kept);
          this.code.memory(op.i64Store, CELL.argument0);
        },
      },
    );
  }

  #appendHalves(local: number): void {
    for (const half of [0, 1]) {
      this.#append(this.#frame.valuePointer, node(this.vector.lane(64, local as unknown as Vector, half)));
    }
  }

  /** The result is a v128 local. */
  #loadVector(access: VectorAccess, address: Value<64>): number {
    const { code } = this;
    const result = code.local('v128');
    this.#access(
      { ...access, bytes: 16 },
      'load',
      node(address),
      (poolAddress) => {
        code.emit(poolAddress);
        code.simdMemory(simd.load, 0, true);
        code.set(result);
        if (records(this.#detail, 'full')) this.#appendHalves(result);
      },
      {
        after: () => {
          code.i32(0);
          code.memory(op.i64Load, CELL.result);
          const low = value<64>(code.keepTop(64));
          code.i32(0);
          code.memory(op.i64Load, CELL.resultHigh);
          const high = value<64>(code.keepTop(64));
          code.get(this.vector.withLane(64, this.vector.fromLow(low), 1, high) as unknown as number);
          code.set(result);
        },
      },
    );
    return result;
  }
  #storeVector(access: VectorAccess, address: Value<64>, local: number): void {
    const { code } = this;
    this.#access(
      { ...access, bytes: 16 },
      'store',
      node(address),
      (poolAddress) => {
        code.emit(poolAddress);
        code.get(local);
        code.simdMemory(simd.store, 0, true);
        if (records(this.#detail, 'full')) this.#appendHalves(local);
      },
      {
        before: () => {
          [CELL.argument0, CELL.argument1].forEach((cell, half) => {
            const part = node(this.vector.lane(64, local as unknown as Vector, half));
            code.i32(0);
            code.emit(part);
            code.memory(op.i64Store, cell);
          });
        },
      },
    );
  }

  probeStore(access: Access, address: Value<64>): void {
    this.#access(access, 'probe', node(address), () => {}, {});
  }

  #end(label: number): void {
    this.code.branch(label);
    this.terminated = true;
  }

  branch(offset: Value<64>): void {
    this.use.branches = true;
    if (this.#variant.near) {
      this.code.emit(intOp('add', this.#ip, convert(32, op.i32WrapI64, node(offset))));
      this.code.set(this.#frame.ip);
      this.#end(this.#frame.next);
    } else {
      this.#jump(this.add(this.pc(), offset));
    }
  }

  #atom(taken: Node): void {
    this.use.decides = true;
    if (!records(this.#detail, 'flow')) return;
    this.code.get(this.#frame.atomPointer);
    this.code.emit(taken);
    this.code.memory(op.i32Store8, 0);
    this.#advance(this.#frame.atomPointer, 1);
  }
  decided(yes: Value<32>): void {
    this.#atom(node(yes));
  }
  branchIf(condition: Value<32>, offset: Value<64>): void {
    this.use.branches = true;
    const taken = this.code.keep(node(condition));
    this.#atom(taken);
    if (this.#variant.near) {
      const distance = convert(32, op.i32WrapI64, node(offset));
      const step = select(taken, distance, constant(32, RECORD_SIZE));
      this.code.emit(intOp('add', this.#ip, step));
      this.code.set(this.#frame.ip);
      this.#end(this.#frame.next);
      return;
    }
    this.code.emit(taken);
    this.code.open(op.if);
    this.#jump(this.add(this.pc(), offset));
    this.code.close();
    this.terminated = false;
  }

  branchIndirect(target: Value<64>, kind: IndirectBranch): void {
    const address = this.keep(target);
    const type = this.branchType(kind);
    if (type) {
      this.use.frame = true;
      const budget = intOp('shl', local(this.#frame.budget), constant(32, 2));
      this.#storeSmall('branched', intOp('or', budget, type));
    }
    if (records(this.#detail, 'flow')) this.#append(this.#frame.targetPointer, node(address));
    this.#jump(address);
  }

  #jump(target: Value<64>): void {
    this.code.emit(node(target));
    this.code.set(this.#frame.target);
    this.#end(this.#frame.jump);
  }

  call(name: RuntimeCall, ...args: Value<64>[]): Value<64> {
    if (name === 'exceptionReturn')
      emitReturn(this.code, this.#frame.budget, this.#frame.target, this.#frame.jump);
    if (!hasShortcut(name)) return this.#callRuntime(name, args);
    const { code } = this;
    const kept = args.map((argument) => this.keep(argument));
    const result = code.temporary(64);
    const done = code.open(op.block);
    const called = code.open(op.block);
    const read = emitShortcut(code, name, kept, (condition) => {
      code.emit(condition);
      code.branchIf(called);
    });
    if (read) {
      code.emit(read);
      code.set(result.index);
    }
    code.branch(done);
    code.close();
    code.emit(node(this.#callRuntime(name, kept)));
    code.set(result.index);
    code.close();
    return value(result);
  }

  #callRuntime(name: RuntimeCall, args: readonly Value<64>[]): Value<64> {
    args.forEach((argument, i) => {
      this.code.i32(0);
      this.code.emit(node(argument));
      this.code.memory(op.i64Store, i === 0 ? CELL.argument0 : CELL.argument1);
    });
    const index = RUNTIME_CALLS.indexOf(name);
    if (index < 0) throw new Error(`runtime call ${name} has no number`);
    this.#callOut(() => this.code.i32(index), this.#imports.runtime);
    if (!RETURNS.has(name)) return this.constant(64, 0);
    this.code.i32(0);
    this.code.memory(op.i64Load, CELL.result);
    return value(this.code.keepTop(64));
  }
}
