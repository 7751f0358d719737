/** What programs and notebooks use of Hindsight. */
export { DEFAULT_RECIPE, type Recipe } from './machine/recipe.ts';
export { Timeline } from './replay/timeline.ts';
export { open } from './sql/open.ts';
export type { Row, Session } from './sql/session.ts';
export { type RecordOptions, type RecordSummary, record } from './trace/flight_recorder.ts';
export { openRecording, type Recording } from './trace/recording.ts';
export { UserError } from './user-error.ts';
