/** The way of a machine's events into a recording. Both are asked at every event: V8 sees through getters of a class, but not of a literal. */
import type { Clock } from '../machine/device.ts';
import type { Recorder } from './recorder.ts';
import type { Stamp } from './rows/event_rows.ts';
import type { EventSink, EventTable, RowOf } from './schema.ts';

/**
 * A packet ends early with so many events: some instructions, such as a command to a device, make a hundred thousand each. Epochs end
 * between packets only, and their events are held in memory.
 */
const PACKET_ROWS = 2 ** 20;

/** The present as the machine's clock has it. */
export class MachineStamp implements Stamp {
  readonly #time: Clock & { readonly icount: number };
  readonly #currentCpu: () => number;

  constructor(time: Clock & { readonly icount: number }, currentCpu: () => number) {
    this.#time = time;
    this.#currentCpu = currentCpu;
  }

  get icount(): number {
    return this.#time.icount;
  }
  get timeNs(): number {
    return this.#time.now();
  }
  get cpu(): number {
    return this.#currentCpu();
  }
}

export class PacketEvents implements EventSink {
  /** Not so while a window's beginning is being reached. */
  recording: boolean;
  readonly #recorder: Recorder;
  /** Called when the packet has as many events as one may hold. */
  readonly #onMost: () => void;
  /** Of the packet under way. */
  #rows = 0;

  constructor(recorder: Recorder, recording: boolean, onMost: () => void) {
    this.#recorder = recorder;
    this.recording = recording;
    this.#onMost = onMost;
  }

  /** A packet begins. */
  begin(): void {
    this.#rows = 0;
  }

  append<T extends EventTable>(table: T, row: RowOf<T>): number {
    if (!this.recording) return 0;
    this.#rows += 1;
    if (this.#rows === PACKET_ROWS) this.#onMost();
    return this.#recorder.append(table, row);
  }
}
