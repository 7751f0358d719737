/**
 * Where in virtual memory a kernel or hypervisor runs, and whose memory that is. It moves itself about (KASLR), runs below its own mapping before the MMU is on, maps part of itself
 * again at EL2 for KVM, and a hypervisor may have copied it. But code tells: a recording has the bytes of every page that executed, and a
 * page of the Image that executed at a virtual address says where the Image begins.
 */
import { type Cell, cellOf, columnsOf } from '../trace/columns.ts';
import { openRecording, type Recording } from '../trace/recording.ts';
import type { TableName } from '../trace/schema.ts';

const PAGE = 4096;
/** A page with fewer different words may be anywhere. */
const DISTINCT_WORDS_MIN = 32;

export interface KernelPlace {
  /** Virtual address at which the Image begins. */
  readonly start: bigint;
  readonly atEl2: boolean;
  /** 0 at EL2, and where there is no stage 2. */
  readonly vmid: number;
}

/** Where an Image ran in the recording; the place that most pages speak for is first. */
export function kernelPlaces(directory: string, image: Uint8Array): KernelPlace[] {
  const recording = openRecording(directory);
  try {
    return placesIn(recording, image);
  } finally {
    recording.close();
  }
}

function placesIn(recording: Recording, image: Uint8Array): KernelPlace[] {
  const inImage = pagesOf(image);
  const executed = new Map<string, number>();
  for (const { pa_page, version, content } of rows(recording, 'code', ['pa_page', 'version', 'content'])) {
    const place = inImage.get(key(content as Uint8Array));
    if (place !== undefined) executed.set(`${pa_page} ${version}`, place);
  }
  const places = new Map<string, KernelPlace & { votes: number }>();
  const columns = ['va_page', 'pa_page', 'version', 'regime', 'vmid'];
  for (const { va_page, pa_page, version, regime, vmid } of rows(recording, 'fetch', columns)) {
    const offset = executed.get(`${pa_page} ${version}`);
    if (offset === undefined) continue;
    const start = (va_page as bigint) - BigInt(offset);
    const atEl2 = regime !== 'EL10';
    const place = { start, atEl2, vmid: atEl2 ? 0 : Number(vmid), votes: 0 };
    const name = `${start} ${place.atEl2} ${place.vmid}`;
    if (!places.has(name)) places.set(name, place);
    places.get(name)!.votes++;
  }
  return [...places.values()].sort((a, b) => b.votes - a.votes);
}

function* rows(recording: Recording, table: TableName, columns: readonly string[]) {
  const types = columnsOf(table);
  for (const batch of recording.batches(table, columns))
    for (let row = 0; row < batch.rows; row++) {
      const cells: { [column: string]: Cell } = {};
      for (const name of columns) cells[name] = cellOf(types[name].type, batch.columns[name], row);
      yield cells;
    }
}

/** Offset of each page of the image that is like no other. */
function pagesOf(image: Uint8Array): ReadonlyMap<string, number> {
  const pages = new Map<string, number>();
  const twice = new Set<string>();
  for (let offset = 0; offset + PAGE <= image.length; offset += PAGE) {
    const page = image.subarray(offset, offset + PAGE);
    if (new Set(words(page)).size < DISTINCT_WORDS_MIN) continue;
    const name = key(page);
    if (pages.has(name)) twice.add(name);
    pages.set(name, offset);
  }
  for (const name of twice) pages.delete(name);
  return pages;
}

const words = (page: Uint8Array): Uint32Array => new Uint32Array(new Uint8Array(page).buffer);

/** Two 32-bit hashes over the words of a page (FNV-1a, and the same with another prime). */
function key(page: Uint8Array): string {
  let [a, b] = [0x811c9dc5, 0x9e3779b9];
  for (const word of words(page)) {
    a = Math.imul(a ^ word, 0x01000193);
    b = Math.imul(b ^ (word >>> 7) ^ (word << 25), 0x85ebca6b);
  }
  return `${a >>> 0} ${b >>> 0}`;
}
