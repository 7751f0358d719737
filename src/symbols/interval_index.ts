/** Which of many address ranges holds an address. Ranges may overlap: the one that begins last wins. */
export interface Interval {
  readonly start: bigint;
  /** First address behind the range. */
  readonly end: bigint;
}

export class IntervalIndex<T extends Interval> {
  readonly #intervals: readonly T[];
  readonly #starts: BigUint64Array;
  /** The highest end among this interval and those before it: how far back a search must go. */
  readonly #reach: BigUint64Array;

  constructor(intervals: readonly T[]) {
    this.#intervals = [...intervals].sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
    this.#starts = BigUint64Array.from(this.#intervals, ({ start }) => start);
    let reach = 0n;
    this.#reach = BigUint64Array.from(this.#intervals, ({ end }) => {
      if (end > reach) reach = end;
      return reach;
    });
  }

  /** Logarithmic where ranges do not overlap. */
  find(address: bigint): T | undefined {
    for (let i = lastAtOrBelow(this.#starts, address); i >= 0 && this.#reach[i] > address; i--)
      if (this.#intervals[i].end > address) return this.#intervals[i];
    return undefined;
  }
}

/** Index of the last element of a sorted array, from `from` up to `to`, that is not above `value`; from - 1 where all are. */
export function lastAtOrBelow(sorted: BigUint64Array, value: bigint, from = 0, to = sorted.length): number {
  let [low, high] = [from, to];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
