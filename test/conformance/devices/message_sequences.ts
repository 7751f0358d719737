/**
 * Random sequences of messages: commands to the ITS and writes of GITS_TRANSLATER among the accesses to a GICv3, with tables in memory;
 * or writes to GICv2's frame among those to a GICv2. What is left out is in docs/qemu-differences.md.
 */
import { Choices } from '../random/randomness.ts';
import { type Access, GITS, type Step } from './program.ts';
import type { Sequence } from './runs.ts';
import { GICV3_SET_UP, GicV2Accesses, GicV3Accesses, read, write } from './sequences.ts';

/** The tables, far from the program. */
const QUEUE = 0x4200_0000;
const QUEUE_BYTES = 0x1000;
const DEVICES = 0x4201_0000;
const COLLECTIONS = 0x4203_0000;
const CONFIGURATION = 0x4205_0000;
const PENDING = (cpu: number) => 0x4206_0000 + cpu * 0x1_0000;
const TRANSLATIONS = (device: number) => 0x4208_0000 + device * 0x4_0000;
const GICR = (cpu: number) => 0x080a_0000 + cpu * 0x2_0000;
const TRANSLATER = GITS + 0x1_0040;

const FIRST_LPI = 8192;
const LOW = 0xe0e0_e0e0;
const VALID = 1n << 63n;

type Tables = 'flat' | 'indirect';

class MessageAccesses {
  readonly #choices: Choices;
  readonly #cpus: number;
  #writer = 0;

  constructor(choices: Choices, cpus: number) {
    this.#choices = choices;
    this.#cpus = cpus;
  }

