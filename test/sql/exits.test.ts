import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { DEFAULT_RECIPE } from '../../src/machine/recipe.ts';
import { Session } from '../../src/sql/session.ts';
import { record } from '../../src/trace/flight_recorder.ts';
import { verifyRecording } from '../../src/trace/verify.ts';

const directory = mkdtempSync(join(tmpdir(), 'hindsight-exits-'));
afterAll(() => rmSync(directory, { recursive: true }));

test("the ledger's counts are those that the hypervisor itself counted and printed, and the recording is sound", async () => {
  const path = join(directory, 'hypervisor.hs');
  const image = join(import.meta.dirname, '../../traces/hypervisor/hypervisor.elf');
  let console = '';
  const onConsole = (byte: number) => {
    console += String.fromCharCode(byte);
  };
  await record({ recipe: { ...DEFAULT_RECIPE, image }, directory: path, detail: 'memory', onConsole });
  const session = await Session.open(path);
  for (const guest of [1, 2]) {
    const printed = new RegExp(
      `guest ${guest}: hypercall \\d+ psci (\\d+) mmio (\\d+) sysreg (\\d+) wfi (\\d+)`,
    ).exec(console);
    const [counted] = await session.sql(
      `SELECT count(*) FILTER (reason = 'SMC64') AS psci, count(*) FILTER (reason = 'DABT_LOW') AS mmio,
         count(*) FILTER (reason = 'SYS64') AS sysreg, count(*) FILTER (reason = 'WFx') AS wfi
       FROM exits WHERE vmid = ${guest}`,
    );
    expect(Object.values(counted).map(String)).toEqual(printed!.slice(1));
  }
  // What is paid for exits and what the guests executed add up: nothing runs at EL2 between the first guest's start and the end but exits.
  const [{ paid }] = await session.sql('SELECT sum(cost) AS paid FROM exits');
  const [{ executed }] = await session.sql(
    `SELECT count(*) AS executed FROM instructions WHERE el = 2
       AND icount > (SELECT min(icount) FROM exits) AND icount <= (SELECT max(return_icount) FROM exits)`,
  );
  const [{ interrupted }] = await session.sql(
    "SELECT count(*) AS interrupted FROM exits WHERE reason = 'IRQ' AND icount = (SELECT min(icount) FROM exits)",
  );
  expect(BigInt(paid as bigint)).toBe((executed as bigint) + (interrupted as bigint));
  // The values of its emulated stores: of the GICD_SGIR that sent the 32 SGIs which guest 1 counts, to itself; of a register.
  expect(console).toContain('after 32 SGIs');
  const sgis = await session.sql(
    "SELECT vmid, data >> 24 AS filter, count(*) AS n FROM exits WHERE sub_reason = 'gicd GICD_SGIR write' GROUP BY ALL",
  );
  expect(sgis).toEqual([{ vmid: 1, filter: 2n, n: 32n }]);
  const [mair] = await session.sql(
    "SELECT count(DISTINCT data) AS n, min(data) AS value FROM exits WHERE sub_reason = 'MAIR_EL1 write'",
  );
  expect(mair).toEqual({ n: 1n, value: 0x04ffn });
  const valued = await session.sql(
    "SELECT count(*) AS n FROM exits WHERE (data IS NULL) = suffix(sub_reason, ' write')",
  );
  expect(valued).toEqual([{ n: 0n }]);
  session.close();
  expect(verifyRecording(path).findings).toEqual([]);
});
