/**
 * Every byte that somebody prints, in order of seq: on a device of the machine, and on a UART that a hypervisor emulates for a VM
 * (emulated_uarts.ts). What a hypervisor passes on is there twice, once as each.
 *
 * Xen writes its dom0's output to its own UART while dom0's hypercall console_io is under way, as it is, without a name in front.
 */
import type { ColumnData } from '../trace/columns.ts';
import type { Recording } from '../trace/recording.ts';
import { DivisorLatches, UartFinder } from './emulated_uarts.ts';
import { isXenHypercall, XEN_CONSOLE_IO } from './exit_reasons.ts';

/** Where bytes make lines together. */
export interface Channel {
  readonly device: string;
  /** The VM that prints; null for a device of the machine. */
  readonly vm: { readonly vttbr: bigint; readonly vmid: number } | null;
  /** VTTBR_EL2 of the VM that called console_io, which is under way: what Xen passes on is of this VM. */
  readonly caller: bigint | null;
}

export interface PrintedByte {
  readonly icount: bigint;
  readonly seq: bigint;
  readonly timeNs: bigint;
  readonly cpu: number;
  /** The same object for the same channel. */
  readonly channel: Channel;
  readonly byte: number;
}

type Columns = { readonly [name: string]: ColumnData };

const CONSOLE = ['icount', 'seq', 'time_ns', 'cpu', 'device', 'direction', 'byte'];
const STORES = ['vttbr', 'far', 'hpfar', 'data'];
const EXCEPTIONS = [...'icount seq time_ns cpu from_el to_el ec iss vmid call'.split(' '), ...STORES];

/** HPFAR_EL2[43:4] is IPA[51:12]; FAR_EL2 has the offset in the page. */
const ipaOf = ({ hpfar, far }: Columns, row: number): number =>
  Number((((hpfar.values[row] as bigint) >> 4n) << 12n) | ((far.values[row] as bigint) & 0xfffn));

/** Rows of exceptions whose `data` is there are stores. */
function findUarts(recording: Recording): ReadonlyMap<bigint, ReadonlySet<number>> {
  const finder = new UartFinder();
  for (const { rows, columns } of recording.batches('exceptions', STORES)) {
    const { vttbr, data } = columns;
    const stored = data.validity!;
    for (let row = stored.indexOf(1); row >= 0 && row < rows; row = stored.indexOf(1, row + 1))
      finder.add({
        vttbr: vttbr.values[row] as bigint,
        ipa: ipaOf(columns, row),
        data: data.values[row] as bigint,
      });
  }
  return finder.found();
}

export function* printedBytes(recording: Recording): Generator<PrintedByte> {
  const guests = new GuestChannels(findUarts(recording));
  const machine = new MachineBytes(recording);
  /** By CPU that is at EL2 to serve console_io: VTTBR_EL2 of the VM that called it. */
  const callers = new Map<number, bigint>();
  for (const { rows, columns } of recording.batches('exceptions', EXCEPTIONS)) {
    const { cpu, from_el, to_el, ec, iss, vttbr, call, data } = columns;
    const seqs = halves(columns['seq']);
    for (let row = 0; row < rows; row++) {
      const enters = to_el.values[row] === 2 && from_el.values[row] !== 2;
      const leaves = from_el.values[row] === 2 && to_el.values[row] !== 2;
      if (!enters && !leaves) continue;
      yield* machine.before(seqs[2 * row + 1] * 2 ** 32 + seqs[2 * row], callers);
      const number = Number(cpu.values[row]);
      const hypercall = enters && call.validity![row] === 1 && call.values[row] === XEN_CONSOLE_IO;
      if (hypercall && isXenHypercall(Number(ec.values[row]), Number(iss.values[row])))
        callers.set(number, vttbr.values[row] as bigint);
      else callers.delete(number);
      if (data.validity![row] === 0) continue;
      const channel = guests.channelOf(columns, row);
      if (channel !== undefined) yield printed(columns, row, channel, lowByte(data, row));
    }
  }
  yield* machine.before(Infinity, callers);
}

