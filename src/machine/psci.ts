/**
 * PSCI 1.1 as QEMU 7.2 has it (DEN 0022). Checked call by call with a probe under QEMU: which functions exist, what PSCI_FEATURES
 * says of them, and that everything else, SMCCC_VERSION too, answers NOT_SUPPORTED.
 */

/** What PSCI does to the machine. */
export interface PowerControl {
  /** The CPU with this affinity; the argument must be the bare affinity fields of MPIDR_EL1. */
  cpuOf(affinity: bigint): number | undefined;
  power(cpu: number): 'on' | 'off' | 'pending';
  /** Starts a CPU at `entry` with X0 = `context`, at the highest exception level, MMU off, interrupts masked. */
  switchOn(cpu: number, entry: bigint, context: bigint): void;
  /** The calling CPU stops; it does not return. */
  switchOff(): void;
  /** As WFI. */
  suspend(): void;
  systemOff(): void;
  systemReset(): void;
}

const SUCCESS = 0n;
const NOT_SUPPORTED = -1n;
const INVALID_PARAMETERS = -2n;
const ALREADY_ON = -4n;
const ON_PENDING = -5n;

const VERSION_1_1 = 0x1_0001n;
/** MIGRATE_INFO_TYPE: no trusted OS that would need to migrate. */
const MIGRATION_NOT_REQUIRED = 2n;
const STATE = { on: 0n, off: 1n, pending: 2n } as const;

type Call = (power: PowerControl, a: bigint, b: bigint, c: bigint) => bigint | undefined;

const cpuSuspend: Call = (power, state) => {
  // Power states other than standby of this CPU need affinity levels that are not there.
  if (state & 0xfffe_0000n) return INVALID_PARAMETERS;
  power.suspend();
  return SUCCESS;
};
const cpuOff: Call = (power) => {
  power.switchOff();
  return undefined;
};
const cpuOn: Call = (power, affinity, entry, context) => {
  const cpu = power.cpuOf(affinity);
  if (cpu === undefined || entry & 3n) return INVALID_PARAMETERS;
  const state = power.power(cpu);
  if (state !== 'off') return state === 'on' ? ALREADY_ON : ON_PENDING;
  power.switchOn(cpu, entry, context);
  return SUCCESS;
};
const affinityInfo: Call = (power, affinity, level) => {
  // Everything above the CPUs is always on.
  if (level !== 0n) return STATE.on;
  const cpu = power.cpuOf(affinity);
  return cpu === undefined ? INVALID_PARAMETERS : STATE[power.power(cpu)];
};
const systemOff: Call = (power) => {
  power.systemOff();
  return undefined;
};
const systemReset: Call = (power) => {
  power.systemReset();
  return undefined;
};
const features: Call = (_power, id) => (advertised(id) ? SUCCESS : NOT_SUPPORTED);

/** Function identifier (X0, all 64 bits), and its 64-bit form where it has one. */
const FUNCTIONS: readonly { readonly name: string; readonly ids: readonly bigint[]; readonly call: Call }[] =
  [
    { name: 'PSCI_VERSION', ids: [0x8400_0000n], call: () => VERSION_1_1 },
    { name: 'CPU_SUSPEND', ids: [0x8400_0001n, 0xc400_0001n, 0x95c1_ba5en], call: cpuSuspend },
    { name: 'CPU_OFF', ids: [0x8400_0002n, 0x95c1_ba5fn], call: cpuOff },
    { name: 'CPU_ON', ids: [0x8400_0003n, 0xc400_0003n, 0x95c1_ba60n], call: cpuOn },
    { name: 'AFFINITY_INFO', ids: [0x8400_0004n, 0xc400_0004n], call: affinityInfo },
    { name: 'MIGRATE_INFO_TYPE', ids: [0x8400_0006n], call: () => MIGRATION_NOT_REQUIRED },
    { name: 'SYSTEM_OFF', ids: [0x8400_0008n], call: systemOff },
    { name: 'SYSTEM_RESET', ids: [0x8400_0009n], call: systemReset },
    { name: 'PSCI_FEATURES', ids: [0x8400_000an], call: features },
  ];
const byId = new Map(FUNCTIONS.flatMap((row) => row.ids.map((id) => [id, row] as const)));
const advertised = (id: bigint): boolean => byId.has(id);

export class Psci {
  readonly #power: PowerControl;

  constructor(power: PowerControl) {
    this.#power = power;
  }

  /** Name of a function identifier, for the exit ledger; undefined for those that answer NOT_SUPPORTED. */
  static functionName(id: bigint): string | undefined {
    return byId.get(id)?.name;
  }

  /** X0 to X3 in; the new X0 (unsigned), or undefined where the call does not return. */
  call(id: bigint, a: bigint, b: bigint, c: bigint): bigint | undefined {
    const answer = byId.get(id)?.call ?? (() => NOT_SUPPORTED);
    const result = answer(this.#power, a, b, c);
    return result === undefined ? undefined : BigInt.asUintN(64, result);
  }
}
