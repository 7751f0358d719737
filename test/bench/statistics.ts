/** What many rounds come to. */

/** The middle value, or the mean of the two in the middle. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

/** NaN of none. */
export const geometricMean = (values: readonly number[]): number =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);

/**
 * How many times faster `subject` is than `other`: of each round, then the median, because the host's load is about the same within
 * a round. Both are seconds by round.
 */
export const speedUp = (subject: readonly number[], other: readonly number[]): number =>
  median(subject.map((seconds, round) => other[round] / seconds));
