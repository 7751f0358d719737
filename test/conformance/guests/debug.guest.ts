/**
 * Debian's kernel steps, breaks, watches and counts: programs/debug.c in QEMU and here, on our own device tree, which has the
 * performance monitors' interrupt.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { generateDeviceTree } from '../../../src/machine/device_tree.ts';
import { compareImage } from '../qemu/compare.ts';
import { cached } from '../qemu/reference.ts';
import { reportComparison } from '../qemu/report.ts';
import { characterDevice, cpio, directory, executable } from './cpio.ts';
import { guestFile } from './guests.ts';
import { debugProgram } from './programs.ts';

const RAM_MIB = 512;

test('ptrace steps, breaks and watches a process, and perf counts it, all of it identical', async () => {
  const archive = cpio([
    directory('dev'),
    characterDevice('dev/console', 5, 1),
    executable('init', readFileSync(debugProgram())),
  ]);
  const tree = generateDeviceTree({ ram: RAM_MIB * 2 ** 20, gic: 3, smp: 1, el: 2, cpu: 'cortex-a57' });
  const file = (name: string, bytes: Uint8Array) =>
    cached(name, [Buffer.from(bytes)], (path) => writeFileSync(path, bytes));
  const comparison = await compareImage({
    image: guestFile('vmlinuz-cloud'),
    initrd: file('debug.cpio', archive),
    append: 'console=ttyAMA0 earlycon nokaslr cryptomgr.notests',
    gic: 3,
    ramMiB: RAM_MIB,
    deviceTree: file('own.dtb', tree),
    deadline: 1500,
  });
  expect(comparison.identical, reportComparison(comparison)).toBe(true);
  const printed = Buffer.from(comparison.console.subject).toString('latin1');
  expect(printed).toContain('armv8_pmuv3 PMU driver');
  for (const line of ['steps: 12, moved 12', 'end: status 2a00', 'DEBUG ENDS'])
    expect(printed).toContain(line);
  expect(printed.match(/break: status 57f code 4, there/g)).toHaveLength(2);
  expect(printed.match(/watch: status 57f code 4, there/g)).toHaveLength(3);
});
