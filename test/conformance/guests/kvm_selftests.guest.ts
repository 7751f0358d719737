/**
 * The kernel's own selftests of KVM, in Debian's cloud kernel as a host, in QEMU 7.2 and here: each passes, fails or is skipped in
 * both, and says the same. QEMU counts instructions where it has one CPU: several tests fail on a slow host. With two it must not: it
 * would change between them only at timers' deadlines.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Machine } from '../../../src/machine/machine.ts';
import { DEFAULT_RECIPE, type Recipe } from '../../../src/machine/recipe.ts';
import { RunLoop } from '../../../src/machine/run_loop.ts';
import { verifyReplay } from '../../../src/replay/verify_replay.ts';
import { record } from '../../../src/trace/flight_recorder.ts';
import { openRecording } from '../../../src/trace/recording.ts';
import { MachineSubject } from '../machine_subject.ts';
import { ICOUNT, machineArguments, startQemu } from '../qemu/reference.ts';
import { guestFile } from './guests.ts';
import {
  SELFTESTS,
  SELFTESTS_OF_TWO_CPUS,
  type SelftestResult,
  SKIP,
  selftestInitramfs,
  selftestResults,
} from './kvm_selftests.ts';

const DEADLINE = 1500;

interface Host {
  readonly gic: 2 | 3;
  /** cortex-a57 has KVM without VHE, neoverse-n1 with it. */
  readonly cpu: string;
  readonly smp: number;
}

const boot = ({ gic, cpu, smp }: Host, commands: readonly string[]) => ({
  ...{ gic, cpu, smp, initrd: selftestInitramfs(commands) },
  kernel: guestFile('vmlinuz-cloud'),
  append: 'console=ttyAMA0 nokaslr cryptomgr.notests printk.time=0 loglevel=4 rdinit=/run-selftests',
  ramMiB: 2048,
});

async function qemuConsole(host: Host, commands: readonly string[]): Promise<string> {
  const { end } = startQemu(
    [...machineArguments(boot(host, commands)), ...(host.smp === 1 ? ICOUNT : [])],
    DEADLINE,
  );
  return (await end).console.toString('latin1');
}

function recipeOf(host: Host, commands: readonly string[]): Recipe {
  const { kernel, ramMiB, ...rest } = boot(host, commands);
  return { ...DEFAULT_RECIPE, ...rest, image: kernel, ram: ramMiB * 2 ** 20 };
}

function consoleHere(recipe: Recipe): string {
  const bytes: number[] = [];
  const machine = new Machine({ recipe, engine: 'regions', onConsole: (byte) => bytes.push(byte) });
  const loop = new RunLoop(machine);
  let stop = loop.settle();
  while (!stop) stop = loop.runPacket(loop.beginPacket(), Number.POSITIVE_INFINITY);
  expect(stop).toBe('power off');
  console.log(`${machine.time.icount} instructions`);
  return Buffer.from(bytes).toString('latin1');
}

/** Results of all commands, which are shown beside each other. */
function compared(commands: readonly string[], qemu: string, here: string) {
  const results = { qemu: selftestResults(qemu), here: selftestResults(here) };
  const rows = commands.map(
    (command, n) => `${command.padEnd(46)} ${results.qemu[n]?.exit}  ${results.here[n]?.exit}`,
  );
  console.log(`exit codes in QEMU and here\n${rows.join('\n')}`);
  expect(results.qemu.map(({ command }) => command)).toEqual(commands);
  return results;
}

