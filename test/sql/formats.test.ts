import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { tableFromIPC } from 'apache-arrow';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Format, writeQuery } from '../../src/sql/formats.ts';
import { Session } from '../../src/sql/session.ts';
import { recordSynthetic } from '../trace/synthetic.ts';

const directory = mkdtempSync(join(tmpdir(), 'hindsight-formats-'));
let session: Session;
beforeAll(async () => {
  const path = join(directory, 'a.hs');
  await recordSynthetic(path, { instructions: 20_000, seed: 21 });
  session = await Session.open(path);
});
afterAll(() => {
  session.close();
  rmSync(directory, { recursive: true });
});

async function output(sql: string, format: Format): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const out = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(Buffer.from(chunk));
      done();
    },
  });
  await writeQuery(session, sql, format, out);
  return Buffer.concat(chunks);
}

const EVERYTHING = `SELECT 18446744073709551615::UBIGINT AS big, 'a "b", c' AS text, NULL AS nothing, [1, NULL]::UBIGINT[] AS list,
  '\\x00\\xFF'::BLOB AS bytes, true AS yes, 1.5::DOUBLE AS half, 170141183460469231731687303715884105727::HUGEINT AS huge`;

test('csv quotes what needs it and writes 64-bit integers whole', async () => {
  expect((await output(EVERYTHING, 'csv')).toString()).toBe(
    'big,text,nothing,list,bytes,yes,half,huge\n18446744073709551615,"a ""b"", c",,"[1,null]",0x00ff,true,1.5,170141183460469231731687303715884105727\n',
  );
});

test('json is an array of objects, one a line, and an empty result an empty array', async () => {
  expect((await output(EVERYTHING, 'json')).toString()).toBe(
    '[\n{"big":18446744073709551615,"text":"a \\"b\\", c","nothing":null,"list":[1,null],"bytes":"0x00ff","yes":true,"half":1.5,"huge":170141183460469231731687303715884105727}\n]\n',
  );
  expect((await output('SELECT 1 WHERE false', 'json')).toString()).toBe('[]\n');
  expect(JSON.parse((await output('SELECT icount FROM instructions', 'json')).toString()).length).toBe(
    session.recording.instructions,
  );
});

test('table aligns numbers right and text left', async () => {
  expect(
    (await output("SELECT 7 AS n, 'ab' AS t UNION ALL SELECT 123, 'c' ORDER BY 1", 'table')).toString(),
  ).toBe('  n  t\n───  ──\n  7  ab\n123  c\n');
});

test('arrow is a stream that another reader of the format takes, over many batches', async () => {
  const [row] = tableFromIPC(await output(EVERYTHING, 'arrow')).toArray();
  expect(row.big).toBe(2n ** 64n - 1n);
  expect(row.text).toBe('a "b", c');
  expect(row.nothing).toBeNull();
  expect([...row.list]).toEqual([1n, null]);
  expect([...row.bytes]).toEqual([0, 255]);
  expect(row.huge).toBe('170141183460469231731687303715884105727');
  const all = tableFromIPC(await output('SELECT icount, opcode, mnemonic FROM instructions', 'arrow'));
  expect(all.numRows).toBe(session.recording.instructions);
  expect(all.getChild('icount')?.get(19_000)).toBe(19_000n);
});

test('parquet reads back', async () => {
  const file = join(directory, 'exits.parquet');
  writeFileSync(file, await output('SELECT * FROM exits;', 'parquet'));
  const difference = await session.sql(`(SELECT * FROM '${file}') EXCEPT (SELECT * FROM exits)`);
  expect(difference).toEqual([]);
  expect(await session.sql(`SELECT count(*) > 50 AS many FROM '${file}'`)).toEqual([{ many: true }]);
});
