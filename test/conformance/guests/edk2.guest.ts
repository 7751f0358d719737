/** EDK2 at its shell: what is typed there is answered as in QEMU, byte for byte, and the recording is true. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { verifyReplay } from '../../../src/replay/verify_replay.ts';
import { record } from '../../../src/trace/flight_recorder.ts';
import { BytesInput, InputAfterText } from '../../../src/trace/input_source.ts';
import { openRecording } from '../../../src/trace/recording.ts';
import { ICOUNT, machineArguments } from '../qemu/reference.ts';
import { edk2, recipeOf } from './boots.ts';

/** The shell waits five seconds for a key. */
const PROMPT = 'seconds to skip';
/** A key; what is on PCI Express; the memory map, and so all that was allocated; the SMBIOS tables; power off. */
const TYPED = ['', 'ver', 'pci', 'memmap', 'smbiosview -t 1', 'reset -s', ''].join('\r');
const QEMU_SECONDS = 900;

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'hindsight-edk2-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** What QEMU prints. */
function inQemu(gic: 2 | 3): Promise<string> {
  const { ramMiB, deviceTree, bios } = edk2(gic);
  const more = ['-bios', bios!, '-machine', 'acpi=off'];
  const args = [...machineArguments({ gic, ramMiB, deviceTree, more }), ...ICOUNT];
  const child = spawn('timeout', ['-s', 'KILL', `${QEMU_SECONDS}`, 'qemu-system-aarch64', ...args]);
  let printed = '';
  let typed = false;
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString('latin1');
    if (typed || !printed.includes(PROMPT)) return;
    typed = true;
    child.stdin.write(TYPED);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(printed) : reject(new Error(`QEMU ended with ${code}:\n${printed}`)),
    );
  });
}

test.each([2, 3] as const)(
  'GICv%i: the shell’s commands print what they print in QEMU, and power off',
  async (gic) => {
    const directory = join(scratch, `gicv${gic}.hs`);
    const input = new InputAfterText(new BytesInput(Buffer.from(TYPED)), PROMPT);
    let printed = '';
    const summary = await record({
      recipe: recipeOf(edk2(gic)),
      directory,
      detail: 'flow',
      input,
      onConsole: (byte) => {
        input.printed(byte);
        printed += String.fromCharCode(byte);
      },
    });
    console.log(`${summary.icount} instructions`);
    expect(summary.reason).toBe('power off');
    expect(printed).toContain('Vendor 1B36 Device 0008');
    expect(printed).toBe(await inQemu(gic));
    const recording = openRecording(directory);
    try {
      expect(await verifyReplay(recording)).toBeUndefined();
    } finally {
      recording.close();
    }
  },
);
