/** Names of the functions of a Linux kernel or of Xen, out of their own tables, at every place where they ran. */
import { parseLinuxImage } from '../machine/image.ts';
import { findKallsyms } from './kallsyms.ts';
import { type KernelPlace, kernelPlaces } from './kernel_places.ts';
import type { AddressSpace, SymbolTable } from './symbol_table.ts';
import { findXenSymbols } from './xen_symbols.ts';

/**
 * `recording` is a recording's directory. Undefined where the file is no Image with a table of names. Its places are looked for when the
 * first address is asked.
 */
export function imageSymbolTable(
  recording: string,
  image: Uint8Array,
  path: string,
): SymbolTable | undefined {
  const header = parseLinuxImage(image, path);
  const symbols = header && (findKallsyms(image) ?? findXenSymbols(image));
  if (!header || !symbols) return undefined;
  const { offsets, names } = symbols;
  const size = BigInt(Math.max(header.imageSize, image.length));
  let found: readonly KernelPlace[] | undefined;
  const places = () => {
    found ??= kernelPlaces(recording, image);
    return found;
  };
  return {
    at(address, space) {
      for (const place of places()) {
        const offset = address - place.start;
        if (offset < 0n || offset >= size || (space && !isWithin(place, space))) continue;
        const symbol = lastAtOrBelow(offsets, Number(offset));
        if (symbol >= 0) return { name: names[symbol], offset: Number(offset) - offsets[symbol] };
      }
      return undefined;
    },
    addresses(name) {
      const symbol = names.indexOf(name);
      if (symbol < 0) return [];
      return [...new Set(places().map(({ start }) => start + BigInt(offsets[symbol])))];
    },
  };
}

const isWithin = ({ atEl2, vmid }: KernelPlace, space: AddressSpace) =>
  atEl2 ? space.el === 2 : space.el < 2 && vmid === space.vmid;

/** Index of the last symbol that is not above an offset; of several at one place the first, as the kernel itself names it. */
function lastAtOrBelow(offsets: Uint32Array, offset: number): number {
  let [low, high] = [0, offsets.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (offsets[middle] <= offset) low = middle + 1;
    else high = middle;
  }
  let symbol = low - 1;
  while (symbol > 0 && offsets[symbol - 1] === offsets[symbol]) symbol--;
  return symbol;
}
