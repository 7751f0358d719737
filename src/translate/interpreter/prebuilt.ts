/**
 * The interpreter's modules as a build leaves them beside the program. Generating one costs every process some 70 ms of cold
 * JavaScript, and it depends on the program alone. Sources that run as they are have none: they generate.
 *
 * A file is the CRC-32 of all that follows it, the length of a head in JSON (u32, little-endian), the head, and the module. One that
 * is damaged is as good as none.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Row } from '../../isa/row.ts';
import { ROWS } from '../../isa/table.ts';
import { DETAILS, type Detail } from '../detail.ts';
import { buildInterpreter, type HandlerFamily, type InterpreterModule } from './handlers.ts';

interface Head {
  /** By the row's name and the shape's key. */
  readonly families: readonly (readonly [row: string, readonly (readonly [key: string, HandlerFamily])[]])[];
  readonly firstFunction: number;
}

const CHECKSUM_BYTES = 4;
const HEAD = CHECKSUM_BYTES + 4;

export const prebuiltFile = (directory: string, detail: Detail): string =>
  join(directory, `interpreter-${detail}.bin`);

/** The module for a detail level and a pool with 32-bit addresses, where `directory` has it whole; that is the directory of the program's own modules here. */
export function prebuiltInterpreter(
  detail: Detail,
  directory = import.meta.dirname,
): InterpreterModule | undefined {
  let file: Buffer;
  try {
    file = readFileSync(prebuiltFile(directory, detail));
  } catch {
    return undefined;
  }
  if (file.length < HEAD || crc32(file.subarray(CHECKSUM_BYTES)) !== file.readUInt32LE(0)) return undefined;
  const end = HEAD + file.readUInt32LE(CHECKSUM_BYTES);
  const { families, firstFunction }: Head = JSON.parse(file.toString('utf8', HEAD, end));
  const rows = new Map(ROWS.map((row) => [row.name, row]));
  return {
    bytes: file.subarray(end),
    families: new Map(families.map(([name, byShape]) => [rows.get(name) as Row, new Map(byShape)])),
    firstFunction,
  };
}

/** Writes the modules of all detail levels. */
export function prebuild(directory: string): void {
  for (const detail of DETAILS) {
    const { bytes, families, firstFunction } = buildInterpreter(ROWS, detail);
    const head: Head = {
      families: [...families].map(([{ name }, byShape]) => [name, [...byShape]]),
      firstFunction,
    };
    const text = Buffer.from(JSON.stringify(head), 'utf8');
    const file = Buffer.concat([Buffer.alloc(HEAD), text, bytes]);
    file.writeUInt32LE(text.length, CHECKSUM_BYTES);
    file.writeUInt32LE(crc32(file.subarray(CHECKSUM_BYTES)), 0);
    writeFileSync(prebuiltFile(directory, detail), file);
  }
}
