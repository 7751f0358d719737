/**
 * Writes a table's segment: a complete Arrow IPC file, body buffers compressed with ZSTD as the format defines it.
 *
 * Record batches go out as they come; the dictionaries follow when the last batch is known, which the file format allows
 * because its footer lists them apart. apache-arrow encodes the messages; bodies are laid out here, because its writer
 * puts the compressed length where the format wants the uncompressed one (seen in 21.2.0).
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:zlib';
import { CompressionType, MetadataVersion } from 'apache-arrow';
import { FileBlock, Footer } from 'apache-arrow/ipc/metadata/file';
import {
  BodyCompression,
  BufferRegion,
  DictionaryBatch,
  FieldNode,
  Message,
  RecordBatch,
} from 'apache-arrow/ipc/metadata/message';
import { arrowSchema } from '../arrow_types.ts';
import { type Batch, type ColumnData, columnsOf, sliceColumn, type Values } from '../columns.ts';
import { columnDigest, dictionaryDigest, sha256 } from '../digest.ts';
import type { DurableFile } from '../durable_file.ts';
import type { BatchFacts, SegmentFacts } from '../layout.ts';
import type { Column, TableName } from '../schema.ts';
import { BATCH_BYTES, BATCH_ROWS } from './batch_limits.ts';
import { compressed, giveBack } from './zstd.ts';

const MAGIC = Buffer.from('ARROW1');
const NO_BYTES = new Uint8Array(0);
/** Smaller buffers are stored as they are. */
const WORTH_COMPRESSING = 64;
/**
 * How ZSTD compresses a table's buffers. Branches, which hardly repeat, are searched as level 3 does it, but from four bytes on: a third
 * of level 5's time for a fiftieth more bytes. Pages of code take most of the time at the end of a short recording: level 6 takes four
 * times as long for a tenth less.
 */
const PARAMETERS: { readonly [T in TableName]?: { readonly [parameter: number]: number } } = {
  flow: {
    [constants.ZSTD_c_compressionLevel]: 3,
    [constants.ZSTD_c_minMatch]: 4,
    [constants.ZSTD_c_hashLog]: 16,
    [constants.ZSTD_c_chainLog]: 15,
  },
  code: { [constants.ZSTD_c_compressionLevel]: 2 },
};
const FASTEST = { [constants.ZSTD_c_compressionLevel]: 1 };

const bytesOf = ({ buffer, byteOffset, byteLength }: NodeJS.ArrayBufferView) =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);

/** One bit a row, least significant first. */
export function packBits(flags: Uint8Array): Uint8Array {
  const bits = new Uint8Array((flags.length + 7) >>> 3);
  for (let i = 0; i < flags.length; i++) bits[i >>> 3] |= flags[i] << (i & 7);
  return bits;
}

/** The smallest and the largest of 64-bit values below 2^53: of their halves, since a loop over BigInts makes them all. */
function extremes({ buffer, byteOffset, length }: Values): readonly [number, number] {
  const halves = new Uint32Array(buffer, byteOffset, 2 * length);
  let [first, last] = [Infinity, -Infinity];
  for (let i = 0; i < halves.length; i += 2) {
    const n = halves[i + 1] * 2 ** 32 + halves[i];
    if (n < first) first = n;
    if (n > last) last = n;
  }
  return [first, last];
}

/** A message's body under construction. */
class Body {
  readonly #table: TableName;
  readonly chunks: Uint8Array[] = [];
  /** Those of them that were made by the compressor. */
  readonly #packed: Uint8Array[] = [];
  readonly nodes: FieldNode[] = [];
  readonly regions: BufferRegion[] = [];
  length = 0;

  constructor(table: TableName) {
    this.#table = table;
  }

