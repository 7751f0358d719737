/** How much of a recording that is being made is committed: epochs whose manifest is there. */
import { readFileSync } from 'node:fs';
import { type EpochFacts, epochFile } from './layout.ts';

export interface Committed {
  /** Bytes of segments, checkpoints and manifests. */
  readonly bytes: number;
  /** The instructions before this one are committed. */
  readonly icount: number;
}

/** A function that tells what is committed in a directory by now; each manifest is read once. */
export function committedIn(directory: string): () => Committed {
  let committed: Committed = { bytes: 0, icount: 0 };
  let epoch = 1;
  return () => {
    for (;;) {
      let text: string;
      try {
        text = readFileSync(epochFile(directory, epoch), 'utf8');
      } catch {
        return committed;
      }
      const { segments, checkpoint, endIcount } = JSON.parse(text) as EpochFacts;
      const bytes = segments.reduce((sum, segment) => sum + segment.bytes, checkpoint?.bytes ?? 0);
      committed = { bytes: committed.bytes + bytes + text.length, icount: endIcount };
      epoch += 1;
    }
  };
}
