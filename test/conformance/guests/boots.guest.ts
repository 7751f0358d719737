/**
 * Each real guest, recorded: its console is QEMU's but for documented noise, its recording replays, and it is the same when made again,
 * on an idle host and on a busy one. The ledgers of those with a hypervisor are printed.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Recipe } from '../../../src/machine/recipe.ts';
import { verifyReplay } from '../../../src/replay/verify_replay.ts';
import { open } from '../../../src/sql/open.ts';
import { record } from '../../../src/trace/flight_recorder.ts';
import { openRecording } from '../../../src/trace/recording.ts';
import { everydayKernel, firmware, linux, recipeOf, xen, xenWithDom0 } from './boots.ts';
import { onBusyHost } from './busy_host.ts';
import { comparableLines, type LastWords, qemuConsole } from './consoles.ts';
import { guestFile } from './guests.ts';

const DEADLINE = 900;

interface Guest {
  readonly name: string;
  readonly recipe: (gic: 2 | 3) => Recipe;
  /** How the recording ends: Xen without a dom0 waits for ever when its domains have ended. */
  readonly ends?: 'idle' | 'limit';
  /** What it prints last, if it does not switch itself off. */
  readonly words?: LastWords;
  /** What it prints if all went well. */
  readonly says: string;
}

const SUITE = { says: 'SUITE ENDS' };
const domains = (times: number) => ({ ...SUITE, ends: 'idle', words: { text: SUITE.says, times } }) as const;

const GUESTS: readonly Guest[] = [
  {
    name: 'U-Boot',
    recipe: (gic) => recipeOf(firmware(gic, 'u-boot.bin')),
    ends: 'limit',
    words: { text: 'Hit any key to stop autoboot', times: 1 },
    says: 'DRAM:  256 MiB',
  },
  { name: 'small Linux', recipe: (gic) => recipeOf(linux(gic, 'suite')), ...SUITE },
  {
    name: 'small Linux on two CPUs',
    recipe: (gic) => recipeOf(linux(gic, 'suite', everydayKernel(), 2)),
    says: 'Brought up 1 node, 2 CPUs',
  },
  {
    name: 'Linux with a guest of KVM',
    recipe: (gic) => recipeOf(linux(gic, 'kvm')),
    says: 'switched itself off',
  },
  { name: 'Xen with one domain', recipe: (gic) => recipeOf(xen(gic, 1, 'suite')), ...domains(1) },
  { name: 'Xen with two domains', recipe: (gic) => recipeOf(xen(gic, 2, 'suite')), ...domains(2) },
  {
    name: 'Debian’s cloud kernel',
    recipe: (gic) => recipeOf(linux(gic, 'suite', guestFile('vmlinuz-cloud'))),
    ...SUITE,
  },
  {
    name: 'Debian’s cloud kernel on two CPUs',
    recipe: (gic) => recipeOf(linux(gic, 'suite', guestFile('vmlinuz-cloud'), 2)),
    ...SUITE,
  },
  {
    name: 'Debian’s full kernel',
    recipe: (gic) => recipeOf(linux(gic, 'suite', guestFile('vmlinuz'))),
    ...SUITE,
  },
  { name: 'Xen with Debian as dom0', recipe: (gic) => xenWithDom0(gic, 'suite'), ...SUITE },
];

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'hindsight-boots-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function recorded(directory: string, recipe: Recipe, until?: string) {
  const bytes: number[] = [];
  const summary = await record({
    recipe,
    directory,
    detail: 'memory',
    until: until === undefined ? {} : { console: until },
    onConsole: (byte) => bytes.push(byte),
  });
  return { summary, console: Buffer.from(bytes).toString('latin1') };
}

function expectSameFiles(a: string, b: string) {
  const files = readdirSync(a, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && entry.name !== 'host.json',
  );
  expect(files.length).toBeGreaterThan(10);
  for (const { parentPath, name } of files) {
    const path = join(parentPath, name);
    expect(readFileSync(path).equals(readFileSync(path.replace(a, b))), path).toBe(true);
  }
}

async function printLedger(directory: string): Promise<void> {
  const session = await open(directory);
  const rows = await session.sql(
    'SELECT vmid, vcpu, reason, count(*) AS exits, sum(cost) AS cost FROM exits GROUP BY ALL ORDER BY exits DESC',
  );
  session.close();
  const total = rows.reduce((sum, { exits }) => sum + Number(exits), 0);
  console.log(`${total} exits`);
  for (const row of rows) console.log(Object.values(row).join('  '));
}

describe.each([2, 3] as const)('on GICv%i', (gic) => {
  test.each(GUESTS)(
    '$name: console as in QEMU, replay identical, the same again and on a busy host',
    async (guest) => {
      const { name, ends = 'power off', words, says } = guest;
      const until = ends === 'limit' ? words!.text : undefined;
      const recipe = guest.recipe(gic);
      const directory = (which: string) =>
        join(scratch, `${name.replaceAll(/\W+/g, '-')}-${gic}-${which}.hs`);
      const first = await recorded(directory('first'), recipe, until);
      console.log(
        `${name}, GICv${gic}: ${first.summary.icount} instructions, ended by ${first.summary.reason}`,
      );
      expect(first.summary.reason).toBe(ends);
      expect(first.console).toContain(says);
      const recording = openRecording(directory('first'));
      expect(await verifyReplay(recording)).toBeUndefined();
      recording.close();
      await printLedger(directory('first'));
      const again = () => recorded(directory('again'), recipe, until);
      for (const host of [again, () => onBusyHost(again)]) {
        await host();
        expectSameFiles(directory('first'), directory('again'));
        rmSync(directory('again'), { recursive: true });
      }
      rmSync(directory('first'), { recursive: true });
      const qemu = await qemuConsole(recipe, DEADLINE, words);
      expect(comparableLines(first.console, words)).toEqual(comparableLines(qemu, words));
    },
  );
});
