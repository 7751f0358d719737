/** Names of the functions of a Linux kernel, out of its own table, at every place where it ran. */
import { parseLinuxImage } from '../machine/image.ts';
import { findKallsyms } from './kallsyms.ts';
import { kernelPlaces } from './kernel_places.ts';
import type { SymbolTable } from './symbol_table.ts';

/**
 * `recording` is a recording's directory. Undefined where the file is no kernel with a table of names. Its places are looked for when the first address is
 * asked.
 */
export function linuxSymbolTable(
  recording: string,
  image: Uint8Array,
  path: string,
): SymbolTable | undefined {
  const header = parseLinuxImage(image, path);
  const symbols = header && findKallsyms(image);
  if (!header || !symbols) return undefined;
  const { offsets, names } = symbols;
  const size = BigInt(Math.max(header.imageSize, image.length));
  let found: readonly bigint[] | undefined;
  const places = () => {
    found ??= kernelPlaces(recording, image);
    return found;
  };
  return {
    at(address) {
      for (const start of places()) {
        const offset = address - start;
        if (offset < 0n || offset >= size) continue;
        const symbol = lastAtOrBelow(offsets, Number(offset));
        if (symbol >= 0) return { name: names[symbol], offset: Number(offset) - offsets[symbol] };
      }
      return undefined;
    },
    address(name) {
      const symbol = names.indexOf(name);
      const start = symbol < 0 ? undefined : places()[0];
      return start === undefined ? undefined : start + BigInt(offsets[symbol]);
    },
  };
}

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
