/**
 * What V8's optimizing compiler makes of the interpreters' modules, kept beside them (prebuilt.ts) for the processor and the Node of this
 * host. The loop is one large function: without it a process interprets in what V8's first compiler makes of it, and optimizes it
 * meanwhile, 80 ms of another core, each time anew.
 *
 * V8 says itself whether code is for it (its version, its flags, the processor's features), and takes none that is not. It serializes
 * modules by functions of its own that only a flag makes visible. Where one is missing, or a file, everything is compiled as ever.
 */
import { setFlagsFromString } from 'node:v8';
import { crc32 } from 'node:zlib';
import { DETAILS, type Detail } from '../detail.ts';
import { prebuiltFile, prebuiltInterpreter, readHeaded, writeHeaded } from './prebuilt.ts';

interface CodeHead {
  /** CRC-32 of the module that was compiled: V8 does not compare. */
  readonly module: number;
}

const fileOf = (directory: string, detail: Detail) => prebuiltFile(directory, 'code', detail);

/** A function of V8's own, such as `%Name(a)`; throws SyntaxError where this V8 has none of that name. */
function native(parameters: string, call: string): (...values: unknown[]) => unknown {
  setFlagsFromString('--allow-natives-syntax');
  try {
    return new Function(parameters, `return ${call}`) as (...values: unknown[]) => unknown;
  } finally {
    setFlagsFromString('--no-allow-natives-syntax');
  }
}

/** The module of `bytes` with optimized code, where `directory` has it for this host; that is the directory of the program's own modules here. */
export function optimizedModule(
  detail: Detail,
  bytes: Uint8Array,
  directory = import.meta.dirname,
): WebAssembly.Module | undefined {
  const found = readHeaded<CodeHead>(fileOf(directory, detail));
  if (found?.head.module !== crc32(bytes)) return undefined;
  try {
    const deserialize = native('code, bytes', '%DeserializeWasmModule(code, bytes)');
    return deserialize(Uint8Array.from(found.bytes).buffer, Uint8Array.from(bytes)) as
      | WebAssembly.Module
      | undefined;
  } catch {
    return undefined;
  }
}

/**
 * Optimizes the modules that `directory` has, of all detail levels and writes their code. For a process of its own: V8 ends
 * one when it is to serialize what it has not optimized, and its flags are everybody's.
 */
export function writeMachineCode(directory: string): void {
  const serialize = native('module', '%SerializeWasmModule(module)');
  const ways = ['liftoff', 'wasm-lazy-compilation'];
  for (const way of ways) setFlagsFromString(`--no-${way}`);
  const made = DETAILS.map((detail) => {
    const { bytes } = prebuiltInterpreter(detail, directory)!;
    return { detail, head: { module: crc32(bytes) }, compiled: new WebAssembly.Module(bytes) };
  });
  // Code is for a process with the same flags.
  for (const way of ways) setFlagsFromString(`--${way}`);
  for (const { detail, head, compiled } of made)
    writeHeaded<CodeHead>(
      fileOf(directory, detail),
      head,
      new Uint8Array(serialize(compiled) as ArrayBuffer),
    );
}