test('times, addresses and process numbers are no difference; an exit code, an assertion and a missing line are', () => {
  const run = (line: string, exit = 0) =>
    selftestResults(`boots\r\nSELFTEST vgic_init\r\n${line}\r\nSELFTEST EXIT ${exit}\r\n`);
  const failed = '  lib/kvm_util.c:584: !ret\r\n  pid=106 tid=106 errno=5 - Input/output error';
  expect(run(failed.replaceAll('106', '113'))).toEqual(run(failed));
  expect(run('Populate memory time: 0.017766736s')).toEqual(run('Populate memory time: 1.5s'));
  expect(run('memory: [0xffff0000, 0xffffff000)')).toEqual(run('memory: [0x10, 0x20)'));
  expect(run(failed, 254)).not.toEqual(run(failed));
  expect(run(failed.replace('errno=5', 'errno=22'))).not.toEqual(run(failed));
  expect(run(failed.replace('584', '905'))).not.toEqual(run(failed));
  expect(run('')).not.toEqual(run('vregs: PASS'));
  expect(selftestResults('SELFTEST vgic_init\r\nit hangs\r\n')).toEqual([]);
});

/** This machine has no AArch32 and says so (docs/qemu-differences.md): these two ask for it, or for its absence. */
const ABOUT_AARCH32 = ['aarch32_id_regs', 'vcpu_width_config'];
const isAboutAarch32 = ({ command }: SelftestResult) => ABOUT_AARCH32.includes(command);

describe.each([
  { gic: 3, cpu: 'cortex-a57' },
  { gic: 2, cpu: 'cortex-a57' },
  { gic: 3, cpu: 'neoverse-n1' },
  { gic: 2, cpu: 'neoverse-n1' },
] as const)('on GICv$gic and $cpu', ({ gic, cpu }) => {
  test('each selftest ends as in QEMU and prints the same', async () => {
    const host = { gic, cpu, smp: 1 };
    const { qemu, here } = compared(
      SELFTESTS,
      await qemuConsole(host, SELFTESTS),
      consoleHere(recipeOf(host, SELFTESTS)),
    );
    const others = (results: readonly SelftestResult[]) => results.filter((one) => !isAboutAarch32(one));
    expect(others(here)).toEqual(others(qemu));
    expect(here.filter(isAboutAarch32).map(({ exit }) => exit)).toEqual([0, SKIP]);
  });

  test('with QEMU’s identification registers, the two about AArch32 end as in QEMU too', async () => {
    const host = { gic, cpu, smp: 1 };
    const subject = new MachineSubject(recipeOf(host, ABOUT_AARCH32), 'regions');
    expect(subject.runTo(Number.POSITIVE_INFINITY)).toBe('power off');
    const here = Buffer.from(subject.console()).toString('latin1');
    const results = compared(ABOUT_AARCH32, await qemuConsole(host, ABOUT_AARCH32), here);
    expect(results.here).toEqual(results.qemu);
  });
});

test.each([2, 3] as const)('on GICv%i and two CPUs, those that want two end as in QEMU', async (gic) => {
  const host = { gic, cpu: 'neoverse-n1', smp: 2 };
  const here = consoleHere(recipeOf(host, SELFTESTS_OF_TWO_CPUS));
  const qemu = await qemuConsole(host, SELFTESTS_OF_TWO_CPUS);
  const results = compared(SELFTESTS_OF_TWO_CPUS, qemu, here);
  expect(results.here).toEqual(results.qemu);
});

test('a recording of selftests that use breakpoints, interrupts and timers replays identically', async () => {
  const commands = ['debug-exceptions -i 20', 'vgic_irq', 'arch_timer -n 1 -m 0', 'psci_test'];
  const directory = mkdtempSync(join(tmpdir(), 'hindsight-selftests-'));
  try {
    const target = join(directory, 'selftests.hs');
    let printed = '';
    await record({
      recipe: recipeOf({ gic: 3, cpu: 'neoverse-n1', smp: 1 }, commands),
      directory: target,
      detail: 'memory',
      engine: 'regions',
      onConsole: (byte) => {
        printed += String.fromCharCode(byte);
      },
    });
    expect(selftestResults(printed).map(({ exit }) => exit)).toEqual([0, 0, 0, 0]);
    const recording = openRecording(target);
    expect(await verifyReplay(recording)).toBeUndefined();
    recording.close();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
