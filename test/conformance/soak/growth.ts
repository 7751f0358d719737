/** Whether memory grows: judged by what a process has resident, sample by sample. */

export interface Sample {
  /** Instructions executed so far. */
  readonly instructions: number;
  /** Bytes resident, after a collection. */
  readonly resident: number;
}

/** Samples before a quarter of the run are warm-up: code is translated, pools are filled. */
const WARM_UP = 1 / 4;
const FEWEST = 8;

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1];

/**
 * Bytes by which memory grew after the warm-up: the median of the last third of the samples above that of the first third. A peak is no
 * growth, neither is an allocator that gives something back. Throws where there are too few samples to tell.
 */
export function growth(samples: readonly Sample[]): number {
  const whole = samples.at(-1)?.instructions ?? 0;
  const settled = samples.filter(({ instructions }) => instructions >= WARM_UP * whole);
  if (settled.length < FEWEST)
    throw new Error(`${settled.length} samples after the warm-up are too few to tell`);
  const third = Math.floor(settled.length / 3);
  const resident = settled.map((sample) => sample.resident);
  return median(resident.slice(-third)) - median(resident.slice(0, third));
}
