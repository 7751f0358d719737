/**
 * Every byte that somebody prints, in order of seq: on a device of the machine, and on a UART that a hypervisor emulates for a VM
 * (emulated_uarts.ts). What a hypervisor passes on is there twice, once as each.
 *
 * Xen writes its dom0's output to its own UART while dom0's hypercall console_io is under way, as it is, without a name in front. A
 * domain that has the input (Ctrl-a three times) is printed at each store to its UART, behind `(XEN) ` as if Xen itself did.
 */
import type { ColumnData } from '../trace/columns.ts';
import type { Recording } from '../trace/recording.ts';
import { DivertedStores, UartFinder } from './emulated_uarts.ts';
import { isXenHypercall, XEN_CONSOLE_IO } from './exit_reasons.ts';

/** Where bytes make lines together. */
export interface Channel {
  readonly device: string;
  /** The VM that prints; null for a device of the machine. */
  readonly vm: { readonly vttbr: bigint; readonly vmid: number } | null;
  /** What Xen does meanwhile for a VM. */
  readonly serves: Service | null;
}

/** Xen is at EL2 because this VM called console_io, or stored to the UART that Xen emulates for it. */
export interface Service {
  readonly vttbr: bigint;
  readonly what: 'console_io' | 'uart';
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
const EXCEPTIONS = [...'icount seq time_ns cpu kind from_el to_el ec iss vmid call'.split(' '), ...STORES];

/** A row with `data` is a store. HPFAR_EL2 is absent at an alignment fault, which nobody emulates. */
const isStore = ({ data, hpfar }: Columns, row: number): boolean =>
  data.validity![row] === 1 && hpfar.validity![row] === 1;

/** HPFAR_EL2[43:4] is IPA[51:12]; FAR_EL2 has the offset in the page. */
const ipaOf = ({ hpfar, far }: Columns, row: number): number =>
  Number((((hpfar.values[row] as bigint) >> 4n) << 12n) | ((far.values[row] as bigint) & 0xfffn));

function findUarts(recording: Recording): ReadonlyMap<bigint, ReadonlySet<number>> {
  const finder = new UartFinder();
  for (const { rows, columns } of recording.batches('exceptions', STORES)) {
    const { vttbr, data } = columns;
    for (let row = 0; row < rows; row++)
      if (isStore(columns, row))
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
  const services = new Services();
  for (const { rows, columns } of recording.batches('exceptions', EXCEPTIONS)) {
    const { kind, cpu, from_el, to_el, ec, iss, vttbr, call, data } = columns;
    const returns = kind.dictionary!.indexOf('return');
    const seqs = halves(columns['seq']);
    for (let row = 0; row < rows; row++) {
      const fromEl2 = from_el.values[row] === 2;
      const toEl2 = to_el.values[row] === 2;
      if (!fromEl2 && !toEl2) continue;
      yield* machine.before(seqs[2 * row + 1] * 2 ** 32 + seqs[2 * row], services);
      const on = Number(cpu.values[row]);
      if (fromEl2) {
        if (!toEl2) services.end(on);
        else if (kind.values[row] === returns) services.resume(on);
        else services.interrupt(on);
        continue;
      }
      const uart = isStore(columns, row) ? guests.channelOf(columns, row) : undefined;
      const calls =
        call.validity![row] === 1 &&
        call.values[row] === XEN_CONSOLE_IO &&
        isXenHypercall(Number(ec.values[row]), Number(iss.values[row]));
      if (calls) services.begin(on, { vttbr: vttbr.values[row] as bigint, what: 'console_io' });
      else if (uart !== undefined) services.begin(on, { vttbr: vttbr.values[row] as bigint, what: 'uart' });
      else services.end(on);
      if (uart !== undefined) yield printed(columns, row, uart, lowByte(data, row));
    }
  }
  yield* machine.before(Infinity, services);
}

/** What each CPU does for a VM at EL2. An interrupt that is taken there meanwhile is no part of it. */
class Services {
  readonly #cpus = new Map<number, { readonly service: Service; interrupted: number }>();

  begin(cpu: number, service: Service): void {
    this.#cpus.set(cpu, { service, interrupted: 0 });
  }
  end(cpu: number): void {
    this.#cpus.delete(cpu);
  }
  interrupt(cpu: number): void {
    const served = this.#cpus.get(cpu);
    if (served !== undefined) served.interrupted++;
  }
  resume(cpu: number): void {
    const served = this.#cpus.get(cpu);
    if (served !== undefined) served.interrupted--;
  }
  of(cpu: number): Service | null {
    const served = this.#cpus.get(cpu);
    return served === undefined || served.interrupted > 0 ? null : served.service;
  }
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
  readonly #diverted: ReadonlyMap<bigint, DivertedStores>;
  readonly #channels = new Map<string, Channel>();

  constructor(uarts: ReadonlyMap<bigint, ReadonlySet<number>>) {
    this.#uarts = uarts;
    this.#diverted = new Map([...uarts.keys()].map((vttbr) => [vttbr, new DivertedStores()]));
  }

  /** Where the store of a row is printed, if it is. */
  channelOf(columns: Columns, row: number): Channel | undefined {
    const vttbr = columns['vttbr'].values[row] as bigint;
    const uarts = this.#uarts.get(vttbr);
    if (uarts === undefined) return undefined;
    const ipa = ipaOf(columns, row);
    if (this.#diverted.get(vttbr)!.has(ipa, columns['data'].values[row] as bigint)) return undefined;
    return uarts.has(ipa) ? this.#channel(vttbr, Number(columns['vmid'].values[row]), ipa) : undefined;
  }

  #channel(vttbr: bigint, vmid: number, ipa: number): Channel {
    const key = `${vttbr} ${ipa}`;
    let channel = this.#channels.get(key);
    if (channel === undefined) {
      channel = { device: `vm${vmid} uart at 0x${ipa.toString(16)}`, vm: { vttbr, vmid }, serves: null };
      this.#channels.set(key, channel);
    }
    return channel;
  }
}

const LINE_FEED = 0x0a;
const XEN_PREFIX = '(XEN) ';
/** In a line that began otherwise. */
const ELSEWHERE = -1;

/** Table console, as far as it is output. */
class MachineBytes {
  readonly #batches: Generator<{ readonly rows: number; readonly columns: Columns }>;
  #batch: { readonly rows: number; readonly columns: Columns } | undefined;
  #row = 0;
  readonly #channels = new Map<string, Channel>();
  /** By device: how many characters the line has in common with XEN_PREFIX; all of them once one had. */
  readonly #matched = new Map<string, number>();

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
  *before(seq: number, services: Services): Generator<PrintedByte> {
    while (this.#batch !== undefined) {
      const { rows, columns } = this.#batch;
      for (; this.#row < rows; this.#row++) {
        const row = this.#row;
        if (Number(columns['seq'].values[row]) > seq) return;
        const { device, direction, cpu, byte } = columns;
        if (direction.dictionary![Number(direction.values[row])] !== 'out') continue;
        const name = device.dictionary![Number(device.values[row])];
        const code = Number(byte.values[row]);
        const service = services.of(Number(cpu.values[row]));
        // Other hypervisors than Xen may print parts of a line at different exits.
        const ofXen = this.#isXens(name, code) || service?.what === 'console_io';
        yield printed(columns, row, this.#channel(name, ofXen ? service : null), code);
      }
      this.#next();
    }
  }

  /** Whether a line of the device began as Xen's do. */
  #isXens(device: string, byte: number): boolean {
    const matched = this.#matched.get(device) ?? 0;
    if (matched === XEN_PREFIX.length) return true;
    if (byte === XEN_PREFIX.charCodeAt(matched)) this.#matched.set(device, matched + 1);
    else this.#matched.set(device, byte === LINE_FEED ? 0 : ELSEWHERE);
    return false;
  }

  #channel(device: string, serves: Service | null): Channel {
    const key = serves === null ? device : `${device} ${serves.what} ${serves.vttbr}`;
    let channel = this.#channels.get(key);
    if (channel === undefined) {
      channel = { device, vm: null, serves };
      this.#channels.set(key, channel);
    }
    return channel;
  }
}
