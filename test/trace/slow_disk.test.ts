/** A disk that is slower than the guest: the guest waits. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const scratch = mkdtempSync(join(tmpdir(), 'hindsight-slow-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** What the script prints, in a process whose writer writes slowly or not. */
function recorded(directory: string, disk: 'slow' | 'fast', ...more: string[]): number {
  const here = (name: string) => join(import.meta.dirname, name);
  const slow = disk === 'slow' ? ['--import', here('slow_disk.ts')] : [];
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [...slow, here('slow_disk_recording.ts'), directory, ...more],
    { encoding: 'utf8' },
  );
  expect(status, stderr).toBe(0);
  return Number(stdout);
}

const filesOf = (directory: string) =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'host.json')
    .map(({ parentPath, name }) => join(parentPath, name).slice(directory.length));

/** What 10 million instructions at detail full are before they are compressed is 200 MB. */
const SLACK_BYTES = 64e6;

test('no row is lost, and the memory is that of a fast disk', () => {
  const [slow, fast] = ['slow', 'fast'].map((name) => join(scratch, name));
  const slowPeak = recorded(slow, 'slow');
  const fastPeak = recorded(fast, 'fast');
  expect(slowPeak).toBeLessThan(fastPeak + SLACK_BYTES);
  expect(filesOf(slow)).toEqual(filesOf(fast));
  for (const file of filesOf(fast))
    expect(readFileSync(join(slow, file)).equals(readFileSync(join(fast, file))), file).toBe(true);
});

test('the recorder is never more than a handful of epochs ahead of the disk', () => {
  // Four may be under way, one is being handed over.
  expect(recorded(join(scratch, 'epochs'), 'slow', 'epochs')).toBeLessThanOrEqual(5);
});
