/**
 * Flattened device trees: a strict reader and a writer (Devicetree Specification v0.4, chapter 5). All numbers are
 * big-endian. The reader takes version 17, the one that dtc has written since 2006.
 */
import { UserError } from '../user-error.ts';

export interface FdtProperty {
  readonly name: string;
  readonly value: Uint8Array;
}
export interface FdtNode {
  /** With the unit address: cpu@0; empty for the root. */
  readonly name: string;
  readonly properties: readonly FdtProperty[];
  readonly children: readonly FdtNode[];
}
export interface Fdt {
  readonly root: FdtNode;
  readonly reservations: readonly { readonly address: bigint; readonly size: bigint }[];
  readonly bootCpu: number;
}

/** Offsets of the header's fields, in bytes. */
export const HEADER = {
  magic: 0,
  totalSize: 4,
  structOffset: 8,
  stringsOffset: 12,
  reservationsOffset: 16,
  version: 20,
  lastCompatibleVersion: 24,
  bootCpu: 28,
  stringsSize: 32,
  structSize: 36,
} as const;
export const HEADER_SIZE = 40;
export const FDT_MAGIC = 0xd00dfeed;
export const FDT_VERSION = 17;
export const TOKEN = { beginNode: 1, endNode: 2, property: 3, nop: 4, end: 9 } as const;

const LAST_COMPATIBLE_VERSION = 16;
/** Deeper than any board; it bounds the recursion of those who walk the tree. */
const DEPTH_MAX = 64;

export const align4 = (value: number) => (value + 3) & ~3;

/** Reads a device tree; `file` is the name for messages. Any damage is a `UserError` that says at which byte. */
export function parseFdt(bytes: Uint8Array, file: string): Fdt {
  return new FdtReader(bytes, file).read();
}

class FdtReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #file: string;
  #at = 0;
  #structEnd = 0;
  #strings = 0;
  #stringsEnd = 0;

  constructor(bytes: Uint8Array, file: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#file = file;
  }

  #fail(what: string): never {
    throw new UserError(`${this.#file}: ${what}`);
  }

  #header(field: keyof typeof HEADER): number {
    return this.#view.getUint32(HEADER[field]);
  }

  read(): Fdt {
    const { length } = this.#bytes;
    if (length < 4 || this.#header('magic') !== FDT_MAGIC)
      this.#fail(
        'not a device tree blob: it does not begin with d0 0d fe ed (compile sources with dtc -O dtb)',
      );
    if (length < HEADER_SIZE)
      this.#fail(`truncated device tree: the header has 40 bytes, the file ${length}`);
    const totalSize = this.#header('totalSize');
    if (totalSize > length)
      this.#fail(`truncated device tree: its header says ${totalSize} bytes, the file has ${length}`);
    const [version, compatible] = [this.#header('version'), this.#header('lastCompatibleVersion')];
    if (version < FDT_VERSION || compatible > FDT_VERSION)
      this.#fail(
        `device tree version ${version} (compatible with ${compatible}): only version 17 is read here`,
      );
    const block = (name: string, offset: number, size: number, alignment: number) => {
      if (offset % alignment !== 0)
        this.#fail(`${name} is at byte ${offset}, which is not aligned to ${alignment}`);
      if (offset < HEADER_SIZE || offset + size > totalSize)
        this.#fail(
          `${name} is at bytes ${offset} to ${offset + size}, outside the tree's ${totalSize} bytes`,
        );
      return offset;
    };
    this.#at = block('the structure block', this.#header('structOffset'), this.#header('structSize'), 4);
    this.#structEnd = this.#at + this.#header('structSize');
    this.#strings = block('the strings block', this.#header('stringsOffset'), this.#header('stringsSize'), 1);
    this.#stringsEnd = this.#strings + this.#header('stringsSize');
    const reservations = this.#readReservations(
      block('the memory reservation block', this.#header('reservationsOffset'), 16, 8),
      totalSize,
    );
    if (this.#token() !== TOKEN.beginNode)
      this.#fail(`byte ${this.#at - 4}: the structure does not begin with a node`);
    const root = this.#readNode(0);
    if (root.name !== '')
      this.#fail(`the root node is called ${JSON.stringify(root.name)} instead of nothing`);
    const last = this.#token();
    if (last !== TOKEN.end)
      this.#fail(`byte ${this.#at - 4}: token ${last} after the root node instead of the end`);
    return { root, reservations, bootCpu: this.#header('bootCpu') };
  }

  #readReservations(start: number, end: number): { address: bigint; size: bigint }[] {
    const reservations = [];
    for (let at = start; ; at += 16) {
      if (at + 16 > end) this.#fail('the memory reservation block has no end');
      const entry = { address: this.#view.getBigUint64(at), size: this.#view.getBigUint64(at + 8) };
      if (entry.address === 0n && entry.size === 0n) return reservations;
      reservations.push(entry);
    }
  }

  #word(): number {
    if (this.#at + 4 > this.#structEnd)
      this.#fail(`byte ${this.#at}: the structure block ends in the middle of a node`);
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4);
  }

  /** The next token that is not a NOP. */
  #token(): number {
    for (;;) {
      const token = this.#word();
      if (token !== TOKEN.nop) return token;
    }
  }

  #readNode(depth: number): FdtNode {
    if (depth > DEPTH_MAX) this.#fail(`byte ${this.#at}: nodes are nested more than ${DEPTH_MAX} deep`);
    const name = this.#string(this.#at, this.#structEnd, 'a node name');
    this.#at = align4(this.#at + Buffer.byteLength(name, 'latin1') + 1);
    const properties: FdtProperty[] = [];
    const children: FdtNode[] = [];
    for (;;) {
      const token = this.#token();
      if (token === TOKEN.endNode) return { name, properties, children };
      if (token === TOKEN.beginNode) children.push(this.#readNode(depth + 1));
      else if (token !== TOKEN.property)
        this.#fail(`byte ${this.#at - 4}: ${token} is no token that a node can hold`);
      else if (children.length > 0)
        this.#fail(`byte ${this.#at - 4}: a property behind the subnodes of its node`);
      else properties.push(this.#readProperty());
    }
  }

  #readProperty(): FdtProperty {
    const [length, nameOffset] = [this.#word(), this.#word()];
    if (this.#at + length > this.#structEnd)
      this.#fail(`byte ${this.#at}: a property of ${length} bytes reaches beyond the structure block`);
    const name = this.#string(this.#strings + nameOffset, this.#stringsEnd, 'a property name');
    const value = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at = align4(this.#at + length);
    return { name, value };
  }

  #string(start: number, end: number, what: string): string {
    // The specification allows 31 characters; 255 leave room for names that real trees have.
    const bytes = this.#bytes.subarray(Math.min(start, end), Math.min(end, start + 256));
    const nul = bytes.indexOf(0);
    if (nul < 0) this.#fail(`byte ${start}: ${what} has no end`);
    return Buffer.from(bytes.buffer, bytes.byteOffset, nul).toString('latin1');
  }
}

/** Writes a tree in the order and with the string sharing of dtc: dtc reads it and writes the same bytes. */
export function writeFdt({ root, reservations, bootCpu }: Fdt): Uint8Array {
  let pool = '';
  const stringOffset = (name: string) => {
    const found = pool.indexOf(`${name}\0`);
    if (found >= 0) return found;
    const offset = pool.length;
    pool += `${name}\0`;
    return offset;
  };
  const structure: Uint8Array[] = [];
  const words = (...values: number[]) => structure.push(cells(...values));
  const padded = (bytes: Uint8Array) => {
    const out = new Uint8Array(align4(bytes.length));
    out.set(bytes);
    structure.push(out);
  };
  const writeNode = (node: FdtNode) => {
    words(TOKEN.beginNode);
    padded(text(node.name));
    for (const { name, value } of node.properties) {
      words(TOKEN.property, value.length, stringOffset(name));
      padded(value);
    }
    node.children.forEach(writeNode);
    words(TOKEN.endNode);
  };
  writeNode(root);
  words(TOKEN.end);

  const reservationWords = [...reservations, { address: 0n, size: 0n }].map(({ address, size }) =>
    cells64(address, size),
  );
  const structBytes = Buffer.concat(structure);
  const stringBytes = Buffer.from(pool, 'latin1');
  const structOffset = HEADER_SIZE + reservationWords.length * 16;
  const stringsOffset = structOffset + structBytes.length;
  const header = cells(
    FDT_MAGIC,
    stringsOffset + stringBytes.length,
    structOffset,
    stringsOffset,
    HEADER_SIZE,
    FDT_VERSION,
    LAST_COMPATIBLE_VERSION,
    bootCpu,
    stringBytes.length,
    structBytes.length,
  );
  return new Uint8Array(Buffer.concat([header, ...reservationWords, structBytes, stringBytes]));
}

/** A property value of 32-bit cells. */
export function cells(...values: number[]): Uint8Array {
  const out = new Uint8Array(values.length * 4);
  const view = new DataView(out.buffer);
  for (const [i, value] of values.entries()) view.setUint32(i * 4, value);
  return out;
}

/** A property value of 64-bit numbers, two cells each. */
export function cells64(...values: (number | bigint)[]): Uint8Array {
  const out = new Uint8Array(values.length * 8);
  const view = new DataView(out.buffer);
  for (const [i, value] of values.entries()) view.setBigUint64(i * 8, BigInt(value));
  return out;
}

/** A property value of zero-terminated strings. */
export function text(...values: string[]): Uint8Array {
  return new Uint8Array(Buffer.from(values.map((value) => `${value}\0`).join(''), 'utf8'));
}
