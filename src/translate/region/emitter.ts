/**
 * The region translator's Emitter: fields are constants, guest registers are locals of the region's function, flags are kept as
 * operands. An instruction that cannot complete inline leaves the region with everything as it was before it.
 *
 * Writes of registers are put off to the end of their instruction, so that a value read from a register stays what it was.
 */
import { CELL } from '../../cpu/state.ts';
import type { Access, Cell, IndirectBranch, Register, RuntimeCall, Value } from '../../isa/emitter.ts';
import type { Vector, VectorAccess } from '../../isa/vector_emitter.ts';
import { type Detail, records } from '../detail.ts';
import { DATA_TLB_ENTRIES, DATA_TLB_ENTRY } from '../layout.ts';
import { inPool, pushPoolDelta } from '../pool.ts';
import { emitShortcut, hasShortcut } from '../shortcuts.ts';
import { type CodeBuffer, constant, convert, intOp, local, type Node } from '../wasm/expression.ts';
import { int, op, simd } from '../wasm/opcodes.ts';
import { node, value } from '../wasm_emitter.ts';
import { WasmVectorEmitter } from '../wasm_vector.ts';
import { FlagsEmitter, type FlagsOperands } from './flags_emitter.ts';
import { FLAGS_IN_LOCALS, type FlagsState } from './flags_state.ts';
import type { Instruction, Registers } from './instruction.ts';
import { guessLocal, LOCALS, MOST_GUESSES } from './locals.ts';
import { knownRegister, numberOf } from './operands.ts';

/** What ends a block, as its last instruction says it. */
export type Ending =
  | { readonly control: 'none' | 'direct' }
  /** `condition` is a local or a constant. */
  | { readonly control: 'conditional'; readonly condition: Node }
  /** The address is in local `target`; what BTYPE becomes, absent of a return. */
  | { readonly control: 'indirect'; readonly branchType?: Node };

const SP = 31;

/** From an address on the stack to where in the inline TLB its entry is. */
function pushTlbOffset(code: CodeBuffer): void {
  code.byte(op.i32WrapI64);
  code.i32(12 - Math.log2(DATA_TLB_ENTRY));
  code.int('shrU', 32);
  code.i32((DATA_TLB_ENTRIES - 1) * DATA_TLB_ENTRY);
  code.int('and', 32);
}

/** The code of an instruction that is the same wherever it stands: it is made once. */
export interface RepeatedCode {
  readonly code: Uint8Array;
  readonly ending: Ending;
}

/** An access whose TLB entry was found. */
interface InlineAccess {
  readonly operation: 'load' | 'store';
  readonly bytes: number;
  readonly entry: Node;
  readonly va: Node;
  readonly poolAddress: Node;
  /** What the access is behind `va` and `poolAddress`. */
  readonly distance: number;
}

const ADD = int.add[1];

/** The constant n where `address` is `base + n`, n from 1 on. */
function distanceFrom(base: Node, address: Node): number | undefined {
  if (base.kind !== 'local' || address.kind !== 'operation' || address.opcode !== ADD) return undefined;
  const { first, second } = address;
  const based = first.kind === 'local' && first.index === base.index;
  return based && second?.kind === 'constant' && second.value > 0 ? Number(second.value) : undefined;
}

export class RegionEmitter extends FlagsEmitter {
  readonly #detail: Detail;
  /** Registers through which accesses guess where their page is in the pool (guess.ts), and how many do. */
  #pointers: Registers = 0;
  #guesses = 0;
  /** The present instruction reads one of these registers. */
  #followsPointer = false;
  readonly #repeated: WeakMap<Instruction, RepeatedCode>;
  readonly vector: WasmVectorEmitter;
  /** An instruction on SIMD and floating-point registers was emitted; and in this block, so that they are known not to be trapped. */
  usesVectors = false;
  #untrapped = false;
  /** Leads out of the region in front of the present instruction. */
  #leave = 0;
  /** Registers that any instruction read or wrote. */
  used: Registers = 0;
  written: Registers = 0;
  #word = 0;
  #ending: Ending = { control: 'none' };
  #pending: { readonly register: number; readonly of: Node }[] = [];
  /** Accesses of the present instruction that are in the recording. */
  #recorded = 0;
  /** Those of them that are 16 bytes wide: two values each. */
  #wide = 0;
  /** The first access of the present instruction. */
  #first: InlineAccess | undefined;

