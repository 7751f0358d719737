/**
 * QEMU 7.2 as the reference: runs an image under `-icount shift=0 -singlestep` with our plugin and hands out the
 * architectural state before every instruction. A missing tool is a UserError: an oracle that is silently absent proves nothing.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { UserError } from '../../../src/user-error.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const cache = fileURLToPath(new URL('../../../.cache/qemu/', import.meta.url));

/** Bytes of a record: { u64 pc; u64 x[31]; u64 sp; u32 opcode; u32 pstate; u64 fpcr; u64 fpsr; u128 v[32] }, little endian. */
export const RECORD_BYTES = 800;
/** Bytes of a digest: { u64 count; u64 lane[4] }, of the states before the first `count` instructions. */
export const DIGEST_BYTES = 40;

/** What to load, in QEMU's words. Paths are those of the caller. */
export interface QemuMachine {
  /** ELF or Linux Image, as `-kernel` takes it. */
  readonly kernel?: string;
  /** Raw files and where they go; `entry` starts CPU 0 there. */
  readonly load?: readonly { readonly file: string; readonly address: number }[];
  readonly entry?: number;
  readonly initrd?: string;
  readonly append?: string;
  /** A blob, or a source that ends in .dts. */
  readonly deviceTree?: string;
  /** MiB. */
  readonly ramMiB: number;
  readonly gic: 2 | 3;
  /** Default cortex-a57; may carry options (`cortex-a57,cntfrq=1000000000`). */
  readonly cpu?: string;
  /** Whether EL2 exists. Default true. */
  readonly virtualization?: boolean;
  readonly smp?: number;
  /** As `-semihosting`. */
  readonly semihosting?: boolean;
  /** Further arguments. */
  readonly more?: readonly string[];
}

export interface TraceOptions {
  /** Leave out the records of the first `from` instructions. */
  readonly from?: number;
  /** Stop after this many instructions. */
  readonly count?: number;
  /** Instead of states, digests: every 65,536 instructions, at each WFI, and at the end. */
  readonly digests?: boolean;
  /** Seconds until SIGKILL. Default 60. */
  readonly deadline?: number;
}

export interface ReferenceRun {
  /** Buffers of whole records, or digests. */
  readonly records: AsyncIterable<Buffer>;
  /** Resolves when QEMU ended. `killed`: by the deadline. */
  readonly end: Promise<ReferenceEnd>;
  stop(): void;
}

export interface ReferenceEnd {
  readonly console: Buffer;
  readonly stderr: string;
  readonly killed: boolean;
}

/** Path of a tool's output in the cache, made by `build` when the inputs were never seen before. */
export function cached(
  name: string,
  inputs: readonly (string | Buffer)[],
  build: (path: string) => void,
): string {
  const digest = createHash('sha256');
  for (const input of inputs) digest.update(input);
  const path = join(cache, `${digest.digest('hex').slice(0, 16)}-${name}`);
  if (!existsSync(path)) {
    mkdirSync(cache, { recursive: true });
    const temporary = `${path}.${process.pid}`;
    build(temporary);
    renameSync(temporary, path);
  }
  return path;
}

/** Runs a tool to its end; one line says which one is missing or what it complained about. */
export function runTool(tool: string, args: readonly string[], debianPackage: string): Buffer {
  try {
    return execFileSync(tool, args, { stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 2 ** 30 });
  } catch (error) {
    const { code, stderr } = error as { code?: string; stderr?: Buffer };
    if (code === 'ENOENT')
      throw new UserError(`${tool} is not installed; conformance needs Debian's ${debianPackage}`);
    throw new UserError(`${tool} ${args.join(' ')} failed: ${String(stderr ?? error).trim()}`);
  }
}

/** Path of the reference-trace plugin, built on first use. */
export function plugin(): string {
  const source = join(here, 'reference-trace.c');
  const inputs = [readFileSync(source), readFileSync(join(here, 'qemu-plugin-abi.h'))];
  return cached('reference-trace.so', inputs, (path) =>
    runTool('cc', ['-O2', '-shared', '-fPIC', `-I${here}`, '-o', path, source], 'gcc'),
  );
}

/** Path of the device-tree blob of a source, compiled on first use. */
export function compileDeviceTree(source: string): string {
  return cached('tree.dtb', [readFileSync(source)], (path) =>
    runTool('dtc', ['-q', '-I', 'dts', '-O', 'dtb', '-o', path, source], 'device-tree-compiler'),
  );
}

/** The minimal device trees that the reference guests boot with: `min-gicv3`, `xen-tiny-gicv2`, … */
export const deviceTreeSource = (name: string): string => join(here, 'devicetrees', `${name}.dts`);

