/**
 * What an instruction reads and writes, derived from the instruction table: a back end of the semantics functions that computes
 * nothing and builds expressions. Both sides of a condition count as done.
 */
import type { Access, Emitter, IndirectBranch, Register, RuntimeCall, Value, Width } from '../isa/emitter.ts';
import { REGISTER_NAMES } from '../isa/row.ts';
import { decode } from '../isa/table.ts';
import type { Expression } from './expression.ts';

export interface MemoryEffect {
  readonly store: boolean;
  readonly bytes: number;
  readonly address: Expression;
  /** What is stored. */
  readonly value?: Expression;
}

export interface RegisterEffect {
  /** X0 to X30; 31 is the stack pointer. */
  readonly register: number;
  readonly value: Expression;
}

export interface Effects {
  /** Name of the row; undefined where the word is unallocated. */
  readonly name: string | undefined;
  readonly registers: readonly RegisterEffect[];
  readonly accesses: readonly MemoryEffect[];
  /** The target of an indirect branch. */
  readonly target: Expression | undefined;
  readonly branch: 'jump' | 'call' | 'return' | 'conditional' | undefined;
  /** The condition of a conditional branch, where it depends on a register: CBZ, TBZ and their kin. */
  readonly condition: Expression | undefined;
  /** A register written by MSR, and its value. */
  readonly system: { readonly encoding: number; readonly value: Expression } | undefined;
}

const known = new Map<number, Effects>();

export function effectsOf(word: number): Effects {
  let effects = known.get(word);
  if (effects === undefined) {
    effects = new EffectBuilder().run(word);
    known.set(word, effects);
  }
  return effects;
}

const asValue = <W extends Width>(expression: Expression): Value<W> => expression as unknown as Value<W>;
const asExpression = (value: Value): Expression => value as unknown as Expression;
const numberOf = (register: Register): number => register as unknown as number;

const constant = (value: number | bigint, width: Width): Expression => ({
  op: 'constant',
  value: BigInt.asUintN(width, BigInt(value)),
});

class EffectBuilder {
  readonly #registers: RegisterEffect[] = [];
  readonly #accesses: MemoryEffect[] = [];
  #target: Expression | undefined;
  #branch: Effects['branch'];
  #condition: Expression | undefined;
  #system: Effects['system'];

