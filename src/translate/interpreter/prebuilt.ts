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
import { COMMON_FUNCTIONS } from './common_functions.ts';
import { type CommonFunctions, HandlerFunctions } from './handler_functions.ts';
import { buildInterpreter, type HandlerFamily, type InterpreterModule } from './handlers.ts';

type Families = readonly (readonly [
  row: string,
  byShape: readonly (readonly [key: string, HandlerFamily])[],
])[];

interface InterpreterHead {
  /** By the row's name and the shape's key. */
  readonly families: Families;
  readonly firstFunction: number;
  readonly pairs: InterpreterModule['pairs'];
}
interface FunctionsHead {
  readonly families: Families;
}

const CHECKSUM_BYTES = 4;
const HEAD = CHECKSUM_BYTES + 4;

export const prebuiltFile = (
  directory: string,
  kind: 'interpreter' | 'functions' | 'code',
  detail: Detail,
): string => join(directory, `${kind}-${detail}.bin`);

/** A file with a head and bytes; undefined where it is damaged or missing. */
export function readHeaded<Head>(
  path: string,
): { readonly head: Head; readonly bytes: Uint8Array } | undefined {
  let file: Buffer;
  try {
    file = readFileSync(path);
  } catch {
    return undefined;
  }
  if (file.length < HEAD || crc32(file.subarray(CHECKSUM_BYTES)) !== file.readUInt32LE(0)) return undefined;
  const end = HEAD + file.readUInt32LE(CHECKSUM_BYTES);
  return { head: JSON.parse(file.toString('utf8', HEAD, end)), bytes: file.subarray(end) };
}

export function writeHeaded<Head>(path: string, head: Head, bytes: Uint8Array): void {
  const text = Buffer.from(JSON.stringify(head), 'utf8');
  const file = Buffer.concat([Buffer.alloc(HEAD), text, bytes]);
  file.writeUInt32LE(text.length, CHECKSUM_BYTES);
  file.writeUInt32LE(crc32(file.subarray(CHECKSUM_BYTES)), 0);
  writeFileSync(path, file);
}

const namesOf = (families: InterpreterModule['families']): Families =>
  [...families].map(([{ name }, byShape]) => [name, [...byShape]]);

function rowsOf(families: Families): InterpreterModule['families'] {
  const rows = new Map(ROWS.map((row) => [row.name, row]));
  return new Map(families.map(([name, byShape]) => [rows.get(name) as Row, new Map(byShape)]));
}

/** The module for a detail level and a pool with 32-bit addresses, where `directory` has it whole; that is the directory of the program's own modules here. */
export function prebuiltInterpreter(
  detail: Detail,
  directory = import.meta.dirname,
): InterpreterModule | undefined {
  const found = readHeaded<InterpreterHead>(prebuiltFile(directory, 'interpreter', detail));
  if (!found) return undefined;
  const { head, bytes } = found;
  return { ...head, bytes, families: rowsOf(head.families) };
}

/** The functions that go with it, where they are there. */
export function prebuiltFunctions(
  detail: Detail,
  directory = import.meta.dirname,
): CommonFunctions | undefined {
  const found = readHeaded<FunctionsHead>(prebuiltFile(directory, 'functions', detail));
  return found && { bytes: found.bytes, families: rowsOf(found.head.families) };
}

/** Writes the modules of all detail levels. */
export function prebuild(directory: string): void {
  const common = ROWS.filter(({ name }) => COMMON_FUNCTIONS.has(name));
  for (const detail of DETAILS) {
    const { bytes, families, firstFunction, pairs } = buildInterpreter(ROWS, detail);
    const head: InterpreterHead = { families: namesOf(families), firstFunction, pairs };
    writeHeaded(prebuiltFile(directory, 'interpreter', detail), head, bytes);
    const functions = new HandlerFunctions(detail, firstFunction).makeCommon(common);
    const functionsHead: FunctionsHead = { families: namesOf(functions.families) };
    writeHeaded(prebuiltFile(directory, 'functions', detail), functionsHead, functions.bytes);
  }
}
