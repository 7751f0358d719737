/**
 * The tables of a recording, declared once. Arrow types, DuckDB types, the writer's column buffers, the reader and
 * docs/tables.md are derived from this. A change of any column raises FORMAT_VERSION.
 */
export const FORMAT_VERSION = 3;

/**
 * u8..u64, i8, i64: integers. `text`: dictionary-encoded UTF-8. `bytes`: binary. `u64list`: list of u64.
 * A nullable column says so.
 */
export type ColumnType = 'u8' | 'i8' | 'u16' | 'u32' | 'u64' | 'i64' | 'bool' | 'text' | 'bytes' | 'u64list';

export interface Column {
  readonly type: ColumnType;
  readonly unit: string;
  readonly sentence: string;
  readonly nullable?: true;
  /**
   * Of 64-bit integers, alone or in a list: who makes rows has them as numbers. They are integers below 2^53 in size; a negative
   * one stands for its two's complement. The others are BigInts, all 64 bits of which count.
   */
  readonly number?: true;
  /** Of `bytes` and `u64list` in tables of events: no row has more elements. */
  readonly most?: number;
}
export interface Table {
  readonly sentence: string;
  readonly columns: { readonly [name: string]: Column };
}

const column = <T extends ColumnType>(type: T, unit: string, sentence: string) =>
  ({ type, unit, sentence }) as const;
const nullable = <T extends ColumnType>(type: T, unit: string, sentence: string) =>
  ({ type, unit, sentence, nullable: true }) as const;
/** 64-bit columns whose values are numbers while rows are made: see Column.number. */
const exact = (unit: string, sentence: string) => ({ type: 'u64', unit, sentence, number: true }) as const;
const nullableExact = (unit: string, sentence: string) =>
  ({ type: 'u64', unit, sentence, nullable: true, number: true }) as const;
/** Columns with up to `most` elements a row. */
const list = (most: number, unit: string, sentence: string) =>
  ({ type: 'u64list', unit, sentence, most }) as const;
const exactList = (most: number, unit: string, sentence: string) =>
  ({ type: 'u64list', unit, sentence, most, number: true }) as const;
const bytes = (most: number, unit: string, sentence: string) =>
  ({ type: 'bytes', unit, sentence, most }) as const;

/** Descriptors that one walk reads: 52-bit addresses with 4 KiB granules begin at level -1. */
const WALK_LEVELS = 5;
/** What arrives at once, at most: no device takes more before it is served. */
export const MOST_INPUT_BYTES = 256;

/** Where and when: the first four columns of every event table. The recorder fills them in. */
const when = {
  icount: exact('instructions', 'Ordinal of the instruction during which, or before which, this happened'),
  seq: exact('events', 'Total order of all events of the recording'),
  time_ns: exact('ns', 'Virtual time'),
  cpu: column('u8', '', 'Number of the CPU'),
} as const;

const pc = column('u64', 'address', 'Virtual address of the instruction');

