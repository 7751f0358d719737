/** hindsight info REC: what is in it, how long, how it ended, is it whole. */
import type { Command } from 'commander';
import { formatSize, formatTime, grouped } from '../quantities.ts';
import { directorySize } from '../trace/directory_size.ts';
import { openRecording, type Recording } from '../trace/recording.ts';
import { TABLES, type TableName } from '../trace/schema.ts';

export default function addInfo(program: Command): void {
  program
    .command('info')
    .summary('what a recording holds, how it ended, whether it is whole')
    .argument('<recording>')
    .option('--json', 'as JSON')
    .action((path: string, { json }: { json?: true }) => {
      const recording = openRecording(path);
      const facts = factsOf(recording);
      process.stdout.write(json ? `${JSON.stringify(facts, null, 2)}\n` : text(facts));
      recording.close();
    });
}

function factsOf(recording: Recording) {
  const { facts, host } = recording;
  const tables = (Object.keys(TABLES) as TableName[]).map((table) => ({
    table,
    rows: recording.rowCount(table),
    bytes: recording.segments(table).reduce((sum, { bytes }) => sum + bytes, 0),
  }));
  return {
    recording: recording.directory,
    whole: recording.incomplete === undefined,
    missing: recording.incomplete ?? null,
    ended: facts.reason ?? null,
    firstInstruction: recording.epochs[0]?.firstIcount ?? 0,
    instructions: recording.instructions - (recording.epochs[0]?.firstIcount ?? 0),
    timeNs: recording.epochs.at(-1)?.endTimeNs ?? 0,
    bytes: directorySize(recording.directory),
    epochs: recording.epochs.length,
    recipe: facts.recipe,
    images: facts.images,
    tables: tables.filter(({ rows }) => rows > 0),
    host: host ?? null,
  };
}

/** A list by its parts, a drive as `--drive` has it. */
function recipeText(value: unknown): string {
  if (Array.isArray(value)) return value.map(recipeText).join(' ');
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([key, part]) => (key === 'file' ? part : `${key}=${part}`))
    .join(',');
}

function text(facts: ReturnType<typeof factsOf>): string {
  const perInstruction =
    facts.instructions > 0 ? ` (${(facts.bytes / facts.instructions).toFixed(3)} bytes an instruction)` : '';
  const lines = [
    `${facts.recording}: ${grouped(facts.instructions)} instructions, ${formatTime(facts.timeNs)} of guest time, ${formatSize(facts.bytes)}${perInstruction}`,
    ...(facts.firstInstruction > 0
      ? [`a window: the first is instruction ${grouped(facts.firstInstruction)}`]
      : []),
    facts.whole ? `whole; ended: ${facts.ended}` : `not whole: ${facts.missing}`,
    ...Object.entries(facts.recipe).map(([name, value]) => `  ${name.padEnd(12)} ${recipeText(value)}`),
    ...Object.entries(facts.images).map(([name, digest]) => `  ${name}: sha256 ${digest.slice(0, 16)}…`),
    '',
    `${'table'.padEnd(16)}${'rows'.padStart(14)}${'on disk'.padStart(12)}`,
    ...facts.tables.map(
      ({ table, rows, bytes }) =>
        `${table.padEnd(16)}${grouped(rows).padStart(14)}${formatSize(bytes).padStart(12)}`,
    ),
  ];
  return `${lines.join('\n')}\n`;
}
