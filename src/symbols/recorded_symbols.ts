/** The symbols of the images inside a recording. */
import { isElf, parseElf } from '../machine/elf.ts';
import { unpackImage } from '../machine/image.ts';
import { isDiskImage } from '../trace/disk_images.ts';
import { storedFiles } from '../trace/image_files.ts';
import type { Recording } from '../trace/recording.ts';
import { UserError } from '../user-error.ts';
import { elfSymbolTable } from './elf_symbols.ts';
import { imageSymbolTable } from './image_symbols.ts';
import { type AddressSpace, joinSymbolTables, type SymbolTable } from './symbol_table.ts';

/** Undefined where no image is an ELF file with symbols, or a Linux kernel or Xen, which know their own. */
export function recordedSymbols(recording: Recording): SymbolTable | undefined {
  const readFile = storedFiles(recording);
  const tables = Object.keys(recording.facts.images).flatMap((path) => {
    if (isDiskImage(recording, path)) return [];
    const bytes = unpacked(readFile(path), path);
    if (isElf(bytes)) return [elfSymbolTable(parseElf(bytes, path))];
    return imageSymbolTable(recording.directory, bytes, path) ?? [];
  });
  return tables.length > 0 ? joinSymbolTables(tables) : undefined;
}

/** `name+0x10`, as debuggers write it; undefined where no symbol covers the address. */
export function symbolText(symbols: SymbolTable, address: bigint, space?: AddressSpace): string | undefined {
  const found = symbols.at(address, space);
  if (!found) return undefined;
  return found.offset === 0 ? found.name : `${found.name}+0x${found.offset.toString(16)}`;
}

/** An initrd may be packed in a way that no image may be. */
function unpacked(bytes: Uint8Array, path: string): Uint8Array {
  try {
    return unpackImage(bytes, path);
  } catch (error) {
    if (error instanceof UserError) return bytes;
    throw error;
  }
}
