/** What the benchmark runs side by side. Each subject is a command that runs an image from reset to power-off, as its own process. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../../src/user-error.ts';
import { machineArguments } from '../conformance/qemu/reference.ts';

const HINDSIGHT = fileURLToPath(new URL('../../bin/hindsight.js', import.meta.url));
const UNTRACED = fileURLToPath(new URL('untraced.ts', import.meta.url));
/** Longer than any workload takes on a busy machine. */
const DEADLINE_S = 600;

export interface Subject {
  readonly name: string;
  /** The arguments for an image; recordings are made in `directory`, which does not exist yet. */
  readonly command: (image: string, directory: string) => readonly [string, ...string[]];
  readonly records: boolean;
}

const qemu = (name: string, ...more: string[]): Subject => ({
  name,
  records: false,
  command: (kernel) => ['qemu-system-aarch64', ...machineArguments({ kernel, ramMiB: 1024, gic: 2, more })],
});
const recorded = (detail: string, engine: string): Subject => ({
  name: detail,
  records: true,
  command: (image, directory) => [
    process.execPath,
    ...[HINDSIGHT, 'record', image, '-o', directory, '--detail', detail, '--engine', engine, '--quiet'],
  ],
});

export const QEMU = qemu('QEMU');

/** What is measured, in the order in which a round runs it: QEMU, and our machine with one engine. */
export function subjectsOf(engine: 'regions' | 'interpreter') {
  const untraced: Subject = {
    name: 'untraced',
    records: false,
    command: (image) => [process.execPath, UNTRACED, image, engine],
  };
  const flow = recorded('flow', engine);
  const memory = recorded('memory', engine);
  const icount = qemu('QEMU icount', '-icount', 'shift=0,align=off,sleep=off');
  return { untraced, flow, memory, all: [QEMU, icount, untraced, flow, memory, recorded('full', engine)] };
}
export type Subjects = ReturnType<typeof subjectsOf>;

export interface Run {
  /** Wall time of the process. */
  readonly seconds: number;
  /** Processor time of all its threads, to some hundredths: what a busy host leaves comparable. */
  readonly cpuSeconds: number;
  /** VmHWM, the most memory that was resident; shared memory counts. */
  readonly peakBytes: number;
  readonly output: string;
}

/** Runs a command to its end. A command that fails or takes too long is an error. */
export async function run([file, ...args]: readonly [string, ...string[]]): Promise<Run> {
  const started = performance.now();
  const child = spawn(file, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: DEADLINE_S * 1000,
    killSignal: 'SIGKILL',
  });
  let output = '';
  let complaints = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk));
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk));
  let peakBytes = 0;
  let cpuSeconds = 0;
  const watch = setInterval(() => {
    peakBytes = Math.max(peakBytes, highWaterMark(child.pid));
    cpuSeconds = Math.max(cpuSeconds, processorTime(child.pid));
  }, 20);
  try {
    const failure = await new Promise<string | undefined>((resolve) => {
      child.on('error', (error) => resolve(error.message));
      child.on('close', (code, signal) => resolve(code === 0 ? undefined : (signal ?? complaints.trim())));
    });
    const seconds = (performance.now() - started) / 1000;
    if (failure !== undefined) throw new UserError(`${file} ${args.join(' ')}: ${failure}`);
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