  /** `repeated` is of regions with the same detail, functions, and width of the pool's addresses. */
  constructor(
    code: CodeBuffer,
    detail: Detail,
    functions: { readonly flags: number; readonly float: number },
    repeated: WeakMap<Instruction, RepeatedCode>,
  ) {
    super(code, functions.flags);
    this.#detail = detail;
    this.#repeated = repeated;
    this.vector = new WasmVectorEmitter(this, {
      registerNumber: () => {
        throw new Error("the numbers of a region's registers are known");
      },
      callFloat: (operation) => {
        code.i32(operation);
        code.call(functions.float);
      },
      loadVector: (access, address) => this.#loadVector(access, address),
      storeVector: (access, address, from) => this.#storeVector(access, address, from),
    });
  }

  /** A block begins, with these flags; accesses through `pointers` may guess. */
  beginBlock(flags: FlagsState, pointers: Registers): void {
    this.flags = flags;
    this.#pointers = pointers;
    this.#untrapped = false;
  }

  /** Emits the instruction at word `index` of the page; where it `leaves`, the label `leave` is where to. */
  instruction(instruction: Instruction, index: number, leave: number): Ending {
    const { code } = this;
    code.releaseTemporaries();
    this.used |= instruction.reads | instruction.written;
    this.written |= instruction.written;
    this.beginInstruction(instruction);
    const mayGuess =
      instruction.accesses > 0 && (instruction.reads & this.#pointers) !== 0 && this.#guesses < MOST_GUESSES;
    const repeatable = instruction.repeatable && !mayGuess;
    const repeated = repeatable ? this.#repeated.get(instruction) : undefined;
    if (repeated) {
      code.append(repeated.code);
      this.endInstruction();
      return repeated.ending;
    }
    const start = code.length;
    this.#leave = leave;
    this.#word = index;
    this.#ending = { control: 'none' };
    this.#recorded = 0;
    this.#wide = 0;
    this.#first = undefined;
    this.#followsPointer = false;
    if (instruction.onVectors && !this.#untrapped) {
      this.usesVectors = true;
      this.#untrapped = true;
      this.code.i32(0);
      this.code.memory(op.i32Load, CELL.vectorsTrapped);
      this.#leaveIf();
    }
    instruction.row!.execute!(instruction.operands, this);
    this.#flush();
    if (repeatable) this.#repeated.set(instruction, { code: code.toBytes(start), ending: this.#ending });
    this.endInstruction();
    return this.#ending;
  }

  register(number: number): Register {
    return knownRegister(number);
  }
  following(register: Register): Register {
    return knownRegister(numberOf(register) + 1);
  }
  x<W extends 32 | 64>(register: Register, width: W): Value<W> {
    const number = numberOf(register);
    return number === 31 ? this.constant(width, 0) : this.#read(number, width);
  }
  xOrSp<W extends 32 | 64>(register: Register, width: W): Value<W> {
    return this.#read(numberOf(register), width);
  }
  #read<W extends 32 | 64>(number: number, width: W): Value<W> {
    if (((this.#pointers >>> number) & 1) === 1) this.#followsPointer = true;
    const pending = this.#pending.findLast(({ register }) => register === number);
    const wide = pending ? pending.of : local(LOCALS.x0 + number, 64);
    return value(width === 64 ? wide : convert(32, op.i32WrapI64, wide));
  }

  setX(register: Register, of: Value): void {
    if (numberOf(register) !== 31) this.#write(numberOf(register), of);
  }
  setXOrSp(register: Register, of: Value): void {
    this.#write(numberOf(register), of);
  }
  #write(register: number, of: Value): void {
    this.notOnlyFlags();
    let wide = node(node(of).width === 64 ? of : this.zeroExtend(64, of, 32));
    if (records(this.#detail, 'full')) {
      wide = this.code.keep(wide);
      this.#append(LOCALS.registerPointer, wide);
    }
    this.#pending = this.#pending.filter((other) => other.register !== register);
    this.#pending.push({ register, of: wide });
  }
  /** All values are computed before the first register changes. */
  #flush(): void {
    for (const { of } of this.#pending) this.code.emit(of);
    for (const { register } of [...this.#pending].reverse()) this.code.set(LOCALS.x0 + register);
    this.#pending = [];
  }

  pc(): Value<64> {
    return value(intOp('add', local(LOCALS.vaPage, 64), constant(64, 4 * this.#word)));
  }

  #append(pointer: number, of: Node): void {
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

  // Memory.

  /**
   * Leaves the region unless the access can be done inline. A second access of an instruction at a constant distance from the
   * first, which pairs have, uses the first one's TLB entry.
   */
  #access(access: Access, operation: 'load' | 'store', address: Node): InlineAccess {
    this.notOnlyFlags();
    const { code } = this;
    if (access.stack && numberOf(access.stack) === SP) {
      this.#leaveIf(intOp('and', convert(32, op.i32WrapI64, local(LOCALS.x0 + SP, 64)), constant(32, 15)));
    }
    const first = this.#first;
    const distance = first && distanceFrom(first.va, address);
    if (first && distance && first.operation === operation && first.bytes === access.bytes) {
      const last = intOp('add', address, constant(64, access.bytes - 1));
      const crossed = intOp('and', intOp('xor', last, first.va), constant(64, ~0xfffn));
      this.#leaveIf(intOp('ne', crossed, constant(64, 0)));
      return { ...first, distance };
    }
    const va = code.keep(address);
    const alignment = access.aligned ? (access.alignment ?? access.bytes) : access.bytes;
    const tlb = access.unprivileged ? this.readSmallCell('tlbUnprivileged') : local(LOCALS.tlb, 32);
    // Straight to code: this is a third of all that is emitted, and expressions would cost as much again.
    code.emit(va);
    pushTlbOffset(code);
    code.emit(tlb);
    code.int('add', 32);
    const entry = code.keepTop(32);
    code.get(entry.index);
    code.memory(op.i64Load, operation === 'load' ? 0 : 8);
    const tag = code.keepTop(64);
    code.get(tag.index);
    code.emit(va);
    code.i64(~0xfff | (alignment - 1));
    code.int('and', 64);
    code.int('ne', 64);
    code.open(op.if);
    if (!access.aligned && access.bytes > 1) {
      // An unaligned access is inline too where it is allowed and within the page: its offset from the tag is small. A tag that
      // matches nothing has low bits.
      code.i64(4096 - access.bytes);
      code.emit(va);
      code.get(tag.index);
      code.int('sub', 64);
      code.get(tag.index);
      code.i64(52);
      code.int('shl', 64);
      code.int('or', 64);
      code.int('ltU', 64);
      this.#leaveIf();
      code.get(entry.index);
      code.memory(op.i64Load, 24);
      code.get(code.keepTop(64).index);
      code.emit(va);
      code.int('add', 64);
      code.i64(0);
      code.int('ltS', 64);
      code.int('eqz', 32);
      this.#leaveIf();
    } else this.#leaveNow();
    code.close();
    pushPoolDelta(code, entry);
    const delta = code.keepTop(code.poolWidth);
    const guessed = operation === 'load' && this.#followsPointer && this.#guesses < MOST_GUESSES;
    const poolAddress = code.keep(inPool(code, va, guessed ? this.#guess(delta) : delta));
    const made = { operation, bytes: access.bytes, entry, va, poolAddress, distance: 0 };
    this.#first = access.unprivileged || access.aligned ? undefined : made;
    return made;
  }
  /** A guess of the pool delta that is compared with it. */
  #guess(delta: Node): Node {
    const { code } = this;
    const guess = guessLocal(this.#guesses++, code.poolWidth);
    code.emit(intOp('ne', delta, guess));
    code.open(op.if);
    code.emit(delta);
    code.set(guess.index);
    code.close();
    return guess;
  }
  /** The condition is on the stack where it is not given. */
  #leaveIf(condition?: Node): void {
    if (condition) this.code.emit(condition);
    if (this.#recorded === 0) this.code.branchIf(this.#leave);
    else {
      this.code.open(op.if);
      this.#leaveNow();
      this.code.close();
    }
  }
  #leaveNow(): void {
    if (this.#recorded > 0) {
      this.#advance(LOCALS.accessPointer, -8 * this.#recorded);
      if (records(this.#detail, 'full'))
        this.#advance(LOCALS.valuePointer, -8 * (this.#recorded + this.#wide));
    }
    this.code.branch(this.#leave);
  }
  #record(access: Access, { entry, va, distance }: InlineAccess): void {
    if (!records(this.#detail, 'memory') || access.monitor) return;
    this.code.get(LOCALS.accessPointer);
    this.code.emit(entry);
    this.code.memory(op.i64Load, 24);
    this.code.emit(va);
    this.code.int('add', 64);
    if (distance !== 0) {
      this.code.i64(distance);
      this.code.int('add', 64);
    }
    this.code.memory(op.i64Store, 0);
    this.#advance(LOCALS.accessPointer, 8);
    this.#recorded += 1;
  }

  load(access: Access, address: Value<64>): Value<64> {
    const inline = this.#access(access, 'load', node(address));
    this.#record(access, inline);
    this.code.emit(inline.poolAddress);
    const opcode = { 1: op.i64Load8U, 2: op.i64Load16U, 4: op.i64Load32U, 8: op.i64Load, 16: 0 }[
      access.bytes
    ];
    this.code.pool(opcode, inline.distance);
    const result = this.code.keepTop(64);
    if (records(this.#detail, 'full') && !access.monitor) this.#append(LOCALS.valuePointer, result);
    return value(result);
  }
  store(access: Access, address: Value<64>, of: Value): void {
    const wide = this.code.keep(node(node(of).width === 64 ? of : this.zeroExtend(64, of, 32)));
    const inline = this.#access(access, 'store', node(address));
    this.#record(access, inline);
    this.code.emit(inline.poolAddress);
    this.code.emit(wide);
    const opcode = { 1: op.i64Store8, 2: op.i64Store16, 4: op.i64Store32, 8: op.i64Store, 16: 0 }[
      access.bytes
    ];
    this.code.pool(opcode, inline.distance);
    if (records(this.#detail, 'full')) {
      const mask = access.bytes === 8 ? -1n : (1n << BigInt(8 * access.bytes)) - 1n;
      this.#append(LOCALS.valuePointer, intOp('and', wide, constant(64, mask)));
    }
  }
  #loadVector(access: VectorAccess, address: Value<64>): number {
    const whole: Access = { ...access, bytes: 16 };
    const inline = this.#access(whole, 'load', node(address));
    this.#record(whole, inline);
    this.code.emit(inline.poolAddress);
    this.code.simdMemory(simd.load, inline.distance, true);
    const result = this.code.local('v128');
    this.code.set(result);
    this.#appendHalves(result);
    return result;
  }
  #storeVector(access: VectorAccess, address: Value<64>, from: number): void {
    const whole: Access = { ...access, bytes: 16 };
    const inline = this.#access(whole, 'store', node(address));
    this.#record(whole, inline);
    this.code.emit(inline.poolAddress);
    this.code.get(from);
    this.code.simdMemory(simd.store, inline.distance, true);
    this.#appendHalves(from);
  }
  #appendHalves(from: number): void {
    if (!records(this.#detail, 'full')) return;
    this.#wide += 1;
    for (const half of [0, 1])
      this.#append(LOCALS.valuePointer, node(this.vector.lane(64, from as unknown as Vector, half)));
  }

  probeStore(access: Access, address: Value<64>): void {
    this.#access(access, 'store', node(address));
  }

  override setCell(cell: Cell, of: Value<64>): void {
    this.notOnlyFlags();
    super.setCell(cell, of);
  }

  // Control.

  override when(condition: Value<32>, then: () => void, otherwise?: () => void): void {
    this.notOnlyFlags();
    const { code } = this;
    this.#flush();
    const chosen = code.keep(node(condition));
    const [start, depth] = [code.length, code.depth];
    const before = this.flags;
    if (otherwise) {
      const [ifTrue, ifFalse] = [this.#capture(then), this.#capture(otherwise)];
      if (typeof ifTrue === 'object' && typeof ifFalse === 'number') {
        this.chooseFlags(chosen, ifTrue, ifFalse);
        return;
      }
    }
    code.length = start;
    code.depth = depth;
    const setsFlags = this.present.flags !== undefined;
    if (setsFlags) this.moveFlags(before, FLAGS_IN_LOCALS);
    const merged = setsFlags ? FLAGS_IN_LOCALS : before;
    this.flags = merged;
    this.#first = undefined;
    const recordedBefore = this.#recorded;
    code.emit(chosen);
    code.open(op.if);
    then();
    this.#flush();
    this.moveFlags(this.flags, merged);
    const recordedThen = this.#recorded;
    this.#recorded = recordedBefore;
    this.flags = merged;
    this.#first = undefined;
    if (otherwise) {
      code.else();
      otherwise();
      this.#flush();
      this.moveFlags(this.flags, merged);
    }
    code.close();
    this.flags = merged;
    this.#recorded = Math.max(recordedThen, this.#recorded);
    this.#first = undefined;
  }
  /** As `captureFlags`; what else the arm may have changed is as before. */
  #capture(arm: () => void): FlagsOperands | number | undefined {
    const before = { pending: this.#pending, recorded: this.#recorded };
    const captured = this.captureFlags(arm);
    this.#pending = before.pending;
    this.#recorded = before.recorded;
    return captured;
  }

  branch(): void {
    this.#flush();
    this.#ending = { control: 'direct' };
  }
  #atom(taken: Node): void {
    if (!records(this.#detail, 'flow')) return;
    this.code.get(LOCALS.atomPointer);
    this.code.emit(taken);
    this.code.memory(op.i32Store8, 0);
    this.#advance(LOCALS.atomPointer, 1);
  }
  decided(yes: Value<32>): void {
    this.#atom(node(yes));
  }
  branchIf(condition: Value<32>): void {
    const taken = this.code.keep(node(condition));
    this.#atom(taken);
    this.#ending = { control: 'conditional', condition: taken };
  }
  branchIndirect(target: Value<64>, kind: IndirectBranch): void {
    const branchType = this.branchType(kind);
    this.code.emit(node(target));
    this.code.set(LOCALS.target);
    if (records(this.#detail, 'flow')) this.#append(LOCALS.targetPointer, local(LOCALS.target, 64));
    this.#flush();
    this.#ending = { control: 'indirect', ...(branchType && { branchType }) };
  }

  /** Leaves the region where there is no shortcut. */
  call(name: RuntimeCall, ...args: Value<64>[]): Value<64> {
    if (!hasShortcut(name)) throw new Error('a region holds no call to the machine');
    this.notOnlyFlags();
    const read = emitShortcut(
      this.code,
      name,
      args.map((argument) => this.keep(argument)),
      (condition) => this.#leaveIf(condition),
    );
    return read ? value(read) : this.constant(64, 0);
  }
}
