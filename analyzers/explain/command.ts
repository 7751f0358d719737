/** `hindsight explain REC`: what went wrong, and why. Exit code 1: the run has no fault. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Verb } from '../../src/cli.ts';
import { recordWindow } from '../../src/replay/window.ts';
import { openRecording, type Recording } from '../../src/trace/recording.ts';
import { explain } from './explain.ts';
import { reportJson, reportText } from './report.ts';

/** Causes are found by who stored what: a recording without accesses is executed again with them. */
async function withAccesses<T>(recording: Recording, ask: (recording: Recording) => Promise<T>): Promise<T> {
  if (recording.facts.recipe['detail'] !== 'flow') return ask(recording);
  process.stderr.write('no accesses were recorded (--detail flow): executing again with them\n');
  const directory = mkdtempSync(join(tmpdir(), 'hindsight-explain-'));
  try {
    const output = join(directory, 'memory.hs');
    const from = recording.epochs[0]?.firstIcount ?? 0;
    await recordWindow(recording, { from, to: recording.instructions, detail: 'memory', output });
    const raised = openRecording(output);
    try {
      return await ask(raised);
    } finally {
      raised.close();
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const verb: Verb = (program) => {
  program
    .command('explain')
    .description('locate the fault: what happened, why, and the instruction that caused it')
    .argument('<recording>', 'a recording')
    .option('--json', 'the same facts as JSON')
    .action(async (path: string, { json }: { json?: true }) => {
      const recording = openRecording(path);
      try {
        const verdict = await withAccesses(recording, explain);
        process.stdout.write(json ? reportJson(verdict) : reportText(verdict));
        if (verdict.kind === undefined) process.exitCode = 1;
      } finally {
        recording.close();
      }
    });
};
export default verb;
