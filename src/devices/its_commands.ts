/**
 * The commands of an ITS (IHI 0069, 5.3). A command whose parameters make no sense is ignored, as is one that does not exist: a choice
 * that the architecture leaves, and QEMU's. One that needs memory where none is stalls the queue.
 */
import { FIRST_LPI, LPI_END, type Lpis } from './gicv3_lpis.ts';
import {
  type DeviceEntry,
  ID_BITS,
  type ItsTables,
  NO_MEMORY,
  type NoMemory,
  type Translation,
} from './its_tables.ts';

export const COMMAND_BYTES = 32;

/** 'stall': memory that the command needs is not there. */
export type CommandResult = 'done' | 'stall';

/** A command's four words of 64 bits. */
type Words = readonly [bigint, bigint, bigint, bigint];

/** An event that is mapped, and where it is delivered. */
interface Found extends Translation {
  readonly entry: DeviceEntry;
  readonly lpis: Lpis;
}

const clear = ({ lpis, intid }: Found): undefined => {
  lpis.setPending(intid, false);
};
const invalidate = ({ lpis }: Found): undefined => {
  lpis.invalidate();
};

const field = (word: bigint, from: number, bits: number): number =>
  Number((word >> BigInt(from)) & ((1n << BigInt(bits)) - 1n));

const deviceOf = ([first]: Words) => field(first, 32, 32);
const eventOf = ([, second]: Words) => field(second, 0, 32);
const collectionOf = ([, , third]: Words) => field(third, 0, 16);
/** GITS_TYPER.PTA is 0: a redistributor is named by the number of its CPU. */
const cpuOf = (word: bigint) => field(word, 16, 16);
const validOf = ([, , third]: Words) => third >> 63n !== 0n;

export class ItsCommands {
  readonly #tables: ItsTables;
  readonly #cpus: readonly Lpis[];
  readonly #commands: ReadonlyMap<number, (words: Words) => CommandResult>;

  constructor(tables: ItsTables, cpus: readonly Lpis[]) {
    this.#tables = tables;
    this.#cpus = cpus;
    this.#commands = new Map<number, (words: Words) => CommandResult>([
      [0x01, (words) => this.#move(words)], // MOVI
      [0x03, (words) => this.signal(deviceOf(words), eventOf(words))], // INT
      [0x04, (words) => this.#onTranslation(words, clear)], // CLEAR
      [0x08, (words) => this.#mapDevice(words)], // MAPD
      [0x09, (words) => this.#mapCollection(words)], // MAPC
      [0x0a, (words) => this.#mapEvent(words, field(words[1], 32, 32))], // MAPTI, once MAPVI
      [0x0b, (words) => this.#mapEvent(words, eventOf(words))], // MAPI
      [0x0c, (words) => this.#onTranslation(words, invalidate)], // INV
      [0x0d, (words) => this.#invalidateAll(words)], // INVALL
      [0x0e, (words) => this.#moveAll(words)], // MOVALL
      [0x0f, (words) => this.#discard(words)], // DISCARD
    ]);
  }

  /** A command as it lies in the queue. SYNC has nothing to wait for. */
  execute(bytes: Buffer): CommandResult {
    const words: Words = [
      bytes.readBigUInt64LE(0),
      bytes.readBigUInt64LE(8),
      bytes.readBigUInt64LE(16),
      bytes.readBigUInt64LE(24),
    ];
    return this.#commands.get(field(words[0], 0, 8))?.(words) ?? 'done';
  }

  /** An event of a device: by command, or by a write of GITS_TRANSLATER. */
  signal(device: number, event: number): CommandResult {
    const found = this.#find(device, event);
    if (found === NO_MEMORY) return 'stall';
    found?.lpis.setPending(found.intid, true);
    return 'done';
  }

  /** The interrupt of an event, and where its collection delivers it; undefined where any of that is not mapped. */
  #find(device: number, event: number): Found | undefined | NoMemory {
    const entry = this.#tables.device(device);
    if (entry === undefined || entry === NO_MEMORY) return entry;
    const translation = this.#tables.translation(entry, event);
    if (translation === undefined || translation === NO_MEMORY) return translation;
    const lpis = this.#collection(translation.collection);
    if (lpis === undefined || lpis === NO_MEMORY) return lpis;
    return { entry, lpis, ...translation };
  }

  #collection(id: number): Lpis | undefined | NoMemory {
    const cpu = this.#tables.collection(id);
    return typeof cpu === 'number' ? this.#cpus[cpu] : cpu;
  }

  #onTranslation(words: Words, effect: (found: Found) => NoMemory | undefined): CommandResult {
    const found = this.#find(deviceOf(words), eventOf(words));
    if (found === NO_MEMORY) return 'stall';
    return found !== undefined && effect(found) === NO_MEMORY ? 'stall' : 'done';
  }

  #mapDevice(words: Words): CommandResult {
    const size = field(words[1], 0, 5);
    if (size >= ID_BITS) return 'done';
    const entry = validOf(words) ? { size, translations: words[2] } : undefined;
    return this.#tables.setDevice(deviceOf(words), entry) === NO_MEMORY ? 'stall' : 'done';
  }

  #mapCollection(words: Words): CommandResult {
    const cpu = cpuOf(words[2]);
    const valid = validOf(words);
    if (valid && cpu >= this.#cpus.length) return 'done';
    const result = this.#tables.setCollection(collectionOf(words), valid ? cpu : undefined);
    return result === NO_MEMORY ? 'stall' : 'done';
  }

  #mapEvent(words: Words, intid: number): CommandResult {
    if (intid < FIRST_LPI || intid >= LPI_END) return 'done';
    const device = this.#tables.device(deviceOf(words));
    if (device === NO_MEMORY) return 'stall';
    if (device === undefined) return 'done';
    const to = { intid, collection: collectionOf(words) };
    return this.#tables.setTranslation(device, eventOf(words), to) === NO_MEMORY ? 'stall' : 'done';
  }

  #discard(words: Words): CommandResult {
    return this.#onTranslation(words, ({ entry, lpis, intid }) => {
      lpis.setPending(intid, false);
      return this.#tables.setTranslation(entry, eventOf(words), undefined);
    });
  }

  /** To another collection, with the pending state. */
  #move(words: Words): CommandResult {
    return this.#onTranslation(words, ({ entry, lpis, intid }) => {
      const collection = collectionOf(words);
      const to = this.#collection(collection);
      if (to === undefined || to === NO_MEMORY) return to;
      lpis.move(intid, to);
      return this.#tables.setTranslation(entry, eventOf(words), { intid, collection });
    });
  }

  #moveAll(words: Words): CommandResult {
    const from = this.#cpus[cpuOf(words[2])];
    const to = this.#cpus[cpuOf(words[3])];
    if (from && to) from.moveAll(to);
    return 'done';
  }

  #invalidateAll(words: Words): CommandResult {
    const lpis = this.#collection(collectionOf(words));
    if (lpis === NO_MEMORY) return 'stall';
    lpis?.invalidate();
    return 'done';
  }
}
