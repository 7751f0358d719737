/** Processes that keep the host busy: more than it has CPUs, with memory and files. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';

const BUSY = `
  const { writeFileSync } = require('node:fs');
  const memory = new Uint8Array(2 ** 26);
  for (let i = 0; ; i++) {
    memory.fill(i);
    if (i % 16 === 0) writeFileSync(process.argv[1], memory.subarray(0, 2 ** 22));
  }`;

/** Does it while the host is busy, and ends what it started. */
export async function onBusyHost<T>(work: () => Promise<T>): Promise<T> {
  const scratch = mkdtempSync(join(tmpdir(), 'hindsight-busy-'));
  const children: ChildProcess[] = [];
  try {
    for (let i = 0; i < 2 * availableParallelism(); i++)
      children.push(spawn(process.execPath, ['-e', BUSY, join(scratch, `${i}`)], { stdio: 'ignore' }));
    return await work();
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(
      children.map(
        (child) => child.exitCode ?? child.signalCode ?? new Promise((done) => child.on('exit', done)),
      ),
    );
    rmSync(scratch, { recursive: true, force: true });
  }
}
