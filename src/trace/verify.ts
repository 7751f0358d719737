/**
 * Checks a recording: every byte by the digests in the manifests, and that the tables keep their promises. Each finding
 * names the file, and the column and rows where it can.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../user-error.ts';
import { type Batch, columnsOf } from './columns.ts';
import { decodeAddresses } from './decode/addresses.ts';
import { readSection } from './decode/checkpoint.ts';
import type { SegmentReader } from './decode/segment.ts';
import { columnDigest, dictionaryDigest, sha256 } from './digest.ts';
import { TEMPORARY } from './durable_file.ts';
import { FlowDecoder, type Runs } from './flow.ts';
import type { EpochFacts, SegmentFacts } from './layout.ts';
import { openRecording, type Recording } from './recording.ts';

export interface Finding {
  /** Path below the recording. */
  readonly file: string;
  readonly column?: string;
  /** Rows of the file, from inclusive, to exclusive. */
  readonly rows?: readonly [number, number];
  readonly what: string;
}

export interface Verdict {
  readonly findings: readonly Finding[];
  /** Files that no manifest names: left by a kill or a full disk. */
  readonly leftovers: readonly string[];
  /** What is missing because the recording was not finished. */
  readonly incomplete: string | undefined;
}

export const findingText = ({ file, column, rows, what }: Finding): string =>
  `${file}${column === undefined ? '' : `, column ${column}`}${rows === undefined ? '' : `, rows ${rows[0]} to ${rows[1] - 1}`}: ${what}`;

/** Verifies the recording at `directory`. One that cannot be opened at all is a single finding. */
export function verifyRecording(directory: string): Verdict {
  let recording: Recording;
  try {
    recording = openRecording(directory);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { findings: [{ file: '.', what: error.message }], leftovers: [], incomplete: undefined };
  }
  try {
    const findings = recording.epochs.flatMap((epoch) => [...verifyEpoch(recording, epoch)]);
    // What contradicts itself makes sense only where the bytes are the ones written.
    if (findings.length === 0) findings.push(...verifyTotals(recording), ...verifyFlow(recording));
    return { findings, leftovers: leftovers(recording), incomplete: recording.incomplete };
  } finally {
    recording.close();
  }
}

function* verifyEpoch(recording: Recording, epoch: EpochFacts): Generator<Finding> {
  const seen = new Uint8Array(epoch.endSeq - epoch.firstSeq);
  for (const segment of epoch.segments) {
    try {
      const whole = yield* verifyBytes(recording, segment);
      const reader = recording.reader(segment);
      yield* verifySegment(reader, segment, epoch, seen);
      if (!whole)
        yield {
          file: segment.file,
          what: 'its bytes are not those that were written, outside of the values too',
        };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      yield { file: segment.file, what: error.message };
    }
  }
  yield* verifyCheckpoint(recording, epoch);
}

