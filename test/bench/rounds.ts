/**
 * One workload, round by round: in each, every subject runs the image once, one after the other. A run is timed as a whole process, to its
 * exit. Its start-up is measured in the same way and subtracted: the time of the same command for `hello`, which executes some
 * thousand instructions, in the same round. Instructions are those that our machine attempts.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { qemuTraceRate, type TraceRate } from './instruction_trace.ts';
import { bytesOnDisk, run } from './process.ts';
import { median, speedUp } from './statistics.ts';
import type { Subject, UntracedFacts } from './subjects.ts';

/** Runs of fewer seconds than this say nothing: the start-up that is subtracted varies as much. */
const SHORTEST = 0.05;

/** What the runs of one subject gave: by round, start-up subtracted. */
export interface SubjectRounds {
  readonly records: boolean;
  readonly seconds: number[];
  readonly cpuSeconds: number[];
  /** Of hello, the whole process. */
  readonly startUp: number[];
  /** Host memory at its peak, the guest's included: the worst round. */
  peakBytes: number;
  /** The same in every round, because recordings are. */
  diskBytes: number;
}

export interface Measurement {
  readonly guest: UntracedFacts;
  readonly subjects: ReadonlyMap<string, SubjectRounds>;
  /** QEMU's own trace, by round. */
  readonly qemuTrace: readonly TraceRate[];
}

async function timed(subject: Subject, image: string, scratch: string) {
  const directory = join(scratch, 'recording.hs');
  try {
    const result = await run(subject.command(image, directory));
    return { ...result, diskBytes: subject.records ? bytesOnDisk(directory) : 0 };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export interface Plan {
  readonly image: string;
  readonly hello: string;
  readonly subjects: readonly Subject[];
  /** Whether QEMU's own trace is one of them. */
  readonly qemuTrace: boolean;
  readonly rounds: number;
  /** A directory. */
  readonly scratch: string;
}

export async function measure({
  image,
  hello,
  subjects,
  qemuTrace,
  rounds,
  scratch,
}: Plan): Promise<Measurement> {
  const measured = new Map<string, SubjectRounds>();
  const traces: TraceRate[] = [];
  let guest: UntracedFacts = { icount: 0, touched: 0 };
  // A first start may bundle the program (bin/start_cache.js), and would be subtracted.
  for (const subject of subjects) await timed(subject, hello, scratch);
  for (let round = 0; round < rounds; round++) {
    for (const subject of subjects) {
      const start = await timed(subject, hello, scratch);
      const whole = await timed(subject, image, scratch);
      const sums = measured.get(subject.name) ?? {
        records: subject.records,
        ...{ seconds: [], cpuSeconds: [], startUp: [] },
        ...{ peakBytes: 0, diskBytes: 0 },
      };
      measured.set(subject.name, sums);
      sums.seconds.push(whole.seconds - start.seconds);
      sums.cpuSeconds.push(whole.cpuSeconds - start.cpuSeconds);
      sums.startUp.push(start.seconds);
      sums.peakBytes = Math.max(sums.peakBytes, whole.peakBytes);
      sums.diskBytes = whole.diskBytes;
      if (subject.name === 'untraced') guest = JSON.parse(whole.output) as UntracedFacts;
    }
    if (qemuTrace) traces.push(await qemuTraceRate(image, scratch));
  }
  return { guest, subjects: measured, qemuTrace: traces };
}

/** How many times faster one subject is than another; undefined where one did not run, or too shortly to say. */
export function against({ subjects }: Measurement, name: string, other: string): number | undefined {
  const [mine, theirs] = [subjects.get(name)?.seconds, subjects.get(other)?.seconds];
  if (mine === undefined || theirs === undefined) return undefined;
  return Math.min(median(mine), median(theirs)) < SHORTEST ? undefined : speedUp(mine, theirs);
}

/** The same in processor time, of all threads: what a busy host leaves comparable. */
export function againstInCpu({ subjects }: Measurement, name: string, other: string): number | undefined {
  const [mine, theirs] = [subjects.get(name)?.cpuSeconds, subjects.get(other)?.cpuSeconds];
  if (mine === undefined || theirs === undefined) return undefined;
  return Math.min(median(mine), median(theirs)) < SHORTEST ? undefined : speedUp(mine, theirs);
}

/** Instructions a second. */
export function rate({ guest, subjects }: Measurement, name: string): number | undefined {
  const seconds = subjects.get(name)?.seconds;
  return seconds === undefined || median(seconds) < SHORTEST ? undefined : guest.icount / median(seconds);
}

/** How many times as many instructions a second a subject does as QEMU writes lines. */
export function againstTrace(measurement: Measurement, name: string): number | undefined {
  const { guest, subjects, qemuTrace } = measurement;
  const seconds = subjects.get(name)?.seconds;
  if (qemuTrace.length === 0 || seconds === undefined || median(seconds) < SHORTEST) return undefined;
  return median(
    qemuTrace.map(
      ({ instructionsPerSecond }, round) => guest.icount / seconds[round] / instructionsPerSecond,
    ),
  );
}

/** Bytes an instruction on disk. */
export function bytesAnInstruction({ guest, subjects }: Measurement, name: string): number | undefined {
  const subject = subjects.get(name);
  return subject?.records ? subject.diskBytes / guest.icount : undefined;
}

/** Host memory at its peak, less the guest's RAM. */
export function hostBytes({ guest, subjects }: Measurement, name: string): number | undefined {
  const subject = subjects.get(name);
  return subject && subject.peakBytes - guest.touched;
}
