/**
 * QEMU's own trace of every instruction, `-d exec,nochain -singlestep -D FILE`: lines a second.
 *
 * It writes about 85 bytes an instruction, tens of gigabytes for a workload, so it runs for a slice of time: QEMU starts the
 * image, and from the first line in the file on, start-up and first translations being over, it gets SLICE_MS. Then it is ended, and the
 * lines that it wrote in that time are counted. With `-singlestep` a translation block has one instruction, with `nochain`
 * each execution of a block is a line.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { UserError } from '../../src/user-error.ts';
import { machineArguments } from '../conformance/qemu/reference.ts';

const SLICE_MS = 2000;
const PATIENCE_MS = 60_000;

export const TRACE_ARGUMENTS = ['-singlestep', '-d', 'exec,nochain'];

export interface TraceRate {
  readonly instructionsPerSecond: number;
  readonly bytesPerInstruction: number;
}

/** Lets QEMU trace an image into a file in `scratch`, which is gone afterwards. */
export async function qemuTraceRate(image: string, scratch: string): Promise<TraceRate> {
  const file = join(scratch, 'qemu-trace.txt');
  const more = [...TRACE_ARGUMENTS, '-D', file];
  const child = spawn(
    'qemu-system-aarch64',
    machineArguments({ kernel: image, ramMiB: 1024, gic: 2, more }),
    { stdio: 'ignore', timeout: PATIENCE_MS + 2 * SLICE_MS, killSignal: 'SIGKILL' },
  );
  const ended = new Promise<void>((resolve) => {
    child.on('error', () => resolve());
    child.on('close', () => resolve());
  });
  const size = () => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  try {
    const started = performance.now();
    while (size() === 0) {
      if (performance.now() - started > PATIENCE_MS || child.exitCode !== null)
        throw new UserError(`qemu-system-aarch64 ${TRACE_ARGUMENTS.join(' ')} wrote no trace of ${image}`);
      await pause(10);
    }
    const from = size();
    const first = performance.now();
    await pause(SLICE_MS);
    const to = size();
    const seconds = (performance.now() - first) / 1000;
    if (child.exitCode !== null)
      throw new UserError(`${image} is over before ${SLICE_MS / 1000} s of QEMU's trace are`);
    child.kill('SIGKILL');
    await ended;
    const lines = countTraced(file, from, to);
    return { instructionsPerSecond: lines / seconds, bytesPerInstruction: (to - from) / lines };
  } finally {
    child.kill('SIGKILL');
    await ended;
    rmSync(file, { force: true });
  }
}

const NEWLINE = '\n'.charCodeAt(0);
const MARK = 'T'.charCodeAt(0);

/**
 * Lines of the file that end between bytes `from` and `to` and tell of an execution: they start with `Trace`. Others (`Stopped execution
 * of TB chain`, `Linking TBs`) are no instruction.
 */
export function countTraced(file: string, from: number, to: number): number {
  const fd = openSync(file, 'r');
  const chunk = Buffer.alloc(2 ** 20);
  let lines = 0;
  let startsLine = false;
  let traced = true;
  try {
    for (let at = from; at < to; ) {
      const length = readSync(fd, chunk, 0, Math.min(chunk.length, to - at), at);
      if (length === 0) break;
      for (let i = 0; i < length; i++) {
        const byte = chunk[i];
        if (startsLine) traced = byte === MARK;
        startsLine = byte === NEWLINE;
        if (startsLine && traced) lines += 1;
      }
      at += length;
    }
  } finally {
    closeSync(fd);
  }
  return lines;
}
