/**
 * A recording without a machine: a program of random branches whose outcomes, exceptions and interrupts a seeded generator
 * draws, and beside it what the decoder has to find.
 */

import type { Regime } from '../../src/trace/raw_packet.ts';
import { Recorder } from '../../src/trace/recorder.ts';
import type { Stamp } from '../../src/trace/rows/event_rows.ts';
import { holding, packetMemory } from '../machine/filled.ts';

/** mulberry32: the same numbers for the same seed, everywhere. */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const NOP = 0xd503201f;
const LDR = 0xf9400020; // ldr x0, [x1]
const SVC = 0xd4000001;
const HVC = 0xd4000002;
const ERET = 0xd69f03e0;
const RET = 0xd65f03c0;
const BR = 0xd61f0220;
const branch = (displacement: number) => (0x14000000 | (displacement & 0x3ffffff)) >>> 0;
const branchConditional = (displacement: number) => (0x54000001 | ((displacement & 0x7ffff) << 5)) >>> 0;
const testAndBranch = (displacement: number) => (0x37000000 | ((displacement & 0x3fff) << 5)) >>> 0;
const compareAndBranch = (displacement: number) => (0xb4000000 | ((displacement & 0x7ffff) << 5)) >>> 0;

export interface Attempted {
  readonly icount: number;
  readonly cpu: number;
  readonly pc: bigint;
  readonly pa: bigint | null;
  readonly opcode: number | null;
  readonly el: number;
  readonly regime: string;
  /** Physical addresses that it accessed. */
  readonly addresses: readonly bigint[];
}

/** One space of code: PAGES pages at consecutive virtual addresses, from physical pages that are not consecutive. */
const PAGES = 3;
interface Space {
  readonly regime: Regime;
  readonly base: bigint;
  readonly pas: readonly number[];
  readonly words: Uint32Array;
}

function space(random: (below: number) => number, regime: Regime, base: bigint, paBase: number): Space {
  const size = PAGES * 1024;
  const words = Uint32Array.from({ length: size }, (_, i) => {
    // Branches stay within the space.
    const displacement = random(size) - i;
    const near = Math.max(-i, Math.min(size - 1 - i, random(40) - 20));
    return [
      NOP,
      NOP,
      NOP,
      LDR,
      LDR,
      branch(displacement),
      branchConditional(near),
      testAndBranch(near),
      compareAndBranch(displacement),
      RET,
      BR,
      regime === 'EL2' ? ERET : HVC,
      SVC,
    ][random(13)];
  });
  // The last instruction must not run on.
  words[size - 1] = branch(-5);
  return { regime, base, pas: [0, 1, 2].map((n) => paBase + ((n * 2) % PAGES) * 0x1000), words };
}

export interface SyntheticOptions {
  readonly instructions: number;
  readonly seed: number;
  readonly cpus?: number;
  readonly epochs?: number;
  readonly detail?: 'flow' | 'memory';
}

export interface Synthetic {
  readonly instructions: readonly Attempted[];
  /** Exceptions from the guest to EL2, in order: what the CPU executed until it returned; undefined if it did not. */
  readonly exits: readonly { cpu: number; icount: number; cost: number | undefined }[];
  /** Rows appended, by table. */
  readonly rows: { readonly [table: string]: number };
}

interface Cpu {
  space: Space;
  index: number;
  el: number;
  /** The exit it is in, and what it executed at EL2 since. */
  exit?: { cpu: number; icount: number; cost: number | undefined } | undefined;
  atEl2: number;
  /** Where ERET goes. */
  saved: { index: number; el: number };
}

