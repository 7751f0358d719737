/**
 * Records a machine: runs it packet by packet and hands packets, events, checkpoints and the state hash to the Recorder.
 */
import { createHash, type Hash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parseElf } from '../machine/elf.ts';
import { type FileReader, readInputFile } from '../machine/input_file.ts';
import { type EngineName, Machine } from '../machine/machine.ts';
import { PAGE_SIZE } from '../machine/memory.ts';
import type { Recipe, StopReason } from '../machine/recipe.ts';
import { type PacketStart, RunLoop } from '../machine/run_loop.ts';
import { saveMachine } from '../machine/snapshot.ts';
import type { Detail } from '../translate/detail.ts';
import { records } from '../translate/detail.ts';
import type { BackgroundTranslator } from '../translate/region/translator_thread.ts';
import { type DiskSource, hostDisks } from './disk_images.ts';
import { PAGES_PER_GROUP, type PackedSection, packedCheckpoint, packPageGroup } from './encode/checkpoint.ts';
import { feedInput, type InputSource, RecordedInput } from './input_source.ts';
import { MachineStamp, PacketEvents } from './packet_events.ts';
import { type EpochState, Recorder } from './recorder.ts';
import type { Recording } from './recording.ts';
import { restoreCheckpoint } from './restore.ts';
import { type WallClockPace, waitForInput } from './wall_clock_pace.ts';
import type { WriterThread } from './writer_thread.ts';

/** When to stop, beyond the guest's own end. */
export interface Until {
  /** Instructions attempted. */
  readonly icount?: number;
  /** Virtual time in ns. */
  readonly timeNs?: number;
  /** Text on the console. */
  readonly console?: string;
}

export interface Progress {
  readonly icount: number;
  readonly timeNs: number;
}

export interface RecordOptions {
  readonly recipe: Recipe;
  /** Where the bytes of the recipe's files come from; the file system when absent. */
  readonly readFile?: FileReader;
  /** Where the images of its drives come from; the file system when absent. */
  readonly disks?: DiskSource;
  readonly engine?: EngineName;
  /** Translates hot code in the background: `MachineOptions.translator`. */
  readonly translator?: BackgroundTranslator;
  readonly directory: string;
  /** Started for the directory already, for a recording from reset; one is started where it is absent. */
  readonly writer?: WriterThread;
  readonly detail: Exclude<Detail, 'none'>;
  readonly until?: Until;
  /** Begins not at reset but at an instruction of another recording of the same recipe: a window of it. */
  readonly from?: { readonly recording: Recording; readonly icount: number };
  readonly input?: InputSource;
  /** Waits take the time that they take the guest: for somebody at a terminal. */
  readonly pace?: WallClockPace;
  readonly onConsole?: (byte: number) => void;
  /** Asked between packets: what to wait for before the guest may print more; undefined where nothing is to be waited for. */
  readonly outputCaughtUp?: () => Promise<unknown> | undefined;
  /** Called some times a second. */
  readonly onProgress?: (progress: Progress) => void;
  /** The guest has stopped; what follows is compressing and writing. */
  readonly onGuestStopped?: () => void;
  /** Ends the recording cleanly, reason `interrupted`. */
  readonly signal?: AbortSignal;
  readonly host?: { readonly [name: string]: unknown };
}

export type EndReason = StopReason | 'interrupted';

export interface RecordSummary {
  readonly reason: EndReason;
  readonly exitStatus: number;
  readonly icount: number;
  readonly timeNs: number;
  /** Hash of the chain of state hashes at the end. */
  readonly stateHash: string;
}

/** Signals and timers have their turn behind so many instructions, or packets: an exception makes two. */
const INSTRUCTIONS_PER_TURN = 2 ** 22;
const PACKETS_PER_TURN = 2 ** 12;

/** Records until the guest or the user ends it. Throws UserError for bad images, full disks and the like. */
export async function record(options: RecordOptions): Promise<RecordSummary> {
  const session = new RecordingSession(options);
  return session.run();
}

class RecordingSession {
  readonly #options: RecordOptions;
  readonly #machine: Machine;
  readonly #loop: RunLoop;
  readonly #recorder: Recorder;
  #stateHash = '';
  readonly #events: PacketEvents;
  /** The end of the console, as long as the text that is waited for. */
  #consoleTail = '';
  #consoleSeen = false;

