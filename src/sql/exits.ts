/**
 * `exits`: one row per exit of a virtual machine, with its cost.
 *
 * An exit is an exception to EL2 from EL1 or EL0 while HCR_EL2.VM is 1 and TGE is 0: a host's own calls are none. It ends at
 * the next return of the same CPU from EL2 to below. Its cost is what that CPU executed in between, the return included, the
 * instruction that trapped not; for an interrupt, from the first instruction of the handler. Nested exceptions within EL2
 * belong to it. A VM is told apart by VTTBR_EL2, a vCPU of it by VMPIDR_EL2, which is the CPU's own until it is written.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { EC } from '../cpu/exception_classes.ts';
import { CpuState, STATE_BASE, STATE_SIZE } from '../cpu/state.ts';
import { VirtBoard } from '../machine/board.ts';
import { DEFAULT_RECIPE, type Recipe } from '../machine/recipe.ts';
import type { Batch } from '../trace/columns.ts';
import { stepCompleted } from '../trace/flow_events.ts';
import type { Recording } from '../trace/recording.ts';
import { type ColumnType, NO_EVENTS } from '../trace/schema.ts';
import { calledFunction, encodedRegister, exitReason, waitInstruction } from './exit_reasons.ts';
import { registerScan, type ScanColumn, type View } from './scan.ts';
import { TableBuilder } from './table_builder.ts';
import { createViews } from './tables.ts';

/** Columns of exits: those that say nothing are known by their names in table exceptions. */
const COLUMNS = {
  icount: ['u64', 'The instruction that trapped, or before which the interrupt was taken'],
  seq: ['u64', 'seq of the exception'],
  time_ns: ['u64', 'Virtual time of the exit'],
  cpu: ['u8', 'Number of the CPU'],
  vttbr: ['u64', 'VTTBR_EL2: which VM'],
  vmid: ['u16', 'VMID of the VM'],
  vcpu: ['u64', 'VMPIDR_EL2, affinity fields: which vCPU of the VM'],
  from_el: ['u8', 'Exception level of the guest'],
  pc: ['u64', "The guest's program counter"],
  ec: ['u8', 'Exception class; 0 for interrupts'],
  reason: ['text', 'As perf kvm stat names it'],
  sub_reason: [
    'text',
    'Device register or IPA, system register, function called, or WFI or WFE; empty where there is none',
  ],
  esr: ['u64', 'ESR_EL2; 0 for interrupts'],
  far: ['u64', 'FAR_EL2, where written'],
  ipa: ['u64', 'Faulting intermediate physical address, of aborts'],
  data: ['u64', 'Value of a store whose syndrome names its register, and of a trapped MSR'],
  return_icount: ['u64', 'The ERET that ended it; null where the recording ends first'],
  cost: ['u64', 'Instructions that this CPU executed until the return, with it'],
  cost_ns: ['u64', 'Virtual time until the return'],
  resumed: ['bool', 'The return goes back to the same vCPU'],
  away: ['u64', 'Instructions, over all CPUs, until this vCPU runs again'],
  away_ns: ['u64', 'Virtual time until this vCPU runs again'],
} as const satisfies { readonly [name: string]: readonly [ColumnType, string] };

const UNITS: { readonly [column: string]: string } = {
  icount: 'instructions',
  time_ns: 'ns',
  pc: 'address',
  ipa: 'address',
  return_icount: 'instructions',
  cost: 'instructions',
  cost_ns: 'ns',
  away: 'instructions',
  away_ns: 'ns',
};

export const EXITS_VIEW: View = {
  name: 'exits',
  sentence:
    'One row per exit of a virtual machine: an exception to EL2 from a guest, with its return and its cost',
  columns: Object.entries(COLUMNS).map(([name, [type, sentence]]) => ({
    name,
    type,
    unit: UNITS[name] ?? '',
    sentence,
  })),
};

const NULLABLE = new Set([
  'far',
  'ipa',
  'data',
  'return_icount',
  'cost',
  'cost_ns',
  'resumed',
  'away',
  'away_ns',
]);

const HCR_VM = 1n;
const HCR_TGE = 1n << 27n;
/** MPIDR's affinity fields: bits 39:32 and 23:0. */
const AFFINITY = 0xff_00ff_ffffn;
/** Stage 2 and every other abort that HPFAR_EL2 describes. */
const isAbort = (ec: number) => ec === EC.instructionAbortLower || ec === EC.dataAbortLower;

