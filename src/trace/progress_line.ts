/**
 * What `hindsight record` tells while it runs: instructions, speed, bytes an instruction, and the time left where something is known to
 * end it. On a terminal one line is redrawn twice a second; elsewhere a line is written now and then.
 */
import { formatSize, formatTime, grouped } from '../quantities.ts';
import type { Committed } from './committed_size.ts';
import type { Progress, Until } from './flight_recorder.ts';

const REDRAW_MS = 500;
const WRITE_MS = 10_000;
const CLEAR = '\r\x1b[K';
const NEWLINE = 10;

export interface ProgressLineOptions {
  /** Standard error. */
  readonly stream: { readonly isTTY?: boolean; write(text: string): unknown };
  /** The guest's console goes to the same terminal. */
  readonly sharesTerminal: boolean;
  readonly until: Until;
  /** What of the recording is safe on the disk. What is under way, an epoch or some, has no size yet. */
  readonly committed: () => Committed;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

export class ProgressLine {
  readonly #options: ProgressLineOptions;
  #last: Progress = { icount: 0, timeNs: 0 };
  #lastAt: number;
  #drawn = false;
  /** The cursor is where a line of the guest's console begins: a line of ours does no harm there. */
  #atLineStart = true;

  constructor(options: ProgressLineOptions) {
    this.#options = options;
    this.#lastAt = options.now();
  }

  update(progress: Progress): void {
    const { stream, sharesTerminal, now } = this.#options;
    const elapsed = now() - this.#lastAt;
    if (elapsed < (stream.isTTY ? REDRAW_MS : WRITE_MS)) return;
    const text = this.#text(progress, elapsed / 1000);
    this.#last = progress;
    this.#lastAt += elapsed;
    if (!stream.isTTY) stream.write(`${text}\n`);
    else if (this.#atLineStart || !sharesTerminal) {
      stream.write(CLEAR + text);
      this.#drawn = true;
    }
  }

  /** The guest is about to print a byte: what stands on its line goes away. */
  printing(byte: number): void {
    if (!this.#options.sharesTerminal) return;
    this.clear();
    this.#atLineStart = byte === NEWLINE;
  }

  clear(): void {
    if (this.#drawn) this.#options.stream.write(CLEAR);
    this.#drawn = false;
  }

  #text({ icount, timeNs }: Progress, seconds: number): string {
    const committed = this.#options.committed();
    const perSecond = (icount - this.#last.icount) / seconds;
    const left = this.#secondsLeft({ icount, timeNs }, seconds);
    return [
      `${grouped(icount)} instructions`,
      `${(perSecond / 1e6).toFixed(1)} million/s`,
      ...(committed.icount === 0
        ? []
        : [
            `${(committed.bytes / committed.icount).toFixed(4)} B/instr`,
            `${formatSize(committed.bytes)} on disk`,
          ]),
      `${formatTime(timeNs)} of guest time`,
      ...(left === undefined ? [] : [`${Math.ceil(left)} s left`]),
    ].join(', ');
  }

  /** Until the first of the limits that are known, at the present speed; undefined where there is none, or nothing moves. */
  #secondsLeft({ icount, timeNs }: Progress, seconds: number): number | undefined {
    const { until } = this.#options;
    const known = [
      [until.icount, icount, icount - this.#last.icount],
      [until.timeNs, timeNs, timeNs - this.#last.timeNs],
    ].flatMap(([limit, now, step]) =>
      limit === undefined || step! <= 0 ? [] : [(Math.max(0, limit - now!) / step!) * seconds],
    );
    return known.length === 0 ? undefined : Math.min(...known);
  }
}
