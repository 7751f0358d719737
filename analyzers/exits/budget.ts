/** Budgets: what a build's tests may spend on exits. */
import { readInputFile } from '../../src/machine/input_file.ts';
import { UserError } from '../../src/user-error.ts';

/** Limits by `REASON` or `REASON sub_reason`; a limit that is absent does not count. */
export interface Budget {
  readonly [reason: string]: { readonly exits?: number; readonly cost?: number };
}

export interface Spent {
  readonly reason: string;
  readonly sub_reason: string;
  readonly exits: number;
  readonly cost: number;
}

export function readBudget(path: string): Budget {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder().decode(readInputFile(path)));
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${path}: ${(error as Error).message}`);
  }
  const isLimit = (value: unknown) => value === undefined || (typeof value === 'number' && value >= 0);
  const isBudget = (value: unknown): value is Budget =>
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every(
      (limits) => typeof limits === 'object' && limits && isLimit(limits.exits) && isLimit(limits.cost),
    );
  if (!isBudget(parsed)) throw new UserError(`${path}: write {"REASON": {"exits": N, "cost": N}, …}`);
  return parsed;
}

/** One line for each limit that is exceeded. */
export function exceeded(budget: Budget, spent: readonly Spent[]): string[] {
  return Object.entries(budget).flatMap(([name, limits]) => {
    const rows = spent.filter(
      ({ reason, sub_reason }) => name === reason || name === `${reason} ${sub_reason}`,
    );
    return (['exits', 'cost'] as const).flatMap((what) => {
      const total = rows.reduce((sum, row) => sum + row[what], 0);
      const limit = limits[what];
      return limit !== undefined && total > limit
        ? [`${name}: ${what} ${total}, the budget is ${limit}`]
        : [];
    });
  });
}

/** The budget that a ledger just meets. */
export function budgetOf(spent: readonly Spent[]): Budget {
  const budget: { [reason: string]: { exits: number; cost: number } } = {};
  for (const { reason, exits, cost } of spent) {
    budget[reason] ??= { exits: 0, cost: 0 };
    budget[reason].exits += exits;
    budget[reason].cost += cost;
  }
  return budget;
}