/** Records a random execution of a hypervisor (EL2) and its guest (EL1, EL0) into `directory`, and tells what it was. */
export async function recordSynthetic(directory: string, options: SyntheticOptions): Promise<Synthetic> {
  const { instructions, seed, cpus = 1, epochs = 3, detail = 'memory' } = options;
  const random = randomNumbers(seed);
  const guest = space(random, 'EL10', 0xffff_8000_0800_0000n, 0x4100_0000);
  const hypervisor = space(random, 'EL2', 0x4020_0000n, 0x4020_0000);
  const stamp: Stamp = { icount: 0, timeNs: 0, cpu: 0 };
  const recorder = new Recorder(directory, stamp, {
    recipe: { machine: 'synthetic', seed },
  });
  recorder.takePacketsFrom(packetMemory);
  const rows: { [table: string]: number } = {};
  const count = (table: string) => (rows[table] = (rows[table] ?? 0) + 1);
  const attempted: Attempted[] = [];
  const exits: { cpu: number; icount: number; cost: number | undefined }[] = [];
  const fetched = new Set<string>();
  const coded = new Set<number>();
  const states = Array.from(
    { length: cpus },
    (): Cpu => ({ space: hypervisor, index: 0, el: 2, atEl2: 0, saved: { index: 0, el: 1 } }),
  );

  const fetch = (cpu: number, { regime, base, pas, words }: Space, page: number) => {
    if (!coded.has(pas[page])) {
      coded.add(pas[page]);
      const content = new Uint8Array(words.slice(1024 * page, 1024 * (page + 1)).buffer);
      recorder.append('code', { pa_page: pas[page], version: 0, content });
      count('code');
    }
    const key = `${cpu} ${regime} ${page}`;
    if (fetched.has(key)) return;
    fetched.add(key);
    recorder.append('fetch', {
      regime,
      vmid: regime === 'EL2' ? 0 : 7,
      asid: 0,
      va_page: base + BigInt(4096 * page),
      pa_page: pas[page],
      version: 0,
    });
    count('fetch');
  };

  for (let done = 0, epoch = 1; done < instructions; ) {
    stamp.cpu = random(cpus);
    const cpu = states[stamp.cpu];
    const addressOf = (s: Space, index: number) => s.base + BigInt(4 * index);
    const start = {
      icount: stamp.icount,
      timeNs: stamp.timeNs,
      pc: BigUint64Array.of(addressOf(cpu.space, cpu.index)),
      el: cpu.el,
    };
    const { space: where } = cpu;
    const { regime } = where;
    const atoms: number[] = [];
    const targets: bigint[] = [];
    const addresses: bigint[] = [];
    const seq = recorder.beginPacket();
    const enter = (kind: string, ec: number, toEl: number, target: number) => {
      const to = toEl === 2 ? hypervisor : guest;
      recorder.append('exceptions', {
        kind,
        from_el: cpu.el,
        to_el: toEl,
        pc: addressOf(cpu.space, cpu.index),
        target: addressOf(to, target),
        esr: ec * 2 ** 26,
        ec,
        accesses: 0,
        iss: 0,
        ...(ec === 0x20 && { far: addressOf(cpu.space, cpu.index) }),
        spsr: cpu.el === 2 ? 0x3c9 : cpu.el === 1 ? 0x3c5 : 0x3c0,
        hcr: 0x80000001n,
        vttbr: 0x7_0000_4000_0000n,
        vmid: 7,
        ...(ec === 0x16 && { call: 0xc600_0001n }),
      });
      count('exceptions');
      if (kind === 'return' && toEl < 2 && cpu.exit !== undefined) {
        cpu.exit.cost = cpu.atEl2;
        cpu.exit = undefined;
      } else if (toEl === 2 && cpu.el < 2) {
        cpu.exit = { cpu: stamp.cpu, icount: stamp.icount, cost: undefined };
        cpu.atEl2 = 0;
        exits.push(cpu.exit);
      }
      if (kind !== 'return')
        cpu.saved = { index: cpu.space === guest ? cpu.index : 0, el: cpu.el === 2 ? 1 : cpu.el };
      cpu.space = to;
      cpu.index = target;
      cpu.el = toEl;
    };
    const length = 1 + random(400);
    // A change of regime ends the packet.
    for (let n = 0; n < length && cpu.space === where; n++) {
      if (random(50) === 0) {
        enter(
          'irq',
          0,
          cpu.el === 0 ? 1 + random(2) : cpu.el === 1 && random(2) ? 1 : 2,
          random(PAGES * 1024),
        );
        continue;
      }
      const page = cpu.index >>> 10;
      const pc = addressOf(cpu.space, cpu.index);
      const faulted = random(200) === 0;
      if (!faulted) fetch(stamp.cpu, cpu.space, page);
      const opcode = cpu.space.words[cpu.index];
      const accessed = !faulted && opcode === LDR ? [BigInt(0x4800_0000 + 8 * random(4096))] : [];
      addresses.push(...accessed);
      attempted.push({
        icount: stamp.icount,
        cpu: stamp.cpu,
        pc,
        pa: faulted ? null : BigInt(cpu.space.pas[page] + 4 * (cpu.index & 1023)),
        opcode: faulted ? null : opcode,
        el: cpu.el,
        regime: cpu.space.regime,
        addresses: accessed,
      });
      if (cpu.el === 2) cpu.atEl2 += 1;
      const taken = random(2);
      const anywhere = random(PAGES * 1024);
      const displacement = (shift: number, bits: number) => (opcode << (32 - shift - bits)) >> (32 - bits);
      if (faulted) enter('synchronous', 0x20, Math.max(1, cpu.el), anywhere);
      else if (opcode === HVC) enter('synchronous', 0x16, 2, anywhere);
      else if (opcode === SVC) enter('synchronous', 0x15, Math.max(1, cpu.el), anywhere);
      else if (opcode === ERET) enter('return', 0, cpu.saved.el, cpu.saved.index);
      else if (opcode === RET || opcode === BR) {
        targets.push(addressOf(cpu.space, anywhere));
        cpu.index = anywhere;
      } else if (opcode >>> 26 === 5) cpu.index += displacement(0, 26);
      else if (opcode !== NOP && opcode !== LDR) {
        atoms.push(taken);
        if (taken) cpu.index += opcode >>> 24 === 0x37 ? displacement(5, 14) : displacement(5, 19);
        else cpu.index += 1;
      } else cpu.index += 1;
      stamp.icount += 1;
      stamp.timeNs += 1 + (n & 1);
    }
    const executed = stamp.icount - start.icount;
    done += executed;
    recorder.addPacket({
      ...start,
      seq,
      cpu: stamp.cpu,
      regime,
      vmid: regime === 'EL2' ? 0 : 7,
      asid: 0,
      instructions: executed,
      atoms: holding(Uint8Array.from(atoms)),
      targets: holding(BigUint64Array.from(targets)),
      ...(detail === 'memory' && { addresses: holding(BigUint64Array.from(addresses)) }),
    });
    count('flow');
    if (detail === 'memory') count('accesses');
    if (random(20) === 0) {
      recorder.append('console', { device: 'pl011', direction: 'out', byte: 65 + random(26) });
      count('console');
    }
    if (done >= (epoch * instructions) / epochs && done < instructions) {
      recorder.closeEpoch(() => syntheticState(epoch));
      epoch += 1;
    }
  }
  await recorder.finish('power off', () => syntheticState(epochs), { version: 'test' });
  return { instructions: attempted, exits, rows };
}

/** A checkpoint whose pages overlap with those of other epochs: page 0x40000000 + 4096 n is filled with the last epoch that has it. */
export function syntheticState(epoch: number) {
  const pages = [0, epoch, 2 * epoch].filter((n, i, all) => all.indexOf(n) === i);
  return {
    stateHash: `hash ${epoch}`,
    checkpoint: {
      sections: { cpu0: Uint8Array.of(epoch, 1, 2), devices: Buffer.from('{"pl011":{}}') },
      pageAddresses: BigUint64Array.from(pages, (n) => BigInt(0x4000_0000 + 4096 * n)),
      pageGroups: [Uint8Array.from({ length: 4096 * pages.length }, () => epoch)],
    },
  };
}
