// Starts untraced.ts as bin/hindsight.js starts the program: bundled, and with what V8 made of it the last time.
import module from 'node:module';
import { join } from 'node:path';
import { bundledProgram } from '../../bin/start_cache.js';

const root = join(import.meta.dirname, '../..');
const bundle = bundledProgram(root);
module.enableCompileCache(join(bundle ?? join(root, '.cache'), 'node'));
await import(bundle ? join(bundle, 'test/bench/untraced.js') : './untraced.ts');
// As a recording ends.
process.exit();
