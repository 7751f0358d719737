/** Records until it is killed, for the tests of what a killed recording leaves: `node endless_recording.ts DIRECTORY [large]`. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Recorder } from '../../src/trace/recorder.ts';
import { randomNumbers, syntheticState } from './synthetic.ts';

const [directory, size] = process.argv.slice(2);
const stamp = { icount: 0, timeNs: 0, cpu: 0 };
const random = randomNumbers(1);
let told = false;
try {
  const recorder = new Recorder(directory, stamp, { recipe: {} });
  for (let epoch = 1; ; epoch++) {
    // Random bytes do not compress: the second epoch is larger than the limit of the test.
    const rows = size === 'large' && epoch > 1 ? 40_000 : 300;
    for (let row = 0; row < rows; row++)
      recorder.append('tlbi', {
        pc: BigInt(random(2 ** 32)),
        op: 'TLBI VAE1',
        argument: BigInt(random(2 ** 32)),
        vmid: 0,
        asid: 0,
        el: 1,
      });
    recorder.closeEpoch(() => syntheticState(epoch));
    if (!told && existsSync(join(directory, 'epochs/000001.json'))) {
      told = true;
      process.send?.('committed');
      await new Promise(setImmediate);
    }
  }
} catch (error) {
  console.error((error as Error).message);
  process.exit(2);
}
