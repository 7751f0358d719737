import { expect, test } from 'vitest';
import type { Until } from '../../src/trace/flight_recorder.ts';
import { ProgressLine } from '../../src/trace/progress_line.ts';

/** A line whose clock and stream are the test's own. */
function lineOn(isTTY: boolean, until: Until = {}, sharesTerminal = isTTY) {
  const written: string[] = [];
  const clock = { ms: 0, committed: { bytes: 0, icount: 0 } };
  const line = new ProgressLine({
    stream: { isTTY, write: (text: string) => written.push(text) },
    sharesTerminal,
    until,
    committed: () => clock.committed,
    now: () => clock.ms,
  });
  const at = (ms: number, icount: number, bytes: number, timeNs = icount) => {
    Object.assign(clock, { ms, committed: { bytes, icount: bytes === 0 ? 0 : icount } });
    line.update({ icount, timeNs });
    return written.at(-1);
  };
  return { line, written, at };
}
const CLEAR = '\r\x1b[K';
const type = (line: ProgressLine, text: string) => {
  for (const byte of Buffer.from(text)) line.printing(byte);
};

test('a terminal shows instructions, speed since the last time, bytes an instruction, size and guest time, redrawn in place', () => {
  const { at, written } = lineOn(true);
  at(100, 1e6, 0);
  expect(written).toEqual([]);
  expect(at(1000, 200e6, 4e6)).toBe(
    `${CLEAR}200,000,000 instructions, 200.0 million/s, 0.0200 B/instr, 3.8 MiB on disk, 200.0 ms of guest time`,
  );
  expect(at(2000, 250e6, 5e6)).toContain(`${CLEAR}250,000,000 instructions, 50.0 million/s, 0.0200 B/instr`);
});

test('the time left is that of the first limit at the present speed; there is none without a limit, or where nothing moves', () => {
  expect(lineOn(true, { icount: 1000e6 }).at(1000, 100e6, 1)).toMatch(/, 9 s left$/);
  // One second of guest time in each second, 3 s wanted: before the instructions are reached.
  expect(lineOn(true, { icount: 1000e6, timeNs: 3e9 }).at(1000, 100e6, 1, 1e9)).toMatch(/, 2 s left$/);
  const waiting = lineOn(true, { icount: 1000e6 });
  waiting.at(1000, 100e6, 1);
  expect(waiting.at(2000, 100e6, 1)).not.toContain('left');
  expect(lineOn(true, { console: 'login:' }).at(1000, 100e6, 1)).not.toContain('left');
});

test('where standard error is no terminal a whole line comes every ten seconds, without control characters', () => {
  const { at, written, line } = lineOn(false, { icount: 1000e6 });
  for (let second = 1; second <= 25; second++) at(second * 1000, second * 10e6, second * 1e5);
  line.clear();
  expect(written).toEqual([
    '100,000,000 instructions, 10.0 million/s, 0.0100 B/instr, 976.6 KiB on disk, 100.0 ms of guest time, 90 s left\n',
    '200,000,000 instructions, 10.0 million/s, 0.0100 B/instr, 1.9 MiB on disk, 200.0 ms of guest time, 80 s left\n',
  ]);
});

test('it goes away before the guest prints on the same terminal, and never overwrites a line that the guest has begun', () => {
  const { at, written, line } = lineOn(true);
  at(1000, 1e6, 0);
  type(line, 'Boot');
  expect(written.at(-1)).toBe(CLEAR);
  const before = written.length;
  at(2000, 2e6, 0);
  expect(written.length).toBe(before);
  type(line, 'ing\n');
  at(3000, 3e6, 0);
  expect(written.at(-1)).toContain('3,000,000 instructions');
});

test('a guest that prints into a file does not disturb the line on the terminal', () => {
  const { at, written, line } = lineOn(true, {}, false);
  at(1000, 1e6, 0);
  type(line, 'no newline');
  at(2000, 2e6, 0);
  expect(written.map((text) => text.slice(CLEAR.length, CLEAR.length + 9))).toEqual([
    '1,000,000',
    '2,000,000',
  ]);
});