  /** Registers, tables, a collection for each CPU that stays mapped, and devices. */
  prologue(tables: Tables): Access[] {
    const indirect = tables === 'indirect';
    const baser = (name: string, offset: number, at: number) => [
      // Pages of 4 KiB, sixteen of them; with two levels the first entries name the pages behind.
      write(`${name}_high`, GITS + offset + 4, indirect ? 0xc000_0000 : 0x8000_0000),
      write(name, GITS + offset, (at | (indirect ? 0 : 15)) >>> 0),
      ...(indirect ? [write('level 1', at, at + 0x1000), write('level 1 high', at + 4, 0x8000_0000)] : []),
    ];
    const redistributors = Array.from({ length: this.#cpus }, (_, cpu) => [
      write('GICR_PROPBASER', GICR(cpu) + 0x70, (CONFIGURATION | 15) >>> 0),
      write('GICR_PENDBASER', GICR(cpu) + 0x78, PENDING(cpu)),
      write('GICR_CTLR', GICR(cpu), 1),
    ]).flat();
    return [
      ...baser('GITS_BASER0', 0x100, DEVICES),
      ...baser('GITS_BASER1', 0x108, COLLECTIONS),
      write('GITS_CBASER_high', GITS + 0x84, 0x8000_0000),
      write('GITS_CBASER', GITS + 0x80, QUEUE),
      write('GITS_CTLR', GITS, 1),
      ...redistributors,
      ...Array.from({ length: 24 }, (_, n) => this.#configure(n)),
      ...Array.from({ length: this.#cpus }, (_, cpu) => this.#mapCollection(cpu, cpu, true)),
      this.#mapCollection(2, 0, true),
      this.#mapCollection(3, this.#cpus - 1, true),
      ...[0, 1, 2].map((device) => this.#mapDevice(device, 3, true)),
      this.#mapDevice(3, 13, true),
      ...[0, 1, 2].flatMap((device) => [0, 1, 2, 3].map((event) => this.#mapEvent(device, event))),
      ...this.#invalidateAll(),
    ];
  }

  /** One thing that software does with messages; several accesses where they belong together. */
  some(): Access[] {
    const { below, of, oneIn } = this.#bound;
    const device = below(4);
    // Some that the device has no room for.
    const event = device === 3 ? FIRST_LPI + below(12) : below(oneIn(6) ? 20 : 4);
    switch (below(20)) {
      case 0:
      case 1:
      case 2:
        return [this.#mapEvent(device, event)];
      case 3:
        return [this.#command('MAPI', [this.#id(0x0b, 3), this.#event(event, 0), BigInt(below(4))])];
      case 4:
      case 5:
      case 6:
      case 7:
        return [this.#command('INT', [this.#id(0x03, device), this.#event(event, 0)])];
      case 8:
      case 9:
        return [write('GITS_TRANSLATER', TRANSLATER, below(12))];
      case 10:
        return [this.#command('CLEAR', [this.#id(0x04, device), this.#event(event, 0)])];
      case 11:
        return [this.#command('DISCARD', [this.#id(0x0f, device), this.#event(event, 0)])];
      case 12:
        return [this.#command('MOVI', [this.#id(0x01, device), this.#event(event, 0), BigInt(below(4))])];
      case 13: {
        const [from, to] = [BigInt(below(this.#cpus)) << 16n, BigInt(below(this.#cpus)) << 16n];
        return [this.#command('MOVALL', [0x0en, 0n, from, to])];
      }
      case 14:
        // The ITS on, so that it invalidates before anything else happens.
        return [write('GITS_CTLR', GITS, 1), this.#configure(below(24)), ...this.#invalidateAll()];
      case 15:
        return oneIn(3)
          ? [this.#mapDevice(device, device === 3 ? 13 : below(4), !oneIn(3))]
          : [this.#mapCollection(2 + below(2), below(this.#cpus + 1), !oneIn(3))];
      case 16:
        return [this.#command('SYNC, or none', [of([0x05n, 0x00n, 0x2an, 0xffn]), 0n, 0n])];
      case 17: {
        // Off and on: the pending table is as it was left. Off: messages are lost.
        const cpu = below(this.#cpus);
        return [write('GICR_CTLR', GICR(cpu), oneIn(6) ? 0 : 1)];
      }
      case 18:
        return [
          write('GITS_CTLR', GITS, oneIn(6) ? 0 : 1),
          ...(oneIn(2) ? [write('GITS_CTLR', GITS, 1)] : []),
        ];
      default:
        return [
          of([
            read('pending table', PENDING(below(this.#cpus)) + FIRST_LPI / 8 + 4 * below(1)),
            read('GITS_CTLR', GITS),
            read('GITS_TYPER', GITS + 8),
            read('GITS_CBASER', GITS + 0x80),
            read('GITS_CWRITER', GITS + 0x88),
            read('GITS_BASER0_high', GITS + 0x104),
            read('GITS_BASER1', GITS + 0x108),
            read('GITS_BASER2', GITS + 0x110),
            read('GITS_TRANSLATER', TRANSLATER),
            read('GICR_CTLR', GICR(0)),
            read('GICR_PENDBASER', GICR(0) + 0x78),
          ]),
        ];
    }
  }

  get #bound() {
    const choices = this.#choices;
    return {
      below: (n: number) => choices.below(n),
      oneIn: (n: number) => choices.oneIn(n),
      of: <T>(among: readonly T[]) => choices.of(among),
    };
  }

  #lpi(): number {
    return FIRST_LPI + this.#choices.below(24);
  }
  #id(command: number, device: number): bigint {
    return (BigInt(device) << 32n) | BigInt(command);
  }
  #event(event: number, intid: number): bigint {
    return (BigInt(intid) << 32n) | BigInt(event);
  }

  #mapEvent(device: number, event: number): Access {
    const words = [this.#id(0x0a, device), this.#event(event, this.#lpi()), BigInt(this.#choices.below(4))];
    return this.#command('MAPTI', words);
  }

  #mapDevice(device: number, size: number, valid: boolean): Access {
    const table = BigInt(TRANSLATIONS(device)) | (valid ? VALID : 0n);
    return this.#command('MAPD', [this.#id(0x08, device), BigInt(size), table]);
  }

  #mapCollection(collection: number, cpu: number, valid: boolean): Access {
    const to = (BigInt(cpu) << 16n) | BigInt(collection) | (valid ? VALID : 0n);
    return this.#command('MAPC', [0x09n, 0n, to]);
  }

  #configure(lpi: number): Access {
    const { below, of, oneIn } = this.#bound;
    const priority = of([0, 0x20, 0x40, 0x80, 0xa0, below(32) << 3]);
    return write(
      `configuration of ${FIRST_LPI + lpi}`,
      CONFIGURATION + lpi,
      priority | (oneIn(4) ? 0 : 1),
      1,
    );
  }

  /** The collections of all CPUs at once: QEMU's INVALL is for all of them. */
  #invalidateAll(): Access[] {
    const words = Array.from({ length: this.#cpus }, (_, cpu) => [0x0dn, 0n, BigInt(cpu), 0n]).flat();
    const first = this.#writer + 8 * words.length > QUEUE_BYTES ? [this.#command('SYNC', [0x05n])] : [];
    return [...first, this.#command('INVALL', words)];
  }

  #command(name: string, words: readonly bigint[]): Access {
    const at = QUEUE + this.#writer;
    const all = [...words, ...Array.from({ length: -words.length & 3 }, () => 0n)];
    this.#writer = (this.#writer + 8 * all.length) % QUEUE_BYTES;
    return { kind: 'command', name, words: all, at, writer: this.#writer };
  }
}

/** LPIs, and everything else that a physical interface does. */
export function lpiSequence(options: { seed: number; cpus: 1 | 2; length: number }): Sequence {
  const { seed, cpus, length } = options;
  const choices = new Choices(seed);
  const gic = new GicV3Accesses(choices, cpus);
  const messages = new MessageAccesses(choices, cpus);
  const steps: Step[] = [];
  for (let cpu = 0; cpu < cpus; cpu++)
    steps.push(
      ...gic.prologue('physical', cpu).map((access) => ({ cpu, access })),
      // The other interrupts shall not hide the LPIs: none has the highest priority, as at reset.
      ...Array.from({ length: 8 }, (_, n) =>
        write(`GICR_IPRIORITYR${n}`, GICR(cpu) + 0x1_0400 + 4 * n, LOW),
      ).map((access) => ({ cpu, access })),
      ...Array.from({ length: 4 }, (_, n) => write(`GICD_IPRIORITYR${8 + n}`, 0x0800_0420 + 4 * n, LOW)).map(
        (access) => ({ cpu, access }),
      ),
    );
  steps.push(...messages.prologue(choices.of(['flat', 'indirect'])).map((access) => ({ cpu: 0, access })));
  while (steps.length < length) {
    const cpu = choices.below(cpus);
    const some = choices.oneIn(2)
      ? messages.some()
      : choices.oneIn(4)
        ? [gic.physical(cpu)]
        : [choices.oneIn(3) ? gic.end('physical', 2) : gic.acknowledge('physical', 2)];
    steps.push(...some.map((access) => ({ cpu, access })));
  }
  return { gic: 3, cpus, steps, setUp: GICV3_SET_UP };
}

const V2M = 0x0802_0000;
const V2M_SPIS = [80, 81, 90, 111];

/** Messages to GICv2's frame. */
export function v2mSequence({ seed, length }: { seed: number; length: number }): Sequence {
  const choices = new Choices(seed);
  const gic = new GicV2Accesses(choices, 1);
  const GICD = 0x0800_0000;
  const set = V2M_SPIS.map((intid) => 2 ** (intid & 31));
  const word = (intid: number) => 4 * (intid >>> 5);
  const bit = (n: number) => set[n];
  const some = (): Access => {
    const n = choices.below(V2M_SPIS.length);
    const intid = V2M_SPIS[n];
    switch (choices.below(8)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return write('MSI_SETSPI_NS', V2M + 0x40, choices.oneIn(6) ? choices.of([79, 144, 33, 1023]) : intid);
      case 4:
        return read(`GICD_ISPENDR${intid >>> 5}`, GICD + 0x200 + word(intid));
      case 5:
        return write(`GICD_IPRIORITYR[${intid}]`, GICD + 0x400 + intid, choices.below(16) << 4, 1);
      case 6:
        return write(
          `GICD_${choices.oneIn(3) ? 'ICENABLER' : 'ISENABLER'}${intid >>> 5}`,
          GICD + (choices.oneIn(3) ? 0x180 : 0x100) + word(intid),
          bit(n),
        );
      default:
        return choices.of([
          read('MSI_TYPER', V2M + 8),
          read('MSI_IIDR', V2M + 0xfcc),
          read('MSI_SETSPI_NS', V2M + 0x40),
        ]);
    }
  };
  const steps: Step[] = gic.prologue('physical', 0).map((access) => ({ cpu: 0, access }));
  V2M_SPIS.forEach((intid, n) => {
    // Edges, but for the last one: a message leaves no trace at a level.
    const at = GICD + 0xc00 + 4 * (intid >>> 4);
    if (n < 3)
      steps.push({
        cpu: 0,
        access: write(
          `GICD_ICFGR${intid >>> 4}`,
          at,
          intid === 80 || intid === 81 ? 0xa : 2 << (2 * (intid & 15)),
        ),
      });
    steps.push({ cpu: 0, access: write(`GICD_ITARGETSR[${intid}]`, GICD + 0x800 + intid, 1, 1) });
    steps.push({ cpu: 0, access: write(`GICD_ISENABLER${intid >>> 5}`, GICD + 0x100 + word(intid), bit(n)) });
  });
  while (steps.length < length) steps.push({ cpu: 0, access: choices.oneIn(2) ? gic.physical(0) : some() });
  return { gic: 2, cpus: 1, steps, setUp: [] };
}
