/** The worker thread that encodes, compresses and writes while the guest runs on. */
import { parentPort, workerData } from 'node:worker_threads';
import type { ChunkFacts } from './rows/chunk.ts';
import { type EpochEnd, type NamedFile, type Recipe, type RecordingEnd, Writer } from './writer.ts';
import { type ChannelParts, WriterChannel } from './writer_channel.ts';

export type WriterMessage =
  | {
      readonly kind: 'files';
      readonly recipe: Recipe;
      readonly files: readonly NamedFile[];
    }
  | {
      readonly kind: 'packets';
      readonly slot: number;
      /** Where they are in the memory. */
      readonly start: number;
      readonly bytes: number;
      /** The slot may be refilled. */
      readonly all: boolean;
    }
  | { readonly kind: 'end of packets' }
  | { readonly kind: 'rows'; readonly chunk: ChunkFacts }
  | { readonly kind: 'end of rows' }
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

/** What waits for the disk goes on behind the messages that follow. */
function handle(message: WriterMessage): Promise<unknown> | undefined {
  switch (message.kind) {
    case 'files':
      return writer.storeFiles(message.recipe, message.files);
    case 'packets':
      writer.addPackets(message.start, message.bytes);
      if (message.all) channel.releaseSlot(message.slot);
      return undefined;
    case 'end of packets':
      writer.endPackets();
      return undefined;
    case 'rows':
      writer.addRows(message.chunk);
      channel.releaseChunk(message.chunk.table, message.chunk.half);
      return undefined;
    case 'end of rows':
      writer.endRows();
      return undefined;
    case 'epoch': {
      const committed = writer.closeEpoch(message.end);
      channel.removeOutstanding(message.bytes);
      return committed.then(() => channel.epochCommitted());
    }
    case 'finish':
      return writer.finish(message.end).then(() => channel.finished());
  }
}

/** After an error nothing more is written: the recorder hears of it at its next call. */
let failing = false;
async function fail(error: unknown): Promise<void> {
  if (failing) return;
  failing = true;
  channel.fail(await writer.failure(error));
}

parentPort!.on('message', (message: WriterMessage) => {
  if (failing) return;
  try {
    handle(message)?.catch(fail);
  } catch (error) {
    fail(error);
  }
});
