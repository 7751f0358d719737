/** hindsight replay REC: executes a recording again: to verify it, to look at an instant, to record a window in more detail. */
import type { Command } from 'commander';
import { formatTime, grouped, hex, parseAddress, parseCount } from '../quantities.ts';
import type { Timeline } from '../replay/timeline.ts';
import { openRecording, type Recording } from '../trace/recording.ts';
import { UserError } from '../user-error.ts';

interface Options {
  readonly verify?: true;
  readonly to?: string;
  readonly registers?: true;
  readonly systemRegisters?: true;
  readonly memory: string[];
  readonly translate: string[];
  readonly json?: true;
  readonly detail?: string;
  readonly from?: string;
  readonly output?: string;
}

const collect = (value: string, before: string[]) => [...before, value];

export default function addReplay(program: Command): void {
  program
    .command('replay')
    .summary('execute a recording again: verify it, look at an instant, record a window in more detail')
    .argument('<recording>')
    .option('--verify', 'compare every table and the chain of state hashes; exit code 1 where they differ')
    .option('--to <icount>', 'the state before this instruction (default: the end)')
    .option('--registers', 'general registers at that instant (default)')
    .option('--system-registers', 'system registers at that instant')
    .option('--memory <address,length>', 'memory at that instant; v:ADDRESS is virtual', collect, [])
    .option('--translate <address>', 'how the MMU translates a virtual address at that instant', collect, [])
    .option('--json', 'as JSON')
    .option('--detail <level>', 'record the window --from A --to B again at this level: flow, memory, full')
    .option('--from <icount>', 'first instruction of the window')
    .option('-o, --output <dir>', 'the recording of the window')
    .action(async (path: string, options: Options) => {
      const recording = openRecording(path);
      try {
        if (options.verify) await verify(recording);
        else if (options.detail !== undefined || options.from !== undefined)
          await recordWindow(recording, options);
        else await show(recording, options);
      } finally {
        recording.close();
      }
    });
}

async function verify(recording: Recording): Promise<void> {
  const { verifyReplay } = await import('../replay/verify_replay.ts');
  const difference = await verifyReplay(recording);
  if (difference === undefined) {
    process.stdout.write(
      `${recording.directory}: replayed ${grouped(recording.instructions)} instructions, everything is identical\n`,
    );
    return;
  }
  process.stdout.write(`${recording.directory}: the replay differs: ${difference}\n`);
  process.exitCode = 1;
}

async function recordWindow(
  recording: Recording,
  { from, to, detail = 'full', output }: Options,
): Promise<void> {
  if (from === undefined || to === undefined || output === undefined)
    throw new UserError('a window needs --from A, --to B and -o NAME');
  const level = (['flow', 'memory', 'full'] as const).find((name) => name === detail);
  if (!level) throw new UserError(`--detail ${detail}: must be one of flow, memory, full`);
  const { recordWindow: record } = await import('../replay/window.ts');
  const first = parseCount('--from', from);
  const { icount } = await record(recording, {
    from: first,
    to: parseCount('--to', to),
    detail: level,
    output,
  });
  process.stderr.write(`${output}: instructions ${grouped(first)} to ${grouped(icount)}\n`);
}

async function show(recording: Recording, options: Options): Promise<void> {
  const { Timeline } = await import('../replay/timeline.ts');
  const timeline = Timeline.open(recording);
  timeline.goto(options.to === undefined ? timeline.end : parseCount('--to', options.to));
  const nothingElse =
    !options.systemRegisters && options.memory.length === 0 && options.translate.length === 0;
  const facts = {
    icount: timeline.icount,
    timeNs: timeline.machine.time.now(),
    cpu: timeline.machine.processors.current,
    ...(options.registers || nothingElse ? { registers: registersOf(timeline) } : {}),
    ...(options.systemRegisters
      ? {
          systemRegisters: Object.fromEntries(
            timeline.systemRegisters().map(([name, value]) => [name, hex(value)]),
          ),
        }
      : {}),
    ...(options.memory.length > 0
      ? { memory: options.memory.map((argument) => memoryAt(timeline, argument)) }
      : {}),
    ...(options.translate.length > 0
      ? { translations: options.translate.map((argument) => translationOf(timeline, argument)) }
      : {}),
  };
  process.stdout.write(options.json ? `${JSON.stringify(facts, null, 2)}\n` : text(facts));
}

