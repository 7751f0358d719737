/**
 * Capture the golden consoles from QEMU: console.txt beside each image, or console-gicv2.txt and console-gicv3.txt
 * where the two interrupt controllers give different output.
 *
 *     node traces/capture.ts [--check] [FOLDER…]
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Image, images } from './images.ts';

const deadlineSeconds = { off: 120, idle: 5, spins: 12 };

/** What QEMU's PL011 prints until the guest powers off, or until the deadline of one that does not. */
export function consoleOf(image: Image, gic: 2 | 3): string {
  const machine = `virt,virtualization=on,gic-version=${gic}`;
  const elf = join(import.meta.dirname, image.folder, image.file);
  const time = ['-icount', 'shift=0,align=off,sleep=off', '-rtc', 'base=2024-01-01,clock=vm'];
  const steps = image.folder.startsWith('bench/') ? [] : ['-singlestep'];
  const board = ['-M', machine, '-cpu', 'cortex-a57', '-m', '256M', '-nographic', '-net', 'none'];
  const deadline = ['-s', 'KILL', `${deadlineSeconds[image.ends]}`];
  const run = ['qemu-system-aarch64', ...board, ...time, ...steps, '-kernel', elf];
  const { stdout, error } = spawnSync('timeout', [...deadline, ...run], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  if (error) throw error;
  return stdout.toString('latin1');
}

/** The golden text for a GIC version, or undefined where none was captured. */
export function goldenConsole(image: Image, gic: 2 | 3): string | undefined {
  const directory = join(import.meta.dirname, image.folder);
  const names = [`console-gicv${gic}.txt`, 'console.txt'].map((name) => join(directory, name));
  const name = names.find((path) => existsSync(path));
  return name && readFileSync(name, 'latin1');
}

function store(image: Image, v2: string, v3: string): void {
  const file = (name: string) => join(import.meta.dirname, image.folder, name);
  for (const name of ['console.txt', 'console-gicv2.txt', 'console-gicv3.txt'])
    rmSync(file(name), { force: true });
  if (v2 === v3) {
    writeFileSync(file('console.txt'), v2, 'latin1');
  } else {
    writeFileSync(file('console-gicv2.txt'), v2, 'latin1');
    writeFileSync(file('console-gicv3.txt'), v3, 'latin1');
  }
}

if (import.meta.main) {
  const check = process.argv.includes('--check');
  const folders = process.argv.slice(2).filter((argument) => argument !== '--check');
  for (const image of images.filter((i) => folders.length === 0 || folders.includes(i.folder))) {
    const [v2, v3] = [consoleOf(image, 2), consoleOf(image, 3)];
    const same = goldenConsole(image, 2) === v2 && goldenConsole(image, 3) === v3;
    if (check && !same) process.exitCode = 1;
    if (!check && !same) store(image, v2, v3);
    console.log(`${image.folder}: ${same ? 'identical' : check ? 'DIFFERS' : 'captured'}`);
  }
}