export const TABLES = {
  flow: {
    sentence:
      'A packet of execution: a full sync, then what the architecture decided; it decodes with code and fetch alone',
    columns: {
      ...when,
      pc: column('u64', 'address', 'Virtual address of the first instruction'),
      el: column('u8', '', 'Exception level at the start'),
      regime: column('text', '', 'Translation regime: EL10, EL2, EL20'),
      vmid: column('u16', '', 'VMID of the regime, 0 where it has none'),
      asid: column('u16', '', 'ASID, 0 where the regime has none'),
      instructions: column('u32', 'instructions', 'Number of instructions attempted in the packet'),
      atoms: column(
        'bytes',
        'bits',
        'One bit per conditional branch, 1 taken, and per store-exclusive, 1 stored; least significant first',
      ),
      atom_count: column('u32', 'bits', 'Number of atoms'),
      targets: column('u64list', 'address', 'One target per indirect branch (BR, BLR, RET)'),
    },
  },
  code: {
    sentence:
      'A version of a page of code: its bytes when an instruction of it first executed, and again when changed bytes executed',
    columns: {
      ...when,
      pa_page: exact('address', 'Physical address of the 4 KiB page'),
      version: column('u32', '', 'Counts the versions of this page from 0'),
      content: bytes(4096, 'bytes', 'The 4096 bytes of the page'),
    },
  },
  fetch: {
    sentence:
      'From here on, instructions fetched at this virtual page come from this version of this physical page',
    columns: {
      ...when,
      regime: column('text', '', 'Translation regime: EL10, EL2, EL20'),
      vmid: column('u16', '', 'VMID, 0 where the regime has none'),
      asid: column('u16', '', 'ASID, 0 where the regime has none'),
      va_page: column('u64', 'address', 'Virtual address of the 4 KiB page'),
      pa_page: exact('address', 'Physical address of the 4 KiB page'),
      version: column('u32', '', 'Version of the page in table code'),
    },
  },
  accesses: {
    sentence:
      'A packet of the loads and stores of the instructions of the flow packet with the same icount and cpu, in order',
    columns: {
      ...when,
      count: column('u32', 'accesses', 'Number of addresses'),
      addresses: column('bytes', '', 'Physical addresses, encoded as trace/addresses.ts says'),
    },
  },
  values: {
    sentence:
      'Detail full: what each instruction of a flow packet wrote to registers and moved to and from memory',
    columns: {
      ...when,
      registers: column('u64list', '', 'Values written to general registers, in order'),
      memory: column(
        'u64list',
        '',
        'Values loaded and stored, one per access (one of 16 bytes: two, lower half first), in order',
      ),
    },
  },
  writes: {
    sentence: "A store to memory that no instruction's operands show",
    columns: {
      ...when,
      pa: exact('address', 'Physical address of the first byte'),
      length: exact('bytes', 'Number of bytes'),
      who: column(
        'text',
        '',
        'loader: and what, dc zva (from detail memory on), table walk, flash, semihosting, or the device whose DMA it is: virtio-blk0, …',
      ),
    },
  },
  exceptions: {
    sentence: 'An exception entry or return',
    columns: {
      ...when,
      kind: column(
        'text',
        '',
        'synchronous, irq, fiq, serror, virtual irq, virtual fiq, virtual serror, return',
      ),
      from_el: column('u8', '', 'Exception level before'),
      to_el: column('u8', '', 'Exception level after'),
      pc: column(
        'u64',
        'address',
        'Address of the instruction that raised it, or of the next one for an interrupt',
      ),
      target: column('u64', 'address', 'Address execution continues at'),
      esr: exact('', 'Syndrome written to ESR_ELx; 0 for interrupts and returns'),
      ec: column('u8', '', 'Exception class, ESR[31:26]'),
      iss: column('u32', '', 'Instruction specific syndrome, ESR[24:0]'),
      far: nullable('u64', 'address', 'FAR_ELx, where this exception writes it'),
      hpfar: nullable('u64', '', 'HPFAR_EL2, where this exception writes it'),
      spsr: exact('', 'Saved program status: written at an entry, restored at a return'),
      hcr: column('u64', '', 'HCR_EL2 at that moment'),
      vttbr: column('u64', '', 'VTTBR_EL2 at that moment'),
      vmid: column('u16', '', 'VMID at that moment'),
      accesses: column('u8', '', 'How many rows of accesses the instruction had made before'),
      call: nullable(
        'u64',
        '',
        'Function that an HVC or SMC calls: X0, as SMCCC has it; X16 at HVC #0xea1, as Xen has it',
      ),
      data: nullable(
        'u64',
        '',
        'What a store would have stored that EL2 may emulate: a stage 2 data abort whose syndrome says which register',
      ),
    },
  },
  walks: {
    sentence:
      'One architectural table walk; the stage 2 walks that a stage 1 walk needed come after it, in the order they were made',
    columns: {
      ...when,
      pc,
      stage: column('u8', '', '1 or 2'),
      regime: column('text', '', 'Translation regime: EL10, EL2, EL20'),
      vmid: column('u16', '', 'VMID, 0 where the regime has none'),
      asid: column('u16', '', 'ASID, 0 where the regime has none'),
      access: column('text', '', 'read, write, fetch, or walk: what the translation was for'),
      va: exact('address', 'Virtual address'),
      ipa: nullableExact(
        'address',
        'Stage 2: the address translated. Stage 1: the result, where a stage 2 follows',
      ),
      pa: nullableExact('address', 'The resulting physical address of the byte accessed'),
      level: column('i8', '', 'Level of the last descriptor read; -1 with 52-bit addresses'),
      page_size: nullableExact('bytes', 'Size of the page or block found'),
      descriptor_addresses: exactList(
        WALK_LEVELS,
        'address',
        'Physical addresses of the descriptors read, in order; after an external abort the last could not be read',
      ),
      descriptors: list(WALK_LEVELS, '', 'The descriptors read, in order'),
      outcome: column(
        'text',
        '',
        'ok, translation, access flag, permission, address size, external, alignment, or stage 2: one of its stage 2 walks faulted',
      ),
      fault_level: nullable('i8', '', 'Level reported in the fault status code, where it has one'),
      s1ptw: column('bool', '', 'This is a stage 2 walk for a stage 1 descriptor'),
      parent: nullableExact('events', 'seq of the stage 1 walk that a stage 2 walk belongs to'),
    },
  },
  mmio: {
    sentence: 'One access to a device',
    columns: {
      ...when,
      pc,
      device: column('text', '', 'Device name'),
      register: column('text', '', 'Register name'),
      pa: exact('address', 'Physical address'),
      size: column('u8', 'bytes', 'Access size'),
      write: column('bool', '', 'Written, else read'),
      value: column('u64', '', 'Value read or written'),
    },
  },
  interrupts: {
    sentence: "A change of an interrupt line, or a step in an interrupt's life",
    columns: {
      ...when,
      intid: column('u32', '', 'Interrupt number'),
      event: column(
        'text',
        '',
        'raised, lowered, pending, acknowledged, priority drop, deactivated, list register, virtual acknowledged, virtual eoi, maintenance, taken',
      ),
      detail: nullableExact('', 'List register number, priority or CPU, as the event says'),
    },
  },
  sysregs: {
    sentence: 'One write of a system register, or one trapped read or write',
    columns: {
      ...when,
      pc,
      register: column('text', '', 'Register name'),
      write: column('bool', '', 'MSR, else MRS'),
      value: nullable('u64', '', 'Value written; absent for a trapped read'),
      el: column('u8', '', 'Exception level of the instruction'),
      trapped_to: nullable('u8', '', 'Exception level it trapped to'),
    },
  },
  tlbi: {
    sentence: 'One TLB, cache or address translation instruction',
    columns: {
      ...when,
      pc,
      op: column('text', '', 'Operation, for example TLBI VAE1IS'),
      argument: column('u64', '', 'Register argument, 0 where it has none'),
      vmid: column('u16', '', 'Current VMID'),
      asid: column('u16', '', 'Current ASID'),
      el: column('u8', '', 'Exception level of the instruction'),
    },
  },
  console: {
    sentence: 'One byte on a console',
    columns: {
      ...when,
      device: column('text', '', 'Device name'),
      direction: column('text', '', 'out: written by the guest; in: read by the guest'),
      byte: column('u8', '', 'The byte'),
    },
  },
  inputs: {
    sentence: 'One thing that came from outside, with the instant at which it arrived',
    columns: {
      ...when,
      kind: column('text', '', 'console'),
      payload: bytes(MOST_INPUT_BYTES, 'bytes', 'What arrived'),
    },
  },
  unimplemented: {
    sentence: 'Something that the guest asked for and this machine does not model',
    columns: {
      ...when,
      pc,
      what: column('text', '', 'Name of the instruction, register or device access'),
    },
  },
} as const satisfies { readonly [table: string]: Table };

