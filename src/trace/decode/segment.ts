/**
 * Reads a table's segment, column by column: only the buffers of the columns asked for are read and decompressed.
 * Nothing in the file is believed: every length is checked, and what does not fit is a UserError that names the file.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { zstdDecompressSync } from 'node:zlib';
import { DataType } from 'apache-arrow';
import { Footer } from 'apache-arrow/ipc/metadata/file';
import { type BufferRegion, Message, type RecordBatch } from 'apache-arrow/ipc/metadata/message';
import { UserError } from '../../user-error.ts';
import { arrowSchema } from '../arrow_types.ts';
import { type Batch, type ColumnData, columnsOf, hasOffsets, type Values, valueArray } from '../columns.ts';
import { sha256 } from '../digest.ts';
import type { SegmentFacts } from '../layout.ts';
import type { Column, ColumnType, TableName } from '../schema.ts';

const MAGIC = 'ARROW1';

/** A damaged file of a recording, as its user hears of it. */
export function damaged(path: string, what: string): UserError {
  return new UserError(`${path} is damaged: ${what}; "hindsight verify" tells how far the damage goes`);
}

/** Buffers that each column has in a record batch, and field nodes, in order. */
const buffersOf = (type: ColumnType) => (type === 'bytes' ? 3 : type === 'u64list' ? 4 : 2);
/** A dictionary's texts have the layout of bytes. */
const DICTIONARY: Column = { type: 'bytes', unit: '', sentence: '' };
const nodesOf = (type: ColumnType) => (type === 'u64list' ? 2 : 1);

export function unpackBits(bits: Uint8Array, count: number): Uint8Array {
  const flags = new Uint8Array(count);
  for (let i = 0; i < count; i++) flags[i] = (bits[i >>> 3] >>> (i & 7)) & 1;
  return flags;
}

/** A record batch whose metadata is read and whose body is not. */
interface LazyBatch {
  readonly header: RecordBatch;
  /** File offset and length of the body. */
  readonly bodyAt: number;
  readonly bodyLength: number;
}

export class SegmentReader {
  readonly path: string;
  readonly #table: TableName;
  readonly #fd: number;
  readonly #size: number;
  readonly #batches: readonly LazyBatch[];
  /** Where each dictionary is, by the index of its column. */
  readonly #dictionaries: ReadonlyMap<number, LazyBatch>;
  readonly #dictionaryTexts = new Map<number, readonly string[]>();

