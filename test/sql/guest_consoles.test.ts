/** The consoles of several guests of one machine: what each prints is its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EC } from '../../src/cpu/exception_classes.ts';
import { DEFAULT_RECIPE } from '../../src/machine/recipe.ts';
import { open } from '../../src/sql/open.ts';
import { record } from '../../src/trace/flight_recorder.ts';
import { Recorder } from '../../src/trace/recorder.ts';

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'hindsight-guest-consoles-'));
});
afterAll(() => rmSync(scratch, { recursive: true }));

interface Printed {
  readonly device: string;
  readonly vmid: number | null;
  readonly source: string;
  readonly text: string;
}

async function linesOf(directory: string): Promise<Printed[]> {
  const session = await open(directory);
  try {
    return (await session.sql(
      'SELECT device, vmid, source, text FROM console_lines',
    )) as unknown as Printed[];
  } finally {
    session.close();
  }
}

describe.each([2, 3] as const)('the hypervisor of the corpus on GICv%i', (gic) => {
  test('what its guests print on the UART that it emulates is what it prints for each, and nothing else is a UART', async () => {
    const image = join(import.meta.dirname, '../../traces/hypervisor/hypervisor.elf');
    const directory = join(scratch, `hypervisor${gic}.hs`);
    await record({
      recipe: { ...DEFAULT_RECIPE, image, gic },
      directory,
      detail: 'flow',
      onConsole: () => {},
    });
    const lines = await linesOf(directory);
    const ofMachine = lines.filter(({ vmid }) => vmid === null);
    expect(ofMachine.every(({ device, source }) => device === 'pl011' && source === '')).toBe(true);
    for (const vmid of [1, 2]) {
      const front = `guest ${vmid}| `;
      const passedOn = ofMachine.filter(({ text }) => text.startsWith(front));
      const own = lines.filter((line) => line.vmid === vmid);
      expect(own.length).toBeGreaterThan(4);
      expect(own.map(({ text }) => text)).toEqual(passedOn.map(({ text }) => text.slice(front.length)));
      expect(new Set(own.map(({ device, source }) => `${source}: ${device}`))).toEqual(
        new Set([`vm${vmid}: vm${vmid} uart at 0x9000000`]),
      );
    }
    expect(lines.every(({ vmid }) => vmid === null || vmid <= 2)).toBe(true);
  });
});

const DOM0 = 0x1_0000_5000_0000n;
const DOM1 = 0x2_0000_6000_0000n;
const CONSOLE_IO = 18n;
const EVENT_CHANNEL_OP = 32n;
const UART = 0x2200_0000;

/** A recording of what a Xen does, as far as it is about consoles. */
class FakeXen {
  readonly #stamp = { icount: 0, timeNs: 0, cpu: 0 };
  readonly #recorder: Recorder;

  constructor(directory: string) {
    this.#recorder = new Recorder(directory, this.#stamp, { recipe: {} });
  }

  on(cpu: number): this {
    this.#stamp.cpu = cpu;
    return this;
  }
  prints(text: string): this {
    for (const byte of Buffer.from(text)) {
      this.#stamp.icount++;
      this.#recorder.append('console', { device: 'pl011', direction: 'out', byte });
    }
    return this;
  }
  #exception(kind: string, levels: readonly [number, number], vttbr: bigint, more: object): this {
    this.#stamp.icount++;
    this.#recorder.append('exceptions', {
      ...{ kind, from_el: levels[0], to_el: levels[1], pc: 0n, target: 0n, esr: 0, ec: 0, iss: 0, spsr: 0 },
      ...{ hcr: 1n, vttbr, vmid: Number(vttbr >> 48n), accesses: 0 },
      ...more,
    });
    return this;
  }
  calls(vttbr: bigint, call: bigint, immediate = 0xea1): this {
    return this.#exception('synchronous', [1, 2], vttbr, { ec: EC.hvc, iss: immediate, call });
  }
  interrupts(vttbr: bigint): this {
    return this.#exception('irq', [1, 2], vttbr, {});
  }
  returns(vttbr: bigint): this {
    return this.#exception('return', [2, 1], vttbr, {});
  }
  /** An interrupt at EL2, which prints something. */
  interruptedBy(text: string): this {
    this.#exception('irq', [2, 2], 0n, {}).prints(text);
    return this.#exception('return', [2, 2], 0n, {});
  }
  stores(vttbr: bigint, ipa: number, data: number, hpfar: bigint | null = BigInt(ipa >> 12) << 4n): this {
    return this.#exception('synchronous', [1, 2], vttbr, {
      ...{
        ec: EC.dataAbortLower,
        far: BigInt(ipa % 4096),
        hpfar,
        data: BigInt(data),
      },
    });
  }
  end = () => this.#recorder.finish('test', () => ({ stateHash: '', checkpoint: null }));
}