const isGuest = (hcr: bigint) => (hcr & HCR_VM) !== 0n && (hcr & HCR_TGE) === 0n;

interface Exit {
  readonly icount: number;
  readonly seq: number;
  readonly timeNs: number;
  readonly cpu: number;
  readonly vttbr: bigint;
  readonly vmid: number;
  readonly vcpu: bigint;
  readonly fromEl: number;
  readonly pc: bigint;
  readonly kind: string;
  readonly ec: number;
  readonly iss: number;
  readonly esr: bigint;
  readonly far: bigint | null;
  readonly ipa: bigint | null;
  readonly call: bigint | null;
  readonly data: bigint | null;
  returned: {
    readonly icount: number;
    readonly timeNs: number;
    readonly cost: number;
    readonly resumed: boolean;
  } | null;
  away: { readonly instructions: number; readonly timeNs: number } | null;
}

/** Number of instructions that a CPU executed before the one with a given icount. */
class CpuInstructions {
  readonly #starts = new Map<number, number[]>();
  readonly #before = new Map<number, number[]>();
  readonly #lengths = new Map<number, number[]>();

  constructor(recording: Recording) {
    for (const { rows, columns } of recording.batches('flow', ['icount', 'cpu', 'instructions']))
      for (let row = 0; row < rows; row++)
        this.#add(
          Number(columns['cpu'].values[row]),
          Number(columns['icount'].values[row]),
          Number(columns['instructions'].values[row]),
        );
  }

  #add(cpu: number, icount: number, instructions: number): void {
    const starts = this.#starts.get(cpu) ?? [];
    const before = this.#before.get(cpu) ?? [];
    const lengths = this.#lengths.get(cpu) ?? [];
    before.push((before.at(-1) ?? 0) + (lengths.at(-1) ?? 0));
    starts.push(icount);
    lengths.push(instructions);
    this.#starts.set(cpu, starts);
    this.#before.set(cpu, before);
    this.#lengths.set(cpu, lengths);
  }

  before(cpu: number, icount: number): number {
    const starts = this.#starts.get(cpu) ?? [];
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (starts[middle] <= icount) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return 0;
    const inside = Math.min(icount - starts[low - 1], this.#lengths.get(cpu)![low - 1]);
    return this.#before.get(cpu)![low - 1] + inside;
  }
}

/** Writes of VMPIDR_EL2, in order of seq. */
function vmpidrWrites(recording: Recording): { seq: number; cpu: number; value: bigint }[] {
  const writes: { seq: number; cpu: number; value: bigint }[] = [];
  if (!recording.texts('sysregs', 'register').includes('VMPIDR_EL2')) return writes;
  for (const { rows, columns } of recording.batches('sysregs', [
    'seq',
    'cpu',
    'register',
    'write',
    'value',
    'trapped_to',
  ])) {
    const { seq, cpu, register, write, value, trapped_to } = columns;
    const wanted = register.dictionary!.indexOf('VMPIDR_EL2');
    for (let row = 0; row < rows; row++)
      if (register.values[row] === wanted && write.values[row] === 1 && trapped_to.validity![row] === 0)
        writes.push({
          seq: Number(seq.values[row]),
          cpu: Number(cpu.values[row]),
          value: value.values[row] as bigint,
        });
  }
  return writes;
}

const EXCEPTION_COLUMNS = [
  'icount',
  'seq',
  'time_ns',
  'cpu',
  'kind',
  'from_el',
  'to_el',
  'pc',
  'esr',
  'ec',
  'iss',
  'far',
  'hpfar',
  'hcr',
  'vttbr',
  'vmid',
  'call',
  'data',
];

