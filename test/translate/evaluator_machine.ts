/** A flat little machine around the evaluator: memory that faults where it is told, a runtime that notes its calls. */
import { CpuState, STATE_BASE, STATE_SIZE } from '../../src/cpu/state.ts';
import type { Access, Runtime } from '../../src/isa/emitter.ts';
import { assemble } from '../../src/isa/pattern.ts';
import { ROWS } from '../../src/isa/table.ts';
import { Evaluator, type MemoryPort, type RedirectingRuntime } from '../../src/translate/evaluator.ts';

/** Where exceptions go. */
export const VECTOR = 0xeeee_0000n;

/** The calls that take an exception, or return from one. */
const REDIRECTING: ReadonlySet<keyof Runtime> = new Set([
  'supervisorCall',
  'hypervisorCall',
  'secureMonitorCall',
  'breakpoint',
  'halt',
  'undefinedInstruction',
  'exceptionReturn',
] as const);
export const SYSTEM_REGISTER_VALUE = 0x1234_5678_9abc_def0n;

export class LittleMachine implements MemoryPort {
  readonly state = new CpuState(new ArrayBuffer(STATE_BASE + STATE_SIZE));
  readonly bytes = new Map<bigint, number>();
  /** Accesses at this address fault. */
  faulting: bigint | undefined;
  readonly log: string[] = [];
  readonly evaluator: Evaluator;

  constructor() {
    const { log, state } = this;
    const runtime = new Proxy({ redirected: false } as RedirectingRuntime, {
      get: (target, name: keyof RedirectingRuntime) => {
        if (name === 'redirected') return target.redirected;
        if (name === 'features') return undefined;
        return (...args: bigint[]) => {
          log.push([name, ...args.map((n) => n.toString(16))].join(' '));
          if (REDIRECTING.has(name)) {
            state.set('pc', VECTOR);
            target.redirected = true;
          }
          return SYSTEM_REGISTER_VALUE;
        };
      },
    });
    const flow = {
      atom: (taken: boolean) => log.push(`atom ${taken}`),
      target: (address: bigint) => log.push(`target ${address.toString(16)}`),
    };
    const values = {
      registerWrite: (register: number, value: bigint) => log.push(`r${register} = ${value.toString(16)}`),
      memoryValue: (value: bigint) => log.push(`value ${value.toString(16)}`),
    };
    this.evaluator = new Evaluator(state, this, runtime, flow, values);
    state.set('pc', 0x1000n);
    state.nzcv = 0;
    state.set('exclusiveAddress', 2n ** 64n - 1n);
  }

  #fault(address: bigint): boolean {
    if (address !== this.faulting) return false;
    this.state.set('pc', VECTOR);
    return true;
  }
  load(access: Access, address: bigint): bigint | undefined {
    if (this.#fault(address)) return undefined;
    let value = 0n;
    for (let i = access.bytes - 1; i >= 0; i--)
      value = (value << 8n) | BigInt(this.bytes.get(address + BigInt(i)) ?? 0);
    return value;
  }
  store(access: Access, address: bigint, value: bigint): boolean {
    if (this.#fault(address)) return false;
    for (let i = 0; i < access.bytes; i++)
      this.bytes.set(address + BigInt(i), Number((value >> BigInt(8 * i)) & 255n));
    return true;
  }
  probeStore(_access: Access, address: bigint): boolean {
    return !this.#fault(address);
  }

  /** Executes the row with these field values; others are 0. */
  run(name: string, fields: { readonly [name: string]: number } = {}): boolean {
    const row = ROWS.find((candidate) => candidate.name === name);
    if (!row) throw new Error(`no row ${name}`);
    return this.evaluator.execute(assemble(row.pattern, fields));
  }

  setRegisters(values: { readonly [register: number]: bigint }): this {
    for (const [register, value] of Object.entries(values)) {
      if (register === '31') this.state.set('sp', value);
      else this.state.setX(Number(register), value);
    }
    return this;
  }
}
