/**
 * QEMU's clock and interrupt boundaries, by experiment: runs the probes of probes/ and compares each with what its source
 * declares. The rule that follows from them is docs/qemu-time.md.
 *
 *     npm run conformance:time
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { assembleImage, collectReference, type ReferenceState } from './qemu/reference.ts';

const probes = fileURLToPath(new URL('./probes/', import.meta.url));

export interface ProbeResult {
  readonly name: string;
  /** What was measured, in the words of the probe's declaration. */
  readonly found: string;
  readonly declared: string;
}

async function run(file: string): Promise<{ source: string; states: ReferenceState[] }> {
  const path = `${probes}${file}`;
  const image = assembleImage(path, [`${probes}probe.h`]);
  // A 1 GHz counter: CNTPCT is virtual time in ns, to the instruction.
  const machine = { kernel: image, gic: 3, ramMiB: 256, cpu: 'cortex-a57,cntfrq=1000000000' } as const;
  const { states } = await collectReference(machine, { count: 20000, deadline: 20 });
  return { source: readFileSync(path, 'utf8'), states };
}

/** The declarations of a macro in the source, in order, which is the order of execution. */
function declarations(source: string, macro: string): { name: string; declared: string }[] {
  const lines = source.matchAll(new RegExp(`^\\s*${macro} (\\w+), ([^/\\n]*?)(?:, at=.*)?$`, 'gm'));
  return [...lines].map((match) => ({ name: match[1], declared: match[2].trim() }));
}

function pair(
  file: string,
  source: string,
  macro: string,
  found: string[],
  states: ReferenceState[],
): ProbeResult[] {
  const declared = declarations(source, macro);
  if (declared.length !== found.length) {
    const last = states.at(-1)?.pc.toString(16);
    throw new Error(`${file}: ${declared.length} probes declared, ${found.length} ran; last pc ${last}`);
  }
  return declared.map((probe, i) => ({ ...probe, found: found[i] }));
}

/** `MRS Xt, CNTPCT_EL0` with x25 and x26: the brackets of a counting probe. */
const BEGIN = 0xd53be039;
const END = 0xd53be03a;

/** Instructions attempted that the clock did not count, for each `begin … end` of exceptions.S. */
export async function countingProbes(): Promise<ProbeResult[]> {
  const file = 'exceptions.S';
  const { source, states } = await run(file);
  const found: string[] = [];
  let start = -1;
  states.forEach((state, i) => {
    if (state.opcode === BEGIN) start = i;
    if (state.opcode !== END || start < 0 || i + 1 >= states.length) return;
    const elapsed = Number(states[i + 1].x[26] - states[i + 1].x[25]);
    found.push(`uncounted=${i - start - elapsed}`);
    start = -1;
  });
  return pair(file, source, 'begin', found, states);
}

/** `MOVZ X27, #n`: the end of an interrupt probe. */
const isMark = (opcode: number) => (opcode & 0xffe0001f) >>> 0 === 0xd280001b;

/** When each interrupt of timers.S was entered, against its deadline, and where it returns to. */
export async function boundaryProbes(): Promise<ProbeResult[]> {
  const file = 'timers.S';
  const { source, states } = await run(file);
  const declared = declarations(source, 'taken');
  const marks = states.filter((state) => isMark(state.opcode));
  const found = marks.map((state, i) => {
    const late = declared[i]?.declared.startsWith('late=none') ? 'none' : BigInt.asIntN(64, state.x[23]);
    return `late=${late}, place=${BigInt.asIntN(64, state.x[21])}`;
  });
  return pair(file, source, 'taken', found, states);
}

if (import.meta.main) {
  const results = [...(await countingProbes()), ...(await boundaryProbes())];
  for (const { name, found, declared } of results)
    console.log(
      `${name.padEnd(34)} ${found.padEnd(20)} ${found === declared ? 'ok' : `WRONG, declared ${declared}`}`,
    );
  const wrong = results.filter(({ found, declared }) => found !== declared).length;
  console.log(`${results.length} probes, ${wrong} wrong`);
  process.exitCode = wrong ? 1 : 0;
}
