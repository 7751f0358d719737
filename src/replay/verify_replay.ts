/** Executes a recording's recipe again, records it aside, and compares: every column of every table, and every state hash. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Recipe } from '../machine/recipe.ts';
import { recordedDisks } from '../trace/disk_images.ts';
import { record } from '../trace/flight_recorder.ts';
import { storedFiles } from '../trace/image_files.ts';
import type { EpochFacts, SegmentFacts } from '../trace/layout.ts';
import { openRecording, type Recording } from '../trace/recording.ts';
import { UserError } from '../user-error.ts';
import { recordedInput } from './recorded_input.ts';

/** The first difference in one sentence, undefined where there is none. */
export async function verifyReplay(recording: Recording): Promise<string | undefined> {
  const first = recording.epochs[0]?.firstIcount ?? 0;
  if (first > 0)
    throw new UserError(`${recording.directory}: is a window of another recording: verify that one`);
  const aside = mkdtempSync(join(tmpdir(), 'hindsight-replay-'));
  try {
    const { detail, ...recipe } = recording.facts.recipe;
    const directory = join(aside, 'replay.hs');
    await record({
      recipe: recipe as unknown as Recipe,
      readFile: storedFiles(recording),
      disks: recordedDisks(recording),
      directory,
      detail: detail as 'flow' | 'memory' | 'full',
      until: { icount: recording.instructions },
      input: recordedInput(recording),
    });
    const replayed = openRecording(directory);
    try {
      return firstDifference(recording.epochs, replayed.epochs);
    } finally {
      replayed.close();
    }
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

/** By epoch: counts, then tables in the order of the schema, batch by batch and column by column, then the state hash. */
export function firstDifference(
  recorded: readonly EpochFacts[],
  replayed: readonly EpochFacts[],
): string | undefined {
  for (const [i, epoch] of recorded.entries()) {
    const other = replayed[i];
    if (!other)
      return `the replay ends before epoch ${epoch.epoch}, at instruction ${replayed.at(-1)?.endIcount ?? 0}`;
    const where = `epoch ${epoch.epoch} (instructions ${epoch.firstIcount} to ${epoch.endIcount})`;
    if (epoch.endIcount !== other.endIcount)
      return `${where} ends at instruction ${other.endIcount} in the replay`;
    const table = differingSegment(epoch.segments, other.segments);
    if (table) return `${where}: ${table}`;
    if (epoch.stateHash !== other.stateHash) return `${where}: the machine's state at its end (state hash)`;
  }
  return replayed.length > recorded.length
    ? `the replay goes on behind instruction ${recorded.at(-1)?.endIcount}`
    : undefined;
}

function differingSegment(
  recorded: readonly SegmentFacts[],
  replayed: readonly SegmentFacts[],
): string | undefined {
  for (const segment of recorded) {
    const other = replayed.find(({ table }) => table === segment.table);
    if (!other) return `table ${segment.table} is empty in the replay`;
    if (segment.rows !== other.rows)
      return `table ${segment.table} has ${segment.rows} rows, in the replay ${other.rows}`;
    for (const [n, batch] of segment.batches.entries())
      for (const [column, digest] of Object.entries(batch.digests))
        if (other.batches[n]?.digests[column] !== digest)
          return `table ${segment.table}, column ${column}, in the rows of instructions ${batch.firstIcount} to ${batch.lastIcount}`;
    for (const [column, digest] of Object.entries(segment.dictionaries))
      if (other.dictionaries[column] !== digest)
        return `table ${segment.table}, column ${column}: other texts`;
  }
  const extra = replayed.find(({ table }) => !recorded.some((segment) => segment.table === table));
  return extra && `table ${extra.table} has ${extra.rows} rows in the replay, and none in the recording`;
}