/** QEMU's arguments for a machine, without the plugin and without icount. */
export function machineArguments(machine: QemuMachine): string[] {
  const args = [
    '-M',
    `virt,virtualization=${machine.virtualization === false ? 'off' : 'on'},gic-version=${machine.gic}`,
    ...['-cpu', machine.cpu ?? 'cortex-a57', '-m', `${machine.ramMiB}M`, '-smp', String(machine.smp ?? 1)],
    ...['-display', 'none', '-monitor', 'none', '-serial', 'stdio', '-net', 'none'],
  ];
  if (machine.kernel) args.push('-kernel', machine.kernel);
  for (const { file, address } of machine.load ?? [])
    args.push('-device', `loader,file=${file},addr=0x${address.toString(16)},force-raw=on`);
  if (machine.entry !== undefined)
    args.push('-device', `loader,addr=0x${machine.entry.toString(16)},cpu-num=0`);
  if (machine.initrd) args.push('-initrd', machine.initrd);
  if (machine.append) args.push('-append', machine.append);
  if (machine.deviceTree) {
    const { deviceTree } = machine;
    args.push('-dtb', deviceTree.endsWith('.dts') ? compileDeviceTree(deviceTree) : deviceTree);
  }
  if (machine.semihosting) args.push('-semihosting');
  return [...args, ...(machine.more ?? [])];
}

/** Time as the reference runs count it: one ns an instruction, no host clock anywhere. */
export const ICOUNT = ['-icount', 'shift=0,align=off,sleep=off', '-rtc', 'base=2024-01-01,clock=vm'];

/** Starts QEMU with the given arguments and a deadline in seconds that ends in SIGKILL. Descriptor 3 is a pipe to us. */
export function startQemu(
  args: readonly string[],
  deadline: number,
): { child: ChildProcess; end: Promise<ReferenceEnd> } {
  const child = spawn('qemu-system-aarch64', args, { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
  let killed = false;
  const timer = setTimeout(() => {
    killed = true;
    child.kill('SIGKILL');
  }, deadline * 1000);
  const consoleChunks: Buffer[] = [];
  let stderr = '';
  child.stdout!.on('data', (chunk: Buffer) => consoleChunks.push(chunk));
  child.stderr!.on('data', (chunk: Buffer) => (stderr += chunk));
  const end = new Promise<ReferenceEnd>((resolve, reject) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      reject(
        error.code === 'ENOENT'
          ? new UserError("qemu-system-aarch64 is not installed; conformance needs Debian's qemu-system-arm")
          : error,
      );
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (code !== 0 && !signal) reject(new UserError(`qemu-system-aarch64 failed: ${stderr.trim()}`));
      else resolve({ console: Buffer.concat(consoleChunks), stderr, killed });
    });
  });
  end.catch(() => {});
  return { child, end };
}

/** Cuts a byte stream into buffers of whole records; a torn tail (QEMU was killed) is dropped. */
export async function* wholeRecords(
  stream: AsyncIterable<Buffer>,
  recordBytes: number,
): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of stream) {
    const bytes = rest.length ? Buffer.concat([rest, chunk]) : chunk;
    const whole = bytes.length - (bytes.length % recordBytes);
    if (whole) yield bytes.subarray(0, whole);
    rest = bytes.subarray(whole);
  }
}

/** Runs a machine and streams the state before every instruction, or digests. */
export function traceReference(machine: QemuMachine, options: TraceOptions = {}): ReferenceRun {
  const settings = [options.digests ? 'mode=digest' : 'mode=full', 'fd=3'];
  if (options.from) settings.push(`from=${options.from}`);
  if (options.count) settings.push(`n=${options.count}`);
  const args = [
    ...machineArguments(machine),
    ...ICOUNT,
    '-singlestep',
    '-plugin',
    [plugin(), ...settings].join(','),
  ];
  const { child, end } = startQemu(args, options.deadline ?? 60);
  const pipe = child.stdio[3] as Readable;
  const stop = () => {
    child.kill('SIGKILL');
    pipe.destroy();
  };
  return { records: wholeRecords(pipe, options.digests ? DIGEST_BYTES : RECORD_BYTES), end, stop };
}

/** One record as numbers. */
export interface ReferenceState {
  readonly pc: bigint;
  readonly x: readonly bigint[];
  readonly sp: bigint;
  readonly opcode: number;
  readonly pstate: number;
}

export function readRecord(buffer: Buffer, offset: number): ReferenceState {
  const word = (i: number) => buffer.readBigUInt64LE(offset + 8 * i);
  return {
    pc: word(0),
    x: Array.from({ length: 31 }, (_, i) => word(i + 1)),
    sp: word(32),
    opcode: buffer.readUInt32LE(offset + 264),
    pstate: buffer.readUInt32LE(offset + 268),
  };
}

/** All records of a short run, and its end. */
export async function collectReference(
  machine: QemuMachine,
  options: TraceOptions = {},
): Promise<{ states: ReferenceState[]; end: ReferenceEnd }> {
  const run = traceReference(machine, options);
  const states: ReferenceState[] = [];
  for await (const buffer of run.records)
    for (let at = 0; at < buffer.length; at += RECORD_BYTES) states.push(readRecord(buffer, at));
  return { states, end: await run.end };
}

/** Assembles and links bare-metal assembly at `address` (default 0x4010_0000); path of the ELF in the cache. */
export function assembleImage(
  source: string,
  includes: readonly string[] = [],
  address = 0x4010_0000,
): string {
  const flags = ['-nostdlib', '-static', '-Wl,--build-id=none', `-Wl,-Ttext=0x${address.toString(16)}`];
  return cached(
    'probe.elf',
    [String(address), readFileSync(source), ...includes.map((f) => readFileSync(f))],
    (path) => runTool('aarch64-linux-gnu-gcc', [...flags, '-o', path, source], 'gcc-aarch64-linux-gnu'),
  );
}
