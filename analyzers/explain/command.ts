/** `hindsight explain REC`: what went wrong, and why. Exit code 1: the run has no fault. */
import type { Verb } from '../../src/cli.ts';
import { openRecording } from '../../src/trace/recording.ts';
import { explain } from './explain.ts';
import { reportJson, reportText } from './report.ts';

const verb: Verb = (program) => {
  program
    .command('explain')
    .description('locate the fault: what happened, why, and the instruction that caused it')
    .argument('<recording>', 'a recording')
    .option('--json', 'the same facts as JSON')
    .action(async (path: string, { json }: { json?: true }) => {
      const recording = openRecording(path);
      try {
        const verdict = await explain(recording);
        process.stdout.write(json ? reportJson(verdict) : reportText(verdict));
        if (verdict.kind === undefined) process.exitCode = 1;
      } finally {
        recording.close();
      }
    });
};
export default verb;
