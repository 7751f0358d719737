/** Recordings of real guests are true: they replay identically, they are the same when made again, and their ledgers are right. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { explain } from '../../../analyzers/explain/explain.ts';
import type { Recipe } from '../../../src/machine/recipe.ts';
import { verifyReplay } from '../../../src/replay/verify_replay.ts';
import { open } from '../../../src/sql/open.ts';
import { findKallsyms } from '../../../src/symbols/kallsyms.ts';
import { record } from '../../../src/trace/flight_recorder.ts';
import { BytesInput, InputAfterText } from '../../../src/trace/input_source.ts';
import { openRecording } from '../../../src/trace/recording.ts';
import { verifyRecording } from '../../../src/trace/verify.ts';
import { everydayKernel, linux, recipeOf, xen, xenWithDom0 } from './boots.ts';
import { guestFile } from './guests.ts';

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'hindsight-guests-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function recorded(name: string, recipe: Recipe, input?: string, until?: string) {
  const directory = join(scratch, `${name}.hs`);
  let console = '';
  const typed =
    input === undefined ? undefined : new InputAfterText(new BytesInput(Buffer.from(input)), '/ # ');
  const summary = await record({
    recipe,
    directory,
    detail: 'memory',
    engine: 'regions',
    until: until === undefined ? {} : { console: until },
    input: typed,
    onConsole: (byte) => {
      typed?.printed(byte);
      console += String.fromCharCode(byte);
    },
  });
  return { directory, console, summary };
}

const MOV_X0_16 = 0xd2800200;
const LDR_X0_X0 = 0xf9400000;
const UDF = 0;

/** The kernel with other instructions at an offset from one of its functions. */
function planted(kernel: Buffer, symbol: string, offset: number, words: readonly number[]): Buffer {
  const { names, offsets } = findKallsyms(kernel)!;
  const at = offsets[names.indexOf(symbol)] + offset;
  for (const [n, word] of words.entries()) kernel.writeUInt32LE(word, at + 4 * n);
  return kernel;
}

async function expectReplay(directory: string) {
  const recording = openRecording(directory);
  try {
    expect(await verifyReplay(recording)).toBeUndefined();
  } finally {
    recording.close();
  }
}

function expectSameFiles(a: string, b: string) {
  const files = readdirSync(a, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && entry.name !== 'host.json',
  );
  for (const { parentPath, name } of files) {
    const path = join(parentPath, name);
    expect(readFileSync(path).equals(readFileSync(path.replace(a, b))), path).toBe(true);
  }
}

interface LedgerRow {
  readonly reason: string;
  readonly sub_reason: string;
  readonly exits: number;
}

async function ledgerOf(directory: string): Promise<LedgerRow[]> {
  const session = await open(directory);
  try {
    const rows = await session.sql(
      'SELECT vmid, reason, sub_reason, count(*) AS exits, sum(cost) AS cost FROM exits GROUP BY ALL ORDER BY exits DESC',
    );
    console.log(
      rows
        .slice(0, 25)
        .map((row) => Object.values(row).join('  '))
        .join('\n'),
    );
    return rows.map(({ reason, sub_reason, exits }) => ({
      reason: String(reason),
      sub_reason: String(sub_reason),
      exits: Number(exits),
    }));
  } finally {
    session.close();
  }
}

