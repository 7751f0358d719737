/**
 * Lets a machine that somebody sits at wait as long as its guest waits: virtual time, which jumps while all CPUs wait, is held back to the
 * wall clock. Only when it goes on depends on the clock; what it does then does not. A guest that executes more slowly than in its
 * own time makes up for nothing: each wait takes its own length.
 */
import type { InputSource } from './input_source.ts';

/** Milliseconds that virtual time may be ahead: waits that nobody notices. */
const SLACK = 5;

export class WallClockPace {
  readonly #now: () => number;
  /** Wall clock less virtual time, in ms, at the last time when virtual time was not ahead. */
  #offset: number | undefined;

  /** `now` is a clock in milliseconds that never goes back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Milliseconds until the wall clock is where virtual time is; 0 where that is not ahead. */
  ahead(timeNs: number): number {
    const behind = this.#now() - timeNs / 1e6;
    if (this.#offset === undefined || behind > this.#offset) this.#offset = behind;
    const ahead = this.#offset - behind;
    return ahead > SLACK ? ahead : 0;
  }
}

/** Resolves after `ms`, when there is input, or when `signal` aborts. */
export async function waitForInput(ms: number, input?: InputSource, signal?: AbortSignal): Promise<void> {
  // AbortSignal.timeout would let the process end meanwhile.
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), ms);
  const end = signal ? AbortSignal.any([signal, timeout.signal]) : timeout.signal;
  try {
    if (input && (await input.more(end))) return;
    // No input will come: only the time is left.
    if (!end.aborted) await new Promise((resolve) => end.addEventListener('abort', resolve, { once: true }));
  } finally {
    clearTimeout(timer);
  }
}
