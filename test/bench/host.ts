/** The machine that measures, and whether it had nothing else to do. */

import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release } from 'node:os';
import { runTool } from '../conformance/qemu/reference.ts';

/** A load average above this says that something else was running when the measurement began. */
const QUIET_LOAD = 0.5;
/** Cores that others may use meanwhile before the figures are called doubtful. */
const QUIET_CORES = 0.1;

export interface Host {
  readonly cpu: string;
  readonly cores: number;
  readonly system: string;
  readonly node: string;
  readonly qemu: string;
  readonly date: string;
  /** Of one minute, at the start. */
  readonly load: number;
}

export function describeHost(): Host {
  const [qemu] = runTool('qemu-system-aarch64', ['--version'], 'qemu-system-arm').toString().split('\n');
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    system: `${process.platform} ${release()}`,
    node: process.version,
    qemu,
    date: new Date().toISOString(),
    load: loadavg()[0],
  };
}

/** Seconds that all cores together were busy since the machine started: proc(5), /proc/stat. */
function busySeconds(): number {
  const [user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'utf8')
    .split('\n')[0]
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq) / 100;
}

/** Seconds that a process and its children that ended were busy: proc(5), the four times of /proc/self/stat. */
function ownSeconds(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1].split(' ');
  return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0) / 100;
}

/** How much of the machine others use from now on. */
export class Others {
  readonly #started = performance.now();
  readonly #busy = busySeconds();
  readonly #own = ownSeconds();

  /** Cores that others kept busy on average since then. */
  cores(): number {
    const seconds = (performance.now() - this.#started) / 1000;
    const others = busySeconds() - this.#busy - (ownSeconds() - this.#own);
    return Math.max(0, others / seconds);
  }
}

/** A line that says that the machine was not quiet; undefined where it was. */
export function noise(load: number, othersCores: number): string | undefined {
  const reasons = [
    ...(load > QUIET_LOAD ? [`the load average was ${load.toFixed(2)} at the start`] : []),
    ...(othersCores > QUIET_CORES ? [`other programs used ${othersCores.toFixed(2)} cores meanwhile`] : []),
  ];
  if (reasons.length === 0) return undefined;
  return `WARNING: the machine was not quiet (${reasons.join(', ')}): these figures say little`;
}
