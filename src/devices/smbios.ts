/**
 * The SMBIOS tables (DMTF DSP0134, version 3.0) that firmware finds in fw_cfg and hands on: a system, a chassis, a processor and its
 * memory, with the contents of QEMU's `virt`.
 */

interface Structure {
  readonly type: number;
  readonly handle: number;
  /** What follows type, length and handle. */
  readonly fields: readonly Uint8Array[];
  readonly strings?: readonly string[];
}

export interface SmbiosMachine {
  readonly cpus: number;
  /** Bytes. */
  readonly ram: number;
}

const MANUFACTURER = 'QEMU';
const PRODUCT = 'QEMU Virtual Machine';
const VERSION = 'virt-7.2';

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const word = (value: number): Uint8Array => bytes(value & 0xff, value >>> 8);
const doubleWord = (value: number): Uint8Array => {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(value);
  return out;
};
const zeros = (count: number): Uint8Array => new Uint8Array(count);

const NONE = 0xffff;
const NO_ERROR_INFORMATION = 0xfffe;
/** Numbers of the handles, by type of structure. */
const HANDLE = {
  system: 0x100,
  chassis: 0x300,
  processor: 0x400,
  memory: 0x1000,
  device: 0x1100,
  boot: 0x2000,
  end: 0x7f00,
};
/** Megahertz that a processor claims. */
const CLOCK_MHZ = 2000;
const MIB = 2 ** 20;
/** Memory comes in modules of at most this many bytes. */
const MODULE_MAX = 16 * 2 ** 30;
const MODULE_MIB_MAX = 0x7fff;

function structures({ cpus, ram }: SmbiosMachine): Structure[] {
  const modules = Math.ceil(ram / MODULE_MAX);
  const cores = Math.min(cpus, 0xff);
  return [
    // A power switch wakes it.
    {
      type: 1,
      handle: HANDLE.system,
      fields: [bytes(1, 2, 3, 0), zeros(16), bytes(6, 0, 0)],
      strings: [MANUFACTURER, PRODUCT, VERSION],
    },
    // Type other; states safe, security none.
    {
      type: 3,
      handle: HANDLE.chassis,
      fields: [bytes(1, 1, 2, 0, 0, 3, 3, 3, 2), zeros(9)],
      strings: [MANUFACTURER, VERSION],
    },
    // A central processor, populated and enabled, with no caches that it tells of; 64-bit capable is not said.
    {
      type: 4,
      handle: HANDLE.processor,
      fields: [
        bytes(1, 3, 1, 2),
        zeros(8),
        bytes(3, 0),
        word(0),
        word(CLOCK_MHZ),
        word(CLOCK_MHZ),
        bytes(0x41, 1),
        ...[NONE, NONE, NONE].map(word),
        bytes(0, 0, 0, cores, cores, cores),
        ...[2, 1, cpus, cpus, cpus].map(word),
      ],
      strings: ['CPU 0', MANUFACTURER, VERSION],
    },
    // System memory with multi-bit ECC.
    {
      type: 16,
      handle: HANDLE.memory,
      fields: [bytes(1, 3, 6), doubleWord(ram / 1024), word(NO_ERROR_INFORMATION), word(modules), zeros(8)],
    },
    ...Array.from({ length: modules }, (_, n) => memoryDevice(n, Math.min(MODULE_MAX, ram - n * MODULE_MAX))),
    { type: 32, handle: HANDLE.boot, fields: [zeros(7)] },
    { type: 127, handle: HANDLE.end, fields: [] },
  ];
}

/** A module of RAM as a DIMM. */
function memoryDevice(n: number, size: number): Structure {
  const mib = Math.ceil(size / MIB);
  return {
    type: 17,
    handle: HANDLE.device + n,
    fields: [
      ...[HANDLE.memory, NO_ERROR_INFORMATION, NONE, NONE, Math.min(mib, MODULE_MIB_MAX)].map(word),
      bytes(9, 0, 1, 0, 7),
      word(2),
      word(0),
      bytes(2, 0, 0, 0, 0),
      doubleWord(mib >= MODULE_MIB_MAX ? mib : 0),
      ...[0, 0, 0, 0].map(word),
    ],
    strings: [`DIMM ${n}`, MANUFACTURER],
  };
}

function encoded({ type, handle, fields, strings = [] }: Structure): Buffer {
  const body = Buffer.concat(fields);
  const text = strings.length === 0 ? '\0' : strings.map((string) => `${string}\0`).join('');
  return Buffer.concat([bytes(type, 4 + body.length), word(handle), body, Buffer.from(`${text}\0`)]);
}

/** The tables. */
export const smbiosTables = (machine: SmbiosMachine): Uint8Array =>
  Buffer.concat(structures(machine).map(encoded));

/** The entry point; firmware fills in where the tables are, and the checksum. */
export function smbiosAnchor(tables: Uint8Array): Uint8Array {
  const anchor = Buffer.alloc(24);
  anchor.write('_SM3_');
  anchor.set([anchor.length, 3, 0, 0, 1], 6);
  anchor.writeUInt32LE(tables.length, 12);
  return anchor;
}