export type TableName = keyof typeof TABLES;

type ValueOf<C extends Column> = C['type'] extends 'u64' | 'i64'
  ? C extends { number: true }
    ? number
    : bigint
  : C['type'] extends 'bool'
    ? boolean
    : C['type'] extends 'text'
      ? string
      : C['type'] extends 'bytes'
        ? Uint8Array
        : C['type'] extends 'u64list'
          ? C extends { number: true }
            ? readonly number[] | Float64Array
            : readonly bigint[] | BigUint64Array
          : number;
type CellOf<C extends Column> = C extends { nullable: true } ? ValueOf<C> | null : ValueOf<C>;

type ColumnsOf<T extends TableName> = (typeof TABLES)[T]['columns'];
type Given<T extends TableName> = Exclude<keyof ColumnsOf<T>, keyof typeof when>;
type NullableOf<T extends TableName> = {
  [K in Given<T>]: ColumnsOf<T>[K] extends { nullable: true } ? K : never;
}[Given<T>];
type CellAt<T extends TableName, K extends keyof ColumnsOf<T>> = ColumnsOf<T>[K] extends Column
  ? CellOf<ColumnsOf<T>[K]>
  : never;

/**
 * A row of an event table as its producer gives it: without the columns that the recorder fills in. A null may be left
 * out.
 */
export type RowOf<T extends TableName> = {
  readonly [K in Exclude<Given<T>, NullableOf<T>>]: CellAt<T, K>;
} & { readonly [K in NullableOf<T>]?: CellAt<T, K> };

/** Tables whose rows the CPU, the MMU and the devices produce one at a time. */
export type EventTable = Exclude<TableName, 'flow' | 'accesses' | 'values'>;

/**
 * Where the machine sends its events. `append` stamps icount, seq, time_ns and the current cpu, and returns seq.
 * A machine that is not recorded has a sink that does nothing: ask `recording` before building a costly row.
 */
export interface EventSink {
  readonly recording: boolean;
  append<T extends EventTable>(table: T, row: RowOf<T>): number;
}

export const NO_EVENTS: EventSink = { recording: false, append: () => 0 };
