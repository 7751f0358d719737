/** The worker thread that encodes, compresses and writes while the guest runs on. */
import { parentPort, workerData } from 'node:worker_threads';
import { type EpochEnd, type RecordingEnd, Writer } from './writer.ts';
import { type ChannelParts, SLOT_BYTES, WriterChannel } from './writer_channel.ts';

export type WriterMessage =
  | { readonly kind: 'slot'; readonly slot: number; readonly bytes: number }
  | { readonly kind: 'epoch'; readonly end: EpochEnd; readonly bytes: number }
  | { readonly kind: 'finish'; readonly end: RecordingEnd };

export interface WriterSetup {
  readonly directory: string;
  readonly firstIcount: number;
  readonly channel: ChannelParts;
}

const { directory, firstIcount, channel: parts } = workerData as WriterSetup;
const channel = new WriterChannel(parts);
const writer = new Writer(directory, firstIcount, channel.memory);

function handle(message: WriterMessage): void {
  switch (message.kind) {
    case 'slot':
      writer.addPackets(message.slot * SLOT_BYTES, message.bytes);
      channel.releaseSlot(message.slot);
      return;
    case 'epoch':
      writer.closeEpoch(message.end);
      channel.removeOutstanding(message.bytes);
      return;
    case 'finish':
      writer.finish(message.end);
      channel.finished();
  }
}

parentPort!.on('message', (message: WriterMessage) => {
  // After an error nothing more is written: the recorder hears of it at its next call.
  if (channel.failed) return;
  try {
    handle(message);
  } catch (error) {
    channel.fail(error);
  }
});
