/** A recording onto a disk that fills up: a small tmpfs, which takes root to mount. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openRecording } from '../../../src/trace/recording.ts';
import { verifyRecording } from '../../../src/trace/verify.ts';

const ROOT = join(import.meta.dirname, '../../..');
const disks: string[] = [];
afterAll(() => {
  for (const disk of disks) {
    spawnSync('umount', [disk]);
    rmSync(disk, { recursive: true });
  }
});

/** An empty disk of so many bytes. */
function disk(size: string): string {
  const path = mkdtempSync(join(tmpdir(), 'hindsight-disk-'));
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path]);
  expect(status, 'mounting a tmpfs takes root').toBe(0);
  disks.push(path);
  return path;
}

/** Ends with one line and exit code 2, and leaves whole what was committed. */
function expectFull(path: string, prefix: string, command: readonly string[]): void {
  const { status, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' });
  const { epochs, instructions } = openRecording(path);
  expect(epochs.length).toBeGreaterThan(1);
  expect(stderr.trim()).toBe(
    `${prefix}cannot write ${path}: no space is left on the device; what was recorded up to epoch ${epochs.length} is whole and can be read`,
  );
  expect(status).toBe(2);
  expect(verifyRecording(path).findings).toEqual([]);
  expect(instructions).toBe(epochs.at(-1)!.endIcount);
}

test('a recorder ends with one line, and what was committed is whole', () => {
  const path = join(disk('512k'), 'a.hs');
  expectFull(path, '', [join(ROOT, 'test/trace/endless_recording.ts'), path]);
});

test('hindsight record ends with one line and exit code 2, and what was committed is whole', () => {
  const path = join(disk('6m'), 'a.hs');
  const image = join(ROOT, 'traces/bench/page-faults/page-faults.elf');
  expectFull(path, 'hindsight: ', [join(ROOT, 'bin/hindsight.js'), 'record', image, '-q', '-o', path]);
});
