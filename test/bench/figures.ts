/** The figures that issues 4 and 5 ask for: what was measured, and whether it is enough. */
import { against, againstTrace, bytesAnInstruction, hostBytes, type Measurement } from './rounds.ts';
import { geometricMean, median } from './statistics.ts';

export interface Figure {
  readonly figure: string;
  /** undefined: not measured. */
  readonly value: number | undefined;
  /** Whether more or less is better. */
  readonly better: 'more' | 'less';
  /** What is asked for; a figure without one is there to be read. */
  readonly floor?: number;
  readonly aim?: number;
}

/** undefined where there is no floor, or no value. */
export function met({ value, better, floor }: Figure): boolean | undefined {
  if (value === undefined || floor === undefined) return undefined;
  return better === 'more' ? value >= floor : value <= floor;
}

/** What is known of each: undefined if nothing is. */
const known = (values: readonly (number | undefined)[]): number[] | undefined => {
  const numbers = values.filter((value) => value !== undefined);
  return numbers.length === 0 ? undefined : numbers;
};

/** Issue 4's table, from the workloads that were measured; `all` says whether these are all that there are. */
export function workloadFigures(workloads: ReadonlyMap<string, Measurement>, all: boolean): Figure[] {
  const measurements = [...workloads.values()];
  const mix = workloads.get('integer-mix');
  const of = (value: (measurement: Measurement) => number | undefined) => mix && value(mix);
  const each = (value: (measurement: Measurement) => number | undefined) => known(measurements.map(value));
  const mean = (value: (measurement: Measurement) => number | undefined) => {
    const values = each(value);
    return values && geometricMean(values);
  };
  const which = all ? 'all' : `${workloads.size}`;
  const untraced = each((m) => against(m, 'untraced', 'qemu'));
  const peaks = each((m) => {
    const values = [...m.subjects].filter(([, { records }]) => records).map(([name]) => hostBytes(m, name));
    const numbers = known(values);
    return numbers && Math.max(...numbers) / 1e6;
  });
  const startUp = measurements.flatMap(({ subjects }) => subjects.get('memory')?.startUp ?? []);
  return [
    {
      ...{ figure: 'untraced, integer-mix, × QEMU', better: 'more', floor: 1.4, aim: 2 },
      value: of((m) => against(m, 'untraced', 'qemu')),
    },
    {
      ...{ figure: `untraced, geometric mean (${which}), × QEMU`, better: 'more', floor: 1, aim: 1.5 },
      value: untraced && geometricMean(untraced),
    },
    {
      ...{ figure: `untraced, slowest workload (${which}), × QEMU`, better: 'more', floor: 0.6 },
      value: untraced && Math.min(...untraced),
    },
    {
      ...{ figure: 'flow to disk, integer-mix, × QEMU untraced', better: 'more', floor: 0.9, aim: 1.3 },
      value: of((m) => against(m, 'flow', 'qemu')),
    },
    {
      ...{ figure: 'memory to disk, integer-mix, × QEMU untraced', better: 'more', floor: 0.35, aim: 0.6 },
      value: of((m) => against(m, 'memory', 'qemu')),
    },
    {
      ...{ figure: 'flow to disk, integer-mix, × QEMU -d exec', better: 'more', floor: 300 },
      value: of((m) => againstTrace(m, 'flow')),
    },
    {
      ...{ figure: 'flow, integer-mix, B/instr', better: 'less', floor: 0.015, aim: 0.008 },
      value: of((m) => bytesAnInstruction(m, 'flow')),
    },
    {
      ...{ figure: 'memory, integer-mix, B/instr', better: 'less', floor: 0.2, aim: 0.1 },
      value: of((m) => bytesAnInstruction(m, 'memory')),
    },
    {
      ...{ figure: `flow, geometric mean (${which}), B/instr`, better: 'less', floor: 0.05 },
      value: mean((m) => bytesAnInstruction(m, 'flow')),
    },
    {
      ...{ figure: `memory, geometric mean (${which}), B/instr`, better: 'less', floor: 0.6 },
      value: mean((m) => bytesAnInstruction(m, 'memory')),
    },
    {
      ...{ figure: 'host memory beyond the guest’s, worst, MB', better: 'less', floor: 400 },
      value: peaks && Math.max(...peaks),
    },
    {
      ...{ figure: 'record hello, whole process, s', better: 'less', floor: 0.6, aim: 0.3 },
      value: startUp.length === 0 ? undefined : median(startUp),
    },
    {
      ...{ figure: 'untraced, integer-mix, × QEMU -icount', better: 'more' },
      value: of((m) => against(m, 'untraced', 'qemu-icount')),
    },
    {
      ...{ figure: `untraced, geometric mean (${which}), × QEMU -icount`, better: 'more' },
      value: mean((m) => against(m, 'untraced', 'qemu-icount')),
    },
    {
      ...{ figure: `flow, geometric mean (${which}), × QEMU untraced`, better: 'more' },
      value: mean((m) => against(m, 'flow', 'qemu')),
    },
    {
      ...{ figure: `memory, geometric mean (${which}), × QEMU untraced`, better: 'more' },
      value: mean((m) => against(m, 'memory', 'qemu')),
    },
    {
      ...{ figure: `flow, geometric mean (${which}), × QEMU -d exec`, better: 'more' },
      value: mean((m) => againstTrace(m, 'flow')),
    },
  ];
}

/** The figures as lines: measured, floor, aim, and whether the floor is met. */
export function figureLines(figures: readonly Figure[]): string[] {
  const number = (value: number | undefined) =>
    value === undefined ? '' : String(Number(value.toPrecision(3)));
  const line = (cells: readonly string[]) =>
    `${cells[0].padEnd(54)}${cells
      .slice(1)
      .map((cell) => cell.padStart(10))
      .join('')}`.trimEnd();
  return [
    line(['figure', 'measured', 'floor', 'aim', 'met']),
    ...figures.map((figure) => {
      const { value, better, floor, aim } = figure;
      const sign = better === 'more' ? '≥ ' : '≤ ';
      const verdict = { true: 'yes', false: 'NO', undefined: floor === undefined ? '' : '-' }[
        String(met(figure))
      ]!;
      return line([
        figure.figure,
        number(value),
        floor === undefined ? '' : sign + number(floor),
        aim === undefined ? '' : sign + number(aim),
        verdict,
      ]);
    }),
  ];
}
