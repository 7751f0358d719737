/**
 * The firmware configuration device of QEMU, memory-mapped: items by number, read as a stream of bytes or by DMA (QEMU docs/specs/fw_cfg).
 * Firmware asks it for a kernel, an initrd and a command line that it shall boot; Linux shows its files in /sys.
 *
 * Registers: 0 to 7 data, 8 selector (16 bits), 16 to 23 address of a DMA request; the last two big endian.
 */
import type { Device, DeviceState } from '../machine/device.ts';
import type { Dma } from './dma.ts';
import { type SmbiosMachine, smbiosAnchor, smbiosTables } from './smbios.ts';

export interface FwCfgContents extends SmbiosMachine {
  /** What firmware shall boot. */
  readonly kernel?: Uint8Array;
  readonly initrd?: Uint8Array;
  readonly append?: string;
}

/** Numbers of items, as QEMU's. */
const KEY = {
  signature: 0x00,
  id: 0x01,
  uuid: 0x02,
  noGraphic: 0x04,
  cpus: 0x05,
  kernelSize: 0x08,
  initrdSize: 0x0b,
  kernelData: 0x11,
  initrdData: 0x12,
  commandLineSize: 0x14,
  commandLineData: 0x15,
  fileDirectory: 0x19,
  firstFile: 0x20,
} as const;
/** Traditional interface and DMA. */
const FEATURES = 3;
/** Of the selector: an item that is written is of no use to anybody here. */
const KEY_MASK = 0x3fff;
const SELECTOR = 8;
const DMA_ADDRESS = 16;
const DMA_SIGNATURE = 'QEMU CFG';
const DMA = { error: 1, read: 2, skip: 4, select: 8, write: 16 } as const;
const REQUEST_BYTES = 16;
/** Bytes copied at a time: a guest may ask for 4 GiB. */
const CHUNK = 2 ** 20;

const le = (value: number, bytes: 2 | 4): Uint8Array => {
  const out = Buffer.alloc(bytes);
  out.writeUIntLE(value >>> 0, 0, bytes);
  return out;
};
const be = (value: number, bytes: 2 | 4): Uint8Array => Buffer.from(le(value, bytes)).reverse();

type File = readonly [name: string, bytes: Uint8Array];

/** Those of QEMU without ACPI, in its order. With nothing to boot firmware waits for ever, and does not reboot. */
function files(machine: SmbiosMachine): readonly File[] {
  const tables = smbiosTables(machine);
  return [
    ['bios-geometry', new Uint8Array()],
    ['bootorder', new Uint8Array()],
    ['etc/boot-fail-wait', le(0xffff_ffff, 4)],
    ['etc/smbios/smbios-anchor', smbiosAnchor(tables)],
    ['etc/smbios/smbios-tables', tables],
  ];
}

function items({ cpus, ram, kernel, initrd, append }: FwCfgContents): ReadonlyMap<number, Uint8Array> {
  const all = files({ cpus, ram });
  const map = new Map<number, Uint8Array>([
    [KEY.signature, Buffer.from('QEMU')],
    [KEY.id, le(FEATURES, 4)],
    [KEY.uuid, new Uint8Array(16)],
    [KEY.noGraphic, le(1, 2)],
    [KEY.cpus, le(cpus, 2)],
    [KEY.fileDirectory, directory(all)],
  ]);
  for (const [i, [, bytes]] of all.entries()) map.set(KEY.firstFile + i, bytes);
  if (kernel) map.set(KEY.kernelSize, le(kernel.length, 4)).set(KEY.kernelData, kernel);
  if (initrd) map.set(KEY.initrdSize, le(initrd.length, 4)).set(KEY.initrdData, initrd);
  if (append !== undefined) {
    const text = Buffer.from(`${append}\0`);
    map.set(KEY.commandLineSize, le(text.length, 4)).set(KEY.commandLineData, text);
  }
  return map;
}

