/** Size of a recording on disk. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Bytes in all files below a directory; files that vanish meanwhile (temporary ones) do not count. */
export function directorySize(directory: string): number {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce(
      (sum, { parentPath, name }) =>
        sum + (statSync(join(parentPath, name), { throwIfNoEntry: false })?.size ?? 0),
      0,
    );
}
