/** A command as its own process: how long it took, what it used, what it left on the disk. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../src/user-error.ts';

/** Longer than any workload takes on a busy machine. */
const DEADLINE_S = 900;
/** How often /proc is looked at, in ms. */
const WATCH_MS = 20;

export type Command = readonly [file: string, ...args: string[]];

export interface Run {
  /** Wall time from the start of the process to its end, or to the text that was waited for. */
  readonly seconds: number;
  /** Processor time of all its threads, to some hundredths: what a busy host leaves comparable. */
  readonly cpuSeconds: number;
  /** VmHWM, the most memory that was resident; shared memory counts. */
  readonly peakBytes: number;
  readonly output: string;
}

/**
 * Runs a command to its end, or until it has printed `until`, and ends it then. A command that fails, takes too long, or ends without
 * printing `until` is a UserError.
 */
export async function run([file, ...args]: Command, until?: string): Promise<Run> {
  const started = performance.now();
  const child = spawn(file, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: DEADLINE_S * 1000,
    killSignal: 'SIGKILL',
  });
  let output = '';
  let complaints = '';
  let seen: number | undefined;
  let peakBytes = 0;
  let cpuSeconds = 0;
  const look = () => {
    peakBytes = Math.max(peakBytes, highWaterMark(child.pid));
    cpuSeconds = Math.max(cpuSeconds, processorTime(child.pid));
  };
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString('latin1');
    if (seen !== undefined || until === undefined || !output.includes(until)) return;
    seen = performance.now();
    look();
    child.kill('SIGKILL');
  });
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk));
  const watch = setInterval(look, WATCH_MS);
  try {
    const failure = await new Promise<string | undefined>((resolve) => {
      child.on('error', (error) => resolve(error.message));
      child.on('close', (code, signal) => resolve(code === 0 ? undefined : (signal ?? complaints.trim())));
    });
    const seconds = ((seen ?? performance.now()) - started) / 1000;
    if (seen !== undefined) return { seconds, cpuSeconds, peakBytes, output };
    const problem = failure ?? (until === undefined ? undefined : `ended without printing "${until}"`);
    if (problem !== undefined) throw new UserError(`${file} ${args.join(' ')}: ${problem}`);
    return { seconds, cpuSeconds, peakBytes, output };
  } finally {
    clearInterval(watch);
  }
}

/** 0 once the process has gone. */
function highWaterMark(pid: number | undefined): number {
  try {
    const [, kib] = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kib ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** utime and stime of proc(5), in hundredths of a second. 0 once the process has gone. */
function processorTime(pid: number | undefined): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return 0;
  }
}

export function bytesOnDisk(directory: string): number {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}
