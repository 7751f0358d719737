// node --experimental-vm-modules bin/warm_cache.js PROGRAM: all functions of a program that bin/bundle.js made, in Node's compile cache.
// Node keeps what V8 has compiled when a module is loaded: its outermost statements. Every other function is compiled when it is first
// called, in each process again. It is a twentieth of the time in which a small Linux boots.
//
// An entry of Node's is five words, u32, little-endian, and V8's code: a magic number, the sizes of source and code, and CRC-32s of both. Entries that
// look otherwise are left as they are; Node and V8 take no code that is damaged, or for another Node, source or flags.
import { globSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import module from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { SourceTextModule } from 'node:vm';
import { crc32 } from 'node:zlib';

const PROGRAM = process.argv[2];
const HEADER_BYTES = 20;
const CODE_SIZE = 8;
const SOURCE_HASH = 12;
const CODE_HASH = 16;

/** By the hash of the source. */
const modules = new Map();
module.enableCompileCache(join(PROGRAM, 'node'));
for (const file of globSync('**/*.js', { cwd: PROGRAM })) {
  const { href: identifier } = pathToFileURL(join(PROGRAM, file));
  const source = readFileSync(join(PROGRAM, file));
  modules.set(crc32(source), { identifier, source: source.toString() });
}
// Node compiles all that is imported, and executes nothing where one import does not exist.
const imports = [...modules.values()].map(({ identifier }) => `import ${JSON.stringify(identifier)};`);
const none = "import { none } from 'node:module';";
await import(`data:text/javascript,${encodeURIComponent(imports.join('') + none)}`).catch(() => {});
module.flushCompileCache();

const directory = module.getCompileCacheDir();
for (const name of readdirSync(directory)) {
  const path = join(directory, name);
  const entry = readFileSync(path);
  const theirs = entry.subarray(HEADER_BYTES);
  const { identifier, source } = modules.get(entry.readUInt32LE(SOURCE_HASH)) ?? {};
  if (
    !source ||
    entry.readUInt32LE(CODE_SIZE) !== theirs.length ||
    entry.readUInt32LE(CODE_HASH) !== crc32(theirs)
  )
    continue;
  setFlagsFromString('--no-lazy');
  const compiled = new SourceTextModule(source, { identifier });
  setFlagsFromString('--lazy');
  const code = compiled.createCachedData();
  entry.writeUInt32LE(code.length, CODE_SIZE);
  entry.writeUInt32LE(crc32(code), CODE_HASH);
  writeFileSync(`${path}.new`, Buffer.concat([entry.subarray(0, HEADER_BYTES), code]));
  renameSync(`${path}.new`, path);
}
process.exit();