/** Every exit, in order of seq. */
export function findExits(recording: Recording): Exit[] {
  const exits: Exit[] = [];
  const executed = new CpuInstructions(recording);
  const writes = vmpidrWrites(recording);
  const vcpus = new Map<number, bigint>();
  let write = 0;
  /** The exit that each CPU is in. */
  const open = new Map<number, Exit>();
  /** The last exit of each vCPU that has not run since. */
  const away = new Map<string, Exit>();
  const vcpuKey = (vttbr: bigint, vcpu: bigint) => `${vttbr} ${vcpu}`;
  for (const { rows, columns } of recording.batches('exceptions', EXCEPTION_COLUMNS)) {
    const big = (name: string, row: number) => columns[name].values[row] as bigint;
    const small = (name: string, row: number) => Number(columns[name].values[row]);
    const optional = (name: string, row: number) =>
      columns[name].validity![row] === 0 ? null : big(name, row);
    const kinds = columns['kind'].dictionary!;
    for (let row = 0; row < rows; row++) {
      const seq = small('seq', row);
      for (; write < writes.length && writes[write].seq < seq; write++)
        vcpus.set(writes[write].cpu, writes[write].value & AFFINITY);
      const fromEl = small('from_el', row);
      const toEl = small('to_el', row);
      const cpu = small('cpu', row);
      const icount = small('icount', row);
      const timeNs = small('time_ns', row);
      const vttbr = big('vttbr', row);
      const vcpu = vcpus.get(cpu) ?? BigInt(cpu);
      const kind = kinds[small('kind', row)];
      if (kind === 'reset') {
        open.delete(cpu);
      } else if (kind === 'return') {
        if (fromEl !== 2 || toEl === 2) continue;
        const guest = isGuest(big('hcr', row)) ? vcpuKey(vttbr, vcpu) : undefined;
        const exit = open.get(cpu);
        open.delete(cpu);
        if (exit !== undefined) {
          const first = firstOfHandler(exit);
          const cost = executed.before(cpu, icount + 1) - executed.before(cpu, first);
          exit.returned = { icount, timeNs, cost, resumed: guest === vcpuKey(exit.vttbr, exit.vcpu) };
        }
        const last = guest === undefined ? undefined : away.get(guest);
        if (last === undefined) continue;
        const first = firstOfHandler(last);
        last.away = { instructions: icount + 1 - first, timeNs: timeNs - last.timeNs };
        away.delete(guest!);
      } else if (toEl === 2 && fromEl < 2 && isGuest(big('hcr', row))) {
        const ec = small('ec', row);
        const far = optional('far', row);
        const hpfar = optional('hpfar', row);
        const exit: Exit = {
          icount,
          seq,
          timeNs,
          cpu,
          vttbr,
          vmid: small('vmid', row),
          vcpu,
          fromEl,
          pc: big('pc', row),
          kind,
          ec,
          iss: small('iss', row),
          esr: big('esr', row),
          far,
          // HPFAR_EL2[43:4] is IPA[51:12].
          ipa: isAbort(ec) && hpfar !== null ? ((hpfar >> 4n) << 12n) | ((far ?? 0n) & 0xfffn) : null,
          call: optional('call', row),
          data: optional('data', row),
          returned: null,
          away: null,
        };
        exits.push(exit);
        open.set(cpu, exit);
        away.set(vcpuKey(vttbr, vcpu), exit);
      }
    }
  }
  return exits;
}

/** Names of device registers by physical address; names and values of trapped registers by instruction. */
class Names {
  readonly #board: VirtBoard;
  readonly #trapped = new Map<string, { readonly name: string; readonly value: bigint | null }>();

  constructor(recording: Recording) {
    this.#board = boardForNames(recording.facts.recipe as unknown as Recipe);
    for (const { rows, columns } of recording.batches('sysregs', [
      'icount',
      'cpu',
      'register',
      'value',
      'trapped_to',
    ])) {
      const { icount, cpu, register, value, trapped_to } = columns;
      for (let row = 0; row < rows; row++)
        if (trapped_to.validity![row] === 1)
          this.#trapped.set(`${icount.values[row]} ${cpu.values[row]}`, {
            name: register.dictionary![Number(register.values[row])],
            value: value.validity![row] === 0 ? null : (value.values[row] as bigint),
          });
    }
  }

  /**
   * What a guest finds at an intermediate physical address, if its devices are where the board's are; else the address. Xen puts its
   * interrupt controllers where the board has flash and a domain's UART where it has PCI Express, and nobody emulates those: an address in
   * them is only an address.
   */
  #at(ipa: bigint): string {
    const device = this.#board.bus.describe(Number(ipa));
    return device === undefined || /^(flash|pcie-)/.test(device) ? `0x${ipa.toString(16)}` : device;
  }

  /** What a store or an MSR that trapped would have written. */
  data({ data, ec, icount, cpu }: Exit): bigint | null {
    if (ec !== EC.systemRegister) return data;
    return this.#trapped.get(`${icount} ${cpu}`)?.value ?? null;
  }

  subReason({ kind, ec, iss, call, icount, cpu, ipa }: Exit): string {
    if (kind !== 'synchronous') return '';
    switch (ec) {
      case EC.wfx:
        return waitInstruction(iss);
      case EC.hvc:
      case EC.smc:
        return call === null ? `#${iss & 0xffff}` : calledFunction(ec, iss, call);
      case EC.systemRegister:
        return `${this.#trapped.get(`${icount} ${cpu}`)?.name ?? encodedRegister(iss)} ${iss & 1 ? 'read' : 'write'}`;
      case EC.instructionAbortLower:
        return ipa === null ? '' : `0x${ipa.toString(16)} fetch`;
      case EC.dataAbortLower:
        return ipa === null ? '' : `${this.#at(ipa)} ${iss & 0x40 ? 'write' : 'read'}`;
      default:
        return '';
    }
  }
}