function directory(all: readonly File[]): Uint8Array {
  const entries = all.map(([name, bytes], i) => {
    const entry = Buffer.alloc(64);
    entry.set(be(bytes.length, 4), 0);
    entry.set(be(KEY.firstFile + i, 2), 4);
    entry.write(name, 8, 'latin1');
    return entry;
  });
  return Buffer.concat([be(entries.length, 4), ...entries]);
}

export class FwCfg implements Device {
  readonly name = 'fw_cfg';
  readonly state = {
    key: 0,
    /** Bytes of the item that were read. */
    offset: 0,
    /** Upper half of the address of the next DMA request. */
    dmaHigh: 0,
  };
  readonly #items: ReadonlyMap<number, Uint8Array>;
  readonly #dma: Dma;

  constructor(contents: FwCfgContents, dma: Dma) {
    this.#items = items(contents);
    this.#dma = dma;
  }

  read(offset: number, size: 1 | 2 | 4): number {
    if (offset < SELECTOR) return this.#stream(size);
    if (offset < DMA_ADDRESS) return 0;
    const signature = Buffer.from(DMA_SIGNATURE).subarray(offset - DMA_ADDRESS, offset - DMA_ADDRESS + size);
    return signature.reduceRight((value, byte) => value * 256 + byte, 0);
  }

  /** The next bytes of the item, the first one lowest; zeros behind its end. */
  #stream(size: number): number {
    const { state } = this;
    const item = this.#items.get(state.key);
    let value = 0;
    for (let i = 0; i < size; i++) {
      const byte = item?.[state.offset];
      if (byte === undefined) continue;
      value += byte * 2 ** (8 * i);
      state.offset++;
    }
    return value;
  }

  write(offset: number, size: 1 | 2 | 4, value: number): void {
    const bytes = Buffer.from(le(value, 4));
    if (offset === SELECTOR && size === 2) this.#select(bytes.readUInt16BE(0));
    if (size !== 4) return;
    if (offset === DMA_ADDRESS) this.state.dmaHigh = bytes.readUInt32BE(0);
    if (offset === DMA_ADDRESS + 4) {
      const address = this.state.dmaHigh * 2 ** 32 + bytes.readUInt32BE(0);
      this.state.dmaHigh = 0;
      this.#request(address);
    }
  }

  #select(key: number): void {
    this.state.key = key & KEY_MASK;
    this.state.offset = 0;
  }

  #request(address: number): void {
    const request = Buffer.alloc(REQUEST_BYTES);
    if (!this.#dma.read(address, request)) return;
    const control = request.readUInt32BE(0);
    const length = request.readUInt32BE(4);
    const target = Number(request.readBigUInt64BE(8));
    if (control & DMA.select) this.#select(control >>> 16);
    let correct = true;
    if (control & DMA.read) correct = this.#copy(target, length);
    else if (control & DMA.write) correct = false;
    else if (control & DMA.skip) this.state.offset = Math.min(this.state.offset + length, this.#itemLength());
    this.#dma.write(address, be(correct ? 0 : DMA.error, 4), this.name);
  }

  #itemLength(): number {
    return this.#items.get(this.state.key)?.length ?? 0;
  }

  /** Copies from the item, and zeros behind its end. */
  #copy(target: number, length: number): boolean {
    const item = this.#items.get(this.state.key) ?? new Uint8Array();
    for (let done = 0; done < length; ) {
      const chunk = Math.min(CHUNK, length - done);
      const bytes = new Uint8Array(chunk);
      bytes.set(item.subarray(this.state.offset, this.state.offset + chunk));
      if (!this.#dma.write(target + done, bytes, this.name)) return false;
      this.state.offset = Math.min(this.state.offset + chunk, item.length);
      done += chunk;
    }
    return true;
  }

  registerName(offset: number): string {
    if (offset < SELECTOR) return 'data';
    return offset < DMA_ADDRESS ? 'selector' : 'DMA address';
  }

  save(): DeviceState {
    return { ...this.state };
  }

  restore(saved: DeviceState): void {
    Object.assign(this.state, saved);
  }
}
