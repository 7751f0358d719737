/** Records a window of a recording again, at another level of detail, as a recording of its own. */
import type { Recipe } from '../machine/recipe.ts';
import { recordedDisks } from '../trace/disk_images.ts';
import { type RecordSummary, record } from '../trace/flight_recorder.ts';
import { storedFiles } from '../trace/image_files.ts';
import type { Recording } from '../trace/recording.ts';
import { UserError } from '../user-error.ts';
import { recordedInput } from './recorded_input.ts';

export interface Window {
  /** Instructions [from, to). */
  readonly from: number;
  readonly to: number;
  readonly detail: 'flow' | 'memory' | 'full';
  readonly output: string;
}

export async function recordWindow(
  recording: Recording,
  { from, to, detail, output }: Window,
): Promise<RecordSummary> {
  const first = recording.epochs[0]?.firstIcount ?? 0;
  if (from < first || to > recording.instructions || from >= to)
    throw new UserError(
      `--from ${from} --to ${to}: the recording has instructions ${first} to ${recording.instructions}`,
    );
  const { detail: _, ...recipe } = recording.facts.recipe;
  const { reason } = recording.facts;
  const endsByItself = reason !== undefined && reason !== 'limit' && reason !== 'interrupted';
  return record({
    recipe: recipe as unknown as Recipe,
    readFile: storedFiles(recording),
    disks: recordedDisks(recording),
    directory: output,
    detail,
    // To its end, the window ends for the same reason.
    until: endsByItself && to === recording.instructions ? {} : { icount: to },
    from: { recording, icount: from },
    input: recordedInput(recording),
  });
}