/** The board of a recipe, of which only the map is used. */
function boardForNames(recipe: Recipe): VirtBoard {
  return new VirtBoard(
    { ...DEFAULT_RECIPE, ...recipe },
    {
      events: NO_EVENTS,
      clock: { now: () => 0 },
      pc: () => 0n,
      state: new CpuState(new ArrayBuffer(STATE_BASE + STATE_SIZE)),
      instructions: () => 0,
      currentCpu: () => 0,
      onInterruptChange: () => {},
      onDeadlineChange: () => {},
      flashArray: () => ({ read: () => 0, write: () => {}, setReadArray: () => {} }),
      dma: { read: () => false, write: () => false },
      fwCfg: { cpus: recipe.smp, ram: recipe.ram },
      disks: (recipe.drives ?? []).map(() => NO_DISK),
      onConsole: () => {},
    },
  );
}

const NO_DISK = {
  size: 0,
  readOnly: true,
  serial: '',
  read: () => false,
  write: () => false,
  zero: () => false,
};

/** A trap's handler starts after the instruction that trapped; that of an interrupt or a completed step at its icount. */
const firstOfHandler = ({ icount, kind, ec, iss }: Exit) =>
  kind === 'synchronous' && !stepCompleted(ec, iss) ? icount + 1 : icount;

function exitRows(recording: Recording): Batch {
  const columns = Object.entries(COLUMNS).map(([name, [type, sentence]]) => [
    name,
    { type, unit: '', sentence, ...(NULLABLE.has(name) && { nullable: true }) },
  ]);
  const out = new TableBuilder(Object.fromEntries(columns));
  const names = new Names(recording);
  for (const exit of findExits(recording)) {
    const { returned, away } = exit;
    const row = out.addRow();
    const cells: { readonly [K in keyof typeof COLUMNS]: unknown } = {
      icount: exit.icount,
      seq: exit.seq,
      time_ns: exit.timeNs,
      cpu: exit.cpu,
      vttbr: exit.vttbr,
      vmid: exit.vmid,
      vcpu: exit.vcpu,
      from_el: exit.fromEl,
      pc: exit.pc,
      ec: exit.ec,
      reason: exitReason(exit.kind, exit.ec),
      sub_reason: names.subReason(exit),
      esr: exit.esr,
      far: exit.far,
      ipa: exit.ipa,
      data: names.data(exit),
      return_icount: returned?.icount ?? null,
      cost: returned?.cost ?? null,
      cost_ns: returned === null ? null : returned.timeNs - exit.timeNs,
      resumed: returned?.resumed ?? null,
      away: away?.instructions ?? null,
      away_ns: away?.timeNs ?? null,
    };
    for (const [i, name] of out.names.entries())
      out.columns[i].push(row, cells[name as keyof typeof COLUMNS] as never);
  }
  return out.take();
}

export async function registerExits(connection: DuckDBConnection, recording: Recording): Promise<void> {
  let known: Batch | undefined;
  const rows = () => (known ??= exitRows(recording));
  const columns = Object.entries(COLUMNS).map(
    ([name, [type]]): ScanColumn => ({
      name,
      type,
      ...(type === 'text' && { texts: () => rows().columns[name].dictionary! }),
    }),
  );
  registerScan(connection, {
    name: 'scan_exits',
    columns,
    rows: () => rows().rows,
    batches: () => [rows()].values(),
  });
  await createViews(connection, 'exits', columns);
}