test('what dom0 prints by console_io is its own, also when Xen prints in the middle of a line; what Xen prints without a name is not', async () => {
  const directory = join(scratch, 'dom0.hs');
  await new FakeXen(directory)
    .prints('- UART enabled -\n(XEN) Xen version 4.17\n')
    .calls(DOM0, CONSOLE_IO)
    .prints('Booting')
    .interruptedBy('(XEN) by an interrupt\n')
    .prints(' Linux\r\n/ ')
    .returns(DOM0)
    .interrupts(DOM0)
    .prints('(XEN) by itself\nwithout a name\n')
    .returns(DOM0)
    .calls(DOM0, EVENT_CHANNEL_OP)
    .prints('for another call\n')
    .returns(DOM0)
    .calls(DOM0, CONSOLE_IO, 0)
    .prints('for another hypervisor\n')
    .returns(DOM0)
    .calls(DOM0, CONSOLE_IO)
    .prints('# ls\n')
    // Another domain calls meanwhile, on another CPU: Xen names it.
    .on(1)
    .calls(DOM1, CONSOLE_IO)
    .prints('(d1) hello\n')
    .returns(DOM1)
    .prints('from that CPU\n')
    .on(0)
    .prints('file\n')
    .returns(DOM0)
    .end();
  const lines = await linesOf(directory);
  expect(lines.map(({ source, text }) => [source, text])).toEqual([
    ['', '- UART enabled -'],
    ['xen', 'Xen version 4.17'],
    ['xen', 'by an interrupt'],
    ['dom0', 'Booting Linux'],
    ['xen', 'by itself'],
    ['', 'without a name'],
    ['', 'for another call'],
    ['', 'for another hypervisor'],
    ['dom0', '/ # ls'],
    ['dom1', 'hello'],
    ['', 'from that CPU'],
    ['dom0', 'file'],
  ]);
  expect(lines.every(({ vmid, device }) => vmid === null && device === 'pl011')).toBe(true);
});

test("a domain's line is there as its UART's and as what Xen makes of it, in the order of their ends, with VM and instruction", async () => {
  const directory = join(scratch, 'domain.hs');
  const xen = new FakeXen(directory);
  for (const character of Buffer.from('hello\r\nwor')) xen.stores(DOM1, UART, character).returns(DOM1);
  // Xen prints when the line is whole; what goes to other registers is not printed.
  await xen
    .stores(DOM1, UART + 0x38, 0x50)
    .returns(DOM1)
    .stores(DOM0, UART, 0x41)
    .prints('(XEN) DOM1: hello\n')
    .returns(DOM1)
    .end();
  const session = await open(directory);
  const rows = await session.sql('SELECT icount, device, vmid, vttbr, source, text FROM console_lines');
  const own = { device: 'vm2 uart at 0x22000000', vmid: 2, vttbr: DOM1, source: 'vm2' };
  const machines = { device: 'pl011', vmid: null, vttbr: null };
  expect(rows).toEqual([
    { icount: 1n, ...own, text: 'hello' },
    { icount: 24n, ...machines, source: 'dom1', text: 'hello' },
    { icount: 15n, ...own, text: 'wor' },
  ]);
  // A range has the lines that begin in it.
  expect(await session.sql('SELECT text FROM console_lines(2, 20)')).toEqual([{ text: 'wor' }]);
  session.close();
});

test('a domain that has the input is printed by Xen at each store, without its name: these lines are the domain’s', async () => {
  const directory = join(scratch, 'input.hs');
  const xen = new FakeXen(directory).prints('(XEN) Xen version 4.17\n');
  const stores = (vttbr: bigint, text: string, printed: readonly string[]) => {
    for (const [i, byte] of [...Buffer.from(text)].entries())
      xen
        .stores(vttbr, UART, byte)
        .prints(printed[i] ?? '')
        .returns(vttbr);
  };
  stores(DOM1, 'hello\n', ['', '', '', '', '', '(XEN) DOM1: hello\n']);
  xen.interrupts(DOM1).prints('(XEN) *** Serial input to DOM1\n').returns(DOM1);
  stores(DOM1, '/ # ', ['(XEN) /', ' ', '#', ' ']);
  xen.interrupts(DOM1).prints('(XEN) something else\n').returns(DOM1);
  stores(DOM1, 'ls\n', ['l', 's', '\n']);
  // Xen never said which domain this is.
  stores(DOM0 + (2n << 48n), 'who\n', ['(XEN) w', 'h', 'o', '\n']);
  await xen.end();
  const lines = await linesOf(directory);
  expect(lines.filter(({ vmid }) => vmid === null).map(({ source, text }) => [source, text])).toEqual([
    ['xen', 'Xen version 4.17'],
    ['dom1', 'hello'],
    ['xen', '*** Serial input to DOM1'],
    ['xen', 'something else'],
    ['dom1', '/ # ls'],
    ['vm3', 'who'],
  ]);
  expect(lines.filter(({ vmid }) => vmid !== null).map(({ source, text }) => [source, text])).toEqual([
    ['vm2', 'hello'],
    ['vm2', '/ # ls'],
    ['vm3', 'who'],
  ]);
});

test('stores to an address that is not aligned are no output: their faults have no address', async () => {
  const directory = join(scratch, 'unaligned.hs');
  const xen = new FakeXen(directory);
  for (const byte of Buffer.from('hello\n')) xen.stores(DOM1, UART, byte, null).returns(DOM1);
  await xen.end();
  expect(await linesOf(directory)).toEqual([]);
});

test('the line of another hypervisor is one, wherever it prints its parts', async () => {
  const directory = join(scratch, 'other.hs');
  const other = new FakeXen(directory);
  for (const character of Buffer.from('hi\n'))
    other.stores(DOM1, UART, character).prints('guest: ').returns(DOM1);
  await other.prints('all\n').end();
  const lines = await linesOf(directory);
  expect(lines.filter(({ vmid }) => vmid === null)).toMatchObject([
    { source: '', text: 'guest: guest: guest: all' },
  ]);
});
