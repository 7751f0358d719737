#!/usr/bin/env node
// Starts the command line on Node 24 or later: on an older Node it runs itself again with the one that `npm ci` installed.
import { existsSync } from 'node:fs';
import module from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const REQUIRED = 24;

// A reader that has seen enough, as `head` has, ends the program without a word.
process.stdout.on('error', (error) => {
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`hindsight: standard output: ${error.message}\n`);
  process.exit(2);
});

if (Number(process.versions.node.split('.')[0]) >= REQUIRED) {
  const root = join(here, '..');
  // A checkout runs its TypeScript, bundled; an installed package has JavaScript, because Node strips no types there.
  const isCheckout = existsSync(join(root, 'src/cli.ts'));
  const bundle = isCheckout ? (await import('./start_cache.js')).bundledProgram(root) : undefined;
  if (bundle)
    process.on('uncaughtExceptionMonitor', (error) =>
      module
        .createRequire(import.meta.url)('./stack_trace.js')
        .nameSources(error),
    );
  // What V8 made of the modules is kept: it is a third of the time that a short command takes.
  module.enableCompileCache(join(bundle ?? join(root, '.cache'), 'node'));
  const { main } = await import(
    bundle ? join(bundle, 'src/cli.js') : isCheckout ? '../src/cli.ts' : '../dist/src/cli.js'
  );
  const code = await main(process.argv);
  if (process.argv[2] === 'record') await exitAtOnce(code);
  process.exitCode = code;
} else {
  const newer = join(here, '../node_modules/node/bin/node');
  if (!existsSync(newer)) {
    process.stderr.write(
      `hindsight: Node ${process.versions.node} is too old: use Node ${REQUIRED} or later, or run "npm ci" in the checkout, which installs one\n`,
    );
    process.exit(2);
  }
  const { spawnSync } = await import('node:child_process');
  const { status, signal } = spawnSync(newer, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  if (signal) process.kill(process.pid, signal);
  process.exit(status ?? 1);
}

/**
 * Exits when what was printed has left. At the end that Node comes to by itself it waits for compilers and takes the heaps apart, tens of
 * milliseconds in which nothing is left to do; native code, which queries load, relies on that.
 */
async function exitAtOnce(code) {
  for (const stream of [process.stdout, process.stderr])
    if (stream.writableLength > 0) await new Promise((resolve) => stream.write('', resolve));
  module.flushCompileCache();
  process.exit(code);
}
