/** Symbols and source lines of an ELF file. */
import { type ElfFile, type ElfSymbol, readSymbols, SHF_ALLOC } from '../machine/elf.ts';
import { DwarfLines } from './dwarf_line.ts';
import { type Interval, IntervalIndex } from './interval_index.ts';
import type { SymbolTable } from './symbol_table.ts';

const STT = { noType: 0, object: 1, function: 2, indirectFunction: 10 } as const;
const STB_LOCAL = 0;

interface NamedRange extends Interval {
  readonly name: string;
}

/** The symbols of an ELF file, with lines where it has a .debug_line section. `UserError` where its tables are damaged. */
export function elfSymbolTable(elf: ElfFile): SymbolTable {
  const symbols = readSymbols(elf).filter(({ section, name }) => section !== 0 && name !== '');
  const ranges = new IntervalIndex(namedRanges(elf, symbols));
  const lines = new DwarfLines(elf);
  const addresses = new Map<string, bigint>();
  // A global symbol hides a local one of the same name.
  for (const { name, value, binding } of symbols)
    if (binding !== STB_LOCAL || !addresses.has(name)) addresses.set(name, value);
  return {
    at(address) {
      const range = ranges.find(address);
      return range && { name: range.name, offset: Number(address - range.start), ...lines.at(address) };
    },
    addresses(name) {
      const address = addresses.get(name);
      return address === undefined ? [] : [address];
    },
  };
}

/** $x, $d and their kin mark code and data in the text; .L labels are the compiler's. */
const isMarker = (name: string) => /^(\$[a-z](\.|$)|\.L)/.test(name);

/**
 * One range for each address at which functions, objects or plain labels of allocated sections begin. Assembly often
 * gives no size: such a symbol reaches to the next one, or to the end of its section. A plain label within a sized
 * function or object is a place in it and gets no range of its own.
 */
function namedRanges(elf: ElfFile, symbols: readonly ElfSymbol[]): NamedRange[] {
  const types: readonly number[] = Object.values(STT);
  const candidates = symbols
    .filter(({ type, section, name }) => {
      const flags = elf.sections[section]?.flags ?? 0n;
      return types.includes(type) && (flags & SHF_ALLOC) !== 0n && !isMarker(name);
    })
    .sort(byAddressThenPreference);
  const ranges: NamedRange[] = [];
  let sizedEnd = 0n;
  for (const [i, { name, value, size, type, section }] of candidates.entries()) {
    if (value === candidates[i - 1]?.value) continue;
    const start = value;
    if (size > 0) {
      const end = value + BigInt(size);
      if (end > sizedEnd) sizedEnd = end;
      ranges.push({ name, start, end });
    } else if (type !== STT.noType || value >= sizedEnd) {
      const sectionEnd = elf.sections[section].addr + BigInt(elf.sections[section].size);
      const next = candidates
        .slice(i + 1, i + 1 + SAME_ADDRESS_MAX)
        .find((other) => other.value > value)?.value;
      const end = next !== undefined && next < sectionEnd ? next : sectionEnd;
      if (end > start) ranges.push({ name, start, end });
    }
  }
  return ranges;
}

/** How many symbols at one address are looked through for the next address. */
const SAME_ADDRESS_MAX = 256;

/** Of several symbols at one address: typed before plain, sized before not, global before local; then by name. */
function byAddressThenPreference(a: ElfSymbol, b: ElfSymbol): number {
  if (a.value !== b.value) return a.value < b.value ? -1 : 1;
  const rank = ({ type, size, binding }: ElfSymbol) =>
    (type === STT.noType ? 4 : 0) + (size === 0 ? 2 : 0) + (binding === STB_LOCAL ? 1 : 0);
  return rank(a) - rank(b) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}