  constructor(options: RecordOptions) {
    this.#options = options;
    let recorder: Recorder | undefined;
    let sink: PacketEvents | undefined;
    const files = new Map<string, Uint8Array>();
    const readFile = (path: string) => {
      const bytes = files.get(path) ?? options.readFile?.(path) ?? readInputFile(path, true);
      files.set(path, bytes);
      return bytes;
    };
    // The machine does not read them: they are kept with the recording.
    for (const path of options.recipe.symbols ?? []) parseElf(readFile(path), path);
    this.#machine = new Machine({
      recipe: options.recipe,
      engine: options.engine,
      translator: options.translator,
      readFile,
      openDisk: (path) => {
        const disk = (options.disks ?? hostDisks)(path);
        files.set(disk.name, disk.stored);
        return disk.file;
      },
      detail: options.detail,
      onConsole: (byte) => this.#onConsole(byte),
      events: (time, currentCpu) => {
        recorder = new Recorder(options.directory, new MachineStamp(time, currentCpu), {
          recipe: { ...options.recipe, detail: options.detail },
          firstIcount: options.from?.icount ?? 0,
          writer: options.writer,
        });
        recorder.storeFiles(files);
        sink = new PacketEvents(recorder, options.from === undefined, () => this.#machine.endPacket());
        return sink;
      },
    });
    this.#recorder = recorder!;
    this.#recorder.takePacketsFrom(this.#machine.buffers.memory);
    this.#events = sink!;
    this.#loop = new RunLoop(this.#machine);
  }

  async run(): Promise<RecordSummary> {
    try {
      if (this.#options.from) this.#reach(this.#options.from);
      const reason = await this.#packets();
      this.#options.onGuestStopped?.();
      // This thread has nothing else to do, and the writer's has.
      await this.#recorder.finish(reason, () => this.#epochState(true), this.#options.host ?? {});
      const { time, exitStatus } = this.#machine;
      return { reason, exitStatus, icount: time.icount, timeNs: time.now(), stateHash: this.#stateHash };
    } catch (error) {
      await this.#recorder.abandon();
      throw error;
    }
  }

  /** Brings the machine to the beginning of a window, which starts with a checkpoint of its own. */
  #reach({ recording, icount }: NonNullable<RecordOptions['from']>): void {
    const machine = this.#machine;
    const input = this.#options.input;
    const checkpoint = recording.checkpoints().findLastIndex((mark) => mark.icount <= icount);
    if (checkpoint >= 0) restoreCheckpoint(machine, recording, checkpoint);
    if (input instanceof RecordedInput) input.seek(machine.time.icount);
    for (;;) {
      if (input) feedInput(machine, input);
      if (this.#loop.settle() !== undefined || machine.time.icount >= icount) break;
      const limit = input instanceof RecordedInput ? Math.min(icount, input.nextIcount) : icount;
      this.#loop.runPacket(this.#loop.beginPacket(), limit);
    }
    machine.code.forget();
    machine.storage.markAllDirty();
    this.#events.recording = true;
    // What need not be recorded has ways through translated code that make no rows.
    machine.reload();
    this.#recorder.closeEpoch(() => this.#epochState(false));
  }

  async #packets(): Promise<EndReason> {
    const { signal, until = {}, onProgress, outputCaughtUp, input, pace } = this.#options;
    const machine = this.#machine;
    const limit = until.icount ?? Number.POSITIVE_INFINITY;
    let turn = { packets: 0, icount: machine.time.icount };
    for (;;) {
      if (input) {
        const payload = feedInput(machine, input);
        if (payload.length > 0) this.#recorder.append('inputs', { kind: 'console', payload });
      }
      const before = this.#loop.settle();
      if (before === 'idle' && input && (await input.more(signal))) continue;
      if (before) return signal?.aborted ? 'interrupted' : before;
      if (machine.time.icount < limit) {
        const seq = this.#recorder.beginPacket();
        const start = this.#loop.beginPacket();
        this.#events.begin();
        const next = input instanceof RecordedInput ? input.nextIcount : Number.POSITIVE_INFINITY;
        const to = Math.min(limit, next);
        const stop = pace ? await this.#runAtPace(pace, start, to) : this.#loop.runPacket(start, to);
        this.#addPacket(seq, start);
        // An input may still wake a machine that waits.
        if (stop && stop !== 'ahead' && !(stop === 'idle' && input)) return stop;
      }
      if (
        machine.time.icount >= limit ||
        machine.time.now() >= (until.timeNs ?? Infinity) ||
        this.#consoleSeen
      )
        return 'limit';
      if (this.#recorder.epochIsFull) this.#recorder.closeEpoch(() => this.#epochState(false));
      const output = outputCaughtUp?.();
      if (output) await output;
      turn.packets += 1;
      const { icount } = machine.time;
      if (turn.packets >= PACKETS_PER_TURN || icount - turn.icount >= INSTRUCTIONS_PER_TURN) {
        turn = { packets: 0, icount };
        onProgress?.({ icount, timeNs: machine.time.now() });
        await nextTurn();
      }
      if (signal?.aborted) return 'interrupted';
    }
  }

  /** 'ahead': an input arrived, or the user ended it, while the guest waited in the middle of the packet. */
  async #runAtPace(
    pace: WallClockPace,
    start: PacketStart,
    limit: number,
  ): Promise<StopReason | 'ahead' | undefined> {
    const { input, signal } = this.#options;
    const machine = this.#machine;
    const { time } = machine;
    for (;;) {
      const stop = this.#loop.runPacket(start, limit, () => pace.ahead(time.now()) > 0);
      if (stop !== 'ahead') return stop;
      // While the guest has no room for what was typed, only the clock ends its wait.
      const source = machine.canReceive() ? input : undefined;
      await waitForInput(pace.ahead(time.now()), source, signal);
      if (source?.peek(time.icount) !== undefined || signal?.aborted) return stop;
    }
  }

  #addPacket(seq: number, start: PacketStart): void {
    const { buffers, time } = this.#machine;
    const { detail } = this.#options;
    const memory = records(detail, 'memory');
    const full = records(detail, 'full');
    const { icount, timeNs, cpu, pc, el, regime, vmid, asid } = start;
    this.#recorder.addPacket({
      seq,
      icount,
      timeNs,
      cpu,
      pc,
      el,
      regime,
      vmid,
      asid,
      instructions: time.icount - icount,
      atoms: buffers.atoms,
      targets: buffers.targets,
      addresses: memory ? buffers.addresses : undefined,
      registers: full ? buffers.registers : undefined,
      memory: full ? buffers.values : undefined,
    });
  }

  #onConsole(byte: number): void {
    const text = this.#options.until?.console;
    if (text !== undefined) {
      this.#consoleTail = (this.#consoleTail + String.fromCharCode(byte)).slice(-text.length);
      if (this.#consoleTail === text) this.#consoleSeen = true;
    }
    this.#options.onConsole?.(byte);
  }

  /**
   * The state at the end of an epoch: a checkpoint of what changed, and the next link of the hash chain. `pack`: compressed, which the
   * writer's thread does otherwise.
   */
  #epochState(pack: boolean): EpochState {
    const machine = this.#machine;
    const sections = saveMachine(machine);
    const hash = createHash('sha256').update(this.#stateHash);
    for (const [name, bytes] of Object.entries(sections)) hashPart(hash, name, bytes);
    const { memory } = machine;
    const pages = machine.storage
      .takeDirtyPages()
      .map((offset) => ({
        pa: memory.slotPages[offset / PAGE_SIZE],
        content: memory.u8.subarray(offset, offset + PAGE_SIZE),
      }))
      .concat(machine.storage.takeDirtyDiskBlocks())
      .sort((a, b) => a.pa - b.pa);
    const pageAddresses = BigUint64Array.from(pages, ({ pa }) => BigInt(pa));
    hashPart(hash, 'page addresses', new Uint8Array(pageAddresses.buffer));
    hash.update(`pages ${pages.length * PAGE_SIZE}\n`);
    const pageGroups: Uint8Array[] = [];
    const packed: PackedSection[] = [];
    let group = new Uint8Array(PAGES_PER_GROUP * PAGE_SIZE);
    for (let first = 0; first < pages.length; first += PAGES_PER_GROUP) {
      const count = Math.min(PAGES_PER_GROUP, pages.length - first);
      for (let i = 0; i < count; i++) group.set(pages[first + i].content, i * PAGE_SIZE);
      const contents = group.subarray(0, count * PAGE_SIZE);
      hash.update(contents);
      if (pack) {
        packed.push(packPageGroup(packed.length, contents));
      } else {
        pageGroups.push(contents);
        group = new Uint8Array(PAGES_PER_GROUP * PAGE_SIZE);
      }
    }
    this.#stateHash = hash.digest('hex');
    const state = { sections, pageAddresses };
    const checkpoint = pack ? packedCheckpoint(state, packed) : { ...state, pageGroups };
    return { stateHash: this.#stateHash, checkpoint };
  }
}

function hashPart(hash: Hash, name: string, bytes: Uint8Array): void {
  hash.update(`${name} ${bytes.length}\n`).update(bytes);
}