/** Whether the file has its checksum; a missing file is a finding. */
function* verifyBytes(
  { directory }: Recording,
  { file, checksum, bytes }: SegmentFacts,
): Generator<Finding, boolean> {
  let content: Buffer;
  try {
    content = readFileSync(join(directory, file));
  } catch (error) {
    throw new UserError(`it cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
  if (content.length !== bytes) yield { file, what: `it has ${content.length} bytes, not ${bytes}` };
  return sha256(content) === checksum;
}

function* verifySegment(
  reader: SegmentReader,
  segment: SegmentFacts,
  epoch: EpochFacts,
  seen: Uint8Array,
): Generator<Finding> {
  const { file, table, batches, dictionaries } = segment;
  const names = Object.keys(columnsOf(table));
  if (reader.batchCount !== batches.length) {
    yield { file, what: `it has ${reader.batchCount} record batches, not ${batches.length}` };
    return;
  }
  for (const [column, digest] of Object.entries(dictionaries))
    if (dictionaryDigest(reader.dictionaryOf(column)) !== digest)
      yield { file, column, what: 'its dictionary has not its digest' };
  let first = 0;
  let lastSeq = -1n;
  for (const [i, { rows, digests }] of batches.entries()) {
    const range = [first, first + rows] as const;
    first += rows;
    if (reader.rowsOf(i) !== rows) {
      yield { file, rows: range, what: `a record batch has ${reader.rowsOf(i)} rows, not ${rows}` };
      continue;
    }
    let sound = true;
    for (const column of names) {
      try {
        if (columnDigest(reader.read(i, [column]).columns[column]) === digests[column]) continue;
        yield { file, column, rows: range, what: 'the values have not their digest' };
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        yield { file, column, rows: range, what: error.message };
      }
      sound = false;
    }
    if (sound) lastSeq = yield* verifyOrder(file, reader.read(i, ['seq']), range, lastSeq, epoch, seen);
  }
}

/** seq grows within a table, lies in the epoch, and is used once in the recording. Returns the last one. */
function* verifyOrder(
  file: string,
  { rows, columns }: Batch,
  range: readonly [number, number],
  lastSeq: bigint,
  { firstSeq, endSeq }: EpochFacts,
  seen: Uint8Array,
): Generator<Finding, bigint> {
  const seqs = columns['seq'].values as BigUint64Array;
  let last = lastSeq;
  for (let row = 0; row < rows; row++) {
    const seq = seqs[row];
    const at = Number(seq) - firstSeq;
    const problem =
      seq <= last
        ? `seq ${seq} does not follow ${last}`
        : at < 0 || Number(seq) >= endSeq
          ? `seq ${seq} is not of this epoch`
          : seen[at] === 1
            ? `seq ${seq} is there twice`
            : undefined;
    if (problem !== undefined) {
      yield { file, column: 'seq', rows: [range[0] + row, range[0] + row + 1], what: problem };
      break;
    }
    seen[at] = 1;
    last = seq;
  }
  return last;
}

function* verifyCheckpoint({ directory }: Recording, { checkpoint }: EpochFacts): Generator<Finding> {
  if (checkpoint === null) return;
  const { file, checksum, sections } = checkpoint;
  try {
    if (sha256(readFileSync(join(directory, file))) === checksum) return;
    for (const { name } of sections) {
      try {
        readSection(directory, checkpoint, name);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        yield { file, what: `section ${name}: ${error.message}` };
      }
    }
    yield { file, what: 'its bytes are not those that were written' };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    yield { file, what: `it cannot be read: ${code}` };
  }
}

/** recording.json's totals are those of the epochs. */
function* verifyTotals({ facts, epochs }: Recording): Generator<Finding> {
  if (!facts.finished) return;
  for (const [table, rows] of Object.entries(facts.rows ?? {})) {
    const found = epochs.flatMap(({ segments }) => segments).filter((segment) => segment.table === table);
    const sum = found.reduce((total, segment) => total + segment.rows, 0);
    if (sum !== rows) yield { file: 'recording.json', what: `table ${table} has ${sum} rows, not ${rows}` };
  }
}

/** HVC or SMC, of any immediate. */
const isCall = (word: number): boolean => [0xd400_0002, 0xd400_0003].includes((word & 0xffe0_001f) >>> 0);

function endsWithCall({ count, pages, offsets, lengths }: Runs): boolean {
  const page = pages[count - 1];
  return page !== undefined && isCall(page.words[offsets[count - 1] / 4 + lengths[count - 1] - 1]);
}

/**
 * The packets cover every instruction once, every one of them decodes, each starts where the one before of its CPU ended
 * (but for a CPU that PSCI switched off and on: it ended with the call), and the accesses decode.
 */
function* verifyFlow(recording: Recording): Generator<Finding> {
  const decoder = new FlowDecoder(recording);
  const ends = new Map<number, { epoch: number; pc: bigint; el: number; called: boolean }>();
  let icount = recording.epochs[0]?.firstIcount ?? 0;
  for (const packet of decoder.packets()) {
    const file = recording.epochs[packet.epoch].segments.find(({ table }) => table === 'flow')!.file;
    const name = `the packet of instruction ${packet.icount} (seq ${packet.seq})`;
    if (packet.icount !== icount)
      yield { file, column: 'icount', what: `${name} does not follow instruction ${icount}` };
    icount = packet.icount + packet.instructions;
    const last = ends.get(packet.cpu);
    // An interrupt that ends a long WFI may come in an epoch in which its CPU has executed nothing yet.
    const before = last && { ...last, ...(last.epoch < packet.epoch ? decoder.led(packet) : undefined) };
    if (before && !before.called && (before.pc !== packet.pc || before.el !== packet.el)) {
      const [from, to] = [before.pc, packet.pc].map((pc) => `0x${pc.toString(16)}`);
      yield {
        file,
        column: 'pc',
        what: `${name} starts at ${to} at EL${packet.el}, and CPU ${packet.cpu} was at ${from} at EL${before.el}`,
      };
    }
    try {
      const runs = decoder.decode(packet);
      ends.set(packet.cpu, {
        ...{ epoch: packet.epoch, pc: runs.endPc, el: runs.endEl },
        called: endsWithCall(runs),
      });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      yield { file, what: error.message };
      return;
    }
  }
  if (icount !== recording.instructions)
    yield { file: 'epochs', what: `the flow ends at instruction ${icount}, not ${recording.instructions}` };
  for (const { rows, columns } of recording.batches('accesses', ['icount', 'count', 'addresses'])) {
    const { values, offsets } = columns['addresses'];
    for (let row = 0; row < rows; row++) {
      const bytes = values.subarray(offsets![row], offsets![row + 1]) as Uint8Array;
      if (decodeAddresses(bytes, Number(columns['count'].values[row])) === undefined)
        yield {
          file: 'accesses',
          column: 'addresses',
          what: `the packet of instruction ${columns['icount'].values[row]} does not decode`,
        };
    }
  }
}

function leftovers({ directory, epochs }: Recording): readonly string[] {
  const known = new Set(['recording.json', 'host.json', 'epochs', 'checkpoints']);
  for (const { epoch, segments, checkpoint } of epochs) {
    for (const { file } of segments) known.add(file);
    known.add(join('epochs', `${String(epoch).padStart(6, '0')}.json`));
    if (checkpoint !== null) known.add(checkpoint.file);
  }
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((file) => !known.has(file) && (/\.(arrow|bin|json)$/.test(file) || file.endsWith(TEMPORARY)))
    .sort();
}
