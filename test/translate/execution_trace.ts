/** What a machine did, packet by packet, as hashes: to compare back ends without making recordings. */

import { createHash } from 'node:crypto';
import { CELL } from '../../src/cpu/state.ts';
import { Machine, type MachineOptions } from '../../src/machine/machine.ts';
import { RunLoop } from '../../src/machine/run_loop.ts';
import type { Timekeeper } from '../../src/machine/timekeeper.ts';
import type { EventSink } from '../../src/trace/schema.ts';
import { contents } from '../machine/filled.ts';

/** The physical address in a recorded access; what is above depends on the way the access took. */
const ADDRESS_BITS = 0xffff_ffff_ffffn;

const text = (_key: string, of: unknown): unknown => {
  if (typeof of === 'bigint') return of.toString(16);
  if (ArrayBuffer.isView(of)) return Buffer.from(of.buffer, of.byteOffset, of.byteLength).toString('hex');
  return of;
};

export interface Packet {
  /** At its end. */
  readonly icount: number;
  readonly pc: string;
  /** Of registers, flags, time, every raw buffer, and all events so far. */
  readonly hash: string;
}

export interface ExecutionTrace {
  readonly packets: readonly Packet[];
  readonly stopped: string | undefined;
  readonly machine: Machine;
}

/** Runs to the end, or to instruction `limit`. */
export function executionTrace(options: MachineOptions, limit = Number.POSITIVE_INFINITY): ExecutionTrace {
  const rows = createHash('sha1');
  const events = (time: Timekeeper): EventSink => ({
    recording: true,
    append: (table, row) => {
      rows.update(`${time.icount} ${time.now()} ${table} ${JSON.stringify(row, text)}`);
      return 0;
    },
  });
  const machine = new Machine({ detail: 'full', ...options, events });
  const { state, buffers, time } = machine;
  const loop = new RunLoop(machine);
  const packets: Packet[] = [];
  let stopped = loop.settle();
  while (!stopped && time.icount < limit) {
    stopped = loop.runPacket(loop.beginPacket(), limit);
    const hash = createHash('sha1');
    const { atoms, targets, addresses, values, registers } = buffers;
    hash.update(`${time.icount} ${time.now()} ${state.get('pc')} ${state.nzcv}`);
    hash.update(state.bytes.slice(CELL.x0, CELL.x0 + 8 * 32));
    for (const words of [
      contents(atoms),
      contents(targets),
      contents(addresses).map((address) => address & ADDRESS_BITS),
      contents(values),
      contents(registers),
    ])
      hash.update(words);
    hash.update(rows.copy().digest());
    packets.push({ icount: time.icount, pc: state.get('pc').toString(16), hash: hash.digest('hex') });
  }
  return { packets, stopped, machine };
}

/** Packets up to and with the first in which the traces differ; undefined where they are the same. */
export function firstDifference(a: ExecutionTrace, b: ExecutionTrace): string | undefined {
  const at = a.packets.findIndex(({ hash }, n) => hash !== b.packets[n]?.hash);
  if (at >= 0) return `packet ${at}: ${JSON.stringify([a.packets[at - 1], a.packets[at], b.packets[at]])}`;
  if (a.packets.length !== b.packets.length || a.stopped !== b.stopped)
    return `${a.packets.length} packets, ${a.stopped}; ${b.packets.length} packets, ${b.stopped}`;
  return undefined;
}
