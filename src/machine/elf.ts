/**
 * A strict reader of ELF64 little-endian AArch64 files (System V ABI, chapters 4 and 5; "ELF for the Arm 64-bit
 * Architecture"). Everything that is read is checked against the file's length first: a damaged file is a `UserError` that
 * names the file, the thing and the byte.
 */
import { inflateSync, zstdDecompressSync } from 'node:zlib';
import { UserError } from '../user-error.ts';

export interface ElfSegment {
  /** Position in the program header table. */
  readonly index: number;
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly vaddr: bigint;
  readonly paddr: bigint;
  readonly filesz: number;
  readonly memsz: bigint;
}

export interface ElfSection {
  readonly name: string;
  readonly type: number;
  readonly flags: bigint;
  readonly addr: bigint;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly entsize: number;
}

export interface ElfFile {
  readonly file: string;
  readonly bytes: Uint8Array;
  /** ET_EXEC or ET_DYN. */
  readonly type: number;
  /** e_entry as it stands: a virtual address. */
  readonly entry: bigint;
  /** End of the ELF header and the program headers, in bytes from the start of the file. */
  readonly headersEnd: number;
  readonly segments: readonly ElfSegment[];
  readonly sections: readonly ElfSection[];
}

export const PT_LOAD = 1;
export const PT_INTERP = 3;
export const PF_X = 1;
const SHT_NULL = 0;
export const SHT_SYMTAB = 2;
export const SHT_STRTAB = 3;
export const SHT_NOBITS = 8;
export const SHT_DYNSYM = 11;

const ET_EXEC = 2;
const ET_DYN = 3;
const EM_AARCH64 = 183;
export const SHF_ALLOC = 2n;
export const SHF_EXECINSTR = 4n;
const SHF_COMPRESSED = 0x800n;
const EHDR_SIZE = 64;
const PHDR_SIZE = 56;
const SHDR_SIZE = 64;
/** A section that claims to unpack to more than this is refused before anything is unpacked. */
const SECTION_SIZE_MAX = 2 ** 30;
/** Names share a string table, so a small file could otherwise ask for very many very long strings. */
const NAME_LENGTH_MAX = 32768;

const TYPES: { readonly [type: number]: string } = {
  0: 'no type',
  1: 'a relocatable object',
  4: 'a core dump',
};
const MACHINES: { readonly [machine: number]: string } = {
  0: 'no machine',
  2: 'SPARC',
  3: 'x86 (32-bit)',
  8: 'MIPS',
  20: 'PowerPC',
  21: 'PowerPC64',
  22: 'S/390',
  40: 'Arm (AArch32)',
  42: 'SuperH',
  43: 'SPARC V9',
  50: 'IA-64',
  62: 'x86-64',
  243: 'RISC-V',
  247: 'BPF',
  258: 'LoongArch',
};

export function isElf(bytes: Uint8Array): boolean {
  return (
    bytes.length >= 4 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46
  );
}

const hex = (value: number | bigint) => `0x${value.toString(16)}`;

/** Bounds-checked little-endian reads of one file. */
class ElfReader {
  readonly view: DataView;
  readonly file: string;
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array, file: string) {
    this.bytes = bytes;
    this.file = file;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  fail(what: string): never {
    throw new UserError(`${this.file}: ${what}`);
  }

  /** Asserts that [offset, offset + size) is in the file, and gives `offset` as a number. */
  range(offset: bigint, size: bigint, what: string): number {
    if (offset + size > BigInt(this.bytes.length))
      this.fail(
        `truncated ELF: ${what} is at bytes ${hex(offset)} to ${hex(offset + size)}, the file ends at ${hex(this.bytes.length)}`,
      );
    return Number(offset);
  }

  u16 = (at: number) => this.view.getUint16(at, true);
  u32 = (at: number) => this.view.getUint32(at, true);
  u64 = (at: number) => this.view.getBigUint64(at, true);
}

/** Reads the headers of an ELF file. `file` is the name for messages. */
export function parseElf(bytes: Uint8Array, file: string): ElfFile {
  const reader = new ElfReader(bytes, file);
  if (!isElf(bytes)) reader.fail('not an ELF file: it does not begin with 7f 45 4c 46');
  reader.range(0n, BigInt(EHDR_SIZE), 'the ELF header');
  checkIdentity(reader);
  const sections = readSections(reader);
  const segments = readSegments(reader);
  return {
    file,
    bytes,
    type: reader.u16(16),
    entry: reader.u64(24),
    headersEnd: Math.max(EHDR_SIZE, Number(reader.u64(32)) + segments.length * PHDR_SIZE),
    segments,
    sections,
  };
}

