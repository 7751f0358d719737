/** An analyzer's test is a recording, a question and the expected answer. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { DEFAULT_RECIPE, record } from '../../src/index.ts';
import addSkeleton from './command.ts';

const directory = mkdtempSync(join(tmpdir(), 'hindsight-skeleton-'));
const recording = join(directory, 'vectors.hs');

beforeAll(async () => {
  const image = join(import.meta.dirname, '../../traces/vectors/vectors.elf');
  await record({ recipe: { ...DEFAULT_RECIPE, image }, directory: recording, detail: 'flow' });
});
afterEach(() => vi.restoreAllMocks());
afterAll(() => rmSync(directory, { recursive: true }));

/** What `hindsight skeleton …` prints. */
async function ask(...args: string[]): Promise<string> {
  let printed = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    printed += String(chunk);
    return true;
  });
  const program = new Command();
  addSkeleton(program);
  await program.parseAsync(['skeleton', ...args], { from: 'user' });
  return printed;
}

/** Rows without their first_icount, which a rebuilt image may move. */
const counts = (csv: string) =>
  csv
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.replace(/,\d+$/, ''));

test('counts the exceptions that traces/vectors says on its console to have raised', async () => {
  expect(counts(await ask(recording, '--format', 'csv'))).toEqual([
    'synchronous,1,2,9',
    'fiq,2,2,2',
    'irq,2,2,2',
    'synchronous,2,2,2',
    'fiq,1,2,1',
    'irq,1,2,1',
    'virtual fiq,1,1,1',
    'virtual irq,1,1,1',
    'virtual serror,1,1,1',
  ]);
});

test('leaves out what happened before --from', async () => {
  const rows = JSON.parse(await ask(recording, '--format', 'json'));
  const last = Math.max(...rows.map((row: { first_icount: string }) => Number(row.first_icount)));
  expect(counts(await ask(recording, '--from', String(last), '--format', 'csv'))).toContain(
    'virtual serror,1,1,1',
  );
  expect(counts(await ask(recording, '--from', String(last), '--format', 'csv'))).not.toContain('irq,2,2,2');
});

test('names the formats when asked for another', async () => {
  await expect(ask(recording, '--format', 'xml')).rejects.toThrow('--format xml: must be one of table, csv');
});