  constructor(facts: SegmentFacts, path: string) {
    this.path = path;
    this.#table = facts.table;
    try {
      this.#fd = openSync(path, 'r');
    } catch (error) {
      throw new UserError(`cannot read ${path}: ${(error as NodeJS.ErrnoException).code}`);
    }
    this.#size = fstatSync(this.#fd).size;
    try {
      const footer = this.#guard('its footer cannot be read', () => this.#readFooter(facts));
      [this.#batches, this.#dictionaries] = this.#guard('a message in it cannot be read', () =>
        this.#readMessages(footer, facts),
      );
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  get batchCount(): number {
    return this.#batches.length;
  }
  rowsOf(batch: number): number {
    return this.#batches[batch].header.length;
  }

  /** The named columns of a record batch. */
  read(batch: number, names: readonly string[]): Batch {
    const rows = this.rowsOf(batch);
    const columns: { [name: string]: ColumnData } = {};
    for (const name of names)
      columns[name] = this.#guard(`column ${name} of record batch ${batch} cannot be read`, () =>
        this.#readColumn(this.#batches[batch], name, rows),
      );
    return { rows, columns };
  }

  /** Errors of the libraries below are signs of damage; a RangeError of ours is too. */
  #guard<T>(what: string, read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (error instanceof UserError) throw error;
      throw damaged(this.path, what);
    }
  }

  #bytes(at: number, length: number): Uint8Array {
    if (!(at >= 0 && length >= 0 && at + length <= this.#size)) throw new RangeError('outside the file');
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const n = readSync(this.#fd, bytes, done, length - done, at + done);
      if (n === 0) throw new RangeError('the file is shorter than its footer says');
      done += n;
    }
    return bytes;
  }

  #readFooter(facts: SegmentFacts): Footer {
    const tail = this.#bytes(this.#size - 10, 10);
    if (Buffer.from(tail.subarray(4)).toString('latin1') !== MAGIC)
      throw damaged(this.path, 'it does not end as an Arrow file');
    const length = new DataView(tail.buffer).getInt32(0, true);
    const bytes = this.#bytes(this.#size - 10 - length, length);
    // The decoder below believes every length that it reads.
    if (sha256(bytes) !== facts.footer) throw damaged(this.path, 'its footer has not its digest');
    const footer = Footer.decode(bytes);
    const expected = arrowSchema(this.#table).fields;
    const { fields } = footer.schema;
    const same =
      fields.length === expected.length &&
      fields.every(({ name, type }, i) => name === expected[i].name && sameType(type, expected[i].type));
    if (!same) throw damaged(this.path, `its columns are not those of table ${this.#table}`);
    return footer;
  }

  #readMessages(footer: Footer, facts: SegmentFacts): [LazyBatch[], Map<number, LazyBatch>] {
    const blocks = [...footer.recordBatches(), ...footer.dictionaryBatches()];
    const heads = blocks.map(({ offset, metaDataLength }) => this.#bytes(offset, metaDataLength));
    if (sha256(Buffer.concat(heads)) !== facts.messages)
      throw damaged(this.path, 'its messages have not their digest');
    const batches: LazyBatch[] = [];
    const dictionaries = new Map<number, LazyBatch>();
    const columns = Object.values(columnsOf(this.#table));
    for (const [i, { offset, metaDataLength }] of blocks.entries()) {
      const length = new DataView(heads[i].buffer).getInt32(4, true);
      const message = Message.decode(heads[i].subarray(8, 8 + length));
      const body = { bodyAt: offset + metaDataLength, bodyLength: message.bodyLength };
      if (message.isRecordBatch()) {
        batches.push(this.#checked({ header: message.header(), ...body }, columns));
      } else if (message.isDictionaryBatch()) {
        const { id, data } = message.header();
        dictionaries.set(id, this.#checked({ header: data, ...body }, [DICTIONARY]));
      } else throw new RangeError('neither a record batch nor a dictionary');
    }
    return [batches, dictionaries];
  }

  #checked(batch: LazyBatch, columns: readonly Column[]): LazyBatch {
    const { header, bodyAt, bodyLength } = batch;
    const buffers = columns.reduce((sum, { type }) => sum + buffersOf(type), 0);
    const nodes = columns.reduce((sum, { type }) => sum + nodesOf(type), 0);
    const fits =
      header.buffers.length === buffers &&
      header.nodes.length === nodes &&
      header.compression !== null &&
      header.length >= 0 &&
      header.length <= 2 ** 31 &&
      bodyLength >= 0 &&
      bodyAt + bodyLength <= this.#size &&
      header.buffers.every(
        ({ offset, length }) => offset >= 0 && length >= 0 && offset + length <= bodyLength,
      );
    if (!fits) throw new RangeError('a message that does not fit its file');
    return batch;
  }

  /** One Arrow buffer, decompressed; `expected` bytes long, or any length up to 2^31 when undefined. */
  #buffer({ bodyAt }: LazyBatch, { offset, length }: BufferRegion, expected?: number): Uint8Array {
    if (length === 0) {
      if (expected !== undefined && expected !== 0) throw new RangeError('an empty buffer');
      return new Uint8Array(0);
    }
    const bytes = this.#bytes(bodyAt + offset, length);
    const rawLength = Number(new DataView(bytes.buffer).getBigInt64(0, true));
    const body = bytes.subarray(8);
    if (expected !== undefined && rawLength !== -1 && rawLength !== expected)
      throw new RangeError('a buffer of the wrong length');
    if (rawLength > 2 ** 31) throw new RangeError('a buffer that is too long');
    const raw =
      rawLength === -1 ? body : zstdDecompressSync(body, { maxOutputLength: Math.max(rawLength, 1) });
    if (raw.length !== (rawLength === -1 ? (expected ?? raw.length) : rawLength))
      throw new RangeError('a buffer of the wrong length');
    // Views of 8-byte elements need memory that is aligned and the buffer's own.
    return raw.byteOffset % 8 === 0 ? raw : raw.slice();
  }

  #offsets(batch: LazyBatch, region: BufferRegion, rows: number): Int32Array {
    const bytes = this.#buffer(batch, region, 4 * (rows + 1));
    const offsets = new Int32Array(bytes.buffer, bytes.byteOffset, rows + 1);
    for (let i = 0; i < rows; i++)
      if (offsets[i] > offsets[i + 1]) throw new RangeError('offsets that go back');
    if (offsets[0] !== 0) throw new RangeError('offsets that do not start at 0');
    return offsets;
  }

  #readColumn(batch: LazyBatch, name: string, rows: number): ColumnData {
    const columns = Object.entries(columnsOf(this.#table));
    const index = columns.findIndex(([other]) => other === name);
    const { type, nullable } = columns[index][1];
    const first = columns.slice(0, index).reduce((sum, [, before]) => sum + buffersOf(before.type), 0);
    const regions = batch.header.buffers.slice(first, first + buffersOf(type));
    const validity = nullable ? this.#validity(batch, regions[0], rows) : undefined;
    if (type === 'bool')
      return { values: unpackBits(this.#buffer(batch, regions[1], (rows + 7) >>> 3), rows), validity };
    const offsets = hasOffsets(type) ? this.#offsets(batch, regions[1], rows) : undefined;
    const count = offsets === undefined ? rows : offsets[rows];
    const ArrayType = valueArray(type);
    const bytes = this.#buffer(batch, regions[regions.length - 1], count * ArrayType.BYTES_PER_ELEMENT);
    const values: Values = new ArrayType(bytes.buffer as ArrayBuffer, bytes.byteOffset, count);
    if (type !== 'text') return { values, offsets, validity };
    const dictionary = this.dictionaryOf(name);
    for (const id of values as Uint32Array)
      if (id >= dictionary.length) throw new RangeError('an index outside its dictionary');
    return { values, dictionary };
  }

  #validity(batch: LazyBatch, region: BufferRegion, rows: number): Uint8Array {
    if (region.length === 0) return new Uint8Array(rows).fill(1);
    return unpackBits(this.#buffer(batch, region, (rows + 7) >>> 3), rows);
  }

  /** The texts that a text column uses, in order of first appearance. */
  dictionaryOf(name: string): readonly string[] {
    const index = Object.keys(columnsOf(this.#table)).indexOf(name);
    const known = this.#dictionaryTexts.get(index);
    if (known !== undefined) return known;
    const texts = this.#guard(`the dictionary of ${name} cannot be read`, () => {
      const batch = this.#dictionaries.get(index);
      if (batch === undefined) throw new RangeError('no dictionary');
      const { buffers, length } = batch.header;
      const offsets = this.#offsets(batch, buffers[1], length);
      const bytes = Buffer.from(this.#buffer(batch, buffers[2], offsets[length]));
      return Array.from({ length }, (_, i) => bytes.toString('utf8', offsets[i], offsets[i + 1]));
    });
    this.#dictionaryTexts.set(index, texts);
    return texts;
  }
}

const sameType = (a: DataType, b: DataType) =>
  a.toString() === b.toString() && (!DataType.isDictionary(a) || !DataType.isDictionary(b) || a.id === b.id);