function checkIdentity(reader: ElfReader): void {
  const { bytes } = reader;
  if (bytes[4] !== 2)
    reader.fail(
      bytes[4] === 1
        ? 'a 32-bit ELF (ELFCLASS32): only 64-bit AArch64 images run here'
        : `ELF class ${bytes[4]} at byte 4 is neither 1 nor 2`,
    );
  if (bytes[5] !== 1)
    reader.fail(
      bytes[5] === 2
        ? 'a big-endian ELF (ELFDATA2MSB): only little-endian images run here'
        : `ELF data encoding ${bytes[5]} at byte 5 is neither 1 nor 2`,
    );
  if (bytes[6] !== 1) reader.fail(`ELF version ${bytes[6]} at byte 6 is not 1`);
  const machine = reader.u16(18);
  if (machine !== EM_AARCH64)
    reader.fail(
      `an ELF for ${MACHINES[machine] ?? 'an unknown machine'} (e_machine ${machine}), not for AArch64 (${EM_AARCH64})`,
    );
  const type = reader.u16(16);
  if (type !== ET_EXEC && type !== ET_DYN)
    reader.fail(
      `${TYPES[type] ?? 'an ELF of unknown type'} (e_type ${type}), not an executable: link it first`,
    );
}

function readSegments(reader: ElfReader): ElfSegment[] {
  const table = reader.u64(32);
  let count = reader.u16(56);
  if (count === 0) return [];
  if (reader.u16(54) !== PHDR_SIZE)
    reader.fail(`program header size ${reader.u16(54)} at byte 54 is not ${PHDR_SIZE}`);
  // PN_XNUM: the number did not fit, and is in sh_info of section 0.
  if (count === 0xffff)
    count = reader.u32(reader.range(reader.u64(40), BigInt(SHDR_SIZE), 'section header 0') + 44);
  const start = reader.range(table, BigInt(count) * BigInt(PHDR_SIZE), 'the program header table');
  return Array.from({ length: count }, (_, index) => {
    const at = start + index * PHDR_SIZE;
    const type = reader.u32(at);
    const [offset, filesz, memsz] = [reader.u64(at + 8), reader.u64(at + 32), reader.u64(at + 40)];
    if (type === PT_LOAD) {
      reader.range(offset, filesz, `segment ${index}`);
      if (filesz > memsz)
        reader.fail(
          `segment ${index} has more bytes in the file (${hex(filesz)}) than in memory (${hex(memsz)})`,
        );
    }
    return {
      index,
      type,
      flags: reader.u32(at + 4),
      offset: Number(offset),
      vaddr: reader.u64(at + 16),
      paddr: reader.u64(at + 24),
      filesz: Number(filesz),
      memsz,
    };
  });
}

function readSections(reader: ElfReader): ElfSection[] {
  const table = reader.u64(40);
  if (table === 0n) return [];
  if (reader.u16(58) !== SHDR_SIZE)
    reader.fail(`section header size ${reader.u16(58)} at byte 58 is not ${SHDR_SIZE}`);
  const first = reader.range(table, BigInt(SHDR_SIZE), 'section header 0');
  // Numbers that do not fit their 16 bits are in section 0 (System V ABI, "ELF header", e_shnum and e_shstrndx).
  const count = reader.u16(60) === 0 ? reader.u64(first + 32) : BigInt(reader.u16(60));
  const namesIndex = reader.u16(62) === 0xffff ? reader.u32(first + 40) : reader.u16(62);
  const start = reader.range(table, count * BigInt(SHDR_SIZE), 'the section header table');
  const header = (index: number) => start + index * SHDR_SIZE;
  if (namesIndex !== 0 && namesIndex >= count)
    reader.fail(`section name table is section ${namesIndex}, but there are ${count} sections`);
  const names = namesIndex === 0 ? undefined : sectionRange(reader, header(namesIndex), namesIndex);
  if (names && reader.u32(header(namesIndex) + 4) !== SHT_STRTAB)
    reader.fail(`section ${namesIndex}, which should hold the section names, is no string table`);
  return Array.from({ length: Number(count) }, (_, index) => {
    const at = header(index);
    const { offset, size } = sectionRange(reader, at, index);
    return {
      name: names ? stringAt(reader, names, reader.u32(at), `name of section ${index}`) : '',
      type: reader.u32(at + 4),
      flags: reader.u64(at + 8),
      addr: reader.u64(at + 16),
      offset,
      size,
      link: reader.u32(at + 40),
      entsize: Number(reader.u64(at + 56)),
    };
  });
}