  /** An Arrow buffer: its uncompressed length (-1: stored as it is), then the bytes, padded to 8. */
  add(bytes: Uint8Array): void {
    if (bytes.length === 0) {
      this.regions.push(new BufferRegion(this.length, 0));
      return;
    }
    const packed =
      bytes.length < WORTH_COMPRESSING ? bytes : compressed(bytes, PARAMETERS[this.#table] ?? FASTEST);
    const smaller = packed.length < bytes.length;
    const content = smaller ? packed : bytes;
    if (packed !== bytes) this.#packed.push(packed);
    const size = 8 + content.length;
    const padding = -size & 7;
    this.regions.push(new BufferRegion(this.length, size));
    this.chunks.push(
      bytesOf(BigInt64Array.of(smaller ? BigInt(bytes.length) : -1n)),
      content,
      new Uint8Array(padding),
    );
    this.length += size + padding;
  }

  addColumn({ type }: Column, data: ColumnData, rows: number): void {
    const { validity } = data;
    let nulls = 0;
    if (validity !== undefined) for (let i = 0; i < rows; i++) nulls += 1 - validity[i];
    this.nodes.push(new FieldNode(rows, nulls));
    this.add(nulls === 0 ? NO_BYTES : packBits(validity!));
    if (data.offsets !== undefined) this.add(bytesOf(data.offsets));
    if (type === 'u64list') {
      this.nodes.push(new FieldNode(data.values.length, 0));
      this.add(NO_BYTES);
    }
    this.add(type === 'bool' ? packBits(data.values as Uint8Array) : bytesOf(data.values));
  }

  /** When the body has been written. */
  release(): void {
    for (const packed of this.#packed) giveBack(packed);
  }

  recordBatch(rows: number): RecordBatch {
    return new RecordBatch(rows, this.nodes, this.regions, new BodyCompression(CompressionType.ZSTD));
  }
}

/** The dictionary of a text column over a whole segment. */
class SegmentDictionary {
  readonly ids = new Map<string, number>();

  /** The column with its indices into this dictionary. */
  adopt(data: ColumnData): ColumnData {
    const numbers = Uint32Array.from(data.dictionary!, (entry) => {
      if (!this.ids.has(entry)) this.ids.set(entry, this.ids.size);
      return this.ids.get(entry)!;
    });
    const same = numbers.every((number, i) => number === i);
    return same ? data : { ...data, values: (data.values as Uint32Array).map((index) => numbers[index]) };
  }
}

export class SegmentWriter {
  readonly #table: TableName;
  readonly #file: DurableFile;
  readonly #batchBlocks: FileBlock[] = [];
  readonly #dictionaryBlocks: FileBlock[] = [];
  readonly #dictionaries = new Map<string, SegmentDictionary>();
  readonly #batches: BatchFacts[] = [];
  readonly #messages = createHash('sha256');

  constructor(table: TableName, file: DurableFile) {
    this.#table = table;
    for (const [name, { type }] of Object.entries(columnsOf(table)))
      if (type === 'text') this.#dictionaries.set(name, new SegmentDictionary());
    this.#file = file;
    this.#file.write(Buffer.concat([MAGIC, new Uint8Array(2)]));
    this.#writeMessage(Message.from(arrowSchema(table)), []);
  }

  write(batch: Batch): void {
    let bytes = 0;
    for (const { values } of Object.values(batch.columns)) bytes += values.byteLength;
    const step = Math.max(1, Math.min(BATCH_ROWS, Math.floor((BATCH_BYTES * batch.rows) / bytes)));
    for (let from = 0; from < batch.rows; from += step) {
      const to = Math.min(batch.rows, from + step);
      const columns: { [name: string]: ColumnData } = {};
      for (const [name, data] of Object.entries(batch.columns)) {
        const adopted = this.#dictionaries.get(name)?.adopt(data) ?? data;
        columns[name] = to - from === batch.rows ? adopted : sliceColumn(adopted, from, to);
      }
      this.#writeBatch({ rows: to - from, columns });
    }
  }

  #writeBatch({ rows, columns }: Batch): void {
    const body = new Body(this.#table);
    const digests: { [name: string]: string } = {};
    for (const [name, column] of Object.entries(columnsOf(this.#table))) {
      body.addColumn(column, columns[name], rows);
      digests[name] = columnDigest(columns[name]);
    }
    const [firstIcount, lastIcount] = extremes(columns['icount'].values);
    this.#batches.push({ rows, firstIcount, lastIcount, digests });
    this.#batchBlocks.push(
      this.#writeMessage(Message.from(body.recordBatch(rows), body.length), body.chunks),
    );
    body.release();
  }

  /** Ends the file; the caller puts it in its place. */
  end(): Omit<SegmentFacts, 'table' | 'file'> {
    const dictionaries: { [name: string]: string } = {};
    let id = 0;
    for (const [name] of Object.entries(columnsOf(this.#table))) {
      const dictionary = this.#dictionaries.get(name);
      if (dictionary !== undefined)
        dictionaries[name] = this.#writeDictionary(id, [...dictionary.ids.keys()]);
      id += 1;
    }
    this.#file.write(bytesOf(Int32Array.of(-1, 0)));
    const footer = Footer.encode(
      new Footer(arrowSchema(this.#table), MetadataVersion.V5, this.#batchBlocks, this.#dictionaryBlocks),
    );
    this.#file.write(Buffer.concat([footer, bytesOf(Int32Array.of(footer.length)), MAGIC]));
    const rows = this.#batches.reduce((sum, batch) => sum + batch.rows, 0);
    return {
      rows,
      bytes: this.#file.position,
      checksum: this.#file.checksum(),
      footer: sha256(footer),
      messages: this.#messages.digest('hex'),
      dictionaries,
      batches: this.#batches,
    };
  }

  #writeDictionary(id: number, entries: readonly string[]): string {
    const texts = entries.map((entry) => Buffer.from(entry, 'utf8'));
    const offsets = new Int32Array(texts.length + 1);
    for (let i = 0; i < texts.length; i++) offsets[i + 1] = offsets[i] + texts[i].length;
    const body = new Body(this.#table);
    body.nodes.push(new FieldNode(texts.length, 0));
    body.add(NO_BYTES);
    body.add(bytesOf(offsets));
    body.add(Buffer.concat(texts));
    const batch = new DictionaryBatch(body.recordBatch(texts.length), id);
    this.#dictionaryBlocks.push(this.#writeMessage(Message.from(batch, body.length), body.chunks));
    return dictionaryDigest(entries);
  }

  #writeMessage(message: Message, body: readonly Uint8Array[]): FileBlock {
    const { position } = this.#file;
    const metadata = Message.encode(message);
    const padding = -metadata.length & 7;
    const prefix = Int32Array.of(-1, metadata.length + padding);
    const head = Buffer.concat([bytesOf(prefix), metadata, new Uint8Array(padding)]);
    if (!message.isSchema()) this.#messages.update(head);
    this.#file.write(head);
    for (const chunk of body) this.#file.write(chunk);
    return new FileBlock(8 + metadata.length + padding, message.bodyLength, position);
  }
}