describe.each([2, 3] as const)('on GICv%i', (gic) => {
  test('a guest of KVM: its recording replays, is the same when made again, and its ledger has every exit that its source causes', async () => {
    const recipe = recipeOf(linux(gic, 'kvm'));
    const first = await recorded(`kvm${gic}`, recipe);
    expect(first.console).toContain('the guest switched itself off');
    expect(first.summary.reason).toBe('power off');
    const second = await recorded(`kvm${gic}-again`, recipe);
    expectSameFiles(first.directory, second.directory);
    await expectReplay(first.directory);
    const rows = await ledgerOf(first.directory);
    const exits = (reason: string, sub: RegExp) =>
      rows
        .filter((row) => row.reason === reason && sub.test(row.sub_reason))
        .reduce((sum, row) => sum + row.exits, 0);
    // kvm_guest.c: once a round each.
    const rounds = 500;
    expect(exits('DABT_LOW', /^pl011 UARTFR read/)).toBe(rounds);
    expect(exits('SYS64', /^ID_AA64MMFR0_EL1 read/)).toBe(rounds);
    expect(exits('SYS64', /^ACTLR_EL1 read/)).toBe(rounds);
    if (gic === 3) expect(exits('SYS64', /^ICC_SGI1R_EL1 write/)).toBe(rounds);
    else expect(exits('DABT_LOW', /^gicd GICD_SGIR write/)).toBe(rounds);
    expect(exits('WFx', /^WFI/)).toBeGreaterThanOrEqual(rounds - 5);
    expect(exits('HVC64', /PSCI_SYSTEM_OFF|SYSTEM_OFF/)).toBe(1);
    expect(exits('HVC64', /^(?!.*OFF)/)).toBe(3);
    expect(exits('DABT_LOW', /^pl011 UARTDR write/)).toBeGreaterThan(200);
    expect(exits('FP_ASIMD', /^/)).toBeGreaterThan(0);
  });

  test('Xen with two domains: replays, and both VMs are in the ledger', async () => {
    const { directory, console } = await recorded(`xen${gic}`, recipeOf(xen(gic, 2, 'suite')));
    expect(console.match(/SUITE ENDS/g)).toHaveLength(2);
    await expectReplay(directory);
    const rows = await ledgerOf(directory);
    // Every address finds its instruction.
    const session = await open(directory);
    const [accesses] = await session.sql('SELECT count(*) AS n FROM memory_accesses');
    expect(Number(accesses['n'])).toBeGreaterThan(1_000_000);
    // The kernels of both VMs have names, each in its own, and Xen has those of neither.
    const waits = await session.sql(
      "SELECT DISTINCT vmid, symbol(pc, 1, vmid) AS own, symbol(pc, 2) AS xen FROM exits WHERE reason = 'WFx' ORDER BY vmid",
    );
    session.close();
    expect(waits.map(({ vmid }) => vmid)).toEqual([1, 2]);
    for (const { own, xen } of waits) {
      expect(own).toMatch(/^cpu_do_idle\+0x/);
      expect(xen).toBeNull();
    }
    expect(rows.some(({ reason, sub_reason }) => reason === 'HVC64' && sub_reason !== '')).toBe(true);
  });

  test('Linux on two CPUs runs the suite on both; made again under the same input, its recording is the same', async () => {
    const recipe = recipeOf(linux(gic, 'suite', everydayKernel(), 2));
    const first = await recorded(`smp${gic}`, recipe);
    expect(first.console).toContain('SUITE ENDS');
    expect(first.console).toMatch(/smp: Brought up 1 node, 2 CPUs/);
    const second = await recorded(`smp${gic}-again`, recipe);
    expectSameFiles(first.directory, second.directory);
    await expectReplay(first.directory);
    expect(verifyRecording(first.directory).findings).toEqual([]);
  });

  test('a shell on the console takes a script as its input; the recording names functions as the kernel does', async () => {
    const names = 'grep -wE "schedule|vfs_read|do_exit" /proc/kallsyms';
    const script = `echo $((6 * 7)) is the answer\n${names}\npoweroff -f\n`;
    const { console, summary, directory } = await recorded(
      `shell${gic}`,
      recipeOf(linux(gic, 'init')),
      script,
    );
    expect(console).toContain('42 is the answer');
    expect(summary.reason).toBe('power off');
    await expectReplay(directory);
    // The guest's own list says what symbol() must say.
    const listed = [...console.matchAll(/^([0-9a-f]{16}) [tT] (\w+)\r?$/gm)];
    expect(listed.length).toBe(3);
    const session = await open(directory);
    try {
      for (const [, address, name] of listed) {
        const [row] = await session.sql(`SELECT symbol(${BigInt(`0x${address}`)}::UBIGINT) AS name`);
        expect(row['name']).toBe(name);
      }
    } finally {
      session.close();
    }
  });

  test('explain says that the kernel panicked, what it said, and who made it panic', async () => {
    const recipe = recipeOf(linux(gic, 'missing'));
    const { directory } = await recorded(`panic${gic}`, recipe, undefined, '---[ end Kernel panic');
    const recording = openRecording(directory);
    try {
      const verdict = await explain(recording);
      expect(verdict).toMatchObject({ kind: 'software-panic', symptom: { symbol: 'panic', offset: 0 } });
      if (verdict.kind === undefined) return;
      expect(verdict.symptom.what).toMatch(/the kernel gave up: (VFS|No working init)/);
      expect(verdict.cause!.symbol).toMatch(/mount|root|init/);
    } finally {
      recording.close();
    }
  });

  test.each([
    ['null-pointer', 'ksys_sync', 8, [MOV_X0_16, LDR_X0_X0], 12],
    ['undefined-instruction', 'ksys_sync', 8, [UDF], 8],
    ['undefined-instruction', '__arm64_sys_sync', 0, [UDF], 0],
  ] as const)(
    'explain says what an oops was about, after which the kernel goes on: %s in %s+%i',
    async (kind, symbol, at, words, offset) => {
      const kernel = join(scratch, `oops${gic}`);
      writeFileSync(kernel, planted(readFileSync(everydayKernel()), symbol, at, words));
      const boot = linux(gic, 'init', kernel);
      const { directory } = await recorded(`${kind}${gic}`, recipeOf(boot), 'sync\n', 'Segmentation fault');
      const recording = openRecording(directory);
      try {
        expect(await explain(recording)).toMatchObject({ kind, symptom: { el: 1, symbol, offset } });
      } finally {
        recording.close();
        rmSync(directory, { recursive: true });
      }
    },
  );

  test('Xen with Debian as dom0 boots to the suite’s end', async () => {
    const { console } = await recorded(`dom0-${gic}`, xenWithDom0(gic, 'suite'), undefined, 'SUITE ENDS');
    expect(console).toContain('SUITE ENDS');
  });

  test('Debian’s full kernel runs the suite and switches off', async () => {
    const { console, summary } = await recorded(
      `debian${gic}`,
      recipeOf(linux(gic, 'suite', guestFile('vmlinuz'))),
    );
    expect(console).toContain('SUITE ENDS');
    expect(summary.reason).toBe('power off');
  });
});
