/**
 * Every segment, compressed ones too, as a reader that shares nothing with ours reads it: ClickHouse, through chdb from npm.
 * chdb is 500 MB, so it is no dependency: `npm install --no-save chdb` brings it, and CHDB may name another place of it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Cell, cellOf, columnsOf } from '../../../src/trace/columns.ts';
import { openRecording } from '../../../src/trace/recording.ts';
import { recordEveryTable } from '../../trace/every_table.ts';
import { recordSynthetic } from '../../trace/synthetic.ts';

interface Chdb {
  query(sql: string, format: string): string;
}

function findChdb(): Chdb {
  try {
    return createRequire(import.meta.url)(process.env['CHDB'] ?? 'chdb') as Chdb;
  } catch (error) {
    throw new Error(
      `the foreign Arrow reader is missing: npm install --no-save chdb (${(error as Error).message})`,
    );
  }
}

const chdb = findChdb();
const directory = mkdtempSync(join(tmpdir(), 'hindsight-foreign-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** A cell as ClickHouse writes it in JSON: 64-bit integers as text, bytes in hexadecimal. */
function expected(cell: Cell): unknown {
  if (typeof cell === 'bigint') return String(cell);
  if (cell instanceof BigUint64Array) return Array.from(cell, String);
  if (cell instanceof Uint8Array) return Buffer.from(cell).toString('hex').toUpperCase();
  return cell;
}

function compare(path: string): Set<string> {
  const recording = openRecording(path);
  const tables = new Set<string>();
  for (const { segments } of recording.epochs)
    for (const segment of segments) {
      const columns = columnsOf(segment.table);
      const names = Object.keys(columns);
      const list = names
        .map((name) => (columns[name].type === 'bytes' ? `hex(${name}) AS ${name}` : `\`${name}\``))
        .join(', ');
      const text = chdb.query(
        `SELECT ${list} FROM file('${join(path, segment.file)}', Arrow) SETTINGS output_format_json_quote_64bit_integers = 1`,
        'JSONEachRow',
      );
      const found = text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { [name: string]: unknown });
      const ours: { [name: string]: unknown }[] = [];
      const reader = recording.reader(segment);
      for (let batch = 0; batch < reader.batchCount; batch++) {
        const { rows, columns: data } = reader.read(batch, names);
        for (let row = 0; row < rows; row++)
          ours.push(
            Object.fromEntries(
              names.map((name) => [name, expected(cellOf(columns[name].type, data[name], row))]),
            ),
          );
      }
      expect(found, segment.file).toEqual(ours);
      tables.add(segment.table);
    }
  return tables;
}

describe('a foreign Arrow reader', () => {
  test('reads every table with the values that were recorded', async () => {
    const path = join(directory, 'every.hs');
    await recordEveryTable(path);
    expect([...compare(path)].sort()).toEqual(
      Object.keys((await import('../../../src/trace/schema.ts')).TABLES).sort(),
    );
  });

  test('reads the segments of a random execution, many rows and several epochs', async () => {
    const path = join(directory, 'random.hs');
    await recordSynthetic(path, { instructions: 60_000, seed: 4 });
    expect(compare(path).size).toBeGreaterThan(5);
  });
});
