/** Results of queries as text and files: table, csv, json, arrow, parquet. */

import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { DuckDBResult } from '@duckdb/node-api';
import { writeArrow } from './arrow_output.ts';
import { cellText, jsonText, put } from './cell_text.ts';
import { type Session, translated } from './session.ts';

export const FORMATS = ['table', 'csv', 'json', 'arrow', 'parquet'] as const;
export type Format = (typeof FORMATS)[number];

export interface TableOptions {
  /** Columns of text that fit in a line of the terminal; longer cells are cut. */
  readonly width?: number;
  /** Rows shown; the rest is counted. */
  readonly rows?: number;
}

/** Runs a query and writes its result to `out`, which stays open. */
export async function writeQuery(
  session: Session,
  sql: string,
  format: Format,
  out: Writable,
  options: TableOptions = {},
): Promise<void> {
  if (format === 'parquet') return writeParquet(session, sql, out);
  const result = await session.stream(sql);
  await translated(async () => {
    if (format === 'table') await writeTable(result, out, options);
    else if (format === 'csv') await writeCsv(result, out);
    else if (format === 'json') await writeJson(result, out);
    else await writeArrow(result, out);
  });
}

/** RFC 4180, with one line feed for a line's end. */
async function writeCsv(result: DuckDBResult, out: Writable): Promise<void> {
  const field = (text: string) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const line = (cells: readonly string[]) => `${cells.map(field).join(',')}\n`;
  await put(out, line(result.deduplicatedColumnNames()));
  for await (const rows of result.yieldRowsJs())
    await put(out, rows.map((row) => line(row.map(cellText))).join(''));
}

/** An array of objects, one a line. */
async function writeJson(result: DuckDBResult, out: Writable): Promise<void> {
  const names = result.deduplicatedColumnNames().map((name) => JSON.stringify(name));
  let before = '[';
  for await (const rows of result.yieldRowsJs())
    for (const row of rows) {
      await put(out, `${before}\n{${row.map((value, i) => `${names[i]}:${jsonText(value)}`).join(',')}}`);
      before = ',';
    }
  await put(out, before === '[' ? '[]\n' : '\n]\n');
}

async function writeTable(
  result: DuckDBResult,
  out: Writable,
  { width = 120, rows: limit = 1000 }: TableOptions,
): Promise<void> {
  const names = result.deduplicatedColumnNames();
  const numeric: boolean[] = names.map(() => true);
  const lines: string[][] = [];
  let more = 0;
  for await (const rows of result.yieldRowsJs())
    for (const row of rows) {
      if (lines.length === limit) {
        more += 1;
        continue;
      }
      for (const [i, value] of row.entries())
        if (value !== null && typeof value !== 'number' && typeof value !== 'bigint') numeric[i] = false;
      lines.push(row.map((value) => cellText(value).replaceAll(/[\n\r\t]/g, ' ')));
    }
  const cut = (text: string) => (text.length > width ? `${text.slice(0, width - 1)}…` : text);
  const widths = names.map((name, i) => Math.max(name.length, ...lines.map((line) => cut(line[i]).length)));
  const format = (cells: readonly string[]) =>
    `${cells
      .map((text, i) => (numeric[i] ? cut(text).padStart(widths[i]) : cut(text).padEnd(widths[i])))
      .join('  ')
      .trimEnd()}\n`;
  await put(out, format(names));
  await put(out, `${widths.map((n) => '─'.repeat(n)).join('  ')}\n`);
  for (const line of lines) await put(out, format(line));
  if (more > 0) await put(out, `… and ${more} more rows\n`);
}

/** DuckDB writes Parquet into files only: it goes through one. */
async function writeParquet(session: Session, sql: string, out: Writable): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'hindsight-query-'));
  try {
    const file = join(directory, 'result.parquet');
    await session.sql(
      `COPY (${sql.replace(/;\s*$/, '')}) TO '${file.replaceAll("'", "''")}' (FORMAT parquet)`,
    );
    await pipeline(createReadStream(file), out, { end: false });
  } finally {
    rmSync(directory, { recursive: true });
  }
}
