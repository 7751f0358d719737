/** A guest with a disk, through the command line: recorded, replayed, and with its image gone. */
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_RECIPE } from '../../src/machine/recipe.ts';
import { Timeline } from '../../src/replay/timeline.ts';
import { record } from '../../src/trace/flight_recorder.ts';
import { openRecording } from '../../src/trace/recording.ts';
import { hindsight } from './command_line.ts';

const GUEST = join(import.meta.dirname, '../../traces/virtio-disk/virtio-disk.elf');
const FIXTURES = join(import.meta.dirname, '../machine/disk/fixtures');
const DISK = join(FIXTURES, 'version2-zlib.qcow2');
let scratch: string;

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'hindsight-test-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const cases = ([2, 3] as const).flatMap((gic) =>
  (['legacy', 'modern'] as const).map((virtio) => ({ gic, virtio })),
);

describe.each(cases)('a guest that drives a $virtio disk, on GICv$gic', ({ gic, virtio }) => {
  const recording = () => join(scratch, `${virtio}-${gic}.hs`);
  const record = (output: string) =>
    hindsight(
      ...['record', GUEST, '--gic', String(gic), '--virtio', virtio, '--ram', '256M'],
      ...['--drive', `file=${DISK},if=none,format=qcow2,serial=disk-1`, '-o', output],
    );

  it('prints what it prints in QEMU, and leaves the image as it was', async () => {
    const before = readFileSync(DISK);
    const { code, stdout } = await record(recording());
    expect(stdout).toBe(readFileSync(join(FIXTURES, `console-${virtio}.qemu.txt`), 'latin1'));
    expect(code).toBe(0);
    expect(readFileSync(DISK).equals(before)).toBe(true);
  });

  it('replays identically', async () => {
    expect(await hindsight('replay', recording(), '--verify')).toMatchObject({
      code: 0,
      stdout: /identical/,
    });
  });
});

it('regions of translated code come to the same state: also where the disk writes over them', async () => {
  const hashes = [];
  for (const engine of ['interpreter', 'regions'] as const) {
    const recipe = { ...DEFAULT_RECIPE, image: GUEST, ram: 2 ** 28, drives: [{ file: DISK }] };
    const { stateHash } = await record({
      recipe,
      engine,
      directory: join(scratch, `${engine}.hs`),
      detail: 'flow',
    });
    hashes.push(stateHash);
  }
  expect(hashes[1]).toBe(hashes[0]);
});

it('what the disk wrote into memory is in table writes, under its name', async () => {
  const { stdout } = await hindsight(
    ...['query', join(scratch, 'legacy-2.hs'), '--format', 'csv'],
    "SELECT count(*) FILTER (length = 4096) AS data, count(*) FILTER (length = 1) AS status FROM writes WHERE who = 'virtio-blk0'",
  );
  // 64 chunks of the disk twice; 145 requests, each with a status.
  expect(stdout).toMatch(/^data,status\r?\n128,145\r?\n$/);
});

it('a window from behind the writes has the disk in its first checkpoint, and ends like the recording', async () => {
  const whole = openRecording(join(scratch, 'modern-2.hs'));
  const output = join(scratch, 'window.hs');
  const from = String(whole.instructions - 500_000);
  await hindsight(
    'replay',
    whole.directory,
    '--from',
    from,
    '--to',
    String(whole.instructions),
    '-o',
    output,
  );
  const window = openRecording(output);
  const timelines = [whole, window].map((recording) => Timeline.open(recording));
  for (const timeline of timelines) timeline.goto(whole.instructions);
  const [a, b] = timelines.map(({ machine }) => [...machine.disks.flatMap((disk) => [...changed(disk)])]);
  expect(a.length).toBeGreaterThan(5);
  expect(b).toEqual(a);
  expect(timelines[1].registers()).toEqual(timelines[0].registers());
  for (const { recording } of timelines) recording.close();
});

function* changed(disk: Timeline['machine']['disks'][number]) {
  disk.markAllDirty();
  for (const { pa, content } of disk.takeDirty()) yield `${pa} ${Buffer.from(content).toString('base64')}`;
}

describe('an image that is too large to be stored', () => {
  const image = () => join(scratch, 'large.img');
  const recording = () => join(scratch, 'elsewhere', 'large.hs');
  const verify = () => hindsight('replay', recording(), '--verify');

  it('is read where it is, and replays', async () => {
    mkdirSync(join(scratch, 'elsewhere'));
    writeFileSync(image(), 'the first sector');
    truncateSync(image(), 40 * 2 ** 20);
    const limit = ['--until', 'icount=500k', '-q'];
    await hindsight('record', GUEST, '--ram', '256M', '--drive', image(), '-o', recording(), ...limit);
    expect(await verify()).toMatchObject({ code: 0, stdout: /identical/ });
  });

  it('is found next to the recording when it is not where it was', async () => {
    const place = join(scratch, 'elsewhere', 'large.img');
    copyFileSync(image(), place);
    rmSync(image());
    expect(await verify()).toMatchObject({ code: 0, stdout: /identical/ });
    rmSync(place);
  });

  it('is asked for in one line when it is gone', async () => {
    const { code, stderr } = await verify();
    expect(code).toBe(2);
    expect(stderr.trim()).toMatch(
      /^hindsight: .*large\.img: the disk image of .*large\.hs is not there: [^\n]*$/,
    );
  });

  it.each([
    ['of another size', (file: string) => truncateSync(file, 39 * 2 ** 20)],
    ['of another content', (file: string) => writeFileSync(file, 'another', { flag: 'r+' })],
  ])('is refused in one line when it is one %s', async (_, change) => {
    writeFileSync(image(), 'the first sector');
    truncateSync(image(), 40 * 2 ** 20);
    change(image());
    const { code, stderr } = await verify();
    expect(code).toBe(2);
    expect(stderr.trim()).toMatch(/^hindsight: .*large\.img: is not the disk image of [^\n]*$/);
  });
});

describe('what is refused in one line', () => {
  it.each([
    [['--drive', 'missing.img'], /missing\.img: no such file/],
    [['--drive', `${GUEST},format=qcow2`], /not a qcow2 image: leave format=qcow2 out/],
    [['--drive', `${DISK},colour=red`], /colour is no option/],
    [Array(33).fill(['--drive', DISK]).flat(), /room for 32 virtio devices/],
    [['--virtio', '3'], /--virtio 3: must be one of legacy, modern/],
  ])('%#', async (options, message) => {
    const output = join(scratch, 'refused.hs');
    const { code, stderr } = await hindsight('record', GUEST, ...options, '-o', output);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});
