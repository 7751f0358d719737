/**
 * Virtio devices under Debian's cloud kernel, in QEMU and here: the same console, byte for byte. Not the same instructions: QEMU
 * completes requests when its host gets to it.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseDrive } from '../../../src/machine/disk/drive.ts';
import { DEFAULT_RECIPE, type Recipe } from '../../../src/machine/recipe.ts';
import { verifyReplay } from '../../../src/replay/verify_replay.ts';
import { record } from '../../../src/trace/flight_recorder.ts';
import { openRecording } from '../../../src/trace/recording.ts';
import { guestFile, VIRTIO_MODULES } from './guests.ts';
import { initramfs } from './initramfs.ts';

const COMPRESSED = fileURLToPath(new URL('../../machine/disk/fixtures/version3-zstd.qcow2', import.meta.url));
/** The module loader says that Debian's own modules taint no kernel, with times; nothing else is printed at this level. */
const APPEND = 'console=ttyAMA0 nokaslr cryptomgr.notests printk.time=0 loglevel=4 rdinit=/virtio';

let scratch: string;
const file = (name: string) => join(scratch, name);

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'hindsight-virtio-'));
  const programs = Object.fromEntries(VIRTIO_MODULES.map((name) => [name, readFileSync(guestFile(name))]));
  writeFileSync(file('initramfs.cpio'), initramfs(readFileSync(guestFile('busybox')), programs));
  mkdirSync(file('contents'));
  writeFileSync(file('contents/hello.txt'), 'hello from the image\n');
  writeFileSync(file('contents/gone.txt'), 'gone\n');
  writeFileSync(file('contents/numbers.txt'), Array.from({ length: 100_000 }, (_, i) => `${i}\n`).join(''));
  const make = [
    '-q',
    '-t',
    'ext4',
    '-E',
    'lazy_itable_init=0',
    '-d',
    file('contents'),
    file('ext4.img'),
    '8M',
  ];
  execFileSync('/usr/sbin/mke2fs', make, { stdio: 'ignore' });
  writeFileSync(file('empty.img'), '');
  truncateSync(file('empty.img'), 6 * 2 ** 20);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** What QEMU's guest prints. */
function qemuConsole(gic: 2 | 3, virtio: 1 | 2): string {
  const drives = [
    [`file=${file('ext4.img')},format=raw,snapshot=on`, 'serial=first'],
    [`file=${COMPRESSED},format=qcow2,readonly=on`],
    [`file=${file('empty.img')},format=raw,snapshot=on`],
  ].flatMap(([drive, ...properties], n) => [
    ...['-drive', `${drive},if=none,id=d${n}`],
    ...['-device', [`virtio-blk-device,drive=d${n}`, ...properties].join(',')],
  ]);
  const arguments_ = [
    ...['-M', `virt,virtualization=on,gic-version=${gic}`, '-cpu', 'cortex-a57', '-m', '256M', '-nographic'],
    ...['-global', `virtio-mmio.force-legacy=${virtio === 1}`],
    ...['-kernel', guestFile('vmlinuz-cloud'), '-initrd', file('initramfs.cpio'), '-append', APPEND],
    ...drives,
    ...['-netdev', 'user,id=n', '-device', 'virtio-net-device,netdev=n'],
    ...['-object', 'rng-random,id=r', '-device', 'virtio-rng-device,rng=r'],
    ...['-device', 'virtio-serial-device', '-chardev', 'null,id=c', '-device', 'virtconsole,chardev=c'],
  ];
  const { stdout } = spawnSync('timeout', ['-s', 'KILL', '300', 'qemu-system-aarch64', ...arguments_], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return stdout.toString('latin1');
}

const digest = (name: string) => createHash('sha256').update(readFileSync(name)).digest('hex');

describe.each([
  [2, 1],
  [3, 2],
] as const)('on GICv%i, virtio-mmio version %i', (gic, virtio) => {
  test('disks, network, entropy and console work as in QEMU, images stay as they are, and the replay is identical', async () => {
    const recipe: Recipe = {
      ...DEFAULT_RECIPE,
      ...{ image: guestFile('vmlinuz-cloud'), initrd: file('initramfs.cpio'), append: APPEND, gic, virtio },
      ram: 256 * 2 ** 20,
      drives: [
        parseDrive(`${file('ext4.img')},serial=first`),
        parseDrive(`${COMPRESSED},readonly=on`),
        parseDrive(`${file('empty.img')},format=raw`),
      ],
      net: true,
      rng: 'seed',
      virtioConsole: true,
    };
    const images = [file('ext4.img'), COMPRESSED, file('empty.img')];
    const before = images.map(digest);
    const directory = file(`gicv${gic}.hs`);
    let console = '';
    const summary = await record({
      recipe,
      directory,
      detail: 'flow',
      engine: 'regions',
      onConsole: (byte) => {
        console += String.fromCharCode(byte);
      },
    });
    globalThis.console.log(`${summary.icount} instructions`);
    expect(summary.reason).toBe('power off');
    expect(images.map(digest)).toEqual(before);
    const hvc0 = 'hello from hvc0\r\n';
    expect(console).toContain(hvc0);
    expect(console.replace(hvc0, '')).toBe(qemuConsole(gic, virtio));
    expect(console).toContain('3 packets transmitted, 3 packets received');
    const recording = openRecording(directory);
    expect(await verifyReplay(recording)).toBeUndefined();
    recording.close();
  });
});
