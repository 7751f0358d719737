/**
 * Guests that mean harm do none: they run to the limit that the user set, the recording replays, and what it holds between two epochs
 * has a bound.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setTimeout as after } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEFAULT_RECIPE, type Recipe } from '../../src/machine/recipe.ts';
import { verifyReplay } from '../../src/replay/verify_replay.ts';
import { ConsoleOutput } from '../../src/trace/console_output.ts';
import { type RecordOptions, record } from '../../src/trace/flight_recorder.ts';
import { openRecording } from '../../src/trace/recording.ts';
import { verifyRecording } from '../../src/trace/verify.ts';
import { CODE, HOSTILE, type HostileGuest, RESETS } from './guests.ts';

/** A packet ends at 2^20 rows, and one instruction adds at most what a queue or a string holds. */
const EPOCH_ROWS_MAX = 2 ** 20 + 2 ** 17;

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'hindsight-hostile-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function recorded(
  name: string,
  { image, instructions, ...board }: HostileGuest,
  output: Pick<RecordOptions, 'onConsole' | 'outputCaughtUp'> = {},
) {
  const recipe: Recipe = {
    ...DEFAULT_RECIPE,
    ...board,
    ram: 2 ** 23,
    load: [`guest@${CODE}`],
    net: true,
    rng: 'seed',
    virtioConsole: true,
  };
  const directory = join(scratch, name.replaceAll(' ', '-'));
  const summary = await record({
    recipe,
    readFile: () => image,
    directory,
    detail: 'memory',
    until: { icount: instructions },
    ...output,
  });
  return { directory, summary };
}

test.each(Object.keys(HOSTILE))(
  'a guest that %s runs on to the limit, replays, and every instruction is found again',
  async (what) => {
    const guest = HOSTILE[what];
    const { directory, summary } = await recorded(what, guest);
    expect(summary.reason).toBe('limit');
    expect(summary.icount).toBe(guest.instructions);
    const recording = openRecording(directory);
    try {
      expect(await verifyReplay(recording)).toBeUndefined();
      expect(verifyRecording(directory).findings).toEqual([]);
      const rows = recording.epochs.map(({ segments }) => segments.reduce((sum, { rows }) => sum + rows, 0));
      expect(Math.max(...rows)).toBeLessThan(EPOCH_ROWS_MAX);
    } finally {
      recording.close();
    }
  },
);

test('a guest that resets ends there: it cannot do it in a loop', async () => {
  const { summary } = await recorded('resets', { image: RESETS, instructions: 1000 });
  expect(summary.reason).toBe('reset');
});

test('a guest that floods the console waits for a reader that is slow: little is held for it', async () => {
  let read = 0;
  let most = 0;
  const slow = new Writable({
    write: (bytes, _encoding, done) => {
      most = Math.max(most, slow.writableLength);
      after(1).then(() => {
        read += bytes.length;
        done();
      });
    },
  });
  const output = new ConsoleOutput(slow, () => {});
  let printed = 0;
  await recorded('slow reader', HOSTILE['floods the console'], {
    onConsole: (byte) => {
      printed += 1;
      output.print(byte);
    },
    outputCaughtUp: () => output.caughtUp(new AbortController().signal),
  });
  output.flush();
  await new Promise<void>((resolve) => slow.end(resolve));
  expect(read).toBe(printed);
  expect(printed).toBeGreaterThan(30_000);
  // A packet's bytes, and what the stream takes before it says that it is full.
  expect(most).toBeLessThan(16_384 + slow.writableHighWaterMark);
});
