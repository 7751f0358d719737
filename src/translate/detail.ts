/** How much is recorded; each level includes the ones before it. Code is generated for one level. */
export const DETAILS = ['none', 'flow', 'memory', 'full'] as const;
export type Detail = (typeof DETAILS)[number];

const RANKS = Object.fromEntries(DETAILS.map((detail, rank) => [detail, rank])) as Record<Detail, number>;
export const records = (detail: Detail, level: Detail): boolean => RANKS[detail] >= RANKS[level];