function printed(columns: Columns, row: number, channel: Channel, byte: number): PrintedByte {
  return {
    icount: columns['icount'].values[row] as bigint,
    seq: columns['seq'].values[row] as bigint,
    timeNs: columns['time_ns'].values[row] as bigint,
    cpu: Number(columns['cpu'].values[row]),
    channel,
    byte,
  };
}

const lowByte = (column: ColumnData, row: number): number => halves(column)[2 * row] & 0xff;

/** 64-bit values as pairs of words: no BigInt is made of what is only compared. */
function halves({ values }: ColumnData): Uint32Array {
  const { buffer, byteOffset, length } = values as BigUint64Array;
  return new Uint32Array(buffer, byteOffset, 2 * length);
}

/** The UARTs that are emulated for VMs. */
class GuestChannels {
  readonly #uarts: ReadonlyMap<bigint, ReadonlySet<number>>;
  readonly #latches: ReadonlyMap<bigint, DivisorLatches>;
  readonly #channels = new Map<string, Channel>();

  constructor(uarts: ReadonlyMap<bigint, ReadonlySet<number>>) {
    this.#uarts = uarts;
    this.#latches = new Map([...uarts.keys()].map((vttbr) => [vttbr, new DivisorLatches()]));
  }

  /** Where the store of a row is printed, if it is. */
  channelOf(columns: Columns, row: number): Channel | undefined {
    const vttbr = columns['vttbr'].values[row] as bigint;
    const uarts = this.#uarts.get(vttbr);
    if (uarts === undefined) return undefined;
    const ipa = ipaOf(columns, row);
    if (this.#latches.get(vttbr)!.takes(ipa, columns['data'].values[row] as bigint)) return undefined;
    return uarts.has(ipa) ? this.#channel(vttbr, Number(columns['vmid'].values[row]), ipa) : undefined;
  }

  #channel(vttbr: bigint, vmid: number, ipa: number): Channel {
    const key = `${vttbr} ${ipa}`;
    let channel = this.#channels.get(key);
    if (channel === undefined) {
      channel = { device: `vm${vmid} uart at 0x${ipa.toString(16)}`, vm: { vttbr, vmid }, caller: null };
      this.#channels.set(key, channel);
    }
    return channel;
  }
}

/** Table console, as far as it is output. */
class MachineBytes {
  readonly #batches: Generator<{ readonly rows: number; readonly columns: Columns }>;
  #batch: { readonly rows: number; readonly columns: Columns } | undefined;
  #row = 0;
  readonly #channels = new Map<string, Channel>();

  constructor(recording: Recording) {
    this.#batches = recording.batches('console', CONSOLE);
    this.#next();
  }

  #next(): void {
    const { done, value } = this.#batches.next();
    this.#batch = done === true ? undefined : value;
    this.#row = 0;
  }

  /** Those that were not given yet and come before `seq`. */
  *before(seq: number, callers: ReadonlyMap<number, bigint>): Generator<PrintedByte> {
    while (this.#batch !== undefined) {
      const { rows, columns } = this.#batch;
      for (; this.#row < rows; this.#row++) {
        const row = this.#row;
        if (Number(columns['seq'].values[row]) > seq) return;
        const { device, direction, cpu, byte } = columns;
        if (direction.dictionary![Number(direction.values[row])] !== 'out') continue;
        const name = device.dictionary![Number(device.values[row])];
        const channel = this.#channel(name, callers.get(Number(cpu.values[row])) ?? null);
        yield printed(columns, row, channel, Number(byte.values[row]));
      }
      this.#next();
    }
  }

  #channel(device: string, caller: bigint | null): Channel {
    const key = `${device} ${caller}`;
    let channel = this.#channels.get(key);
    if (channel === undefined) {
      channel = { device, vm: null, caller };
      this.#channels.set(key, channel);
    }
    return channel;
  }
}
