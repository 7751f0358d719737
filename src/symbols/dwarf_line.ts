/**
 * Source lines from .debug_line, versions 2 to 5 (DWARF 5, section 6.2; the differences of the older versions are in its
 * appendix F). A line program is a byte code that makes rows of a table; a sequence is a run of rows over contiguous code.
 */
import { type ElfFile, SHF_ALLOC, sectionBytes, sectionNamed } from '../machine/elf.ts';
import { type LineHeader, readLineHeader } from './dwarf_line_header.ts';
import { DwarfReader } from './dwarf_reader.ts';
import { type Interval, IntervalIndex, lastAtOrBelow } from './interval_index.ts';

interface Sequence extends Interval {
  readonly header: LineHeader;
  /** Rows [firstRow, lastRow) of the row arrays. */
  readonly firstRow: number;
  readonly lastRow: number;
}

/** Standard and extended opcodes (DWARF 5, tables 7.25 and 7.26). */
const LNS = {
  extended: 0,
  copy: 1,
  advancePc: 2,
  advanceLine: 3,
  setFile: 4,
  constAddPc: 8,
  fixedAdvancePc: 9,
} as const;
const LNE = { endSequence: 1, setAddress: 2 } as const;

export class DwarfLines {
  readonly #rows = new Rows();
  readonly #sequences: IntervalIndex<Sequence>;

  constructor(elf: ElfFile) {
    const rows = this.#rows;
    const sequences: Sequence[] = [];
    const section = sectionNamed(elf, '.debug_line');
    if (section) {
      const strings = (name: string) => {
        const found = sectionNamed(elf, name);
        return found ? sectionBytes(elf, found) : new Uint8Array();
      };
      const reader = new DwarfReader(sectionBytes(elf, section), `${elf.file}: .debug_line`);
      const [lineStrings, debugStrings] = [strings('.debug_line_str'), strings('.debug_str')];
      while (reader.at < reader.bytes.length) {
        const header = readLineHeader(reader, lineStrings, debugStrings);
        if (header) runProgram(reader, header, rows, sequences);
        reader.at = reader.end;
        reader.end = reader.bytes.length;
      }
    }
    this.#sequences = new IntervalIndex(sequences.filter((sequence) => isLoaded(elf, sequence)));
  }

  /** File and line of the instruction at a virtual address; undefined where the table names none. */
  at(address: bigint): { file: string; line: number } | undefined {
    const sequence = this.#sequences.find(address);
    if (!sequence) return undefined;
    // Of several rows at one address the last one counts: those before it describe no instruction.
    const { addresses, lines, files } = this.#rows;
    const row = lastAtOrBelow(addresses, address, sequence.firstRow, sequence.lastRow);
    const file = sequence.header.fileName(files[row]);
    return lines[row] === 0 || file === undefined ? undefined : { file, line: lines[row] };
  }
}

/** Linkers leave the lines of code that they dropped, at address 0 or at the end of the address space. */
const isLoaded = ({ sections }: ElfFile, { start }: Sequence) =>
  sections.some(
    ({ addr, size, flags }) => (flags & SHF_ALLOC) !== 0n && start >= addr && start < addr + BigInt(size),
  );

/** All rows of all sequences, in columns that grow: a kernel has millions. */
class Rows {
  length = 0;
  addresses = new BigUint64Array(1024);
  lines = new Uint32Array(1024);
  files = new Uint32Array(1024);

  append(address: bigint, line: number, file: number): void {
    if (this.length === this.lines.length) {
      this.addresses = grown(this.addresses, new BigUint64Array(this.length * 2));
      this.lines = grown(this.lines, new Uint32Array(this.length * 2));
      this.files = grown(this.files, new Uint32Array(this.length * 2));
    }
    this.addresses[this.length] = address;
    this.lines[this.length] = line;
    this.files[this.length++] = file;
  }

  /** Rows ascend within a sequence by the standard; a stable sort makes those of a careless producer do so too. */
  sortFrom(first: number): void {
    const { addresses, lines, files, length } = this;
    let ascending = true;
    for (let i = first + 1; i < length && ascending; i++) ascending = addresses[i - 1] <= addresses[i];
    if (ascending) return;
    const rows = Array.from({ length: length - first }, (_, i) => {
      const at = first + i;
      return { address: addresses[at], line: lines[at], file: files[at] };
    });
    rows.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
    this.length = first;
    for (const { address, line, file } of rows) this.append(address, line, file);
  }
}

function grown<T extends BigUint64Array | Uint32Array>(from: T, to: T): T {
  (to as Uint32Array).set(from as Uint32Array);
  return to;
}

/** Runs one unit's line program, which ends at `reader.end`, and appends its rows and sequences. */
function runProgram(reader: DwarfReader, header: LineHeader, rows: Rows, sequences: Sequence[]): void {
  const { minimumInstructionLength, maximumOperations, lineBase, lineRange, opcodeBase, operandCounts } =
    header;
  let firstRow = rows.length;
  let base = 0n;
  let offset = 0;
  let operation = 0;
  let line = 1;
  let file = 1;

  const advance = (operations: number) => {
    offset += minimumInstructionLength * Math.floor((operation + operations) / maximumOperations);
    operation = (operation + operations) % maximumOperations;
  };
  const address = () => BigInt.asUintN(64, base + BigInt(offset));
  const appendRow = () => rows.append(address(), line, file);
  const endSequence = () => {
    const lastRow = rows.length;
    if (lastRow > firstRow) {
      rows.sortFrom(firstRow);
      sequences.push({ start: rows.addresses[firstRow], end: address(), header, firstRow, lastRow });
    }
    firstRow = lastRow;
    [base, offset, operation, line, file] = [0n, 0, 0, 1, 1];
  };

  while (reader.at < reader.end) {
    const opcode = reader.u8();
    if (opcode >= opcodeBase) {
      const special = opcode - opcodeBase;
      advance(Math.floor(special / lineRange));
      line += lineBase + (special % lineRange);
      appendRow();
    } else if (opcode === LNS.extended) {
      const length = reader.uleb();
      const start = reader.skip(length);
      const code = length > 0 ? reader.bytes[start] : undefined;
      if (code === LNE.endSequence) endSequence();
      if (code === LNE.setAddress) {
        if (length !== 9) reader.fail(`an address of ${length - 1} bytes`);
        const next = reader.at;
        reader.at = start + 1;
        [base, offset, operation] = [reader.u64(), 0, 0];
        reader.at = next;
      }
    } else if (opcode === LNS.copy) appendRow();
    else if (opcode === LNS.advancePc) advance(reader.uleb());
    else if (opcode === LNS.advanceLine) line += reader.sleb();
    else if (opcode === LNS.setFile) file = reader.uleb();
    else if (opcode === LNS.constAddPc) advance(Math.floor((255 - opcodeBase) / lineRange));
    else if (opcode === LNS.fixedAdvancePc) [offset, operation] = [offset + reader.u16(), 0];
    // Flags and columns are not kept; what an unknown opcode takes is said by the header.
    else for (let i = 0; i < operandCounts[opcode]; i++) reader.uleb();
  }
}
