/**
 * A Xen that fails says why on its console; the recording says the same, with Xen's own names. One that works shares its UART with its
 * domains, which the recording tells apart.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { explain } from '../../../analyzers/explain/explain.ts';
import type { Recipe } from '../../../src/machine/recipe.ts';
import { open } from '../../../src/sql/open.ts';
import { findXenSymbols } from '../../../src/symbols/xen_symbols.ts';
import { record } from '../../../src/trace/flight_recorder.ts';
import { openRecording } from '../../../src/trace/recording.ts';
import { compileDeviceTree, deviceTreeSource } from '../qemu/reference.ts';
import { recipeOf, xen } from './boots.ts';
import { guestFile } from './guests.ts';

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'hindsight-xen-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Records until Xen has given up. */
async function failing(name: string, recipe: Recipe) {
  const directory = join(scratch, `${name}.hs`);
  let console = '';
  await record({
    recipe,
    directory,
    detail: 'memory',
    until: { console: "('noreboot' specified)" },
    onConsole: (byte) => {
      console += String.fromCharCode(byte);
    },
  });
  expect(console).toContain('(XEN) Panic on CPU 0:');
  const recording = openRecording(directory);
  const verdict = await explain(recording);
  recording.close();
  if (verdict.kind === undefined) throw new Error('explain found nothing');
  return { directory, console, verdict };
}

const BRK_BUG = 0xd420_0020;
const B = 0x1400_0000;
/** The second instruction of this function, which has made its frame then. */
const VICTIM = 'alloc_vcpu_struct';

/** Path of a Xen with another second instruction in that function; `word` gets the Image and the place. */
function planted(name: string, word: (image: Buffer, at: number) => number): string {
  const image = readFileSync(guestFile('xen'));
  const { offsets, names } = findXenSymbols(image)!;
  const at = offsets[names.indexOf(VICTIM)] + 4;
  image.writeUInt32LE(word(image, at), at);
  const path = join(scratch, name);
  writeFileSync(path, image);
  return path;
}

describe.each([2, 3] as const)('on GICv%i', (gic) => {
  test('a domain without memory: Xen’s panic is the verdict, with its text and its caller', async () => {
    const source = readFileSync(deviceTreeSource(`xen-tiny-gicv${gic}`), 'utf8');
    const broken = join(scratch, `broken${gic}.dts`);
    writeFileSync(broken, source.replace(' memory=<0 0x8000>;', ''));
    const recipe = { ...recipeOf(xen(gic, 1, 'suite')), dtb: compileDeviceTree(broken) };
    const { verdict, console } = await failing(`memory${gic}`, recipe);
    expect(console).toContain('cannot read "memory" property');
    expect(verdict).toMatchObject({
      kind: 'software-panic',
      symptom: { el: 2, symbol: 'panic', offset: 0, what: 'Xen gave up: Could not set up domain domU1' },
      cause: { el: 2, symbol: 'create_domUs' },
    });
  });

  test('an undefined instruction in Xen: the fault is the verdict, and every name that Xen prints is ours', async () => {
    const image = planted(`undefined${gic}`, () => 0);
    const { directory, console, verdict } = await failing(`udf${gic}`, {
      ...recipeOf(xen(gic, 1, 'suite')),
      image,
    });
    expect(verdict).toMatchObject({
      kind: 'undefined-instruction',
      symptom: { el: 2, symbol: VICTIM, offset: 4 },
    });
    const printed = [
      ...console.matchAll(/\[<([0-9a-f]{16})>\] (\S+)\+0x([0-9a-f]+)\/0x[0-9a-f]+ \((PC|LR)\)/g),
    ];
    expect(printed.map(([, , name]) => name)).toEqual([VICTIM, 'vcpu_create']);
    const session = await open(directory);
    try {
      for (const [, address, name, offset] of printed) {
        const [row] = await session.sql(`SELECT symbol(${BigInt(`0x${address}`)}::UBIGINT, 2) AS name`);
        expect(row['name']).toBe(`${name}+0x${offset}`);
        const [below] = await session.sql(`SELECT symbol(${BigInt(`0x${address}`)}::UBIGINT, 1, 1) AS name`);
        expect(below['name']).toBeNull();
      }
    } finally {
      session.close();
    }
  });

  test('a BUG() of Xen is the verdict, where it stands', async () => {
    // A branch to the BRK of a BUG() nearby: Xen looks up its file and line.
    const image = planted(`bug${gic}`, (bytes, at) => {
      let brk = at;
      while (bytes.readUInt32LE(brk) !== BRK_BUG) brk += 4;
      return B | ((brk - at) >> 2);
    });
    const recipe = { ...recipeOf(xen(gic, 1, 'suite')), image };
    const { console, verdict } = await failing(`brk${gic}`, recipe);
    const [, place] = /\(XEN\) Xen BUG at (\S+:\d+)/.exec(console)!;
    const [, symbol] = /\[<[0-9a-f]{16}>\] (\S+)\+0x[0-9a-f]+\/0x[0-9a-f]+ \(PC\)/.exec(console)!;
    expect(place).toMatch(/\.c:\d+$/);
    expect([verdict.symptom.symbol, verdict.cause?.symbol]).toContain(symbol);
  });

  test('two domains on one UART: the console of each is what its Linux prints, and their devices have no names of the board’s', async () => {
    const directory = join(scratch, `two${gic}.hs`);
    const recipe = recipeOf(xen(gic, 2, 'suite'));
    const { icount } = await record({ recipe, directory, detail: 'flow', onConsole: () => {} });
    const session = await open(directory);
    const lines = await session.sql('SELECT source, text FROM console_lines WHERE vmid IS NULL');
    const aborts = await session.sql("SELECT DISTINCT sub_reason FROM exits WHERE reason = 'DABT_LOW'");
    session.close();
    const printedBy = (wanted: string) =>
      lines.filter(({ source }) => source === wanted).map(({ text }) => String(text));
    const sources = ['xen', 'dom1', 'dom2'];
    console.log(
      `${icount} instructions`,
      ...sources.map((name) => `${name}: ${printedBy(name).length} lines`),
    );
    expect(sources.flatMap(printedBy).length).toBe(lines.length);
    expect(printedBy('xen')[0]).toMatch(/^Xen version 4\.17/);
    const suiteOf = (domain: string) => {
      const printed = printedBy(domain);
      expect(printed[0]).toMatch(/^Booting Linux on physical CPU/);
      return printed
        .slice(printed.findIndex((text) => text.startsWith('SUITE BEGINS')))
        .map((text) => text.replace(/\[ *\d+\.\d{6}\]/, ''));
    };
    expect(suiteOf('dom1')).toContain('SUITE ENDS');
    expect(suiteOf('dom1').length).toBeGreaterThan(15);
    expect(suiteOf('dom2')).toEqual(suiteOf('dom1'));
    // Xen's own choice of addresses for a domain's UART and GIC; the board has other devices there.
    const places = aborts.map(({ sub_reason }) => String(sub_reason));
    expect(places).toContain('0x22000018 read');
    expect(places.filter((place) => !/^0x[0-9a-f]+ (read|write)$/.test(place))).toEqual([]);
  });
});