/** Where a section's bytes are. SHT_NOBITS has a size in memory and no bytes, so its size is not the file's concern. */
function sectionRange(reader: ElfReader, at: number, index: number): { offset: number; size: number } {
  const type = reader.u32(at + 4);
  const size = reader.u64(at + 32);
  if (type === SHT_NOBITS) return { offset: 0, size: Number(size) };
  if (type === SHT_NULL) return { offset: 0, size: 0 };
  return { offset: reader.range(reader.u64(at + 24), size, `section ${index}`), size: Number(size) };
}

function stringAt(
  reader: ElfReader,
  table: { offset: number; size: number },
  index: number,
  what: string,
): string {
  const end = Math.min(table.offset + table.size, table.offset + index + NAME_LENGTH_MAX);
  const bytes = reader.bytes.subarray(table.offset + index, Math.max(end, table.offset + index));
  const nul = bytes.indexOf(0);
  if (nul < 0)
    reader.fail(`${what} does not end within its string table, or within ${NAME_LENGTH_MAX} bytes`);
  return Buffer.from(bytes.buffer, bytes.byteOffset, nul).toString('utf8');
}

/** The first section of this name; undefined when there is none. */
export function sectionNamed(elf: ElfFile, name: string): ElfSection | undefined {
  return elf.sections.find((section) => section.name === name);
}

/** The bytes of a section, unpacked where SHF_COMPRESSED says so (zlib or zstd). */
export function sectionBytes(elf: ElfFile, section: ElfSection): Uint8Array {
  if (section.type === SHT_NOBITS) return new Uint8Array();
  const raw = elf.bytes.subarray(section.offset, section.offset + section.size);
  if ((section.flags & SHF_COMPRESSED) === 0n) return raw;
  const fail = (what: string) => new UserError(`${elf.file}: section ${section.name}: ${what}`);
  // Elf64_Chdr: type, reserved, size (8 bytes), alignment (8 bytes).
  if (raw.length < 24) throw fail('truncated compression header');
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const type = view.getUint32(0, true);
  const size = view.getBigUint64(8, true);
  if (type !== 1 && type !== 2) throw fail(`unknown compression type ${type}`);
  if (size > SECTION_SIZE_MAX) throw fail(`claims to unpack to ${size} bytes`);
  const limit = { maxOutputLength: Math.max(Number(size), 1) };
  try {
    const unpacked =
      type === 1 ? inflateSync(raw.subarray(24), limit) : zstdDecompressSync(raw.subarray(24), limit);
    if (unpacked.length !== Number(size))
      throw new Error(`it unpacks to ${unpacked.length} bytes, not to ${size}`);
    return unpacked;
  } catch (error) {
    throw fail(`damaged compressed data: ${(error as Error).message}`);
  }
}

export interface ElfSymbol {
  readonly name: string;
  readonly value: bigint;
  readonly size: number;
  /** STT_*: 0 none, 1 object, 2 function, 3 section, 4 file, 10 indirect function. */
  readonly type: number;
  /** STB_*: 0 local, 1 global, 2 weak. */
  readonly binding: number;
  /** Index of the section that defines it; 0 is undefined, 0xfff1 absolute. */
  readonly section: number;
}

/** The symbol table; the dynamic one where that is all there is; empty in a stripped file. */
export function readSymbols(elf: ElfFile): ElfSymbol[] {
  const table =
    elf.sections.find(({ type }) => type === SHT_SYMTAB) ??
    elf.sections.find(({ type }) => type === SHT_DYNSYM);
  if (!table) return [];
  const reader = new ElfReader(elf.bytes, elf.file);
  if (table.entsize !== 24) reader.fail(`symbol size ${table.entsize} in section ${table.name} is not 24`);
  const strings = elf.sections[table.link];
  if (!strings)
    reader.fail(`section ${table.name} names section ${table.link} as its strings, which is not there`);
  return Array.from({ length: Math.floor(table.size / 24) }, (_, index) => {
    const at = table.offset + index * 24;
    const info = elf.bytes[at + 4];
    return {
      name: stringAt(reader, strings, reader.u32(at), `name of symbol ${index}`),
      value: reader.u64(at + 8),
      size: Number(reader.u64(at + 16)),
      type: info & 15,
      binding: info >> 4,
      section: reader.u16(at + 6),
    };
  });
}
