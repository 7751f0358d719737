/** Puts a machine of the same recipe into the state of a checkpoint. */
import type { Machine } from '../machine/machine.ts';
import { restoreMachine } from '../machine/snapshot.ts';
import type { Recording } from './recording.ts';

/** `index` counts `recording.checkpoints()`. */
export function restoreCheckpoint(machine: Machine, recording: Recording, index: number): void {
  const { sections, pages } = recording.loadCheckpoint(index);
  machine.stopped = undefined;
  machine.storage.restore(pages());
  restoreMachine(machine, Object.fromEntries(sections));
}
