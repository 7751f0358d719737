/**
 * The ledger is right: every exception and return of hypervisors and their guests is the one that QEMU logs, in the same order, and
 * `exits` of a recording counts what the log has.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EC } from '../../../src/cpu/exception_classes.ts';
import { open } from '../../../src/sql/open.ts';
import { record } from '../../../src/trace/flight_recorder.ts';
import type { RowOf } from '../../../src/trace/schema.ts';
import { MachineSubject } from '../machine_subject.ts';
import { type Boot, linux, recipeOf, xen } from './boots.ts';
import { fromRow, type LoggedException, qemuExceptions, textOf } from './qemu_exceptions.ts';

const DEADLINE = 1200;
/** Instructions after which the console is looked at. */
const STRIDE = 2_000_000;

/** What our machine takes, with QEMU's choices imposed, as far as `until` on the console. */
function ourExceptions(boot: Boot, until?: string): LoggedException[] {
  const exceptions: LoggedException[] = [];
  const subject = new MachineSubject(recipeOf(boot), 'regions', (table, row) => {
    if (table === 'exceptions' && (row as RowOf<'exceptions'>).kind !== 'reset')
      exceptions.push(fromRow(row as RowOf<'exceptions'>));
  });
  for (let icount = STRIDE; subject.runTo(icount) === 'reached'; icount += STRIDE)
    if (until !== undefined && Buffer.from(subject.console()).includes(until)) break;
  return exceptions;
}

/** Compares both lists as far as the shorter one goes, and gives QEMU's. */
async function compareExceptions(boot: Boot, until?: string): Promise<LoggedException[]> {
  const { exceptions, console } = await qemuExceptions(boot, DEADLINE, until);
  expect(console).toContain(until ?? 'Power down');
  const ours = ourExceptions(boot, until);
  const both = until === undefined ? exceptions.length : Math.min(ours.length, exceptions.length);
  const first = exceptions
    .slice(0, both)
    .findIndex((logged, i) => !ours[i] || textOf(logged) !== textOf(ours[i]));
  const around = (list: readonly LoggedException[]) =>
    list.slice(Math.max(0, first - 3), first + 3).map(textOf);
  expect(first < 0 ? [] : around(ours), `exception ${first} of ${both}`).toEqual(
    first < 0 ? [] : around(exceptions),
  );
  if (until === undefined) expect(ours.length).toBe(exceptions.length);
  globalThis.console.log(`${both} exceptions and returns are the same`);
  return exceptions;
}

const countBy = <T>(items: readonly T[], key: (item: T) => string) => {
  const counts: { [key: string]: number } = {};
  for (const item of items) counts[key(item)] = (counts[key(item)] ?? 0) + 1;
  return counts;
};

/** `exits` of a recording, by exception class. */
async function ledgerByClass(boot: Boot): Promise<{ [key: string]: number }> {
  const scratch = mkdtempSync(join(tmpdir(), 'hindsight-ledger-'));
  try {
    const directory = join(scratch, 'guest.hs');
    const summary = await record({ recipe: recipeOf(boot), directory, detail: 'flow', onConsole: () => {} });
    console.log(`${summary.icount} instructions recorded`);
    const session = await open(directory);
    const rows = await session.sql('SELECT reason, ec, count(*) AS n FROM exits GROUP BY ALL');
    session.close();
    return Object.fromEntries(
      rows.map(({ reason, ec, n }) => [reason === 'IRQ' ? 'irq' : `ec ${ec}`, Number(n)]),
    );
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Where the payload of programs/kvm_guest.S runs: nothing of the host does. */
const isPayload = ({ elr }: LoggedException) => elr >= 0x4000_0000n && elr < 0x4020_0000n;
const classOf = ({ kind, esr }: LoggedException) => (kind === 'synchronous' ? `ec ${esr >> 26n}` : kind);

describe.each([
  [2, 'cortex-a57', 'KVM without VHE'],
  [3, 'cortex-a57', 'KVM without VHE'],
  [3, 'neoverse-n1', 'KVM with VHE'],
] as const)('on GICv%i, %s', (gic, cpu, which) => {
  test(`${which}: every exception and return is as QEMU logs it, and the ledger counts the exits in that log`, async () => {
    const boot = { ...linux(gic, 'kvm'), cpu };
    const logged = await compareExceptions(boot);
    const exits = logged.filter(
      (entry) => entry.kind !== 'return' && entry.fromEl < 2 && entry.toEl === 2 && isPayload(entry),
    );
    expect(exits.length).toBeGreaterThan(3000);
    const [ours, qemus] = [await ledgerByClass(boot), countBy(exits, classOf)];
    console.log(qemus);
    // A recording has none of QEMU's choices, so the host is elsewhere when its timer fires: interrupts, and the guest's
    // traps of vector registers after the host used them, are about as many.
    for (const name of ['irq', `ec ${EC.floatingPoint}`]) {
      expect(Math.abs(ours[name] - qemus[name]), name).toBeLessThan(10);
      for (const counts of [ours, qemus]) delete counts[name];
    }
    expect(ours).toEqual(qemus);
  });
});

describe.each([2, 3] as const)('on GICv%i', (gic) => {
  test('Xen with two domains: every exception and return is as QEMU logs it', async () => {
    const logged = await compareExceptions(xen(gic, 2, 'suite'), 'SUITE ENDS');
    console.log(
      countBy(
        logged.filter(({ kind, toEl, fromEl }) => kind !== 'return' && toEl === 2 && fromEl < 2),
        classOf,
      ),
    );
    expect(logged.length).toBeGreaterThan(10_000);
  });
});
