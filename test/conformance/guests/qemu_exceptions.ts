/** Every exception and return of a guest in QEMU, from its own log (`-d int`): the source of truth for what a ledger counts. */
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { EC } from '../../../src/cpu/exception_classes.ts';
import { parseRawLoad } from '../../../src/machine/raw.ts';
import type { RowOf } from '../../../src/trace/schema.ts';
import { ICOUNT, machineArguments, startQemu } from '../qemu/reference.ts';
import type { Boot } from './boots.ts';

export interface LoggedException {
  readonly kind: 'synchronous' | 'irq' | 'virtual irq' | 'return';
  readonly fromEl: number;
  readonly toEl: number;
  /** 0 for interrupts and returns. */
  readonly esr: bigint;
  /** ELR; 0 for returns. */
  readonly elr: bigint;
  /** Where execution goes on. */
  readonly target: bigint;
}

/** The transfer's syndrome, with which QEMU reports stage 1 data aborts at EL2 too (docs/qemu-differences.md). */
const TRANSFER = 0x1ff_c000n;

/** For lists of them that must be equal. */
export function textOf({ kind, fromEl, toEl, esr, elr, target }: LoggedException): string {
  const compared = esr >> 26n === BigInt(EC.dataAbort) && toEl === 2 ? esr & ~TRANSFER : esr;
  return `${kind} EL${fromEl} to EL${toEl}, ESR ${compared.toString(16)}, ELR ${elr.toString(16)}, at ${target.toString(16)}`;
}

/** The same from a row of table exceptions. */
export function fromRow(row: RowOf<'exceptions'>): LoggedException {
  const { kind, from_el: fromEl, to_el: toEl, target } = row;
  const plain = { kind: kind as LoggedException['kind'], fromEl, toEl, target: BigInt(target) };
  if (kind !== 'synchronous') return { ...plain, esr: 0n, elr: kind === 'return' ? 0n : BigInt(row.pc) };
  // A call returns behind itself.
  const isCall = row.ec === EC.svc || row.ec === EC.hvc;
  return { ...plain, esr: BigInt(row.esr), elr: BigInt(row.pc) + (isCall ? 4n : 0n) };
}

/**
 * Runs a guest under QEMU's instruction count until it ends, or `until` is on its console, or `deadline` seconds are over. Calls of the firmware
 * (SMC, which QEMU answers itself) are left out.
 */
export async function qemuExceptions(
  boot: Boot,
  deadline: number,
  until?: string,
): Promise<{ exceptions: LoggedException[]; console: string }> {
  const scratch = mkdtempSync(join(tmpdir(), 'hindsight-exceptions-'));
  try {
    const log = join(scratch, 'int.log');
    const { image, load = [], gic, ramMiB, initrd, append, deviceTree, cpu } = boot;
    const machine = {
      kernel: image,
      load: load.map(parseRawLoad),
      gic,
      ramMiB,
      initrd,
      append,
      deviceTree,
      cpu,
    };
    const args = [...machineArguments(machine), ...ICOUNT, '-singlestep', '-d', 'int', '-D', log];
    const { child, end } = startQemu(args, deadline);
    let printed = '';
    child.stdout!.on('data', (chunk: Buffer) => {
      printed += chunk.toString('latin1');
      if (until !== undefined && printed.includes(until)) child.kill('SIGKILL');
    });
    await end;
    return { exceptions: await readLog(log), console: printed };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

const KINDS: { readonly [name: string]: LoggedException['kind'] } = {
  IRQ: 'irq',
  'Virtual IRQ': 'virtual irq',
};

async function readLog(path: string): Promise<LoggedException[]> {
  const exceptions: LoggedException[] = [];
  let [kind, fromEl, esr, elr]: [LoggedException['kind'], number, bigint, bigint] = ['return', 0, 0n, 0n];
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const match = (pattern: RegExp) => pattern.exec(line)?.slice(1);
    const [name] = match(/^Taking exception \d+ \[(.*)\]/) ?? [];
    if (name !== undefined) kind = KINDS[name] ?? 'synchronous';
    const [from] = match(/^\.\.\.from EL(\d)/) ?? [];
    if (from !== undefined) fromEl = Number(from);
    const [syndrome] = match(/^\.\.\.with ESR 0x[0-9a-f]+\/(0x[0-9a-f]+)/) ?? [];
    if (syndrome !== undefined) esr = BigInt(syndrome);
    const [link] = match(/^\.\.\.with ELR (0x[0-9a-f]+)/) ?? [];
    if (link !== undefined) elr = BigInt(link);
    const [to, target] = match(/^\.\.\.to EL(\d) PC (0x[0-9a-f]+)/) ?? [];
    if (to !== undefined)
      exceptions.push({
        kind,
        fromEl,
        toEl: Number(to),
        esr: kind === 'synchronous' ? esr : 0n,
        elr,
        target: BigInt(target),
      });
    const [left, entered, at] =
      match(/^Exception return from AArch64 EL(\d) to AArch64 EL(\d) PC (0x[0-9a-f]+)/) ?? [];
    if (left !== undefined)
      exceptions.push({
        kind: 'return',
        fromEl: Number(left),
        toEl: Number(entered),
        esr: 0n,
        elr: 0n,
        target: BigInt(at),
      });
  }
  return exceptions;
}
