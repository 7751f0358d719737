/** The header of a line program and its tables of directories and files (DWARF 5, section 6.2.4). */
import type { DwarfReader } from './dwarf_reader.ts';

export interface LineHeader {
  readonly minimumInstructionLength: number;
  readonly maximumOperations: number;
  readonly lineBase: number;
  readonly lineRange: number;
  readonly opcodeBase: number;
  /** How many LEB128 operands each standard opcode has, by opcode. */
  readonly operandCounts: readonly number[];
  /** The path of a file by its number in the line program; undefined where there is none. */
  fileName(index: number): string | undefined;
}

/** A string where it stands: names are made only for those files that are asked for. */
interface StringAt {
  readonly bytes: Uint8Array;
  readonly offset: number;
}
interface FileEntry {
  readonly name: StringAt | undefined;
  readonly directory: number;
}

const PATH_MAX = 4096;

/**
 * Reads a unit's header. Afterwards the reader stands at the line program, and its `end` is the unit's. Undefined for a
 * unit of a version that is not known, which can be stepped over.
 */
export function readLineHeader(
  reader: DwarfReader,
  lineStrings: Uint8Array,
  debugStrings: Uint8Array,
): LineHeader | undefined {
  let length: number = reader.u32();
  const is64 = length === 0xffffffff;
  if (is64) length = Number(reader.u64());
  else if (length >= 0xfffffff0) reader.fail(`reserved unit length 0x${length.toString(16)}`);
  if (length > reader.bytes.length - reader.at)
    reader.fail(`a unit of ${length} bytes, of which ${reader.bytes.length - reader.at} are there`);
  reader.end = reader.at + length;
  const version = reader.u16();
  if (version < 2 || version > 5) return undefined;
  if (version === 5) {
    const [addressSize, selectorSize] = [reader.u8(), reader.u8()];
    if (addressSize !== 8 || selectorSize !== 0)
      reader.fail(`addresses of ${addressSize} + ${selectorSize} bytes`);
  }
  const headerLength = reader.offset(is64);
  const program = reader.at + headerLength;
  if (program > reader.end) reader.fail(`a header of ${headerLength} bytes reaches beyond its unit`);
  const minimumInstructionLength = reader.u8();
  const maximumOperations = version >= 4 ? reader.u8() : 1;
  reader.u8(); // default_is_stmt: every row counts here
  const lineBase = reader.i8();
  const lineRange = reader.u8();
  const opcodeBase = reader.u8();
  if (lineRange === 0 || maximumOperations === 0 || opcodeBase === 0)
    reader.fail('a line range, operation count or opcode base of 0');
  const operandCounts = [0, ...Array.from({ length: opcodeBase - 1 }, () => reader.u8())];
  const tables =
    version === 5 ? readTables5(reader, is64, { lineStrings, debugStrings }) : readTables2(reader);
  reader.at = program;
  return {
    minimumInstructionLength,
    maximumOperations,
    lineBase,
    lineRange,
    opcodeBase,
    operandCounts,
    fileName: fileNames(tables),
  };
}

interface Tables {
  /** Directory 0 is the compilation's, unknown before version 5. */
  readonly directories: readonly (StringAt | undefined)[];
  /** By their number in line programs, which counts from 1 before version 5. */
  readonly files: readonly (FileEntry | undefined)[];
}

function readTables2(reader: DwarfReader): Tables {
  const directories: (StringAt | undefined)[] = [undefined];
  const files: (FileEntry | undefined)[] = [undefined];
  const nextString = () => ({ bytes: reader.bytes, offset: reader.skipString() });
  for (let name = nextString(); reader.bytes[name.offset] !== 0; name = nextString()) directories.push(name);
  for (let name = nextString(); reader.bytes[name.offset] !== 0; name = nextString()) {
    files.push({ name, directory: reader.uleb() });
    reader.uleb(); // time
    reader.uleb(); // length
  }
  return { directories, files };
}

const LNCT = { path: 1, directoryIndex: 2 } as const;

interface StringSections {
  readonly lineStrings: Uint8Array;
  readonly debugStrings: Uint8Array;
}

function readTables5(reader: DwarfReader, is64: boolean, sections: StringSections): Tables {
  const table = () => {
    const formats = Array.from({ length: reader.u8() }, () => ({
      content: reader.uleb(),
      form: reader.uleb(),
    }));
    const count = reader.uleb();
    // Each entry has at least a byte, so a count beyond the bytes that are left is damage.
    if (count > 0 && (formats.length === 0 || count > reader.end - reader.at))
      reader.fail(`a table of ${count} entries`);
    return Array.from({ length: count }, () => {
      let name: StringAt | undefined;
      let directory = 0;
      for (const { content, form } of formats) {
        const value = readForm(reader, form, is64, sections);
        if (content === LNCT.path && typeof value === 'object') name = value;
        if (content === LNCT.directoryIndex && typeof value === 'number') directory = value;
      }
      return { name, directory };
    });
  };
  const directories = table().map(({ name }) => name);
  return { directories, files: table() };
}

/** A value of one of the forms that directory and file tables may use (DWARF 5, section 6.2.4.1). */
function readForm(
  reader: DwarfReader,
  form: number,
  is64: boolean,
  { lineStrings, debugStrings }: StringSections,
): StringAt | number | undefined {
  switch (form) {
    case 0x08: // DW_FORM_string
      return { bytes: reader.bytes, offset: reader.skipString() };
    case 0x1f: // DW_FORM_line_strp
      return { bytes: lineStrings, offset: reader.offset(is64) };
    case 0x0e: // DW_FORM_strp
      return { bytes: debugStrings, offset: reader.offset(is64) };
    case 0x0b: // DW_FORM_data1
      return reader.u8();
    case 0x05: // DW_FORM_data2
      return reader.u16();
    case 0x06: // DW_FORM_data4
      return reader.u32();
    case 0x07: // DW_FORM_data8
      return Number(reader.u64());
    case 0x0f: // DW_FORM_udata
      return reader.uleb();
    case 0x1e: // DW_FORM_data16, an MD5
      reader.skip(16);
      return undefined;
    case 0x09: // DW_FORM_block
      reader.skip(reader.uleb());
      return undefined;
    default:
      return reader.fail(`form 0x${form.toString(16)} in a table of files`);
  }
}

function fileNames({ directories, files }: Tables): (index: number) => string | undefined {
  const known = new Map<number, string | undefined>();
  const join = (directory: string | undefined, name: string) =>
    directory === undefined || name.startsWith('/') ? name : `${directory}/${name}`;
  const path = (index: number): string | undefined => {
    const entry = files[index];
    const name = text(entry?.name);
    if (!entry || name === undefined) return undefined;
    const directory = text(directories[entry.directory]);
    // A relative directory is relative to directory 0, the compilation's.
    const base =
      directory === undefined || entry.directory === 0 ? directory : join(text(directories[0]), directory);
    return join(base, name);
  };
  return (index) => {
    if (!known.has(index)) known.set(index, path(index));
    return known.get(index);
  };
}

function text(place: StringAt | undefined): string | undefined {
  if (!place || place.offset >= place.bytes.length) return undefined;
  const bytes = place.bytes.subarray(place.offset, place.offset + PATH_MAX);
  const nul = bytes.indexOf(0);
  return nul < 0 ? undefined : Buffer.from(bytes.buffer, bytes.byteOffset, nul).toString('utf8');
}
