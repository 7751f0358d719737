// node bin/bundle.js DIRECTORY: the checkout's program as a few modules of JavaScript, and the interpreters that it generates. What
// bin/start_cache.js keeps: Node takes half a millisecond for each module that it loads, and there are some hundreds.
import { spawnSync } from 'node:child_process';
import { copyFileSync, globSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
// Installed in a checkout only. A package has its JavaScript, and never comes here.
import { rolldown } from 'rolldown';
import { stampOf, writeFacts } from './start_cache.js';

const ROOT = dirname(import.meta.dirname);
const DIRECTORY = process.argv[2];
const here = (pattern) => globSync(pattern, { cwd: ROOT }).filter((file) => !file.includes('skeleton'));

/** What is started by its file: the command line and its verbs, the writer's and the translator's thread, the machine alone for the benchmark. */
const ENTRIES = [
  'src/cli.ts',
  ...here('src/commands/*.ts'),
  ...here('analyzers/*/command.ts'),
  'src/trace/writer_worker.ts',
  'src/translate/region/translator_worker.ts',
  ...here('test/bench/untraced.ts'),
  'src/translate/interpreter/prebuilt.ts',
  'src/translate/interpreter/write_machine_code.ts',
];
const STATEMENTS = here('analyzers/*/*.sql');
/** Native code, and what finds a file beside its own. */
const APART = [/^@duckdb\//, /^@alexaltea\//];

/** Every file that the program came from, as it was before it was read. */
const sources = new Map();
const cameFrom = (file) => sources.set(file, stampOf(file));
/** The place of a source in the directory: there it finds verbs, statements and the writer's module as in the checkout. */
const placeOf = (file) => join(DIRECTORY, relative(ROOT, file)).replace(/\.ts$/, '.js');
const places = {
  name: 'places',
  load(file) {
    cameFrom(file);
  },
  transform(code, file) {
    if (!file.endsWith('.ts') || !code.includes('import.meta.')) return undefined;
    const place = placeOf(file);
    const meta = { filename: place, dirname: dirname(place), url: pathToFileURL(place).href };
    const placed = code.replace(/\bimport\.meta\.(filename|dirname|url)\b/g, (_, name) =>
      JSON.stringify(meta[name]),
    );
    // Line for line.
    const mappings = `AAAA${';AACA'.repeat(code.split('\n').length - 1)}`;
    return { code: placed, map: { version: 3, sources: [file], names: [], mappings } };
  },
};

// A folder changes when a verb is added to it, npm's list when packages are installed.
for (const file of [
  ...['src/commands', 'analyzers', ...here('analyzers/*/')],
  ...['node_modules/.package-lock.json', 'bin/bundle.js', 'bin/start_cache.js', 'bin/warm_cache.js'],
])
  cameFrom(join(ROOT, file));
const build = await rolldown({
  input: Object.fromEntries(ENTRIES.map((file) => [file.replace(/\.ts$/, ''), join(ROOT, file)])),
  platform: 'node',
  external: APART,
  plugins: [places],
});
await build.write({
  dir: DIRECTORY,
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: 'shared/[name]-[hash].js',
  // For bin/stack_trace.js alone.
  sourcemap: 'hidden',
});
await build.close();
for (const file of STATEMENTS) {
  cameFrom(join(ROOT, file));
  copyFileSync(join(ROOT, file), join(DIRECTORY, file));
}
const prebuilt = placeOf(join(ROOT, 'src/translate/interpreter/prebuilt.ts'));
const { prebuild } = await import(pathToFileURL(prebuilt).href);
prebuild(dirname(prebuilt));
// Where that fails there is none.
spawnSync(process.execPath, [join(dirname(prebuilt), 'write_machine_code.js')], { stdio: 'ignore' });

writeFacts(ROOT, DIRECTORY, sources);
// Node writes its cache again where it likes to: not of what a start compares.
const warm = join(import.meta.dirname, 'warm_cache.js');
spawnSync(process.execPath, ['--experimental-vm-modules', warm, DIRECTORY], { stdio: 'ignore' });
