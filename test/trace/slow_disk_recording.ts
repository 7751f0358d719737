/**
 * `node slow_disk_recording.ts DIRECTORY`: records a stretch of a benchmark at detail full, which the slow disk takes longer for
 * than the guest, then prints the highest mark of its memory in bytes. `node slow_disk_recording.ts DIRECTORY epochs`: closes epochs as
 * fast as it may and prints by how many it was ahead of those on the disk, at most.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DEFAULT_RECIPE } from '../../src/machine/recipe.ts';
import { record } from '../../src/trace/flight_recorder.ts';
import { epochFile } from '../../src/trace/layout.ts';
import { Recorder } from '../../src/trace/recorder.ts';
import { syntheticState } from './synthetic.ts';

const [directory, kind] = process.argv.slice(2);
const IMAGE = fileURLToPath(new URL('../../traces/bench/integer-mix/integer-mix.elf', import.meta.url));
const EPOCHS = 40;

function ahead(recorder: Recorder): number {
  let most = 0;
  let committed = 0;
  for (let epoch = 1; epoch <= EPOCHS; epoch++) {
    recorder.closeEpoch(() => syntheticState(epoch));
    while (existsSync(epochFile(directory, committed + 1))) committed += 1;
    most = Math.max(most, epoch - committed);
  }
  return most;
}

if (kind === 'epochs') {
  const recorder = new Recorder(directory, { icount: 0, timeNs: 0, cpu: 0 }, { recipe: {} });
  const most = ahead(recorder);
  await recorder.finish('power off', () => syntheticState(EPOCHS));
  console.log(most);
} else {
  await record({
    recipe: { ...DEFAULT_RECIPE, image: IMAGE },
    directory,
    detail: 'full',
    until: { icount: 10_000_000 },
  });
  console.log(process.resourceUsage().maxRSS * 1024);
}
