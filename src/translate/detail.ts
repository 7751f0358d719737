/** How much is recorded; each level includes the ones before it. Code is generated for one level. */
export const DETAILS = ['none', 'flow', 'memory', 'full'] as const;
export type Detail = (typeof DETAILS)[number];

export const records = (detail: Detail, level: Detail): boolean =>
  DETAILS.indexOf(detail) >= DETAILS.indexOf(level);
