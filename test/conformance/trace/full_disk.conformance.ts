/** A recording onto a disk that fills up: a small tmpfs, which takes root to mount. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openRecording } from '../../../src/trace/recording.ts';
import { verifyRecording } from '../../../src/trace/verify.ts';

const disk = mkdtempSync(join(tmpdir(), 'hindsight-disk-'));
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', disk]).status === 0;
afterAll(() => {
  if (mounted) spawnSync('umount', [disk]);
  rmSync(disk, { recursive: true });
});

test('it ends with one line, and what was committed is whole', () => {
  expect(mounted, 'mounting a tmpfs takes root').toBe(true);
  const path = join(disk, 'a.hs');
  const writer = join(import.meta.dirname, '../../trace/endless_recording.ts');
  const { status, stderr } = spawnSync(process.execPath, [writer, path], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  const { epochs } = openRecording(path);
  expect(epochs.length).toBeGreaterThan(1);
  expect(stderr.trim()).toBe(
    `cannot write ${path}: no space is left on the device; what was recorded up to epoch ${epochs.length} is whole and can be read`,
  );
  expect(status).toBe(2);
  expect(verifyRecording(path).findings).toEqual([]);
});
