/** Runs the command line in this process and catches what it prints. */
import { main } from '../../src/cli.ts';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export async function hindsight(...args: string[]): Promise<Outcome> {
  const streams = [process.stdout, process.stderr] as const;
  const texts = ['', ''];
  const originals = streams.map((stream) => stream.write);
  streams.forEach((stream, i) => {
    stream.write = ((chunk: string | Uint8Array, ...rest: unknown[]) => {
      texts[i] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('latin1');
      const done = rest.find((argument) => typeof argument === 'function') as (() => void) | undefined;
      done?.();
      return true;
    }) as typeof stream.write;
  });
  const exitCode = process.exitCode;
  process.exitCode = undefined;
  try {
    const code = await main(['node', 'hindsight', ...args]);
    return { code, stdout: texts[0], stderr: texts[1] };
  } finally {
    process.exitCode = exitCode;
    streams.forEach((stream, i) => {
      stream.write = originals[i];
    });
  }
}
