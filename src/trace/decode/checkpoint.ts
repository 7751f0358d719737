/** Reads the machine's state back from checkpoints; encode/checkpoint.ts has the format. */
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { PAGE_SIZE } from '../../machine/memory.ts';
import { UserError } from '../../user-error.ts';
import { sha256 } from '../digest.ts';
import { PAGE_INDEX, PAGES_PER_GROUP, pageGroup } from '../encode/checkpoint.ts';
import type { CheckpointFacts } from '../layout.ts';
import { damaged } from './segment.ts';

export interface MachineState {
  readonly sections: ReadonlyMap<string, Uint8Array>;
  /** Number of pages that `pages` gives. */
  readonly pageCount: number;
  /** Every page that was changed up to the checkpoint, as it was then, each once; contents are views of 4096 bytes. */
  pages(): Generator<{ readonly pa: bigint; readonly content: Uint8Array }>;
}

/** The state at the last of `checkpoints`, which are all from the first on. */
export function readCheckpoint(directory: string, checkpoints: readonly CheckpointFacts[]): MachineState {
  const last = checkpoints.at(-1)!;
  const isPages = (name: string) => name === PAGE_INDEX || name.startsWith(pageGroup(0).slice(0, -1));
  const names = last.sections.map(({ name }) => name).filter((name) => !isPages(name));
  const sections = new Map(names.map((name) => [name, readSection(directory, last, name)]));
  // The newest contents of each page: the numbers of its checkpoint and of the page within it.
  const newest = new Map<bigint, number>();
  const indexes = checkpoints.map((checkpoint) => pageIndex(directory, checkpoint));
  for (const [n, index] of indexes.entries()) for (const pa of index) newest.set(pa, n);
  return {
    sections,
    pageCount: newest.size,
    *pages() {
      for (const [n, index] of indexes.entries()) {
        for (let first = 0; first < index.length; first += PAGES_PER_GROUP) {
          const group = index.subarray(first, first + PAGES_PER_GROUP);
          if (!group.some((pa) => newest.get(pa) === n)) continue;
          const bytes = readSection(directory, checkpoints[n], pageGroup(first / PAGES_PER_GROUP));
          if (bytes.length !== group.length * PAGE_SIZE)
            throw damaged(join(directory, checkpoints[n].file), 'a group of pages is short');
          for (const [i, pa] of group.entries())
            if (newest.get(pa) === n)
              yield { pa, content: bytes.subarray(i * PAGE_SIZE, (i + 1) * PAGE_SIZE) };
        }
      }
    },
  };
}

function pageIndex(directory: string, checkpoint: CheckpointFacts): BigUint64Array {
  const bytes = readSection(directory, checkpoint, PAGE_INDEX);
  if (bytes.length !== 8 * checkpoint.pages)
    throw damaged(join(directory, checkpoint.file), 'its page index is short');
  return new BigUint64Array(bytes.buffer, bytes.byteOffset, checkpoint.pages);
}

/** A section's raw bytes, checked against its digest. */
export function readSection(
  directory: string,
  { file, sections }: CheckpointFacts,
  name: string,
): Uint8Array {
  const path = join(directory, file);
  const section = sections.find((other) => other.name === name);
  if (section === undefined) throw damaged(path, `it has no section ${name}`);
  const packed = new Uint8Array(section.bytes);
  try {
    const fd = openSync(path, 'r');
    try {
      if (readSync(fd, packed, 0, section.bytes, section.offset) !== section.bytes)
        throw damaged(path, `section ${name} is cut short`);
    } finally {
      closeSync(fd);
    }
    const raw = zstdDecompressSync(packed, { maxOutputLength: Math.max(1, section.rawBytes) });
    if (sha256(raw) !== section.digest) throw damaged(path, `section ${name} has not its digest`);
    // Of its own, so that views of 8-byte elements are aligned.
    return new Uint8Array(raw);
  } catch (error) {
    if (error instanceof UserError) throw error;
    const { code, syscall } = error as NodeJS.ErrnoException;
    throw syscall === undefined
      ? damaged(path, `section ${name} does not decompress`)
      : new UserError(`cannot read ${path}: ${code}`);
  }
}