  run(word: number): Effects {
    const decoded = decode(word);
    if (decoded?.row.execute !== undefined) {
      const { row, fields } = decoded;
      const operands: { [name: string]: unknown } = { ...row.shape(fields) };
      for (const name of REGISTER_NAMES) if (name in fields) operands[name] = fields[name];
      for (const [name, derive] of Object.entries(row.bytes)) operands[name] = constant(derive(fields), 32);
      if (row.imm) operands['imm'] = constant(row.imm(fields), 64);
      const execute = row.execute as (operands: object, e: Emitter) => void;
      execute(operands, this.#emitter());
    }
    return {
      name: decoded?.row.name,
      registers: this.#registers,
      accesses: this.#accesses,
      target: this.#target,
      branch: this.#branch,
      condition: this.#condition,
      system: this.#system,
    };
  }

  #emitter(): Emitter {
    const pure =
      (name: string, width?: Width) =>
      (...of: Value[]) =>
        this.#compute(name, width ?? widthOf(asExpression(of[0])), of.map(asExpression));
    const compare = (name: string) => pure(name, 32);
    const register = (n: Register, width: Width, zero: boolean) =>
      asValue<never>(
        zero && numberOf(n) === 31
          ? constant(0, width)
          : { op: 'register', register: numberOf(n), width: width },
      );
    const state = (name: string) => asValue<never>({ op: 'state', name });
    const emitter = {
      constant: (width: Width, n: number | bigint) => asValue(constant(n, width)),
      isZero: compare('isZero'),
      equal: compare('equal'),
      lessUnsigned: compare('lessUnsigned'),
      lessSigned: compare('lessSigned'),
      select: (condition: Value, a: Value, b: Value) =>
        this.#compute('select', widthOf(asExpression(a)), [condition, a, b].map(asExpression)),
      signExtend: (width: Width, a: Value, bits: number) => pure(`signExtend${bits}`, width)(a),
      zeroExtend: (width: Width, a: Value, bits: number) => pure(`zeroExtend${bits}`, width)(a),
      low: (a: Value) => pure('low', 32)(a),
      keep: (a: Value) => a,
      x: (n: Register, width: Width) => register(n, width, true),
      xOrSp: (n: Register, width: Width) => register(n, width, false),
      setX: (n: Register, value: Value) => {
        if (numberOf(n) !== 31) emitter.setXOrSp(n, value);
      },
      setXOrSp: (n: Register, value: Value) =>
        this.#registers.push({ register: numberOf(n), value: asExpression(value) }),
      register: (n: number) => n,
      following: (n: Register) => numberOf(n) + 1,
      pc: () => asValue({ op: 'pc' }),
      setFlagsAdd: () => {},
      setFlagsSubtract: () => {},
      setFlagsLogical: () => {},
      setNzcv: () => {},
      nzcv: () => state('flags'),
      carry: () => state('flags'),
      condition: () => state('flags'),
      load: (access: Access, address: Value) => {
        if (access.monitor) return state('exclusive monitor');
        const index = this.#accesses.length;
        this.#accesses.push({ store: false, bytes: access.bytes, address: asExpression(address) });
        return asValue({ op: 'load', access: index });
      },
      store: (access: Access, address: Value, value: Value) =>
        this.#accesses.push({
          store: true,
          bytes: access.bytes,
          address: asExpression(address),
          value: asExpression(value),
        }),
      probeStore: () => {},
      cell: (name: string) => state(name),
      setCell: () => {},
      when: (_condition: Value, then: () => void, otherwise?: () => void) => {
        then();
        otherwise?.();
      },
      branch: () => {
        if (this.#registers.some(({ register }) => register === 30)) this.#branch = 'call';
      },
      branchIf: (condition: Value) => {
        this.#branch = 'conditional';
        this.#condition = asExpression(condition);
      },
      branchIndirect: (target: Value, kind: IndirectBranch) => {
        this.#target = asExpression(target);
        this.#branch = kind === 'veneer' ? 'jump' : kind;
      },
      call: (name: RuntimeCall, ...args: Value[]) => {
        const [first, second] = args.map(asExpression);
        const encoding = first?.op === 'constant' ? Number(first.value) : 0;
        if (name === 'readSystemRegister') return asValue({ op: 'system register', encoding });
        if (name === 'writeSystemRegister') this.#system = { encoding, value: second };
        // Signed or not it is the same pointer, so that a copy shows as one.
        if (/^(pac|aut)[id][ab]$|^xpac[id]$/.test(name)) return asValue(first);
        if (name === 'pacga') return this.#compute(name, 64, [first, second]);
        return state(name);
      },
    };
    const computations = [
      'add',
      'sub',
      'mul',
      'mulHighUnsigned',
      'mulHighSigned',
      'divUnsigned',
      'divSigned',
      'and',
      'or',
      'xor',
      'not',
      'shiftLeft',
      'shiftRight',
      'shiftRightSigned',
      'rotateRight',
      'countLeadingZeros',
    ];
    return Object.assign(
      emitter,
      Object.fromEntries(computations.map((name) => [name, pure(name)])),
    ) as unknown as Emitter;
  }

  /** Operations that change nothing are left out, so that a copy shows as one. */
  #compute(name: string, width: Width, of: Expression[]): Value<never> {
    const [a, b] = of;
    const isConstant = (e: Expression | undefined, value: bigint) =>
      e?.op === 'constant' && e.value === value;
    if ((name === 'or' || name === 'add' || name === 'xor') && isConstant(a, 0n)) return asValue(b);
    if (['or', 'add', 'sub', 'xor', 'shiftLeft'].includes(name) && isConstant(b, 0n)) return asValue(a);
    return asValue({ op: 'compute', name, width, of });
  }
}

function widthOf(expression: Expression): Width {
  return expression.op === 'compute' || expression.op === 'register' ? expression.width : 64;
}

/** Destinations of an instruction as a bit mask, bit 31 the stack pointer: for quick scans. */
const masks = new Map<number, number>();
export function destinations(word: number): number {
  let mask = masks.get(word);
  if (mask === undefined) {
    mask = effectsOf(word).registers.reduce((bits, { register }) => bits | (1 << register), 0);
    masks.set(word, mask);
  }
  return mask;
}
