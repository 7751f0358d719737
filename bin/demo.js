// npm run demo: records a hypervisor of the corpus whose guest crashes, and asks the recording what a user would ask first.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const IMAGE = 'traces/crashes/stray-store/stray-store.elf';
/** In the checkout, where git ignores it: the commands at the end can be typed as they stand. */
const RECORDING = 'demo.hs';

/** Runs the command line in the checkout; its output goes to the terminal, or comes back where `kept`. */
function hindsight(args, kept = false) {
  const { status, stdout } = spawnSync(process.execPath, [join(ROOT, 'bin/hindsight.js'), ...args], {
    cwd: ROOT,
    stdio: ['ignore', kept ? 'pipe' : 'inherit', 'inherit'],
    encoding: 'utf8',
  });
  if (status !== 0) process.exit(status ?? 1);
  return stdout;
}

const quoted = (arg) => (/^[\w./:=,-]+$/.test(arg) ? arg : `"${arg}"`);
const commandLine = (args) => `$ bin/hindsight.js ${args.map(quoted).join(' ')}`;

/** Shows a command and what it prints, of which only the first `lines` lines. */
function show(title, args, lines = Number.POSITIVE_INFINITY) {
  process.stdout.write(`\n── ${title}\n${commandLine(args)}\n`);
  if (lines === Number.POSITIVE_INFINITY) {
    hindsight(args);
    return;
  }
  const printed = hindsight(args, true).trimEnd().split('\n');
  process.stdout.write(`${printed.slice(0, lines).join('\n')}\n`);
  if (printed.length > lines) process.stdout.write(`… ${printed.length - lines} more rows\n`);
}

rmSync(join(ROOT, RECORDING), { recursive: true, force: true });
show('a hypervisor with two guests runs, and is recorded', ['record', IMAGE, '-o', RECORDING]);
show('what the guests asked of it, and what that cost in instructions', ['exits', RECORDING], 12);
show('why it died', ['explain', RECORDING]);

// The last walk that ended a guest: its descriptor is what the next questions are about.
const [fault] = JSON.parse(
  hindsight(
    [
      'query',
      RECORDING,
      `SELECT icount::VARCHAR AS icount, format('0x{:x}', descriptor_addresses[-1]) AS descriptor
       FROM walks WHERE stage = 2 AND outcome <> 'ok' ORDER BY seq DESC LIMIT 1`,
      '--format',
      'json',
    ],
    true,
  ),
);
const writers = `SELECT icount, el, symbol(pc) AS writer FROM memory_accesses WHERE kind = 'store' AND address = '${fault.descriptor}'::UBIGINT`;
const next = [
  ['who ever stored to that descriptor', ['query', RECORDING, writers]],
  [
    'the machine when the guest faulted',
    ['replay', RECORDING, '--to', fault.icount, '--registers', '--memory', `${fault.descriptor},8`],
  ],
  ['run it all again and compare every table', ['replay', RECORDING, '--verify']],
  ['exit costs as a histogram', ['exits', RECORDING, '--histogram']],
  ['what is in the recording', ['info', RECORDING]],
];
process.stdout.write(`\n── ${RECORDING} stays until the next demo; ask it more:\n`);
for (const [what, args] of next) process.stdout.write(`# ${what}\n${commandLine(args)}\n`);
