/** What came from outside while a recording was made, to be given again. */
import { RecordedInput } from '../trace/input_source.ts';
import type { Recording } from '../trace/recording.ts';

export function recordedInput(recording: Recording): RecordedInput {
  const inputs: { icount: number; payload: Uint8Array }[] = [];
  for (const batch of recording.batches('inputs', ['icount', 'payload'])) {
    const { icount, payload } = batch.columns;
    const offsets = payload.offsets!;
    for (let row = 0; row < batch.rows; row++)
      inputs.push({
        icount: Number((icount.values as BigUint64Array)[row]),
        payload: (payload.values as Uint8Array).slice(offsets[row], offsets[row + 1]),
      });
  }
  return new RecordedInput(inputs);
}
