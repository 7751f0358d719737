// A checkout's program, bundled: made when the sources have changed, kept in .cache/start. It is a third of the time that a short
// command takes. As with Node's compile cache nothing depends on it: where it cannot be made, the sources run as they are.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/** In the cache: the name of the program in use. In a program: where it came from, and what it consists of. */
const CURRENT = 'current';
const FACTS = 'facts.json';
/** A folder while somebody makes a program, and for as long after that failed: nobody else tries meanwhile. */
const MAKING = 'making';
const PATIENCE_MS = 60_000;
/** Programs that are kept: processes may still run the last ones. */
const KEPT = 3;

/** What changes when a file does; undefined where there is none. */
export function stampOf(file) {
  const found = statSync(file, { throwIfNoEntry: false });
  return found && [found.mtimeMs, found.size];
}

/** Whether a file is as it was; `stamp` is null where there was none. There are hundreds of them: no text is made to compare. */
function hasStamp(file, stamp) {
  const found = statSync(file, { throwIfNoEntry: false });
  return stamp ? found?.mtimeMs === stamp[0] && found.size === stamp[1] : found === undefined;
}

/** Writes what a start compares: stamps of `sources` and of the program's files. Paths are absolute: a copied checkout makes its own. */
export function writeFacts(root, program, sources) {
  const files = readdirSync(program, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.map'))
    .map(({ parentPath, name }) => join(parentPath, name));
  const stamps = [...sources, ...files.map((file) => [file, stampOf(file)])];
  const facts = { root, node: process.version, stamps };
  writeFileSync(join(program, FACTS), JSON.stringify(facts));
}

/** The folder of a program that is as it was made, of the sources as they are now. */
function usableProgram(root, cache) {
  try {
    const program = join(cache, readFileSync(join(cache, CURRENT), 'utf8'));
    const facts = JSON.parse(readFileSync(join(program, FACTS), 'utf8'));
    if (facts.root !== root || facts.node !== process.version) return undefined;
    return facts.stamps.every(([file, stamp]) => hasStamp(file, stamp)) ? program : undefined;
  } catch {
    return undefined;
  }
}

function make(root, cache) {
  mkdirSync(cache, { recursive: true });
  const making = join(cache, MAKING);
  const since = stampOf(making)?.[0];
  if (since !== undefined && Date.now() - since < PATIENCE_MS) return undefined;
  if (since !== undefined) rmSync(making, { recursive: true, force: true });
  mkdirSync(making);
  const name = `${Date.now()}-${process.pid}`;
  const program = join(cache, name);
  const script = join(import.meta.dirname, 'bundle.js');
  // Loaded where it is needed, which is rare: it brings all of the network along.
  const { spawnSync } = process.getBuiltinModule('node:child_process');
  const { status } = spawnSync(process.execPath, [script, program], { stdio: 'ignore', cwd: root });
  if (status !== 0) {
    rmSync(program, { recursive: true, force: true });
    return undefined;
  }
  writeFileSync(join(cache, `${CURRENT}-${name}`), name);
  renameSync(join(cache, `${CURRENT}-${name}`), join(cache, CURRENT));
  for (const old of readdirSync(cache)
    .filter((entry) => /^\d+-\d+$/.test(entry))
    .sort()
    .slice(0, -KEPT))
    rmSync(join(cache, old), { recursive: true, force: true });
  rmSync(making, { recursive: true, force: true });
  return program;
}

/** The folder with the program of the checkout `root`, laid out as `root` is; undefined where only the sources can run. */
export function bundledProgram(root) {
  const cache = join(root, '.cache/start');
  const usable = usableProgram(root, cache);
  if (usable !== undefined || !existsSync(join(root, 'node_modules/rolldown'))) return usable;
  try {
    return make(root, cache);
  } catch {
    // Not writable, or somebody else was faster.
    return undefined;
  }
}
