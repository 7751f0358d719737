/**
 * Edits a flattened device tree in place, with the effect of libfdt's functions on the bytes: a new node goes behind its
 * parent's properties, a new property before the others, a removed node becomes NOPs, padding keeps what lay there before.
 * A guest walks the bytes one by one, so with any other layout its instruction counts would differ from those under QEMU.
 * Found by comparing with `pmemsave` dumps of what QEMU 7.2 hands to its guests; test/machine/fdt_edit.test.ts has some.
 */
import { align4, cells, FDT_VERSION, HEADER, HEADER_SIZE, TOKEN } from './fdt.ts';

/** Offset of a node's BEGIN_NODE token in the structure block. */
export type NodeOffset = number;

export class FdtEditor {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  /** `tree` has passed `parseFdt`; the result has `size` bytes, or more where the tree with its edits could not fit. */
  constructor(tree: Uint8Array, size: number) {
    const ordered = inOrder(tree);
    this.bytes = new Uint8Array(Math.max(size, ordered.length + 20000));
    this.#view = new DataView(this.bytes.buffer);
    this.bytes.set(ordered);
    this.#set('version', FDT_VERSION);
    this.#set('totalSize', this.bytes.length);
  }

  #get(field: keyof typeof HEADER): number {
    return this.#view.getUint32(HEADER[field]);
  }

  #set(field: keyof typeof HEADER, value: number): void {
    this.#view.setUint32(HEADER[field], value);
  }

  #word(offset: number): number {
    return this.#view.getUint32(this.#get('structOffset') + offset);
  }

  /** Token at a structure offset, and the offset of the next one. */
  #token(offset: number): { token: number; next: number } {
    const token = this.#word(offset);
    if (token === TOKEN.beginNode) {
      const name = this.#get('structOffset') + offset + 4;
      return { token, next: align4(offset + 4 + this.bytes.indexOf(0, name) - name + 1) };
    }
    if (token === TOKEN.property) return { token, next: offset + 12 + align4(this.#word(offset + 4)) };
    return { token, next: offset + 4 };
  }

  #name(node: NodeOffset): string {
    const start = this.#get('structOffset') + node + 4;
    return Buffer.from(this.bytes.subarray(start, this.bytes.indexOf(0, start))).toString('latin1');
  }

  /** The root, behind any NOPs. */
  get root(): NodeOffset {
    let offset = 0;
    while (this.#word(offset) === TOKEN.nop) offset += 4;
    return offset;
  }

  #end(node: NodeOffset): number {
    for (let depth = 0, offset = node; ; ) {
      const { token, next } = this.#token(offset);
      if (token === TOKEN.beginNode) depth++;
      if (token === TOKEN.endNode && --depth === 0) return next;
      offset = next;
    }
  }

  /** The first child whose name fulfils `accept`; undefined when there is none. */
  child(parent: NodeOffset, accept: (name: string) => boolean): NodeOffset | undefined {
    for (let offset = this.#token(parent).next; ; ) {
      const { token, next } = this.#token(offset);
      if (token === TOKEN.endNode) return undefined;
      if (token === TOKEN.beginNode && accept(this.#name(offset))) return offset;
      offset = token === TOKEN.beginNode ? this.#end(offset) : next;
    }
  }

  /** Removes all children whose name fulfils `accept`, in one pass. */
  removeChildren(parent: NodeOffset, accept: (name: string) => boolean): void {
    for (let offset = this.#token(parent).next; ; ) {
      const { token, next } = this.#token(offset);
      if (token === TOKEN.endNode) return;
      const end = token === TOKEN.beginNode ? this.#end(offset) : next;
      if (token === TOKEN.beginNode && accept(this.#name(offset))) this.removeNode(offset);
      offset = end;
    }
  }

  removeNode(node: NodeOffset): void {
    for (let offset = node, end = this.#end(node); offset < end; offset += 4)
      this.#view.setUint32(this.#get('structOffset') + offset, TOKEN.nop);
  }

  addNode(parent: NodeOffset, name: string): NodeOffset {
    let offset = this.#token(parent).next;
    for (let { token, next } = this.#token(offset); token === TOKEN.property || token === TOKEN.nop; ) {
      offset = next;
      ({ token, next } = this.#token(offset));
    }
    const padded = new Uint8Array(align4(name.length + 1));
    padded.set(Buffer.from(name, 'latin1'));
    const node = Buffer.concat([cells(TOKEN.beginNode), padded, cells(TOKEN.endNode)]);
    this.#splice(offset, 0, node.length);
    this.bytes.set(node, this.#get('structOffset') + offset);
    return offset;
  }

  /** Gives a property a value, adding it where it is missing. */
  setProperty(node: NodeOffset, name: string, value: Uint8Array): void {
    const nameOffset = this.#stringOffset(name);
    const { next } = this.#token(node);
    let offset = next;
    for (; ; offset = this.#token(offset).next) {
      const { token } = this.#token(offset);
      if (token === TOKEN.property && this.#propertyName(offset) === name) {
        this.#splice(offset + 12, align4(this.#word(offset + 4)), align4(value.length));
        break;
      }
      if (token === TOKEN.property || token === TOKEN.nop) continue;
      offset = next;
      this.#splice(offset, 0, 12 + align4(value.length));
      this.bytes.set(cells(TOKEN.property, 0, nameOffset), this.#get('structOffset') + offset);
      break;
    }
    const at = this.#get('structOffset') + offset;
    this.#view.setUint32(at + 4, value.length);
    this.bytes.set(value, at + 12);
  }

  #propertyName(property: number): string {
    const start = this.#get('stringsOffset') + this.#word(property + 8);
    return Buffer.from(this.bytes.subarray(start, this.bytes.indexOf(0, start))).toString('latin1');
  }

  #stringOffset(name: string): number {
    const start = this.#get('stringsOffset');
    const size = this.#get('stringsSize');
    const wanted = Buffer.from(`${name}\0`, 'latin1');
    const found = Buffer.from(this.bytes.buffer, start, size).indexOf(wanted);
    if (found >= 0) return found;
    this.#room(wanted.length);
    this.bytes.set(wanted, start + size);
    this.#set('stringsSize', size + wanted.length);
    return size;
  }

  #splice(offset: number, oldLength: number, newLength: number): void {
    const at = this.#get('structOffset') + offset;
    const end = this.#get('stringsOffset') + this.#get('stringsSize');
    this.#room(newLength - oldLength);
    this.bytes.copyWithin(at + newLength, at + oldLength, end);
    this.#set('structSize', this.#get('structSize') + newLength - oldLength);
    this.#set('stringsOffset', this.#get('stringsOffset') + newLength - oldLength);
  }

  #room(growth: number): void {
    const used = this.#get('stringsOffset') + this.#get('stringsSize');
    if (used + growth > this.bytes.length)
      throw new Error(`device tree edit: ${used} + ${growth} bytes do not fit ${this.bytes.length}`);
  }
}

/** The tree with its blocks in the order reservations, structure, strings: edits move the blocks behind them. */
function inOrder(tree: Uint8Array): Uint8Array {
  const view = new DataView(tree.buffer, tree.byteOffset, tree.byteLength);
  const get = (field: keyof typeof HEADER) => view.getUint32(HEADER[field]);
  let reservationsEnd = get('reservationsOffset');
  while (view.getBigUint64(reservationsEnd) !== 0n || view.getBigUint64(reservationsEnd + 8) !== 0n)
    reservationsEnd += 16;
  reservationsEnd += 16;
  const structEnd = get('structOffset') + get('structSize');
  if (get('structOffset') >= reservationsEnd && get('stringsOffset') >= structEnd) return tree;
  const reservations = tree.subarray(get('reservationsOffset'), reservationsEnd);
  const structure = tree.subarray(get('structOffset'), structEnd);
  const strings = tree.subarray(get('stringsOffset'), get('stringsOffset') + get('stringsSize'));
  const out = new Uint8Array(
    Buffer.concat([tree.subarray(0, HEADER_SIZE), reservations, structure, strings]),
  );
  const outView = new DataView(out.buffer);
  outView.setUint32(HEADER.reservationsOffset, HEADER_SIZE);
  outView.setUint32(HEADER.structOffset, HEADER_SIZE + reservations.length);
  outView.setUint32(HEADER.stringsOffset, HEADER_SIZE + reservations.length + structure.length);
  return out;
}
