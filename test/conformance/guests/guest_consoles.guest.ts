/** What each of several guests on one machine prints has its own source: under KVM, of Xen's domains, of its dom0. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { explain } from '../../../analyzers/explain/explain.ts';
import type { Recipe } from '../../../src/machine/recipe.ts';
import { open } from '../../../src/sql/open.ts';
import { record } from '../../../src/trace/flight_recorder.ts';
import { openRecording } from '../../../src/trace/recording.ts';
import { linux, recipeOf, xen, xenWithDom0 } from './boots.ts';

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'hindsight-consoles-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function recorded(name: string, recipe: Recipe, until?: string) {
  const directory = join(scratch, `${name}.hs`);
  let console = '';
  await record({
    recipe,
    directory,
    detail: 'flow',
    engine: 'regions',
    until: until === undefined ? {} : { console: until },
    onConsole: (byte) => {
      console += String.fromCharCode(byte);
    },
  });
  return { directory, console };
}

/** Lines by `device: source`. */
async function linesOf(directory: string): Promise<{ readonly [who: string]: readonly string[] }> {
  const session = await open(directory);
  const rows = await session.sql('SELECT device, source, text FROM console_lines');
  session.close();
  const lines: { [who: string]: string[] } = {};
  for (const { device, source, text } of rows) {
    const who = `${device}: ${source}`;
    lines[who] ??= [];
    lines[who].push(String(text));
  }
  globalThis.console.log(Object.entries(lines).map(([who, { length }]) => `${who}: ${length} lines`));
  return lines;
}

describe.each([2, 3] as const)('on GICv%i', (gic) => {
  test('a guest of KVM: its UART has what its source prints, each line of which the console of its host has too', async () => {
    const { directory } = await recorded(`kvm${gic}`, recipeOf(linux(gic, 'kvm')));
    const { 'pl011: ': host, 'vm1 uart at 0x9000000: vm1': guest, ...others } = await linesOf(directory);
    expect(Object.keys(others)).toEqual([]);
    expect(guest[0]).toBe('guest of KVM starts');
    expect(guest.filter((text) => /^digest \w+ 5 [0-9a-f]{16}$/.test(text))).toHaveLength(6);
    let at = -1;
    for (const line of guest) {
      at = host.indexOf(line, at + 1);
      expect(at, line).toBeGreaterThan(0);
    }
    expect(host.length).toBeGreaterThan(guest.length + 50);
  });

  test("two domains of Xen: what each prints on its UART is what Xen prints in its name, but for Xen's cuts in long lines", async () => {
    const { directory } = await recorded(`xen${gic}`, recipeOf(xen(gic, 2, 'suite')));
    const lines = await linesOf(directory);
    expect(Object.keys(lines).sort()).toEqual([
      'pl011: dom1',
      'pl011: dom2',
      'pl011: xen',
      'vm1 uart at 0x22000000: vm1',
      'vm2 uart at 0x22000000: vm2',
    ]);
    for (const n of [1, 2]) {
      const own = lines[`vm${n} uart at 0x22000000: vm${n}`];
      expect(own).toContain('SUITE ENDS');
      expect(own.join('')).toBe(lines[`pl011: dom${n}`].join(''));
    }
  });

  test('Debian as dom0 of Xen: all that Xen has no prefix for is dom0’s', async () => {
    const { directory, console } = await recorded(`dom0-${gic}`, xenWithDom0(gic, 'suite'));
    const { 'pl011: xen': ofXen, 'pl011: dom0': dom0, ...others } = await linesOf(directory);
    expect(Object.keys(others)).toEqual([]);
    const printed = console.split(/\r*\n/).slice(0, -1);
    const isXens = (line: string) => line.startsWith('(XEN) ');
    expect(ofXen).toEqual(printed.filter(isXens).map((line) => line.slice('(XEN) '.length)));
    expect(dom0).toEqual(printed.filter((line) => !isXens(line)));
    expect(dom0[0]).toMatch(/Booting Linux on physical CPU/);
    expect(dom0).toContain('SUITE ENDS');
  });

  test('of two domains that give up, explain names the VM of the first, with all that its kernel said', async () => {
    const { directory } = await recorded(`panic${gic}`, recipeOf(xen(gic, 2, 'missing')), 'end Kernel panic');
    const lines = await linesOf(directory);
    const recording = openRecording(directory);
    const verdict = await explain(recording);
    recording.close();
    expect(verdict).toMatchObject({ kind: 'software-panic', symptom: { symbol: 'panic', offset: 0 } });
    if (verdict.kind === undefined) return;
    const [, vmid, said] = /^the kernel of VM (\d) gave up: (.*)$/.exec(verdict.symptom.what)!;
    const own = lines[`vm${vmid} uart at 0x22000000: vm${vmid}`];
    expect(own.some((text) => text.endsWith(`Kernel panic - not syncing: ${said}`))).toBe(true);
    expect(said).toMatch(/guidance\.$/);
  });
});
