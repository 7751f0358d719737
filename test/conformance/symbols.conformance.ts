/** Symbols and lines of whole ELF files against binutils: nm, addr2line and readelf's decoded line table. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ElfFile, parseElf, SHF_EXECINSTR } from '../../src/machine/elf.ts';
import { elfSymbolTable } from '../../src/symbols/elf_symbols.ts';
import { images } from '../../traces/images.ts';

const binutils = (tool: string, args: readonly string[], input = '') =>
  execFileSync(`aarch64-linux-gnu-${tool}`, args, { input, encoding: 'utf8', maxBuffer: 2 ** 28 });

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hindsight-symbols-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function instructionsOf(elf: ElfFile): bigint[] {
  const code = elf.sections.filter(({ flags }) => flags & SHF_EXECINSTR);
  return code.flatMap(({ addr, size }) => Array.from({ length: size / 4 }, (_, i) => addr + BigInt(i * 4)));
}

/** Compares every instruction's line with addr2line's, and every function's start with nm's. Gives how many had a line. */
function compare(path: string): number {
  const elf = parseElf(new Uint8Array(readFileSync(path)), path);
  const table = elfSymbolTable(elf);
  const addresses = instructionsOf(elf);
  const input = addresses.map((address) => address.toString(16)).join('\n');
  const theirs = binutils('addr2line', ['-e', path], `${input}\n`).trimEnd().split('\n');
  const different: string[] = [];
  let withLine = 0;
  for (const [i, address] of addresses.entries()) {
    const found = table.at(address);
    const expected = theirs[i].replace(/ \(discriminator.*/, '');
    // Padding behind a sized function is no part of it, whatever the line table says.
    if (!found) continue;
    const unknown = /^\?\?|:(\?|0)$/.test(expected);
    const ours = found.line === undefined ? undefined : `${found.file}:${found.line}`;
    if (ours) withLine++;
    // addr2line puts the compilation's folder before a relative name; it is in .debug_info, which is not read here.
    const same = unknown ? !ours : ours !== undefined && (expected === ours || expected.endsWith(`/${ours}`));
    if (!same) different.push(`${address.toString(16)}: addr2line ${expected}, ours ${ours}`);
  }
  for (const [, start, , name] of binutils('nm', ['-S', path]).matchAll(
    /^([0-9a-f]+) [0-9a-f]+ ([tTwW]) (.*)$/gm,
  )) {
    const found = table.at(BigInt(`0x${start}`));
    if (table.addresses(name).length === 0 || found?.offset !== 0)
      different.push(`nm has ${name} at ${start}`);
  }
  expect(different).toEqual([]);
  return withLine;
}

test.each(images.map(({ folder: name, file }) => [name, file]))('the corpus: %s/%s', (name, file) => {
  expect(compare(new URL(`../../traces/${name}/${file}`, import.meta.url).pathname)).toBeGreaterThan(10);
});

const sources = new URL('../symbols/fixtures/', import.meta.url).pathname;

test('the fixtures are what their sources give, bit for bit', () => {
  const copy = join(folder, 'fixtures');
  cpSync(sources, copy, { recursive: true });
  execFileSync(join(copy, 'build.sh'), { stdio: 'pipe' });
  for (const name of ['tiny.elf', 'tiny-v3-compressed.elf', 'tiny.lines'])
    expect(readFileSync(join(copy, name)).equals(readFileSync(join(sources, name))), name).toBe(true);
});

const variants = [2, 3, 4, 5].flatMap((version) =>
  ['-O0', '-O2', '-Os'].flatMap((level) =>
    [[], ['-gz=zlib']].map((packed) => [`-gdwarf-${version}`, level, ...packed]),
  ),
);
test.each(variants.map((flags) => [flags.join(' '), flags] as const))('tiny with %s', (_, flags) => {
  const output = join(folder, 'tiny.elf');
  const common = [
    '-ffreestanding',
    '-nostdlib',
    '-static',
    '-ffunction-sections',
    '-Wl,--gc-sections,-u,vectors',
  ];
  binutils('gcc', [...common, ...flags, `${sources}tiny.c`, `${sources}vectors.S`, '-o', output]);
  expect(compare(output)).toBeGreaterThan(20);
});

test('64-bit DWARF, which addr2line 2.40 does not read, gives the lines of 32-bit DWARF', () => {
  const build = (name: string, ...flags: string[]) => {
    const output = join(folder, name);
    binutils('gcc', ['-nostdlib', '-static', '-O1', '-gdwarf-5', ...flags, `${sources}tiny.c`, '-o', output]);
    return parseElf(new Uint8Array(readFileSync(output)), name);
  };
  const [narrow, wide] = [build('narrow.elf'), build('wide.elf', '-gdwarf64')];
  const [ours, theirs] = [elfSymbolTable(wide), elfSymbolTable(narrow)];
  expect(readFileSync(join(folder, 'wide.elf')).includes(Buffer.from([255, 255, 255, 255]))).toBe(true);
  for (const address of instructionsOf(narrow)) expect(ours.at(address)).toEqual(theirs.at(address));
});
