/** A recording is the same whether hot code is translated by the guest's own thread or by another, and whatever becomes of that one. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { WorkerOptions } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type RecordOptions, record } from '../../src/index.ts';
import type { RegionBatch, Translation } from '../../src/translate/region/translation.ts';
import { TranslatorThread } from '../../src/translate/region/translator_thread.ts';
import { hindsight } from '../commands/command_line.ts';
import { AwaitedThread } from '../translate/awaited_thread.ts';
import { hotGuest } from './hot_guest.ts';

/** What becomes of the translator's thread: a source that it runs instead of its own, or that there is none. */
const fate = vi.hoisted(() => ({ instead: undefined as string | 'no thread' | undefined, started: 0 }));

vi.mock('node:worker_threads', async (original) => {
  const actual = await original<typeof import('node:worker_threads')>();
  class FatedWorker extends actual.Worker {
    constructor(script: string | URL, options: WorkerOptions) {
      const translates = options.name === 'region translator';
      if (translates) fate.started += 1;
      const instead = translates ? fate.instead : undefined;
      if (instead === 'no thread') throw new Error('ERR_WORKER_INIT_FAILED');
      if (instead === undefined) super(script, options);
      else super(instead, { ...options, eval: true });
    }
  }
  return { ...actual, default: { ...actual, Worker: FatedWorker }, Worker: FatedWorker };
});

const DETAILS = ['flow', 'memory', 'full'] as const;
type Detail = (typeof DETAILS)[number];

let scratch: string;
let recordings = 0;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'hindsight-translator-'));
});
afterEach(() => {
  fate.instead = undefined;
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** recording.json, which has a digest of all tables and the chain of state hashes. */
async function recorded(
  detail: Detail,
  translator?: TranslatorThread,
  outputCaughtUp?: RecordOptions['outputCaughtUp'],
) {
  const directory = join(scratch, String(recordings++));
  const { reason } = await record({ ...hotGuest(), directory, detail, translator, outputCaughtUp });
  expect(reason).toBe('power off');
  return JSON.parse(readFileSync(join(directory, 'recording.json'), 'utf8'));
}
const alone = new Map<Detail, Promise<unknown>>();
function recordedAlone(detail: Detail): Promise<unknown> {
  if (!alone.has(detail)) alone.set(detail, recorded(detail));
  return alone.get(detail)!;
}

/** Counts what it was sent, and what of its translations was installed. */
class CountingThread extends AwaitedThread {
  batches = 0;
  installed = 0;
  override send(batch: RegionBatch): void {
    this.batches += 1;
    super.send(batch);
  }
  override receive(): Translation | 'failed' | undefined {
    const translation = super.receive();
    if (typeof translation !== 'object' || !translation.module) return translation;
    const { compiled, names, bytes } = translation.module;
    const regions = translation.heads.filter((head) => typeof head === 'object').length;
    const installs = () => {
      this.installed += regions;
      return compiled;
    };
    return {
      ...translation,
      module: {
        names,
        bytes,
        get compiled() {
          return installs();
        },
      },
    };
  }
}

describe.each(DETAILS)('at detail %s', (detail) => {
  test('a recording whose hot code a thread translated has the digests of one without', async () => {
    const thread = new CountingThread();
    const made = await recorded(detail, thread);
    await thread.close();
    expect(thread.batches).toBeGreaterThan(2);
    expect(thread.installed).toBeGreaterThan(20);
    expect(made).toEqual(await recordedAlone(detail));
  });
});

/** Its fate is known before the guest goes on. */
class FatedThread extends TranslatorThread {
  started = false;
  sent = 0;
  /** Batches that never came back. */
  lost = 0;
  override start(...args: Parameters<TranslatorThread['start']>): void {
    this.started = true;
    super.start(...args);
  }
  override send(batch: RegionBatch): void {
    this.sent += 1;
    super.send(batch);
  }
  override receive(): Translation | 'failed' | undefined {
    const translation = super.receive();
    if (translation === 'failed') this.lost += 1;
    return translation;
  }
  /** Events of the thread have their turn. */
  pause(states: readonly TranslatorThread['status'][]): Promise<void> | undefined {
    return this.started && states.includes(this.status) ? setTimeout(1) : undefined;
  }
}

test('the command record has such a thread for a guest with so much hot code', async () => {
  const { recipe, readFile } = hotGuest();
  const [directory, program] = [join(scratch, 'command'), join(scratch, 'program')];
  writeFileSync(program, readFile());
  const load = recipe.load![0].replace('program', program);
  const started = fate.started;
  const options = ['--el', '1', '--ram', '16M', '--detail', 'flow', '-q', '-o', directory];
  expect(await hindsight('record', '--load', load, ...options)).toMatchObject({ code: 0 });
  expect(fate.started).toBe(started + 1);
  const { rows, stateHashes } = JSON.parse(readFileSync(join(directory, 'recording.json'), 'utf8'));
  expect(await recordedAlone('flow')).toMatchObject({ rows, stateHashes });
});

/** A thread that gets ready, and does this when it gets a batch. */
const atBatch = (code: string) => `
  const { workerData: { status, port } } = require('node:worker_threads');
  port.on('message', () => { ${code} });
  Atomics.compareExchange(status, 0, 0, 1);`;

test.each([
  ['cannot be started', 'no thread', 0],
  ['dies while it starts', 'throw new Error("no module")', 0],
  ['ends with a batch under way', atBatch('process.exit(1)'), 1],
  ['throws with a batch under way', atBatch('throw new Error("a batch")'), 1],
  ['uses up its memory', atBatch('const a = []; for (;;) a.push(new Array(100_000).fill(a.length))'), 1],
])('a thread that %s does no harm', async (_, instead, lost) => {
  fate.instead = instead;
  const thread = new FatedThread();
  const made = await recorded('flow', thread, () => thread.pause(['starting', 'translating']));
  expect(thread).toMatchObject({ started: true, status: 'failed', sent: lost, lost });
  expect(made).toEqual(await recordedAlone('flow'));
});

test('a thread that never answers does not hold up the guest, and ends when the guest has', async () => {
  fate.instead = atBatch('for (;;) {}');
  const thread = new FatedThread();
  const made = await recorded('flow', thread, () => thread.pause(['starting']));
  expect(thread).toMatchObject({ status: 'translating', sent: 1 });
  await thread.close();
  expect(thread.status).toBe('failed');
  expect(made).toEqual(await recordedAlone('flow'));
});
