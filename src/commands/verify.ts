/** hindsight verify REC: is everything in it as it was written? */
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { UserError } from '../user-error.ts';

export default function addVerify(program: Command): void {
  program
    .command('verify')
    .summary('check digests, row counts and invariants; say what is damaged')
    .argument('<recording>')
    .action(async (path: string) => {
      if (!existsSync(path)) throw new UserError(`${path}: no such recording`);
      const { findingText, verifyRecording } = await import('../trace/verify.ts');
      const { findings, leftovers, incomplete } = verifyRecording(path);
      for (const finding of findings) process.stdout.write(`${findingText(finding)}\n`);
      for (const file of leftovers)
        process.stderr.write(`${file}: was never committed, and is not part of the recording\n`);
      if (incomplete !== undefined) process.stderr.write(`not whole: ${incomplete}\n`);
      if (findings.length > 0) process.exitCode = 1;
      else process.stdout.write(`${path}: everything is as it was written\n`);
    });
}