function registersOf(timeline: Timeline): { [name: string]: string } {
  const { pc, x, sp, pstate } = timeline.registers();
  return {
    pc: hex(pc),
    sp: hex(sp),
    pstate: hex(pstate),
    ...Object.fromEntries(x.map((value, n) => [`x${n}`, hex(value)])),
  };
}

function memoryAt(timeline: Timeline, argument: string) {
  const [, virtual, address, length = '64'] = /^(v:)?([^,]+)(?:,(.+))?$/.exec(argument) ?? [];
  const start = parseAddress('--memory', address ?? argument);
  const count = parseCount('--memory', length);
  if (count > 2 ** 24) throw new UserError(`--memory ${argument}: at most 16 MiB at a time`);
  const { el } = timeline.registers();
  const bytes = virtual
    ? timeline.readVirtual(start, count, el)
    : timeline.readPhysical(Number(start), count);
  return {
    address: hex(start),
    virtual: virtual !== undefined,
    bytes: bytes ? Buffer.from(bytes).toString('hex') : null,
  };
}

function translationOf(timeline: Timeline, argument: string) {
  const va = parseAddress('--translate', argument);
  const { el } = timeline.registers();
  const answer = timeline.translate(va, el);
  if (!answer.ok) {
    const { type, stage, level } = answer.fault;
    return { va: hex(va), el, fault: `${type} fault, stage ${stage}, level ${level}` };
  }
  const { read, write, execute, device } = answer.page;
  return { va: hex(va), el, pa: hex(answer.pa!), read, write, execute, device };
}

type Facts = {
  icount: number;
  timeNs: number;
  cpu: number;
  registers?: { [name: string]: string };
  systemRegisters?: { [name: string]: string };
  memory?: ReturnType<typeof memoryAt>[];
  translations?: ReturnType<typeof translationOf>[];
};

function text({
  icount,
  timeNs,
  cpu,
  registers,
  systemRegisters,
  memory = [],
  translations = [],
}: Facts): string {
  const lines = [`before instruction ${grouped(icount)}, ${formatTime(timeNs)}, CPU ${cpu}`];
  const columns = (values: { [name: string]: string }, width: number, perLine: number) => {
    const cells = Object.entries(values).map(([name, value]) => `${name.padEnd(width)}${value.padStart(18)}`);
    for (let i = 0; i < cells.length; i += perLine) lines.push(cells.slice(i, i + perLine).join('   '));
  };
  if (registers) columns(registers, 6, 3);
  if (systemRegisters) columns(systemRegisters, 18, 2);
  for (const { address, virtual, bytes } of memory) {
    lines.push(`${virtual ? 'virtual' : 'physical'} ${address}:`);
    if (bytes === null) lines.push('  no RAM there');
    else
      for (let i = 0; i < bytes.length; i += 32)
        lines.push(dumpLine(BigInt(address) + BigInt(i / 2), bytes.slice(i, i + 32)));
  }
  for (const { va, el, ...answer } of translations) {
    const said = 'fault' in answer ? answer.fault : `${answer.pa}, ${permissions(answer)}`;
    lines.push(`${va} at EL${el}: ${said}`);
  }
  return `${lines.join('\n')}\n`;
}

const permissions = ({
  read,
  write,
  execute,
  device,
}: {
  read?: boolean;
  write?: boolean;
  execute?: boolean;
  device?: boolean;
}) => `${read ? 'r' : '-'}${write ? 'w' : '-'}${execute ? 'x' : '-'}${device ? ', device memory' : ''}`;

function dumpLine(address: bigint, digits: string): string {
  const bytes = digits.match(/../g) ?? [];
  const printable = bytes.map((byte) => {
    const code = Number.parseInt(byte, 16);
    return code >= 0x20 && code < 0x7f ? String.fromCharCode(code) : '.';
  });
  return `  ${address.toString(16).padStart(12, '0')}  ${bytes.join(' ').padEnd(47)}  ${printable.join('')}`;
}
