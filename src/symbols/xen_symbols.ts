/**
 * The table of names that Xen for Arm carries about itself, found in its Image: compressed names of its functions, and before them their 64-bit
 * addresses as linked, the lowest of which is `_start`, where the Image begins. A static function has its file in front, as Xen
 * prints it: `traps.c#do_trap_hypercall`.
 */
import { findCompressedNames } from './compressed_names.ts';
import type { ImageSymbols } from './kallsyms.ts';

/** `.align 8` of the assembler for Arm. */
const ALIGNMENT = 256;

/** Undefined where the image holds no such table. */
export function findXenSymbols(image: Uint8Array): ImageSymbols | undefined {
  const list = findCompressedNames(image, ALIGNMENT);
  if (!list) return undefined;
  const { names, start } = list;
  const table = start - Math.ceil((8 * names.length) / ALIGNMENT) * ALIGNMENT;
  if (table < 0) return undefined;
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const lowest = view.getBigUint64(table, true);
  const offsets = new Uint32Array(names.length);
  for (let i = 0, last = lowest; i < names.length; i++) {
    const address = view.getBigUint64(table + 8 * i, true);
    if (address < last || address - lowest >= 2n ** 32n) return undefined;
    offsets[i] = Number(address - lowest);
    last = address;
  }
  return names[0] === 'T_start' ? { offsets, names: names.map((name) => name.slice(1)) } : undefined;
}
