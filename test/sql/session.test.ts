import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Session } from '../../src/sql/session.ts';
import { UserError } from '../../src/user-error.ts';
import { recordSynthetic, type Synthetic } from '../trace/synthetic.ts';

const directory = mkdtempSync(join(tmpdir(), 'hindsight-sql-'));
let synthetic: Synthetic;
let session: Session;

beforeAll(async () => {
  const path = join(directory, 'a.hs');
  synthetic = await recordSynthetic(path, { instructions: 40_000, seed: 11, cpus: 2 });
  session = await Session.open(path, { symbolize: (pc) => (pc < 0x8000_0000n ? 'hypervisor' : undefined) });
});
afterAll(() => {
  session.close();
  rmSync(directory, { recursive: true });
});

describe('the tables', () => {
  test('each has the rows that were recorded', async () => {
    for (const [table, rows] of Object.entries(synthetic.rows))
      expect(await session.sql(`SELECT count(*) AS n FROM "${table}"`)).toEqual([{ n: BigInt(rows) }]);
  });

  test('taken with a range, have the rows of the range only', async () => {
    const [all] = await session.sql(
      'SELECT count(*) AS n, sum(seq) AS s FROM exceptions WHERE icount >= 5000 AND icount < 9000',
    );
    expect(all['n']).toBeGreaterThan(10n);
    expect(await session.sql('SELECT count(*) AS n, sum(seq) AS s FROM exceptions(5000, 9000)')).toEqual([
      all,
    ]);
    expect(await session.sql('SELECT count(*) AS n FROM exceptions(start := 9000, stop := 9000)')).toEqual([
      { n: 0n },
    ]);
  });

  test('compare text columns with any text, also one that never occurs', async () => {
    expect(await session.sql("SELECT count(*) AS n FROM exceptions WHERE kind = 'no such kind'")).toEqual([
      { n: 0n },
    ]);
  });
});

test('symbol(address) names an address as the column symbol does, in results of any length', async () => {
  const rows = await session.sql(
    'SELECT count(*) AS n, count(symbol) AS named, count(*) FILTER (symbol IS NOT DISTINCT FROM symbol(pc)) AS same FROM instructions',
  );
  expect(rows[0]['same']).toBe(rows[0]['n']);
  expect(rows[0]['named']).toBeGreaterThan(2048n);
  expect(await session.sql("SELECT symbol('0xffffffff80000000'::UBIGINT) AS a, symbol(NULL) AS b")).toEqual([
    { a: null, b: null },
  ]);
});

describe('instructions', () => {
  test('are those attempted, each with its opcode and place', async () => {
    const rows = await session.sql('SELECT icount, cpu, pc, pa, opcode, el, regime FROM instructions');
    expect(rows).toEqual(
      synthetic.instructions.map(({ icount, cpu, pc, pa, opcode, el, regime }) => ({
        icount: BigInt(icount),
        cpu,
        pc,
        pa,
        opcode,
        el,
        regime,
      })),
    );
  });

  test('are disassembled, with the address of a branch, and named', async () => {
    const [row] = await session.sql(
      "SELECT mnemonic, disassembly, pc, opcode, symbol FROM instructions WHERE mnemonic = 'cbz' AND el = 2 LIMIT 1",
    );
    const displacement = (Number(row['opcode']) << 8) >> 13;
    const target = (row['pc'] as bigint) + 4n * BigInt(displacement);
    expect(row['disassembly']).toBe(`cbz x0, #0x${target.toString(16)}`);
    expect(row['symbol']).toBe('hypervisor');
  });

  test('of a range start and end within packets', async () => {
    const rows = await session.sql('SELECT icount FROM instructions(12345, 23456)');
    expect(rows.map(({ icount }) => Number(icount))).toEqual(
      Array.from({ length: 11111 }, (_, i) => 12345 + i),
    );
  });
});

describe('memory accesses', () => {
  const expected = (from: number, to: number) =>
    synthetic.instructions
      .filter(({ icount }) => icount >= from && icount < to)
      .flatMap(({ icount, cpu, pc, addresses }) =>
        addresses.map((address) => ({ icount: BigInt(icount), cpu, pc, address, size: 8, kind: 'load' })),
      );

  test('each address stands beside the instruction that made it', async () => {
    const rows = await session.sql('SELECT icount, cpu, pc, address, size, kind FROM memory_accesses');
    expect(rows).toEqual(expected(0, Infinity));
    expect(
      await session.sql('SELECT icount, cpu, pc, address, size, kind FROM memory_accesses(20001, 30001)'),
    ).toEqual(expected(20001, 30001));
  });
});

describe('exits', () => {
  test('the cost of each is the instructions that its CPU executed at EL2 until it ran the guest again', async () => {
    const exits = await session.sql('SELECT cpu, icount, cost FROM exits ORDER BY seq');
    expect(exits.length).toBeGreaterThan(100);
    expect(exits).toEqual(
      synthetic.exits.map(({ cpu, icount, cost }) => ({
        cpu,
        icount: BigInt(icount),
        cost: cost === undefined ? null : BigInt(cost),
      })),
    );
  });

  test('are named as perf kvm stat names them, and calls by their function', async () => {
    const reasons = await session.sql('SELECT DISTINCT reason, sub_reason FROM exits ORDER BY 1, 2');
    expect(reasons).toEqual([
      { reason: 'HVC64', sub_reason: '0xc6000001' },
      { reason: 'IRQ', sub_reason: '' },
    ]);
  });
});

describe('errors', () => {
  test.each([
    ['SELEC 1', /syntax error/],
    ['SELECT nothing FROM exits', /"nothing" not found/],
    ['SELECT * FROM nowhere', /nowhere does not exist/],
    ["SELECT 'a'::INT", /Could not convert string 'a' to INT32/],
  ])('%s is the user’s mistake, in one line', async (sql, what) => {
    const error = await session.sql(sql).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).message).toMatch(what);
    expect((error as UserError).message).not.toContain('\n');
  });
});
